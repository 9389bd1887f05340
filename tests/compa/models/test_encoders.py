"""Every encoder, tiny and random: neither padding nor batch-mates change an embedding, and all survive being saved."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import compa
from compa.audio.features import PRESETS, AudioConfig
from compa.audio.kaldi import KaldiFilterBank
from compa.models import pretrained
from compa.models.checkpoints.hub import transformers
from compa.models.clap import CLAP
from compa.models.encoders.audio import AudioEncoder, ConvTransformer
from compa.models.encoders.htsat import HTSAT
from compa.models.encoders.spectrogram_transformer import SIZES, SpectrogramTransformer
from compa.models.encoders.text import CaptionTransformer, TextEncoder, by_length
from compa.models.encoders.transformers_audio import AST, TransformersAudio, WhisperEncoder
from compa.models.encoders.transformers_text import TransformersText

LAYERS = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "hidden_size": 32}
HTSAT_TINY = {"spec_size": 64, "num_mel_bins": 16, "window_size": 4, "patch_embeds_hidden_size": 16, "hidden_size": 32,
              "depths": [2, 2], "num_attention_heads": [2, 4], "initializer_factor": 5.0}  # fmt: skip
HTSAT_FEATURES = dataclasses.replace(
    PRESETS["laion-unfused"], sample_rate=16000, fft_size=512, hop_size=160, num_mels=16, max_hz=8000.0
)
WAV2VEC = {"model_type": "wav2vec2", **LAYERS, "conv_dim": [16, 16], "conv_kernel": [10, 8], "conv_stride": [8, 8],
           "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}  # fmt: skip
WHISPER = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 64, "num_mel_bins": 20,
           "max_source_positions": 50, "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16,
           "vocab_size": 60, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
           "decoder_start_token_id": 1}  # fmt: skip
AST_TINY = {**LAYERS, "num_mel_bins": 32, "max_length": 100}
AUDIO: dict[str, Callable[[], AudioEncoder]] = {
    "conv": ConvTransformer,
    "spectrogram": lambda: SpectrogramTransformer(size="tiny", keep=0.25),
    "htsat": lambda: HTSAT(HTSAT_FEATURES, HTSAT_TINY, window_seconds=2.0),
    "htsat-fused": lambda: HTSAT(HTSAT_FEATURES, HTSAT_TINY | {"enable_fusion": True}, window_seconds=2.0),
    "htsat-repeatpad": lambda: HTSAT(HTSAT_FEATURES, HTSAT_TINY, "repeatpad", 2.0),
    "ast": lambda: AST(model=AST_TINY),
    "whisper": lambda: WhisperEncoder(model=WHISPER),
    "wav2vec2": lambda: TransformersAudio(model=WAV2VEC),
    "wav2vec2-bert": lambda: TransformersAudio(
        AudioConfig(num_mels=20), {"model_type": "wav2vec2-bert", **LAYERS, "feature_projection_input_dim": 20}
    ),
}
TEXT: dict[str, Callable[[], TextEncoder]] = {
    "caption": CaptionTransformer,
    "t5": lambda: TransformersText(
        {"model_type": "t5", "d_model": 32, "num_layers": 2, "num_heads": 4, "d_ff": 64, "d_kv": 8, "vocab_size": 400}
    ),
    "roberta": lambda: TransformersText({"model_type": "roberta", **LAYERS, "vocab_size": 400}),
    "bert": lambda: TransformersText({"model_type": "bert", **LAYERS, "vocab_size": 400}, pooling="pooler"),
    "distilbert": lambda: TransformersText(
        {"model_type": "distilbert", "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "vocab_size": 400}
    ),
    "bart": lambda: TransformersText(
        {
            "model_type": "bart",
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 4,
            "encoder_ffn_dim": 64,
            "decoder_layers": 1,
            "decoder_attention_heads": 2,
            "decoder_ffn_dim": 16,
            "vocab_size": 400,
        }
    ),
    "clap": lambda: TransformersText({"model_type": "clap_text_model", **LAYERS, "vocab_size": 400}, pooling="pooler"),
}
TEXTS = ["a dog barks", "rain", "after the rain has stopped, a dog barks in the distance", ""]


def clap_of(audio: AudioEncoder | None = None, text: TextEncoder | None = None) -> CLAP:
    torch.manual_seed(0)
    model = CLAP(audio, text, embedding_size=32).eval()
    model.text_encoder.fit_tokenizer(TEXTS)
    return model


def clips(*lengths: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(length, generator=generator) * 0.1 for length in lengths]


def embed(model: CLAP, waveforms: list[Tensor], extra_padding: int = 0) -> Tensor:
    lengths = torch.tensor([len(waveform) for waveform in waveforms])
    padded = torch.zeros(len(waveforms), int(lengths.max()) + extra_padding)
    for row, waveform in enumerate(waveforms):
        padded[row, : len(waveform)] = waveform
    with torch.no_grad():
        return model.embed_audio(padded, lengths)


@pytest.mark.parametrize("name", AUDIO)
def test_padding_and_batch_mates_do_not_change_an_audio_embedding(name: str) -> None:
    torch.manual_seed(0)
    model = clap_of(AUDIO[name]())
    longest = 32000 if name == "htsat-repeatpad" else 64000
    for length in (1600, 16000, 17777):  # 0.1 s, and not a multiple of anything
        clip, longer, other = clips(length, longest, 3333)
        alone = embed(model, [clip])
        assert torch.isfinite(alone).all()
        torch.testing.assert_close(embed(model, [clip], extra_padding=12345), alone, atol=1e-5, rtol=0)
        torch.testing.assert_close(embed(model, [longer, clip, other])[1:2], alone, atol=1e-5, rtol=0)
        assert (embed(model, [longer])[0] - alone[0]).abs().max() > 1e-3


@pytest.mark.parametrize("name", [name for name in AUDIO if name != "htsat-repeatpad"])
def test_time_order_changes_an_audio_embedding(name: str) -> None:
    torch.manual_seed(0)
    model = clap_of(AUDIO[name]())
    first, second = clips(16000, 16000)
    quiet = torch.cumsum(second, 0) * 0.02
    one, other = embed(model, [torch.cat([first, quiet]), torch.cat([quiet, first])])
    assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize("name", TEXT)
def test_padding_and_batch_mates_do_not_change_a_text_embedding(name: str) -> None:
    torch.manual_seed(0)
    model = clap_of(text=TEXT[name]())
    with torch.no_grad():
        together = model.embed_text([*TEXTS, TEXTS[0]])
        alone = torch.cat([model.embed_text([text]) for text in TEXTS])
    torch.testing.assert_close(together[:-1], alone, atol=1e-5, rtol=0)
    assert torch.equal(together[-1], together[0])
    assert (together[0] - together[2]).abs().max() > 1e-3


def test_texts_of_similar_lengths_are_encoded_together() -> None:
    lengths = np.random.default_rng(0).lognormal(2.5, 0.4, size=192).astype(np.int64) + 2
    groups = by_length(lengths)
    assert sorted(np.concatenate(groups)) == list(range(192))
    num_padded = sum(len(group) * lengths[group].max() for group in groups)
    assert 0.95 <= lengths.sum() / num_padded < 1
    assert len(groups) <= 12
    assert lengths.sum() / (192 * lengths.max()) < 0.6  # negative control: in one group
    assert [list(group) for group in by_length(np.array([7, 7, 7]))] == [[0, 1, 2]]
    assert [list(group) for group in by_length(np.array([9, 1]))] == [[1], [0]]


@pytest.mark.parametrize(
    ("audio", "text"), [*((name, "caption") for name in AUDIO), *(("conv", name) for name in TEXT)]
)
def test_a_saved_model_embeds_alike_without_the_checkpoint_it_came_from(audio: str, text: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = clap_of(AUDIO[audio](), TEXT[text]())
    json.dumps(model.describe())
    pretrained.save(model, tmp_path)
    loaded = compa.load(str(tmp_path))
    clip = [(clips(8000)[0].numpy(), 16000)]
    np.testing.assert_array_equal(loaded.embed_text(TEXTS), pretrained.Embedder(model).embed_text(TEXTS))
    np.testing.assert_array_equal(loaded.embed_audio(clip), pretrained.Embedder(model).embed_audio(clip))


@pytest.mark.parametrize("name", [*AUDIO])
def test_every_trained_weight_of_an_audio_encoder_gets_a_gradient(name: str) -> None:
    """DistributedDataParallel refuses weights that are trained and not used."""
    torch.manual_seed(0)
    model = clap_of(AUDIO[name]()).train()
    if name.startswith("wav2vec2"):
        model.eval()  # its own training hides spans of clips much longer than these
    waveforms = torch.stack(clips(16000, 16000))
    model.embed_audio(waveforms, torch.tensor([16000, 12000])).square()[:, ::3].sum().backward()  # type: ignore[no-untyped-call]
    without = [
        key for key, weight in model.audio_encoder.named_parameters() if weight.requires_grad and weight.grad is None
    ]
    assert without in ([], ["model.masked_spec_embed"])


@pytest.mark.parametrize("name", TEXT)
def test_every_trained_weight_of_a_text_encoder_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    model = clap_of(text=TEXT[name]()).train()
    model.embed_text(TEXTS).square()[:, ::3].sum().backward()  # type: ignore[no-untyped-call]
    assert [
        key for key, weight in model.text_encoder.named_parameters() if weight.requires_grad and weight.grad is None
    ] == []


@pytest.mark.parametrize("is_fused", [False, True])
def test_batch_norms_stay_as_they_were_in_training(is_fused: bool) -> None:
    """Batch-mates change nothing, and the statistics are those of the checkpoint: dropout is off to see it."""
    torch.manual_seed(0)
    encoder = HTSAT(
        HTSAT_FEATURES, HTSAT_TINY | {"enable_fusion": is_fused, "hidden_dropout_prob": 0.0}, window_seconds=2.0
    )
    norms = [module for module in encoder.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == (5 if is_fused else 1)
    assert not any(norm.training for norm in norms)  # before anyone says train()
    model = clap_of(encoder).train()
    assert not any(norm.training for norm in norms)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    clip, loud = clips(32000, 32000)
    alone, together = embed(model, [clip]), embed(model, [clip, loud * 100])
    torch.testing.assert_close(together[0], alone[0], atol=1e-5, rtol=0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for norm in norms:
        norm.train()  # negative control: so it would be
    assert (embed(model, [clip, loud * 100])[0] - embed(model, [clip])[0]).abs().max() > 1e-3


def test_dropping_tokens_keeps_all_of_the_time_and_only_in_training() -> None:
    torch.manual_seed(0)
    encoder = SpectrogramTransformer(size="tiny", keep=0.25)
    assert (encoder.num_bands, encoder.num_kept) == (4, 1)
    seen: list[tuple[int, ...]] = []
    encoder.blocks[0].register_forward_hook(lambda _module, args, _out: seen.append(tuple(args[0].shape)))
    features, mask = torch.randn(2, 160, 64), torch.ones(2, 160, dtype=torch.bool)
    encoder.train()
    frames = encoder(features, mask)
    assert frames.last.shape == (2, 10, 192)
    assert frames.mask.all()
    assert (encoder(features, mask).last - frames.last).abs().max() > 1e-3  # others are kept the next time
    encoder.eval()
    assert torch.equal(encoder(features, mask).last, encoder(features, mask).last)
    assert seen == [(2, 10, 192)] * 2 + [(2, 40, 192)] * 2


def test_the_spectrogram_transformer_comes_in_three_sizes_and_takes_any_length() -> None:
    encoders = [SpectrogramTransformer(size="tiny"), SpectrogramTransformer(), SpectrogramTransformer(size="base")]
    widths = [sum(weight.numel() for weight in encoder.parameters()) for encoder in encoders]
    assert len(SIZES) == 3
    assert widths == sorted(widths)
    encoder = encoders[0].eval()
    with torch.no_grad():
        for num_frames in (1, 15, 16, 17, 3000):
            frames = encoder(torch.randn(1, num_frames, 64), torch.ones(1, num_frames, dtype=torch.bool))
            assert frames.last.shape == (1, -(-num_frames // 16), 192)


def test_kaldis_features_are_those_of_transformers_extractor() -> None:
    extractor = transformers().ASTFeatureExtractor(num_mel_bins=32, max_length=98, do_normalize=False)
    for clip in (clips(16000)[0], torch.sin(torch.arange(16000) * 0.3), torch.zeros(16000)):
        expected = extractor(clip.numpy(), sampling_rate=16000, return_tensors="pt")["input_values"][0]
        features, mask = KaldiFilterBank(16000, 32)(clip[None], torch.tensor([16000]))
        assert mask.shape == (1, 98)
        is_loud = expected > expected.max() - 12  # below, single precision shows
        torch.testing.assert_close(features[0][is_loud], expected[is_loud], atol=2e-3, rtol=0)


def test_ast_gives_the_frames_of_transformers() -> None:
    torch.manual_seed(0)
    encoder = AST(model=AST_TINY).eval()
    clip = clips(16000)[0]
    inputs = transformers().ASTFeatureExtractor(num_mel_bins=32, max_length=100)(
        clip.numpy(), sampling_rate=16000, return_tensors="pt"
    )
    with torch.no_grad():
        tokens = encoder.model(**inputs).last_hidden_state[0, 2:]
        frames = encoder(*encoder.front_end()(clip[None], torch.tensor([16000])))
    num_steps = frames.last.shape[1]
    expected = torch.stack([tokens[step::num_steps].mean(0) for step in range(num_steps)])
    torch.testing.assert_close(frames.last[0], expected, atol=1e-4, rtol=0)
    assert frames.mask.all()


def test_whisper_gives_the_frames_of_transformers() -> None:
    torch.manual_seed(0)
    encoder = WhisperEncoder(model=WHISPER).eval()
    extractor = transformers().WhisperFeatureExtractor(feature_size=20, chunk_length=1)
    clip = clips(16000)[0]
    clip[:8000] *= 1e-6  # quieter than 80 dB below the loudest
    inputs = extractor(clip.numpy(), sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        expected = encoder.model(inputs["input_features"]).last_hidden_state
        frames = encoder(*encoder.front_end()(clip[None], torch.tensor([16000])))
    torch.testing.assert_close(frames.last, expected, atol=1e-4, rtol=0)
    assert frames.mask.shape == (1, 50)
    assert frames.mask.all()


def test_masked_htsat_hears_what_is_there_and_windows_one_after_the_other() -> None:
    torch.manual_seed(0)
    encoder = HTSAT(HTSAT_FEATURES, HTSAT_TINY, window_seconds=2.0).eval()
    features = torch.randn(1, 402, 16) * 20 - 50
    mask = torch.ones(1, 402, dtype=torch.bool)
    with torch.no_grad():
        both = encoder(features, mask).last
        first, second = (encoder(features[:, start : start + 201], mask[:, :201]).last for start in (0, 201))
        short = encoder(features, mask & (torch.arange(402) < 50)).mask
    torch.testing.assert_close(both, torch.cat([first, second], dim=1), atol=1e-5, rtol=0)
    num_frames = first.shape[1]
    assert short[0].tolist() == [True] * -(-50 * num_frames // 201) + [False] * (
        2 * num_frames - -(-50 * num_frames // 201)
    )


def test_encoders_refuse_what_they_cannot_do() -> None:
    with pytest.raises(ValueError, match="tiny, small, base; got 'huge'"):
        SpectrogramTransformer(size="huge")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"keep must be above 0 .* got 0"):
        SpectrogramTransformer(keep=0)
    with pytest.raises(ValueError, match="must divide the 64 mel bands; got 24"):
        SpectrogramTransformer(patch_bands=24)
    with pytest.raises(ValueError, match="do not fit the model"):
        HTSAT("laion-unfused", HTSAT_TINY)
    with pytest.raises(ValueError, match="longer than the encoder's window of 2 s"):
        embed(clap_of(AUDIO["htsat-repeatpad"]()), clips(32001))
    with pytest.raises(ValueError, match="no feature_cache"):
        AUDIO["htsat-repeatpad"]()(torch.zeros(1, 50, 16), torch.ones(1, 50, dtype=torch.bool))
    with pytest.raises(ValueError, match="has no pooler"):
        TransformersText({"model_type": "distilbert", "dim": 32, "n_heads": 4}, pooling="pooler")
    with pytest.raises(ValueError, match="got 'robertta'"):
        TransformersText({"model_type": "robertta"})
    with pytest.raises(ValueError, match="call fit_tokenizer"):
        CLAP(text_encoder=TEXT["roberta"]()).embed_text(["x"])
    settings: Any = {"model_type": "bert", "hidden_size": "wide"}
    with pytest.raises(ValueError, match="bert"):
        TransformersText(settings)
