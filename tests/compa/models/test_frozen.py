"""Frozen text encoders read each text once; LoRA trains little beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import compa
from compa.models import pretrained
from compa.models.clap import CLAP
from compa.models.encoders.text import CaptionTransformer
from compa.models.encoders.text_cache import EmbeddingCache
from compa.models.encoders.transformers_text import TransformersText

BERT = {"model_type": "bert", "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
        "hidden_size": 32, "vocab_size": 400}  # fmt: skip
TEXTS = ["a dog barks", "rain", "after the rain has stopped, a dog barks in the distance", ""]


def clap_of(**options: Any) -> CLAP:
    torch.manual_seed(0)
    model = CLAP(text_encoder=TransformersText(BERT, **options), embedding_size=32)
    model.text_encoder.fit_tokenizer(TEXTS)
    return model


def test_each_text_is_read_once_in_all_runs_and_the_vectors_are_the_models(tmp_path: Path) -> None:
    expected = clap_of().eval().embed_text(TEXTS)
    for run in range(2):
        model = clap_of(cache=str(tmp_path)).train()
        encoder: Any = model.text_encoder
        seen: list[int] = []
        encoder.model.register_forward_hook(lambda _, __, out, seen=seen: seen.append(len(out[0])))
        for texts in (TEXTS[:2], TEXTS, TEXTS[::-1]):
            found = model.embed_text(texts)
            rows = [TEXTS.index(text) for text in texts]
            torch.testing.assert_close(found, expected[rows], atol=1e-6, rtol=0)
        assert sum(seen) == (0 if run else len(TEXTS))
        assert not encoder.training  # dropout would be kept for ever
        assert found.requires_grad  # the projection is trained
        assert not any(weight.requires_grad for weight in encoder.parameters())


def test_other_weights_or_settings_have_other_vectors(tmp_path: Path) -> None:
    one = clap_of(cache=str(tmp_path))
    one.embed_text(TEXTS)
    other = clap_of(cache=str(tmp_path))
    with torch.no_grad():
        next(iter(other.text_encoder.parameters())).normal_()
    assert (other.embed_text(TEXTS) - one.embed_text(TEXTS)).abs().max() > 1e-3
    shorter = clap_of(cache=str(tmp_path), max_tokens=4)
    with pytest.warns(UserWarning, match="texts cut to 4 tokens"):
        shorter.embed_text(TEXTS)
    assert len(list(tmp_path.glob("*.sqlite"))) == 3


def test_the_cache_is_shared_and_takes_many_texts(tmp_path: Path) -> None:
    asked: list[str] = []

    def encode(texts: Sequence[str]) -> Tensor:
        asked.extend(texts)
        return torch.tensor([[float(len(text)), 1.0] for text in texts])

    texts = ["x" * number for number in range(1300)] + ["\ud800", "a\x00b"]
    one, other = EmbeddingCache(tmp_path, "same"), EmbeddingCache(tmp_path, "same")
    expected = torch.tensor([[float(len(text)), 1.0] for text in texts])
    assert torch.equal(one.find(texts, encode), expected)
    assert torch.equal(other.find(texts[::-1], encode), expected.flip(0))
    assert asked == texts


def test_a_model_trained_with_a_cache_loads_without_it(tmp_path: Path) -> None:
    model = clap_of(cache=str(tmp_path / "cache"))
    expected = model.embed_text(TEXTS).detach().numpy()
    pretrained.save(model, tmp_path)
    np.testing.assert_allclose(compa.load(str(tmp_path)).embed_text(TEXTS), expected, atol=1e-6)
    again = pretrained.start(str(tmp_path), cache=str(tmp_path / "cache"))
    np.testing.assert_array_equal(again.embed_text(TEXTS).detach().numpy(), expected)
    with pytest.raises(ValueError, match="CaptionTransformer does not support a cache"):
        CaptionTransformer().use_cache(str(tmp_path))


def test_lora_trains_little_and_survives_being_saved(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    settings = {"r": 4, "target_modules": ["query", "value"]}
    model = clap_of(lora=settings)
    trained = [name for name, weight in model.text_encoder.named_parameters() if weight.requires_grad]
    assert len(trained) == 2 * 2 * 2  # two matrices for two layers' two projections
    assert all("lora_" in name for name in trained)
    plain, adapted = (one.eval().text_encoder.embed(TEXTS, torch.device("cpu")).detach() for one in (clap_of(), model))
    torch.testing.assert_close(adapted, plain, atol=1e-6, rtol=0)  # it starts as it was
    before = model.embed_text(TEXTS).detach().numpy()
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    pretrained.save(model, tmp_path)
    loaded = compa.load(str(tmp_path)).embed_text(TEXTS)
    np.testing.assert_allclose(loaded, model.embed_text(TEXTS).detach().numpy(), atol=1e-6)
    assert np.abs(loaded - before).max() > 1e-3
    with pytest.raises(ValueError, match="the model has the layers dense, key, query, value"):
        clap_of(lora={"target_modules": ["nothing"]})
    with pytest.raises(ValueError, match="omit cache or lora"):
        clap_of(lora=settings, cache=str(tmp_path))


def test_lora_without_peft_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(ValueError, match=r"pip install 'compa\[lora\]'"):
        clap_of(lora={"target_modules": ["query"]})
