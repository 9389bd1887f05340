"""Values and gradients: by hand, against nested loops, and against the dense reference."""

import math
from collections.abc import Callable
from functools import partial
from itertools import combinations

import pytest
import torch

from compa.objectives import Embeddings, HardNegativeNCE, InfoNCE, Loss, ModularNCE, reference
from compa.objectives import objective as objective_module
from compa.objectives.kernels import tiles as tiles_module
from tests.compa.objectives.batches import NAMES, detached, gradients, objective_named, random_batch
from tests.oracles.contrastive import oracle_loss

INPUTS = ("audio", "captions", "extras", "scale")
REFERENCES: dict[str, Callable[[Embeddings], reference.Losses]] = {
    "info": reference.info_nce,
    "hard": reference.hard_negative_nce,
    **{positives: partial(reference.modular_nce, positives=positives) for positives in ("mean", "sum", "queries")},
}


def _two_clips(**changes: torch.Tensor) -> Embeddings:
    """Clips (1, 0) and (0, 1), captions (1, 0) and (0.6, 0.8), scale log 2: a cosine c is a factor 2^c.

    One hard negative of clip 0 at (0, 1), one positive of clip 1 at (0, 1).

        cosines      caption 0   caption 1   own extra
        clip 0           1          0.6         0 (negative)
        clip 1           0          0.8         1 (positive)
    """
    values = {
        "audio": torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
        "captions": torch.tensor([[1.0, 0.0], [0.6, 0.8]]),
        "extras": torch.tensor([[0.0, 1.0], [0.0, 1.0]]),
        "owner": torch.tensor([0, 1]),
        "is_positive": torch.tensor([False, True]),
        "scale": torch.tensor(math.log(2.0)),
    }
    return Embeddings(**{**values, **changes})


def test_info_by_hand() -> None:
    """-log p of every clip, with 2^.6 = 1.515717 and 2^.8 = 1.741101.

    rows     2 / (2 + 1.515717) = .568874: .564097        1.741101 / (1 + 1.741101) = .635183: .453843
    columns  2 / (2 + 1) = .666667: .405465               1.741101 / (1.515717 + 1.741101) = .534602: .626233
    """
    _check(InfoNCE()(_two_clips()), (0.564097 + 0.453843) / 2, (0.405465 + 0.626233) / 2)


def test_hard_negatives_by_hand() -> None:
    """Only row 0 changes: its negative adds 2^0 = 1, the positive of clip 1 is ignored.

    row 0    2 / (2 + 1.515717 + 1) = .442898: .814417
    """
    _check(HardNegativeNCE()(_two_clips()), (0.814417 + 0.453843) / 2, (0.405465 + 0.626233) / 2)


def test_modular_by_hand() -> None:
    """Clip 1 has two true texts, 2^.8 and 2^1, both in its row's sum; the positive is a query, too.

    row 1    mean: 1.741101 / 4.741101 = .367236: 1.001752, 2 / 4.741101 = .421843: .863122, mean .932437
             sum:  3.741101 / 4.741101 = .789079: .236889
    column 1 caption .626233 as before, positive 2 / (1 + 2): .405465, mean .515849
    """
    columns = (0.405465 + 0.515849) / 2
    _check(ModularNCE("mean")(_two_clips()), (0.814417 + 0.932437) / 2, columns)
    _check(ModularNCE("sum")(_two_clips()), (0.814417 + 0.236889) / 2, columns)
    _check(ModularNCE("queries")(_two_clips()), (0.814417 + 0.453843) / 2, columns)  # rows as with hard negatives


def test_known_true_by_hand() -> None:
    """Caption 1 is true of clip 0 as well: row 0 is left with its own caption, column 1 with its own clip."""
    known = torch.tensor([[False, False], [True, False], [False, False], [False, False]])
    _check(InfoNCE()(_two_clips(known_true=known)), 0.453843 / 2, 0.405465 / 2)


def _check(loss: Loss, audio_to_text: float, text_to_audio: float) -> None:
    assert float(loss.parts["audio_to_text"]) == pytest.approx(audio_to_text, abs=2e-6)
    assert float(loss.parts["text_to_audio"]) == pytest.approx(text_to_audio, abs=2e-6)
    assert float(loss.total) == pytest.approx((audio_to_text + text_to_audio) / 2, abs=2e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("edge", "cached"), [(512, 1024**2), (2, 0), (3, 20)])
def test_equals_nested_loops(monkeypatch: pytest.MonkeyPatch, name: str, seed: int, edge: int, cached: int) -> None:
    monkeypatch.setitem(tiles_module.SIZES, "cpu", tiles_module.TileSizes(edge, cached))
    batch = random_batch(seed, share_known=0.25 if seed else 0)
    loss, other = objective_named(name)(batch), detached(batch)
    parts = oracle_loss(name, other)
    torch.testing.assert_close((loss.parts["audio_to_text"], loss.parts["text_to_audio"]), parts)
    expected = gradients(sum(parts, torch.zeros(())) / 2, other)
    torch.testing.assert_close(gradients(loss.total, batch), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_reference_equals_nested_loops(name: str, seed: int) -> None:
    batch = random_batch(seed, share_known=0.25 if seed else 0)
    parts = tuple(losses.mean() for losses in REFERENCES[name](batch))
    expected = oracle_loss(name, other := detached(batch))
    torch.testing.assert_close(parts, expected)
    grads = gradients(torch.stack(parts).mean(), batch)
    torch.testing.assert_close(grads, gradients(torch.stack(expected).mean(), other), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("num_clips", [16, 128])
def test_equals_the_reference(name: str, dtype: torch.dtype, tolerance: float, num_clips: int) -> None:
    """As large as a batch in training, which the nested loops are too slow for."""
    batch = random_batch(0, num_clips, 3 * num_clips, width=64, scale=1 / 0.07, dtype=dtype)
    loss, exact = objective_named(name)(batch), detached(batch, torch.float64)
    expected = torch.stack(REFERENCES[name](exact)).mean()
    torch.testing.assert_close(loss.total.double(), expected, rtol=tolerance, atol=0)
    for mine, right in zip(gradients(loss.total, batch), gradients(expected, exact), strict=True):
        torch.testing.assert_close(mine.double(), right, rtol=0, atol=tolerance * float(right.abs().max()))


@pytest.mark.parametrize("name", NAMES)
def test_gradcheck(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(tiles_module.SIZES, "cpu", tiles_module.TileSizes(edge=2, cached=4))
    batch = random_batch(1, num_clips=3, num_extras=4, width=3)
    objective = objective_named(name).requires_grad_()
    monkeypatch.setattr(objective_module, "CHECKED_CALLS", 0)

    def total(audio: torch.Tensor, captions: torch.Tensor, extras: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return objective(
            Embeddings(
                audio=audio,
                captions=captions,
                extras=extras,
                owner=batch.owner,
                is_positive=batch.is_positive,
                scale=scale,
                known_true=batch.known_true,
            )
        ).total

    assert torch.autograd.gradcheck(total, (batch.audio, batch.captions, batch.extras, batch.scale))


def test_second_derivative_is_refused() -> None:
    batch = random_batch()
    (slope,) = torch.autograd.grad(InfoNCE()(batch).total, batch.audio, create_graph=True)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        torch.autograd.backward(slope.square().sum())


def test_backward_twice_through_cached_exponentials() -> None:
    batch = random_batch()
    total = HardNegativeNCE()(batch).total
    first = torch.autograd.grad(total, batch.audio, retain_graph=True)
    assert torch.equal(first[0], torch.autograd.grad(total, batch.audio)[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frozen", [names for size in (1, 2, 3) for names in combinations(INPUTS, size)])
def test_frozen_inputs(name: str, frozen: tuple[str, ...]) -> None:
    batch, whole = random_batch(), random_batch()
    for one in frozen:
        getattr(batch, one).requires_grad_(False)
    total = objective_named(name)(batch).total
    if set(frozen) >= {"audio", "captions", "scale"} and name == "info":
        assert not total.requires_grad
        return
    torch.autograd.backward([total, objective_named(name)(whole).total])
    for one in INPUTS:
        grad = getattr(batch, one).grad
        if one in frozen:
            assert grad is None
        else:
            torch.testing.assert_close(grad, getattr(whole, one).grad)


def test_no_gradient_asked_for() -> None:
    batch = random_batch()
    with torch.no_grad():
        quiet = ModularNCE()(batch).total
    assert not quiet.requires_grad
    torch.testing.assert_close(quiet, ModularNCE()(batch).total.detach())


def test_one_clip() -> None:
    assert float(InfoNCE()(random_batch(num_clips=1, num_extras=0)).total.detach()) == pytest.approx(0, abs=1e-12)
