"""The sums over all pairs of texts and clips, tile by tile, and their gradients.

Letters: `G` clips, `B` captions, `M` extras (of which `P` are compared with all clips), `D` dimensions. Logits are
kept in binary units, `logit * log2(e)`, since `exp2` takes less than half the time of `exp`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

LOG2_E = math.log2(math.e)
HALF = (torch.float16, torch.bfloat16)


@dataclass
class TileSizes:
    """How large a tile is (its edge), and how many logits may be kept for the way back instead of recomputed."""

    edge: int
    kept: int


SIZES = {"cpu": TileSizes(edge=512, kept=1024**2), "cuda": TileSizes(edge=2048, kept=2048**2)}
"""By device type. On the CPU a tile fits into the second-level cache; on a GPU larger ones keep it busy."""


def sizes_of(device: torch.device) -> TileSizes:
    """Looks up the tile sizes of a device; unknown ones are taken for a GPU."""
    return SIZES.get(device.type, SIZES["cuda"])


def accumulator_type(dtype: torch.dtype) -> torch.dtype:
    """Gives the type sums are made in: float32 for half precision, else the type itself."""
    return torch.float32 if dtype in HALF else dtype


def slices(length: int, step: int) -> list[slice]:
    """Cuts a range into pieces."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


@dataclass(frozen=True)
class TextBlock:
    """A piece of the texts: rows of the captions, or some of the extras.

    Attributes:
        is_caption: Whether it counts in the clips' sums too.
        rows: Where its rows lie in the captions or extras: a slice, or `(n,)` int64.
        numbers: Its rows in `known_true`, and in the results; alike.
        length: How many they are.
    """

    is_caption: bool
    rows: slice | Tensor
    numbers: slice | Tensor
    length: int


@dataclass
class Tiles:
    """All pairs of clips and texts, a tile of logits at a time.

    Attributes:
        audio: `(G, D)`.
        captions: `(B, D)`.
        extras: `(M, D)`.
        queries: `(P,)` int64, the extras that are compared with all clips.
        own_clip: `(B + M,)` int64, which of the G clips a text belongs to.
        weight: `()`, what turns a cosine into a binary logit.
        known_true: `(B + M, G)` bool or None.
        kept: `(K,)`, place for the first K logits.
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
        self.dtype = accumulator_type(self.audio.dtype)
        self.size = min(self.edge, max(len(self.captions), len(self.queries))) * min(self.edge, len(self.audio))

    def blocks(self) -> list[TextBlock]:
        """Cuts the texts into pieces."""
        num_captions = len(self.captions)
        captions = [
            TextBlock(True, rows, rows, rows.stop - rows.start) for rows in slices(num_captions, self.edge)
        ]
        extras = [TextBlock(False, rows, rows + num_captions, len(rows)) for rows in self.queries.split(self.edge)]
        return captions + [block for block in extras if block.length]

    def scratch(self) -> Tensor:
        """Makes room for one tile."""
        return self.audio.new_empty(self.size, dtype=self.dtype)

    def texts(self, block: TextBlock) -> Tensor:
        """Gives the embeddings of a block `(n, D)`, ready for `product`."""
        return operand((self.captions if block.is_caption else self.extras)[block.rows])

    def walk(self, *, recall: bool) -> Iterator[tuple[TextBlock, Tensor, slice, Tensor, Tensor]]:
        """Gives every tile: the block of texts and its embeddings, the clips and theirs, and the logits.

        Masked logits are -inf. Logits live until the next tile, but for the kept ones.

        Args:
            recall: Whether the kept logits are there already.
        """
        scratch, used = self.scratch(), 0
        for block in self.blocks():
            texts = self.texts(block)
            for clips in slices(len(self.audio), self.edge):
                audio, size = operand(self.audio[clips]), block.length * (clips.stop - clips.start)
                is_kept = used + size <= len(self.kept)
                place = self.kept[used : used + size] if is_kept else scratch[:size]
                used += size if is_kept else 0
                logits = place.view(block.length, -1)
                if not (is_kept and recall):
                    product(texts, audio.T, logits).mul_(self.weight)
                    self._mask(logits, block, clips)
                yield block, texts, clips, audio, logits

    def _mask(self, logits: Tensor, block: TextBlock, clips: slice) -> None:
        """Hides known true pairs, but never a text from its own clip."""
        if self.known_true is None:
            return
        hidden = self.known_true[block.numbers, clips].clone()
        place = self.own_clip[block.numbers, None] - clips.start
        is_elsewhere = (place < 0) | (place >= hidden.shape[1])
        place = place.clamp(0, hidden.shape[1] - 1)
        hidden.scatter_(1, place, hidden.gather(1, place) & is_elsewhere)
        logits.masked_fill_(hidden, -torch.inf)


def operand(vectors: Tensor) -> Tensor:
    """Makes a factor of `product`: half precision stays so only where the hardware sums it in float32."""
    return vectors.float() if vectors.dtype in HALF and vectors.device.type != "cuda" else vectors


def product(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    """Multiplies two matrices of one type into `out`, in its precision."""
    if left.dtype == out.dtype:
        return torch.mm(left, right, out=out)
    return torch.mm(left, right, out_dtype=out.dtype, out=out)


def add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Adds the product of weights and vectors to `total`, in its precision."""
    if right.dtype == total.dtype:
        total.addmm_(left, right)
    else:
        total.add_(torch.mm(left.to(right.dtype), right, out_dtype=total.dtype))


class LogSum:
    """A running binary log-sum-exp2 of many rows, safe at any size of the logits."""

    def __init__(self, length: int, like: Tensor) -> None:
        self.top = like.new_full((length,), torch.finfo(like.dtype).min)
        self.mass = like.new_zeros(length)

    def add(self, rows: slice, logits: Tensor, dim: int, scratch: Tensor) -> None:
        """Adds logits to some rows, summing over `dim`."""
        top, mass = self.top[rows], self.mass[rows]
        higher = torch.maximum(top, logits.amax(dim))
        terms = torch.sub(logits, higher.unsqueeze(dim), out=scratch.view_as(logits)).exp2_()
        mass.mul_((top - higher).exp2_()).add_(terms.sum(dim))
        top.copy_(higher)

    def value(self) -> Tensor:
        """Gives the result; -inf where nothing was added."""
        return self.top + self.mass.log2()


def log2_sums(tiles: Tiles) -> tuple[Tensor, Tensor]:
    """Sums over all pairs.

    Returns:
        For every clip the log2 of the sum over the captions `(G,)`, and for every text the log2 of the sum over the
        clips `(B + M,)`; 0 for the extras that aren't compared.
    """
    like, scratch = tiles.weight, tiles.scratch()
    over_captions = LogSum(len(tiles.audio), like)
    over_clips = like.new_zeros(len(tiles.own_clip))
    current: TextBlock | None = None
    running = LogSum(0, like)
    for block, _, clips, _, logits in tiles.walk(recall=False):
        if block is not current:
            current, running = block, LogSum(block.length, like)
        room = scratch[: logits.numel()]
        running.add(slice(None), logits, 1, room)
        if block.is_caption:
            over_captions.add(clips, logits, 0, room)
        if clips.stop == len(tiles.audio):
            over_clips[block.numbers] = running.value()
    return over_captions.value(), over_clips


def gradients(
    tiles: Tiles, sums: tuple[Tensor, Tensor], slopes: tuple[Tensor, Tensor], grads: tuple[Tensor, Tensor, Tensor]
) -> None:
    """Goes back through `log2_sums`, adding to `grads`; the caller multiplies them by the scale.

    Args:
        tiles: As on the way there.
        sums: The results of `log2_sums`, those of the clips over all ranks.
        slopes: The gradients of the natural log-sum-exps, `(G,)` and `(B + M,)`.
        grads: Of audio, captions and extras, in the accumulator's type.
    """
    of_audio, of_captions, of_extras = grads
    scratch, spare = tiles.scratch(), tiles.scratch()
    for block, texts, clips, audio, logits in tiles.walk(recall=True):
        weights = scratch[: logits.numel()].view_as(logits)
        torch.sub(logits, sums[1][block.numbers, None], out=weights).exp2_().mul_(slopes[1][block.numbers, None])
        if block.is_caption:
            room = spare[: logits.numel()].view_as(logits)
            weights.addcmul_(torch.sub(logits, sums[0][clips], out=room).exp2_(), slopes[0][clips])
            add_product(of_captions[block.rows], weights, audio)
        else:
            rows = torch.zeros_like(texts, dtype=tiles.dtype)
            add_product(rows, weights, audio)
            of_extras.index_add_(0, block.rows, rows)
        add_product(of_audio[clips], weights.T, texts)
