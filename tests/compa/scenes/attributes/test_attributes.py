"""Attributes: their words, margins and ranges, and what one more file gives to claims, captions, scenes and banks."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import compa.scenes.attributes
from compa.data.shards.render import main
from compa.manifest import Event
from compa.scenes.attributes import all_attributes, default_attributes, judge_attribute, variable_attributes
from compa.scenes.attributes.attribute import Scale
from compa.scenes.banks.activity import Active
from compa.scenes.banks.bank import EventBank, MemoryBank, Snippet
from compa.scenes.banks.recordings import Recording
from compa.scenes.captions import render_caption
from compa.scenes.claims import Sound, Truth, parse
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.settings import Settings

RATE = 8000
SCALES = {name: scale for name, scale in all_attributes().items() if isinstance(scale, Scale)}


def event(seconds: float = 1.0, level_db: float = 0.0, **attributes: float | str) -> Event:
    return Event("a", 0.0, seconds, level_db, dict(attributes))


def test_attributes_are_found_by_their_files() -> None:
    assert tuple(all_attributes()) == ("distance", "duration", "loudness", "pitch", "rate", "says", "speaker")
    assert variable_attributes() == default_attributes() == ("distance", "duration", "loudness", "pitch", "rate")
    for name in all_attributes():
        assert (Path(compa.scenes.attributes.__file__).parent / f"{name}.py").is_file()


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_plans_draw_values_that_are_clear_of_the_margins(scale: Scale) -> None:
    low, high = scale.words
    assert scale.low_range[0] <= scale.low_range[1] < scale.low_until < scale.high_from < scale.high_range[0]
    rng = np.random.default_rng(0)
    for word, (first, last) in ((low, scale.low_range), (high, scale.high_range)):
        values = [scale.draw_value(word, rng) for _ in range(50)]
        assert first <= min(values) <= max(values) <= last
        assert max(map(scale.source_factor, values)) <= scale.max_source_factor


@pytest.mark.parametrize(
    ("name", "low", "high", "unclear"),
    [
        ("pitch", event(pitch=-3.0), event(pitch=3.0), event(pitch=2.9)),
        ("rate", event(rate=0.8), event(rate=1.25), event(rate=1.2)),
        ("distance", event(distance=2.0), event(distance=10.0), event(distance=5)),
        ("duration", event(0.8), event(1.6), event(1.2)),
    ],
)
def test_words_are_true_up_to_their_margin(name: str, low: Event, high: Event, unclear: Event) -> None:
    low_word, high_word = all_attributes()[name].words
    for one, verdicts in ((low, "TF"), (high, "FT"), (unclear, "UU")):
        found = [judge_attribute(name, word, one, [one]) for word in (low_word, high_word)]
        assert "".join(verdict.name[0] for verdict in found) == verdicts


def test_loudness_compares_the_sounds_of_a_clip() -> None:
    quiet, middle, loud = event(level_db=-6.0), event(level_db=0.0), event(level_db=6.0)
    assert judge_attribute("loudness", "loud", loud, [quiet, middle, loud]) is Truth.TRUE
    assert judge_attribute("loudness", "loud", quiet, [quiet, middle, loud]) is Truth.FALSE
    assert judge_attribute("loudness", "loud", middle, [quiet, middle, loud]) is Truth.UNCLEAR
    assert judge_attribute("loudness", "loud", loud, [loud]) is Truth.UNCLEAR


def test_values_of_recordings_are_compared_as_they_are() -> None:
    for name in ("speaker", "shoe size"):  # with a module, and without one
        known, other = (Event("a", 0.0, 1.0, 0.0, {name: value}) for value in "xy")
        assert judge_attribute(name, "x", known, []) is Truth.TRUE
        assert judge_attribute(name, "x", other, []) is Truth.FALSE
        assert judge_attribute(name, "x", event(), []) is Truth.UNCLEAR


def test_effects_are_refused_where_they_are_inaudible() -> None:
    time = np.arange(2 * RATE) / RATE
    noise = np.random.default_rng(0).normal(size=2 * RATE).astype(np.float32)
    hum = np.sin(2 * np.pi * 200 * time).astype(np.float32)
    clicked = hum.copy()
    clicked[2:6] += np.array([5, -5, 5, -5], np.float32)  # bright, but faded away
    pulses = noise * (np.sin(2 * np.pi * 2 * time) > 0).astype(np.float32)

    def is_audible(name: str, waveform: np.ndarray, value: float) -> bool:
        return all_attributes()[name].is_audible(waveform, value, [value, value], RATE)

    assert [is_audible("distance", waveform, 15.0) for waveform in (noise, hum, clicked)] == [True, False, False]
    assert [is_audible("rate", waveform, 1.5) for waveform in (pulses, noise)] == [True, False]
    assert [is_audible("pitch", hum, semitones) for semitones in (7.0, -7.0, -24.0)] == [True, True, False]


# One more file


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two further attributes: one that is an effect, and one that only a bank can render."""
    (tmp_path / "brightness.py").write_text(
        textwrap.dedent('''
            """Brightness: the gain of a treble filter in dB."""

            from compa.scenes.attributes.attribute import Scale

            class Brightness(Scale):
                name = "brightness"
                templates = {"dull": ("dull {x}", "{x} without treble"), "bright": ("bright {x}", "{x} full of treble")}
                rendered_by = "effect"
                low_until, high_from = -6.0, 6.0
                low_range, high_range = (-12.0, -9.0), (9.0, 12.0)

                def apply(self, waveform, value, sample_rate):
                    import numpy as np

                    spectrum = np.fft.rfft(waveform)
                    spectrum[len(spectrum) // 4 :] *= 10 ** (value / 20)
                    return np.fft.irfft(spectrum, len(waveform)).astype(np.float32)

            ATTRIBUTE = Brightness()
        ''')
    )
    (tmp_path / "instrument.py").write_text(
        textwrap.dedent('''
            """Instrument: what plays; a bank synthesizes it."""

            from compa.scenes.attributes.attribute import Attribute

            class Instrument(Attribute):
                name = "instrument"
                templates = {
                    "flute": ("flute {x}", "{x} on a flute"),
                    "organ": ("organ {x}", "{x} on an organ"),
                    "bell": ("bell {x}", "{x} on a bell"),
                }

            ATTRIBUTE = Instrument()
        ''')
    )
    monkeypatch.setattr(compa.scenes.attributes, "__path__", [*compa.scenes.attributes.__path__, str(tmp_path)])
    all_attributes.cache_clear()
    parse.cache_clear()
    yield
    monkeypatch.undo()
    for name in ("brightness", "instrument"):
        sys.modules.pop(f"compa.scenes.attributes.{name}", None)
    all_attributes.cache_clear()
    parse.cache_clear()


LABELS = tuple(f"noise {number}" for number in range(6))


def noises() -> MemoryBank:
    rng = np.random.default_rng(0)
    return MemoryBank(
        "noises",
        RATE,
        [
            Recording(label, f"{label}/{number}", Active.part_of(rng.normal(size=4 * RATE).astype(np.float32), RATE))
            for label in LABELS
            for number in range(2)
        ],
    )


class Orchestra(MemoryBank):
    """Notes of one pitch a label, of as many partials as the instrument has."""

    attributes = ("instrument",)
    partials = {"flute": 1, "organ": 4, "bell": 9}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__("orchestra", RATE, [])
        self.labels = LABELS

    def sample(
        self, label: str, rng: np.random.Generator, duration: float | None = None, **attributes: float | str
    ) -> Snippet:
        phase = np.arange(round((duration or 1.0) * RATE)) * (LABELS.index(label) + 3) * 40 / RATE + rng.random()
        instrument = str(attributes.get("instrument", "flute"))
        waves = [np.sin(2 * np.pi * (number + 1) * phase) for number in range(self.partials[instrument])]
        return Snippet(np.sum(waves, axis=0).astype(np.float32), RATE, f"{label}/{rng.random()}")


def treble(waveform: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(waveform)) ** 2
    return float(10 * np.log10(power[len(power) // 4 :].sum() / power[: len(power) // 4].sum()))


@pytest.mark.usefixtures("planted")
def test_a_new_effect_is_one_file() -> None:
    assert "brightness" in default_attributes()
    claim = Sound("a", brightness="dull")
    assert parse(str(claim)) == claim
    assert claim.judge([event(brightness=-9.0)]) is Truth.TRUE
    with pytest.raises(ValueError, match="dull, bright; got 'shiny'"):
        Sound("a", brightness="shiny")
    texts = {render_caption(claim, np.random.default_rng(seed)) for seed in range(60)}
    assert {text.split(" without")[0].split()[0] for text in texts} >= {"dull", "a"}
    settings = Settings(seconds=4.0, max_events=2, attributes=("brightness",), kinds=("attribute-swap",))
    composer = Composer(noises(), settings)
    for number in range(10):
        clips = composer.scenes(number)
        assert "brightness=" in str(clips[0].clip.claims[0])
        for one, other in (clips, clips[::-1]):
            assert parse(one.clip.claims[0] or "").judge(one.clip.events) is Truth.TRUE
            assert parse(one.clip.claims[0] or "").judge(other.clip.events) is Truth.FALSE
            for placed in one.timeline.placed:
                if word := placed.node.attributes.get("brightness"):
                    assert (treble(placed.sound.waveform) > 5) == (word == "bright")


@pytest.mark.usefixtures("planted")
def test_what_a_bank_renders_is_one_file_too() -> None:
    assert "instrument" in variable_attributes()
    assert "instrument" not in default_attributes()
    settings = Settings(
        seconds=4.0, max_events=3, attributes=("instrument",), kinds=("attribute-swap", "attribute-change")
    )
    with pytest.raises(ValueError, match=r"attributes.*'instrument'.*noises"):
        Composer(noises(), settings)
    bank: EventBank = Orchestra()
    composer, words, recordings = Composer(bank, settings), set(), set()
    for number in range(20):
        clips = composer.scenes(number)
        for one, other in (clips, clips[::-1]):
            assert parse(one.clip.claims[0] or "").judge(one.clip.events) is Truth.TRUE
            assert parse(one.clip.claims[0] or "").judge(other.clip.events) is Truth.FALSE
            for placed in one.timeline.placed:
                word = placed.node.attributes.get("instrument")
                words.add(word)
                partials = np.abs(np.fft.rfft(placed.sound.waveform, 8 * RATE))
                spread = np.flatnonzero(partials > 0.1 * partials.max())
                assert (spread.max() > 2 * spread.min()) == (word in ("organ", "bell"))
        for placed in (placed for clip in clips for placed in clip.timeline.placed):
            recordings.add((number, placed.node.label, placed.sound.snippet.recording))
    assert words >= {"flute", "organ", "bell"}
    assert len(recordings) == len({key[:2] for key in recordings})  # twins share their recordings


@pytest.mark.usefixtures("planted")
def test_the_command_line_knows_a_new_attribute(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--num", "2", "--out", "never", "--attributes", "brightnes"])
    assert "did you mean 'brightness'?" in capsys.readouterr().err
