from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from compa.scenes.banks.open import open_bank
from compa.scenes.banks.synthesizer import SOUNDS, Synthesizer, record

BANK = Synthesizer()
RATE = BANK.sample_rate


def level(waveform: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(waveform**2)))


def log_spectra(waveform: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log energies in 32 bands, at equal loudness, shape (frames, 32)."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform / level(waveform), 512)[::256] * np.hanning(512)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = np.searchsorted(np.arange(257) * RATE / 512, np.geomspace(50, RATE / 2, 33))
    bands = [power[:, low : max(high, low + 1)].mean(1) for low, high in pairwise(edges)]
    return np.log(np.stack(bands, axis=1) + 1e-4)


def test_it_is_the_bank_without_files() -> None:
    bank = open_bank(None)
    assert bank.name == "built-in"
    assert len(bank.labels) >= 28
    assert set(bank.labels) == set(SOUNDS)
    assert dict(bank.skipped) == {}
    assert len(bank.split("train").recordings("dog bark")) == 48
    assert len(bank.split("test").recordings("dog bark")) == 16


@pytest.mark.parametrize("label", BANK.labels)
def test_every_label(label: str) -> None:
    """Finite, audible, no two recordings alike, and cuts that start with sound and are full of it."""
    bank, rng = BANK.split("test"), np.random.default_rng(0)
    for _ in range(12):
        snippet = bank.sample(label, rng)
        waveform = snippet.waveform
        assert np.isfinite(waveform).all()
        assert 1.3 * RATE <= len(waveform) <= 2.0 * RATE
        assert 0.05 < np.abs(waveform).max() <= 0.8
        assert level(waveform[:1600]) > 0.1 * level(waveform)
        thirds = [level(part) for part in np.array_split(waveform, 3)]
        assert min(thirds) > 0.03 * max(thirds)
        assert snippet.author == "compa"
        assert snippet.licence == "CC0 (synthesised)"
    spectra = [
        log_spectra(record(label, name, RATE).active.waveform).mean(0)
        for name in (*BANK.split("train").recordings(label)[:3], *bank.recordings(label)[:3])
    ]
    distances = [np.abs(a - b).mean() for i, a in enumerate(spectra) for b in spectra[:i]]
    assert min(distances) > 0.02


def test_a_recording_is_a_function_of_its_name() -> None:
    one, other = Synthesizer(), Synthesizer()
    other.sample("siren", np.random.default_rng(9))  # what was made before does not matter
    for label in ("siren", "rain"):
        snippets = [bank.sample(label, np.random.default_rng(3)) for bank in (one, other)]
        np.testing.assert_array_equal(snippets[0].waveform, snippets[1].waveform)
    assert level(one.sample("siren", np.random.default_rng(3)).waveform) == pytest.approx(0.2547, abs=2e-3)


def test_long_durations_are_made_not_repeated() -> None:
    assert len(BANK.sample("rain", np.random.default_rng(0), duration=6.0).waveform) == 6 * RATE


def test_fewer_labels() -> None:
    bank = Synthesizer(labels=("siren", "dog bark", "rain"))
    assert bank.labels == ("dog bark", "rain", "siren")
    assert bank.split("test").labels == bank.labels
    with pytest.raises(ValueError, match="'cat meow'"):
        bank.sample("cat meow", np.random.default_rng(0))
    with pytest.raises(ValueError, match="'sirn'; did you mean 'siren'"):
        Synthesizer(labels=("sirn",))


@pytest.mark.parametrize("sample_rate", [8000, 44100])
def test_other_rates(sample_rate: int) -> None:
    bank = Synthesizer(sample_rate)
    for label in bank.labels:
        waveform = bank.sample(label, np.random.default_rng(0), duration=1.0).waveform
        assert waveform.shape == (sample_rate,)
        assert np.isfinite(waveform).all()


def test_labels_can_be_told_apart() -> None:
    """Nearest centroids of log spectra's means and deviations: 0.93 was measured, chance is 0.03."""
    rng = np.random.default_rng(1)

    def features(split: str, num: int) -> NDArray[np.float64]:
        bank = BANK.split("train" if split == "train" else "test")
        spectra = [[log_spectra(bank.sample(label, rng).waveform) for _ in range(num)] for label in bank.labels]
        return np.array([[np.r_[s.mean(0), s.std(0)] for s in group] for group in spectra])

    centroids, tests = features("train", 12).mean(1), features("test", 6)
    nearest = np.square(tests[:, :, None] - centroids).sum(-1).argmin(-1)
    correct = nearest == np.arange(len(centroids))[:, None]
    assert correct.mean() > 0.85
    assert correct.mean(1).min() > 0.3
