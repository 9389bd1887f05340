from dataclasses import replace

import pytest
import torch

from compa.objectives import InfoNCE, Temperature
from tests.compa.objectives.batches import random_batch


def test_scale_is_one_over_the_temperature() -> None:
    assert float(Temperature(0.05)().detach()) == pytest.approx(20)


def test_never_above_100_and_free_to_come_back() -> None:
    temperature = Temperature()
    temperature.log_scale.data.fill_(9.0)
    assert float(temperature().detach()) == pytest.approx(100)
    optimizer = torch.optim.SGD(temperature.parameters(), lr=0.001)
    temperature().backward()
    optimizer.step()
    assert float(temperature().detach()) == pytest.approx(100 * 0.9048, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_stays_float32(dtype: torch.dtype) -> None:
    temperature = Temperature(0.07)
    before = float(temperature().detach())
    assert temperature.to(dtype)().dtype == torch.float32
    assert float(temperature().detach()) == before


def test_learns_and_is_saved() -> None:
    temperature = Temperature(0.2)
    batch = random_batch(dtype=torch.float32)
    torch.autograd.backward(InfoNCE()(replace(batch, scale=temperature())).total)
    assert temperature.log_scale.grad is not None
    assert float(temperature.log_scale.grad) != 0
    other = Temperature()
    other.load_state_dict(temperature.state_dict())
    assert torch.equal(other(), temperature())


def test_frozen() -> None:
    assert not Temperature(learnable=False)().requires_grad


@pytest.mark.parametrize(("initial", "floor"), [(0.0, 0.01), (-1.0, 0.01), (0.005, 0.01), (float("nan"), 0.01)])
def test_impossible_temperatures(initial: float, floor: float) -> None:
    with pytest.raises(ValueError, match=r"1/600 <= floor <= initial; got .*"):
        Temperature(initial, floor)
