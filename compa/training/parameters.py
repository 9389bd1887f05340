"""Which weights are trained, and at what rate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

_LAYER = re.compile(r"(?:.*\.)?(?:layers?|blocks?|h)\.\d+(?=\.)")


def freeze_weights(model: nn.Module, patterns: Sequence[str]) -> list[nn.Module]:
    """Keeps weights from being trained.

    Args:
        model: Whose weights.
        patterns: Of names, such as `text_encoder.*` or `audio_encoder.model.*.layers.0.*`; `*` is any text.

    Returns:
        The modules whose every weight the patterns match.

    Raises:
        ValueError: If a pattern matches no weight.
    """
    weights = dict(model.named_parameters())
    frozen: set[nn.Parameter] = set()
    for pattern in patterns:
        names = [name for name in weights if fnmatchcase(name, pattern)]
        if not names:
            raise ValueError(f"freeze {pattern!r} matches no weight; names are such as {', '.join([*weights][:3])}")
        for name in names:
            weights[name].requires_grad_(False)
            frozen.add(weights[name])
    return [module for module in model.modules() if (own := {*module.parameters()}) and own <= frozen]


def parameter_groups(
    model: nn.Module,
    learning_rate: float,
    weight_decay: float,
    layer_decay: float = 1.0,
    towers: Sequence[str] = ("",),
) -> list[dict[str, Any]]:
    """Groups the trained weights for an optimizer.

    Matrices decay, vectors (biases, norms, scalars) do not. With `layer_decay` d < 1 the last layer of each tower
    learns at d times the rate, the one before at d² times, and so on down to the weights before the first layer;
    weights above the layers learn at the full rate.

    Args:
        model: Whose weights.
        learning_rate: Peak of the rate.
        weight_decay: Of matrices.
        layer_decay: From each layer to the one below.
        towers: Parts of weights' names, such as `audio_encoder.`, whose layers are counted separately.

    Raises:
        ValueError: If no weight is trained, or `layer_decay` is not above 0 and up to 1.
    """
    if not 0 < layer_decay <= 1:
        raise ValueError(f"layer_decay must be above 0 and at most 1; got {layer_decay}")
    depths = _depths((name for name, _ in model.named_parameters()), towers)
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            rate = learning_rate * layer_decay ** depths[name]
            decay = weight_decay if weight.ndim >= 2 else 0.0
            group = groups.setdefault((rate, decay), {"params": [], "lr": rate, "weight_decay": decay})
            group["params"].append(weight)
    if not groups:
        raise ValueError("every weight is frozen: freeze fewer")
    return list(groups.values())


def _depths(names: Iterable[str], towers: Sequence[str]) -> dict[str, int]:
    """Each weight's number of layers below the top of its tower; 0 is above all layers."""
    depths = dict.fromkeys(names, 0)
    for tower in towers:
        members = [name for name in depths if tower in name]
        layers = list(dict.fromkeys(match[0] for name in members if (match := _LAYER.match(name))))
        is_below = bool(layers)
        for name in members:
            match = _LAYER.match(name)
            if match:
                is_below = False
                depths[name] = len(layers) - layers.index(match[0])
            elif is_below:
                depths[name] = len(layers) + 1
    return depths
