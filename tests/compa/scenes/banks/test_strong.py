from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from compa.manifest import Event
from compa.scenes.banks import strong as strong_bank
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from compa.scenes.banks.strong_labels import LabelledFile, read_names, spoken

RATE = 16000
HEADER = "file\tlabel\tonset\toffset\n"
PITCHES = {"low": 300.0, "middle": 1000.0, "high": 4000.0}


def write_files(root: Path, num: int = 4) -> str:
    """Files of 3 s in which low, middle and high tones follow each other, each 0.8 s; and the rows for them."""
    rows = ""
    for number in range(num):
        waveform = np.random.default_rng(number).normal(0, 1e-4, 3 * RATE)
        for place, (label, pitch) in enumerate(PITCHES.items()):
            time = np.arange(round(0.8 * RATE)) / RATE
            waveform[place * RATE : place * RATE + len(time)] += 0.5 * np.sin(2 * np.pi * pitch * time)
            rows += f"{number}.wav\t{label}\t{place}\t{place + 0.8}\n"
        soundfile.write(root / f"{number}.wav", waveform, RATE)
    return rows


def write_tsv(root: Path, rows: str, header: str = HEADER) -> Path:
    (root / "events.tsv").write_text(header + rows, encoding="utf-8")
    return root / "events.tsv"


def names(bank: EventBank) -> set[str]:
    return {name for label in bank.labels for name in bank.recordings(label)}


def pitch_of(waveform: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(waveform))
    return float(np.argmax(spectrum) * RATE / len(waveform))


def test_isolated_is_what_a_double_loop_says() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        ends = np.sort(rng.integers(0, 12, (rng.integers(1, 6), 2)) / 2, axis=1)
        events = tuple(Event("x", onset, offset) for onset, offset in ends if onset < offset)
        alone = []
        for i, event in enumerate(events):
            times = np.arange(event.onset, event.offset, 0.25)
            others = [other for j, other in enumerate(events) if j != i]
            if not any(other.onset <= time < other.offset for other in others for time in times):
                alone.append(event)
        assert LabelledFile("f", events).isolated == tuple(alone)


def test_segments_are_cut_out_of_files(tmp_path: Path) -> None:
    bank = open_bank(write_tsv(tmp_path, write_files(tmp_path)))
    assert bank.labels == ("high", "low", "middle")
    assert len(names(bank)) == 12
    for label, pitch in PITCHES.items():
        snippet = bank.sample(label, np.random.default_rng(0), duration=5.0)
        assert len(snippet.waveform) == pytest.approx(0.8 * RATE, abs=0.02 * RATE)
        assert pitch_of(snippet.waveform) == pytest.approx(pitch, rel=0.01)


def test_overlapped_segments_are_left_out(tmp_path: Path) -> None:
    rows = write_files(tmp_path)
    bank = open_bank(write_tsv(tmp_path, rows + "0.wav\tnoise\t0.5\t1.5\n"))
    assert {name for name in names(bank) if name.startswith("0.wav")} == {"0.wav@2-2.8"}
    assert bank.skipped["0.wav"] == "3 of 4 segments overlapped by others"
    assert "noise" not in bank.labels


def test_a_file_is_on_one_side_of_the_split(tmp_path: Path) -> None:
    bank = open_bank(write_tsv(tmp_path, write_files(tmp_path, 8)))
    sides = [{name.split("@")[0] for name in names(bank.split(side))} for side in ("train", "test")]
    assert sides[0]
    assert sides[1]
    assert not sides[0] & sides[1]


def test_segments_of_a_video_are_on_one_side(tmp_path: Path) -> None:
    rows = write_files(tmp_path, 8)
    for number in range(8):
        name = f"video{number // 2:06d}_{number % 2}0000"
        (tmp_path / f"{number}.wav").rename(tmp_path / f"{name}.wav")
        rows = rows.replace(f"{number}.wav\t", f"{name}\t")
    bank = open_bank(write_tsv(tmp_path, rows))
    sides = [{name[:11] for name in names(bank.split(side))} for side in ("train", "test")]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 4
    snippet = bank.sample("low", np.random.default_rng(0))
    assert str(snippet.source).startswith("https://www.youtube.com/watch?v=video0")


def test_audioset_names(tmp_path: Path) -> None:
    rows = write_files(tmp_path).replace("\tlow", "\t/m/1").replace("\tmiddle", "\t/m/2").replace("\thigh", "\t/g/3")
    header = "segment_id\tlabel\tstart_time_seconds\tend_time_seconds\n"
    with pytest.raises(ValueError, match=r"label id /m/1.*put mid_to_display_name\.tsv beside it"):
        open_bank(write_tsv(tmp_path, rows, header))
    ontology = [{"id": "/m/1", "name": "Low, deep"}, {"id": "/m/2", "name": "Middle"}, {"id": "/g/3", "name": "High"}]
    (tmp_path / "ontology.json").write_text(json.dumps(ontology))
    assert open_bank(write_tsv(tmp_path, rows, header)).labels == ("high", "low", "middle")
    (tmp_path / "names.tsv").write_text("/m/1\tLow, deep\n/m/2\tMiddle\n")
    assert read_names(tmp_path / "names.tsv") == {"/m/1": "Low, deep", "/m/2": "Middle"}


def test_a_label_has_so_many_recordings_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strong_bank, "MAX_RECORDINGS", 3)
    bank = open_bank(write_tsv(tmp_path, write_files(tmp_path, 8)))
    assert {len(bank.recordings(label)) for label in bank.labels} == {3}
    assert bank.skipped["some of low"] == "8 isolated segments, of which 3 are used"


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    rows = (
        write_files(tmp_path)
        + "9.wav\tlow\t0\t1\n0.wav\tlow\tx\t1\n0.wav\tlow\t5\t4\n0.wav\t\t\t\n0.wav\tlow\t0\tinf\n"
    )
    skipped = open_bank(write_tsv(tmp_path, rows)).skipped
    assert skipped["9.wav"] == "no such file"
    reasons = [reason for name, reason in skipped.items() if ", line " in name]
    assert [reason.split(" ")[0] for reason in reasons] == ["onset", "an", "no", "an"]


def test_columns_that_are_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no column 'start_time_seconds' or 'onset'"):
        open_bank(write_tsv(tmp_path, "a\tb\tc\n", "file\tlabel\toffset\n"))


@pytest.mark.parametrize(
    ("label", "words"),
    [("Vehicle horn, car horn, honking", "vehicle horn"), ("Howl (wind)", "howl (wind)"), ("dog_bark", "dog bark")],
)
def test_labels_in_words(label: str, words: str) -> None:
    assert spoken(label) == words
