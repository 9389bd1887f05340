"""What makes the objectives fast at any batch size: tiled sums, ragged per-clip operations, collectives, checks."""
