from __future__ import annotations

import pytest

from negatives.checks.consistency import (
    changes_events,
    has_bad_length,
    is_equivalent,
    is_foreign,
    is_near_equal,
    leaks_instructions,
    meaning,
    refuse,
    refuse_positive,
    wording,
)

CAPTION = "A dog barks then a man speaks"
NEGATIVE = "A man speaks then a dog barks"


@pytest.mark.parametrize(
    ("candidate", "caption"),
    [
        ("A dog barks while a man speaks", "A man speaks while a dog barks"),
        ("A dog barking as a man is speaking", "a man speaks and a dog barks."),
        ("A dog barks then a man speaks", "A man speaks after a dog barks"),
        ("A dog barks followed by a man speaking", "A man speaking preceded by a dog barking"),
        ("A loud dog and a quiet man", "A quiet man and a loud dog"),
        (
            "Rain falls and a dog barks before a man speaks",
            "A dog barks as rain falls, and then a man speaks",
        ),
    ],
)
def test_equivalent(candidate: str, caption: str) -> None:
    assert is_equivalent(candidate, caption)
    assert is_equivalent(caption, candidate)


@pytest.mark.parametrize(
    ("candidate", "caption"),
    [
        (NEGATIVE, CAPTION),
        ("A dog barks while a man speaks", CAPTION),
        ("A dog barks loudly and a man speaks", "A dog barks and a man speaks loudly"),
        ("A dog barks after a man speaks", "A man speaks after a dog barks"),
    ],
)
def test_not_equivalent(candidate: str, caption: str) -> None:
    assert not is_equivalent(candidate, caption)
    assert not is_equivalent(caption, candidate)


def test_near_equal_ignores_case_articles_punctuation_and_inflection() -> None:
    assert is_near_equal("the dog barking, then the man speaking.", CAPTION)
    assert not is_near_equal(NEGATIVE, CAPTION)


def test_events_are_kept_by_other_words_of_time_and_loudness_only() -> None:
    assert not changes_events("A man speaking followed by a dog barking", CAPTION)
    assert not changes_events("A nearby dog barks", "A dog barks in the distance")
    assert changes_events("A cat meows then a man speaks", CAPTION)
    assert changes_events("A dog barks then a man speaks and speaks", CAPTION)


def test_length() -> None:
    assert has_bad_length("dog barks", "A dog")
    assert has_bad_length("A dog barks", CAPTION)
    assert has_bad_length("A dog barks and " * 20, CAPTION)
    assert not has_bad_length(NEGATIVE, CAPTION)


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (NEGATIVE, None),
        ("A man", "length"),
        ("the dog barking then the man speaking", "near-equal"),
        ("A man speaks after a dog barks", "equivalent"),
        ("A man speaks then a cat meows", "events changed"),
        ("A man speaks while a dog barks", "true of the clip"),
        ("A dog barks after a man speaks", "duplicate"),
    ],
)
def test_reasons(candidate: str, reason: str | None) -> None:
    truths = [CAPTION, "A dog barks while a man speaks"]
    others = ["A man speaks, and then a dog barks"] if reason == "duplicate" else []
    assert refuse("order", candidate, CAPTION, set(map(meaning, truths)), set(map(meaning, others))) == reason


def test_only_kinds_that_keep_events_must_keep_them() -> None:
    candidate = "A cat meows then a man speaks"
    assert refuse("replacement", candidate, CAPTION, {meaning(CAPTION)}, set()) is None


@pytest.mark.parametrize(
    ("kind", "candidate", "reason"),
    [
        ("absence", "A dog barks without a man speaking", None),
        ("absence", "A dog barks with no man speaking", None),
        ("absence", "A dog barks without a cat meowing", "events added"),
        ("count", "Two dogs bark then a man speaks", None),
        ("count", "Two cats bark then a man speaks", "events changed"),
        ("replacement", "A dog barks loudly then a man speaks", "events kept"),
        ("binding", "A man barks then a dog speaks", None),
        ("attribute-change", "A dog barks quietly then a man speaks", None),
        ("order", "Here is the caption: a man speaks then a dog barks", "leaked instruction"),
        ("order", "A man speaks then a dog barks\x1b[2J", "unprintable"),
        ("order", "<b>A man speaks then a dog barks</b>", "leaked instruction"),
        ("replacement", "Un perro ladra luego habla una mujer", "language"),
        ("replacement", "Собака лает, потом man speaks", "language"),
    ],
)
def test_reasons_by_kind(kind: str, candidate: str, reason: str | None) -> None:
    assert refuse(kind, candidate, CAPTION, {meaning(CAPTION)}, set()) == reason


def test_what_a_caption_says_itself_is_no_leak_and_no_foreign_letter() -> None:
    assert not leaks_instructions("A man reads a sentence", "A woman reads a sentence")
    assert leaks_instructions("A man reads a sentence", "A woman reads")
    assert not is_foreign("Música then a dog barks", "A dog barks then música")


def test_counts_and_denials_are_part_of_what_a_text_says() -> None:
    assert not is_near_equal("Two dogs bark", "Three dogs bark")
    assert not is_equivalent("A dog barks without a man speaking", "A dog barks as a man speaks")
    assert is_equivalent("A dog barks, ending with a man speaking", "A dog barks, then a man speaks")


@pytest.mark.parametrize(
    ("level", "candidate", "reason"),
    [
        ("sub-scene", "A dog barks", None),
        ("sub-scene", "A cat meows", "events added"),
        ("sub-scene", "Dog", "length"),
        ("paraphrase", "A man speaks after a dog barks", None),
        ("paraphrase", "a dog barks; then a man speaks!", "duplicate"),
        ("paraphrase", "A man speaks, then a dog barks", "false of the clip"),
    ],
)
def test_reasons_of_positives(level: str, candidate: str, reason: str | None) -> None:
    assert refuse_positive(level, candidate, CAPTION, {wording(CAPTION)}, {meaning(NEGATIVE)}) == reason
