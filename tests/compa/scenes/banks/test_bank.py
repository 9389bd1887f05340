from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from compa.scenes.banks.activity import Active
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from tests.compa.scenes.sound_files import ESC10, beep, write, write_labels

RATE = 16000


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.fixture(params=["built-in", "folder"])
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> EventBank:
    return open_bank(None if request.param == "built-in" else write_labels(tmp_path / "events"))


def test_every_bank_keeps_the_contract(bank: EventBank) -> None:
    assert list(bank.labels) == sorted(bank.labels)
    assert "/" not in bank.name
    for label in bank.labels[:5]:
        sets = [set(bank.split(split).recordings(label)) for split in ("train", "test")]
        assert sets[0]
        assert sets[1]
        assert not sets[0] & sets[1]
        assert sets[0] | sets[1] == set(bank.recordings(label))
        for split in ("train", "test"):
            snippet = bank.split(split).sample(label, np.random.default_rng(0), duration=0.3)
            assert snippet.recording in bank.split(split).recordings(label)
            assert snippet.waveform.dtype == np.float32
            assert snippet.waveform.shape == (4800,)
            assert snippet.sample_rate == bank.sample_rate == RATE
            assert dict(snippet.attributes) == {}


def test_sampling_is_a_function_of_the_generator(bank: EventBank) -> None:
    first, again, other = (bank.sample(bank.labels[0], np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first.recording == again.recording
    np.testing.assert_array_equal(first.waveform, again.waveform)
    assert len(other.waveform) != len(first.waveform) or not np.array_equal(other.waveform, first.waveform)


def test_snippets_may_be_changed_without_harm(bank: EventBank) -> None:
    first = bank.sample(bank.labels[0], np.random.default_rng(5))
    kept = first.waveform.copy()
    first.waveform[:] = 0
    np.testing.assert_array_equal(bank.sample(bank.labels[0], np.random.default_rng(5)).waveform, kept)


def test_a_bank_survives_pickling(bank: EventBank) -> None:
    copy = pickle.loads(pickle.dumps(bank))
    np.testing.assert_array_equal(
        bank.sample(bank.labels[0], np.random.default_rng(1)).waveform,
        copy.sample(bank.labels[0], np.random.default_rng(1)).waveform,
    )


def test_fingerprints_tell_splits_and_rates_apart(bank: EventBank, tmp_path: Path) -> None:
    fingerprints = {bank.fingerprint, bank.split("train").fingerprint, bank.split("test").fingerprint}
    assert len(fingerprints) == 3
    assert open_bank(None, 8000).fingerprint not in {open_bank(None).fingerprint}
    first = open_bank(write_labels(tmp_path / "a")).fingerprint
    write(tmp_path / "a/dog/dog-0.wav", beep(hz=123))
    assert open_bank(tmp_path / "a").fingerprint != first


def test_questions_that_make_no_sense_are_answered(bank: EventBank) -> None:
    rng, label = np.random.default_rng(0), bank.labels[0]
    with pytest.raises(ValueError, match="'dgo'"):
        bank.sample("dgo", rng)
    with pytest.raises(ValueError, match="'dgo'"):
        bank.recordings("dgo")
    with pytest.raises(ValueError, match="'colour'"):
        bank.sample(label, rng, colour=1.0)
    for duration in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="positive number of seconds"):
            bank.sample(label, rng, duration=duration)
    with pytest.raises(ValueError, match="'train', 'test'; got 'dev'"):
        bank.split("dev")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'test'"):
        bank.split("train").split("test")
    assert bank.split("test").split("test").recordings(label) == bank.split("test").recordings(label)


def test_what_is_no_bank(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere.* a CSV .* a folder"):
        open_bank(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"notes\.txt.* a CSV"):
        open_bank(tmp_path / "notes.txt")
    with pytest.raises(ValueError, match="positive"):
        open_bank(None, 0)


def test_cuts_start_with_sound_and_hold_some() -> None:
    rng = np.random.default_rng(0)
    sound = np.concatenate(
        [silence(1), beep(0.3), silence(2), beep(0.2, level=0.05), silence(0.3), beep(0.4), silence(1)]
    )
    active = Active.part_of(sound, RATE)
    assert len(active.waveform) == pytest.approx(3.2 * RATE, abs=330)
    for _ in range(200):
        cut = active.cut(0.8, rng)
        assert np.abs(cut[:160]).max() > 0.01
        assert np.sum(cut**2) >= 0.25 * np.sum(beep(0.4) ** 2) * 0.9


def test_cuts_reach_all_of_a_steady_sound() -> None:
    ramp = beep(4, hz=100) * np.linspace(0.5, 1, 4 * RATE, dtype=np.float32)
    active = Active.part_of(ramp, RATE)
    peaks = [np.abs(active.cut(1.0, np.random.default_rng(seed))).max() for seed in range(200)]
    assert min(peaks) < 0.34
    assert max(peaks) > 0.48


def test_a_short_recording_comes_whole_and_once() -> None:
    active = Active.part_of(np.concatenate([silence(1), beep(0.5), silence(2)]), RATE)
    assert len(active.cut(2.0, np.random.default_rng(0))) == pytest.approx(0.5 * RATE, abs=330)


def test_a_long_silence_at_the_end_of_a_cut_is_shortened() -> None:
    active = Active.part_of(np.concatenate([beep(0.3), silence(3), beep(0.3), silence(1)]), RATE)
    lengths = {len(active.cut(2.0, np.random.default_rng(seed))) for seed in range(50)}
    assert max(lengths) <= 0.82 * RATE
    steady = Active.part_of(beep(4), RATE)
    assert {len(steady.cut(2.0, np.random.default_rng(seed))) for seed in range(20)} == {2 * RATE}


def test_an_offset_is_removed_and_is_no_sound() -> None:
    assert abs(Active.part_of(beep(1) + 0.3, RATE).waveform.mean()) < 1e-3
    with pytest.raises(ValueError, match="silent"):
        Active.part_of(silence(1) + np.float32(0.3), RATE)


@pytest.mark.skipif(not ESC10.is_dir(), reason="the recordings of ESC-10 are not here (../shared/audio/esc10)")
def test_real_recordings() -> None:
    bank = open_bank(ESC10 / "clips.csv")
    assert bank.name == "esc10"
    assert len(bank.labels) == 10
    assert dict(bank.skipped) == {}
    assert sum(len(bank.recordings(label)) for label in bank.labels) == 398
    test = bank.split("test")
    names = [name for label in test.labels for name in test.recordings(label)]
    assert len(names) == 80
    assert all("/5-" in name for name in names)
    rng = np.random.default_rng(0)
    for label in bank.labels:
        snippet = test.sample(label, rng)
        assert snippet.source is not None
        assert snippet.source.startswith("https://freesound.org/s/")
        assert snippet.author
        assert snippet.licence
        assert np.abs(snippet.waveform).max() > 0.001
