"""Layers that several encoders share."""
