from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from compa.audio.features import PRESETS, LogMel
from compa.models.clap import CLAP
from compa.models.encoders.audio import AudioEncoder, ConvTransformer
from compa.models.encoders.htsat import HTSAT
from compa.models.encoders.spectrogram_transformer import SpectrogramTransformer
from compa.models.layers.silence import without_silence
from tests.compa.models.test_encoders import HTSAT_FEATURES, HTSAT_TINY

RATE = 16000
HOP = 160


def noise(seconds: float, gain: float = 0.1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(round(seconds * RATE), generator=generator) * gain


def placed(before: int, sound: Tensor, after: int) -> Tensor:
    """A sound between so many hops of silence."""
    return torch.cat([torch.zeros(before * HOP), sound, torch.zeros(after * HOP)])


def embed(encoder: AudioEncoder, *clips: Tensor) -> Tensor:
    torch.manual_seed(0)
    model = CLAP(encoder, embedding_size=32).eval()
    lengths = torch.tensor([len(clip) for clip in clips])
    with torch.no_grad():
        return model.embed_audio(torch.nn.utils.rnn.pad_sequence(list(clips), batch_first=True), lengths)


@pytest.mark.parametrize("encoder", [ConvTransformer, lambda: SpectrogramTransformer(size="tiny")], ids=["conv", "st"])
def test_it_does_not_matter_where_in_a_clip_a_sound_is(encoder: Callable[[], AudioEncoder]) -> None:
    torch.manual_seed(0)
    sound = noise(0.7)
    one, other, later, apart = embed(
        encoder(),
        placed(5, sound, 300),
        placed(5, sound, 5),
        placed(211, sound, 37),
        torch.cat([placed(5, sound[:5600], 50), placed(5, sound[5600:], 5)]),
    )
    torch.testing.assert_close(other, one, atol=1e-6, rtol=0)
    torch.testing.assert_close(later, one, atol=1e-6, rtol=0)
    assert (apart - one).abs().max() > 1e-3  # a pause is heard


def test_an_encoder_with_a_window_hears_where_a_sound_is() -> None:
    torch.manual_seed(0)
    encoder = HTSAT(HTSAT_FEATURES, HTSAT_TINY, window_seconds=2.0)
    one, other = embed(encoder, *(placed(before, noise(0.7), 125 - before) for before in (5, 90)))
    assert (one - other).abs().max() > 1e-4


@pytest.mark.parametrize("preset", PRESETS)
def test_the_cut_is_that_of_the_levels_of_its_frames(preset: str) -> None:
    """Frames of noise, of another level each, whose power is known from the samples."""
    config = PRESETS[preset]
    size, hop = config.fft_size, config.hop_size
    rng = np.random.default_rng(1)
    levels_db = np.array([-200, -200, -75, -90, -50, -3, 0, -200, -200, -20, -45, -68, -200, -66, -200], dtype=float)
    block = 6 * size // hop * hop  # long against a frame: frames on a border belong to either
    samples = np.concatenate([rng.normal(size=block) * 0.3 * 10 ** (level / 20) for level in levels_db])
    samples[: 2 * block] = 0
    waveform = torch.from_numpy(samples.astype(np.float32))[None]
    features, mask = LogMel(config)(waveform, torch.tensor([len(samples)]))
    cut, cut_mask = without_silence(features, mask, config)
    assert cut_mask.all()
    heard = slice(4 * block // hop, 11 * block // hop)  # from -50 to -45 dB; what is 60 dB below the loudest is not
    (first,) = [k for k in range(features.shape[1]) if torch.equal(features[0, k : k + cut.shape[1]], cut[0])]
    assert abs(first - heard.start) <= size // hop + 1
    assert abs(first + cut.shape[1] - heard.stop) <= size // hop + 1


def test_each_clip_of_a_batch_is_cut_by_itself() -> None:
    config = PRESETS["16khz"]
    clips = [placed(40, noise(0.5), 10), noise(1.0, seed=1), placed(3, noise(0.2, 1e-3), 0), torch.zeros(4000)]
    lengths = torch.tensor([len(clip) for clip in clips])
    together = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    features, mask = LogMel(config)(together, lengths)
    features, mask = without_silence(features, mask, config)
    assert features.shape[1] == mask.shape[1] == 100
    assert mask.sum(1).tolist()[1] == 100
    assert mask.sum(1).tolist()[3] == 25  # nothing sounds: nothing is cut off
    for row, clip in enumerate(clips):
        alone, alone_mask = LogMel(config)(clip[None], lengths[row : row + 1])
        alone, alone_mask = without_silence(alone, alone_mask, config)
        assert alone_mask.all()
        torch.testing.assert_close(features[row][mask[row]], alone[0], atol=1e-6, rtol=0)
        assert not features[row][~mask[row]].any()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("times", "num_frames"), [(1.5, 9), (2.5, 2)])
def test_what_hardly_stands_out_of_the_floor_is_no_sound(preset: str, times: float, num_frames: int) -> None:
    """Two of nine frames have one band at a multiple of the floor, the others none above it."""
    config = PRESETS[preset]
    floor, offset, factor = config.scale
    features = torch.full((1, 9, config.num_mels), config.silence)
    features[0, 4:6, 7] = (math.log10(times * floor) + offset) * factor
    cut, _ = without_silence(features, torch.ones(1, 9, dtype=torch.bool), config)
    assert cut.shape[1] == num_frames
