from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from compa.scenes.banks.open import open_bank
from tests.compa.scenes.sound_files import beep, write, write_labels


def test_folders_are_labels(tmp_path: Path) -> None:
    bank = open_bank(write_labels(tmp_path / "my-events", ("Dog_bark", "cat-meow", "owl")))
    assert bank.name == "my-events"
    assert bank.labels == ("cat meow", "dog bark", "owl")
    assert bank.recordings("dog bark")[0] == "Dog_bark/Dog_bark-0.wav"
    assert dict(bank.skipped) == {}


def test_every_format_rate_and_number_of_channels(tmp_path: Path) -> None:
    root = write_labels(tmp_path)
    write(root / "dog/a.flac", beep(rate=8000, hz=300), 8000)
    write(root / "dog/b.OGG", beep(rate=44100, hz=310), 44100)
    write(root / "dog/c.mp3", beep(rate=44100, hz=320), 44100)
    write(root / "dog/d.wav", np.stack([beep(rate=96000), 0 * beep(rate=96000)], 1), 96000)
    (root / "dog/readme.txt").write_text("not a sound, and no complaint about it")
    bank = open_bank(root)
    assert len(bank.recordings("dog")) == 8
    assert dict(bank.skipped) == {}
    rng = np.random.default_rng(0)
    for _ in range(50):
        snippet = bank.sample("dog", rng, duration=0.4)
        assert snippet.waveform.shape == (6400,)
        assert snippet.sample_rate == 16000
        assert np.abs(snippet.waveform).max() > 0.2


def test_bad_files_are_named_with_a_reason(tmp_path: Path) -> None:
    root = write_labels(tmp_path)
    (root / "dog/broken.wav").write_text("this is no sound")
    (root / "dog/nothing.ogg").write_bytes(b"")
    write(root / "dog/zero.wav", np.zeros(0, np.float32))
    write(root / "dog/silent.wav", np.zeros(16000, np.float32))
    write(root / "dog/faint.wav", beep(level=0.0005))
    write(root / "dog/short.wav", beep(0.05))
    (root / "empty").mkdir()
    bank = open_bank(root)
    reasons = dict(bank.skipped)
    assert "cannot be decoded" in reasons.pop("dog/broken.wav")
    assert "cannot be decoded" in reasons.pop("dog/nothing.ogg")
    assert reasons.pop("dog/zero.wav") == "holds no samples"
    assert "silent" in reasons.pop("dog/silent.wav")
    assert "silent" in reasons.pop("dog/faint.wav")
    assert "too short" in reasons.pop("dog/short.wav")
    assert "without sound files" in reasons.pop("empty")
    assert not reasons
    assert bank.labels == ("cat", "dog", "owl")


def test_nothing_usable(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no label folders"):
        open_bank(tmp_path)
    write(tmp_path / "a.wav")
    with pytest.raises(ValueError, match=r"1 sound file\(s\) but no label folders"):
        open_bank(tmp_path)


@pytest.mark.parametrize("labels", [("dog",), ("dog", "cat")])
def test_too_few_labels(tmp_path: Path, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=rf"{len(labels)} usable label\(s\).* need at least 3"):
        open_bank(write_labels(tmp_path, labels))


def test_too_few_labels_because_of_bad_files(tmp_path: Path) -> None:
    root = write_labels(tmp_path)
    for file in (root / "owl").iterdir():
        file.write_text("broken")
    with pytest.raises(
        ValueError, match=r"2 usable label\(s\) \(cat, dog\).*left out: 4, such as owl/owl-1.wav: cannot"
    ):
        open_bank(root)


def test_a_label_with_one_recording_is_left_out(tmp_path: Path) -> None:
    root = write_labels(tmp_path)
    write(root / "siren/only.wav")
    bank = open_bank(root)
    assert "siren" not in bank.labels
    assert "needs both" in bank.skipped["siren"]


def test_two_recordings_are_one_for_each_split(tmp_path: Path) -> None:
    bank = open_bank(write_labels(tmp_path, num=2))
    for label in bank.labels:
        assert len(bank.split("train").recordings(label)) == len(bank.split("test").recordings(label)) == 1


def test_the_split_is_stable_and_about_a_quarter(tmp_path: Path) -> None:
    root = write_labels(tmp_path / "a", num=40)
    shutil.copytree(root, tmp_path / "elsewhere")
    bank, copy = open_bank(root), open_bank(tmp_path / "elsewhere")
    sides = {name: "test" for label in bank.labels for name in bank.split("test").recordings(label)}
    assert 15 <= len(sides) <= 45
    for label in bank.labels:
        assert bank.split("test").recordings(label) == copy.split("test").recordings(label)
    assert bank.fingerprint == copy.fingerprint
    write(root / "dog/another.wav")
    grown = open_bank(root)
    for label in bank.labels:
        assert set(bank.split("test").recordings(label)) <= set(grown.split("test").recordings(label))


def test_copies_stay_on_one_side(tmp_path: Path) -> None:
    root = write_labels(tmp_path, num=12)
    for index in range(12):
        shutil.copy(root / f"dog/dog-{index}.wav", root / f"dog/copy-{index}.wav")
    bank = open_bank(root)
    train = set(bank.split("train").recordings("dog"))
    for index in range(12):
        assert (f"dog/dog-{index}.wav" in train) == (f"dog/copy-{index}.wav" in train)


def test_a_label_of_copies_has_one_recording(tmp_path: Path) -> None:
    root = write_labels(tmp_path)
    write(root / "siren/a.wav")
    shutil.copy(root / "siren/a.wav", root / "siren/b.wav")
    assert "siren" in open_bank(root).skipped


def test_the_same_sound_under_two_labels_is_left_out(tmp_path: Path) -> None:
    root = write_labels(tmp_path)
    shutil.copy(root / "dog/dog-0.wav", root / "cat/other.wav")
    bank = open_bank(root)
    assert "several labels: cat, dog" in bank.skipped["dog/dog-0.wav"]
    assert "several labels: cat, dog" in bank.skipped["cat/other.wav"]
    assert len(bank.recordings("dog")) == 3
