"""Files cut off at many points, or with wrong bytes: an error that names the file, or the sound; nothing else."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from compa.audio.decode import read_audio
from tests.compa.scenes.sound_files import beep

RATE = 48000
SECONDS = 3.0
SUFFIXES = ("wav", "flac", "ogg", "opus", "mp3", "m4a", "webm")


def write(path: Path, waveform: np.ndarray) -> None:
    codec = {".m4a": "aac", ".webm": "libopus"}.get(path.suffix)
    if codec is None:
        opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
        soundfile.write(path, waveform, RATE, **opus)
        return
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


@lru_cache
def whole(suffix: str, folder: Path) -> bytes:
    path = folder / f"whole.{suffix}"
    write(path, beep(SECONDS, rate=RATE))
    assert len(read_audio(path, RATE)) == pytest.approx(SECONDS * RATE, abs=1000)
    return path.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


def sound_or_error(path: Path) -> np.ndarray | str:
    try:
        return read_audio(path, RATE)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_cut_goes_unnoticed(suffix: str, folder: Path, tmp_path: Path) -> None:
    content = whole(suffix, folder)
    path = tmp_path / f"cut.{suffix}"
    for length in {*range(0, 120, 7), *np.linspace(0, len(content) - 1, 40).astype(int)}:
        path.write_bytes(content[:length])
        found = sound_or_error(path)
        if isinstance(found, str):
            assert str(path) in found
        else:  # what is missing is padding, or below a tenth of a second
            assert len(found) > (SECONDS - 0.1) * RATE, length


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_wrong_bytes_give_an_error_or_sound(suffix: str, folder: Path, tmp_path: Path) -> None:
    content = np.frombuffer(whole(suffix, folder), np.uint8)
    path = tmp_path / f"wrong.{suffix}"
    rng = np.random.default_rng(0)
    for number in range(60):
        damaged = content.copy()
        end = 200 if number % 2 else len(content)  # every second time in the header
        damaged[rng.integers(0, end, 4)] = rng.integers(0, 256, 4)
        path.write_bytes(damaged.tobytes())
        found = sound_or_error(path)
        if isinstance(found, str):
            assert str(path) in found
        else:
            assert np.isfinite(found).all()
