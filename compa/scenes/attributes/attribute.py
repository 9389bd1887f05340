"""The base classes of attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from compa.manifest import Event
from compa.scenes.truth import ROUNDING, Truth

if TYPE_CHECKING:
    import numpy as np

    from compa.audio.effects import Wave


class Attribute:
    """One thing that sounds of a label can differ in: the words for it, and how a sound gets it.

    To add one, write a module of this package with a subclass and `ATTRIBUTE`, its instance. A plan draws a value for
    each word (metres, semitones, or the word itself), which is the `value` of the methods below. Methods that process
    waveforms import NumPy themselves, so that claims do not need it.

    Attributes:
        name: The keyword in claims: `Sound("dog bark", distance="far")`.
        templates: For each word, how captions say it of a sound `{x}`. Every word has a template that starts with
            `{x}`, which is also right for a label that is a sentence ("george says three").
        templates_without_label: How captions name a sound by this attribute alone; `{word}` is its word.
        rendered_by: `effect` where `apply` changes the waveform of a snippet; `bank` where `EventBank.sample` takes the
            value by the attribute's name; `timeline` where it only decides how long or at which level a sound plays.
        stage: Effects are applied in this order: 0 changes the source, 1 what happens on the way to the listener.
        is_relative: Whether it compares the sounds of a clip, so that a single sound cannot have it.
        incompatible: Names of attributes that no sound has together with this one.
        max_source_factor: The highest `source_factor`.
    """

    name: ClassVar[str]
    templates: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    templates_without_label: ClassVar[tuple[str, ...]] = ()
    rendered_by: ClassVar[Literal["effect", "bank", "timeline"]] = "bank"
    stage: ClassVar[int] = 0
    is_relative: ClassVar[bool] = False
    incompatible: ClassVar[frozenset[str]] = frozenset()
    max_source_factor: ClassVar[float] = 1.0

    @property
    def words(self) -> tuple[str, ...]:
        """The words for it; none where any word is legal."""
        return tuple(self.templates)

    def is_compatible(self, other: Attribute) -> bool:
        """Whether a sound may have both."""
        return self.name != other.name and other.name not in self.incompatible and self.name not in other.incompatible

    def judge(self, word: str, event: Event, events: Sequence[Event]) -> Truth:
        """Whether a word is true of an event among all events of its clip: by default, that of its very value."""
        return judge_value(self.name, word, event)

    def draw_value(self, word: str, rng: np.random.Generator) -> Any:
        """Draws the value that a word has in a plan: by default, the word itself."""
        return word

    def event_attributes(self, value: Any) -> Mapping[str, float | str]:
        """What the timeline records of a sound with this value."""
        if self.rendered_by == "timeline":
            return {}
        return {self.name: round(value, 3) if isinstance(value, float) else value}

    def seconds(self, value: Any) -> float | None:
        """How long a sound with this value lasts; None where the attribute does not decide that."""
        return None

    def source_factor(self, value: Any) -> float:
        """How many seconds of a recording one second of the sound takes."""
        return 1.0

    def level_db(self, value: Any) -> float:
        """How much louder than others a sound with this value is, in dB."""
        return 0.0

    def is_audible(self, waveform: Wave, value: Any, all_values: Sequence[Any], sample_rate: int) -> bool:
        """Whether `apply` makes an audible difference to a waveform of shape (samples,).

        Args:
            waveform: The snippet before the effect.
            value: The value to give it.
            all_values: The values of all words in the plan.
            sample_rate: In Hz.
        """
        return True

    def apply(self, waveform: Wave, value: Any, sample_rate: int) -> Wave:
        """Gives a snippet of shape (samples,) the attribute."""
        return waveform


class Scale(Attribute):
    """An attribute with a low and a high end, a word each, and unclear ground between.

    Attributes:
        templates: First the word for low values, then the one for high values.
        low_until: The end of what is low.
        high_from: The start of what is high.
        low_range: Plans draw the value of the low word from here ...
        high_range: ... and that of the high word from here: clear of what is unclear.
    """

    low_until: ClassVar[float]
    high_from: ClassVar[float]
    low_range: ClassVar[tuple[float, float]]
    high_range: ClassVar[tuple[float, float]]

    def measure(self, event: Event, events: Sequence[Event]) -> float | None:
        """The value of an event among all events of its clip; None where it is unknown."""
        value = event.attributes.get(self.name)
        return float(value) if isinstance(value, int | float) else None

    def judge(self, word: str, event: Event, events: Sequence[Event]) -> Truth:
        """Whether an event is at the end of the scale that a word names; unclear between the ends."""
        value = self.measure(event, events)
        if value is None or self.low_until + ROUNDING < value < self.high_from - ROUNDING:
            return Truth.UNCLEAR
        is_high = value > self.low_until + ROUNDING
        return Truth.TRUE if is_high == (word == self.words[1]) else Truth.FALSE

    def draw_value(self, word: str, rng: np.random.Generator) -> float:
        """Draws from the range of the word."""
        return float(rng.uniform(*(self.low_range, self.high_range)[self.words.index(word)]))


def judge_value(name: str, word: str, event: Event) -> Truth:
    """Whether an attribute of an event has this very value; unclear where it has none."""
    value = event.attributes.get(name)
    return Truth.UNCLEAR if value is None else Truth.TRUE if value == word else Truth.FALSE
