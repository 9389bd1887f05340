from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from compa.audio.decode import audio_blocks, in_windows, open_audio, read_audio, resample, to_mono


def tone(rate: int, seconds: float = 0.5, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_reads_every_format(tmp_path: Path, suffix: str) -> None:
    soundfile.write(tmp_path / f"a.{suffix}", tone(16000), 16000)
    waveform = read_audio(tmp_path / f"a.{suffix}", 16000)
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    assert abs(len(waveform) - 8000) <= 2400  # mp3 pads
    assert np.sqrt(np.mean(waveform[2000:6000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_reads_opus(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.opus", tone(48000), 48000, format="OGG", subtype="OPUS")
    assert abs(len(read_audio(tmp_path / "a.opus", 16000)) - 8000) < 800


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 96000])
def test_resamples_to_the_same_sound(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate), rate, subtype="FLOAT")
    waveform = read_audio(tmp_path / "a.wav", 16000)
    assert len(waveform) == pytest.approx(8000, abs=1)
    middle = slice(1000, 7000)
    assert np.abs(waveform[middle] - tone(16000)[middle]).max() < 0.01


@pytest.mark.parametrize("num_channels", [1, 2, 6])
def test_averages_all_channels(tmp_path: Path, num_channels: int) -> None:
    channels = np.random.default_rng(0).uniform(-0.5, 0.5, (1600, num_channels)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", channels, 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 16000), channels.mean(1), atol=1e-6)


def test_one_sided_stereo_is_not_lost(tmp_path: Path) -> None:
    channels = np.stack([np.zeros(8000, np.float32), tone(16000)], axis=1)
    soundfile.write(tmp_path / "a.wav", channels, 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 16000), tone(16000) / 2, atol=1e-6)


def test_full_scale_is_kept_beyond_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 3 * tone(16000), 16000, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav", 16000)).max() == pytest.approx(1.5, rel=1e-3)


def test_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "nothing.wav").write_bytes(b"")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16000)
    broken = tone(16000)
    broken[7] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, 16000, subtype="FLOAT")
    broken[7] = np.inf
    soundfile.write(tmp_path / "inf.wav", broken, 16000, subtype="FLOAT")
    for name, message in {
        "text.wav": "cannot be decoded",
        "nothing.wav": "cannot be decoded",
        "empty.wav": "holds no samples",
        "nan.wav": "NaN",
        "inf.wav": "infinite",
        "missing.wav": "is not a file",
        ".": "is not a file",
    }.items():
        with pytest.raises(ValueError, match=message) as error:
            read_audio(tmp_path / name, 16000)
        assert str(tmp_path / name) in str(error.value)


def test_wrong_shapes_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        to_mono(tone(16000))
    with pytest.raises(ValueError, match="positive"):
        resample(tone(16000), 16000, 0)


def write_container(path: Path, codec: str, waveform: np.ndarray, rate: int = 48000) -> Path:
    """Writes a stereo file whose channels are the waveform and its half."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "stereo"
        frame = av.AudioFrame.from_ndarray(np.stack([waveform, waveform / 2]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.mp4", "aac"), ("a.webm", "libopus")])
def test_reads_containers(tmp_path: Path, name: str, codec: str) -> None:
    path = write_container(tmp_path / name, codec, tone(48000))
    waveform = read_audio(path, 48000)
    assert len(waveform) == pytest.approx(24000, abs=2500)  # encoders pad
    assert np.sqrt(np.mean(waveform[5000:20000] ** 2)) == pytest.approx(0.75 * 0.5 / np.sqrt(2), rel=0.05)
    assert abs(len(read_audio(path, 16000)) - len(waveform) / 3) <= 1
    first = read_audio(path, 48000, channels="first")
    assert np.sqrt(np.mean(first[5000:20000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    renamed = path.rename(tmp_path / "b.wav")
    np.testing.assert_array_equal(read_audio(renamed, 48000), waveform)


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.webm", "libopus")])
def test_containers_that_are_cut_off(tmp_path: Path, name: str, codec: str) -> None:
    path = write_container(tmp_path / name, codec, tone(48000, seconds=3.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=name):
        read_audio(path, 48000)


def test_containers_without_pyav_or_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(ValueError, match=r"film\.mp4 cannot be decoded as sound \(it has no sound track\)"):
        read_audio(tmp_path / "film.mp4", 16000)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"film\.mp4.*pip install 'compa\[av\]'"):
        read_audio(tmp_path / "film.mp4", 16000)


def test_channels_are_what_was_asked_for(tmp_path: Path) -> None:
    channels = np.random.default_rng(0).uniform(-0.5, 0.5, (300_000, 3)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", channels, 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", channels[:, 0], 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 16000), channels.mean(1), atol=1e-6)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", 16000, channels="first"), channels[:, 0])
    np.testing.assert_array_equal(read_audio(tmp_path / "b.wav", 16000, channels="only"), channels[:, 0])
    with pytest.raises(ValueError, match=r"a\.wav has 3 channels"):
        read_audio(tmp_path / "a.wav", 16000, channels="only")
    with pytest.raises(ValueError, match="mean, first, only; got 'left'"):
        read_audio(tmp_path / "a.wav", 16000, channels="left")  # type: ignore[arg-type]


def test_an_error_of_the_reader_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(16000), 16000)
    with pytest.raises(OSError, match=r"^disk full$"), open_audio(tmp_path / "a.wav"):
        raise OSError("disk full")


@pytest.mark.parametrize(("own_rate", "rate"), [(16000, 16000), (44100, 48000), (44100, 16000), (8000, 32000)])
def test_blocks_are_the_whole_file_cut(tmp_path: Path, own_rate: int, rate: int) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (700_001, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, own_rate, subtype="FLOAT")
    blocks = list(audio_blocks(tmp_path / "a.wav", rate))
    assert len(blocks) > 5
    assert max(map(len, blocks)) < 140_000 * max(rate / own_rate, 1)
    whole = soxr.resample((noise[:, 0] + noise[:, 1]) / 2, own_rate, rate)
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", rate), whole)


@pytest.mark.parametrize("cuts", [[10], [3, 7], [0, 4, 0, 6], [1] * 10, [9, 1], [5, 5]])
@pytest.mark.parametrize("size", [1, 3, 4, 5, 10, 11])
def test_windows_do_not_depend_on_the_blocks(cuts: list[int], size: int) -> None:
    waveform = np.arange(10, dtype=np.float32)
    blocks = np.split(waveform, np.cumsum(cuts)[:-1])
    windows = list(in_windows(blocks, size))
    assert [len(window) for window in windows[:-1]] == [size] * (len(windows) - 1)
    assert 0 < len(windows[-1]) <= size
    np.testing.assert_array_equal(np.concatenate(windows), waveform)


def test_a_waveform_of_nothing_has_no_window() -> None:
    assert list(in_windows([np.zeros(0, np.float32)], 5)) == []
