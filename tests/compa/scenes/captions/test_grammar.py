"""Captions say one thing: an independent reader gets the claim back from the words."""

from __future__ import annotations

import random

import numpy as np
import pytest

from compa.scenes.attributes import default_attributes, words_of
from compa.scenes.captions import render_caption
from compa.scenes.claims import Absent, All, Claim, Count, EventPattern, Has, Louder, Part, Sound, Then, While
from tests.compa.scenes.claim_reader import Reader


def random_leaf(label: str, draw: random.Random) -> Part:
    kind = draw.random()
    if kind < 0.2:
        return Count(label, draw.choice((2, 3, 4)))
    if kind < 0.5:
        names = draw.sample(default_attributes(), draw.choice((1, 1, 2)))
        return Sound(label, **{name: draw.choice(words_of(name)) for name in names})
    return label


def random_figure(leaves: list[Part], draw: random.Random) -> Part:
    if len(leaves) == 1:
        return leaves[0]
    cuts = sorted(draw.sample(range(1, len(leaves)), draw.randint(1, min(2, len(leaves) - 1))))
    parts = [random_figure(leaves[i:j], draw) for i, j in zip([0, *cuts], [*cuts, len(leaves)], strict=True)]
    return draw.choice((Then, While))(*parts)


def deep_figure(leaves: list[Part], draw: random.Random) -> Part:
    """Every relation inside the next."""
    figure, relations = leaves[0], draw.sample((Then, While), 2)
    for number, leaf in enumerate(leaves[1:]):
        figure = relations[number % 2](*draw.sample((figure, leaf), 2))
    return figure


def random_claim(draw: random.Random) -> Claim:
    labels = [f"L{number}" for number in range(7)]
    draw.shuffle(labels)
    if draw.random() < 0.05:
        return draw.choice((Louder(*labels[:2]), Absent(labels[0])))
    leaves = [random_leaf(label, draw) for label in labels[: draw.randint(1, 6)]]
    part = draw.choice((random_figure, random_figure, deep_figure))(leaves, draw)
    claim = part if isinstance(part, EventPattern) else Has(part)
    return All((claim, Absent(labels[6]))) if draw.random() < 0.2 else claim


def depth(part: object) -> int:
    return 1 + max(map(depth, part.parts)) if isinstance(part, Then | While) else 0


def regular(claim: Claim | Part) -> object:
    """The claim with the parts of `While` sorted: any order of them says the same."""
    if isinstance(claim, Then | While):
        parts = [regular(part) for part in claim.parts]
        return (type(claim).__name__, *(sorted(parts, key=repr) if isinstance(claim, While) else parts))
    if isinstance(claim, All):
        return ("All", *map(regular, claim.parts))
    return str(claim)


def test_an_independent_reader_gets_every_claim_back() -> None:
    draw, rng = random.Random(0), np.random.default_rng(0)
    depths = dict.fromkeys(range(6), 0)
    for _ in range(4000):
        claim = random_claim(draw)
        text = render_caption(claim, rng)
        assert regular(Reader(text).claim()) == regular(claim), text
        depths[depth(claim.parts[0] if isinstance(claim, All) else claim)] += 1
    assert min(depths.values()) > 5, depths


def test_no_two_claims_of_the_same_labels_share_a_text() -> None:
    """Exhaustive over the claims of three labels: all ways to say each are kept apart from those of all others."""
    rng = np.random.default_rng(1)
    claims: list[Claim] = []
    for a, b, c in (("La", "Lb", "Lc"), ("La", "Lc", "Lb"), ("Lb", "La", "Lc"), ("Lb", "Lc", "La"),
                    ("Lc", "La", "Lb"), ("Lc", "Lb", "La")):  # fmt: skip
        claims += [Then(a, b, c), While(a, b, c), Then(While(a, b), c), Then(a, While(b, c)), While(Then(a, b), c)]
    said: dict[str, object] = {}
    for claim in claims:
        for _ in range(400):
            assert said.setdefault(render_caption(claim, rng), regular(claim)) == regular(claim)
    assert len(set(said.values())) == 6 + 1 + 3 + 3 + 6
    assert len(said) > 4000


def test_mention_order_is_not_time_order_and_connectives_vary_within_a_caption() -> None:
    rng = np.random.default_rng(0)
    texts = [render_caption(Then("La", "Lb", "Lc", "Ld"), rng) for _ in range(400)]
    forward = sum(text.index("La") < text.index("Ld") for text in texts)
    assert 160 < forward < 240
    assert len(set(texts)) > 380
    joints = [tuple(text[text.index(one) + 2 : text.index(other)] for one, other in (("La", "Lb"), ("Lb", "Lc")))
              for text in texts if text.index("La") < text.index("Ld")]  # fmt: skip
    assert sum(one != other for one, other in joints) > 0.7 * len(joints)


@pytest.mark.parametrize(
    "claim",
    [
        Then("george says three", "jackson says seven"),
        Then(Sound("george says three", loudness="loud", pitch="high"), "lucas says nine"),
    ],
    ids=str,
)
def test_speakers_are_bound_to_what_they_say(claim: Claim) -> None:
    rng = np.random.default_rng(0)
    texts = {render_caption(claim, rng) for _ in range(200)}
    assert len(texts) > 100
    for text in texts:
        assert regular(Reader(text).claim()) == regular(claim), text
    assert render_caption(Sound(speaker="george"), rng) != render_caption(Sound(says="three"), rng)


def test_labels_are_taken_as_they_are() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        text = render_caption(Then("{b}", "{x} {0}", "{y}"), rng)
        assert sorted(text.count(label) for label in ("{b}", "{x} {0}", "{y}")) == [1, 1, 1]


@pytest.mark.parametrize("in_time_order", [True, False])
def test_mention_order_can_be_chosen(in_time_order: bool) -> None:
    rng = np.random.default_rng(0)
    texts = {render_caption(Then("La", While("Lb", "Lc"), "Ld"), rng, in_time_order) for _ in range(200)}
    assert len(texts) > 100
    assert {text.index("La") < text.index("Ld") for text in texts} == {in_time_order}


def test_captions_follow_the_generator() -> None:
    claim = Then("a", Sound("b", pitch="high"))
    texts = {seed: render_caption(claim, np.random.default_rng(seed)) for seed in range(50)}
    assert texts == {seed: render_caption(claim, np.random.default_rng(seed)) for seed in range(50)}
    assert len(set(texts.values())) > 30


def test_a_claim_without_words_is_refused() -> None:
    for claim in (All((Has("a"), Has("b"))), Sound(colour="red"), Sound("a", colour="red")):
        with pytest.raises(ValueError, match="no words for"):
            render_caption(claim, np.random.default_rng(0))
