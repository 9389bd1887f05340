from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from compa.manifest import Clip, Negative, Positive
from negatives.generate import Candidate, Tally, add_negatives
from negatives.kinds import available
from negatives.rules import MAX_CHARACTERS, Rules

CAPTIONS = (
    "A dog barks loudly then a man speaks softly",
    "Rain falls as people talk in the background",
    "A bell rings",
)
KINDS = tuple(available())


def clip(*captions: str, **fields: object) -> Clip:
    return Clip(id="x", audio=None, captions=captions, **fields)  # type: ignore[arg-type]


def negatives_of(clips: Iterable[Clip], seed: int = 0, num: int = 3) -> list[tuple[Negative, ...]]:
    return [done.negatives for done in add_negatives(clips, Rules(KINDS, seed), num, Tally())]


def test_every_negative_says_which_caption_kind_and_generator_it_is_of() -> None:
    tally = Tally()
    [done] = add_negatives([clip(*CAPTIONS)], Rules(KINDS), 3, tally)
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
    [once] = add_negatives([clip(CAPTIONS[1])], Rules(KINDS), 3, Tally())
    tally = Tally()
    [twice] = add_negatives([once], Rules(KINDS, seed=5), 3, tally)
    assert twice == once
    assert tally.refused == {("relation", "duplicate"): 1, ("attribute-swap", "duplicate"): 1}


def test_what_another_text_of_the_clip_says_is_true() -> None:
    truth = "People talk after rain falls in the background"
    tally = Tally()
    [done] = add_negatives(
        [clip("Rain falls in the background as people talk", positives=(Positive(truth, "paraphrase"),))],
        Rules(["relation"]),
        3,
        tally,
    )
    assert done.negatives == ()
    assert tally.refused == {("relation", "true of the clip"): 1}


def test_no_more_is_read_than_the_generator_asks_for() -> None:
    def endless() -> Iterator[Clip]:
        for _ in itertools.count():
            read.append(1)
            yield clip(CAPTIONS[0])

    read: list[int] = []
    stream = add_negatives(endless(), Rules(KINDS), 3, Tally())
    assert len(list(itertools.islice(stream, 5))) == 5
    assert len(read) <= 6


def test_a_generator_may_read_ahead() -> None:
    class Batches:
        name = "batches"

        def propose(self, captions: Iterable[str]) -> Iterator[list[Candidate]]:
            captions = iter(captions)
            while batch := list(itertools.islice(captions, 4)):
                yield from ([Candidate(caption + " then a bell rings", "replacement")] for caption in batch)

    clips = [clip(*(f"Sound {i}.{j} can be heard" for j in range(i % 3))) for i in range(9)]
    done = list(add_negatives(clips, Batches(), 1, Tally()))
    assert [[n.text for n in c.negatives] for c in done] == [
        [caption + " then a bell rings" for caption in c.captions] for c in clips
    ]


def test_captions_of_absurd_length_are_refused_at_once() -> None:
    text = "a loud dog barks and a quiet man speaks and " * (MAX_CHARACTERS // 20)
    assert list(Rules(KINDS).propose([text])) == [[]]
