"""Decides claims by listening: from separately rendered stems, knowing labels but neither the plan nor its times.

Times come from each stem's envelope, levels from BS.1770's filters in the time domain, and pitch, tempo and distance
from comparing a stem with the same sound without that trait. "yes" and "no" are said where the measurement is clear,
else "maybe".
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import lfilter

from compa.scenes.claims import Absent, All, Claim, Count, Has, Louder, Part, Sound, Then, While
from compa.scenes.composition.plan import SoundNode
from compa.scenes.composition.preparation import SnippetPreparer
from compa.scenes.composition.timeline import Timeline

Wave = NDArray[np.float32]
SLACK = 0.03
"""Seconds: an envelope is read in frames of 10 ms, and fades hide a little of it."""


@dataclass(frozen=True)
class Stem:
    """What is heard of one event alone.

    Attributes:
        label: What sounds.
        waveform: As long as the scene.
        plain: The event without one of its attributes, by that trait's name; only the event itself.
    """

    label: str
    waveform: Wave
    plain: dict[str, Wave]
    rate: int

    @cached_property
    def span(self) -> tuple[float, float]:
        """Where the envelope is above a hundredth of its peak."""
        frame = self.rate // 100
        frames = self.waveform[: len(self.waveform) // frame * frame].reshape(-1, frame).astype(np.float64)
        envelope = np.sqrt(np.mean(frames**2, axis=1))
        heard = np.flatnonzero(envelope > 0.01 * envelope.max())
        return heard[0] / 100, (heard[-1] + 1) / 100

    @cached_property
    def sounding(self) -> Wave:
        """The part of the stem that sounds."""
        start, end = self.span
        return self.waveform[round(start * self.rate) : round(end * self.rate)]

    @cached_property
    def level(self) -> float:
        """Loudness in LUFS."""
        wave = soxr.resample(self.sounding.astype(np.float64), self.rate, 48000)
        wave = lfilter([1.53512485958697, -2.69169618940638, 1.19839281085285],
                       [1, -1.69065929318241, 0.73248077421585], wave)  # fmt: skip
        wave = lfilter([1, -2, 1], [1, -1.99004745483398, 0.99007225036621], wave)
        return float(10 * np.log10(np.mean(wave**2)))


def stems_of(timeline: Timeline, preparer: SnippetPreparer) -> list[Stem]:
    """Renders every event alone."""
    stems = []
    for start, leaf, sound in timeline.placed:
        waveform = np.zeros(timeline.num_samples, dtype=np.float32)
        gain = 10 ** (timeline.plan.level_of(leaf) / 20)
        waveform[start : start + len(sound.waveform)] = gain * sound.waveform
        plain = {name: _without(leaf, name, timeline, preparer) for name in leaf.attributes}
        stems.append(Stem(leaf.label, waveform, plain, timeline.sample_rate))
    return stems


def _without(leaf: SoundNode, name: str, timeline: Timeline, preparer: SnippetPreparer) -> Wave:
    """The sound as it would be with everything but one trait."""
    neutral = {"pitch": 0.0, "rate": 1.0}
    attribute_values = {**timeline.plan.attribute_values}
    if name == "distance":
        leaf = replace(leaf, attributes={other: word for other, word in leaf.attributes.items() if other != name})
    elif name in neutral:
        attribute_values[name, leaf.attributes[name]] = neutral[name]
    prepared = preparer.prepare(leaf, replace(timeline.plan, attribute_values=attribute_values))
    return np.zeros(0, np.float32) if prepared is None else prepared.waveform


def check(claim: Claim, stems: list[Stem]) -> str:
    """Whether a claim holds: "yes", "no" or "maybe"."""
    if isinstance(claim, All):
        return _and([check(part, stems) for part in claim.parts])
    if isinstance(claim, Absent):
        return "no" if any(stem.label == claim.label for stem in stems) else "yes"
    if isinstance(claim, Louder):
        of = [[stem.level for stem in stems if stem.label == label] for label in (claim.first, claim.second)]
        differences = [one - other for one, other in itertools.product(*of)]
        if not differences or max(differences) < -2:
            return "no"
        return "yes" if min(differences) > 2 else "maybe"
    part: Part = claim.label if isinstance(claim, Has) else claim  # type: ignore[assignment]
    return _or([verdict for verdict, _ in _found(part, stems)])


def _found(part: Part, stems: list[Stem]) -> list[tuple[str, list[int]]]:
    """All choices of stems for a part, with verdicts that are not "no"."""
    if isinstance(part, str):
        return [("yes", [number]) for number, stem in enumerate(stems) if stem.label == part]
    if isinstance(part, Count):
        numbers = [number for number, stem in enumerate(stems) if stem.label == part.label]
        return [("yes", numbers)] if len(numbers) == part.number else []
    if isinstance(part, Sound):
        found = [
            (_and([_trait(name, word, stem, stems) for name, word in part.attributes]), [number])
            for number, stem in enumerate(stems)
            if part.label in (None, stem.label)
        ]
        return [(verdict, numbers) for verdict, numbers in found if verdict != "no"]
    assert isinstance(part, Then | While)
    choices = []
    for chosen in itertools.product(*(_found(inner, stems) for inner in part.parts)):
        numbers = [number for _, group in chosen for number in group]
        if len(set(numbers)) < len(numbers):
            continue
        verdicts = [verdict for verdict, _ in chosen]
        for (_, one), (_, other) in itertools.combinations(chosen, 2):
            spans = [stems[number].span for number in one], [stems[number].span for number in other]
            verdicts.append(_in_turn(*spans) if isinstance(part, Then) else _at_once(*spans))
        choices.append((_and(verdicts), numbers))
    return [(verdict, numbers) for verdict, numbers in choices if verdict != "no"]


Spans = list[tuple[float, float]]


def _hull(spans: Spans) -> tuple[float, float]:
    return min(start for start, _ in spans), max(end for _, end in spans)


def _in_turn(first: Spans, second: Spans) -> str:
    """The second starts where the first has ended; it does not where both sound on for long, or it came first."""
    (start, end), (later_start, later_end) = _hull(first), _hull(second)
    if later_start >= end - 0.05 - SLACK:
        return "yes"
    overlap = min(end, later_end) - max(start, later_start)
    shorter = min(end - start, later_end - later_start)
    return "no" if later_start < start + SLACK or overlap > 0.4 * shorter else "maybe"


def _at_once(first: Spans, second: Spans) -> str:
    """Each sound of the one goes along with the other."""
    verdicts = []
    for group, other in ((first, _hull(second)), (second, _hull(first))):
        for start, end in group:
            overlap = min(end, other[1]) - max(start, other[0])
            share = overlap / min(end - start, other[1] - other[0])
            verdicts.append("yes" if share > 0.45 else "no" if overlap < 0.05 + SLACK else "maybe")
    return _and(verdicts)


def _trait(name: str, word: str, stem: Stem, stems: list[Stem]) -> str:
    if name in ("speaker", "says"):
        speaker, _, words = stem.label.partition(" says ")
        return "yes" if word == (speaker if name == "speaker" else words) else "no"
    value, low, high = _measure(name, stem, stems)
    if value is None or low < value < high:
        return "maybe"
    return "yes" if (value >= high) == (word in ("loud", "high", "fast", "long", "far")) else "no"


def _measure(name: str, stem: Stem, stems: list[Stem]) -> tuple[float | None, float, float]:
    """A value of a trait, below what it is low and above what it is high."""
    start, end = stem.span
    if name == "duration":
        return end - start, 0.9, 1.5
    if name == "loudness":
        levels = [other.level for other in stems]
        return (stem.level - (max(levels) + min(levels)) / 2 if max(levels) - min(levels) > 5 else None), -2.0, 2.0
    plain = stem.plain.get(name)
    if plain is None or not len(plain):
        return None, 0, 0
    if name == "pitch":
        return 12 * (_middle(stem.sounding, stem.rate) - _middle(plain, stem.rate)), -1.0, 1.0
    if name == "distance":
        return (
            _middle(plain, stem.rate, 1) - _middle(stem.sounding, stem.rate, 1),
            0.02,
            0.1,
        )  # octaves that it is duller
    return _tempo(stem.sounding, plain, stem.rate), -0.2, 0.2


def _middle(waveform: Wave, rate: int, power: int = 2) -> float:
    """The middle of the spectrum in octaves, weighed with the power, or the amplitude."""
    spectrum = np.abs(np.fft.rfft(waveform)) ** power
    hz = np.fft.rfftfreq(len(waveform), 1 / rate)
    heard = hz > 40
    return float(np.sum(np.log2(hz[heard]) * spectrum[heard]) / np.sum(spectrum[heard]))


def _tempo(waveform: Wave, plain: Wave, rate: int) -> float | None:
    """How many octaves faster, by the stretch of time that makes the spectrograms agree; None where none does."""
    one, other = (_spectrogram(wave, rate) for wave in (waveform, plain))
    tried = np.arange(-0.9, 0.91, 0.05)
    agreement = []
    for octaves in tried:
        places = np.arange(len(one)) * 2**octaves
        places = places[places < len(other) - 1]
        warped = other[np.round(places).astype(int)]
        agreement.append(np.corrcoef(one[: len(warped)].ravel(), warped.ravel())[0, 1] if len(warped) > 20 else 0.0)
    found = np.array(agreement)
    slower, faster = found[tried < -0.2].max(), found[tried > 0.2].max()
    clear = max(slower, faster) > 0.3 and abs(slower - faster) > 0.15  # a steady or periodic sound fits any tempo
    return float(tried[int(np.argmax(found))]) if clear else None


def _spectrogram(waveform: Wave, rate: int) -> NDArray[np.float64]:
    """Log energies every 10 ms, smoothed over 90 ms (what pulses faster has a pitch), against each band's mean."""
    size = rate // 100
    padded = np.pad(waveform, (0, 2 * size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * size)[::size] * np.hanning(2 * size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    bands = np.stack([band.sum(axis=1) for band in np.array_split(power, 16, axis=1)], axis=1)
    smooth = np.apply_along_axis(np.convolve, 0, bands, np.hanning(11), "same")
    energies = np.log(smooth + 1e-3 * smooth.max())
    return np.asarray(energies - energies.mean(axis=0))


def _and(verdicts: list[str]) -> str:
    return "no" if "no" in verdicts else "maybe" if "maybe" in verdicts else "yes"


def _or(verdicts: list[str]) -> str:
    return "yes" if "yes" in verdicts else "maybe" if "maybe" in verdicts else "no"
