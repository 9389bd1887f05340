"""Compares the kernels, run by triton's interpreter, with the tiles; prints the largest relative difference."""

from __future__ import annotations

import torch

from compa.objectives import fused, tiles
from tests.compa.objectives.batches import random_batch


def main() -> None:
    fused.BLOCK, fused.DEPTH, fused.EDGE = 16, 16, 32
    largest = 0.0
    for dtype, share_known in ((torch.float16, 0.0), (torch.float16, 0.3), (torch.float32, 0.3)):
        largest = max(largest, _difference(dtype, share_known))
    print(largest)


def _difference(dtype: torch.dtype, share_known: float) -> float:
    batch = random_batch(0, num_clips=50, num_extras=60, width=24, scale=20, dtype=dtype, share_known=share_known)
    pairs = tiles.Pairs(
        audio=batch.audio.detach(),
        captions=batch.captions.detach(),
        extras=batch.extras.detach(),
        queries=batch.is_positive.nonzero()[:, 0],
        own_clip=torch.cat([torch.arange(50), batch.owner]),
        weight=torch.tensor(20 * tiles.LOG2_E),
        known_true=batch.known_true,
        kept=torch.empty(0),
    )
    sums = tiles.log2_sums(pairs)
    slopes = (torch.rand(50), torch.rand(110))
    differences = [float((mine - right).abs().max()) for mine, right in zip(fused.log2_sums(pairs), sums, strict=True)]
    both = []
    for maths in (fused, tiles):
        grads = [torch.zeros(length, 24) for length in (50, 50, 60)]
        maths.add_gradients(pairs, sums, slopes, *grads)
        both.append(grads)
    allowed = 1e-5 if dtype == torch.float32 else 1e-3
    for mine, right in zip(*both, strict=True):
        differences.append(float((mine - right).abs().max() / right.abs().max()) * 1e-5 / allowed)
    return max(differences)


if __name__ == "__main__":
    main()
