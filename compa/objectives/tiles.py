"""The sums over all pairs of texts and clips, tile by tile, and their gradients.

Letters: `G` clips, `B` captions, `M` extras (of which `P` are compared with all clips), `D` dimensions.
Logits are kept in binary units, `logit * log2(e)`, since `exp2` takes less than half the time of `exp`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

LOG2_E = math.log2(math.e)
HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class TileSizes:
    """How long the edge of a tile is, and how many logits are kept for the way back, not computed again."""

    edge: int
    kept: int


SIZES = {"cpu": TileSizes(edge=512, kept=1024**2), "cuda": TileSizes(edge=2048, kept=2048**2)}
"""By device type. On a CPU a tile fits into the second-level cache; a GPU needs larger ones to be busy."""


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
    """The logits of a block of texts and a piece of the clips.

    Attributes:
        block: Which texts.
        clips: Which clips.
        texts: `(n, D)`, their embeddings.
        audio: `(g, D)`, their embeddings.
        logits: `(n, g)`, binary; -inf where a pair is hidden. Valid until the next tile is made.
        room: `(n, g)`, to work in; the logits themselves where these need not be kept.
    """

    block: TextBlock
    clips: slice
    texts: Tensor
    audio: Tensor
    logits: Tensor
    room: Tensor


@dataclass
class Pairs:
    """All pairs of texts and clips.

    Attributes:
        audio: `(G, D)`.
        captions: `(B, D)`.
        extras: `(M, D)`.
        queries: `(P,)` int64, the extras that are compared with all clips.
        own_clip: `(B + M,)` int64, which of the G clips a text belongs to.
        weight: `()`, what turns a cosine into a binary logit, in the accumulator's type.
        known_true: `(B + M, G)` bool or None.
        kept: `(K,)`, room for the logits of the first tiles.
    """

    audio: Tensor
    captions: Tensor
    extras: Tensor
    queries: Tensor
    own_clip: Tensor
    weight: Tensor
    known_true: Tensor | None
    kept: Tensor

    def __post_init__(self) -> None:
        self.edge = sizes_of(self.audio.device).edge

    def scratch(self) -> Tensor:
        """Makes room for the numbers of one tile."""
        most_texts = max(len(self.captions), len(self.queries))
        return self.weight.new_empty(min(self.edge, most_texts) * min(self.edge, len(self.audio)))

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

    def tiles(self, *, recall: bool) -> Iterator[Tile]:
        """Makes the tiles one after the other, all clips for a block of texts before the next block.

        Args:
            recall: Whether the kept logits are there already.
        """
        scratch, used = self.scratch(), 0
        for block in self.blocks(self.edge):
            texts = _factor(self.texts(block))
            for clips in slices(len(self.audio), self.edge):
                audio = _factor(self.audio[clips])
                size = len(texts) * len(audio)
                is_kept = used + size <= len(self.kept)
                room = scratch[:size].view(len(texts), -1)
                logits = self.kept[used : used + size].view_as(room) if is_kept else room
                used += size if is_kept else 0
                if not (is_kept and recall):
                    _multiply(texts, audio.T, logits).mul_(self.weight)
                    self._hide(logits, block, clips)
                yield Tile(block, clips, texts, audio, logits, room)

    def _hide(self, logits: Tensor, block: TextBlock, clips: slice) -> None:
        """Hides known true pairs, but never a text from its own clip."""
        if self.known_true is None:
            return
        hidden = self.known_true[block.numbers, clips].clone()
        place = self.own_clip[block.numbers, None] - clips.start
        is_elsewhere = (place < 0) | (place >= hidden.shape[1])
        place = place.clamp(0, hidden.shape[1] - 1)
        hidden.scatter_(1, place, hidden.gather(1, place) & is_elsewhere)
        logits.masked_fill_(hidden, -torch.inf)


def log2_sums(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Sums `exp(logit)` over the pairs that aren't hidden.

    Returns:
        For every clip the log2 of the sum over the captions `(G,)`, -inf where there is none, and for every
        text the log2 of the sum over the clips `(B + M,)`, 0 for the extras that aren't compared.
    """
    scratch, like = pairs.scratch(), pairs.weight
    of_clips, of_texts = _LogSum(len(pairs.audio), like), like.new_zeros(len(pairs.own_clip))
    of_block = _LogSum(0, like)
    for tile in pairs.tiles(recall=False):
        room = scratch[: tile.logits.numel()].view_as(tile.logits)
        if tile.block.is_caption:
            of_clips.add(tile.clips, tile.logits, 0, room)
        if tile.clips.start == 0:
            of_block = _LogSum(tile.block.length, like)
        of_block.add(slice(None), tile.logits, 1, room)
        if tile.clips.stop == len(pairs.audio):
            of_texts[tile.block.numbers] = of_block.value()
    return of_clips.value(), of_texts


def add_gradients(
    pairs: Pairs,
    sums: tuple[Tensor, Tensor],
    slopes: tuple[Tensor, Tensor],
    of_audio: Tensor | None,
    of_captions: Tensor | None,
    of_extras: Tensor | None,
) -> None:
    """Goes back through `log2_sums`, adding gradients, divided by the weight, where they are asked for.

    Args:
        pairs: As on the way there, with the logits it kept.
        sums: The results of `log2_sums`, those of the clips added up over all ranks.
        slopes: The gradients of these results, `(G,)` and `(B + M,)`.
        of_audio: `(G, D)`, in the accumulator's type.
        of_captions: `(B, D)`, likewise.
        of_extras: `(M, D)`, likewise.
    """
    scratch = pairs.scratch()
    for tile in pairs.tiles(recall=True):
        numbers, clips, logits = tile.block.numbers, tile.clips, tile.logits
        weights = torch.sub(logits, sums[1][numbers, None], out=scratch[: logits.numel()].view_as(logits))
        weights.exp2_().mul_(slopes[1][numbers, None])
        if tile.block.is_caption:
            shares = torch.sub(logits, sums[0][clips], out=tile.room).exp2_()
            weights.addcmul_(shares, slopes[0][clips])
        of_texts = of_captions if tile.block.is_caption else of_extras
        if of_texts is not None:
            add_product(of_texts, tile.block.rows, weights, tile.audio)
        if of_audio is not None:
            add_product(of_audio, clips, weights.T, tile.texts)


class _LogSum:
    """A running log2 of a sum of powers of two, safe at any size of the logits."""

    def __init__(self, length: int, like: Tensor) -> None:
        self.top = like.new_full((length,), torch.finfo(like.dtype).min)
        self.mass = like.new_zeros(length)

    def add(self, rows: slice, logits: Tensor, dim: int, room: Tensor) -> None:
        """Adds logits, summed over `dim`, to some rows; `room` is as large as they are."""
        top, mass = self.top[rows], self.mass[rows]
        higher = torch.maximum(top, logits.amax(dim))
        terms = torch.sub(logits, higher.unsqueeze(dim), out=room).exp2_()
        mass.mul_((top - higher).exp2_()).add_(terms.sum(dim))
        top.copy_(higher)

    def value(self) -> Tensor:
        return self.top + self.mass.log2()


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
