"""Writes both towers as ONNX, from features and tokens to unit vectors."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from compa.models.checkpoints.hub import need
from compa.models.clap import CLAP


class _Audio(nn.Module):
    def __init__(self, clap: CLAP) -> None:
        super().__init__()
        self.clap: Any = clap

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        embeddings: Tensor = self.clap.embed_features(features, mask)
        return embeddings


class _Text(nn.Module):
    def __init__(self, clap: CLAP) -> None:
        super().__init__()
        self.clap: Any = clap

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        embeddings: Tensor = self.clap.embed_tokens(tokens, mask)
        return embeddings


def write_onnx(clap: CLAP, folder: Path) -> None:
    """Writes `audio.onnx` and `text.onnx`, and the settings of their inputs: `features.json` and `tokenizer.json`.

    Raises:
        ValueError: If a package is missing, or a tower cannot be written.
    """
    for package in ("onnx", "onnxscript"):
        need(package, "pip install 'compa[onnx]'")
    clap = clap.eval().requires_grad_(False)
    samples = round(clap.audio_encoder.window_seconds * clap.sample_rate)
    lengths = torch.tensor([samples, samples // 2])
    features = clap.log_mel(*clap.audio_encoder.prepare(torch.zeros(2, samples), lengths))
    tokens = clap.text_encoder.tokenize(["a dog barks, then rain falls", "rain"])
    num_frames = "frames" if clap.audio_encoder.pad == "mask" else None
    _export(_Audio(clap), folder / "audio.onnx", {"features": features[0], "mask": features[1]}, ("clips", num_frames))
    _export(_Text(clap), folder / "text.onnx", {"tokens": tokens[0], "mask": tokens[1]}, ("texts", "length"))
    about = {"log_mel": dataclasses.asdict(clap.audio_encoder.config), "pad": clap.audio_encoder.pad}
    (folder / "features.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").write_text(str(clap.text_encoder.init_args["tokenizer"]), encoding="utf-8")


def _export(tower: nn.Module, path: Path, inputs: dict[str, Tensor], axes: tuple[str, str | None]) -> None:
    """Writes a tower; all inputs have the same first two axes, which may have any size if they are named."""
    dynamic = {0: torch.export.Dim.DYNAMIC} | ({1: torch.export.Dim.DYNAMIC} if axes[1] else {})
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                tower,
                tuple(inputs.values()),
                path,
                dynamo=True,
                input_names=list(inputs),
                output_names=["embeddings"],
                dynamic_shapes=tuple(dynamic for _ in inputs),
                external_data=False,
            )
    except Exception as error:  # of many kinds, depending on the operation
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path.name} cannot be written: ONNX cannot represent this tower ({reason})") from None
