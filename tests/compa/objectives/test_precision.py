"""Types: half precision with float32 sums, autocast, float64, extreme cosines, compiled."""

from dataclasses import replace

import pytest
import torch

from compa.objectives import Embeddings
from compa.objectives import objective as objective_module
from compa.objectives.kernels import tiles as tiles_module
from tests.compa.objectives.batches import NAMES, detached, gradients, objective_named, random_batch
from tests.oracles.contrastive import oracle_loss


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_sums_in_float32(monkeypatch: pytest.MonkeyPatch, name: str, dtype: torch.dtype) -> None:
    monkeypatch.setattr(objective_module, "CHECKED_CALLS", 0)  # rounded rows are not of unit length in float64
    half = random_batch(0, num_clips=64, num_extras=100, width=32, scale=20, dtype=dtype)
    same = detached(half, torch.float64)
    objective = objective_named(name)
    loss, exact = objective(half).total, objective(same).total
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss.double(), exact, rtol=1e-5, atol=1e-5)
    for grad, expected in zip(gradients(loss, half), gradients(exact, same), strict=True):
        assert grad.dtype in (dtype, torch.float32)
        allowed = 2 * torch.finfo(grad.dtype).eps * float(expected.abs().max()) + 1e-6
        torch.testing.assert_close(grad.double(), expected, rtol=0, atol=allowed)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("scale", [100.0, 600.0])
def test_finite_at_extreme_cosines(name: str, dtype: torch.dtype, sign: float, scale: float) -> None:
    """Every pair is at +1 or -1, with the clips' own captions on the wrong side."""
    batch = random_batch(0, num_clips=6, num_extras=8, width=4, scale=scale, dtype=dtype, share_known=0)
    direction = torch.tensor([[1.0, 0, 0, 0]], dtype=dtype)
    side = torch.tensor([1.0, -1, 1, -1, 1, -1], dtype=dtype)[:, None]
    extreme = replace(
        batch,
        audio=(direction * side).requires_grad_(),
        captions=(-sign * direction * side).requires_grad_(),
        extras=(sign * direction).repeat(8, 1).requires_grad_(),
    )
    loss = objective_named(name)(extreme).total
    assert loss.isfinite()
    assert all(grad.isfinite().all() for grad in gradients(loss, extreme))
    if name == "info":
        expected = torch.log(torch.tensor(3.0)) + (2 * scale if sign > 0 else 0)
        torch.testing.assert_close(float(loss.detach()), float(expected), rtol=1e-7, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_all_exponentials_underflow_in_float32(name: str) -> None:
    """All logits near -100, whose exponentials underflow without a shift."""
    batch = random_batch(0, num_clips=5, num_extras=6, width=4, scale=100, dtype=torch.float32)
    one = torch.tensor([[1.0, 0, 0, 0]])
    far = replace(batch, audio=one.repeat(5, 1), captions=-one.repeat(5, 1), extras=-one.repeat(6, 1))
    exact = objective_named(name)(detached(far, torch.float64)).total
    torch.testing.assert_close(objective_named(name)(far).total, exact.float())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cached", [0, 1024**2])
def test_no_caption_near_some_clips(monkeypatch: pytest.MonkeyPatch, name: str, cached: int) -> None:
    """Sums whose terms all underflow in float32 beside sums whose terms don't, in several tiles."""
    monkeypatch.setitem(tiles_module.SIZES, "cpu", tiles_module.TileSizes(edge=4, cached=cached))
    batch = random_batch(1, num_clips=9, num_extras=12, width=3, scale=100)
    toward = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    shift = torch.where(torch.arange(9) < 3, -6.0, 6.0)[:, None] * toward
    audio = torch.nn.functional.normalize(batch.audio.detach() + shift, dim=1)
    captions = torch.nn.functional.normalize(batch.captions.detach() + 6 * toward, dim=1)
    one_sided = replace(batch, audio=audio, captions=captions)
    single, double = detached(one_sided, torch.float32), detached(one_sided)
    assert float((captions @ audio[0]).max()) < -0.8
    loss = objective_named(name)(single).total
    parts = oracle_loss(name, double)
    exact = sum(parts, torch.zeros(())) / 2
    torch.testing.assert_close(loss.double(), exact, rtol=1e-5, atol=0)
    for mine, right in zip(gradients(loss, single), gradients(exact, double), strict=True):
        torch.testing.assert_close(mine.double(), right, rtol=0, atol=3e-5 * float(right.abs().max()) + 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_autocast_changes_nothing(name: str) -> None:
    batch = random_batch(0, num_clips=20, num_extras=30, dtype=torch.float32)
    total = objective_named(name)(batch).total
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = objective_named(name)(other := detached(batch)).total
        of_cast = gradients(cast, other)
    assert cast.dtype == torch.float32
    assert torch.equal(cast, total)
    assert all(map(torch.equal, of_cast, gradients(total, batch)))


@pytest.mark.parametrize("name", NAMES)
def test_float64_stays_float64(name: str) -> None:
    batch = random_batch()
    total = objective_named(name)(batch).total
    assert total.dtype == torch.float64
    assert all(grad.dtype == torch.float64 for grad in gradients(total, batch))


def test_scale_of_another_type() -> None:
    batch = replace(random_batch(), scale=torch.tensor(9.0, requires_grad=True))
    total = objective_named("hard")(batch).total
    torch.testing.assert_close(total, objective_named("hard")(random_batch()).total)
    assert gradients(total, batch)[3].dtype == torch.float32


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("name", ["hard", "mean"])
def test_compiled_in_one_graph(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Traced and differentiated as when compiling; without the code generator, which takes long."""
    monkeypatch.setitem(tiles_module.SIZES, "cpu", tiles_module.TileSizes(edge=4, cached=30))
    torch.compiler.reset()
    objective = objective_named(name)

    def total(embeddings: Embeddings) -> torch.Tensor:
        return 2 * objective(embeddings).total

    compiled = torch.compile(total, fullgraph=True, backend="aot_eager")
    for seed, num_extras in ((0, 7), (1, 12)):
        batch = random_batch(seed, num_extras=num_extras)
        other = detached(batch)
        torch.testing.assert_close(compiled(batch), total(other))
        torch.testing.assert_close(gradients(compiled(batch), batch), gradients(total(other), other))
