import numpy as np
import pytest
from numpy.typing import NDArray

from compa.scenes.banks.bank import Snippet
from compa.scenes.edits import swap_levels, swap_order
from compa.scenes.scene import FADE_SECONDS, SCENE_RMS, Placement, Scene, render

RATE = 8000


def snippet(seconds: float = 1.0, value: float = 0.3, rate: int = RATE) -> Snippet:
    return Snippet(np.full(round(seconds * rate), value, dtype=np.float32), rate, "a recording")


def noise(seed: int, seconds: float = 1.0) -> Snippet:
    samples = np.random.default_rng(seed).normal(size=round(seconds * RATE)).astype(np.float32)
    return Snippet(samples, RATE, f"noise {seed}")


def rms(waveform: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))


def test_events_say_what_was_placed() -> None:
    scene = Scene((Placement("a", snippet(1.5), 0.25), Placement("b", snippet(1.0), 2.0, level_db=-6.0)), 4.0)
    assert [(e.label, e.onset, e.offset, e.level_db) for e in scene.events] == [
        ("a", 0.25, 1.75, 0.0),
        ("b", 2.0, 3.0, -6.0),
    ]


def test_sound_is_where_the_events_are_and_nowhere_else() -> None:
    scene = Scene((Placement("a", noise(0), 0.5), Placement("b", noise(1), 2.0)), 4.0)
    (waveform,) = render([scene], RATE)
    assert waveform.shape == (4 * RATE,)
    assert waveform.dtype == np.float32
    for start, end, sounds in (
        (0, 0.5, False),
        (0.5, 1.5, True),
        (1.5, 2, False),
        (2, 3, True),
        (3, 4, False),
    ):
        part = waveform[round(start * RATE) : round(end * RATE)]
        assert (rms(part) > 0.01) == sounds


def test_levels_are_those_asked_for_whatever_the_recordings_levels() -> None:
    loud, quiet = noise(0), Snippet(noise(1).waveform * 1e-3, RATE, "quiet")
    scene = Scene((Placement("a", loud, 0.0, level_db=-4.5), Placement("b", quiet, 2.0, level_db=4.5)), 4.0)
    (waveform,) = render([scene], RATE)
    measured = 20 * np.log10(rms(waveform[2 * RATE : 3 * RATE]) / rms(waveform[:RATE]))
    assert measured == pytest.approx(9.0, abs=0.1)


def test_every_scene_has_the_same_rms_and_none_clips() -> None:
    scenes = [
        Scene((Placement("a", noise(0), onset, level_db=3.0), Placement("b", noise(1), 1.0)), 4.0) for onset in (0, 2)
    ]
    one, other = render(scenes, RATE)
    assert rms(one) == pytest.approx(rms(other), rel=1e-5) == pytest.approx(SCENE_RMS, rel=1e-5)
    click = np.zeros(RATE, dtype=np.float32)
    click[RATE // 2] = 1.0
    peaks = np.abs(render([Scene((Placement("a", Snippet(click, RATE, "click"), 0.0),), 4.0), scenes[0]], RATE))
    assert peaks.max() <= 0.99 + 1e-6


def test_fades_are_the_same_at_every_edge_and_cross_fades_keep_the_power_level() -> None:
    scene = Scene((Placement("a", snippet(), 0.0), Placement("b", snippet(), 1.0)), 2.0)
    (waveform,) = render([scene], RATE)
    length = round(FADE_SECONDS * RATE)
    ramp = waveform[:length] / waveform[RATE // 2]
    assert ramp[0] == 0.0
    assert np.all(np.diff(ramp) > 0)
    np.testing.assert_allclose(ramp, waveform[RATE : RATE + length] / waveform[RATE // 2], atol=1e-5)
    np.testing.assert_allclose(ramp[::-1], waveform[RATE - length : RATE] / waveform[RATE // 2], atol=1e-5)
    np.testing.assert_allclose(ramp**2 + ramp[::-1] ** 2, 1.0, atol=1e-5)


def test_swapping_the_order_keeps_start_gap_and_end() -> None:
    scene = Scene((Placement("a", noise(0, 1.5), 0.3), Placement("b", noise(1, 1.0), 2.1)), 4.0)
    twin = swap_order(scene)
    assert [event.label for event in twin.events] == ["b", "a"]
    assert twin.events[0].onset == 0.3
    assert twin.events[1].offset == pytest.approx(3.1)
    assert twin.events[1].onset - twin.events[0].offset == pytest.approx(2.1 - 1.8)
    again = swap_order(twin)
    assert [event.label for event in again.events] == [event.label for event in scene.events]
    assert [event.onset for event in again.events] == pytest.approx([event.onset for event in scene.events])


def test_swapping_levels_moves_nothing() -> None:
    scene = Scene((Placement("a", noise(0), 0.3, 5.0), Placement("b", noise(1), 0.5, -5.0)), 4.0)
    twin = swap_levels(scene)
    assert [(e.label, e.onset, e.level_db) for e in twin.events] == [("a", 0.3, -5.0), ("b", 0.5, 5.0)]
    assert swap_levels(twin) == scene


@pytest.mark.parametrize(
    ("onset", "rate", "message"),
    [(3.5, RATE, "does not fit"), (-0.1, RATE, "does not fit"), (0.0, 9000, "9000 Hz")],
)
def test_what_cannot_be_rendered_is_refused(onset: float, rate: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render([Scene((Placement("a", snippet(rate=rate), onset),), 4.0)], RATE)
