"""Text encoders of transformers: FLAN-T5's, RoBERTa, BERT, or any other of AutoModel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any, Literal, get_args

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from torch import Tensor

from compa.models.checkpoints.fingerprint import fingerprint
from compa.models.checkpoints.hub import check_name, naming, read_model, reading, transformers
from compa.models.encoders.lora import add_lora
from compa.models.encoders.text import TextEncoder, by_length, padded, parse_tokenizer
from compa.models.encoders.text_cache import EmbeddingCache
from compa.models.encoders.tokenizer_check import check_special_tokens, check_tokenizer

Pooling = Literal["mean", "pooler"]
SPECIAL_TOKENS = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
"""Special tokens, numbered 0 to 3, of a tokenizer that is built from training captions."""
MAX_TOKENS = 512
"""For models without a largest position, such as T5."""
CACHED_AT_A_TIME = 64
"""Texts missing from the cache that are encoded together."""
_FROM_PADDING = ("roberta", "clap_text_model", "camembert", "mpnet", "longformer")
"""Parts of names of model types whose positions are counted from the padding token's number."""


class TransformersText(TextEncoder):
    """A text encoder of transformers with its own tokenizer.

    Texts of similar lengths are encoded together, padded on the right, and masked.

    Args:
        model: A folder or hub id, whose weights are read, or a configuration with its `model_type`, for random weights.
            Of encoder-decoders such as T5 the encoder is used, of CLAP the text tower.
        tokenizer: A tokenizer's JSON as `tokenizers` writes it. None is the tokenizer of the folder or hub id; for a
            configuration, `fit_tokenizer` builds one.
        max_tokens: Longer texts are cut, with a warning; None is the limit of model and tokenizer.
        pooling: `mean` of the real tokens, or the model's own `pooler`, which reads the first token.
        lora: Settings of `peft.LoraConfig`, such as {r: 8, target_modules: [q, v]}: the model's own weights are
            frozen, small matrices beside them are trained.
        cache: A folder that keeps the embeddings of texts. The model is frozen and reads each text once in all runs.

    Raises:
        ValueError: If there is no such model, its tokenizer is missing, damaged, slow or another model's, or lora and
            cache are both given.
    """

    def __init__(
        self,
        model: str | dict[str, Any] = "google/flan-t5-large",
        tokenizer: str | None = None,
        max_tokens: int | None = None,
        pooling: Pooling = "mean",
        lora: dict[str, Any] | None = None,
        cache: str | None = None,
    ) -> None:
        super().__init__()
        if lora and cache:
            raise ValueError("a text encoder with a cache is frozen, and one with lora is trained: omit cache or lora")
        if pooling not in get_args(Pooling):
            raise ValueError(f"pooling must be one of {', '.join(get_args(Pooling))}; got {pooling!r}")
        self.model = _encoder(read_model(model))
        config = self.model.config
        if self.model.main_input_name != "input_ids":
            raise ValueError(f"{config.model_type} does not read texts: choose another text encoder")
        if isinstance(model, str) and tokenizer is None:
            tokenizer, longest, _ = read_tokenizer(model, config)
            max_tokens = max_tokens or longest
        self.pooling = pooling
        if pooling == "mean":
            self.model.pooler = None
        elif getattr(self.model, "pooler", None) is None:
            raise ValueError(f"{config.model_type} has no pooler: use pooling 'mean'")
        self.padding = int(config.pad_token_id or 0)
        self.max_tokens = min(max_tokens or MAX_TOKENS, _num_positions(config))
        self.width = int(config.hidden_size)
        self.init_args = {
            "model": config.to_dict(),
            "tokenizer": None,
            "max_tokens": self.max_tokens,
            "pooling": pooling,
            "lora": lora,
        }
        if lora:
            add_lora(self.model, lora)
        self.cache: str | None = None
        self._opened: EmbeddingCache | None = None
        if cache:
            self.use_cache(cache)
        self._tokenizer: Tokenizer | None = None
        with naming(model) if isinstance(model, str) else nullcontext():
            self.use_tokenizer(tokenizer)

    def use_cache(self, folder: str) -> None:
        """Freezes the model from now on, and keeps the embeddings of texts in a folder."""
        self.cache = folder
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> TransformersText:
        """Switches to training, unless the model is frozen for a cache."""
        super().train(mode and self.cache is None)
        return self

    def embed(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """Encodes texts, each into one vector: (N, width) on the device."""
        if self.cache is None:
            return self._encode(texts, device)
        if self._opened is None:
            self._opened = EmbeddingCache(self.cache, fingerprint(self.model, self.init_args))

        def encode(missing: Sequence[str]) -> Tensor:
            with torch.no_grad(), torch.autocast(device.type, enabled=False):
                parts = [
                    missing[start : start + CACHED_AT_A_TIME] for start in range(0, len(missing), CACHED_AT_A_TIME)
                ]
                return torch.cat([self._encode(part, device) for part in parts])

        return self._opened.find(texts, encode).to(device)

    def _encode(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """Encodes texts of similar lengths together, so that there is little padding."""
        tokens, mask = self.tokenize(texts)
        lengths = mask.sum(1).numpy()
        groups = by_length(lengths)
        vectors = []
        for rows in groups:
            longest = int(lengths[rows[-1]])
            part = tokens[rows, :longest].to(device), mask[rows, :longest].to(device)
            vectors.append(self.pool(self(*part), part[1]))
        order = np.argsort(np.concatenate(groups))
        return torch.cat(vectors)[torch.from_numpy(order).to(device)]

    def fit_tokenizer(self, texts: Iterable[str]) -> None:
        """Builds a tokenizer from texts, if the encoder has none."""
        if self._tokenizer is None:
            self.use_tokenizer(build_tokenizer(texts, self.model.config.vocab_size))

    def use_tokenizer(self, tokenizer: str | None) -> None:
        """Replaces the tokenizer by one in JSON; None changes nothing. Raises ValueError if it does not fit."""
        if tokenizer:
            parsed = parse_tokenizer(tokenizer)
            check_tokenizer(parsed, self.model.config.vocab_size, self.pooling == "pooler")
            parsed.enable_truncation(self.max_tokens)
            self.init_args["tokenizer"], self._tokenizer = tokenizer, parsed

    def tokenize(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Turns texts into token ids (N, L) and a mask (N, L) that is True on real tokens."""
        if self._tokenizer is None:
            raise ValueError("the text encoder has no tokenizer: call fit_tokenizer(texts) or load a checkpoint")
        encoded = self._tokenizer.encode_batch(list(texts))
        self.count_cut(sum(bool(encoding.overflowing) for encoding in encoded), self.max_tokens)
        return padded([encoding.ids or [self.padding] for encoding in encoded], self.padding)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Encodes token ids (N, L) into vectors (N, L, width)."""
        vectors: Tensor = self.model(input_ids=tokens, attention_mask=mask.long()).last_hidden_state
        return vectors

    def pool(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Makes one vector (N, width) of each text's token vectors (N, L, width)."""
        if self.pooling == "mean":
            return super().pool(vectors, mask)
        pooled: Tensor = self.model.pooler(vectors)
        return pooled


def build_tokenizer(texts: Iterable[str], vocabulary_size: int) -> str:
    """Builds a tokenizer of byte-pair tokens, as RoBERTa's, with its special tokens; returns its JSON."""
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=list(SPECIAL_TOKENS.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return str(tokenizer.to_str())


def read_tokenizer(name: str, config: Any) -> tuple[str, int | None, dict[str, str]]:
    """Reads a checkpoint's tokenizer.

    Args:
        name: A folder or hub id.
        config: The configuration of the model that it must fit.

    Returns:
        Its JSON, the number of tokens that it cuts texts to (None if unlimited), and its special tokens by role.

    Raises:
        ValueError: If it is missing, damaged, slow, or another model's.
    """
    name = check_name(name)
    with reading(name):
        tokenizer = transformers().AutoTokenizer.from_pretrained(name)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ValueError(
            f"{name}: the tokenizer has no tokenizer.json: convert it with AutoTokenizer's save_pretrained"
        )
    with naming(name):
        check_tokenizer(parse_tokenizer(backend.to_str()), config.vocab_size)
        check_special_tokens(tokenizer, config)
    longest = int(tokenizer.model_max_length)
    special = {role: str(token) for role, token in tokenizer.special_tokens_map.items() if isinstance(token, str)}
    return str(backend.to_str()), longest if longest < 10**9 else None, special


def _encoder(model: Any) -> Any:
    """The encoder of an encoder-decoder, the text tower of a CLAP, or the model itself."""
    if model.config.model_type == "clap":
        return model.text_model
    return model.get_encoder() if model.config.is_encoder_decoder or hasattr(model, "shared") else model


def _num_positions(config: Any) -> int:
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None:
        return 10**9
    is_from_padding = any(part in config.model_type for part in _FROM_PADDING)
    return int(positions) - (int(config.pad_token_id) + 1 if is_from_padding else 0)
