"""Checkpoint formats other than compa's own: transformers, LAION-CLAP, ONNX."""
