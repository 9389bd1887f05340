"""Which weights are trained, and at what rate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

TOWERS = ("audio_encoder.", "text_encoder.")
_LAYER = re.compile(r".*\.(?:layers?|blocks?|h)\.\d+(?=\.)")


def freeze_weights(model: nn.Module, patterns: Sequence[str]) -> list[nn.Module]:
    """Keeps weights from being trained.

    Args:
        model: A CLAP.
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
            raise ValueError(
                f"freeze {pattern!r} matches no weight: they have names such as {', '.join([*weights][:3])}"
            )
        for name in names:
            weights[name].requires_grad_(False)
            frozen.add(weights[name])
    return [module for module in model.modules() if (own := {*module.parameters()}) and own <= frozen]


def parameter_groups(
    model: nn.Module, learning_rate: float, weight_decay: float, layer_decay: float = 1.0
) -> list[dict[str, Any]]:
    """The trained weights in groups for an optimiser.

    Matrices decay, vectors (biases, norms, the temperature) do not. With `layer_decay` d < 1 the last layer of each
    tower learns at d times the rate, the one before at d² times, and so on down to what comes before the first layer;
    what is above the layers learns at the full rate.

    Args:
        model: A CLAP, or a module that has one.
        learning_rate: Peak of the rate.
        weight_decay: Of matrices.
        layer_decay: From each layer to the one below.

    Raises:
        ValueError: If no weight is trained, or `layer_decay` is not above 0 and up to 1.
    """
    if not 0 < layer_decay <= 1:
        raise ValueError(f"layer_decay {layer_decay} is no factor above 0 and up to 1")
    depths = _depths(name for name, _ in model.named_parameters())
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            rate = learning_rate * layer_decay ** depths[name]
            decay = weight_decay if weight.ndim >= 2 else 0.0
            group = groups.setdefault((rate, decay), {"params": [], "lr": rate, "weight_decay": decay})
            group["params"].append(weight)
    if not groups:
        raise ValueError("every weight is frozen: leave some to train")
    return list(groups.values())


def _depths(names: Iterable[str]) -> dict[str, int]:
    """How many layers below the top of its tower each weight lies; 0 is above all of them."""
    depths: dict[str, int] = {}
    towers: dict[str, list[str]] = {tower: [] for tower in TOWERS}
    for name in names:
        depths[name] = 0
        for tower, members in towers.items():
            if tower in name:
                members.append(name)
    for members in towers.values():
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
