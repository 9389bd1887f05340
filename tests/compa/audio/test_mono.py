"""Channels that cancel each other in their mean: recognised, and the loudest is used alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from compa.audio import mono
from compa.audio.decode import audio_blocks, read_audio, to_mono
from compa.audio.mono import Cancellation, ChannelsCancel, mixed

RATE = 44100
Waveform = NDArray[np.float32]


def noise(seconds: float = 1.0, seed: int = 0) -> Waveform:
    return np.random.default_rng(seed).normal(scale=0.1, size=round(seconds * RATE)).astype(np.float32)


def stereo(left: NDArray[Any], right: NDArray[Any], *others: NDArray[Any]) -> Waveform:
    return np.stack([left, right, *others], axis=1).astype(np.float32)


def last_part_turned_over(fraction: float) -> Waveform:
    both = stereo(noise(), noise())
    both[round((1 - fraction) * len(both)) :, 1] *= -1
    return both


X, Y = noise(seed=1), noise(seed=2)
TIME = np.arange(RATE) / RATE
TONE = (0.3 * np.sin(2 * np.pi * 440 * TIME)).astype(np.float32)
CANCELLING: dict[str, Waveform] = {
    "antiphase": stereo(X, -X),
    "antiphase of a tone": stereo(TONE, -TONE),
    "one channel 0.2 dB louder": stereo(X, -1.02 * X),
    "one channel 3 dB louder": stereo(X, -0.71 * X),
    "with an offset": stereo(X + 0.3, -X + 0.3),
    "with other noise 20 dB below": stereo(X + 0.1 * Y, -X + 0.1 * noise(seed=3)),
    "with a common sound 20 dB below": stereo(X + 0.07 * Y, -X + 0.07 * Y),
    "in the last fifth": last_part_turned_over(0.2),
    "four channels, two by two": stereo(X, -X, Y, -Y),
    "four channels, one against three": stereo(X, -X / 3, -X / 3, -X / 3),
    "a delay of half a period": stereo(TONE, np.roll(TONE, 50)),
    "quiet": 1e-3 * stereo(X, -X),
}
KEEPING: dict[str, Waveform] = {
    "mono": X[:, None],
    "both alike": stereo(X, X),
    "nothing in common": stereo(X, Y),
    "one-sided": stereo(X, 0 * X),
    "one of six": stereo(X, *[0 * X] * 5),
    "half as loud, turned over": stereo(X, -0.5 * X),
    "offsets that cancel": stereo(0.01 * X + 0.3, 0.01 * X - 0.3),
    "an echo of 15 ms": stereo(X, np.roll(X, 661)),
    "silence": stereo(0 * X, 0 * X),
    "in the last twentieth": last_part_turned_over(0.05),
}


@pytest.mark.parametrize("name", CANCELLING)
def test_what_cancels_is_recognised_and_one_channel_kept(name: str, tmp_path: Path) -> None:
    channels = CANCELLING[name]
    soundfile.write(tmp_path / "a.wav", channels, RATE, subtype="FLOAT")
    with pytest.warns(ChannelsCancel, match=r"a\.wav: its channels cancel .* is used alone") as caught:
        found = read_audio(tmp_path / "a.wav", RATE)
    used = int(str(caught[0].message).split()[-4]) - 1
    np.testing.assert_array_equal(found, channels[:, used])
    assert channels[:, used].std() > 0.99 * channels.std(axis=0).max()
    with pytest.warns(ChannelsCancel):
        np.testing.assert_array_equal(to_mono(channels), found)


@pytest.mark.parametrize("name", KEEPING)
def test_the_mean_is_taken_of_all_else(name: str, tmp_path: Path) -> None:
    channels = KEEPING[name]
    soundfile.write(tmp_path / "a.wav", channels, RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", RATE), channels.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(to_mono(channels), channels.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "flac"])
def test_lossy_and_integer_formats(suffix: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / f"a.{suffix}", stereo(TONE, -TONE), RATE)
    with pytest.warns(ChannelsCancel):
        found = read_audio(tmp_path / f"a.{suffix}", 16000)
    assert found.std() > 0.9 * TONE.std()


def test_the_case_that_was_embedded_as_silence(tmp_path: Path) -> None:
    rate, time = 16000, np.arange(16000) / 16000
    beep = 0.15 * np.sin(2 * np.pi * 500 * time)
    soundfile.write(tmp_path / "a.wav", stereo(beep, -beep), rate)
    with pytest.warns(ChannelsCancel):
        assert read_audio(tmp_path / "a.wav", rate).std() == pytest.approx(0.15 / 2**0.5, rel=1e-3)


def test_the_first_channel_can_be_asked_for(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", stereo(X, -X), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", RATE, channels="first"), X)


def test_what_starts_late_is_refused_rather_than_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that were passed on as a mean cannot be taken back."""
    monkeypatch.setattr(mono, "HELD_SAMPLES", 2**18)
    longer = np.concatenate([stereo(noise(4.0), noise(4.0)), stereo(noise(4.0), -noise(4.0))])
    soundfile.write(tmp_path / "a.wav", longer, RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"a\.wav: its channels cancel .*not at its start"):
        read_audio(tmp_path / "a.wav", RATE)
    soundfile.write(tmp_path / "b.wav", longer[::-1], RATE, subtype="FLOAT")
    with pytest.warns(ChannelsCancel):
        assert len(read_audio(tmp_path / "b.wav", RATE)) == len(longer)


@pytest.mark.parametrize("cuts", [[], [1], [4096, 8192], [5000, 5001, 30000]])
def test_the_blocks_change_nothing(cuts: list[int]) -> None:
    for name, channels in CANCELLING.items():
        with pytest.warns(ChannelsCancel):
            parts = list(mixed(np.split(channels, cuts), name))
        assert any(np.array_equal(np.concatenate(parts), channel) for channel in channels.T)


def test_natural_stereo_is_far_from_the_limit() -> None:
    """Two microphones apart, panned sources: what is lost stays below the limit by a factor of two."""
    rng = np.random.default_rng(0)
    for seed in range(20):
        sources = [noise(seed=10 * seed + number) * np.float32(rng.uniform(0.1, 1)) for number in range(3)]
        delays, pans = rng.integers(0, 77, 3), rng.uniform(0, 1, 3)  # up to 60 cm
        spaced = stereo(sum(sources), sum(map(np.roll, sources, delays)))  # type: ignore[arg-type]
        panned = stereo(*(sum(s * p for s, p in zip(sources, side, strict=True)) for side in (pans, 1 - pans)))
        for channels in (spaced, panned):
            cancellation = Cancellation()
            cancellation.add(channels)
            assert cancellation.fraction < mono.MAX_CANCELLED / 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("read", [lambda path: read_audio(path, RATE), lambda path: list(audio_blocks(path, RATE))])
def test_samples_that_are_not_finite_are_named_first(
    value: float, read: Callable[[Path], object], tmp_path: Path
) -> None:
    channels = stereo(X, -X)
    channels[777] = value, -value
    soundfile.write(tmp_path / "a.wav", channels, RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match="NaN or infinite"):
        read(tmp_path / "a.wav")
