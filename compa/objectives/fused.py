"""The sums of `tiles` on a GPU in half precision: logits are made, masked and summed in registers.

Only there does it pay: a product of half precision is so fast that reading its result back from memory a few times
would take several times as long. Needs triton, which comes with torch for NVIDIA GPUs on Linux.
"""

from __future__ import annotations

from typing import Any

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from compa.objectives.tiles import Pairs, TextBlock, add_product, slices

EDGE = 4096
"""Texts at a time, and on the way back clips at a time: 32 MiB of weights."""
BLOCK, DEPTH = 128, 64
"""A program handles `BLOCK` x `BLOCK` pairs, `DEPTH` dimensions at a time."""


def log2_sums(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Does what `tiles.log2_sums` does."""
    num_clips, like = len(pairs.audio), pairs.weight
    of_clips = like.new_full((num_clips,), -torch.inf)
    of_texts = like.new_zeros(len(pairs.own_clip))
    for block in pairs.blocks(EDGE):
        grid = (triton.cdiv(block.length, BLOCK), triton.cdiv(num_clips, BLOCK))
        parts_of_clips = like.new_empty(grid[0], num_clips)
        parts_of_texts = like.new_empty(grid[1], block.length)
        arguments = _arguments(pairs, pairs.texts(block), block, slice(0, num_clips))
        _sum_pairs[grid](*arguments, parts_of_clips, parts_of_texts, **_options(pairs))
        of_texts[block.numbers] = _add_up(parts_of_texts)
        if block.is_caption:
            of_clips = torch.logaddexp2(of_clips, _add_up(parts_of_clips))
    return of_clips, of_texts


def add_gradients(
    pairs: Pairs,
    sums: tuple[Tensor, Tensor],
    slopes: tuple[Tensor, Tensor],
    of_audio: Tensor | None,
    of_captions: Tensor | None,
    of_extras: Tensor | None,
) -> None:
    """Does what `tiles.add_gradients` does."""
    room = pairs.audio.new_empty(min(EDGE, len(pairs.own_clip)) * min(EDGE, len(pairs.audio)))
    for block in pairs.blocks(EDGE):
        texts, of_texts = pairs.texts(block), of_captions if block.is_caption else of_extras
        rows = (sums[1][block.numbers], slopes[1][block.numbers])
        for clips in slices(len(pairs.audio), EDGE):
            audio, columns = pairs.audio[clips], (sums[0][clips], slopes[0][clips] * block.is_caption)
            weights = room[: len(texts) * len(audio)].view(len(texts), -1)
            grid = (triton.cdiv(len(texts), BLOCK), triton.cdiv(len(audio), BLOCK))
            arguments = _arguments(pairs, texts, block, clips)
            _weigh_pairs[grid](*arguments, *rows, *columns, weights, **_options(pairs))
            if of_texts is not None:
                add_product(of_texts, block.rows, weights, audio)
            if of_audio is not None:
                add_product(of_audio, clips, weights.T, texts)


def _arguments(pairs: Pairs, texts: Tensor, block: TextBlock, clips: slice) -> tuple[Any, ...]:
    audio, numbers = pairs.audio[clips], block.numbers
    if isinstance(numbers, slice):
        numbers = torch.arange(numbers.start, numbers.stop, device=audio.device)
    hidden = pairs.weight if pairs.known_true is None else pairs.known_true[:, clips]
    own_clip = pairs.own_clip[numbers] - clips.start
    stride = hidden.stride(0) if hidden.ndim else 0
    return (texts, audio, pairs.weight, hidden, stride, numbers, own_clip, len(texts), len(audio))


def _options(pairs: Pairs) -> dict[str, Any]:
    sizes = {"BLOCK": BLOCK, "DEPTH": DEPTH, "num_warps": 8, "num_stages": 3}
    return {"WIDTH": pairs.audio.shape[1], "HIDES": pairs.known_true is not None, **sizes}


def _add_up(parts: Tensor) -> Tensor:
    """Adds up masses given as log2, over the first dimension."""
    top = parts.amax(0).clamp(min=torch.finfo(parts.dtype).min)
    return (parts - top).exp2_().sum(0).log2_().add_(top)


@triton.jit  # type: ignore[untyped-decorator]
def _logits(
    texts: tl.tensor, audio: tl.tensor, weight: tl.tensor, hidden: tl.tensor, stride: tl.tensor,
    numbers: tl.tensor, own_clip: tl.tensor, num_texts: tl.tensor, num_clips: tl.tensor,
    WIDTH: tl.constexpr, HIDES: tl.constexpr, BLOCK: tl.constexpr, DEPTH: tl.constexpr,
) -> tl.tuple:  # fmt: skip
    """Makes a block of logits in float32; -inf where a pair is hidden or beyond the end."""
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    is_row, is_column = row < num_texts, column < num_clips
    total = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, WIDTH, DEPTH):
        depth = start + tl.arange(0, DEPTH)
        is_depth = (depth < WIDTH)[None, :]
        place = row.to(tl.int64)[:, None] * WIDTH + depth[None, :]
        left = tl.load(texts + place, is_row[:, None] & is_depth, 0.0)
        place = column.to(tl.int64)[:, None] * WIDTH + depth[None, :]
        right = tl.load(audio + place, is_column[:, None] & is_depth, 0.0)
        total = tl.dot(left, tl.trans(right), total)
    shown = is_row[:, None] & is_column[None, :]
    if HIDES:
        number = tl.load(numbers + row, is_row, 0)
        own = tl.load(own_clip + row, is_row, 0)
        known = tl.load(hidden + number[:, None] * stride + column[None, :], shown, 0)
        shown = shown & ((known == 0) | (own[:, None] == column[None, :]))
    return row, column, tl.where(shown, total * tl.load(weight), float("-inf"))


@triton.jit  # type: ignore[untyped-decorator]
def _sum_pairs(
    texts: tl.tensor, audio: tl.tensor, weight: tl.tensor, hidden: tl.tensor, stride: tl.tensor,
    numbers: tl.tensor, own_clip: tl.tensor, num_texts: tl.tensor, num_clips: tl.tensor,
    of_clips: tl.tensor, of_texts: tl.tensor,
    WIDTH: tl.constexpr, HIDES: tl.constexpr, BLOCK: tl.constexpr, DEPTH: tl.constexpr,
) -> None:  # fmt: skip
    """Writes the log2 sums of one block: `(blocks of texts, G)` and `(blocks of clips, n)`."""
    row, column, logits = _logits(
        texts, audio, weight, hidden, stride, numbers, own_clip, num_texts, num_clips, WIDTH, HIDES, BLOCK, DEPTH
    )
    top = tl.maximum(tl.max(logits, 1), -1.0e30)
    text_sums = top + tl.log2(tl.sum(tl.exp2(logits - top[:, None]), 1))
    tl.store(of_texts + tl.program_id(1).to(tl.int64) * num_texts + row, text_sums, row < num_texts)
    top = tl.maximum(tl.max(logits, 0), -1.0e30)
    clip_sums = top + tl.log2(tl.sum(tl.exp2(logits - top[None, :]), 0))
    tl.store(of_clips + tl.program_id(0).to(tl.int64) * num_clips + column, clip_sums, column < num_clips)


@triton.jit  # type: ignore[untyped-decorator]
def _weigh_pairs(
    texts: tl.tensor, audio: tl.tensor, weight: tl.tensor, hidden: tl.tensor, stride: tl.tensor,
    numbers: tl.tensor, own_clip: tl.tensor, num_texts: tl.tensor, num_clips: tl.tensor,
    text_sums: tl.tensor, text_slopes: tl.tensor, clip_sums: tl.tensor, clip_slopes: tl.tensor,
    weights: tl.tensor,
    WIDTH: tl.constexpr, HIDES: tl.constexpr, BLOCK: tl.constexpr, DEPTH: tl.constexpr,
) -> None:  # fmt: skip
    """Writes the gradients of one block's logits: `(n, g)`."""
    row, column, logits = _logits(
        texts, audio, weight, hidden, stride, numbers, own_clip, num_texts, num_clips, WIDTH, HIDES, BLOCK, DEPTH
    )
    is_row, is_column = row < num_texts, column < num_clips
    text_sum = tl.load(text_sums + row, is_row, 0.0)
    text_slope = tl.load(text_slopes + row, is_row, 0.0)
    clip_sum = tl.load(clip_sums + column, is_column, 0.0)
    clip_slope = tl.load(clip_slopes + column, is_column, 0.0)
    result = text_slope[:, None] * tl.exp2(logits - text_sum[:, None])
    result += clip_slope[None, :] * tl.exp2(logits - clip_sum[None, :])
    place = weights + row.to(tl.int64)[:, None] * num_clips + column[None, :]
    tl.store(place, result.to(weights.dtype.element_ty), is_row[:, None] & is_column[None, :])
