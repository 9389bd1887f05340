"""Frames of every encoder: all layers, of the clip's own length, the same alone and in a batch."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from compa.models.audio_frames import AudioFrames
from compa.models.encoders.audio import AudioEncoder, ConvTransformer
from compa.models.encoders.transformers_audio import WhisperEncoder
from tests.compa.models.test_encoders import AUDIO, clips

RATE = 16000
NUM_LAYERS = {"conv": 2, "spectrogram": 13}
"""Blocks and what enters them; the others have two blocks (of HTSAT's last stage)."""
SECONDS_LOST = {"ast": 0.26, "wav2vec2": 0.02, "whisper": 0.01}
"""These encoders pad little or nothing, so they leave out up to so much at the end of a window or clip."""


def build(name: str) -> AudioEncoder:
    torch.manual_seed(0)
    return AUDIO[name]()


def audio(*lengths: int) -> list[tuple[NDArray[np.float32], int]]:
    return [(clip.numpy(), RATE) for clip in clips(*lengths)]


@pytest.mark.parametrize("name", AUDIO)
def test_all_layers_are_given_and_the_last_one_is_what_clap_pools(name: str) -> None:
    encoder = build(name).eval()
    features, mask = encoder.front_end()(*encoder.prepare(torch.stack(clips(16000)), torch.tensor([16000])))
    with torch.no_grad():
        alone, every = encoder(features, mask), encoder(features, mask, all_layers=True)
    assert len(alone.layers) == 1
    assert len(every.layers) == encoder.num_layers == NUM_LAYERS.get(name, 3)
    assert torch.equal(every.last, alone.last)
    assert torch.equal(every.mask, alone.mask)
    assert {layer.shape for layer in every.layers} == {(*alone.mask.shape, encoder.width)}
    for one, other in zip(every.layers, every.layers[1:], strict=False):
        assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize("name", AUDIO)
def test_frames_are_of_the_clips_length_and_the_same_alone_or_in_a_batch(name: str) -> None:
    """A tenth of a second to several windows; 17,777 samples are not a multiple of anything."""
    model = AudioFrames(build(name))
    lengths = (1600, 16000, 17777, 70000, 333)
    together = model.frames(audio(*lengths))
    again = model.frames(audio(*lengths))
    for length, clip, frames, repeated in zip(lengths, audio(*lengths), together, again, strict=True):
        (alone,) = model.frames([clip])
        np.testing.assert_allclose(frames, alone, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(frames, repeated)
        num_layers, num_frames, width = frames.shape
        assert (num_layers, width) == (model.num_layers, model.encoder.width)
        num_windows = -(-length // round(model.encoder.window_seconds * RATE))
        lost = num_frames * model.frame_seconds - length / RATE
        assert -num_windows * (SECONDS_LOST.get(name, 0) + 1e-6) <= lost <= num_windows * model.frame_seconds


@pytest.mark.parametrize("name", ["conv", "spectrogram", "whisper", "htsat", "htsat-repeatpad", "wav2vec2-bert"])
def test_frames_say_when_a_sound_is_heard(name: str) -> None:
    """What is changed at 1.0 s is seen in the frame of that time, first and foremost, at the input of the blocks."""
    model = AudioFrames(build(name))
    ((clip, _),) = audio(32000)
    changed = clip.copy()
    changed[16000:16400] += 0.5
    before, after = (frames[0] for frames in model.frames([(clip, RATE), (changed, RATE)]))
    changes = np.abs(after - before).max(axis=1)
    assert abs(changes.argmax() * model.frame_seconds - 1.0) <= 0.1 + model.frame_seconds


def test_the_fingerprint_is_that_of_weights_and_settings() -> None:
    one, same, other = (AudioFrames(build("conv")) for _ in range(3))
    with torch.no_grad():
        next(other.encoder.parameters()).add_(1.0)
    torch.manual_seed(0)
    coarser = AudioFrames(ConvTransformer(config="32khz"))
    assert one.fingerprint == same.fingerprint
    assert len({one.fingerprint, other.fingerprint, coarser.fingerprint}) == 3


def test_files_give_the_frames_of_their_waveforms_and_lists_are_wanted(tmp_path: Path) -> None:
    model = AudioFrames(build("conv"))
    ((clip, _),) = audio(20000)
    soundfile.write(tmp_path / "a.wav", clip, RATE, subtype="FLOAT")
    ours, theirs = model.frames([tmp_path / "a.wav", (clip, RATE)])
    np.testing.assert_array_equal(ours, theirs)
    assert model.frames([]) == []
    with pytest.raises(ValueError, match=r"give a list, \['a.wav'\]"):
        model.frames("a.wav")


def test_a_real_whisper_has_five_layers_of_fifty_frames_a_second() -> None:
    folder = Path(os.environ.get("COMPA_TEST_MODELS", "")) / "whisper-tiny-en"
    if not folder.joinpath("config.json").is_file():
        pytest.skip("COMPA_TEST_MODELS names no folder with whisper-tiny-en")
    model = AudioFrames(WhisperEncoder(model=str(folder)))
    one, other = model.frames(audio(16000, 40000))
    assert (one.shape, other.shape) == ((5, 50, 384), (5, 125, 384))
    assert np.isfinite(one).all()
