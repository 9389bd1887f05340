"""The commands `compa negatives ...`, one module each."""
