"""Times what encoders save: padding, texts of a frozen encoder, dropped patches.

These are parts of `python -m benchmarks.speed.training`.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.timing import time_in_turns
from compa.models.clap import CLAP
from compa.models.encoders.spectrogram_transformer import SpectrogramTransformer
from compa.models.encoders.text import by_length
from compa.models.encoders.transformers_text import TransformersText
from compa.objectives import Embeddings, HardNegativeNCE

TEXTS_A_BATCH, LONGEST = 192, 77
"""Batch size of CompA's first stage, and the length to which CLIP pads all texts."""
CLIPS, CLIP_SECONDS, RATE, NEGATIVES = 8, 10, 16_000, 8
FROZEN = {"model_type": "t5", "d_model": 1024, "d_kv": 64, "d_ff": 2816, "num_layers": 1, "num_heads": 16}
"""As wide as FLAN-T5-large; the depth does not matter to a cache that holds all texts."""
TRAINED = {
    "model_type": "bert", "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
    "intermediate_size": 1024, "vocab_size": 8000,
}  # fmt: skip
KEPT = 0.25
Clock = Callable[[], float]


def padding_table(captions: Sequence[str], seconds: float, clock: Clock) -> Iterator[str]:
    """The fraction of real tokens in batches of captions, and the cost of padding all of them to 77."""
    encoder = TransformersText(TRAINED)
    encoder.fit_tokenizer(captions)
    order = np.random.default_rng(0).permutation(len(captions))
    batches = [
        [captions[row] for row in order[start : start + TEXTS_A_BATCH]]
        for start in range(0, len(order) - TEXTS_A_BATCH + 1, TEXTS_A_BATCH)
    ]
    real = padded = 0
    for batch in batches:
        lengths = encoder.tokenize(batch)[1].sum(1).numpy()
        real += lengths.sum()
        padded += sum(len(group) * lengths[group[-1]] for group in by_length(lengths))
    functions = {
        f"padded to {LONGEST}": partial(_encode_padded, encoder, batches[0]),
        "groups of similar lengths": partial(_backward, partial(encoder.embed, batches[0], torch.device("cpu"))),
    }
    yield f"\n{len(batches)} batches of {TEXTS_A_BATCH} captions: {real / padded:.3f} of the tokens are real\n"
    yield from _table("texts, forward and backward", functions, seconds, clock)


def cache_table(seconds: float, clock: Clock) -> Iterator[str]:
    """The cost of a frozen text encoder in a step whose texts are all in its cache."""
    torch.manual_seed(0)
    vocabulary = [f"word{number}" for number in range(500)]
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(vocabulary, 12)) for _ in range(CLIPS * (1 + NEGATIVES))]
    text_encoder = TransformersText(FROZEN)
    text_encoder.fit_tokenizer(texts)
    with tempfile.TemporaryDirectory() as folder:
        text_encoder.use_cache(folder)
        clap = CLAP(SpectrogramTransformer(size="small"), text_encoder).train()
        embedded = clap.embed_text(texts).detach()  # fills the cache
        functions = {
            "audio only, texts embedded in advance": partial(_backward, partial(_contrast, clap, lambda: embedded)),
            "texts of a frozen encoder, from its cache": partial(
                _backward, partial(_contrast, clap, partial(clap.embed_text, texts))
            ),
        }
        yield f"\n{CLIPS} clips of {CLIP_SECONDS} s, {NEGATIVES} negatives a clip\n"
        yield from _table("step", functions, seconds, clock)


def token_table(seconds: float, clock: Clock) -> Iterator[str]:
    """The cost of the audio encoder in a step that keeps a quarter of the patches."""
    functions = {}
    for fraction in (1.0, KEPT):
        torch.manual_seed(0)
        encoder = SpectrogramTransformer(size="small", keep=fraction).train()
        features = torch.randn(CLIPS, CLIP_SECONDS * RATE // encoder.config.hop_size, encoder.config.num_mels)
        mask = torch.ones(features.shape[:2], dtype=torch.bool)
        functions[f"{fraction:.0%} of the patches"] = partial(_backward, partial(_frames, encoder, features, mask))
    yield f"\n{CLIPS} clips of {CLIP_SECONDS} s, SpectrogramTransformer small\n"
    yield from _table("audio encoder, forward and backward", functions, seconds, clock)


def read_captions(file: Path) -> list[str]:
    """Reads the column `caption` of a CSV."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [row["caption"] for row in csv.DictReader(lines)]


def _table(title: str, functions: Mapping[str, Callable[[], Any]], seconds: float, clock: Clock) -> Iterator[str]:
    times = time_in_turns(functions, seconds, clock)
    first = next(iter(times.values()))
    yield f"| {title} | best, ms | to the first | of it |"
    yield "| --- | ---: | ---: | ---: |"
    for name, taken in times.items():
        yield f"| {name} | {taken.best * 1e3:.1f} | {taken.best / first.best:.3f} | 1 / {first.best / taken.best:.2f} |"


def _backward(forward: Callable[[], Tensor]) -> None:
    forward().sum().backward()  # type: ignore[no-untyped-call]


def _encode_padded(encoder: TransformersText, texts: Sequence[str]) -> None:
    tokens, mask = encoder.tokenize(texts)
    missing = LONGEST - tokens.shape[1]
    tokens = torch.nn.functional.pad(tokens[:, :LONGEST], (0, max(missing, 0)), value=encoder.padding)
    mask = torch.nn.functional.pad(mask[:, :LONGEST], (0, max(missing, 0)))
    _backward(lambda: encoder.pool(encoder(tokens, mask), mask))


def _contrast(clap: CLAP, embed_texts: Callable[[], Tensor]) -> Tensor:
    waveforms = torch.randn(CLIPS, CLIP_SECONDS * RATE, generator=torch.Generator().manual_seed(0))
    audio = clap.embed_audio(waveforms, torch.full((CLIPS,), CLIP_SECONDS * RATE))
    texts = embed_texts()
    embeddings = Embeddings(
        audio=audio,
        captions=texts[:CLIPS],
        extras=texts[CLIPS:],
        owner=torch.arange(CLIPS).repeat_interleave(NEGATIVES),
        is_positive=torch.zeros(CLIPS * NEGATIVES, dtype=torch.bool),
        scale=torch.tensor(14.0),
    )
    return HardNegativeNCE()(embeddings).total


def _frames(encoder: SpectrogramTransformer, features: Tensor, mask: Tensor) -> Tensor:
    return encoder(features, mask)[0]  # type: ignore[no-any-return]
