"""Features from the disk: the same as without it, made once, whoever shares the folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from compa.audio.features import PRESETS, AudioConfig, LogMel, int16_round_trip
from compa.data.examples import ExampleConfig
from compa.data.feature_cache import FeatureCache, Waveform
from compa.data.loader import TrainingLoader
from compa.data.shards.pack import PackSettings, pack
from compa.data.shards.reader import ShardReader
from compa.data.stream import PackedBatches
from compa.models.clap import CLAP
from compa.training.contrastive import ContrastiveTask
from tests.compa.data.corpus import RATE, write_corpus

CONFIG = AudioConfig(sample_rate=RATE, fft_size=64, hop_size=16, num_mels=8)


def noise(num_samples: int = 5000) -> Waveform:
    return np.random.default_rng(num_samples).uniform(-0.5, 0.5, num_samples).astype(np.float32)


class Decoder:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.num_calls = 0

    def __call__(self) -> Waveform:
        self.num_calls += 1
        return noise()


@pytest.mark.parametrize("preset", PRESETS)
def test_what_the_model_would_compute_but_once(preset: str, tmp_path: Path) -> None:
    config, decode = PRESETS[preset], Decoder()
    waveform = torch.from_numpy(noise())[None]
    if config.int16:
        waveform = int16_round_trip(waveform)
    expected, _ = LogMel(config)(waveform, torch.tensor([5000]))
    first = FeatureCache(tmp_path, config).find(b"a sound", decode)
    again = FeatureCache(tmp_path, config).find(b"a sound", decode)
    assert decode.num_calls == 1
    assert first.dtype == again.dtype == np.float16
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, expected[0].numpy(), rtol=2**-10, atol=1e-6)


def test_other_sounds_and_other_features_are_not_confused(tmp_path: Path) -> None:
    decode = Decoder()
    for config in (CONFIG, replace(CONFIG, num_mels=9), replace(CONFIG, int16=True)):
        for sound in (b"one", b"two"):
            FeatureCache(tmp_path, config).find(sound, decode)
    assert decode.num_calls == len(list(tmp_path.rglob("*.npy"))) == 6


@pytest.mark.parametrize("size", [0, 10, 100, 500])
def test_a_file_that_was_cut_off_is_made_anew(size: int, tmp_path: Path) -> None:
    cache, decode = FeatureCache(tmp_path, CONFIG), Decoder()
    whole = cache.find(b"a sound", decode)
    (file,) = tmp_path.rglob("*.npy")
    file.write_bytes(file.read_bytes()[:size])
    for num_calls in (2, 2):
        np.testing.assert_array_equal(cache.find(b"a sound", decode), whole)
        assert decode.num_calls == num_calls


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache, decode = FeatureCache(tmp_path / "file", CONFIG), Decoder()
    with pytest.warns(UserWarning, match="keeps no further features"):
        cache.find(b"a sound", decode)
    cache.find(b"a sound", decode)  # a second warning would be an error
    assert decode.num_calls == 2


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    pack(write_corpus(folder, 24, twins=True), folder / "shards", PackSettings(sample_rate=RATE, clips_per_shard=7))
    return folder / "shards"


def batches(shards: Path, clip_seconds: float, cache: FeatureCache | None) -> PackedBatches:
    draw = ExampleConfig(RATE, clip_seconds, is_training=False, cache=cache)
    return PackedBatches([ShardReader(shards)], 8, draw, seed=5)


@pytest.mark.parametrize(("clip_seconds", "num_kept"), [(10.0, 24), (0.01, 0)])
def test_batches_hold_the_features_of_their_waveforms(
    clip_seconds: float, num_kept: int, shards: Path, tmp_path: Path
) -> None:
    plain = batches(shards, clip_seconds, None)
    for epoch in range(2):
        for number, batch in enumerate(
            TrainingLoader(batches(shards, clip_seconds, FeatureCache(tmp_path, CONFIG)), 3)
        ):
            features, mask = LogMel(CONFIG)(plain[number].waveforms, plain[number].lengths)
            assert batch.features is not None
            assert batch.num_frames is not None
            assert [example.id for example in batch.examples] == [example.id for example in plain[number].examples]
            torch.testing.assert_close(batch.features, features, rtol=2**-10, atol=1e-6)
            torch.testing.assert_close(batch.num_frames, mask.sum(1))
            assert batch.waveforms.numel() == 0
        assert len(list(tmp_path.rglob("*.npy"))) == num_kept, epoch


def test_workers_share_a_folder(shards: Path, tmp_path: Path) -> None:
    alone = [batch.features for batch in TrainingLoader(batches(shards, 10.0, FeatureCache(tmp_path / "a", CONFIG)), 6)]
    for _ in range(2):
        shared = batches(shards, 10.0, FeatureCache(tmp_path / "b", CONFIG))
        for one, batch in zip(alone, TrainingLoader(shared, 6, num_workers=2), strict=True):
            assert torch.equal(one, batch.features)  # type: ignore[arg-type]
    assert not list(tmp_path.rglob("*.partial"))


def test_a_model_embeds_features_as_it_embeds_their_sounds(shards: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = ContrastiveTask(CLAP()).eval()
    config = task.clap.audio_encoder.config
    draw = ExampleConfig(config.sample_rate, is_training=False)
    reader = ShardReader(shards)
    waveforms = PackedBatches([reader], 8, draw)[0]
    features = PackedBatches([reader], 8, replace(draw, cache=FeatureCache(tmp_path, config)))[0]
    task.clap.text_encoder.fit_tokenizer(waveforms.captions)
    with torch.no_grad():
        torch.testing.assert_close(task.embed(features).audio, task.embed(waveforms).audio, rtol=0, atol=2e-3)
