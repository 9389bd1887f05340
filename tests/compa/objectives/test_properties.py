"""What holds for every batch."""

from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from compa.objectives import Embeddings, HardNegativeNCE, InfoNCE
from compa.objectives.kernels import tiles as tiles_module
from tests.compa.objectives.batches import (
    NAMES,
    detached,
    gradients,
    objective_named,
    random_batch,
    without_extras,
)

names = st.sampled_from(NAMES)
batches = st.builds(
    random_batch,
    seed=st.integers(0, 10**6),
    num_clips=st.integers(1, 9),
    num_extras=st.integers(0, 12),
    scale=st.floats(0.5, 100),
    share_known=st.sampled_from([0.0, 0.3]),
)
few = settings(max_examples=30, deadline=None)


def _total(name: str, batch: Embeddings) -> Tensor:
    return objective_named(name)(batch).total


@few
@given(names, batches, st.randoms())
def test_order_of_clips_does_not_matter(name: str, batch: Embeddings, random: object) -> None:
    order = torch.randperm(len(batch.audio), generator=torch.Generator().manual_seed(hash(random) % 2**31))
    moved = replace(batch, audio=batch.audio[order], captions=batch.captions[order], owner=order.argsort()[batch.owner])
    if batch.known_true is not None:
        rows = torch.cat([order, torch.arange(len(order), len(batch.known_true))])
        moved = replace(moved, known_true=batch.known_true[rows][:, order])
    torch.testing.assert_close(_total(name, moved), _total(name, batch))


@few
@given(names, batches)
def test_order_of_extras_does_not_matter(name: str, batch: Embeddings) -> None:
    order = torch.arange(len(batch.extras)).flip(0)
    moved = replace(batch, extras=batch.extras[order], owner=batch.owner[order], is_positive=batch.is_positive[order])
    if batch.known_true is not None:
        rows = torch.cat([torch.arange(len(batch.audio)), len(batch.audio) + order])
        moved = replace(moved, known_true=batch.known_true[rows])
    torch.testing.assert_close(_total(name, moved), _total(name, batch))


@few
@given(names, batches)
def test_without_extras_all_are_infonce(name: str, batch: Embeddings) -> None:
    """Exactly: not even the last bit may differ."""
    bare = without_extras(batch)
    assert torch.equal(_total(name, bare), InfoNCE()(batch).total)


@few
@given(names, batches, st.integers(1, 6), st.integers(0, 40))
def test_tile_sizes_change_nothing(name: str, batch: Embeddings, edge: int, cached: int) -> None:
    loss = _total(name, batch)
    with mock.patch.dict(tiles_module.SIZES, {"cpu": tiles_module.TileSizes(edge, cached)}):
        small = _total(name, other := detached(batch))
        of_small = gradients(small, other)
    with mock.patch.dict(tiles_module.SIZES, {"cpu": tiles_module.TileSizes(2 * edge, cached)}):
        double = _total(name, other := detached(batch))
        of_double = gradients(double, other)
    torch.testing.assert_close((small, double), (loss, loss))
    torch.testing.assert_close(of_small, gradients(loss, batch))
    torch.testing.assert_close(of_double, of_small)


@few
@given(batches)
def test_positives_do_not_touch_hard_negatives(batch: Embeddings) -> None:
    keep = ~batch.is_positive
    kept = replace(batch, extras=batch.extras[keep], owner=batch.owner[keep], is_positive=batch.is_positive[keep])
    if batch.known_true is not None:
        rows = torch.cat([torch.ones(len(batch.audio), dtype=torch.bool), keep])
        kept = replace(kept, known_true=batch.known_true[rows])
    torch.testing.assert_close(_total("hard", kept), _total("hard", batch))


def _masks_by_absence(batch: Embeddings) -> Tensor:
    """The audio→text direction, with its gradient: twice the total, less the other one without extras."""
    return 2 * HardNegativeNCE()(batch).total - HardNegativeNCE()(without_extras(batch)).parts["text_to_audio"]


def _masks_by_multiplication(batch: Embeddings) -> Tensor:
    """Hides other clips' negatives the way released code does: their logits times -100000."""
    logits = batch.scale * batch.audio @ torch.cat([batch.captions, batch.extras]).T
    own = torch.arange(len(batch.audio))
    is_foreign = torch.cat([torch.zeros(len(own), len(own), dtype=torch.bool), batch.owner != own[:, None]], 1)
    logits = torch.where(is_foreign, logits * -100000, logits)
    return torch.nn.functional.cross_entropy(logits, own)


def _changes_with_foreign_negatives(loss_of: Callable[[Embeddings], Tensor]) -> float:
    """Gives how much clip 0's gradient depends on a hard negative of clip 1, turned towards it and away."""
    batch = random_batch(3, num_clips=2, num_extras=0, share_known=0)
    slopes = []
    for sign in (1.0, -1.0):
        audio = batch.audio.detach().clone().requires_grad_()
        negative = sign * torch.nn.functional.normalize(batch.audio[:1].detach(), dim=1)
        one = replace(
            batch,
            audio=audio,
            extras=negative,
            owner=torch.tensor([1]),
            is_positive=torch.tensor([False]),
        )
        slopes.append(torch.autograd.grad(loss_of(one), audio)[0][0])
    return float((slopes[0] - slopes[1]).abs().max())


def test_values_of_others_negatives_do_not_matter() -> None:
    assert _changes_with_foreign_negatives(_masks_by_absence) == 0


def test_the_check_above_catches_a_multiplied_mask() -> None:
    assert _changes_with_foreign_negatives(_masks_by_multiplication) > 1000


def _raised_beyond_the_owner(loss_of: Callable[[Embeddings], Tensor], batch: Embeddings) -> float:
    """Gives one clip a hard negative opposite to clip 0: how much more than that clip's own loss rises."""
    e = replace(without_extras(batch), known_true=None)
    owner, negative = len(e.audio) - 1, -e.audio[:1].detach()
    crowded = replace(e, extras=negative, owner=torch.tensor([owner]), is_positive=torch.tensor([False]))
    logits = e.scale.detach() * e.audio[owner].detach() @ torch.cat([e.captions.detach(), negative]).T
    own_rise = (logits.logsumexp(0) - logits[:-1].logsumexp(0)) / len(e.audio)
    return float((loss_of(crowded) - loss_of(e) - own_rise).detach())


@few
@given(batches.filter(lambda batch: len(batch.audio) > 1))
def test_a_masked_negative_cosine_never_raises_the_loss(batch: Embeddings) -> None:
    assert _raised_beyond_the_owner(_masks_by_absence, batch) <= 1e-9


def test_the_property_above_fails_on_a_multiplied_mask() -> None:
    assert _raised_beyond_the_owner(_masks_by_multiplication, random_batch()) > 1000
