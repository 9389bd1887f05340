"""CLAP checkpoints of transformers and LAION: the same embeddings as theirs, and back again without a changed bit."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

import compa
from compa.audio.features import AudioConfig
from compa.models import pretrained, tiny_clap
from compa.models.checkpoints import hub
from compa.models.checkpoints.hub import transformers
from compa.models.checkpoints.transformers_clap import write_clap
from compa.models.embedder import Embedder
from compa.models.encoders.htsat import HTSAT
from compa.models.encoders.transformers_text import TransformersText
from compa.training.contrastive import ContrastiveTask

RATE = 16000
TEXTS = ["a dog barks, then rain falls", "rain", "", "two people speak while a car passes by a loud siren"]
PADS = {"repeatpad": "repeatpad", "repeat": "repeat", "zeros": "pad"}


@pytest.fixture(scope="module", params=["unfused", "fused"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hf") / str(request.param)
    tiny_clap.main([str(path), *(["--fused"] if request.param == "fused" else [])])
    return path


@pytest.fixture(scope="module")
def unfused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hf") / "tiny"
    tiny_clap.make(path)
    return path


def noise(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(scale=0.1, size=round(seconds * RATE)).astype(np.float32)


def tone(seconds: float) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def theirs(folder: Path, waveform: NDArray[np.float32], padding: str | None = None) -> NDArray[np.float32]:
    """What transformers makes of a clip; of a short one it fuses crops at random, which no evaluation may."""
    inputs = transformers().ClapFeatureExtractor.from_pretrained(folder)(
        waveform, sampling_rate=RATE, padding=padding, return_tensors="pt"
    )
    inputs["is_longer"] = torch.zeros_like(torch.as_tensor(inputs["is_longer"]))
    with torch.no_grad():
        found = transformers().ClapModel.from_pretrained(folder).eval().get_audio_features(**inputs).pooler_output
    return np.asarray(found.numpy()[0])


@pytest.mark.parametrize("pad", [None, *PADS])
@pytest.mark.parametrize("seconds", [0.1, 0.7, 1.0, 1.3, 2.0])
def test_audio_is_embedded_as_transformers_does(folder: Path, pad: Any, seconds: float) -> None:
    model = compa.load(f"hf:{folder}", pad=pad)
    assert model.preprocessing["pad"] == (pad or "repeatpad")
    for waveform in (noise(seconds), tone(seconds)):
        found = model.embed_audio([(waveform, RATE), (noise(2, seed=1), RATE)])[0]
        np.testing.assert_allclose(found, theirs(folder, waveform, PADS.get(pad)), rtol=0, atol=1e-5)


def test_pads_are_different_things(unfused: Path) -> None:
    found = [compa.load(str(unfused), pad=pad).embed_audio([(noise(0.7), RATE)])[0] for pad in ("repeatpad", "zeros")]
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_texts_are_embedded_as_transformers_does(folder: Path) -> None:
    inputs = transformers().AutoTokenizer.from_pretrained(folder)(
        TEXTS, padding="max_length", max_length=60, return_tensors="pt"
    )
    with torch.no_grad():
        expected = (
            transformers().ClapModel.from_pretrained(folder).eval().get_text_features(**inputs).pooler_output.numpy()
        )
    found = compa.load(str(folder)).embed_text(TEXTS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_long_clips_are_windows_and_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    model, clip = compa.load(str(folder)), noise(5)
    soundfile.write(tmp_path / "a.wav", clip, RATE, subtype="FLOAT")
    windows = np.stack([theirs(folder, clip[start : start + 2 * RATE]) for start in (0, 2 * RATE, 4 * RATE)])
    mean = np.average(windows, axis=0, weights=[2, 2, 1])
    found = model.embed_audio([tmp_path / "a.wav", (clip, RATE)])
    np.testing.assert_allclose(found, np.stack([mean, mean]) / np.linalg.norm(mean), rtol=0, atol=1e-5)


def test_there_and_back_again_no_bit_changes(folder: Path, tmp_path: Path) -> None:
    write_clap(compa.load(str(folder)).clap, tmp_path)
    before, after = load_file(folder / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    one, other = compa.load(str(folder)), compa.load(str(tmp_path))
    assert one.preprocessing == other.preprocessing
    np.testing.assert_array_equal(one.embed_text(TEXTS), other.embed_text(TEXTS))
    clips = [(noise(0.7), RATE), (tone(3), RATE)]
    np.testing.assert_array_equal(one.embed_audio(clips), other.embed_audio(clips))
    assert theirs(tmp_path, noise(0.7)) == pytest.approx(theirs(folder, noise(0.7)), abs=0)


def test_a_taken_over_model_survives_our_own_format_and_still_goes_back(folder: Path, tmp_path: Path) -> None:
    model = compa.load(str(folder))
    pretrained.save(model.clap, tmp_path)
    loaded = compa.load(str(tmp_path))
    np.testing.assert_array_equal(model.embed_audio([(tone(1), RATE)]), loaded.embed_audio([(tone(1), RATE)]))
    (tmp_path / "back").mkdir()
    write_clap(loaded.clap, tmp_path / "back")
    before, after = load_file(folder / "model.safetensors"), load_file(tmp_path / "back" / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_another_way_to_fill_up_goes_out(unfused: Path, tmp_path: Path) -> None:
    write_clap(compa.load(str(unfused), pad="zeros").clap, tmp_path)
    assert theirs(tmp_path, noise(0.7)) == pytest.approx(theirs(unfused, noise(0.7), "pad"), abs=0)
    with pytest.raises(ValueError, match="masks the padding of short clips"):
        write_clap(compa.load(str(unfused), pad="mask").clap, tmp_path)


def test_the_trained_temperature_goes_out(unfused: Path, tmp_path: Path) -> None:
    task = ContrastiveTask(compa.load(str(unfused)).clap, temperature=0.04)
    checkpoint: dict[str, Any] = {"state_dict": task.state_dict()}
    task.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "x.ckpt")
    write_clap(compa.load(str(tmp_path / "x.ckpt")).clap, tmp_path)
    before, after = load_file(unfused / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    for name in ("logit_scale_a", "logit_scale_t"):
        assert after[name].exp().item() == pytest.approx(25)
        assert before[name].exp().item() != pytest.approx(25)


def test_no_texts_have_no_embeddings_and_one_string_is_not_several(unfused: Path) -> None:
    model = compa.load(str(unfused))
    assert model.clap.embed_text([]).shape == (0, 24)
    with pytest.raises(ValueError, match=r"give a list, \['a dog'\]"):
        model.embed_text("a dog")
    with pytest.raises(ValueError, match=r"give a list, \['a.wav'\]"):
        model.embed_audio("a.wav")
    with pytest.raises(ValueError, match="None is not a text"):
        model.embed_text([None])  # type: ignore[list-item]


def test_an_encoder_whose_checkpoint_lacks_weights_says_so(unfused: Path, tmp_path: Path) -> None:
    weights = load_file(unfused / "model.safetensors")
    save = {"metadata": {"format": "pt"}}
    shutil.copytree(unfused, tmp_path / "x")
    del weights["audio_model.audio_encoder.norm.weight"], weights["text_model.encoder.layer.0.output.dense.bias"]
    save_file(weights, tmp_path / "x" / "model.safetensors", **save)
    with pytest.raises(ValueError, match=r"1 missing \(audio_model.audio_encoder.norm.weight\)"):
        HTSAT(model=str(tmp_path / "x"))
    with pytest.warns(UserWarning, match="text_model.encoder.layer.0.output.dense.bias"):
        TransformersText(str(tmp_path / "x"))


def test_only_a_model_like_theirs_can_be_exported_to_transformers(tmp_path: Path) -> None:
    from compa.models.clap import CLAP

    with pytest.raises(ValueError, match="its audio encoder is not HTSAT"):
        write_clap(CLAP(), tmp_path)


def laion_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The checkpoint's weights as LAION's code names them, with what else its files hold."""
    weights = load_file(folder / "model.safetensors")
    found: dict[str, torch.Tensor] = {}
    for name, value in weights.items():
        if name.endswith(("relative_position_index", "position_ids", "token_type_ids")) and "audio" not in name:
            continue
        new = name.replace("text_model.", "text_branch.").replace("audio_model.audio_encoder.", "audio_branch.")
        new = re.sub(r"_projection\.linear(\d)", lambda match: f"_projection.{2 * int(match[1]) - 2}", new)
        if new.startswith("audio_branch."):
            if ".self.query." in new:
                parts = [weights[name.replace("query", part)] for part in ("query", "key", "value")]
                found[new.replace("attention.self.query", "attn.qkv")] = torch.cat(parts)
                continue
            if ".self.key." in new or ".self.value." in new:
                continue
            for ours, laions in (("batch_norm", "bn0"), ("layernorm_before", "norm1"), ("layernorm_after", "norm2"),
                                 ("attention.output.dense", "attn.proj"), ("attention.self", "attn"),
                                 ("intermediate.dense", "mlp.fc1"), ("output.dense", "mlp.fc2")):  # fmt: skip
                new = re.sub(rf"(?<=\.){re.escape(ours)}(?=\.)", laions, new)
        found[new] = value
    found["text_branch.embeddings.position_ids"] = torch.arange(66)[None]
    found["audio_branch.spectrogram_extractor.stft.conv_real.weight"] = torch.zeros(3, 1, 8)
    found["audio_branch.logmel_extractor.melW"] = torch.zeros(3, 3)
    found["audio_branch.tscam_conv.weight"] = torch.zeros(3, 3, 2, 3)
    found["audio_branch.head.weight"] = torch.zeros(3, 3)
    found["audio_branch.layers.0.blocks.1.attn_mask"] = torch.zeros(4, 16, 16)
    found["audio_transform.sequential.0.weight"] = torch.zeros(3, 3)
    found["text_transform.sequential.3.bias"] = torch.zeros(3)
    return found


def beside(folder: Path, path: Path) -> None:
    """Puts the tokenizer beside a `.pt` file."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, path / name)


@pytest.fixture(scope="module", params=["unfused", "fused"])
def full_size(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As LAION's models in all that weights cannot show: images of 256 x 256, heads of 64, 48 kHz."""
    path = tmp_path_factory.mktemp("full") / str(request.param)
    tiny_clap.make(path)
    is_fused = request.param == "fused"
    torch.manual_seed(1)
    config = transformers().ClapConfig(
        text_config={"vocab_size": 400, "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
                     "intermediate_size": 96, "max_position_embeddings": 130, "layer_norm_eps": 1e-5},
        audio_config={"patch_embeds_hidden_size": 8, "hidden_size": 32, "depths": [1, 2, 1], "mlp_ratio": 2.0,
                      "num_attention_heads": [1, 2, 2], "enable_fusion": is_fused,
                      "fusion_type": "aff_2d" if is_fused else None},
        projection_dim=24, initializer_factor=5.0,
    )  # fmt: skip
    transformers().ClapModel(config).save_pretrained(path)
    transformers().ClapFeatureExtractor(
        frequency_min=50, truncation="fusion" if is_fused else "rand_trunc"
    ).save_pretrained(path)
    return path


@pytest.mark.parametrize("prefix", ["", "module."])
def test_laions_file_with_the_same_weights_embeds_alike(full_size: Path, tmp_path: Path, prefix: str) -> None:
    weights = {prefix + name: value for name, value in laion_weights(full_size).items()}
    torch.save({"epoch": 3, "state_dict": weights} if prefix else weights, tmp_path / "best.pt")
    beside(full_size, tmp_path)
    ours, laions = compa.load(str(full_size)), compa.load(str(tmp_path / "best.pt"))
    assert laions.preprocessing == ours.preprocessing
    assert laions.preprocessing["mel_scale"] == ("htk" if full_size.name == "fused" else "slaney")
    clips = [(noise(1), RATE), (tone(2), RATE)]
    np.testing.assert_allclose(laions.embed_audio(clips), ours.embed_audio(clips), rtol=0, atol=1e-5)
    np.testing.assert_allclose(laions.embed_text(TEXTS), ours.embed_text(TEXTS), rtol=0, atol=1e-5)


def test_a_configuration_beside_laions_file_says_what_weights_cannot(unfused: Path, tmp_path: Path) -> None:
    torch.save(laion_weights(unfused), tmp_path / "best.pt")
    beside(unfused, tmp_path)
    for name in ("config.json", "preprocessor_config.json"):
        shutil.copy(unfused / name, tmp_path)
    found, expected = compa.load(str(tmp_path / "best.pt")), compa.load(str(unfused))
    assert found.preprocessing == expected.preprocessing
    np.testing.assert_allclose(found.embed_text(TEXTS), expected.embed_text(TEXTS), rtol=0, atol=1e-5)


def test_weights_that_do_not_fit_are_listed_and_refused_unless_asked(full_size: Path, tmp_path: Path) -> None:
    weights = laion_weights(full_size)
    weights["audio_branch.extra.weight"] = weights.pop("audio_branch.norm.weight")
    torch.save(weights, tmp_path / "best.pt")
    beside(full_size, tmp_path)
    with pytest.raises(ValueError, match=r"1 missing \(.*norm.weight\), 1 unexpected \(.*extra.weight\)"):
        compa.load(str(tmp_path / "best.pt"))
    with pytest.warns(UserWarning, match="1 missing"):
        compa.load(str(tmp_path / "best.pt"), strict=False)


@pytest.mark.parametrize(
    ("dropped", "message"),
    [("audio_branch.patch_embed", "no HTSAT"), ("text_branch.embeddings.word", "no RoBERTa"), ("bn0", "batch_norm")],
)
def test_laions_other_towers_are_refused(full_size: Path, tmp_path: Path, dropped: str, message: str) -> None:
    weights = {name: value for name, value in laion_weights(full_size).items() if dropped not in name}
    torch.save(weights, tmp_path / "x.pt")
    beside(full_size, tmp_path)
    with pytest.raises(ValueError, match=message):
        compa.load(str(tmp_path / "x.pt"))


def test_a_laion_file_without_tokenizer_says_where_to_put_one(
    full_size: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_is_reachable", lambda: False)
    torch.save(laion_weights(full_size), tmp_path / "best.pt")
    with pytest.raises(ValueError, match="put tokenizer"):
        compa.load(str(tmp_path / "best.pt"))


def test_a_pickle_that_would_run_code_is_refused(unfused: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "ran",))  # type: ignore[return-value]

    torch.save({"state_dict": {"audio_branch.x": Evil()}}, tmp_path / "x.pt")
    with pytest.raises(ValueError, match="cannot be read safely: it is damaged, or would run code"):
        compa.load(str(tmp_path / "x.pt"))
    copy = damaged(unfused, tmp_path / "copy", weights=None)
    torch.save({"logit_scale_a": Evil()}, copy / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"copy cannot be read as a checkpoint .*would run code"):
        compa.load(str(copy))
    assert not (tmp_path / "ran").exists()


def damaged(folder: Path, copy: Path, **changes: Any) -> Path:
    shutil.copytree(folder, copy)
    for name, content in changes.items():
        path = copy / {"weights": "model.safetensors", "config": "config.json", "extractor": "preprocessor_config.json",
                       "tokenizer": "tokenizer.json"}[name]  # fmt: skip
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    return copy


def test_bad_folders_are_refused_in_a_sentence(unfused: Path, tmp_path: Path) -> None:
    whole = (unfused / "model.safetensors").read_bytes()
    config = json.loads((unfused / "config.json").read_text())
    bert = json.dumps({"model_type": "bert", "hidden_size": 32}).encode()
    wide = json.dumps(config | {"projection_dim": 48}).encode()
    cases: dict[str, dict[str, Any]] = {
        "cannot be read": {"weights": whole[: len(whole) // 2]},
        "cannot be read as": {"weights": None},
        "of type 'bert'": {"config": bert},
        "cannot be read as a": {"config": b"{"},
        r"do not fit its model: audio_projection.linear1.bias is \(24,\), not \(48,\)": {"config": wide},
        "cannot be read as a checkpoint": {"extractor": None},
        "as a checkpoint": {"tokenizer": None},
        "read as a checkpoint": {"tokenizer": b"{}"},
    }
    for number, (message, changes) in enumerate(cases.items()):
        copy = damaged(unfused, tmp_path / str(number), **changes)
        with pytest.raises(ValueError, match=message) as error:
            compa.load(str(copy))
        assert len(str(error.value)) < 700
        assert str(copy) in str(error.value)


def test_missing_and_unexpected_weights_of_a_folder_are_listed(unfused: Path, tmp_path: Path) -> None:
    weights = load_file(unfused / "model.safetensors")
    weights["audio_model.extra"] = weights.pop("audio_projection.linear1.bias").clone()
    shutil.copytree(unfused, tmp_path / "x")
    save_file(weights, tmp_path / "x" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"1 missing \(audio_projection.linear1.bias\), 1 unexpected"):
        compa.load(str(tmp_path / "x"))
    with pytest.warns(UserWarning, match="1 unexpected"):
        assert compa.load(str(tmp_path / "x"), strict=False).embed_text(["x"]).shape == (1, 24)


def test_a_hub_id_without_network_says_where_to_put_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hub, "_is_reachable", lambda: False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="hf download laion/clap-htsat-unfused --local-dir DIR"):
        compa.load("hf:laion/clap-htsat-unfused")
    with pytest.raises(ValueError, match="there is no folder"):
        compa.load("hf:./nothing/here")
    tiny_clap.make(tmp_path / "tiny")
    with pytest.raises(ValueError, match="mask, repeatpad, repeat, zeros; got 'loud'"):
        compa.load("hf:tiny", pad="loud")  # type: ignore[arg-type]


def test_our_own_models_have_no_other_pad(tmp_path: Path) -> None:
    from compa.models.clap import CLAP

    clap = CLAP()
    clap.text_encoder.fit_tokenizer(TEXTS)
    pretrained.save(clap, tmp_path)
    with pytest.raises(ValueError, match="does not support --pad repeatpad"):
        compa.load(str(tmp_path), pad="repeatpad")


def test_transformers_missing_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ValueError, match="pip install 'transformers>=5,<6', and a torchaudio"):
        hub.transformers()


def test_long_texts_are_cut_with_a_counted_warning(unfused: Path) -> None:
    model = compa.load(str(unfused))
    with pytest.warns(UserWarning, match="texts cut to 64 tokens so far: 2"):
        rows = model.embed_text(["rain " * 200, "rain " * 300, "rain"])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.embed_text(["rain " * 250])  # told again at the tenth
    assert model.clap.text_encoder.num_cut == 3


def test_ten_hours_are_windows_in_bounded_memory(unfused: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model hears nothing, so that it is quick; decoding and windows are real."""
    model = compa.load(str(unfused))
    heard = []

    def embed(waveforms: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        heard.append(waveforms.numel())
        return torch.ones(len(waveforms), 24)

    monkeypatch.setattr(model.clap, "embed_audio", embed)
    block = np.zeros(10 * 60 * RATE, np.float32)
    monkeypatch.setattr("compa.models.audio_windows._blocks", lambda *_: (block for _ in range(60)))
    model.embed_audio(["ten hours"])
    assert sum(heard) == 36000 * RATE
    assert max(heard) <= model.batch_size * 2 * RATE


def test_the_extractors_own_settings_are_honoured(unfused: Path, tmp_path: Path) -> None:
    """Another lowest frequency, hop, padding and window, against transformers with the same file."""
    shutil.copytree(unfused, tmp_path / "x")
    path = tmp_path / "x" / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    settings |= {"frequency_min": 300, "hop_length": 200, "padding": "pad", "max_length_s": 1, "nb_max_samples": RATE}
    path.write_text(json.dumps(settings))
    model = compa.load(str(tmp_path / "x"))
    config: AudioConfig = model.clap.audio_encoder.config
    assert (config.min_hz, config.hop_size, model.preprocessing["pad"]) == (300, 200, "zeros")
    found = model.embed_audio([(noise(0.6), RATE)])[0]
    np.testing.assert_allclose(found, theirs(tmp_path / "x", noise(0.6)), rtol=0, atol=1e-5)
    assert np.abs(found - compa.load(str(unfused)).embed_audio([(noise(0.6), RATE)])[0]).max() > 1e-3


def test_it_is_an_embedder_like_any_other(unfused: Path) -> None:
    model = compa.load(f"hf:{unfused}")
    assert isinstance(model, Embedder)
    assert model.similarity([(noise(1), RATE), (tone(1), RATE)], TEXTS).shape == (2, 4)
