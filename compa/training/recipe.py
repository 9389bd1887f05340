"""Configurations of small trainings that are compared with each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VALIDATIONS = 10


@dataclass(frozen=True)
class Variant:
    """What a training differs in from those that it is compared with.

    Attributes:
        objective: Class name of the objective.
        data: Arguments of `SceneData`.
        model: Arguments of the task.
        contrast: Arguments of the objective.
    """

    objective: str
    data: Mapping[str, Any]
    model: Mapping[str, Any] = field(default_factory=dict)
    contrast: Mapping[str, Any] = field(default_factory=dict)


def recipe(variant: Variant, events: str | None, max_steps: int, seed: int) -> dict[str, Any]:
    """The configuration of a training, as `compa fit --config` takes it.

    Args:
        variant: What it differs in.
        events: The event bank; None is the built-in synthesiser.
        max_steps: Optimiser steps.
        seed: Of the weights, the scenes and everything else.
    """
    scenes = {"events": events, "num_batches": max_steps, "seed": seed, **variant.data}
    objective: dict[str, Any] = {"class_path": f"compa.objectives.{variant.objective}"}
    if variant.contrast:
        objective["init_args"] = dict(variant.contrast)
    return {
        "seed_everything": seed,
        "model": {"objective": objective, **variant.model},
        "data": {"class_path": "compa.data.scenes.SceneData", "init_args": scenes},
        "trainer": {
            "max_steps": max_steps,
            "val_check_interval": max(max_steps // VALIDATIONS, 1),
            "gradient_clip_val": 1.0,
            "num_sanity_val_steps": 0,
            "enable_model_summary": False,
        },
    }
