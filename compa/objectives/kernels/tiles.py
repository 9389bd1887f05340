"""The sums over all pairs of texts and clips, tile by tile, and their gradients.

Letters: `G` clips, `B` captions, `M` extras (of which `P` are compared with all clips), `D` dimensions.

A sum of exponentials is safe at any size when the largest term is found first; here it is shorter. Cosines are at
most 1, so that no power `2^(weight * cosine - shift)` is too large, with one shift for all. Powers so made are summed
both ways, and are the weights of the gradients but for a factor a row and one a column: one `exp2` a pair instead of
four. Where the terms of some sum may all be too small for float32 (all its cosines far below 0 at a low temperature),
float64 takes over, as it does where all captions of a rank are known to be true of another's clip, whose sum is 0.
Whether that is so is asked for once a call, which is the one time that a GPU is waited for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

LOG2_E = math.log2(math.e)
HALF = (torch.float16, torch.bfloat16)
HIGHEST = {torch.float32: 90, torch.float64: 900}
"""The exponent of the largest power: 2^30 of them can be summed, and one over the sum is no denormal number."""
LOWEST = {torch.float32: -80, torch.float64: -1000}
"""The exponent of the smallest sum that is precise: a term that is lost is 2^-46 of it."""


@dataclass(frozen=True)
class TileSizes:
    """How long the edge of a tile is, and how many powers are kept for the way back, not computed again."""

    edge: int
    kept: int


SIZES = {"cpu": TileSizes(edge=512, kept=1024**2), "cuda": TileSizes(edge=2048, kept=1024**2)}
"""By device type. On a CPU a tile fits into the second-level cache; a GPU needs larger ones to be busy (unmeasured)."""


def sizes_of(device: torch.device) -> TileSizes:
    """Looks up the tile sizes of a device; other accelerators are treated like a GPU."""
    return SIZES.get(device.type, SIZES["cuda"])


def accumulator_type(dtype: torch.dtype) -> torch.dtype:
    """Gives the type that sums are made in: float32 for half precision, else the type itself."""
    return torch.float32 if dtype in HALF else dtype


def slices(length: int, step: int) -> list[slice]:
    """Cuts a range into pieces."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


@dataclass(frozen=True)
class TextBlock:
    """A piece of the texts.

    Attributes:
        is_caption: Whether these are captions, which count in the clips' sums too, or extras.
        rows: Where they lie in the captions or extras: a slice, or `(n,)` int64.
        numbers: Where they lie among captions, then extras; alike.
        length: How many they are.
    """

    is_caption: bool
    rows: slice | Tensor
    numbers: slice | Tensor
    length: int


@dataclass(frozen=True)
class Tile:
    """The powers of a block of texts and a piece of the clips.

    Attributes:
        block: Which texts.
        clips: Which clips.
        texts: `(n, D)`, their embeddings.
        audio: `(g, D)`, their embeddings.
        powers: `(n, g)`, `2^(weight * cosine - shift)`; 0 where a pair is hidden. Valid until the next tile is made.
    """

    block: TextBlock
    clips: slice
    texts: Tensor
    audio: Tensor
    powers: Tensor


@dataclass
class Pairs:
    """All pairs of texts and clips.

    Attributes:
        audio: `(G, D)`.
        captions: `(B, D)`.
        extras: `(M, D)`.
        queries: `(P,)` int64, the extras that are compared with all clips.
        own_clip: `(B + M,)` int64, which of the G clips a text belongs to.
        first_clip: Which of the G clips the first caption belongs to; the next clip is the next caption's.
        weight: `()`, what turns a cosine into the exponent of a power of two, in the accumulator's type.
        known_true: `(B + M, G)` bool or None.
        kept: `(K,)`, room for the powers of the first tiles; they are in the accumulator's type.
    """

    audio: Tensor
    captions: Tensor
    extras: Tensor
    queries: Tensor
    own_clip: Tensor
    first_clip: int
    weight: Tensor
    known_true: Tensor | None
    kept: Tensor

    def __post_init__(self) -> None:
        self.edge = sizes_of(self.audio.device).edge

    def compared(self) -> Tensor:
        """Where the texts that are compared with all clips lie among captions, then extras: `(B + P,)` int64."""
        num_captions = len(self.captions)
        return torch.cat([torch.arange(num_captions, device=self.queries.device), self.queries + num_captions])

    def shift(self, dtype: torch.dtype) -> Tensor:
        """What is taken from all exponents, `()`, so that the largest power is not too large for a type."""
        return (self.weight.to(dtype) - HIGHEST[dtype]).clamp(min=0)

    def scratch(self, dtype: torch.dtype) -> Tensor:
        """Makes room for the numbers of one tile."""
        most_texts = max(len(self.captions), len(self.queries))
        return self.weight.new_empty(min(self.edge, most_texts) * min(self.edge, len(self.audio)), dtype=dtype)

    def blocks(self, length: int) -> list[TextBlock]:
        """Cuts the texts into pieces."""
        num_captions = len(self.captions)
        queries = [self.queries[piece] for piece in slices(len(self.queries), length)]
        return [TextBlock(True, rows, rows, rows.stop - rows.start) for rows in slices(num_captions, length)] + [
            TextBlock(False, rows, rows + num_captions, len(rows)) for rows in queries
        ]

    def texts(self, block: TextBlock) -> Tensor:
        """Gives the embeddings of a piece, `(n, D)`."""
        return (self.captions if block.is_caption else self.extras)[block.rows]

    def tiles(self, dtype: torch.dtype, *, recall: bool) -> Iterator[Tile]:
        """Makes the tiles one after the other, all clips for a block of texts before the next block.

        Args:
            dtype: Of the powers. Those in another type than the weight are not kept.
            recall: Whether the kept powers are there already.
        """
        room, shift = self.scratch(dtype), self.shift(dtype)
        products = room if dtype == self.weight.dtype else self.scratch(self.weight.dtype)
        kept = self.kept if dtype == self.weight.dtype else self.kept[:0]
        for block in self.blocks(self.edge):
            texts = _factor(self.texts(block))
            for clips in slices(len(self.audio), self.edge):
                audio = _factor(self.audio[clips])
                shape = (len(texts), len(audio))
                size = len(texts) * len(audio)
                is_kept = size <= len(kept)
                powers = (kept if is_kept else room)[:size].view(shape)
                kept = kept[size:] if is_kept else kept
                if not (is_kept and recall):
                    cosines = powers if dtype == self.weight.dtype else products[:size].view(shape)
                    _multiply(texts, audio.T, cosines)
                    torch.mul(cosines, self.weight, out=powers).sub_(shift).exp2_()
                    self._hide(powers, block, clips)
                yield Tile(block, clips, texts, audio, powers)

    def add_own(self, weights: Tensor, tile: Tile, own: Tensor) -> None:
        """Adds a number a text, `(B + M,)`, to the weight of its own clip, where that is in the tile."""
        if isinstance(tile.block.rows, slice):  # captions stand in the order of their clips
            offset = self.first_clip + tile.block.rows.start - tile.clips.start
            if -weights.shape[0] < offset < weights.shape[1]:
                diagonal = weights.diagonal(offset)
                diagonal += own[tile.block.rows][max(0, -offset) :][: len(diagonal)]
            return
        place, is_elsewhere = self._own_places(tile.block, tile.clips)
        weights.scatter_add_(1, place, own[tile.block.numbers, None].masked_fill(is_elsewhere, 0))

    def _hide(self, powers: Tensor, block: TextBlock, clips: slice) -> None:
        """Hides known true pairs, but never a text from its own clip."""
        if self.known_true is None:
            return
        hidden = self.known_true[block.numbers, clips].clone()
        place, is_elsewhere = self._own_places(block, clips)
        hidden.scatter_(1, place, hidden.gather(1, place) & is_elsewhere)
        powers.masked_fill_(hidden, 0)

    def _own_places(self, block: TextBlock, clips: slice) -> tuple[Tensor, Tensor]:
        """The column of each text's own clip in a tile, `(n, 1)`, or any, where it is in another: and whether it is."""
        place = self.own_clip[block.numbers, None] - clips.start
        last = clips.stop - clips.start - 1
        return place.clamp(0, last), (place < 0) | (place > last)


def log2_sums(pairs: Pairs) -> tuple[Tensor, Tensor, bool]:
    """Sums `exp(logit)` over the pairs that aren't hidden.

    Returns:
        For every clip the log2 of the sum over the captions `(G,)`, -inf where there is none, for every text the
        log2 of the sum over the clips `(B + M,)`, 0 for the extras that aren't compared, and whether it took float64.
    """
    dtype = pairs.weight.dtype
    of_clips, of_texts = _sums(pairs, dtype)
    is_wide = dtype != torch.float64 and bool((torch.cat([of_clips, of_texts]) < 2.0 ** LOWEST[dtype]).any())
    if is_wide:
        of_clips, of_texts = _sums(pairs, torch.float64)
    shift = pairs.shift(of_clips.dtype)
    of_all_texts = pairs.weight.new_zeros(len(pairs.own_clip))
    of_all_texts[pairs.compared()] = (of_texts.log2() + shift).to(dtype)
    return (of_clips.log2() + shift).to(dtype), of_all_texts, is_wide


def _sums(pairs: Pairs, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Sums the powers: for every clip those of the captions `(G,)`, for every compared text its own `(B + P,)`."""
    of_clips = pairs.weight.new_zeros(len(pairs.audio), dtype=dtype)
    of_texts = pairs.weight.new_zeros(len(pairs.own_clip), dtype=dtype)
    for tile in pairs.tiles(dtype, recall=False):
        of_texts[tile.block.numbers] += tile.powers.sum(1)
        if tile.block.is_caption:
            of_clips[tile.clips] += tile.powers.sum(0)
    return of_clips, of_texts[pairs.compared()]


def add_gradients(
    pairs: Pairs,
    sums: tuple[Tensor, Tensor],
    slopes: tuple[Tensor, Tensor],
    own_slopes: Tensor,
    of_audio: Tensor | None,
    of_captions: Tensor | None,
    of_extras: Tensor | None,
    *,
    is_wide: bool,
) -> None:
    """Goes back through `log2_sums`, adding gradients, divided by the weight, where they are asked for.

    Args:
        pairs: As on the way there, with the powers it kept.
        sums: The results of `log2_sums`, those of the clips added up over all ranks.
        slopes: The gradients of these results, `(G,)` and `(B + M,)`.
        own_slopes: `(B + M,)`, the gradients of the texts' logits with their own clips, which count where a text is
            compared. They nearly cancel the others where texts match well, so they are added before any rounding.
        of_audio: `(G, D)`, in the accumulator's type.
        of_captions: `(B, D)`, likewise.
        of_extras: `(M, D)`, likewise.
        is_wide: Whether `log2_sums` took float64.
    """
    dtype = torch.float64 if is_wide else pairs.weight.dtype
    shift, room = pairs.shift(dtype), pairs.scratch(dtype)
    per_clip, per_text = (slope * (shift - total.to(dtype)).exp2() for slope, total in zip(slopes, sums, strict=True))
    for tile in pairs.tiles(dtype, recall=True):
        numbers, clips = tile.block.numbers, tile.clips
        weights = room[: tile.powers.numel()].view_as(tile.powers)
        if tile.block.is_caption:
            torch.add(per_text[numbers, None], per_clip[clips], out=weights).mul_(tile.powers)
        else:
            torch.mul(per_text[numbers, None], tile.powers, out=weights)
        pairs.add_own(weights, tile, own_slopes.to(dtype))
        of_texts = of_captions if tile.block.is_caption else of_extras
        if of_texts is not None:
            add_product(of_texts, tile.block.rows, weights, tile.audio)
        if of_audio is not None:
            add_product(of_audio, clips, weights.T, tile.texts)


def _factor(vectors: Tensor) -> Tensor:
    """Makes a factor of a product: half precision stays where the hardware multiplies it into float32."""
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
