"""The sums over all pairs of texts and clips that the objectives share: tiled, ragged, distributed."""
