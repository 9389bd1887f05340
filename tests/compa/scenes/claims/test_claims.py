import itertools
import random

import pytest

from compa.manifest import Event
from compa.scenes.claims import All, Claim, Has, Louder, Then, Truth, While, parse


def event(label: str, onset: float, offset: float, level_db: float | None = 0.0) -> Event:
    return Event(label, onset, offset, level_db)


SEQUENCE = (event("dog", 0.0, 1.5), event("rain", 1.7, 3.5))
OVERLAID = (event("dog", 0.0, 2.0, level_db=4.0), event("rain", 0.5, 2.2, level_db=-4.0))


@pytest.mark.parametrize(
    ("claim", "events", "truth"),
    [
        (Has("dog"), SEQUENCE, Truth.TRUE),
        (Has("cat"), SEQUENCE, Truth.FALSE),
        (Then("dog", "rain"), SEQUENCE, Truth.TRUE),
        (Then("rain", "dog"), SEQUENCE, Truth.FALSE),
        (While("dog", "rain"), SEQUENCE, Truth.FALSE),
        (Louder("dog", "rain"), SEQUENCE, Truth.UNCLEAR),
        (Then("dog", "rain"), OVERLAID, Truth.FALSE),
        (While("dog", "rain"), OVERLAID, Truth.TRUE),
        (While("rain", "dog"), OVERLAID, Truth.TRUE),
        (Louder("dog", "rain"), OVERLAID, Truth.TRUE),
        (Louder("rain", "dog"), OVERLAID, Truth.FALSE),
        (Louder("rain", "cat"), OVERLAID, Truth.FALSE),
        (All((While("dog", "rain"), Louder("dog", "rain"))), OVERLAID, Truth.TRUE),
        (All((While("dog", "rain"), Louder("rain", "dog"))), OVERLAID, Truth.FALSE),
        (All((Then("dog", "rain"), Louder("dog", "rain"))), SEQUENCE, Truth.UNCLEAR),
    ],
)
def test_clear_cases(claim: Claim, events: tuple[Event, ...], truth: Truth) -> None:
    assert claim.judge(events) is truth


@pytest.mark.parametrize(
    ("second_onset", "then", "while_"),
    [
        (2.0, Truth.TRUE, Truth.FALSE),  # starts as the other ends
        (1.95, Truth.TRUE, Truth.FALSE),  # a cross-fade is still a sequence
        (1.90, Truth.UNCLEAR, Truth.UNCLEAR),  # too much overlap for one, too little for the other
        (1.01, Truth.UNCLEAR, Truth.UNCLEAR),
        (1.0, Truth.FALSE, Truth.TRUE),  # half of either is overlapped
    ],
)
def test_the_margins_between_then_and_while(second_onset: float, then: Truth, while_: Truth) -> None:
    events = (event("a", 0.0, 2.0), event("b", second_onset, second_onset + 2.0))
    assert Then("a", "b").judge(events) is then
    assert While("a", "b").judge(events) is while_


@pytest.mark.parametrize(
    ("difference", "truth"),
    [
        (3.0, Truth.TRUE),
        (2.9, Truth.UNCLEAR),
        (0.0, Truth.UNCLEAR),
        (-2.9, Truth.UNCLEAR),
        (-3.0, Truth.FALSE),
    ],
)
def test_the_margin_of_louder(difference: float, truth: Truth) -> None:
    events = (event("a", 0, 1, level_db=difference), event("b", 0, 1, level_db=0.0))
    assert Louder("a", "b").judge(events) is truth


def test_unknown_levels_decide_nothing() -> None:
    assert Louder("a", "b").judge((event("a", 0, 1, None), event("b", 0, 1, 9.0))) is Truth.UNCLEAR


def test_a_repeated_label_makes_both_orders_true() -> None:
    events = (event("a", 0, 1), event("b", 1, 2), event("a", 2, 3))
    assert Then("a", "b").judge(events) is Truth.TRUE
    assert Then("b", "a").judge(events) is Truth.TRUE
    assert Then("a", "a").judge(events) is Truth.TRUE
    assert Then("b", "b").judge(events) is Truth.FALSE


def test_louder_must_hold_of_every_pair() -> None:
    events = (event("a", 0, 1, 9.0), event("b", 1, 2, 0.0), event("a", 2, 3, -9.0))
    assert Louder("a", "b").judge(events) is Truth.UNCLEAR


def test_relations_against_a_sampled_timeline() -> None:
    """Oracle: sample every event at 1 ms and compare sets of moments, without interval arithmetic."""
    draw = random.Random(0)
    counts = dict.fromkeys(itertools.product(("then", "while"), Truth), 0)
    for _ in range(3000):
        a, b = sorted(draw.sample(range(0, 400), 2)), sorted(draw.sample(range(0, 400), 2))
        a_ms, b_ms = set(range(10 * a[0], 10 * a[1])), set(range(10 * b[0], 10 * b[1]))
        events = (event("a", a[0] / 100, a[1] / 100), event("b", b[0] / 100, b[1] / 100))
        shared, shorter = len(a_ms & b_ms), min(len(a_ms), len(b_ms))
        after = min(b_ms) >= max(a_ms) + 1 - 50
        then = Then("a", "b").judge(events)
        assert (then is Truth.TRUE) == after
        if then is Truth.FALSE:
            assert min(b_ms) <= min(a_ms) or 2 * shared >= shorter
        together = While("a", "b").judge(events)
        assert (together is Truth.TRUE) == (2 * shared >= shorter)
        assert together is not Truth.FALSE or shared <= 50
        counts["then", then] += 1
        counts["while", together] += 1
    assert min(counts.values()) > 50  # every verdict really occurs


@pytest.mark.parametrize(
    "claim",
    [
        Has('the "big" dog'),
        Then("dog bark", "Übung"),
        While("a", "a, b"),
        Louder("(x)", "\\"),
        All((Then("a", "b"), All((Has("c"), Louder("a", "b"))))),
    ],
)
def test_canonical_text_is_read_back(claim: Claim) -> None:
    assert parse(str(claim)) == claim


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dog",
        'Then("a")',
        'Has("a", "b")',
        "Has(1)",
        'After("a", "b")',
        "All()",
        'Has("a") or 1',
        '__import__("os").system("true")',
        'Has(label="a")',
        "(" * 500,
    ],
)
def test_what_is_no_claim_is_refused_and_never_run(text: str) -> None:
    with pytest.raises(ValueError, match="is not a claim"):
        parse(text)
