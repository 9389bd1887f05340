"""LAION-CLAP's `.pt` checkpoints with HTSAT and RoBERTa: the weights of a ClapModel under other names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from compa.audio.features import PRESETS
from compa.models.checkpoints.hub import check_keys, naming, transformers
from compa.models.checkpoints.transformers_clap import build_clap, read_clap_extractor
from compa.models.clap import CLAP
from compa.models.encoders.audio import Pad
from compa.models.encoders.transformers_text import read_tokenizer

MAX_TOKENS = 77
"""LAION's code cuts texts to so many tokens."""
TOKENIZER = "roberta-base"
HEAD_SIZE = 64
"""Size of RoBERTa's attention heads, which no weight shows."""
CONFIG, EXTRACTOR = "config.json", "preprocessor_config.json"

_RENAMED = (
    (r"^audio_branch\.", "audio_model.audio_encoder."),
    (r"^text_branch\.", "text_model."),
    (r"^(audio|text)_projection\.0\.", r"\1_projection.linear1."),
    (r"^(audio|text)_projection\.2\.", r"\1_projection.linear2."),
    (r"\.bn0\.", ".batch_norm."),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"\.attn\.proj\.", ".attention.output.dense."),
    (r"\.attn\.", ".attention.self."),
    (r"\.mlp\.fc1\.", ".intermediate.dense."),
    (r"\.mlp\.fc2\.", ".output.dense."),
)
_NO_PART = (
    r"^audio_branch\.(spectrogram_extractor|logmel_extractor|tscam_conv|head)\.",
    r"^(audio|text)_transform\.",
    r"\.attn_mask$",
    r"\.(position_ids|token_type_ids|relative_position_index)$",
)
"""LAION's front end, its classifier, two layers that only its training used, and values that are computed."""


def is_laion(weights: Mapping[str, Any]) -> bool:
    """Whether these are names of LAION-CLAP's weights."""
    return any(re.match(r"(module\.)?(audio|text)_branch\.", name) for name in weights)


def read_laion(weights: Mapping[str, Tensor], path: Path, pad: Pad | None = None, strict: bool = True) -> CLAP:
    """Builds a CLAP of LAION-CLAP's weights.

    Settings that cannot be inferred from weights are those of LAION's code: 48 kHz, windows of 10 s, the mel scale of
    its fused or unfused models, images of 256 x 256, RoBERTa's heads of 64 and its layer norms; unless there are a
    `config.json` and a `preprocessor_config.json` of transformers' CLAP beside the file. Clips are not rounded to 16
    bits, as LAION's code does, so that the same weights give the same embeddings as through transformers.

    Args:
        weights: The file's `state_dict`.
        path: The file; RoBERTa's tokenizer is read beside it, or else from the Hub.
        pad: How clips shorter than a window are filled up; None is `repeatpad`, as in LAION's code.
        strict: Whether missing or unexpected weights are an error.

    Raises:
        ValueError: If the weights are of another architecture, or the tokenizer is missing or does not fit them.
    """
    weights = {name.removeprefix("module."): value for name, value in weights.items()}
    if not any(name.startswith("audio_branch.patch_embed.") for name in weights):
        raise ValueError(f"{path} has no HTSAT (PANN, perhaps): only LAION-CLAP with HTSAT and RoBERTa can be read")
    if "text_branch.embeddings.word_embeddings.weight" not in weights:
        raise ValueError(f"{path} has no RoBERTa: only LAION-CLAP with HTSAT and RoBERTa can be read")
    renamed = dict(_renamed(weights))
    config = _config(renamed, path)
    model = transformers().ClapModel(config)
    try:
        found = model.load_state_dict(renamed, strict=False)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit LAION-CLAP ({' '.join(str(error).split())[:300]})") from None
    missing = [name for name in found.missing_keys if not re.search(_NO_PART[-1], name)]
    check_keys(str(path), missing, found.unexpected_keys, strict)
    has_extractor = (path.parent / EXTRACTOR).is_file()
    extractor = read_clap_extractor(str(path.parent)) if has_extractor else _extractor(config)
    try:
        text, _, special = read_tokenizer(_tokenizer_beside(path), config.text_config)
    except ValueError as error:
        raise ValueError(f"{path} needs a tokenizer: put tokenizer.json of {TOKENIZER} beside it ({error})") from None
    with naming(path):
        return build_clap(config, model.state_dict(), extractor, (text, MAX_TOKENS, special), pad)


def _renamed(weights: Mapping[str, Tensor]) -> list[tuple[str, Tensor]]:
    """The weights under the names of a ClapModel, without those that embedding does not use."""
    found: list[tuple[str, Tensor]] = []
    for name, value in weights.items():
        if any(re.search(pattern, name) for pattern in _NO_PART):
            continue
        new = name
        if not name.startswith("text_branch."):
            for pattern, replacement in _RENAMED:
                new = re.sub(pattern, replacement, new)
        else:
            new = re.sub(*_RENAMED[1], name)
        if ".self.qkv." in new:
            parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
            found += [(new.replace(".qkv.", f".{part}."), weight) for part, weight in parts]
        else:
            found.append((new, value))
    return found


def _config(weights: Mapping[str, Tensor], path: Path) -> Any:
    """A `ClapConfig`, from the shapes of the weights and what lies beside the file."""
    package = transformers()
    beside = path.parent / CONFIG
    if beside.is_file():
        try:
            settings = json.loads(beside.read_text(encoding="utf-8"))
            if settings.get("model_type") == "clap":
                return package.ClapConfig.from_dict(settings)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{beside} is not a configuration of CLAP ({error})") from None
    try:
        return package.ClapConfig(
            text_config=_text_config(weights),
            audio_config=_audio_config(weights),
            projection_dim=len(weights["audio_projection.linear2.weight"]),
        )
    except KeyError as error:
        raise ValueError(f"the weights of {path} do not fit LAION-CLAP: {error} is missing") from None


def _extractor(config: Any) -> dict[str, Any]:
    """Settings of a `ClapFeatureExtractor` that computes what LAION's code does."""
    is_fused = config.audio_config.enable_fusion
    features = PRESETS["laion-fused" if is_fused else "laion-unfused"]
    return {
        "frequency_min": features.min_hz,
        "frequency_max": features.max_hz,
        "feature_size": config.audio_config.num_mel_bins,
        "truncation": "fusion" if is_fused else "rand_trunc",
        "padding": "repeatpad",
    }


def _text_config(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    embeddings = weights["text_model.embeddings.word_embeddings.weight"]
    hidden = embeddings.shape[1]
    return {
        "vocab_size": len(embeddings),
        "hidden_size": hidden,
        "num_hidden_layers": _count(weights, r"text_model\.encoder\.layer\.(\d+)\."),
        "num_attention_heads": max(1, hidden // HEAD_SIZE),
        "intermediate_size": len(weights["text_model.encoder.layer.0.intermediate.dense.weight"]),
        "max_position_embeddings": len(weights["text_model.embeddings.position_embeddings.weight"]),
        "layer_norm_eps": 1e-5,
    }


def _audio_config(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    start = "audio_model.audio_encoder"
    num_stages = _count(weights, rf"{start}\.layers\.(\d+)\.")
    tables = [
        weights[f"{start}.layers.{stage}.blocks.0.attention.self.relative_position_bias_table"]
        for stage in range(num_stages)
    ]
    patches = weights[f"{start}.patch_embed.proj.weight"]
    width = len(patches)
    return {
        "num_mel_bins": len(weights[f"{start}.batch_norm.weight"]),
        "patch_size": patches.shape[2],
        "patch_stride": [patches.shape[2]] * 2,
        "patch_embeds_hidden_size": width,
        "hidden_size": width * 2 ** (num_stages - 1),
        "depths": [_count(weights, rf"{start}\.layers\.{stage}\.blocks\.(\d+)\.") for stage in range(num_stages)],
        "num_attention_heads": [table.shape[1] for table in tables],
        "window_size": round((max(map(len, tables)) ** 0.5 + 1) / 2),
        "mlp_ratio": len(weights[f"{start}.layers.0.blocks.0.intermediate.dense.weight"]) / width,
        "enable_fusion": f"{start}.patch_embed.mel_conv2d.weight" in weights,
        "fusion_type": "aff_2d" if f"{start}.patch_embed.mel_conv2d.weight" in weights else None,
    }


def _count(weights: Mapping[str, Tensor], pattern: str) -> int:
    """One more than the highest number in names with that beginning."""
    return max((int(match[1]) for name in weights if (match := re.match(pattern, name))), default=-1) + 1


def _tokenizer_beside(path: Path) -> str:
    names = ("tokenizer.json", "vocab.json")
    return str(path.parent) if any((path.parent / name).is_file() for name in names) else TOKENIZER
