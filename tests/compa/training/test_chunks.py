"""Chunks give the loss and the gradients of the whole batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from compa.data.batch import Batch
from compa.objectives import HardNegativeNCE, InfoNCE, ModularNCE, Objective
from compa.training import chunks
from tests.compa.training.batches import gradients, in_double, make_examples, make_task

OBJECTIVES: list[Callable[[], Objective]] = [InfoNCE, HardNegativeNCE, ModularNCE, partial(ModularNCE, positives="sum")]


@pytest.fixture(scope="module")
def batch() -> Batch:
    return in_double(make_examples(10, np.random.default_rng(0)))


def go_back(
    batch: Batch, objective: Objective, dropout: float = 0.0, chunk_size: int | None = None
) -> tuple[float, Mapping[str, Tensor]]:
    """Loss and gradients of a step, with the same weights and seed every time."""
    task = make_task(objective, dropout, chunk_size).train()
    torch.manual_seed(1)
    total = task.objective(task.embed(batch)).total
    torch.manual_seed(2)  # what is random is replayed, wherever the generator is now
    total.backward()  # type: ignore[no-untyped-call]
    return float(total.detach()), gradients(task)


def compare(one: tuple[float, Mapping[str, Tensor]], other: tuple[float, Mapping[str, Tensor]]) -> float:
    """The largest difference of a gradient, to the largest entry of all."""
    assert one[1].keys() == other[1].keys()
    assert one[0] == pytest.approx(other[0], rel=1e-12)
    largest = max(float(grad.abs().max()) for grad in one[1].values())
    return max(float((one[1][name] - other[1][name]).abs().max()) for name in one[1]) / largest


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("chunk_size", [1, 3, 64])
def test_gradients_are_those_of_the_batch_at_once(
    batch: Batch, objective: Callable[[], Objective], chunk_size: int
) -> None:
    assert compare(go_back(batch, objective()), go_back(batch, objective(), chunk_size=chunk_size)) < 1e-12


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_dropout_is_replayed(batch: Batch, objective: Callable[[], Objective], monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared with the same chunks whose activations are all kept, so that the same places are dropped."""
    ours = go_back(batch, objective(), dropout=0.3, chunk_size=3)
    with monkeypatch.context() as patched:
        patched.setattr(chunks, "checkpoint", lambda embed, *rows, **_: embed(*rows))
        kept = go_back(batch, objective(), dropout=0.3, chunk_size=3)
    assert compare(kept, ours) < 1e-12
    assert compare((ours[0], go_back(batch, objective())[1]), ours) > 1e-3  # something was dropped
    with monkeypatch.context() as patched:
        patched.setattr(chunks, "checkpoint", partial(checkpoint, preserve_rng_state=False))
        assert compare(kept, go_back(batch, objective(), dropout=0.3, chunk_size=3)) > 1e-3


def watched(encoder: nn.Module, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each call of an encoder gets from now on."""
    sizes: list[int] = []
    forward = encoder.forward

    def counting(inputs: Tensor, mask: Tensor) -> Any:
        sizes.append(len(mask))
        return forward(inputs, mask)

    monkeypatch.setattr(encoder, "forward", counting)
    return sizes


def test_no_more_than_a_chunk_is_embedded_at_a_time_and_each_twice(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(ModularNCE(), chunk_size=4)
    seen = watched(task.clap.audio_encoder, monkeypatch)
    total = task.objective(task.embed(batch)).total
    assert seen == [4, 4, 2]
    total.backward()  # type: ignore[no-untyped-call]
    assert sorted(seen[3:]) == [2, 4, 4]


def test_a_frozen_tower_is_not_embedded_again(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task(ModularNCE(), chunk_size=4)
    task.clap.text_encoder.requires_grad_(False)
    seen = watched(task.clap.text_encoder, monkeypatch)
    task.objective(task.embed(batch)).total.backward()  # type: ignore[no-untyped-call]
    assert len(seen) == 3
    assert task.clap.text_projection.get_parameter("0.weight").grad is not None


def test_a_chunk_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"chunk_size must be at least 1.* got 0"):
        make_task(chunk_size=0)
