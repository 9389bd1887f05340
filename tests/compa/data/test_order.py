"""The order of samples: what it is a function of, and how well it is mixed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from compa.data.order import Order, Rows


def single(num_clips: int) -> Rows:
    return np.full(num_clips, -1)


def paired(num_clips: int, num_pairs: int) -> Rows:
    """Clips 2n and 2n + 1 are twins for the first pairs; the others are single."""
    rows = single(num_clips)
    rows[: 2 * num_pairs] = np.arange(2 * num_pairs) ^ 1
    return rows


def clips(order: Order, number: int) -> list[tuple[int, int]]:
    sources, rows = order.batch(number)
    return list(zip(sources.tolist(), rows.tolist(), strict=True))


def test_it_is_a_function_of_seed_and_number_alone() -> None:
    one, again, other = Order([single(100)], 8, seed=1), Order([single(100)], 8, seed=1), Order([single(100)], 8, 2)
    forward = [clips(one, number) for number in range(40)]
    assert forward == [clips(again, number) for number in reversed(range(40))][::-1]
    assert forward[0] != clips(other, 0)
    assert forward[:12] != forward[12:24]


def test_every_clip_comes_once_an_epoch_but_for_those_that_fill_no_batch() -> None:
    order = Order([single(100), single(30)], 8)
    assert order.num_batches == 16
    for epoch in range(3):
        seen = Counter(clip for number in range(16 * epoch, 16 * (epoch + 1)) for clip in clips(order, number))
        assert len(seen) == 128
        assert set(seen.values()) == {1}


@pytest.mark.parametrize(("num_clips", "num_pairs"), [(40, 20), (41, 10), (43, 1), (30, 15)])
@pytest.mark.parametrize("batch_size", [2, 6, 8])
def test_twins_share_every_even_share_of_a_batch(num_clips: int, num_pairs: int, batch_size: int) -> None:
    twins = paired(num_clips, num_pairs)
    order = Order([twins], batch_size)
    seen: Counter[int] = Counter()
    for number in range(order.num_batches):
        rows = order.batch(number)[1]
        seen.update(rows.tolist())
        for row, other in zip(rows[::2].tolist(), rows[1::2].tolist(), strict=True):
            assert twins[row] == other or (twins[row] == twins[other] == -1)
    assert set(seen.values()) == {1}
    assert num_clips - len(seen) < batch_size + 2


def test_batches_are_no_neighbourhoods_of_the_shards() -> None:
    """The rows of a batch are spread as those of an independent draw are: same distances, same shards."""
    num_clips, batch_size, per_shard = 20_000, 50, 500
    order, rng = Order([single(num_clips)], batch_size, seed=3), np.random.default_rng(0)
    ours = np.array([order.batch(number)[1] for number in range(order.num_batches)])
    drawn = np.array([rng.choice(num_clips, batch_size, replace=False) for _ in range(order.num_batches)])
    gaps, expected_gaps = (np.diff(np.sort(rows), axis=1).mean() for rows in (ours, drawn))
    assert gaps == pytest.approx(expected_gaps, rel=0.02)
    shards, expected_shards = (
        np.mean([len(np.unique(batch // per_shard)) for batch in rows]) for rows in (ours, drawn)
    )
    assert shards == pytest.approx(expected_shards, rel=0.02)
    place = ours.reshape(-1)
    assert abs(np.corrcoef(place[:-1], place[1:])[0, 1]) < 0.03
    following = np.array([order.batch(order.num_batches + number)[1] for number in range(order.num_batches)])
    assert abs(np.corrcoef(np.argsort(place), np.argsort(following.reshape(-1)))[0, 1]) < 0.03


def test_shard_order_would_fail_the_measure_of_mixing() -> None:
    """The measure above tells: clips that are shuffled in a buffer of 1,000 only are closer to each other."""
    rng = np.random.default_rng(0)
    buffered = np.concatenate([start + rng.permutation(1000) for start in range(0, 20_000, 1000)]).reshape(-1, 50)
    assert np.diff(np.sort(buffered), axis=1).mean() < 0.1 * 20_000 / 51


def test_weights_share_out_every_epoch_exactly() -> None:
    order = Order([single(900), single(100)], 10, weights=[1, 1])
    assert order.num_batches == 100
    passes: Counter[int] = Counter()
    for epoch in range(2):
        seen = Counter(clip for number in range(100 * epoch, 100 * (epoch + 1)) for clip in clips(order, number))
        assert sum(count for (source, _), count in seen.items() if source == 0) == 500
        assert {count for (source, _), count in seen.items() if source == 1} == {5}
        passes.update(row for (source, row), count in seen.items() if source == 0 for _ in range(count))
    assert len(passes) == 900
    share = [int((order.batch(number)[0] == 1).sum()) for number in range(100)]
    assert 1 <= min(share) < 5 < max(share) <= 9


@pytest.mark.parametrize(
    ("twins", "batch_size", "weights", "message"),
    [
        ([single(5)], 8, None, "5 clips are too few for one batch of 8"),
        ([paired(20, 3)], 7, None, "got 7: use 8"),
        ([single(5)], 0, None, "use 1"),
        ([single(5)], 2, [1.0, 2.0], "must be 1 positive numbers"),
        ([single(5), single(5)], 2, [1.0, -2.0], "must be 2 positive numbers"),
        ([single(5), single(5)], 2, [1.0, float("nan")], "must be 2 positive numbers"),
        ([single(5), single(0)], 2, [1.0, 1.0], "source 1 holds too few clips"),
    ],
)
def test_what_cannot_be_ordered_is_refused(
    twins: list[Rows], batch_size: int, weights: list[float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Order(twins, batch_size, weights=weights)
