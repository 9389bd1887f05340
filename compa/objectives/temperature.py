"""The learnable temperature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from compa.objectives.checks import MAX_SCALE


class Temperature(nn.Module):
    """A learnable temperature, kept as `log_scale = log(1 / temperature)` and never below `floor`.

    `scale = exp(log_scale)`. The parameter itself is clamped before every use, so an optimizer that pushed it beyond
    its bound can bring it back at once; a clamp inside the formula would have no gradient there. It stays float32 when
    the model is cast: in bfloat16 a step of 1e-3 would be lost in rounding.

    Args:
        initial: The temperature at the start.
        floor: The lowest temperature; 0.01 is a scale of 100.
        learnable: Whether it has a gradient.

    Raises:
        ValueError: If not `1/600 <= floor <= initial`.
    """

    def __init__(self, initial: float = 0.07, floor: float = 0.01, *, learnable: bool = True) -> None:
        super().__init__()
        if not 1 / MAX_SCALE <= floor <= initial < math.inf:
            raise ValueError(
                f"the temperature must have 1/{MAX_SCALE:g} <= floor <= initial; got floor {floor}, initial {initial}"
            )
        self.max_log_scale = -math.log(floor)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(initial)), requires_grad=learnable)

    def forward(self) -> Tensor:
        """Computes the scale, 1 / temperature: `()`, float32."""
        with torch.no_grad():
            self.log_scale.clamp_(max=self.max_log_scale)
        return self.log_scale.exp()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Moves the parameter without casting it."""
        exact = self.log_scale.detach().clone()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if not (exact.is_meta or self.log_scale.is_meta):
            self.log_scale.data = exact.to(self.log_scale.device)
        return self
