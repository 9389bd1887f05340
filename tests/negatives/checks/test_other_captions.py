from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from compa.manifest import Clip, Positive
from negatives.checks.other_captions import LEFT_OPEN, NOTHING_NEW, SAID, OtherCaptions
from negatives.generator import Candidate, Request
from negatives.pipeline import Tally, add_negatives
from negatives.rules import Rules

CASES = Path(__file__).parents[4] / "shared" / "cases" / "several_captions.jsonl"


@pytest.mark.parametrize(
    ("kind", "candidate", "caption", "others", "reason"),
    [
        # words and inflections
        ("replacement", "A cat meows", "A dog barks", ["A cat meowing"], SAID),
        ("replacement", "Cats meow", "Dogs bark", ["A man speaks as a cat purrs"], SAID),
        ("replacement", "A cat meows", "A dog barks", ["A goat bleats"], None),
        ("replacement", "A cat meows", "A dog barks", ["A dog barking", "Barking"], None),
        ("replacement", "A cat meows", "A dog barks", [], None),
        ("replacement", "Wood scrapes on a surface", "Metal scrapes on a surface", ["Filing of wood"], SAID),
        # synonyms
        ("replacement", "A man laughs", "A man speaks", ["A man speaks, then laughter"], SAID),
        ("replacement", "A man shouts", "A man whispers", ["A guy yells"], SAID),
        ("replacement", "A plane flies", "A helicopter flies", ["An airplane is flying"], SAID),
        # what a caption denies is not there
        ("replacement", "A cat meows", "A dog barks", ["A dog barks without a cat"], None),
        ("absence", "An engine idles with music", "An engine idles without music", ["Music plays"], SAID),
        # special cases and general words
        ("replacement", "An animal barks", "A man barks", ["A dog barks"], SAID),
        ("replacement", "A vehicle passes", "A horse passes", ["A car drives by"], SAID),
        ("replacement", "A woman talks", "A man talks", ["People talk outdoors"], LEFT_OPEN),
        ("replacement", "A woman talks", "A man talks", ["A person talks"], None),  # that is the man
        ("replacement", "A woman talks", "A man and a boy talk", ["People talk outdoors"], None),
        ("replacement", "A cat meows", "A dog barks", ["An animal makes noise"], None),  # that is the dog
        ("replacement", "A cat meows", "A dog barks", ["Animals make noise"], LEFT_OPEN),
        ("replacement", "A cat meows", "Dogs bark", ["Animals make noise"], None),
        ("replacement", "An animal barks", "A dog barks", [], NOTHING_NEW),
        ("replacement", "A vehicle passes by", "A car passes by", ["An engine runs"], NOTHING_NEW),
        # genders
        ("replacement", "A woman talks", "A man talks", ["Female speech"], LEFT_OPEN),
        ("replacement", "A woman talks", "A man talks", ["Someone clears her throat"], LEFT_OPEN),
        ("attribute-change", "Female speech", "Male speech", ["A woman talks"], SAID),
        ("attribute-change", "Female speech", "Male speech", ["A man talks"], None),
        # attributes
        ("attribute-change", "A quiet bang", "A loud bang", ["A soft bang"], SAID),
        ("attribute-change", "A quiet bang", "A loud bang", ["Something bangs softly"], SAID),
        ("attribute-change", "A quiet bang", "A loud bang", ["Soft music"], None),
        ("attribute-change", "A soft bang", "A loud bang", ["Soft music and a bang"], SAID),  # said, if of the music
        ("attribute-change", "A bird sings nearby", "A bird sings far away", ["Birds sing close by"], SAID),
        # numbers
        ("count", "Two dogs bark", "A dog barks", ["Dogs bark"], SAID),
        ("count", "Two dogs bark", "A dog barks", ["Three dogs bark"], None),
        ("count", "Three dogs bark", "Two dogs bark", ["Dogs bark"], None),  # these are the two
        ("count", "Three dogs bark", "Two dogs bark", ["Several dogs bark"], SAID),
        ("count", "One dog barks", "Several dogs bark", ["A dog barks"], SAID),
        ("count", "Two women talk", "A woman talks", ["Two people talk"], SAID),
        ("count", "Two women talk", "A woman talks", ["A crowd of people claps"], None),
        ("count", "A bell rings twice", "A bell rings once", ["Something rings two times"], SAID),
        ("count", "Two dogs bark", "A dog barks", ["A dog barks", "Two cats meow"], None),
        # who does what
        ("binding", "A woman cries while a baby laughs", "A baby cries while a woman laughs", ["A baby laughs"], SAID),
        ("binding", "A woman cries while a baby laughs", "A baby cries while a woman laughs", ["A baby cries"], None),
        (
            "attribute-swap",
            "A man speaks in the background while water runs",
            "A man speaks while water runs in the background",
            ["Water runs and a man talks in the distance"],
            SAID,
        ),
        (
            "attribute-swap",
            "A man speaks in the background while water runs",
            "A man speaks while water runs in the background",
            ["Water runs and a man talks"],
            None,
        ),
        # order
        ("order", "A bell rings, then a dog barks", "A dog barks, then a bell rings", ["Ringing before barking"], SAID),
        ("order", "A bell rings, then a dog barks", "A dog barks, then a bell rings", ["Barking before ringing"], None),
        ("order", "A bell rings, then a dog barks", "A dog barks, then a bell rings", ["Ringing and barking"], None),
        ("relation", "A dog barks, then a bell rings", "A dog barks as a bell rings", ["Barking, then ringing"], SAID),
        ("relation", "A dog barks as a bell rings", "A dog barks, then a bell rings", ["Ringing while barking"], SAID),
        ("relation", "A dog barks as a bell rings", "A dog barks, then a bell rings", ["Ringing and barking"], None),
    ],
)
def test_reasons(kind: str, candidate: str, caption: str, others: list[str], reason: str | None) -> None:
    assert OtherCaptions(caption, others).refuse(kind, candidate) == reason


def test_candidates_of_any_generator_are_checked_and_counted() -> None:
    class Model:
        def propose(self, requests: Iterable[Request]) -> Iterator[list[Candidate]]:
            for _ in requests:
                yield [Candidate(text, "replacement", "a model") for text in ("A cat meows", "A goat bleats")]

    tally = Tally()
    positive = Positive("A goat bleats while the dog barks", "paraphrase")
    clip = Clip("x", None, ("A dog barks", "A cat meows with a dog"), positives=(positive,))
    [done] = add_negatives([clip], Model(), ["replacement"], tally=tally)
    assert done.negatives == ()
    assert tally.refused == {("replacement", SAID): 3, ("replacement", NOTHING_NEW): 1}
    [alone] = add_negatives([Clip("x", None, ("A dog barks",))], Model(), ["replacement"])
    assert len(alone.negatives) == 2


@pytest.mark.skipif(not CASES.exists(), reason="needs the shared folder with cases")
def test_shared_cases() -> None:
    for line in CASES.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        clip = Clip(case["id"], None, tuple(case["captions"]))
        for seed in range(20):
            [made] = add_negatives([clip], Rules(), _KINDS, num=20, seed=seed)
            assert not {negative.text for negative in made.negatives} & {*case["forbidden"]}, (case["id"], seed)


_KINDS = ("attribute-change", "count", "replacement", "order", "relation", "binding", "absence", "attribute-swap")
