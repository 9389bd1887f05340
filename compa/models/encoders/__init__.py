"""Audio and text encoders, one family a file."""
