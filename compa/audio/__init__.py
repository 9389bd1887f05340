"""From sound files to waveforms and features."""
