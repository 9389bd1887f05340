from __future__ import annotations

import random

import pytest

from compa.manifest import NEGATIVE_KINDS, POSITIVE_LEVELS
from negatives import levels
from negatives.checks.consistency import is_equivalent
from negatives.kinds import (
    Propose,
    absence,
    attribute_change,
    attribute_swap,
    available,
    binding,
    count,
    order,
    relation,
    replacement,
)
from negatives.levels import paraphrase, sub_scene

ORDER = {
    "A dog barks, then a man speaks": "A man speaks, then a dog barks",
    "A dog barks and then a man speaks.": "A man speaks and then a dog barks.",
    "A man speaks followed by a dog barking": "A dog barks followed by a man speaking",
    "Speech followed by clanking": "Clanking followed by speech",
    "A man is speaking followed by birds chirping": "Birds chirp followed by a man speaking",
    "People talk before a siren wails": "A siren wails before people talk",
    "A bell rings after children laugh": "Children laugh after a bell rings",
    "A door closes, after which men and women talk": "Men and women talk, after which a door closes",
    "Loud music preceded by a brief beep": "A brief beep preceded by loud music",
    "Water pouring prior to fast male speech": "Fast male speech prior to water pouring",
    "A car accelerates and then skids": "A car skids and then accelerates",
    "Birds chirp then fly away": "Birds fly away then chirp",
    "TV static then a beep": "A beep then TV static",
    "Footsteps and then a door is slammed": "A door is slammed and then footsteps",  # footsteps have no finite form
}
ORDER_REFUSED = [
    "A dog barks",
    "A dog barks while a man speaks",  # at once: the other order says the same
    "A dog barks, then a man speaks, then a dog growls and barks",  # the third has nothing of its own
    "A dog barks as a man speaks followed by laughter",
    "A woman talks, then she laughs",
    "A dog barks, then another dog barks",
    "A man speaks, then a man speaks loudly",  # the first clause has nothing of its own
    "A car passes, then the car honks",
    "A car revs and a man speaks and then laughs",  # who laughs?
    "A man speaking then playing music",
    "A man speaks, then continues to speak",
    "Walking sounds are followed by flapping",
    "A dog barks, a bell rings, and then a man speaks",
    "A gizmo then a widget",  # nothing sounds
    "Then a dog barks",
    "A dog barks then",
    "then",
    "",
]
RELATION = {
    "A dog barks then a man speaks": {"A dog barks while a man speaks", "A dog barks as a man speaks"},
    "A man speaks followed by dogs barking": {"A man speaks while dogs bark", "A man speaks as dogs bark"},
    "A man talks and then laughs": {"A man talks while laughing"},
    "Rain falls as people talk": {
        "Rain falls then people talk",
        "Rain falls, and then people talk",
        "Rain falls followed by people talking",
    },
    "Plastic crinkling while a woman is talking.": {
        "Plastic crinkling then a woman is talking.",
        "Plastic crinkling, and then a woman is talking.",
        "Plastic crinkling followed by a woman talking.",
    },
}
RELATION_REFUSED = [
    "A man speaks while cutting wood",
    "A dog barks as well",
    "A dog barks as it runs",
    "A man speaks, then an engine starts",  # the man may go on speaking
    "A man speaks followed by a loud bang",
    "An engine revs then idles",  # no engine does both at once
    "A helicopter hovers as a cat mewls",
]
ATTRIBUTES = {
    "A man speaks loudly and a dog barks softly": ["A man speaks softly and a dog barks loudly"],
    "A soft beep followed by a bell ringing loudly": ["A loud beep followed by a bell ringing softly"],
    "A person talks nearby as birds chirp in the distance": ["A person talks in the distance as birds chirp nearby"],
    "A nearby dog barks and distant sirens wail": ["A distant dog barks and nearby sirens wail"],
    "Brief speech and continuous rustling": ["Continuous speech and brief rustling"],
    "A man speaks while birds chirp in background": ["A man speaks in background while birds chirp"],
    "Music plays in the background and a man speaks": ["Music plays and a man speaks in the background"],
    "A loud man speaks nearby and a quiet dog barks in the distance": [
        "A quiet man speaks nearby and a loud dog barks in the distance",
        "A loud man speaks in the distance and a quiet dog barks nearby",
    ],
}
ATTRIBUTES_REFUSED = [
    "A man speaks loudly and a dog barks",  # the dog may be loud too
    "A man speaks loudly and a dog barks loudly",
    "A man speaks quietly and a dog barks softly",
    "A man speaks loudly and a dog barks in the distance",
    "Loud and soft splashes",
    "A siren gets loud and a dog barks softly",
    "Birds chirp and people talk in the background",  # both may be
    "A man speaks in the background as birds chirp in the background",
    "A man speaks as birds chirp in the background then stop",
]


@pytest.fixture
def rng() -> random.Random:
    return random.Random(0)


def test_a_kind_is_found_by_the_name_of_its_module() -> None:
    assert set(available()) == set(NEGATIVE_KINDS)
    assert available()["attribute-swap"] is attribute_swap.propose
    assert set(levels.available()) <= set(POSITIVE_LEVELS)


@pytest.mark.parametrize(("caption", "expected"), ORDER.items())
def test_order(caption: str, expected: str, rng: random.Random) -> None:
    assert order.propose(caption, rng) == [expected]


@pytest.mark.parametrize("caption", ORDER_REFUSED)
def test_order_refuses(caption: str, rng: random.Random) -> None:
    assert order.propose(caption, rng) == []


@pytest.mark.parametrize(("caption", "expected"), RELATION.items())
def test_relation_in_every_wording(caption: str, expected: set[str]) -> None:
    assert {text for seed in range(40) for text in relation.propose(caption, random.Random(seed))} == expected


@pytest.mark.parametrize("caption", RELATION_REFUSED)
def test_relation_refuses(caption: str, rng: random.Random) -> None:
    assert relation.propose(caption, rng) == []


@pytest.mark.parametrize(("caption", "expected"), ATTRIBUTES.items())
def test_attribute_swap(caption: str, expected: list[str], rng: random.Random) -> None:
    assert attribute_swap.propose(caption, rng) == expected


@pytest.mark.parametrize("caption", ATTRIBUTES_REFUSED)
def test_attribute_swap_refuses(caption: str, rng: random.Random) -> None:
    assert attribute_swap.propose(caption, rng) == []


@pytest.mark.parametrize("caption", ORDER)
def test_order_twice_says_the_same_again(caption: str, rng: random.Random) -> None:
    [negative] = order.propose(caption, rng)
    [again] = order.propose(negative, rng)
    assert is_equivalent(again, caption)
    assert not is_equivalent(negative, caption)


def every(propose: Propose, caption: str) -> set[str]:
    return {text for seed in range(60) for text in propose(caption, random.Random(seed))}


def test_of_several_clauses_any_two_neighbours_in_sequence_change_places() -> None:
    assert every(order.propose, "A dog barks, then a man speaks, then a bell rings") == {
        "A man speaks, then a dog barks, then a bell rings",
        "A dog barks, then a bell rings, then a man speaks",
    }
    assert every(relation.propose, "Birds chirp as a man speaks then a bell rings") == {
        "Birds chirp followed by a man speaking then a bell rings",
        "Birds chirp, and then a man speaks then a bell rings",
    }


CHANGES: list[tuple[Propose, str, set[str]]] = [
    (binding.propose, "A baby cries while a woman laughs", {"A woman cries while a baby laughs"}),
    (binding.propose, "A baby is crying and two women speak", {"Two women are crying and a baby speaks"}),
    (binding.propose, "A man speaks while a woman talks", set()),  # the same
    (binding.propose, "A person laughs while a man speaks", set()),  # he may be that person
    (binding.propose, "A dog barks while a man speaks", set()),  # no man barks
    (binding.propose, "People laugh while men speak", set()),
    (absence.propose, "An engine idles without music", {"An engine idles with music"}),
    (
        absence.propose,
        "A dog barks as a man speaks",
        {
            "A dog barks without a man speaking",
            "A dog barks with no man speaking",
            "A man speaks without a dog barking",
            "A man speaks with no dog barking",
        },
    ),
    (absence.propose, "Race cars skidding and passing by", set()),
    (
        count.propose,
        "Three dogs growl nearby",
        {"Two dogs growl nearby", "Four dogs growl nearby"} | {"One dog growls nearby", "A single dog growls nearby"},
    ),
    (count.propose, "A dog barks twice and another answers", set()),
    (count.propose, "Somebody knocks several times", {"Somebody knocks once", "Somebody knocks twice"}),
    (replacement.propose, "A horse runs", {"A donkey runs"}),  # as a donkey does; no pig stands in for it
    (replacement.propose, "He speaks into a radio", {"He sings into a radio", "He laughs into a radio"}),
    (attribute_change.propose, "A loud bang", {"A quiet bang", "A soft bang", "A faint bang"}),
    (attribute_change.propose, "A loud bang, then a soft one", set()),
    (attribute_change.propose, "A siren gets loud", set()),
    (attribute_change.propose, "A light turns on", set()),
    (attribute_change.propose, "Nearby speech", {"Distant speech"}),
    (
        attribute_change.propose,
        "A man speaks nearby",
        {"A man speaks in the distance", "A man speaks in the background", "A man speaks far away"},
    ),
    (sub_scene.propose, "A dog barks, then a siren wails", {"A dog barks", "A siren wails"}),
    (sub_scene.propose, "A car revs and then skids", {"A car revs", "A car skids"}),
    (sub_scene.propose, "A dog barks", set()),
]


@pytest.mark.parametrize(("propose", "caption", "expected"), CHANGES)
def test_all_that_is_ever_made_of_a_caption(propose: Propose, caption: str, expected: set[str]) -> None:
    assert every(propose, caption) == expected


def test_a_source_changes_with_its_voice_everywhere() -> None:
    texts = every(replacement.propose, "A dog barks and dogs growl")
    assert "A cat meows and dogs growl" not in texts
    assert {text for text in every(replacement.propose, "The dog barks") if "cat" in text} == {"The cat meows"}


def test_every_replacement_can_be_undone() -> None:
    for caption in ("A man speaks", "A pigeon coos", "An engine idles", "A door closes", "Male speech"):
        for text in every(replacement.propose, caption):
            assert caption in every(replacement.propose, text), (caption, text)


def test_paraphrases_keep_the_order_of_events_whatever_is_mentioned_first() -> None:
    texts = every(paraphrase.propose, "A dog barks, then a man speaks")
    retold = {text for text in texts if "speak" in text}
    assert "A man speaks after a dog barks" in retold
    assert "A man speaking preceded by a dog barking" in retold
    assert all(is_equivalent(text, "A dog barks, then a man speaks") for text in retold)
    assert "A dog barks, then a man talks" in texts
