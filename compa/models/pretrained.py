"""Loads and saves trained models: compa's own, CLAP checkpoints of transformers, and LAION-CLAP's."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from compa.models import HUB
from compa.models.audio_windows import Audio
from compa.models.checkpoints.hub import check_keys, naming
from compa.models.clap import CLAP, current_description
from compa.models.embedder import Embedder
from compa.models.encoders.audio import Pad

__all__ = ["Audio", "Embedder", "load", "save", "start"]

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"
LAST_CHECKPOINT = Path("checkpoints", "last.ckpt")
"""Of a run folder."""


def load(
    model: str | Path, device: str | torch.device | None = None, pad: Pad | None = None, strict: bool = True
) -> Embedder:
    """Loads a trained model; never runs code from a file.

    Args:
        model: A run folder or an exported folder, a checkpoint, a folder with a CLAP checkpoint of transformers, `hf:`
            and such a folder or a hub id, or a `.pt` file of LAION-CLAP.
        device: Where to run the model; by default a GPU if there is one.
        pad: How a checkpoint of transformers or LAION fills up clips shorter than its window: `repeatpad`, `repeat` or
            `zeros`; None is the checkpoint's own setting.
        strict: Whether missing or unexpected weights are an error.

    Raises:
        ValueError: If there is no such model, a file is damaged, or the tokenizer or features do not fit the model.
    """
    return Embedder(_read(str(model), pad, strict), device)


def start(model: str, pad: Pad | None = None, strict: bool = True, cache: str | None = None) -> CLAP:
    """Loads a trained model to train further: a recipe may name this function as its model's `class_path`.

    Args:
        model: As for `load`.
        pad: As for `load`.
        strict: As for `load`.
        cache: A folder that keeps embeddings of texts; the text encoder, one of transformers, is then frozen.

    Raises:
        ValueError: As `load` does, or if the text encoder does not support a cache.
    """
    clap = _read(model, pad, strict)
    if cache:
        clap.text_encoder.use_cache(cache)
    return clap


def save(clap: CLAP, folder: Path) -> None:
    """Writes a model's weights and description into a folder."""
    write(folder, clap.describe(), clap.state_dict())


def write(folder: Path, description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Writes a model as `CLAP.describe` and `CLAP.state_dict` give it."""
    save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, folder / WEIGHTS)
    text = json.dumps(description, indent=1, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def split(checkpoint: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The description and weights of the CLAP in a checkpoint of `ContrastiveTask`."""
    state = checkpoint["state_dict"]
    return checkpoint["clap"], {
        name.removeprefix("clap."): value for name, value in state.items() if name.startswith("clap.")
    }


def _read(model: str, pad: Pad | None, strict: bool) -> CLAP:
    path = Path(model)
    if model.startswith(HUB) or _is_transformers(path):
        from compa.models.checkpoints.transformers_clap import read_clap

        return read_clap(model.removeprefix(HUB), pad, strict)
    if (path / WEIGHTS).is_file() and (path / DESCRIPTION).is_file():
        return _rebuilt(path, *_read_saved(path), pad, strict)
    last = path / LAST_CHECKPOINT
    if not last.is_file() and not path.is_file():
        raise ValueError(
            f"{path} is not a model: expected a run folder (with {WEIGHTS} or {LAST_CHECKPOINT}), a .ckpt or .pt file, "
            f"or {HUB} and a CLAP checkpoint of transformers"
        )
    path = last if last.is_file() else path
    checkpoint = _read_pickle(path)
    if "clap" in checkpoint:
        return _rebuilt(path, *split(checkpoint), pad, strict)
    from compa.models.checkpoints.laion import is_laion, read_laion

    state = checkpoint.get("state_dict", checkpoint)
    if not is_laion(state):
        raise ValueError(
            f"{path} is not a checkpoint of compa or LAION-CLAP (its first keys are {', '.join([*state][:3])})"
        )
    return read_laion(state, path, pad, strict)


def _is_transformers(folder: Path) -> bool:
    """Whether a folder was saved by transformers, not by compa."""
    return (folder / "config.json").is_file() and not (folder / DESCRIPTION).is_file()


def _rebuilt(
    path: Path, description: dict[str, Any], weights: Mapping[str, Tensor], pad: Pad | None, strict: bool
) -> CLAP:
    try:
        description = current_description(description)
        if pad:
            own = description["audio_encoder"]["init_args"]
            if "pad" not in own:
                raise ValueError(f"{path} masks padded frames and does not support --pad {pad}: omit --pad")
            own["pad"] = pad
        with naming(path):
            _check_has_tokenizer(description)
            clap = CLAP.from_description(description)
        found = clap.load_state_dict(weights, strict=False)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{path} was written by another version of compa or is damaged ({reason})") from None
    check_keys(str(path), found.missing_keys, found.unexpected_keys, strict)
    return clap


def _check_has_tokenizer(description: dict[str, Any]) -> None:
    if not description["text_encoder"]["init_args"].get("tokenizer", "unknown"):
        raise ValueError("the model has no tokenizer and cannot read texts: save it after training, or fit one first")


def _read_saved(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        return json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")), load_file(folder / WEIGHTS)
    except (ValueError, SafetensorError) as error:
        raise ValueError(f"{folder} holds a damaged {DESCRIPTION} or {WEIGHTS} ({error})") from None


def _read_pickle(path: Path) -> dict[str, Any]:
    """Reads a file of `torch.save` that contains nothing but data."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # torch's own message recommends to let it run code
        raise ValueError(f"{path} cannot be read safely: it is damaged, or would run code") from None
    except Exception as error:  # torch.load raises errors of many kinds for damaged and foreign files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} cannot be read safely ({reason})") from None
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict", checkpoint), dict):
        raise ValueError(f"{path} is not a checkpoint of compa: it holds a {type(checkpoint).__name__}")
    return checkpoint
