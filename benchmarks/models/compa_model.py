"""Models that `compa.load` opens: run folders, checkpoints, and `hf:` names; or only their audio encoders."""

from __future__ import annotations

from pathlib import Path

from benchmarks.models.controls import controls
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.names import CONTROL, MODELS
from benchmarks.models.options import ModelOptions, Uses, check_devices
from benchmarks.scorer import AudioFrames, Scorer
from compa.models import HUB, audio_frames
from compa.models.pretrained import load
from compa.utils.text import did_you_mean


def open_model(name: str, options: ModelOptions) -> Uses:
    """Loads a copy of a model per device.

    Raises:
        ValueError: If there is no such model or device, or the model is damaged.
    """
    path = Path(name)
    if not name.startswith(HUB) and not path.exists():
        known = [CONTROL + control for control in controls()]
        known += [str(other) for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ValueError(f"there is no model {name!r}{did_you_mean(name, known)} (a model is a {MODELS})")
    check_devices(options.devices)
    models = [load(name, device, options.pad) for device in options.devices or (None,)]
    return {
        Scorer: lambda: EmbeddingScorer(models, cache=options.cache),
        AudioFrames: lambda: audio_frames.AudioFrames(models[0].clap.audio_encoder, models[0].device),
    }
