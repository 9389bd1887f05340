"""ONNX: the same embeddings as the model's, for other numbers of clips and texts, and other lengths."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from compa.models import tiny_clap
from compa.models.checkpoints.onnx import write_onnx
from compa.models.clap import CLAP
from compa.models.encoders.audio import ConvTransformer
from compa.models.encoders.spectrogram_transformer import SpectrogramTransformer
from compa.models.encoders.text import CaptionTransformer
from compa.models.pretrained import start

TEXTS = ["a dog barks", "rain", "a dog barks, then rain falls on a car that passes by"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conv", "spectrogram", "htsat"])
def test_both_towers_give_the_models_embeddings(name: str, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    if name == "htsat":
        tiny_clap.make(tmp_path / "tiny")
        clap = start(f"hf:{tmp_path / 'tiny'}").eval()
    else:
        audio = ConvTransformer(width=32) if name == "conv" else SpectrogramTransformer(size="tiny")
        clap = CLAP(audio, CaptionTransformer(512, width=32), embedding_size=32).eval()
        clap.text_encoder.fit_tokenizer(TEXTS)
    write_onnx(clap, tmp_path)
    lengths = torch.tensor([8000, 30000, 12345])
    waveforms = torch.randn(3, 30000, generator=torch.Generator().manual_seed(1)) * 0.1
    waveforms *= torch.arange(30000) < lengths[:, None]
    waveforms[1, :9000] = 0
    waveforms[2, 7000:] = 0
    with torch.no_grad():
        features, mask = clap.log_mel(*clap.audio_encoder.prepare(waveforms, lengths))
        heard, read = clap.embed_features(features, mask).numpy(), clap.embed_text(TEXTS).numpy()
    tokens, token_mask = clap.text_encoder.tokenize(TEXTS)
    (found,) = runtime.InferenceSession(tmp_path / "audio.onnx").run(
        None, {"features": features.numpy(), "mask": mask.numpy()}
    )
    np.testing.assert_allclose(found, heard, atol=1e-5)
    (found,) = runtime.InferenceSession(tmp_path / "text.onnx").run(
        None, {"tokens": tokens.numpy(), "mask": token_mask.numpy()}
    )
    np.testing.assert_allclose(found, read, atol=1e-5)
    assert json.loads((tmp_path / "features.json").read_text())["log_mel"]["sample_rate"] == 16000
