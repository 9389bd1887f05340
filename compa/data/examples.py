"""Makes an example of a packed sample: decodes a part of its audio and draws its texts."""

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
from compa.data.batch import NO_SAMPLES, Example, Text
from compa.data.feature_cache import FeatureCache
from compa.manifest import Clip, Negative, Positive

Item = TypeVar("Item")


@dataclass(frozen=True)
class ExampleConfig:
    """What an example contains of its clip.

    Attributes:
        sample_rate: Of the waveform, in Hz.
        clip_seconds: Longer clips are cut to this: at random in training, to the middle in evaluation.
        num_negatives: The most hard negative captions.
        num_positives: The most further true texts.
        is_training: Whether parts and texts are drawn at random; otherwise the first texts are used.
        cache: Gives features in place of waveforms, those of uncut clips from the disk; None gives waveforms.
    """

    sample_rate: int = 16000
    clip_seconds: float = 10.0
    num_negatives: int = 0
    num_positives: int = 0
    is_training: bool = True
    cache: FeatureCache | None = None

    def __post_init__(self) -> None:
        for name, value in (("sample_rate", self.sample_rate), ("clip_seconds", self.clip_seconds)):
            if value <= 0:
                raise ValueError(f"{name} must be positive; got {value}")
        for name, value in (("num_negatives", self.num_negatives), ("num_positives", self.num_positives)):
            if value < 0:
                raise ValueError(f"{name} must be at least 0; got {value}")


def make_example(clip: Clip, sound: bytes, config: ExampleConfig, rng: np.random.Generator) -> Example:
    """Decodes a clip's audio and draws its texts.

    What is claimed of a whole clip may be false of a part: a clip that is cut loses its claims and events.

    Args:
        clip: The clip, with at least one caption.
        sound: The content of its sound file.
        config: What the example contains.
        rng: Makes the draws of training.

    Raises:
        ValueError: If the audio cannot be decoded.
    """
    draws = rng if config.is_training else None
    audio, is_cut = _decode(clip, sound, config, draws)
    number = int(draws.integers(len(clip.captions))) if draws else 0
    negatives = _some(clip.negatives, config.num_negatives, draws)
    positives = _some(clip.positives, config.num_positives, draws)
    extras: list[Positive | Negative] = [*positives, *negatives]
    texts = {*clip.captions, *(positive.text for positive in clip.positives)}
    return Example(
        id=clip.id,
        waveform=audio if config.cache is None else NO_SAMPLES,
        features=None if config.cache is None else audio,
        caption=clip.captions[number],
        claim=clip.claims[number] if clip.claims and not is_cut else None,
        extras=tuple(Text(text.text, None if is_cut else text.claim, isinstance(text, Positive)) for text in extras),
        other_true_texts=tuple(sorted(texts - {clip.captions[number], *(positive.text for positive in positives)})),
        events=() if is_cut else clip.events,
        kind=clip.negatives[0].kind if clip.negatives else "twins",
        twin=clip.twin,
    )


def _decode(
    clip: Clip, sound: bytes, config: ExampleConfig, draws: np.random.Generator | None
) -> tuple[NDArray[Any], bool]:
    """The part of the clip as a waveform at the wanted rate or as features, and whether it is less than the whole."""
    try:
        with soundfile.SoundFile(io.BytesIO(sound)) as file:
            spare = file.frames - round(config.clip_seconds * file.samplerate)
            start = (int(draws.integers(spare + 1)) if draws else spare // 2) if spare > 0 else 0
            read = partial(_read, file, start, config)
            if config.cache is None:
                return read(), spare > 0
            return config.cache.compute(read()) if spare > 0 else config.cache.find(sound, read), spare > 0
    except soundfile.LibsndfileError as error:
        raise ValueError(f"the audio of {clip.id!r} cannot be decoded ({error}); pack it again") from None


def _read(file: soundfile.SoundFile, start: int, config: ExampleConfig) -> NDArray[np.float32]:
    file.seek(start)
    channels = file.read(round(config.clip_seconds * file.samplerate), dtype="float32", always_2d=True)
    waveform = resample(to_mono(channels), file.samplerate, config.sample_rate)
    return waveform[: round(config.clip_seconds * config.sample_rate)]


def _some(items: Sequence[Item], number: int, draws: np.random.Generator | None) -> list[Item]:
    """Draws so many different items, or returns the first ones."""
    number = min(number, len(items))
    rows = draws.permutation(len(items))[:number] if draws else range(number)
    return [items[row] for row in rows]
