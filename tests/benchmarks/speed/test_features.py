"""What is timed is what it says; how long it takes is not tested."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.speed import features


def test_all_make_the_same_features() -> None:
    clips = np.stack([features.coloured_noise(48000, seed) for seed in range(2)])
    works = features.feature_works(clips)
    del works[features.BARE]
    mine = works[features.OURS]()
    assert isinstance(mine, np.ndarray)
    assert mine.shape == (2, 1001, 64)
    for name, work in works.items():
        np.testing.assert_allclose(work(), mine, rtol=0, atol=1e-3, err_msg=name)  # type: ignore[call-overload]


@pytest.mark.filterwarnings("ignore:.*slated for removal:DeprecationWarning")  # librosa.load imports audioread
@pytest.mark.parametrize("num_channels", [1, 2])
def test_all_make_the_same_features_of_a_file(tmp_path: Path, num_channels: int) -> None:
    channels = [features.coloured_noise(44100, seed) for seed in range(num_channels)]
    soundfile.write(tmp_path / "a.flac", np.stack(channels, axis=1), 44100)
    works = list(features.file_works(tmp_path / "a.flac").values())
    waveform, mine = works[0](), works[1]()
    assert isinstance(waveform, np.ndarray)
    assert waveform.shape == (480_000,)
    assert isinstance(mine, np.ndarray)
    assert mine.shape == (1, 1001, 64)
    for theirs in works[2:]:
        np.testing.assert_allclose(theirs(), mine, rtol=0, atol=1e-3)  # type: ignore[call-overload]


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(features, "is_installed", lambda _: False)
    monkeypatch.setattr(features, "BATCH_SIZE", 1)
    features.main(["--only", "features", "--seconds", "0"])
    told = capsys.readouterr().out
    assert "librosa isn't installed, so its rows are missing: pip install compa[speed]" in told
    assert "| compa |" in told
    assert "| librosa |" not in told
