"""A small event bank of real files: five labels that are easy to tell apart, eight recordings each."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank

PITCHES = {"low hum": 150.0, "horn": 400.0, "whistle": 1000.0, "beeper": 2500.0, "mosquito": 6000.0}


@pytest.fixture(scope="session")
def tone_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    time = np.arange(round(2.3 * 16000)) / 16000
    for label, pitch in PITCHES.items():
        (folder / label.replace(" ", "_")).mkdir()
        for number in range(8):
            tone = np.sin(2 * np.pi * pitch * rng.uniform(0.9, 1.1) * time + rng.uniform(0, 6))
            noise = rng.normal(scale=0.02, size=len(time))
            soundfile.write(folder / label.replace(" ", "_") / f"{number}.wav", 0.5 * tone + noise, 16000)
    return folder


@pytest.fixture(scope="session")
def tone_bank(tone_folder: Path) -> EventBank:
    return open_bank(tone_folder)


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard() -> None:
    """Where the tests were started in the background, Ctrl-C is ignored, and their own processes would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
