"""Claims of any depth, against hand-made timelines and against every choice of events on a sampled timeline."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compa.manifest import Event
from compa.scenes.claims import Absent, All, Claim, Count, Has, Louder, Part, Sound, Then, Truth, While, parse

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNCLEAR


def event(label: str, onset: float, offset: float, level_db: float | None = 0.0, **attributes: float | str) -> Event:
    return Event(label, onset, offset, level_db, dict(attributes))


WHILE_A_THEN_B = (event("a", 0, 1), event("b", 1.2, 2.2), event("c", 0.1, 2.1))
C_WITH_A_ONLY = (event("a", 0, 1), event("b", 1.2, 2.2), event("c", 0.1, 0.9))
SOUNDS = (
    event("a", 0, 0.5, 6.0, pitch=5, distance=1.0, speaker="george"),
    event("b", 1, 3.0, -6.0, pitch=-5, distance=20.0, rate=1.5),
    event("c", 3, 4.0, 0.0, pitch=1, distance=5.0),
)


@pytest.mark.parametrize(
    ("claim", "events", "truth"),
    [
        (While(Then("a", "b"), "c"), WHILE_A_THEN_B, T),
        (Then(While("a", "c"), "b"), WHILE_A_THEN_B, F),  # c goes on while b sounds
        (While(Then("a", "b"), "c"), C_WITH_A_ONLY, F),  # the nesting that is lost without parentheses
        (Then(While("a", "c"), "b"), C_WITH_A_ONLY, T),
        (While("c", Then("b", "a")), WHILE_A_THEN_B, F),
        (Then("a", "b", "c"), (event("a", 0, 1), event("b", 1, 2), event("c", 2, 3)), T),
        (Then("a", "c", "b"), (event("a", 0, 1), event("b", 1, 2), event("c", 2, 3)), F),
        (Then("a", "b", "a"), (event("a", 0, 1), event("b", 1, 2), event("a", 2, 3)), T),
        (Then("a", "b", "a"), (event("a", 0, 1), event("b", 1, 2)), F),
        (While("a", "b", "c"), (event("a", 0, 1), event("b", 0.2, 1), event("c", 0.1, 1.2)), T),
        (While("a", "b", "c"), (event("a", 0, 1), event("b", 0.5, 1.5), event("c", 1.0, 2.0)), F),
        (Then(Count("a", 2), "b"), (event("a", 0, 1), event("a", 2, 3), event("b", 3, 4)), T),
        (Then(Count("a", 2), "b"), (event("a", 0, 1), event("b", 1, 2), event("a", 2, 3)), F),
        (Count("a", 2), (event("a", 0, 1), event("a", 2, 3), event("a", 4, 5)), F),
        (Count("a", 3), (event("a", 0, 1), event("a", 2, 3), event("a", 4, 5)), T),
        (Absent("d"), SOUNDS, T),
        (Absent("a"), SOUNDS, F),
        (Sound("a", loudness="loud"), SOUNDS, T),
        (Sound("b", loudness="loud"), SOUNDS, F),
        (Sound("c", loudness="loud"), SOUNDS, U),
        (Sound("a", loudness="loud"), (event("a", 0, 1, 2.9), event("b", 1, 2, -2.9)), U),  # too much alike
        (Sound("a", loudness="loud"), (event("a", 0, 1, 3.0), event("b", 1, 2, -3.0)), T),
        (Sound("a", loudness="loud"), (event("a", 0, 1, 9.0), event("b", 1, 2, None)), U),
        (Sound("a", pitch="high"), SOUNDS, T),
        (Sound("a", pitch="low"), SOUNDS, F),
        (Sound("c", pitch="low"), SOUNDS, U),
        (Sound("a", rate="fast"), SOUNDS, U),
        (Sound("b", rate="fast"), SOUNDS, T),
        (Sound("b", duration="long", distance="far"), SOUNDS, T),
        (Sound("b", duration="long", distance="near"), SOUNDS, F),
        (Sound("c", duration="short"), SOUNDS, U),
        (Sound("c", duration="short", pitch="low"), SOUNDS, U),
        (Sound("a", duration="short"), SOUNDS, T),
        (Sound(speaker="george"), SOUNDS, T),
        (Sound("a", speaker="jackson"), SOUNDS, F),
        (Sound("b", speaker="jackson"), SOUNDS, U),
        (Then(Sound("a", loudness="loud"), Sound("b", loudness="quiet")), SOUNDS, T),
        (Then(Sound("a", loudness="quiet"), Sound("b", loudness="loud")), SOUNDS, F),
        (All((Then("a", "b"), Absent("d"))), SOUNDS, T),
        (All((Then("a", "b"), Absent("c"))), SOUNDS, F),
    ],
    ids=str,
)
def test_clear_cases(claim: Claim, events: tuple[Event, ...], truth: Truth) -> None:
    assert claim.judge(events) is truth
    assert parse(str(claim)) == claim


def moments(event: Event) -> set[int]:
    return set(range(round(100 * event.onset), round(100 * event.offset)))


def holds(claim: Part, chosen: dict[str, Event]) -> bool:
    """Oracle: whether a claim with each label once is true, by sets of hundredths of a second."""
    if isinstance(claim, str):
        return True
    assert isinstance(claim, Then | While)
    if not all(holds(part, chosen) for part in claim.parts):
        return False
    groups = [[moments(chosen[label]) for label in leaves(part)] for part in claim.parts]
    for one, other in itertools.combinations(groups, 2):
        if isinstance(claim, Then):
            if min(set().union(*other)) < max(set().union(*one)) + 1 - 5:
                return False
            continue
        for group, against in ((one, other), (other, one)):
            everything = set().union(*against)
            whole = set(range(min(everything), max(everything) + 1))
            if any(2 * len(sounding & whole) < min(len(sounding), len(whole)) for sounding in group):
                return False
    return True


def leaves(claim: Part) -> list[str]:
    if isinstance(claim, str):
        return [claim]
    assert isinstance(claim, Then | While)
    return [leaf for part in claim.parts for leaf in leaves(part)]


SHAPES = (
    While(Then("a", "b"), "c"),
    Then(While("a", "b"), "c"),
    Then("a", While("b", "c"), "d"),
    While(Then("a", "b"), Then("c", "d")),
    Then("a", While("b", Then("c", "d"))),
    While("a", Then("b", While("c", "d"))),
)


@pytest.mark.parametrize("claim", SHAPES, ids=str)
def test_nested_claims_against_every_choice_of_events(claim: Then | While) -> None:
    draw = random.Random(1)
    found = dict.fromkeys(Truth, 0)
    for _ in range(4000):
        labels = leaves(claim) + ([draw.choice(leaves(claim))] if draw.random() < 0.3 else [])
        events = []
        for label in labels:
            place = draw.choice((0, 20, 40, 60, 80)) + draw.choice((0, 0, 3, 8))
            events.append(event(label, place / 100, (place + draw.choice((20, 20, 40, 60, 90))) / 100))
        of_label = [[one for one in events if one.label == label] for label in leaves(claim)]
        true = any(
            holds(claim, dict(zip(leaves(claim), choice, strict=True))) for choice in itertools.product(*of_label)
        )
        truth = claim.judge(events)
        assert (truth is T) == true, events
        found[truth] += 1
    assert found[T] >= 3
    assert found[F] > 500


def test_a_part_of_the_same_relation_melts_into_it() -> None:
    assert Then(Then("a", "b"), "c") == Then("a", Then("b", "c")) == Then("a", "b", "c")
    assert Then(While("a", "b"), "c") != Then("a", While("b", "c"))


LABELS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TRAITS = st.fixed_dictionaries(
    {"loudness": st.sampled_from(["loud", "quiet"])},
    optional={"distance": st.sampled_from(["near", "far"]), "speaker": LABELS},
)
LEAVES: st.SearchStrategy[Part] = LABELS | st.builds(
    lambda label, traits: Sound(label, **traits), LABELS | st.none(), TRAITS
)
LEAVES = LEAVES | st.builds(Count, LABELS, st.integers(1, 9))
FIGURES = st.recursive(
    LEAVES,
    lambda parts: st.builds(
        lambda relation, children: relation(*children),
        st.sampled_from([Then, While]),
        st.lists(parts, min_size=2, max_size=4),
    ),
    max_leaves=8,
)
CLAIMS = FIGURES.map(lambda part: Has(part) if isinstance(part, str) else part)
CLAIMS |= st.builds(Louder, LABELS, LABELS) | st.builds(Absent, LABELS)


@given(CLAIMS | st.lists(CLAIMS, min_size=1, max_size=3).map(lambda parts: All(tuple(parts))))
def test_canonical_text_is_read_back_whatever_the_labels(claim: Claim) -> None:
    assert parse(str(claim)) == claim
    assert hash(parse(str(claim))) == hash(claim)


@pytest.mark.parametrize(
    "text",
    [
        'Then("a", Has("b"))',
        'Then("a", Louder("a", "b"))',
        'Louder("a", Then("b", "c"))',
        'Louder("a", "b", "c")',
        'Sound("a")',
        'Sound("a", loudness="huge")',
        'Sound("a", **{"loudness": "loud"})',
        'Sound("a", loudness=1)',
        'Then("a", "b", loudness="loud")',
        'Count("a", 0)',
        'Count("a", True)',
        'Count("a", 1.0)',
        'Count("a")',
        "Absent()",
        "Then(" * 150 + '"a"' + ")" * 150,
    ],
)
def test_what_is_no_claim_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a claim"):
        parse(text)
