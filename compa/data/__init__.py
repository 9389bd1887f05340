"""Streams of batches."""
