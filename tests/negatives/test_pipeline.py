from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from compa.manifest import Clip, Negative, Positive, read_manifest, write_manifest
from negatives import kinds, levels
from negatives.generator import Candidate, Request
from negatives.pipeline import Tally, add_negatives, generate
from negatives.postprocess import BALANCE, balance, inspect
from negatives.rules import MAX_CHARACTERS, Rules
from negatives.sources import read_clips
from tests.negatives.checks.pairs import lopsided_pairs

CAPTIONS = (
    "A dog barks loudly then a man speaks softly",
    "Rain falls as people talk in the background",
    "A bell rings",
)
KINDS = ("attribute-swap", "order", "relation")


def clip(*captions: str, **fields: object) -> Clip:
    return Clip(id="x", audio=None, captions=captions, **fields)  # type: ignore[arg-type]


def negatives_of(clips: Iterable[Clip], seed: int = 0, num: int = 3) -> list[tuple[Negative, ...]]:
    return [done.negatives for done in add_negatives(clips, Rules(), KINDS, num, seed)]


def test_every_negative_says_which_caption_kind_and_generator_it_is_of() -> None:
    tally = Tally()
    [done] = add_negatives([clip(*CAPTIONS)], Rules(), KINDS, tally=tally)
    assert {(negative.of, negative.kind) for negative in done.negatives} == {
        (0, "order"),
        (0, "relation"),
        (0, "attribute-swap"),
        (1, "relation"),
        (1, "attribute-swap"),
    }
    assert all(negative.generator == "rules" for negative in done.negatives)
    assert (tally.captions, tally.served) == (3, 2)
    assert tally.kept == {"order": 1, "relation": 2, "attribute-swap": 2}


def test_num_is_for_each_caption_and_kinds_take_turns() -> None:
    [negatives] = negatives_of([clip(*CAPTIONS)], num=1)
    assert [negative.of for negative in negatives] == [0, 1]
    first_kinds = {negatives_of([clip(CAPTIONS[0])], seed, num=1)[0][0].kind for seed in range(30)}
    assert first_kinds == set(KINDS)


def test_a_caption_gets_the_same_negatives_in_whatever_company() -> None:
    clips = [clip(caption) for caption in CAPTIONS]
    forwards, backwards = negatives_of(clips), negatives_of(reversed(clips))
    assert forwards == backwards[::-1]
    assert forwards == [negatives_of([alone])[0] for alone in clips]
    assert len({tuple(negatives_of(clips, seed)) for seed in range(20)}) > 1


def test_what_a_clip_has_is_kept_and_not_said_again() -> None:
    [once] = add_negatives([clip(CAPTIONS[1])], Rules(), KINDS)
    tally = Tally()
    [twice] = add_negatives([once], Rules(), KINDS, seed=5, tally=tally)
    assert twice == once
    assert tally.refused == {("relation", "duplicate"): 1, ("attribute-swap", "duplicate"): 1}


def test_what_another_text_of_the_clip_says_is_true() -> None:
    truth = "People talk after rain falls in the background"
    tally = Tally()
    [done] = add_negatives(
        [clip("Rain falls in the background as people talk", positives=(Positive(truth, "paraphrase"),))],
        Rules(),
        ("relation",),
        tally=tally,
    )
    assert done.negatives == ()
    assert tally.refused == {("relation", "true of the clip"): 1}


def test_no_more_is_read_than_the_generator_asks_for() -> None:
    def endless() -> Iterator[Clip]:
        for _ in itertools.count():
            read.append(1)
            yield clip(CAPTIONS[0])

    read: list[int] = []
    stream = add_negatives(endless(), Rules(), KINDS)
    assert len(list(itertools.islice(stream, 5))) == 5
    assert len(read) <= 6


def test_a_generator_may_read_ahead() -> None:
    class Batches:
        def propose(self, requests: Iterable[Request]) -> Iterator[list[Candidate]]:
            requests = iter(requests)
            while batch := list(itertools.islice(requests, 4)):
                for request in batch:
                    asked.append((request.clip, request.of))
                    yield [Candidate(request.text + " then a bell rings", "replacement", "batches")]

    asked: list[tuple[str, int]] = []
    clips = [clip(*(f"Sound {i}.{j} can be heard" for j in range(i % 3))) for i in range(9)]
    done = list(add_negatives(clips, Batches(), KINDS, 1))
    assert asked == [("x", of) for c in clips for of in range(len(c.captions))]
    assert [[n.text for n in c.negatives] for c in done] == [
        [caption + " then a bell rings" for caption in c.captions] for c in clips
    ]


def test_captions_of_absurd_length_are_refused_at_once() -> None:
    text = "a loud dog barks and a quiet man speaks and " * (MAX_CHARACTERS // 20)
    [candidates] = Rules().propose([Request(text, KINDS, 3)])
    assert list(candidates) == []


def test_positives_are_true_of_the_caption_and_never_negatives_too() -> None:
    wanted = (*kinds.available(), *levels.available())
    [done] = add_negatives([clip("A dog barks, then a man speaks")], Rules(), wanted, 20)
    texts = {(positive.level, positive.text, positive.of) for positive in done.positives}
    assert ("sub-scene", "A dog barks", 0) in texts
    assert ("sub-scene", "A man speaks", 0) in texts
    assert any(level == "paraphrase" for level, _, _ in texts)
    assert {negative.kind for negative in done.negatives} >= {"order", "relation", "replacement", "count", "absence"}
    assert not {text for _, text, _ in texts} & {negative.text for negative in done.negatives}
    assert all("dog" in text.lower() or "man" in text.lower() for _, text, _ in texts)


def test_of_two_opposite_texts_the_first_stays() -> None:
    negative = Negative("A dog barks", "absence", of=0)
    tally = Tally()
    [done] = add_negatives(
        [clip("A dog barks, then a man speaks", negatives=(negative,))], Rules(), ("sub-scene",), 1, tally=tally
    )
    assert [positive.text for positive in done.positives] == ["A man speaks"]
    assert tally.refused == {("sub-scene", "false of the clip"): 1}


def test_a_second_opinion_takes_negatives_away_and_is_counted() -> None:
    tally = Tally()
    clips = [clip(CAPTIONS[0], *CAPTIONS[1:2]) for _ in range(300)]
    sizes = []

    def judge(batch: Sequence[Clip]) -> list[list[str | None]]:
        sizes.append(len(batch))
        return [["no" if negative.of == 0 else None for negative in c.negatives] for c in batch]

    done = list(add_negatives(clips, Rules(), KINDS, filters=[judge], tally=tally))
    assert sizes == [256, 44]
    assert {negative.of for c in done for negative in c.negatives} == {1}
    assert sum(count for (_, reason), count in tally.refused.items() if reason == "no") == 900
    assert (tally.captions, tally.served) == (600, 300)
    assert sum(tally.kept.values()) == sum(len(c.negatives) for c in done) == 600


def test_a_second_opinion_is_asked_of_what_is_new() -> None:
    given = Negative("A cow moos", "replacement", of=7)  # of a caption that is none
    shown: list[Clip] = []

    def refuses_all(batch: Sequence[Clip]) -> list[list[str | None]]:
        shown.extend(batch)
        return [["no"] * len(c.negatives) for c in batch]

    tally = Tally()
    [done] = add_negatives([clip(CAPTIONS[0], negatives=(given,))], Rules(), KINDS, filters=[refuses_all], tally=tally)
    assert done.negatives == (given,)
    assert given not in shown[0].negatives
    assert (tally.kept, tally.served) == ({"replacement": 1}, 0)
    assert set(tally.refused) == {(kind, "no") for kind in KINDS}


def test_a_long_file_streams(tmp_path: Path) -> None:
    source = tmp_path / "x.txt"
    source.write_text("A dog barks then a man speaks\n" * 1500, encoding="utf-8")
    tracemalloc.start()
    clips = add_negatives(read_clips(source), Rules(), ("order", "sub-scene"))
    held = [tracemalloc.get_traced_memory()[0] for _ in clips]
    tracemalloc.stop()
    assert held[-1] - held[500] < 200_000  # the list of figures itself; the clips would be a megabyte


def test_from_python_in_one_call(tmp_path: Path) -> None:
    source, out = tmp_path / "x.csv", tmp_path / "deep" / "m.jsonl"
    source.write_text("clip,caption\na,A man speaks\na,A woman speaks and a child\nb,nan\n", encoding="utf-8")
    tally = generate(source, out, Rules(), kinds=["replacement"], levels=[], num=2, seed=3)
    [made] = read_manifest(out)
    assert (tally.clips, tally.captions, len(tally.refused_rows)) == (1, 2, 1)
    assert tally.kept == {"replacement": len(made.negatives)}
    assert tally.refused["replacement", "said by another caption"] > 0
    with pytest.raises(ValueError, match="exists"):
        generate(source, out, Rules())
    again = generate(source, out, Rules(), kinds=["replacement"], levels=[], num=2, seed=3, overwrite=True)
    assert again == tally
    with pytest.raises(ValueError, match="is the input"):
        generate(out, out, Rules(), overwrite=True)


def test_inspecting_and_balancing_from_python(tmp_path: Path) -> None:
    pairs = lopsided_pairs(800, 0.8)
    clips = [Clip(f"c{i}", None, (a,), negatives=(Negative(b, "replacement", of=0),)) for i, (a, b) in enumerate(pairs)]
    source, out = tmp_path / "m.jsonl", tmp_path / "balanced.jsonl"
    write_manifest(source, clips)
    [leak] = inspect(source).leaks
    assert leak.auc is not None
    assert leak.auc > 0.7
    found = balance(source, out)
    assert found.leaks_before == {"replacement": leak}
    assert found.tally.kept["replacement"] + found.tally.refused["replacement", BALANCE] == 800
    assert [clip.id for clip in read_manifest(out)] == [clip.id for clip in clips]
    assert inspect(out).leaks == found.leaks
    assert list(found.warnings()) == []
    assert balance(out, out).tally.refused == {}  # nothing more is to be dropped
