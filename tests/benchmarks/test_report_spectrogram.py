from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.report.spectrogram import NUM_COLUMNS, NUM_ROWS, decibels, height_of, pictures


def test_a_tone_is_at_its_height() -> None:
    rate = 16000
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)
    values = decibels(tone, rate)
    assert values.shape == (NUM_ROWS, NUM_COLUMNS)
    assert values[:, 200].argmax() == pytest.approx(height_of(1000, rate) * (NUM_ROWS - 1), abs=1)


def test_pictures_are_pngs_on_one_scale_and_repeat() -> None:
    noise = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    tenth = noise * np.float32(0.1)
    loud, quiet = pictures([noise, tenth], 8000)
    assert loud.startswith(b"\x89PNG")
    assert loud != quiet
    assert pictures([noise, tenth], 8000) == [loud, quiet]
    assert len(pictures([np.zeros(0, np.float32)], 8000)) == 1


def test_a_picture_is_small_and_the_right_way_up() -> None:
    tone = np.sin(2 * np.pi * 100 * np.arange(8000) / 8000).astype(np.float32)
    (png,) = pictures([tone], 8000)
    image = np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=float)
    assert image.shape == (NUM_ROWS, NUM_COLUMNS)
    from_bottom = NUM_ROWS - 1 - np.flatnonzero(image[:, 200] == image[:, 200].max()).mean()
    assert from_bottom == pytest.approx(height_of(100, 8000) * (NUM_ROWS - 1), abs=2)
    noise = np.random.default_rng(0).normal(size=64000).astype(np.float32)
    assert len(pictures([noise], 16000)[0]) < 20_000
