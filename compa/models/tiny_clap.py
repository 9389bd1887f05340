"""Makes a tiny CLAP checkpoint of transformers with random weights: python -m compa.models.tiny_clap DIR [--fused]."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from compa.models.checkpoints.hub import transformers
from compa.models.encoders.transformers_text import SPECIAL_TOKENS, build_tokenizer
from compa.utils.arguments import CommandParser, add_seed

TEXTS = ("a dog barks, then rain falls", "two people speak while a car passes by", "a loud siren after quiet music")


def make(folder: Path, is_fused: bool = False, seed: int = 0, texts: Iterable[str] = TEXTS) -> None:
    """Writes the checkpoint with its extractor (16 kHz, windows of 2 s) and a tokenizer built from the texts."""
    from tokenizers import Tokenizer

    package = transformers()
    torch.manual_seed(seed)
    config = package.ClapConfig(
        text_config={
            "vocab_size": 400,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "max_position_embeddings": 66,
        },
        audio_config={
            "num_mel_bins": 16,
            "spec_size": 64,
            "window_size": 4,
            "patch_embeds_hidden_size": 16,
            "hidden_size": 32,
            "depths": [2, 2],
            "num_attention_heads": [2, 4],
            "enable_fusion": is_fused,
            "fusion_type": "aff_2d" if is_fused else None,
        },
        projection_dim=24,
        initializer_factor=5.0,
    )
    package.ClapModel(config).save_pretrained(folder)
    package.ClapFeatureExtractor(
        feature_size=16,
        sampling_rate=16000,
        hop_length=160,
        max_length_s=2,
        fft_window_size=512,
        frequency_min=50,
        frequency_max=8000,
        truncation="fusion" if is_fused else "rand_trunc",
    ).save_pretrained(folder)
    package.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(build_tokenizer(texts, config.text_config.vocab_size)),
        model_max_length=64,
        **SPECIAL_TOKENS,
    ).save_pretrained(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the checkpoint in the folder that the command line names."""
    command = "python -m compa.models.tiny_clap"
    parser = CommandParser(command, "Makes a tiny CLAP checkpoint of transformers.", f"{command} tiny --fused")
    parser.add_argument("folder", metavar="DIR", type=Path, help="the checkpoint's folder")
    parser.add_argument("--fused", action="store_true", help="with feature fusion, as laion/clap-htsat-fused")
    add_seed(parser)
    options = parser.parse_args(arguments)
    make(options.folder, options.fused, options.seed)


if __name__ == "__main__":
    main()
