"""Audio encoders, text encoders, and the CLAP that joins them."""
