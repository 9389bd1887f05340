import numpy as np
import pytest

from compa.scenes.claims import All, Claim, Has, Louder, Then, While
from compa.scenes.old_captions import caption, in_words, num_ways

CLAIMS = [Has("AAA"), Then("AAA", "BBB"), While("AAA", "BBB"), Louder("AAA", "BBB")]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: type(claim).__name__)
def test_every_claim_has_at_least_eight_different_ways_that_name_each_label_once(claim: Claim) -> None:
    texts = [in_words(claim, way) for way in range(num_ways(claim))]
    assert len(set(texts)) == len(texts) >= 8
    for text in texts:
        assert text.count("AAA") == 1
        assert text.count("BBB") == (0 if isinstance(claim, Has) else 1)


@pytest.mark.parametrize("claim", [Then("AAA", "BBB"), Louder("AAA", "BBB")], ids=lambda claim: type(claim).__name__)
def test_mention_order_tells_nothing(claim: Claim) -> None:
    texts = [in_words(claim, way) for way in range(num_ways(claim))]
    first = sum(text.index("AAA") < text.index("BBB") for text in texts)
    assert first * 2 == len(texts)


def test_no_word_tells_which_label_comes_first() -> None:
    """`before` and `after`, `first` and `then` stand in both mention orders, so no single word decides."""
    ways = [in_words(Then("AAA", "BBB"), way) for way in range(num_ways(Then("a", "b")))]
    for word in ("before", "after", "first", "starting"):
        orders = {text.index("AAA") < text.index("BBB") for text in ways if word in text.replace(",", "").split()}
        assert orders == {True, False}, word


def test_swapped_labels_never_say_the_same() -> None:
    for claim in (Then, Louder):
        one = {in_words(claim("a1", "b1"), way) for way in range(num_ways(claim("a", "b")))}
        other = {in_words(claim("b1", "a1"), way) for way in range(num_ways(claim("a", "b")))}
        assert not one & other


def test_labels_with_braces_are_taken_as_they_are() -> None:
    assert in_words(Then("{b}", "{0}"), 0) == "{b}, then {0}"


def test_captions_follow_the_generator() -> None:
    texts = [caption(Then("a", "b"), np.random.default_rng(3)) for _ in range(2)]
    assert texts[0] == texts[1]
    rng = np.random.default_rng(0)
    assert len({caption(Then("a", "b"), rng) for _ in range(500)}) == num_ways(Then("a", "b"))


def test_a_claim_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="captions speak of Has, Then, While, Louder"):
        in_words(All((Has("a"),)), 0)
