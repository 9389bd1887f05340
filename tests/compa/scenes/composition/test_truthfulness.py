"""Every positive is true and every negative false, as an independent checker hears it."""

from __future__ import annotations

import os
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from compa.manifest import NEGATIVE_KINDS
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from compa.scenes.banks.synthesizer import Synthesizer
from compa.scenes.claims import parse
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.plan import depth
from compa.scenes.composition.preparation import SnippetPreparer
from compa.scenes.composition.settings import Settings
from compa.utils.parallel import map_in_processes
from tests.compa.scenes.scene_checker import Stem, check, stems_of
from tests.compa.scenes.sound_files import ESC10, SPOKEN_DIGITS, write_speakers

SETTINGS = Settings(negatives=8, positives=6)


@pytest.fixture(scope="module")
def bank() -> EventBank:
    return _built_in()


def verdicts(bank: EventBank, numbers: range, settings: Settings = SETTINGS) -> tuple[Counter[str], list[str]]:
    """How often the checker hears what, by kind of text; and what contradicts the manifest."""
    composer = Composer(bank, settings, seed=11)
    heard: Counter[str] = Counter()
    wrong: list[str] = []
    for number in numbers:
        for clip, waveform, timeline in composer.scenes(number):
            stems = stems_of(timeline, SnippetPreparer(bank))
            mixed = np.sum([stem.waveform for stem in stems], axis=0)
            gain = float(waveform @ mixed) / float(mixed @ mixed)
            np.testing.assert_allclose(waveform, gain * mixed, atol=1e-4)  # the stems are what is heard
            heard[f"depth {depth(timeline.plan.root)}"] += 1
            texts = [("positive", clip.captions[0], clip.claims[0])]
            texts += [("positive", positive.text, positive.claim) for positive in clip.positives]
            texts += [(negative.kind, negative.text, negative.claim) for negative in clip.negatives]
            for kind, text, claim in texts:
                verdict = check(parse(claim or ""), stems)
                heard[f"{kind}: {verdict}"] += 1
                if verdict == ("no" if kind == "positive" else "yes"):
                    wrong.append(f"{clip.id}: {kind} {text!r}, {claim}, {clip.events}")
    return heard, wrong


def assert_truthful(heard: Counter[str], wrong: list[str]) -> None:
    assert not wrong, f"{len(wrong)} of {heard.total()}: {wrong[0]}"
    clear = heard["positive: yes"] / (heard["positive: yes"] + heard["positive: maybe"])
    assert clear > 0.9, heard
    false = sum(count for name, count in heard.items() if name.endswith(": no"))
    unclear = sum(count for name, count in heard.items() if name.endswith(": maybe")) - heard["positive: maybe"]
    assert false / (false + unclear) > 0.9, heard


def test_positives_are_true_and_negatives_false_of_what_is_heard(bank: EventBank) -> None:
    heard, wrong = verdicts(bank, range(100))
    assert_truthful(heard, wrong)
    assert all(heard[f"depth {number}"] > 2 for number in range(5)), heard
    for kind in ("order", "relation", "replacement", "attribute-swap", "attribute-change", "count", "absence"):
        assert heard[f"{kind}: no"] >= 8, heard


def test_the_checker_finds_false_texts(bank: EventBank) -> None:
    """Where stems bear each other's labels, it contradicts most texts of several labels."""
    composer = Composer(bank, Settings(attributes=(), kinds=("order", "relation")), seed=3)
    contradicted = total = 0
    for number in range(30):
        clip, _, timeline = composer.scenes(number)[0]
        stems = stems_of(timeline, SnippetPreparer(bank))
        labels = [stem.label for stem in stems]
        wrong = [Stem(label, s.waveform, s.plain, s.rate) for label, s in zip(labels[::-1], stems, strict=True)]
        if "Then(" in str(clip.claims[0]):
            contradicted += check(parse(clip.claims[0] or ""), wrong) == "no"
            total += 1
    assert total > 10
    assert contradicted > 0.6 * total


NUM_SCENES, CHUNK = 10_000, 250


def chunk(first: int) -> tuple[Counter[str], list[str]]:
    """The verdicts on some scenes of built-in sounds, twins included."""
    return verdicts(_built_in(), range(first, first + CHUNK // 2), Settings())


@lru_cache(maxsize=1)
def _built_in() -> EventBank:
    """Made once a process."""
    return Synthesizer(16000, ("train",))


@pytest.mark.slow
def test_ten_thousand_scenes_hold_no_false_positive_and_no_true_negative() -> None:
    heard: Counter[str] = Counter()
    wrong: list[str] = []
    firsts = range(1000, 1000 + NUM_SCENES // 2, CHUNK // 2)
    for some, more in map_in_processes(chunk, firsts, len(os.sched_getaffinity(0)), chunk=1):
        heard += some
        wrong += more
    print(dict(sorted(heard.items())))
    assert_truthful(heard, wrong)
    assert sum(count for name, count in heard.items() if name.startswith("depth")) == NUM_SCENES
    assert all(heard[f"depth {number}"] > 100 for number in range(5)), heard
    assert heard["depth 5"] > 5, heard
    assert all(heard[f"{kind}: no"] > 100 for kind in NEGATIVE_KINDS if kind != "binding"), heard


@pytest.mark.slow
@pytest.mark.skipif(not ESC10.is_dir(), reason="the recordings of ESC-10 are not here (../shared/audio/esc10)")
def test_scenes_of_real_recordings_are_truthful() -> None:
    heard, wrong = verdicts(open_bank(ESC10 / "clips.csv").split("train"), range(300), Settings())
    assert_truthful(heard, wrong)


@pytest.mark.slow
@pytest.mark.skipif(not SPOKEN_DIGITS.is_dir(), reason="the spoken digits are not here (../shared/audio/fsdd)")
def test_scenes_of_speakers_are_truthful(tmp_path: Path) -> None:
    bank = open_bank(write_speakers(tmp_path / "spoken.csv")).split("train")
    heard, wrong = verdicts(bank, range(300), Settings(attributes=("loudness", "pitch", "distance")))
    assert_truthful(heard, wrong)
    assert heard["binding: no"] > 30, heard
