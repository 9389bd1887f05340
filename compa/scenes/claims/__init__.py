"""Claims: small trees over labels that are true, false or unclear of a timeline of events.

Words never decide truth; intervals and levels of what was really rendered do. A label may sound several times, so
a claim is about the existence of events: `Then("dog", "siren")` is true when some dog ends before some siren starts.
`Then` and `While` take parts of any depth: `Then(While("dog", Sound("rain", loudness="loud")), Count("bell", 3))`.
"""

from compa.scenes.claims.claim import Claim, Figure, Has, Part
from compa.scenes.claims.count import Absent, Count
from compa.scenes.claims.louder import Louder
from compa.scenes.claims.relation import Relation, Then, While
from compa.scenes.claims.sound import Sound
from compa.scenes.claims.text import All, parse
from compa.scenes.claims.truth import (
    CROSS_FADE_SECONDS,
    MIN_LEVEL_DIFFERENCE_DB,
    MIN_OVERLAP_SHARE,
    Truth,
)

__all__ = [
    "CROSS_FADE_SECONDS",
    "MIN_LEVEL_DIFFERENCE_DB",
    "MIN_OVERLAP_SHARE",
    "Absent",
    "All",
    "Claim",
    "Count",
    "Figure",
    "Has",
    "Louder",
    "Part",
    "Relation",
    "Sound",
    "Then",
    "Truth",
    "While",
    "parse",
]
