"""Sums over all pairs of texts and clips, and their gradients, computed tile by tile without a B x G matrix.

Letters: `G` clips, `B` captions, `M` extras (of which `P` are compared with all clips), `D` dimensions.

The usual log-sum-exp finds the largest logit of every row first. Here one shift serves all pairs: cosines are at most
1, so `2^(weight * cosine - shift)` never overflows. The same exponentials are summed along both axes and, times a
factor per row and one per column, are the weights of the gradients: one `exp2` per pair instead of four. If a sum may
lose all of its terms to float32's range (every cosine far below 0 at a low temperature), all sums are made again in
float64; so they are if a clip has no captions of this rank to be compared with, whose sum is 0. Asking whether that is
needed is the only point in a call at which a GPU is waited for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

LOG2_E = math.log2(math.e)
HALF = (torch.float16, torch.bfloat16)
MAX_EXPONENT = {torch.float32: 90, torch.float64: 900}
"""Of the largest exponential: 2^30 of them can be summed, and one over the sum is still a normal number."""
MIN_EXPONENT = {torch.float32: -80, torch.float64: -1000}
"""Of the smallest sum that is precise: a term that underflows is at most 2^-46 of it."""


@dataclass(frozen=True)
class TileSizes:
    """The edge of a tile, and how many exponentials are cached for the backward pass instead of computed again."""

    edge: int
    cached: int


SIZES = {"cpu": TileSizes(edge=512, cached=1024**2), "cuda": TileSizes(edge=2048, cached=1024**2)}
"""By device type. On a CPU a tile fits into the second-level cache; a GPU needs larger tiles to be busy (not
measured)."""


def sizes_of(device: torch.device) -> TileSizes:
    """Looks up the tile sizes of a device; other accelerators are treated like a GPU."""
    return SIZES.get(device.type, SIZES["cuda"])


def accumulator_type(dtype: torch.dtype) -> torch.dtype:
    """The type that sums are made in: float32 for half precision, otherwise the type itself."""
    return torch.float32 if dtype in HALF else dtype


def slices(length: int, step: int) -> list[slice]:
    """Cuts a range into pieces of `step`, the last one perhaps shorter."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


@dataclass(frozen=True)
class TextBlock:
    """Consecutive texts that are compared with all clips.

    Attributes:
        is_caption: Whether these are captions, which count in the clips' sums too, or extras.
        rows: Their rows in the captions or in the extras: a slice, or `(n,)` int64.
        numbers: Their rows among captions, then extras, in the same form.
        length: n, how many there are.
    """

    is_caption: bool
    rows: slice | Tensor
    numbers: slice | Tensor
    length: int


@dataclass(frozen=True)
class Tile:
    """One block of texts against one piece of the clips.

    Attributes:
        block: The texts.
        clips: The clips.
        texts: `(n, D)`, embeddings of the texts.
        audio: `(g, D)`, embeddings of the clips.
        exp_logits: `(n, g)`, `2^(weight * cosine - shift)`; 0 for hidden pairs. Valid until the next tile is made.
    """

    block: TextBlock
    clips: slice
    texts: Tensor
    audio: Tensor
    exp_logits: Tensor


@dataclass
class Pairs:
    """All pairs of this rank's texts and all clips.

    Attributes:
        audio: `(G, D)`.
        captions: `(B, D)`.
        extras: `(M, D)`.
        queries: `(P,)` int64, the extras that are compared with all clips.
        own_clip: `(B + M,)` int64, which of the G clips a text belongs to.
        first_clip: The clip of the first caption; the next caption belongs to the next clip.
        weight: `()`, turns a cosine into an exponent of 2, in the accumulator's type.
        known_true: `(B + M, G)` bool or None.
        cached: `(K,)`, a buffer for the exponentials of the first tiles, in the accumulator's type.
    """

    audio: Tensor
    captions: Tensor
    extras: Tensor
    queries: Tensor
    own_clip: Tensor
    first_clip: int
    weight: Tensor
    known_true: Tensor | None
    cached: Tensor

    def __post_init__(self) -> None:
        self.edge = sizes_of(self.audio.device).edge

    def compared(self) -> Tensor:
        """Rows, among captions and then extras, of the texts that are compared with all clips: `(B + P,)` int64."""
        num_captions = len(self.captions)
        return torch.cat([torch.arange(num_captions, device=self.queries.device), self.queries + num_captions])

    def shift(self, dtype: torch.dtype) -> Tensor:
        """What is subtracted from all exponents, `()`, so that the largest exponential fits into a type."""
        return (self.weight.to(dtype) - MAX_EXPONENT[dtype]).clamp(min=0)

    def new_buffer(self, dtype: torch.dtype) -> Tensor:
        """Allocates the memory of one tile."""
        most_texts = max(len(self.captions), len(self.queries))
        return self.weight.new_empty(min(self.edge, most_texts) * min(self.edge, len(self.audio)), dtype=dtype)

    def blocks(self, length: int) -> list[TextBlock]:
        """Cuts the captions, then the compared extras, into blocks."""
        num_captions = len(self.captions)
        queries = [self.queries[piece] for piece in slices(len(self.queries), length)]
        return [TextBlock(True, rows, rows, rows.stop - rows.start) for rows in slices(num_captions, length)] + [
            TextBlock(False, rows, rows + num_captions, len(rows)) for rows in queries
        ]

    def texts(self, block: TextBlock) -> Tensor:
        """The embeddings of a block, `(n, D)`."""
        return (self.captions if block.is_caption else self.extras)[block.rows]

    def tiles(self, dtype: torch.dtype, *, use_cache: bool) -> Iterator[Tile]:
        """Yields the tiles, all clips for a block of texts before the next block.

        Args:
            dtype: Of the exponentials. They are cached only if it is the type of the weight.
            use_cache: Whether the cached exponentials are valid already.
        """
        buffer, shift = self.new_buffer(dtype), self.shift(dtype)
        products = buffer if dtype == self.weight.dtype else self.new_buffer(self.weight.dtype)
        cached = self.cached if dtype == self.weight.dtype else self.cached[:0]
        for block in self.blocks(self.edge):
            texts = _factor(self.texts(block))
            for clips in slices(len(self.audio), self.edge):
                audio = _factor(self.audio[clips])
                shape = (len(texts), len(audio))
                size = len(texts) * len(audio)
                is_cached = size <= len(cached)
                exp_logits = (cached if is_cached else buffer)[:size].view(shape)
                cached = cached[size:] if is_cached else cached
                if not (is_cached and use_cache):
                    cosines = exp_logits if dtype == self.weight.dtype else products[:size].view(shape)
                    _multiply(texts, audio.T, cosines)
                    torch.mul(cosines, self.weight, out=exp_logits).sub_(shift).exp2_()
                    self._hide_known_true(exp_logits, block, clips)
                yield Tile(block, clips, texts, audio, exp_logits)

    def add_own(self, weights: Tensor, tile: Tile, own: Tensor) -> None:
        """Adds one number per text, from `own` `(B + M,)`, to the weight of its own clip, if that is in the tile."""
        if isinstance(tile.block.rows, slice):  # captions stand in the order of their clips
            offset = self.first_clip + tile.block.rows.start - tile.clips.start
            if -weights.shape[0] < offset < weights.shape[1]:
                diagonal = weights.diagonal(offset)
                diagonal += own[tile.block.rows][max(0, -offset) :][: len(diagonal)]
            return
        column, is_elsewhere = self._own_columns(tile.block, tile.clips)
        weights.scatter_add_(1, column, own[tile.block.numbers, None].masked_fill(is_elsewhere, 0))

    def _hide_known_true(self, exp_logits: Tensor, block: TextBlock, clips: slice) -> None:
        """Sets known true pairs to 0, but never a text and its own clip."""
        if self.known_true is None:
            return
        hidden = self.known_true[block.numbers, clips].clone()
        column, is_elsewhere = self._own_columns(block, clips)
        hidden.scatter_(1, column, hidden.gather(1, column) & is_elsewhere)
        exp_logits.masked_fill_(hidden, 0)

    def _own_columns(self, block: TextBlock, clips: slice) -> tuple[Tensor, Tensor]:
        """Each text's own clip as a column of the tile, `(n, 1)`, clamped to the tile, and whether it is outside."""
        column = self.own_clip[block.numbers, None] - clips.start
        last = clips.stop - clips.start - 1
        return column.clamp(0, last), (column < 0) | (column > last)


def log2_sums(pairs: Pairs) -> tuple[Tensor, Tensor, bool]:
    """Sums `exp(logit)` over the pairs that are not hidden.

    Returns:
        The log2 of each clip's sum over the captions `(G,)`, -inf where it is 0; the log2 of each text's sum over the
        clips `(B + M,)`, 0 for extras that are not compared; and whether float64 was needed.
    """
    dtype = pairs.weight.dtype
    of_clips, of_texts = _sums(pairs, dtype)
    too_small = 2.0 ** MIN_EXPONENT[dtype]
    needs_float64 = dtype != torch.float64 and bool((torch.cat([of_clips, of_texts]) < too_small).any())
    if needs_float64:
        of_clips, of_texts = _sums(pairs, torch.float64)
    shift = pairs.shift(of_clips.dtype)
    of_all_texts = pairs.weight.new_zeros(len(pairs.own_clip))
    of_all_texts[pairs.compared()] = (of_texts.log2() + shift).to(dtype)
    return (of_clips.log2() + shift).to(dtype), of_all_texts, needs_float64


def _sums(pairs: Pairs, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Sums the exponentials: each clip's over the captions `(G,)`, each compared text's over the clips `(B + P,)`."""
    of_clips = pairs.weight.new_zeros(len(pairs.audio), dtype=dtype)
    of_texts = pairs.weight.new_zeros(len(pairs.own_clip), dtype=dtype)
    for tile in pairs.tiles(dtype, use_cache=False):
        of_texts[tile.block.numbers] += tile.exp_logits.sum(1)
        if tile.block.is_caption:
            of_clips[tile.clips] += tile.exp_logits.sum(0)
    return of_clips, of_texts[pairs.compared()]


def add_gradients(
    pairs: Pairs,
    sums: tuple[Tensor, Tensor],
    grad_outputs: tuple[Tensor, Tensor],
    own_grad_outputs: Tensor,
    audio_grad: Tensor | None,
    captions_grad: Tensor | None,
    extras_grad: Tensor | None,
    *,
    needs_float64: bool,
) -> None:
    """The backward pass of `log2_sums`: adds gradients, divided by the weight, to those that are not None.

    Args:
        pairs: As in the forward pass, with the exponentials it cached.
        sums: The results of `log2_sums`, the clips' ones added up over all ranks.
        grad_outputs: The gradients of these results, `(G,)` and `(B + M,)`.
        own_grad_outputs: `(B + M,)`, the gradients of the texts' logits with their own clips; used for the compared
            texts. They nearly cancel the others where texts match well, so they are added before any rounding.
        audio_grad: `(G, D)`, in the accumulator's type.
        captions_grad: `(B, D)`, likewise.
        extras_grad: `(M, D)`, likewise.
        needs_float64: Whether `log2_sums` needed float64.
    """
    dtype = torch.float64 if needs_float64 else pairs.weight.dtype
    shift, buffer = pairs.shift(dtype), pairs.new_buffer(dtype)
    per_clip, per_text = (
        grad * (shift - total.to(dtype)).exp2() for grad, total in zip(grad_outputs, sums, strict=True)
    )
    for tile in pairs.tiles(dtype, use_cache=True):
        numbers, clips = tile.block.numbers, tile.clips
        weights = buffer[: tile.exp_logits.numel()].view_as(tile.exp_logits)
        if tile.block.is_caption:
            torch.add(per_text[numbers, None], per_clip[clips], out=weights).mul_(tile.exp_logits)
        else:
            torch.mul(per_text[numbers, None], tile.exp_logits, out=weights)
        pairs.add_own(weights, tile, own_grad_outputs.to(dtype))
        texts_grad = captions_grad if tile.block.is_caption else extras_grad
        if texts_grad is not None:
            add_product(texts_grad, tile.block.rows, weights, tile.audio)
        if audio_grad is not None:
            add_product(audio_grad, clips, weights.T, tile.texts)


def _factor(vectors: Tensor) -> Tensor:
    """A factor of a matrix product: half precision stays so where the hardware accumulates its products in float32."""
    return vectors.float() if vectors.dtype in HALF and vectors.device.type != "cuda" else vectors


def _multiply(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    if left.dtype == out.dtype:
        return torch.mm(left, right, out=out)
    return torch.mm(left, right, out_dtype=out.dtype, out=out)


def add_product(total: Tensor, rows: slice | Tensor, weights: Tensor, vectors: Tensor) -> None:
    """Adds `weights @ vectors` to some rows of `total`, in its precision; no row may be named twice."""
    if vectors.dtype != total.dtype and vectors.device.type == "cuda":
        total[rows] += torch.mm(weights.to(vectors.dtype), vectors, out_dtype=total.dtype)
    elif isinstance(rows, slice):
        total[rows].addmm_(weights.to(total.dtype), vectors.to(total.dtype))
    else:
        total[rows] += weights.to(total.dtype) @ vectors.to(total.dtype)
