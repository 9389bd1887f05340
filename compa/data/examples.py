"""From a packed sample to an example: which part is heard and which texts are drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from compa.audio.decode import resample, to_mono
from compa.data.batch import NO_SAMPLES, Example
from compa.data.feature_cache import FeatureCache
from compa.manifest import Clip

Item = TypeVar("Item")


@dataclass(frozen=True)
class Draw:
    """What an example takes of its clip.

    Attributes:
        sample_rate: Of the waveform, in Hz.
        clip_seconds: Longer clips are cut to this: at random in training, to the middle in evaluation.
        num_negatives: Hard negative captions, at most.
        num_positives: Further true texts, at most.
        is_training: Whether anything is left to chance; else the first texts are taken.
        cache: Gives features in place of waveforms, those of clips that are not cut from the disk; None gives
            waveforms.
    """

    sample_rate: int = 16000
    clip_seconds: float = 10.0
    num_negatives: int = 0
    num_positives: int = 0
    is_training: bool = True
    cache: FeatureCache | None = None

    def __post_init__(self) -> None:
        if self.sample_rate <= 0 or self.clip_seconds <= 0:
            raise ValueError(f"sample_rate {self.sample_rate} and clip_seconds {self.clip_seconds} must be positive")
        if self.num_negatives < 0 or self.num_positives < 0:
            raise ValueError(f"num_negatives {self.num_negatives} and num_positives {self.num_positives} start at 0")


def make_example(clip: Clip, sound: bytes, draw: Draw, rng: np.random.Generator) -> Example:
    """Decodes a clip's sound and draws its texts.

    What is claimed of a whole clip need not hold of a part: a clip that is cut loses its claims and events.

    Args:
        clip: The clip, with one caption at least.
        sound: The content of a sound file.
        draw: What is wanted.
        rng: Decides what is drawn in training.

    Raises:
        ValueError: If the sound cannot be decoded.
    """
    chance = rng if draw.is_training else None
    heard, is_cut = _hear(clip, sound, draw, chance)
    number = int(chance.integers(len(clip.captions))) if chance else 0
    negatives = _some(clip.negatives, draw.num_negatives, chance)
    positives = _some(clip.positives, draw.num_positives, chance)
    texts = {*clip.captions, *(positive.text for positive in clip.positives)}
    return Example(
        id=clip.id,
        waveform=heard if draw.cache is None else NO_SAMPLES,
        features=None if draw.cache is None else heard,
        caption=clip.captions[number],
        claim=clip.claims[number] if clip.claims and not is_cut else None,
        negatives=tuple(negative.text for negative in negatives),
        negative_claims=tuple(None if is_cut else negative.claim for negative in negatives),
        positives=tuple(positive.text for positive in positives),
        positive_claims=tuple(None if is_cut else positive.claim for positive in positives),
        also_true=tuple(sorted(texts - {clip.captions[number], *(positive.text for positive in positives)})),
        events=() if is_cut else clip.events,
        kind=clip.negatives[0].kind if clip.negatives else "twins",
        twin=clip.twin,
    )


def _hear(clip: Clip, sound: bytes, draw: Draw, chance: np.random.Generator | None) -> tuple[NDArray[Any], bool]:
    """The part that is heard, as a waveform at the wanted rate or features, and whether it is less than the whole."""
    try:
        with soundfile.SoundFile(io.BytesIO(sound)) as file:
            spare = file.frames - round(draw.clip_seconds * file.samplerate)
            start = (int(chance.integers(spare + 1)) if chance else spare // 2) if spare > 0 else 0
            decode = partial(_decode, file, start, draw)
            if draw.cache is None:
                return decode(), spare > 0
            return draw.cache.compute(decode()) if spare > 0 else draw.cache.find(sound, decode), spare > 0
    except soundfile.LibsndfileError as error:
        raise ValueError(f"the sound of {clip.id!r} cannot be decoded ({error}): pack it again") from None


def _decode(file: soundfile.SoundFile, start: int, draw: Draw) -> NDArray[np.float32]:
    file.seek(start)
    channels = file.read(round(draw.clip_seconds * file.samplerate), dtype="float32", always_2d=True)
    waveform = resample(to_mono(channels), file.samplerate, draw.sample_rate)
    return waveform[: round(draw.clip_seconds * draw.sample_rate)]


def _some(items: Sequence[Item], number: int, chance: np.random.Generator | None) -> list[Item]:
    """Draws so many different items, or takes the first ones."""
    number = min(number, len(items))
    rows = chance.permutation(len(items))[:number] if chance else range(number)
    return [items[row] for row in rows]
