"""Event banks: where the waveforms of isolated sound events come from."""
