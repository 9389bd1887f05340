"""Trained models in and out of folders and files: our own, those of transformers, and LAION-CLAP's."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from compa.models.clap import CLAP
from compa.models.audio_windows import Audio
from compa.models.embedder import Embedder
from compa.models.encoders.audio import Pad

__all__ = ["Audio", "Embedder", "load", "save", "start"]

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"
HUB = "hf:"
"""Names of CLAP checkpoints of transformers begin so, whether folders or of the hub."""


def load(
    model: str | Path, device: str | torch.device | None = None, pad: Pad | None = None, strict: bool = True
) -> Embedder:
    """Loads a trained model; never runs code that a file brings along.

    Args:
        model: A run folder or an exported one, one of its checkpoints, a folder with a CLAP checkpoint of transformers,
            `hf:` before such a folder or a hub id, or a `.pt` file of LAION-CLAP.
        device: Where to run the model; by default a GPU where there is one.
        pad: How a checkpoint of others fills up clips that are shorter than its window: `repeatpad`, `repeat` or
            `zeros`; None is its own way.
        strict: Whether weights that are missing or have no place are an error.

    Raises:
        ValueError: If there is no such model, or the file is damaged.
    """
    return Embedder(_read(str(model), pad, strict), device)


def start(model: str, pad: Pad | None = None, strict: bool = True, cache: str | None = None) -> CLAP:
    """Gives a trained model to go on from: a recipe may name this function as its model's `class_path`.

    Args:
        model: As `load` takes it.
        pad: As `load` takes it.
        strict: As `load` takes it.
        cache: A folder that keeps the vectors of texts; the text encoder, one of transformers, is then frozen.

    Raises:
        ValueError: As `load` does, or if the text encoder can have no cache.
    """
    clap = _read(model, pad, strict)
    if cache:
        clap.text_encoder.use_cache(cache)
    return clap


def _read(model: str, pad: Pad | None, strict: bool) -> CLAP:
    path = Path(model)
    if model.startswith(HUB) or _is_transformers(path):
        from compa.models.checkpoints.transformers_clap import read_clap

        return read_clap(model.removeprefix(HUB), pad, strict)
    if (path / WEIGHTS).is_file() and (path / DESCRIPTION).is_file():
        return _rebuilt(path, *_read_saved(path), pad, strict)
    last = path / "checkpoints" / "last.ckpt"
    if not last.is_file() and not path.is_file():
        raise ValueError(
            f"{path} is no model: expected a run folder (with {WEIGHTS} or checkpoints/last.ckpt), a .ckpt or .pt "
            f"file, or {HUB} and a CLAP checkpoint of transformers"
        )
    path = last if last.is_file() else path
    checkpoint = _read_pickle(path)
    state = checkpoint.get("state_dict", checkpoint)
    if "clap" in checkpoint:
        prefix = "clap."
        weights = {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}
        return _rebuilt(path, checkpoint["clap"], weights, pad, strict)
    from compa.models.checkpoints.laion import is_laion, read_laion

    if not is_laion(state):
        raise ValueError(f"{path} is no checkpoint of compa or LAION-CLAP (it begins with {', '.join([*state][:3])})")
    return read_laion(state, path, pad, strict)


def save(clap: CLAP, folder: Path) -> None:
    """Writes a model's weights and description into a run folder."""
    weights = {name: value.detach().cpu().contiguous() for name, value in clap.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    description = json.dumps(clap.describe(), indent=1, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(description + "\n", encoding="utf-8")


def _is_transformers(folder: Path) -> bool:
    """Whether a folder holds what transformers saved and not we."""
    return (folder / "config.json").is_file() and not (folder / DESCRIPTION).is_file()


def _rebuilt(
    path: Path, description: dict[str, Any], weights: Mapping[str, Any], pad: Pad | None, strict: bool
) -> CLAP:
    from compa.models.checkpoints.hub import check_keys

    try:
        if pad:
            own = description["audio_encoder"]["init_args"]
            if "pad" not in own:
                raise ValueError(
                    f"{path} leaves out what is not there (pad mask), another pad than that it cannot have"
                )
            own["pad"] = pad
        clap = CLAP.from_description(description)
        found = clap.load_state_dict(weights, strict=False)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{path} was written by another version of compa or is damaged ({reason})") from None
    check_keys(str(path), found.missing_keys, found.unexpected_keys, strict)
    return clap


def _read_saved(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    try:
        return json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")), load_file(folder / WEIGHTS)
    except (ValueError, SafetensorError) as error:
        raise ValueError(f"{folder} holds a damaged {DESCRIPTION} or {WEIGHTS} ({error})") from None


def _read_pickle(path: Path) -> dict[str, Any]:
    """Reads what torch saved, as long as it is data."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # torch's own words advise to let it run code
        raise ValueError(f"{path} is no checkpoint that can be read safely: it is damaged, or would run code") from None
    except Exception as error:  # whatever a damaged or foreign file makes of torch.load
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is no checkpoint that can be read safely ({reason})") from None
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict", checkpoint), dict):
        raise ValueError(f"{path} is no checkpoint of compa: it holds a {type(checkpoint).__name__}")
    return checkpoint
