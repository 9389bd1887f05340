"""Batch-mates and padding must never change an embedding, and a model must survive being saved."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import compa
from compa.audio.features import AudioConfig, LogMel
from compa.models import pretrained
from compa.models.clap import CLAP
from compa.models.encoders.audio import ConvTransformer
from compa.models.encoders.text import CaptionTransformer
from compa.models.layers.pooling import masked_mean, segment_means
from compa.training.contrastive import ContrastiveTask

TEXTS = ["a dog barks", "rain", "after the rain has stopped, a dog barks in the distance", ""]


@pytest.fixture(scope="module")
def clap() -> CLAP:
    torch.manual_seed(0)
    model = CLAP().eval()
    model.text_encoder.fit_tokenizer(TEXTS)
    return model


def clips(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(length, generator=generator) * 0.1 for length in lengths]


def embed(model: CLAP, waveforms: list[torch.Tensor], extra_padding: int = 0) -> torch.Tensor:
    lengths = torch.tensor([len(waveform) for waveform in waveforms])
    padded = torch.zeros(len(waveforms), int(lengths.max()) + extra_padding)
    for row, waveform in enumerate(waveforms):
        padded[row, : len(waveform)] = waveform
    with torch.no_grad():
        return model.embed_audio(padded, lengths)


@pytest.mark.parametrize("length", [1, 300, 320, 321, 5000, 16000, 47999])
def test_padding_and_batch_mates_do_not_change_an_audio_embedding(clap: CLAP, length: int) -> None:
    clip, longer, other = clips(length, 64000, 3333)
    alone = embed(clap, [clip])
    torch.testing.assert_close(embed(clap, [clip], extra_padding=12345), alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(embed(clap, [longer, clip, other])[1:2], alone, atol=1e-5, rtol=0)
    assert (embed(clap, [longer])[0] - alone[0]).abs().max() > 1e-3


def test_padding_and_batch_mates_do_not_change_a_text_embedding(clap: CLAP) -> None:
    with torch.no_grad():
        together = clap.embed_text(TEXTS)
        alone = torch.cat([clap.embed_text([text]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(len(TEXTS)))


def test_word_order_changes_a_text_embedding(clap: CLAP) -> None:
    with torch.no_grad():
        one, other = clap.embed_text(["rain after a dog", "a dog after rain"])
    assert (one - other).abs().max() > 1e-3


def test_time_order_changes_an_audio_embedding(clap: CLAP) -> None:
    first, second = clips(32000, 32000)
    one, other = embed(clap, [torch.cat([first, second * 0.1]), torch.cat([second * 0.1, first])])
    assert (one - other).abs().max() > 1e-3


def test_long_texts_are_cut_and_unknown_characters_are_no_error(clap: CLAP) -> None:
    with torch.no_grad():
        with pytest.warns(UserWarning, match="texts cut to 64 tokens so far: 2"):
            cut, same = clap.embed_text(["dog " * 500, "dog " * 400])
        assert torch.isfinite(clap.embed_text(["ゴジラ 🦖 \x00 ß"])).all()
    torch.testing.assert_close(cut, same)


def test_a_text_encoder_without_tokenizer_says_so() -> None:
    with pytest.raises(ValueError, match="fit_tokenizer"):
        CLAP().embed_text(["x"])


def test_segment_means_against_a_fine_grid() -> None:
    """Oracle: repeat every frame S times and average T consecutive ones."""
    generator = torch.Generator().manual_seed(0)
    for num_frames in (1, 2, 3, 4, 5, 7, 11):
        frames = torch.randn(num_frames, 3, generator=generator)
        padded = torch.cat([frames, torch.full((6, 3), 99.0)])[None]
        mask = (torch.arange(num_frames + 6) < num_frames)[None]
        fine = frames.repeat_interleave(4, dim=0).view(4, num_frames, 3).mean(1)
        torch.testing.assert_close(segment_means(padded, mask, 4), fine.view(1, 4, 3))
        torch.testing.assert_close(masked_mean(padded, mask), frames.mean(0)[None])


def test_log_mel_puts_a_tone_into_its_band_and_silence_at_the_floor() -> None:
    config = AudioConfig(fft_size=512, hop_size=320)
    log_mel = LogMel(config)
    time = torch.arange(16000) / 16000
    features, mask = log_mel(
        torch.stack([torch.sin(2 * torch.pi * 1000 * time), 0 * time]), torch.tensor([16000, 8000])
    )
    assert features.shape == (2, 50, 64)
    assert mask.sum(1).tolist() == [50, 25]
    edges = log_mel.filters[round(1000 / 16000 * config.fft_size)]
    assert features[0, 25].argmax() == edges.argmax()
    assert (features[1, :25] == -1.0).all()
    assert (features[1, 25:] == 0.0).all()


def test_a_saved_model_embeds_alike(clap: CLAP, tmp_path: Path) -> None:
    pretrained.save(clap, tmp_path)
    loaded = compa.load(str(tmp_path))
    audio = [(waveform.numpy(), 16000) for waveform in clips(16000, 30000, 170000)]
    np.testing.assert_array_equal(loaded.embed_text(TEXTS), pretrained.Embedder(clap).embed_text(TEXTS))
    np.testing.assert_array_equal(loaded.embed_audio(audio), pretrained.Embedder(clap).embed_audio(audio))
    assert loaded.similarity(audio, TEXTS).shape == (3, 4)
    assert loaded.embed_audio([]).shape == (0, 256)
    assert loaded.embed_text([]).shape == (0, 256)


def test_files_of_any_rate_and_waveforms_embed_alike(clap: CLAP, tmp_path: Path) -> None:
    time = np.arange(48000) / 48000
    tone = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", tone, 48000, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", np.stack([tone, tone], axis=1), 48000, subtype="FLOAT")
    low_rate = (0.3 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)).astype(np.float32)
    rows = pretrained.Embedder(clap).embed_audio(
        [tmp_path / "a.wav", str(tmp_path / "b.wav"), (tone, 48000), (low_rate, 16000)]
    )
    np.testing.assert_allclose(rows @ rows.T, 1.0, atol=1e-3)


@pytest.mark.parametrize("seconds", [20, 25, 20.001])
def test_long_clips_are_the_mean_of_their_windows_by_length(clap: CLAP, tmp_path: Path, seconds: float) -> None:
    embedder = pretrained.Embedder(clap, batch_size=2)
    (clip,) = clips(round(16000 * seconds))
    windows = [(part.numpy(), 16000) for part in torch.split(clip, 160000)]
    mean = np.average(embedder.embed_audio(windows), axis=0, weights=[len(window) for window, _ in windows])
    soundfile.write(tmp_path / "a.wav", clip.numpy(), 16000, subtype="FLOAT")
    found = embedder.embed_audio([(clip.numpy(), 16000), tmp_path / "a.wav"])
    np.testing.assert_allclose(found, np.stack([mean, mean]) / np.linalg.norm(mean), atol=1e-5)


def test_a_tiny_rest_hardly_moves_an_embedding(clap: CLAP) -> None:
    embedder = pretrained.Embedder(clap)
    (clip,) = clips(160000 + 16)
    whole, cut, rest = embedder.embed_audio([(part.numpy(), 16000) for part in (clip, clip[:160000], clip[160000:])])
    assert whole @ cut > 1 - 1e-6
    assert rest @ cut < 0.999  # negative control: with full weight it would


def test_memory_does_not_grow_with_the_file(clap: CLAP, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes of 44.1 kHz in stereo would be 106 MB at once; a model that hears nothing makes it quick."""
    one_minute = np.random.default_rng(0).integers(-999, 999, (60 * 44100, 2)).astype(np.int16)
    with soundfile.SoundFile(tmp_path / "long.wav", "w", 44100, 2) as file:
        for _ in range(5):
            file.write(one_minute)
    monkeypatch.setattr(clap, "embed_audio", lambda waveforms, _: torch.ones(len(waveforms), 256))
    embedder = pretrained.Embedder(clap, batch_size=4)
    tracemalloc.start()
    embedder.embed_audio([tmp_path / "long.wav"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 48e6  # 2**23 samples decide how to mix the channels


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros((2, 100), np.float32), "not mono"),
        (np.zeros(0, np.float32), "samples > 0"),
        (np.array([0.0, np.nan], np.float32), "NaN"),
    ],
)
def test_unclear_waveforms_are_refused(
    clap: CLAP, waveform: np.ndarray[tuple[int, ...], np.dtype[np.float32]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pretrained.Embedder(clap).embed_audio([(waveform, 16000)])


def test_what_is_no_model_is_refused_in_one_sentence(clap: CLAP, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a model"):
        compa.load(str(tmp_path / "nothing"))
    (tmp_path / "x.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="cannot be read safely"):
        compa.load(str(tmp_path / "x.ckpt"))
    pretrained.save(clap, tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged"):
        compa.load(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(whole)
    description = clap.describe()
    description["audio_encoder"]["init_args"]["width"] = 64
    (tmp_path / "model.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match="another version"):
        compa.load(str(tmp_path))
    description["audio_encoder"]["class_path"] = "subprocess.Popen"
    (tmp_path / "model.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match="cannot be trusted"):
        compa.load(str(tmp_path))


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ('"tokenizer": "{', '"tokenizer": "x{', "damaged tokenizer"),
        ('"patch_channels": 48', '"patch_channels": 40', "size mismatch for audio_encoder.patches.weight"),
    ],
)
def test_a_damaged_description_is_told(clap: CLAP, tmp_path: Path, ours: str, theirs: str, message: str) -> None:
    pretrained.save(clap, tmp_path)
    description = (tmp_path / "model.json").read_text()
    assert ours in description
    (tmp_path / "model.json").write_text(description.replace(ours, theirs))
    with pytest.raises(ValueError, match=message):
        compa.load(str(tmp_path))


def test_a_model_of_an_earlier_version_is_read(clap: CLAP, tmp_path: Path) -> None:
    """Encoders have moved to modules of their own since, and `tokeniser` has become `tokenizer`."""
    pretrained.save(clap, tmp_path)
    description = json.loads((tmp_path / "model.json").read_text())
    audio, text = description["audio_encoder"], description["text_encoder"]
    audio["class_path"], text["class_path"] = (
        f"compa.models.{name}" for name in ("audio_encoder.ConvTransformer", "text_encoder.CaptionTransformer")
    )
    text["init_args"]["tokeniser"] = text["init_args"].pop("tokenizer")
    (tmp_path / "model.json").write_text(json.dumps(description))
    expected = pretrained.Embedder(clap).embed_text(TEXTS)
    np.testing.assert_array_equal(compa.load(str(tmp_path)).embed_text(TEXTS), expected)
    checkpoint = {
        "clap": description,
        "state_dict": {f"clap.{name}": value for name, value in clap.state_dict().items()},
    }
    torch.save(checkpoint, tmp_path / "x.ckpt")
    np.testing.assert_array_equal(compa.load(str(tmp_path / "x.ckpt")).embed_text(TEXTS), expected)
    task = ContrastiveTask()
    task.on_load_checkpoint(checkpoint)
    assert task.clap.text_encoder.init_args["tokenizer"] == clap.text_encoder.init_args["tokenizer"]


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))  # type: ignore[return-value]

    torch.save({"clap": Evil(), "state_dict": {}}, tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="cannot be read safely"):
        compa.load(str(tmp_path / "x.ckpt"))
    assert not (tmp_path / "ran").exists()


def test_encoders_refuse_impossible_sizes() -> None:
    with pytest.raises(ValueError, match="heads"):
        ConvTransformer(width=100, num_heads=8)
    with pytest.raises(ValueError, match="heads"):
        CaptionTransformer(width=30, num_heads=4)
