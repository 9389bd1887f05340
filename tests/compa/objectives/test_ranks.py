"""Two and four real processes against one with the whole batch."""

from typing import Any

import pytest
import torch

from tests.compa.objectives.batches import NAMES, detached, gradients, objective_named
from tests.compa.objectives.rank_worker import (
    DTYPES,
    SHARES,
    Towers,
    aligned_batch,
    run_ranks,
    share_of,
    train_once,
    whole_batch,
)

Found = tuple[tuple[int, ...], list[dict[str, Any]]]


@pytest.fixture(
    params=[
        pytest.param(sizes, id="-".join(map(str, sizes)), marks=[pytest.mark.slow] if num_ranks == 4 else [])
        for num_ranks, ways in SHARES.items()
        for sizes in ways
    ]
)
def found(request: pytest.FixtureRequest) -> Found:
    return request.param, run_ranks(len(request.param))[request.param]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_one_process(found: Found, name: str, dtype: torch.dtype) -> None:
    """The mean of the totals and every gradient, averaged as data-parallel training does."""
    sizes, results = found
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2}[dtype]
    whole = detached(whole_batch(sizes, dtype))
    loss = objective_named(name)(whole)
    losses = [result["losses"][name, dtype] for result in results]
    torch.testing.assert_close(
        torch.stack([total for total, _ in losses]).mean(), loss.total.detach(), rtol=tolerance / 10, atol=0
    )
    for index, expected in enumerate(gradients(loss.total, whole)):
        parts = [grads[index].double() for _, grads in losses]
        if index == 3:
            joined = torch.stack(parts).mean()
        else:
            joined = torch.zeros_like(expected, dtype=torch.float64)
            for rank, part in enumerate(parts):
                start = sum(sizes[:rank])
                extras = share_of(whole, sizes, rank)[1]
                rows = extras if index == 2 else torch.arange(start, start + sizes[rank])
                joined[rows] = part / len(sizes)
        allowed = tolerance * float(expected.abs().max())
        torch.testing.assert_close(joined, expected.double(), rtol=0, atol=max(allowed, 1e-30))


def test_half_precision_gradients_that_nearly_cancel(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, results = found
    exact = detached(aligned_batch(sizes), torch.float64)
    monkeypatch.setattr("compa.objectives.objective.CHECKED_CALLS", 0)  # rounded rows are not that close to unit length
    total = objective_named("info")(exact).total
    assert float(total.detach()) < 0.02
    audio, captions, *_ = gradients(total, exact)
    for index, expected in enumerate((audio, captions)):
        joined = torch.cat([result["aligned"][index] for result in results]).double() / len(sizes)
        torch.testing.assert_close(joined, expected, rtol=0, atol=0.02 * float(expected.abs().max()))


def test_encoders_and_temperature_in_data_parallel_training(found: Found) -> None:
    sizes, results = found
    alone = Towers()
    train_once(alone, sizes, range(len(sizes)))
    for name, weight in alone.named_parameters():
        for result in results:
            torch.testing.assert_close(result["trained"][name], weight.grad, rtol=0, atol=1e-12)


def test_refused_on_every_rank(found: Found) -> None:
    sizes, results = found
    last = len(sizes) - 1
    errors = [result["refused"] for result in results]
    own = {"shape": "captions must have the shape", "nan": "got nan in row 0", "contradiction": "hard negative"}
    joint = {"width": "equal dimensions", "type": "bfloat16", "columns": f"{sum(sizes)} columns"}
    assert all(set(messages) == set(own) | set(joint) for messages in errors)
    for problem, words in own.items():
        assert words in errors[last][problem]
        assert {messages[problem] for messages in errors[:last]} == {
            f"rank {last} refused its part of the batch; its own message says why"
        }
    for problem, words in joint.items():
        assert words in errors[0][problem]
        assert len({messages[problem] for messages in errors}) == 1


def test_known_true_over_ranks(found: Found) -> None:
    sizes, results = found
    clips = torch.arange(sum(sizes)) // 2
    expected = clips[:, None] == clips
    assert torch.equal(torch.cat([result["known"] for result in results]), expected)


def test_eval_mode_stays_within_the_rank(found: Found) -> None:
    sizes, results = found
    part, _ = share_of(whole_batch(sizes, torch.float64), sizes, 0)
    batch = type(part)(**{**vars(part), "known_true": None})
    torch.testing.assert_close(results[0]["alone"], objective_named("mean")(batch).total.detach())


def test_both_ways_of_reduce_scatter(found: Found) -> None:
    sizes, results = found
    times = sum(range(1, len(sizes) + 1))
    expected = torch.arange(float(2 * sum(sizes))).view(-1, 2) * times
    for rank, result in enumerate(results):
        rows = expected[sum(sizes[:rank]) :][: sizes[rank]]
        assert all(torch.equal(shared, rows) for shared in result["scattered"])
