"""Reads and writes CLAP checkpoints of transformers: the same weights under other names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from compa.models.checkpoints.hub import check_keys, check_name, naming, read_weights, reading, transformers
from compa.models.clap import CLAP, SCALES
from compa.models.encoders.audio import Pad
from compa.models.encoders.htsat import HTSAT, features_of
from compa.models.encoders.transformers_text import SPECIAL_TOKENS, TransformersText, read_tokenizer

_NAMES = {
    "audio_encoder.model.": "audio_model.",
    "text_encoder.model.": "text_model.",
    "clip_projection.0.": "audio_projection.linear1.",
    "clip_projection.2.": "audio_projection.linear2.",
    "text_projection.0.": "text_projection.linear1.",
    "text_projection.2.": "text_projection.linear2.",
}
"""Prefixes of names of weights, in compa and in transformers."""
_PADDINGS: dict[Pad, str] = {"repeatpad": "repeatpad", "repeat": "repeat", "zeros": "pad"}
"""Names of paddings of short clips, in compa and in transformers."""
_EXTRACTOR = ("frequency_min", "frequency_max", "fft_window_size", "hop_length", "max_length_s", "sampling_rate",
              "feature_size", "truncation", "padding", "top_db")  # fmt: skip


def read_clap(name: str, pad: Pad | None = None, strict: bool = True) -> CLAP:
    """Reads a CLAP checkpoint of transformers with its features, padding and tokenizer.

    Args:
        name: A folder or hub id.
        pad: How clips shorter than a window are filled up; None is the checkpoint's setting.
        strict: Whether missing or unexpected weights are an error.

    Raises:
        ValueError: If there is no such checkpoint, it is damaged or of another architecture, or its extractor or
            tokenizer is missing or does not fit the model.
    """
    package = transformers()
    name = check_name(name)
    with reading(name):
        config = package.AutoConfig.from_pretrained(name)
    if config.model_type != "clap":
        raise ValueError(
            f"{name} is a checkpoint of type {config.model_type!r}, not clap: use it as an encoder in a recipe"
        )
    model, missing, unexpected = read_weights(package.ClapModel, name)
    check_keys(name, missing, unexpected, strict)
    tokenizer = read_tokenizer(name, config.text_config)
    with naming(name):
        return build_clap(config, model.state_dict(), read_clap_extractor(name), tokenizer, pad)


def read_clap_extractor(name: str) -> dict[str, Any]:
    """Reads the settings of a checkpoint's `ClapFeatureExtractor`; raises ValueError if there is none."""
    with reading(name):
        extractor = transformers().ClapFeatureExtractor.from_pretrained(name)
    return {key: getattr(extractor, key) for key in _EXTRACTOR}


def build_clap(
    config: Any,
    weights: Mapping[str, Tensor],
    extractor: dict[str, Any],
    tokenizer: tuple[str, int | None, dict[str, str]],
    pad: Pad | None = None,
) -> CLAP:
    """Builds a CLAP of the parts of a checkpoint of transformers.

    Args:
        config: A `ClapConfig`.
        weights: Under the names of a `ClapModel`.
        extractor: Settings of a `ClapFeatureExtractor`.
        tokenizer: As `read_tokenizer` returns it.
        pad: How clips shorter than a window are filled up; None is the extractor's setting.

    Raises:
        ValueError: If the extractor or tokenizer does not fit the model.
    """
    ways = {padding: ours for ours, padding in _PADDINGS.items()}
    if extractor["padding"] not in ways:
        raise ValueError(f"the extractor's padding must be one of {', '.join(ways)}; got {extractor['padding']!r}")
    features = transformers().ClapFeatureExtractor(**extractor)
    text, longest, special_tokens = tokenizer
    clap = CLAP(
        HTSAT(
            features_of(features),
            config.audio_config.to_dict(),
            pad or ways[extractor["padding"]],
            features.nb_max_samples / features.sampling_rate,
        ),
        TransformersText(config.text_config.to_dict(), text, longest, pooling="pooler"),
        embedding_size=config.projection_dim,
        num_segments=0,
        projection=config.projection_hidden_act,
    )
    clap.load_state_dict({name: weights[_theirs(name)] for name in clap.state_dict()})
    clap.origin = {
        "extractor": extractor,
        "special_tokens": special_tokens,
        "scales": {name: weights[name].double().item() for name in SCALES},
    }
    return clap


def write_clap(clap: CLAP, folder: Path) -> None:
    """Writes a CLAP as a checkpoint of transformers, with extractor and tokenizer.

    Raises:
        ValueError: If transformers' ClapModel has no such architecture, with the reason.
    """
    package = transformers()
    audio, text = clap.audio_encoder, clap.text_encoder
    reasons = {
        "its audio encoder is not HTSAT": not isinstance(audio, HTSAT),
        "its text encoder is not that of CLAP": not isinstance(text, TransformersText) or text.pooling != "pooler",
        "it has time segments": clap.num_segments > 0,
        "its projections have a norm": clap.projection == "norm",
        "it masks the padding of short clips, unless --pad is given": audio.pad == "mask",
    }
    if any(reasons.values()):
        reason = next(reason for reason, holds in reasons.items() if holds)
        raise ValueError(f"transformers' ClapModel cannot represent this model, since {reason}: use --format compa")
    assert isinstance(audio, HTSAT)
    assert isinstance(text, TransformersText)
    if text.model.config.model_type != "clap_text_model" or text.init_args["lora"] or not text.init_args["tokenizer"]:
        raise ValueError("transformers' ClapModel needs a text tower of CLAP with a tokenizer and without lora")
    config = package.ClapConfig(
        text_config=text.model.config.to_dict(),
        audio_config=audio.model.config.to_dict(),
        projection_dim=clap.embedding_size,
        projection_hidden_act=clap.projection,
    )
    model = package.ClapModel(config)
    weights = {_theirs(name): value for name, value in clap.state_dict().items()}
    scales = clap.origin.get("scales", {})
    weights |= {name: torch.tensor(scales[name], dtype=torch.float32) for name in SCALES if name in scales}
    model.load_state_dict(weights, strict=bool(scales))
    model.save_pretrained(folder)
    extractor = clap.origin.get("extractor") or _extractor_of(audio)
    package.ClapFeatureExtractor(**extractor | {"padding": _PADDINGS[audio.pad]}).save_pretrained(folder)
    special = clap.origin.get("special_tokens", SPECIAL_TOKENS)
    package.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(text.init_args["tokenizer"]), model_max_length=text.max_tokens, **special
    ).save_pretrained(folder)


def _theirs(name: str) -> str:
    ours = next((ours for ours in _NAMES if name.startswith(ours)), "")
    return _NAMES.get(ours, "") + name.removeprefix(ours)


def _extractor_of(audio: HTSAT) -> dict[str, Any]:
    config = audio.config
    return {
        "frequency_min": config.min_hz,
        "frequency_max": config.max_hz or config.sample_rate / 2,
        "fft_window_size": config.fft_size,
        "hop_length": config.hop_size,
        "max_length_s": audio.window_seconds,
        "sampling_rate": config.sample_rate,
        "feature_size": config.num_mels,
        "truncation": "fusion" if config.mel_scale == "htk" else "rand_trunc",
    }
