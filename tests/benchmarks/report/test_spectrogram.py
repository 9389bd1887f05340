from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.report.spectrogram import NUM_COLUMNS, NUM_ROWS, decibels, frequency_position, spectrogram_pngs


def test_a_tone_is_at_its_frequency() -> None:
    rate = 16000
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)
    values = decibels(tone, rate)
    assert values.shape == (NUM_ROWS, NUM_COLUMNS)
    assert values[:, 200].argmax() == pytest.approx(frequency_position(1000, rate) * (NUM_ROWS - 1), abs=1)


def test_images_are_pngs_on_a_common_scale_and_deterministic() -> None:
    noise = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    tenth = noise * np.float32(0.1)
    loud, quiet = spectrogram_pngs([noise, tenth], 8000)
    assert loud.startswith(b"\x89PNG")
    assert loud != quiet
    assert spectrogram_pngs([noise, tenth], 8000) == [loud, quiet]
    assert len(spectrogram_pngs([np.zeros(0, np.float32)], 8000)) == 1


def test_a_picture_is_small_and_the_right_way_up() -> None:
    tone = np.sin(2 * np.pi * 100 * np.arange(8000) / 8000).astype(np.float32)
    (png,) = spectrogram_pngs([tone], 8000)
    image = np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=float)
    assert image.shape == (NUM_ROWS, NUM_COLUMNS)
    from_bottom = NUM_ROWS - 1 - np.flatnonzero(image[:, 200] == image[:, 200].max()).mean()
    assert from_bottom == pytest.approx(frequency_position(100, 8000) * (NUM_ROWS - 1), abs=2)
    noise = np.random.default_rng(0).normal(size=64000).astype(np.float32)
    assert len(spectrogram_pngs([noise], 16000)[0]) < 20_000
