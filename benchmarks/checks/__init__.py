"""What a benchmark shares with a model's training data: held-out combinations, contamination."""
