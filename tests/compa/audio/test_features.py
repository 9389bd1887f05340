"""Log-mel features: those of transformers' extractor, and never those of the padding or of a batch-mate."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from compa.audio.features import PRESETS, AudioConfig, LogMel, audio_config, int16_round_trip
from compa.models.clap import CLAP
from compa.models.encoders.audio import ConvTransformer

RATE = 48000
TRUNCATIONS = {"laion-unfused": "rand_trunc", "laion-fused": "fusion"}
TIME = np.arange(10 * RATE) / RATE


def noise(num_samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(scale=0.1, size=num_samples).astype(np.float32)


def extract(waveform: NDArray[np.float32], preset: str, **options: Any) -> NDArray[np.float64]:
    """What transformers' extractor makes of a clip, (frames, mels) in dB."""
    from transformers import ClapFeatureExtractor

    config = PRESETS[preset]
    extractor = ClapFeatureExtractor(
        sampling_rate=config.sample_rate,
        hop_length=config.hop_size,
        frequency_min=config.min_hz,
        frequency_max=config.max_hz or config.sample_rate / 2,
    )
    found = extractor(
        waveform,
        truncation=TRUNCATIONS.get(preset, "rand_trunc"),
        sampling_rate=config.sample_rate,
        return_tensors="np",
        **options,
    )
    return np.asarray(found["input_features"][0, 0], dtype=np.float64)


def compute(waveform: NDArray[np.float32], config: AudioConfig) -> NDArray[np.float64]:
    features, mask = LogMel(config)(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)]))
    assert mask.all()
    found: NDArray[np.float64] = features[0].double().numpy()
    return found


def below_strongest_frequency(waveform: NDArray[np.float32], features: NDArray[np.float64], preset: str) -> Any:
    """How many dB every band lies below the strongest frequency of its frame, by numpy in float64."""
    log_mel = LogMel(PRESETS[preset])
    padded = np.pad(waveform.astype(np.float64), 512, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[:: log_mel.config.hop_size]
    strongest = np.abs(np.fft.rfft(frames * np.hanning(1025)[:-1])).max(axis=1, keepdims=True) ** 2
    weights = log_mel.filters.double().sum(dim=0).numpy()
    return 10 * np.log10(strongest * weights + 1e-30) - features


@pytest.mark.parametrize("preset", TRUNCATIONS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 9.0])
def test_noise_agrees_with_the_extractor_in_every_band(preset: str, scale: float) -> None:
    waveform = np.float32(scale) * noise(10 * RATE)
    expected = extract(waveform, preset)
    assert expected.shape == (1001, 64)
    assert np.abs(compute(waveform, PRESETS[preset]) - expected).max() < 1e-4


@pytest.mark.parametrize("preset", TRUNCATIONS)
@pytest.mark.parametrize("hz", [60.0, 440.3, 9000.7, lambda time: 50 + 1100 * time])
def test_tones_agree_with_the_extractor(preset: str, hz: float | Callable[[Any], Any]) -> None:
    waveform = (0.9 * np.sin(2 * np.pi * TIME * (hz(TIME) if callable(hz) else hz))).astype(np.float32)
    expected = extract(waveform, preset)
    differences = np.abs(compute(waveform, PRESETS[preset]) - expected)
    is_near = below_strongest_frequency(waveform, expected, preset) < 70
    assert 0.03 < is_near.mean() < 1
    assert differences[is_near].max() < 1e-3
    assert differences.max() > 1e-3  # else the docstring promises too little


@pytest.mark.parametrize("preset", TRUNCATIONS)
def test_silence_and_a_burst_in_it_agree_with_the_extractor(preset: str) -> None:
    silence = np.zeros(10 * RATE, np.float32)
    assert (compute(silence, PRESETS[preset]) == extract(silence, preset)).all()
    silence[100_000:104_000] = noise(4000)
    np.testing.assert_allclose(compute(silence, PRESETS[preset]), extract(silence, preset), rtol=0, atol=1e-3)


@pytest.mark.parametrize("preset", TRUNCATIONS)
@pytest.mark.parametrize("length", [1, 2, 300, 513, 4799, 4800, 4801, 200_003])
def test_short_clips_agree_with_the_extractor(preset: str, length: int) -> None:
    waveform = noise(length)
    alone = extract(waveform, preset, max_length=length)
    np.testing.assert_allclose(compute(waveform, PRESETS[preset]), alone, rtol=0, atol=1e-3)
    padded = np.pad(waveform, (0, 10 * RATE - length))
    np.testing.assert_allclose(
        compute(padded, PRESETS[preset]), extract(waveform, preset, padding="pad"), rtol=0, atol=1e-3
    )


def test_the_two_settings_differ() -> None:
    waveform = noise(RATE)
    one, other = (compute(waveform, PRESETS[preset]) for preset in TRUNCATIONS)
    assert np.abs(one - other).max() > 1


def test_the_preset_of_32_khz_agrees_with_the_same_maths() -> None:
    waveform = noise(100_000)
    expected = extract(waveform, "32khz", max_length=len(waveform))
    np.testing.assert_allclose(compute(waveform, PRESETS["32khz"]), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("norm", ["slaney", None])
@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_filters_are_as_exact_as_those_of_transformers(scale: Any, norm: Any) -> None:
    from transformers.audio_utils import mel_filter_bank

    exact = mel_filter_bank(513, 64, 50.0, 14000.0, 48000, norm=norm, mel_scale=scale)
    config = dataclasses.replace(PRESETS["laion-fused"], mel_scale=scale, mel_norm=norm)
    np.testing.assert_allclose(LogMel(config).filters.numpy(), exact.astype(np.float32), rtol=0, atol=1e-9)
    assert torch.get_default_dtype() == torch.float32


def test_a_torchaudio_that_cannot_be_loaded_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchaudio.functional", None)
    with pytest.raises(ValueError, match=r"torchaudio cannot be loaded beside torch .*: install 'torch>=2.11") as told:
        LogMel(AudioConfig())
    assert "\n" not in str(told.value)


def test_bands_without_a_frequency_are_told() -> None:
    with pytest.warns(UserWarning, match="has all zero values"):
        LogMel(AudioConfig(fft_size=64))


def plain_features(waveform: torch.Tensor) -> torch.Tensor:
    """The small model's features as they were first written down: one clip, no blocks, whole filters, in float64."""
    config = AudioConfig()
    num_frames = math.ceil(len(waveform) / 160)
    padded = torch.nn.functional.pad(waveform.double(), (200, 600))
    spectra = torch.fft.rfft(padded.unfold(0, 400, 160)[:num_frames] * torch.hann_window(400).double())
    powers: torch.Tensor = spectra.abs().square() @ LogMel(config).filters.double()
    return (powers.clamp_min(1e-7).log10() + 3) / 4


@pytest.mark.parametrize("length", [1, 159, 160, 161, 64_000])
def test_the_defaults_are_the_features_of_old_checkpoints(length: int) -> None:
    waveform = torch.from_numpy(noise(length))
    features, _ = LogMel(AudioConfig())(waveform[None], torch.tensor([length]))
    torch.testing.assert_close(features[0].double(), plain_features(waveform), rtol=0, atol=5e-7)
    old_fields = ("sample_rate", "fft_size", "hop_size", "num_mels", "min_hz", "max_hz", "mel_scale")
    described = dataclasses.asdict(AudioConfig())
    assert AudioConfig(**{name: described[name] for name in old_fields}) == AudioConfig() == PRESETS["16khz"]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("length", [1, 100, 513, 7000, 16_000])
def test_padding_and_batch_mates_change_no_feature(preset: str, length: int) -> None:
    log_mel = LogMel(PRESETS[preset])
    clip = torch.from_numpy(noise(length))
    alone, alone_mask = log_mel(clip[None], torch.tensor([length]))
    batch = torch.zeros(3, 40_000)
    batch[0], batch[2, :5000] = torch.from_numpy(noise(40_000, seed=1)), torch.from_numpy(noise(5000, seed=2))
    batch[1, :length] = clip
    features, mask = log_mel(batch, torch.tensor([40_000, length, 5000]))
    assert alone_mask.all()
    assert mask[1].sum() == alone.shape[1]
    torch.testing.assert_close(features[1, : alone.shape[1]], alone[0], rtol=0, atol=1e-4)
    assert (features[1, alone.shape[1] :] == 0).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    waveforms, lengths = torch.from_numpy(noise(96_000)).view(2, -1), torch.tensor([48_000, 48_000])
    whole, _ = LogMel(PRESETS["laion-fused"])(waveforms, lengths)
    monkeypatch.setattr(LogMel, "BLOCK_SAMPLES", 7 * 1024)
    parts, _ = LogMel(PRESETS["laion-fused"])(waveforms, lengths)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-4)


def test_gradients_reach_the_waveform() -> None:
    log_mel = LogMel(AudioConfig(800, 32, 16, 8, 20.0, edges="reflect")).double()
    waveform = torch.randn(1, 100, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda samples: log_mel(samples, torch.tensor([100]))[0], waveform)


def test_an_int16_round_trip_is_that_of_integers() -> None:
    waveform = torch.tensor([0.0, 1e-5, -1e-5, 0.123456, -0.123456, 1.0, -1.0, 1.7, -3.0])
    integers = (waveform.numpy().clip(-1, 1) * np.float32(32767)).astype(np.int16)
    assert (int16_round_trip(waveform).numpy() == (integers / 32767).astype(np.float32)).all()


def test_only_a_model_of_int16_clips_rounds_them() -> None:
    steps = torch.from_numpy(np.random.default_rng(0).integers(-3000, 3000, (1, 20_000)) + 0.5).float()
    clip, lengths = steps / 32767, torch.tensor([20_000])
    for preset, rounds in (("laion-unfused", True), ("32khz", False)):
        model = CLAP(ConvTransformer(preset, patch_channels=4, channels=8, width=16), embedding_size=16).eval()
        with torch.no_grad():
            one, other = model.embed_audio(clip, lengths), model.embed_audio(clip + 0.3 / 32767, lengths)
        assert torch.equal(one, other) == rounds


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mel_scale": "bark"}, "mel_scale must be one of slaney, htk; got 'bark'"),
        ({"edges": "mirror"}, "edges must be one of zeros, reflect; got 'mirror'"),
        ({"level": "dB"}, "level must be one of unit, decibel; got 'dB'"),
        ({"mel_norm": "htk"}, "mel_norm 'htk' is neither slaney nor null"),
    ],
)
def test_unknown_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AudioConfig(**options)


def test_presets_by_name() -> None:
    assert audio_config("32khz").sample_rate == 32000
    assert audio_config(None) == AudioConfig()
    assert ConvTransformer("32khz").config == PRESETS["32khz"]
    with pytest.raises(ValueError, match="16khz, 32khz, laion-unfused, laion-fused; got '44khz'"):
        audio_config("44khz")
