"""Audio encoders, text encoders, and the CLAP that joins them."""

HUB = "hf:"
"""The prefix of a CLAP checkpoint of transformers: `hf:` and a local folder or a hub id."""
