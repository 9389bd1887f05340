"""What is timed is what it says; how long it takes is not tested."""

import numpy as np

from benchmarks.speed import scenes
from compa.scenes.composition.timeline import mix


def test_scenes_have_as_many_events_as_the_table_says() -> None:
    bank = scenes.make_bank()
    assert bank.sample_rate == 32000
    for events in (1, 3):
        for timeline in scenes.timelines_of(bank, events, 2):
            assert len(timeline.events) == events
            waveform = mix([timeline])[0]
            assert len(waveform) == 320_000
            assert np.abs(waveform).max() > 0.1
