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

from compa.models.layers.pooling import masked_mean
from compa.models.layers.transformer import Block

PADDING = "[PAD]"
REAL_SHARE = 0.95
"""Of the tokens that a pretrained encoder is given in a batch, so many are real."""


class TextEncoder(nn.Module):
    """What CLAP needs of a text encoder: texts in, token vectors out, padding without influence.

    Attributes:
        width: Size of a token's vector.
        init_args: The arguments that build it again.
    """

    width: int
    init_args: dict[str, Any]
    num_cut: int = 0
    """Texts that were longer than the encoder takes, so far."""

    def embed(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """Encodes texts, each into one vector: (N, width) on the device."""
        tokens, mask = self.tokenize(texts)
        tokens, mask = tokens.to(device), mask.to(device)
        return self.pool(self(tokens, mask), mask)

    def pool(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Makes one vector (N, width) of each text's token vectors (N, L, width), by default the mean of real ones."""
        return masked_mean(vectors, mask)

    def count_cut(self, number: int, max_tokens: int) -> None:
        """Counts texts that were cut, and tells so at the first, the tenth, the hundredth ..."""
        before, self.num_cut = self.num_cut, self.num_cut + number
        if len(str(self.num_cut)) > len(str(before)) or (self.num_cut and not before):
            warnings.warn(f"texts cut to {max_tokens} tokens so far: {self.num_cut}", stacklevel=2)

    def fit_tokenizer(self, texts: Iterable[str]) -> None:
        """Builds the tokenizer from training texts; encoders that bring their own have nothing to do."""

    def use_tokenizer(self, tokenizer: str | None) -> None:
        """Takes a tokenizer's JSON, as a checkpoint has it; encoders that bring their own have nothing to do."""

    def use_cache(self, folder: str) -> None:
        """Freezes the encoder and keeps the vectors of texts in a folder; raises ValueError where it cannot."""
        raise ValueError(f"{type(self).__name__} keeps no vectors of texts: leave the cache out")

    def tokenize(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Turns texts into token ids (N, L) and a mask (N, L) that is True on real tokens."""
        raise TypeError(f"{type(self).__name__} is no text encoder of its own")

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Encodes token ids (N, L) into vectors (N, L, width)."""
        raise TypeError(f"{type(self).__name__} is no text encoder of its own")


class CaptionTransformer(TextEncoder):
    """Byte-pair tokens, a convolution that shows each token its neighbours, transformer blocks.

    Args:
        vocabulary_size: Rows of the embedding table; the tokenizer has at most so many tokens.
        max_tokens: Longer texts are cut here.
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
        """Builds the tokenizer from texts, once; a loaded one is kept, since the weights belong to it."""
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
        """Takes a tokenizer's JSON in place of the one there is; None changes nothing."""
        if tokenizer:
            self._tokenizer = tokenizer_of(tokenizer)
            self.init_args["tokenizer"] = tokenizer

    def tokenize(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Turns texts into token ids (N, L) and a mask (N, L) that is True on real tokens.

        An empty text is one padding token, so that it has an embedding too.
        """
        if self._tokenizer is None:
            raise ValueError("the text encoder has no tokenizer yet: call fit_tokenizer(texts) or load a checkpoint")
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


def tokenizer_of(text: str) -> Tokenizer:
    """Reads a tokenizer's JSON; raises ValueError where it is none."""
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises nothing more special
        raise ValueError(f"a damaged tokenizer ({error}): {text[:40]!r}") from None


def by_length(lengths: NDArray[np.int64], share: float = REAL_SHARE) -> list[NDArray[np.int64]]:
    """Puts texts into as few groups of similar lengths as it finds, so that little of what is encoded is padding.

    Args:
        lengths: (N,) tokens of each text.
        share: Of all tokens of the groups, each padded to its longest text, so many shall be real.

    Returns:
        Rows of each group.
    """
    rows = np.argsort(lengths, kind="stable")
    groups = [rows]
    while lengths.sum() < share * sum(len(group) * lengths[group[-1]] for group in groups):
        savings = [_best_split(lengths[group]) for group in groups]
        number = int(np.argmax([saving for saving, _ in savings]))
        group, place = groups[number], savings[number][1]
        groups[number : number + 1] = [group[:place], group[place:]]
    return groups


def _best_split(lengths: NDArray[np.int64]) -> tuple[int, int]:
    """How many padding tokens a split of sorted lengths (n,) saves at best, and before which of them it is."""
    if len(lengths) == 1:
        return 0, 0
    savings = np.arange(1, len(lengths)) * (lengths[-1] - lengths[:-1])
    best = int(np.argmax(savings))
    return int(savings[best]), best + 1


def padded(encoded: Sequence[Sequence[int]], padding: int) -> tuple[Tensor, Tensor]:
    """Token ids of texts as one tensor (N, longest) with a mask (N, longest) that is True on real tokens."""
    tokens = torch.full((len(encoded), max(map(len, encoded), default=1)), padding, dtype=torch.int64)
    mask = torch.zeros_like(tokens, dtype=torch.bool)
    for row, ids in enumerate(encoded):
        tokens[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = True
    return tokens, mask
