from __future__ import annotations

import random

import pytest

from negatives.checks import is_equivalent
from negatives.kinds import attribute_swap, available, order, relation

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
}
ORDER_REFUSED = [
    "A dog barks",
    "A dog barks while a man speaks",  # at once: the other order says the same
    "A dog barks, then a man speaks, then a bell rings",
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
    assert available() == {
        "attribute-swap": attribute_swap.propose,
        "order": order.propose,
        "relation": relation.propose,
    }


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
