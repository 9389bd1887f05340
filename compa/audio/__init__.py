"""From sound files to batches of features."""
