"""A small text encoder trained from scratch, with a tokenizer built from the training captions."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn

from compa.models.encoders.tokenizer_check import check_tokenizer
from compa.models.layers.pooling import masked_mean
from compa.models.layers.transformer import Block

PADDING = "[PAD]"
MIN_REAL = 0.95
"""Fraction of a batch's tokens that must be real, not padding, where texts are grouped by length."""


class TextEncoder(nn.Module):
    """The interface of text encoders: texts in, token vectors out; padding has no influence.

    Attributes:
        width: Size of a token's vector.
        init_args: The arguments that build it again.
    """

    width: int
    init_args: dict[str, Any]
    num_cut: int = 0
    """Texts that were longer than the limit, so far."""

    def embed(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """Encodes texts, each into one vector: (N, width) on the device."""
        tokens, mask = self.tokenize(texts)
        tokens, mask = tokens.to(device), mask.to(device)
        return self.pool(self(tokens, mask), mask)

    def pool(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Pools each text's token vectors (N, L, width) into one (N, width), by default the mean of the real ones."""
        return masked_mean(vectors, mask)

    def count_cut(self, number: int, max_tokens: int) -> None:
        """Counts texts that were cut, and warns at the first, the tenth, the hundredth ..."""
        before, self.num_cut = self.num_cut, self.num_cut + number
        if len(str(self.num_cut)) > len(str(before)) or (self.num_cut and not before):
            warnings.warn(f"texts cut to {max_tokens} tokens so far: {self.num_cut}", stacklevel=2)

    def fit_tokenizer(self, texts: Iterable[str]) -> None:
        """Builds the tokenizer from training texts, if the encoder has none."""

    def use_tokenizer(self, tokenizer: str | None) -> None:
        """Replaces the tokenizer by a checkpoint's, in JSON; None changes nothing."""

    def use_cache(self, folder: str) -> None:
        """Freezes the encoder and keeps the embeddings of texts in a folder; raises ValueError if unsupported."""
        raise ValueError(f"{type(self).__name__} does not support a cache: omit it")

    def tokenize(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Turns texts into token ids (N, L) and a mask (N, L) that is True on real tokens."""
        raise NotImplementedError(f"{type(self).__name__} must implement this")

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Encodes token ids (N, L) into vectors (N, L, width)."""
        raise NotImplementedError(f"{type(self).__name__} must implement this")


class CaptionTransformer(TextEncoder):
    """Byte-pair tokens, a convolution over neighboring tokens, transformer blocks.

    Args:
        vocabulary_size: Rows of the embedding table, and the largest number of tokens of the tokenizer.
        max_tokens: Longer texts are cut.
        width: Size of a token's vector.
        num_layers: Transformer blocks.
        num_heads: Attention heads of a block.
        dropout: Dropout of the blocks.
        tokenizer: A tokenizer's JSON as `tokenizers` writes it; without one, call `fit_tokenizer` first.
    """

    def __init__(
        self,
        vocabulary_size: int = 2048,
        max_tokens: int = 64,
        width: int = 128,
        num_layers: int = 1,
        num_heads: int = 4,
        dropout: float = 0.0,
        tokenizer: str | None = None,
    ) -> None:
        super().__init__()
        self.width = width
        self.init_args = {
            "vocabulary_size": vocabulary_size,
            "max_tokens": max_tokens,
            "width": width,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "dropout": dropout,
            "tokenizer": tokenizer,
        }
        self._tokenizer: Tokenizer | None = None
        self.use_tokenizer(tokenizer)
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.neighbours = nn.Conv1d(width, width, kernel_size=3, padding=1)
        self.blocks = nn.ModuleList(Block(width, num_heads, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def fit_tokenizer(self, texts: Iterable[str]) -> None:
        """Builds the tokenizer from texts, if there is none; the weights belong to the present one."""
        if self._tokenizer is not None:
            return
        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=self.init_args["vocabulary_size"],
            special_tokens=[PADDING],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        self.use_tokenizer(tokenizer.to_str())

    def use_tokenizer(self, tokenizer: str | None) -> None:
        """Replaces the tokenizer by one in JSON; None changes nothing. Raises ValueError if it does not fit."""
        if tokenizer:
            parsed = parse_tokenizer(tokenizer)
            check_tokenizer(parsed, self.init_args["vocabulary_size"])
            self.init_args["tokenizer"], self._tokenizer = tokenizer, parsed

    def tokenize(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Turns texts into token ids (N, L) and a mask (N, L) that is True on real tokens.

        An empty text is one padding token, so that it has an embedding too.
        """
        if self._tokenizer is None:
            raise ValueError("the text encoder has no tokenizer: call fit_tokenizer(texts) or load a checkpoint")
        max_tokens = self.init_args["max_tokens"]
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        self.count_cut(sum(len(ids) > max_tokens for ids in encoded), max_tokens)
        return padded([ids[:max_tokens] or [0] for ids in encoded], padding=0)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Encodes token ids (N, L) into vectors (N, L, width)."""
        vectors = self.embedding(tokens) * mask[..., None]
        vectors = vectors + self.neighbours(vectors.transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            vectors = block(vectors, mask)
        normalized: Tensor = self.norm(vectors)
        return normalized


def parse_tokenizer(text: str) -> Tokenizer:
    """Reads a tokenizer's JSON, without its padding and truncation; raises ValueError if it is damaged."""
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises nothing more specific
        raise ValueError(f"a damaged tokenizer ({error}): {text[:40]!r}") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def by_length(lengths: NDArray[np.int64], real: float = MIN_REAL) -> list[NDArray[np.int64]]:
    """Groups texts by length into few groups, such that little is padding.

    Args:
        lengths: (N,) tokens of each text.
        real: Least fraction of real tokens, when each group is padded to its longest text.

    Returns:
        Rows of each group.
    """
    rows = np.argsort(lengths, kind="stable")
    groups = [rows]
    while lengths.sum() < real * sum(len(group) * lengths[group[-1]] for group in groups):
        savings = [_best_split(lengths[group]) for group in groups]
        number = int(np.argmax([saving for saving, _ in savings]))
        group, place = groups[number], savings[number][1]
        groups[number : number + 1] = [group[:place], group[place:]]
    return groups


def _best_split(lengths: NDArray[np.int64]) -> tuple[int, int]:
    """The best split of sorted lengths (n,): the padding tokens that it saves, and the place before which it is."""
    if len(lengths) == 1:
        return 0, 0
    savings = np.arange(1, len(lengths)) * (lengths[-1] - lengths[:-1])
    best = int(np.argmax(savings))
    return int(savings[best]), best + 1


def padded(encoded: Sequence[Sequence[int]], padding: int) -> tuple[Tensor, Tensor]:
    """Pads the token ids of texts to one tensor (N, longest), with a mask (N, longest) that is True on real tokens."""
    tokens = torch.full((len(encoded), max(map(len, encoded), default=1)), padding, dtype=torch.int64)
    mask = torch.zeros_like(tokens, dtype=torch.bool)
    for row, ids in enumerate(encoded):
        tokens[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = True
    return tokens, mask
