"""Only what a caption is about tells it from its negatives, or a scene from its twin; joints are inaudible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import hstack
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from compa.audio.trim import FADE_SECONDS
from compa.manifest import NEGATIVE_KINDS
from compa.scenes.banks.activity import Active
from compa.scenes.banks.bank import EventBank, MemoryBank, Snippet
from compa.scenes.banks.recordings import Recording
from compa.scenes.captions import render_caption
from compa.scenes.claims import Then
from compa.scenes.composition import sampling
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.label_pairs import LabelPairs
from compa.scenes.composition.pairs import TwinScenes
from compa.scenes.composition.plan import Plan, RelationNode, SnippetSpec, SoundNode, claim_of
from compa.scenes.composition.preparation import SnippetPreparer
from compa.scenes.composition.settings import Settings
from compa.scenes.composition.texts import negatives
from compa.scenes.composition.timeline import lay_out, mix
from compa.scenes.speech import spoken_by

RATE = 8000
Wave = NDArray[np.float32]


@pytest.fixture(scope="module")
def noises() -> EventBank:
    """Twelve labels of steady noise, each with a band of its own."""
    return bands([f"noise {number}" for number in range(12)])


@pytest.fixture(scope="module")
def speakers() -> EventBank:
    """Six speakers who say six words each, as noise, too."""
    return bands([spoken_by(f"s{number // 6}", f"w{number % 6}") for number in range(36)])


def bands(labels: Sequence[str]) -> EventBank:
    """Steady noise, each of twelve labels in a row in a band of its own."""
    rng = np.random.default_rng(0)
    recordings = []
    for number, label in enumerate(labels):
        for take in range(3):
            spectrum = np.fft.rfft(rng.normal(size=5 * RATE))
            hz = np.fft.rfftfreq(5 * RATE, 1 / RATE)
            spectrum *= np.exp(-0.5 * (np.log2(np.maximum(hz, 1.0) / (150 * 1.35 ** (number % 12))) / 0.5) ** 2)
            sound = np.fft.irfft(spectrum).astype(np.float32)
            active = Active.part_of(0.1 * sound / sound.std(), RATE)
            recordings.append(Recording(label, f"{number}/{take}", active, split="train"))
    return MemoryBank("noises", RATE, recordings)


@pytest.fixture
def rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenes in which there is something to edit, whatever the kind; else most say nothing of counts or absence."""
    more = {"count": 0.6, "absent": 0.6, "attributes": 0.9}
    monkeypatch.setattr(sampling, "PROBABILITIES", {**sampling.PROBABILITIES, **more})


def auc(features: Sequence[Sequence[float]], sides: Sequence[int], groups: Sequence[int]) -> float:
    """How well a classifier tells the sides apart, tested on other groups than it learns from."""
    classifier = ExtraTreesClassifier(60, min_samples_leaf=5, random_state=0)
    guess = cross_val_predict(classifier, features, sides, groups=groups, cv=GroupKFold(5), method="predict_proba")
    return float(roc_auc_score(sides, guess[:, 1]))


def sampling_error(number: int) -> float:
    """Two standard errors of an AUC of 0.5 with so many examples a side."""
    return float(2 * np.sqrt((2 * number + 1) / (12 * number**2)))


# Captions and negatives


@pytest.mark.parametrize("settings", [Settings(negatives=1), Settings(negatives=1, max_events=2)], ids=["any", "two"])
def test_a_caption_cannot_be_told_from_its_negative_by_text(noises: EventBank, settings: Settings) -> None:
    composer = Composer(noises, settings, seed=5)
    clips = [composed.clip for number in range(400) for composed in composer.scenes(number)]
    texts = [text for clip in clips for text in (clip.captions[0], clip.negatives[0].text)]
    assert len(set(texts)) > 0.9 * len(texts)
    assert text_auc(texts) <= 0.60
    flawed = [text if row % 2 == 0 else text.replace("then", "subsequently") for row, text in enumerate(texts)]
    assert text_auc([f"{text} too" if row % 8 == 1 else text for row, text in enumerate(flawed)]) > 0.60


@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize("kind", NEGATIVE_KINDS)
def test_no_kind_of_negative_gives_itself_away(noises: EventBank, speakers: EventBank, kind: str) -> None:
    """Single clips: with twins, what is false of the one is true of the other, and all texts are alike by symmetry."""
    bank = speakers if kind == "binding" else noises
    texts = caption_and_negative(bank, kind, 800 if kind == "binding" else 400)  # fewer scenes can be rebound
    assert len(texts) >= 150
    assert text_auc(texts, group=2) <= 0.60


def caption_and_negative(bank: EventBank, kind: str, number: int) -> list[str]:
    """Captions of scenes and what one edit makes of each, as training has it, without rendering."""
    settings, label_pairs = Settings(negatives=1, kinds=(kind,)), LabelPairs(bank.labels)
    texts = []
    for seed in range(number):
        rng = np.random.default_rng(seed)
        timeline = sampling.draw_timeline(SnippetPreparer(bank), label_pairs, settings, rng)
        for negative in negatives(timeline, None, label_pairs, (kind,), 1, rng):
            texts += [render_caption(claim_of(timeline.plan), rng), negative.text]
    return texts


def text_auc(texts: Sequence[str], group: int = 4) -> float:
    """Every other text is false; so many that belong together stay together, such as four of two twins."""
    counts = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]").fit_transform(texts)
    lengths = np.array([[len(text) / 50] for text in texts])
    sides = [row % 2 for row in range(len(texts))]
    groups = [row // group for row in range(len(texts))]
    guess = cross_val_predict(
        LogisticRegression(C=0.3, max_iter=2000), hstack([counts, lengths]).tocsr(), sides, groups=groups,
        cv=GroupKFold(5), method="predict_proba",
    )  # fmt: skip
    return float(roc_auc_score(sides, guess[:, 1]))


# Scenes and twins


def surface(waveform: Wave) -> list[float]:
    """Length, loudness, edges and the average spectrum: nothing about which sound came first, or how."""
    frames = waveform[: len(waveform) // 80 * 80].reshape(-1, 80)
    energy = np.sqrt(np.mean(frames**2, axis=1) + 1e-12)
    values = [np.abs(waveform).max(), energy[:5].mean(), energy[-5:].mean(), np.abs(np.diff(waveform)).max()]
    return [float(value) for value in values] + averages(waveform)


def averages(waveform: Wave) -> list[float]:
    """Length, loudness and the average spectrum."""
    power = np.abs(np.fft.rfft(waveform)) ** 2
    bands = [float(np.log(band.sum() + 1e-9)) for band in np.array_split(power, 12)]
    return [float(len(waveform)), float(np.sqrt(np.mean(waveform**2))), *bands]


def by_name(twins: TwinScenes) -> TwinScenes:
    """Twins in an order that follows from what they are about, not from chance: that of their claims' texts."""
    first, second = sorted(twins.timelines, key=lambda timeline: str(claim_of(timeline.plan)))
    return replace(twins, timelines=(first, second))


@pytest.mark.parametrize("kind", ["order", "attribute-swap"])
def test_a_scene_cannot_be_told_from_its_twin_by_length_loudness_or_spectrum(noises: EventBank, kind: str) -> None:
    """Two sounds are always the same two here, so that only their order or level could tell."""
    settings = Settings(seconds=4.0, max_events=2, attributes=("pitch",) if kind != "order" else (), kinds=(kind,))
    composer = Composer(noises, settings, seed=1, pairs=[("noise 3", "noise 6"), ("noise 2", "noise 7")])

    def edit_auc(flaw: Callable[[Wave], Wave]) -> float:
        features, sides, groups = [], [], []
        for number in range(160):
            twins = by_name(composer.twins(np.random.default_rng(number)))
            for side, waveform in enumerate(mix(twins.timelines)):
                features.append(relative(surface(flaw(waveform) if side else waveform), kind))
                sides.append(side)
                groups.append(number)
        return auc(features, sides, groups)

    assert edit_auc(lambda waveform: waveform) <= 0.55 + sampling_error(160)
    assert edit_auc(lambda waveform: np.float32(0.97) * waveform) > 0.75


def relative(values: list[float], kind: str) -> list[float]:
    """Which sound was moved up in pitch is what these twins are about, so their spectra may differ."""
    return values if kind == "order" else values[:6]


@pytest.mark.slow
@pytest.mark.usefixtures("rich")
@pytest.mark.parametrize("kind", NEGATIVE_KINDS)
def test_an_edit_leaves_no_trace_in_the_sound(noises: EventBank, speakers: EventBank, kind: str) -> None:
    """Which of two twins was drawn and which is its edit: a classifier finds no more than in random answers."""
    composer = Composer(speakers if kind == "binding" else noises, Settings(kinds=(kind,)), seed=1)
    features, sides, groups = [], [], []
    for number in range(200):
        twins = composer.twins(np.random.default_rng(number))
        waves = [averages(waveform) for waveform in mix(twins.timelines)]
        for side, (own, other) in enumerate(zip(waves, waves[::-1], strict=True)):
            features.append([*own, *(one - two for one, two in zip(own, other, strict=True))])
            sides.append(int(side == twins.edited))
            groups.append(number)
    flips = np.random.default_rng(0).random((12, 200)) < 0.5
    at_random = [auc(features, [int(side != flip[group]) for side, group in zip(sides, groups, strict=True)], groups)
                 for flip in flips]  # fmt: skip
    assert auc(features, sides, groups) <= 0.5 + 2 * np.std(at_random)


# Joints


class EndlessNoise(MemoryBank):
    """Steady noise that never comes twice, so that no classifier can know a recording again."""

    def __init__(self) -> None:
        super().__init__("endless", RATE, [])

    def sample(
        self, label: str, rng: np.random.Generator, duration: float | None = None, **attributes: float | str
    ) -> Snippet:
        """Noise of a band around 900 Hz."""
        size = round((duration or 2.0) * RATE)
        hz = np.maximum(np.fft.rfftfreq(2 * size, 1 / RATE), 1.0)
        spectrum = np.fft.rfft(rng.normal(size=2 * size)) * np.exp(-0.5 * (np.log2(hz / 900) / 0.5) ** 2)
        return Snippet(np.fft.irfft(spectrum)[:size].astype(np.float32), RATE, label)


def joint(number: int, gap: float, joined: bool) -> Wave:
    """Half a second around a joint of two takes of a steady noise, or around the same place of one long take."""
    rng = np.random.default_rng(number)
    takes = [SnippetSpec("noise", int(rng.integers(2**62))) for _ in range(2)]
    if joined:
        leaves = tuple(SoundNode(take, 1.0) for take in takes)
        plan = Plan(RelationNode(Then, leaves, (gap,), (0.0, 0.0)), {}, 2.2, 0.5)
    else:
        plan = Plan(SoundNode(takes[0], 2.0), {}, 2.2, 0.5)
    timeline = lay_out(plan, SnippetPreparer(EndlessNoise()))
    assert timeline is not None
    middle = timeline.placed[0][0] + RATE + round(gap * RATE / 2)
    return np.asarray(mix([timeline])[0][middle - RATE // 4 : middle + RATE // 4])


def test_a_joint_cannot_be_told_from_no_joint() -> None:
    def edit_auc(gap: float) -> float:
        features, sides = [], []
        for number in range(400):
            for joined in (False, True):
                heard = joint(2 * number + joined, gap, joined)
                energy = np.log(np.mean(heard.reshape(-1, 80) ** 2, axis=1) + 1e-9)  # every 10 ms
                middle = energy[20:30] - np.median(energy)
                rough = np.abs(np.diff(heard, 2))
                click = rough[RATE // 4 - 200 : RATE // 4 + 200].max() / np.median(rough)
                features.append([*middle, middle.min(), middle.max(), float(click)])
                sides.append(int(joined))
        return auc(features, sides, list(range(len(sides))))

    assert edit_auc(-FADE_SECONDS) <= 0.55
    assert edit_auc(0.0) > 0.9  # a joint without a cross-fade is a dip
