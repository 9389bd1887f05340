from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives import kinds, levels
from negatives.checks.consistency import meaning, refuse, refuse_positive, wording
from negatives.generator import Candidate, Request
from negatives.language.clauses import Clause, Form, parse
from negatives.language.grammar import read
from negatives.language.inflection import participle, singular, stem
from negatives.rules import Rules


@pytest.mark.parametrize(
    ("verb", "doing", "does"),
    [
        ("bark", "barking", "barks"),
        ("run", "running", "runs"),
        ("make", "making", "makes"),
        ("cry", "crying", "cries"),
        ("die", "dying", "dies"),
        ("play", "playing", "plays"),
        ("echo", "echoing", "echoes"),
        ("coo", "cooing", "coos"),
        ("hiss", "hissing", "hisses"),
        ("blow", "blowing", "blows"),
        ("clip-clop", "clip-clopping", "clip-clops"),
        ("occur", "occurring", "occurs"),
        ("whisper", "whispering", "whispers"),
        ("roar", "roaring", "roars"),
    ],
)
def test_inflection(verb: str, doing: str, does: str) -> None:
    assert (participle(verb), singular(verb)) == (doing, does)
    assert stem(doing) == stem(does) == stem(verb) == verb


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a dog barks", Form.FINITE),
        ("birds are singing", Form.FINITE),
        ("a man and a woman talk", Form.FINITE),
        ("a tone is ongoing and clicking occurs", Form.FINITE),
        ("people softly laugh and talk", Form.FINITE),
        ("a dog barking", Form.NOMINAL),
        ("several barks", Form.NOMINAL),
        ("the sound of waves", Form.NOMINAL),
        ("laughter", Form.NOMINAL),
        ("running water", Form.NOMINAL),
        ("the humming of bees", Form.NOMINAL),
        ("a high pitched buzzing", Form.NOMINAL),
        ("barks loudly", Form.PREDICATE),
        ("suddenly skids and honks", Form.PREDICATE),
    ],
)
def test_form(text: str, form: Form) -> None:
    clause = parse(text)
    assert clause is not None
    assert clause.form is form


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a man",
        "she laughs",
        "a dog barks and",
        "a cat mewls",
        "savours laughter",
        "engine sounds",
        "in slow motion a whistle",
        "paper thumps and traffic passing",
    ],
)
def test_doubtful_clauses_are_not_parsed(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("finite", "nominal"),
    [
        ("a dog barks and growls loudly", "a dog barking and growling loudly"),
        ("people laugh and talk", "people laughing and talking"),
        ("a train horn blows", "a train horn blowing"),
    ],
)
def test_casting_there_and_back(finite: str, nominal: str) -> None:
    assert str(_clause(finite).cast(Form.NOMINAL)) == nominal
    assert str(_clause(nominal).cast(Form.FINITE)) == finite


@pytest.mark.parametrize(
    "text",
    [
        "loud bangs",
        "a high pitched buzzing",
        "some humming of bees",
        "a man and woman speaking",
        "speech and a dog barking",
    ],
)
def test_a_nominal_without_one_plain_subject_has_no_finite_form(text: str) -> None:
    assert _clause(text).cast(Form.FINITE) is None


def test_a_sentence_is_put_together_as_it_was_read() -> None:
    for caption in (
        "A man speaks, and then a dog barks.",
        "Thunder, followed by rain falling",
        "Rain falls as men talk",
    ):
        assert str(read(caption)[0]) == caption


WORDS = (
    """a the dog dogs man people barks barking speaks talk loudly soft nearby in distance background music
and then while as with followed by before after , . is it É 日本 <b> : """
    + '"'
)


REASONS = (
    "unprintable",
    "leaked instruction",
    "language",
    "length",
    "near-equal",
    "equivalent",
    "events changed",
    "events added",
    "events kept",
    "true of the clip",
    "duplicate",
)


def refuse_any(candidate: Candidate, text: str) -> str | None:
    if candidate.is_positive:
        return refuse_positive(candidate.kind, candidate.text, text, {wording(text)}, set())
    return refuse(candidate.kind, candidate.text, text, {meaning(text)}, set())


@given(st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join) | st.text(max_size=80))
def test_no_text_upsets_the_rules(text: str) -> None:
    wanted = (*kinds.available(), *levels.available())
    [candidates] = Rules().propose([Request(text, wanted, 3)])
    for candidate in candidates:
        assert candidate.kind in wanted
        assert refuse_any(candidate, text) in (None, *REASONS)


def _clause(text: str) -> Clause:
    clause = parse(text)
    assert clause is not None
    return clause
