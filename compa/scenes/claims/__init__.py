"""Claims: small trees over labels that are true, false or unclear of a timeline of events.

Intervals and levels of what was really rendered decide truth, never words. A label may occur several times, so a claim
is about the existence of events: `Then("dog", "siren")` is true when some dog ends before some siren starts.
`Then` and `While` take parts of any depth: `Then(While("dog", Sound("rain", loudness="loud")), Count("bell", 3))`.
"""

from compa.scenes.claims.claim import Claim, EventPattern, Has, Part
from compa.scenes.claims.count import Absent, Count
from compa.scenes.claims.louder import Louder
from compa.scenes.claims.relation import Relation, Then, While
from compa.scenes.claims.sound import Sound
from compa.scenes.claims.text import All, parse
from compa.scenes.truth import Truth

__all__ = [
    "Absent",
    "All",
    "Claim",
    "Count",
    "EventPattern",
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
