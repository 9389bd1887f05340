"""Freezing by pattern, rates by layer."""

from __future__ import annotations

import pytest
from torch import nn

from compa.models.clap import CLAP
from compa.models.encoders.audio import ConvTransformer
from compa.models.encoders.spectrogram_transformer import SpectrogramTransformer
from compa.models.encoders.text import CaptionTransformer
from compa.training.contrastive import ContrastiveTask
from compa.training.parameters import freeze_weights, parameter_groups

TOWERS = ContrastiveTask.towers


def clap() -> CLAP:
    return CLAP(
        ConvTransformer(width=32, num_layers=3), CaptionTransformer(64, width=32, num_layers=2), embedding_size=32
    )


def test_a_pattern_freezes_what_it_matches_and_nothing_else() -> None:
    model = clap()
    freeze_weights(model, ["text_encoder.*", "audio_encoder.blocks.0.*"])
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert frozen == {
        name
        for name, _ in model.named_parameters()
        if name.startswith("text_encoder.") or name.startswith("audio_encoder.blocks.0.")
    }
    held = {id(weight) for group in parameter_groups(model, 1.0, 0.1) for weight in group["params"]}
    assert held == {id(weight) for name, weight in model.named_parameters() if name not in frozen}
    with pytest.raises(ValueError, match="freeze 'text_tower' matches no weight"):
        freeze_weights(model, ["text_tower"])
    freeze_weights(model, ["*"])
    with pytest.raises(ValueError, match="every weight is frozen"):
        parameter_groups(model, 1.0, 0.1)


def test_what_is_frozen_as_a_whole_drops_nothing() -> None:
    held = ["text_encoder.*", "audio_encoder.blocks.0.*", "audio_encoder.norm.weight"]
    task = ContrastiveTask(clap().eval(), freeze=held)

    def training(name: str) -> set[bool]:
        return {module.training for module in task.clap.get_submodule(name).modules()}

    for mode in (True, False, True):
        assert training("text_encoder") == training("audio_encoder.blocks.0") == {False}
        assert training("audio_encoder.blocks.1") == training("audio_encoder.norm") == {mode}
        task.train(not mode)


def test_vectors_do_not_decay_and_one_rate_makes_two_groups() -> None:
    groups = parameter_groups(clap(), 1e-3, 0.05)
    assert sorted((group["lr"], group["weight_decay"]) for group in groups) == [(1e-3, 0.0), (1e-3, 0.05)]
    for group in groups:
        assert all((weight.ndim >= 2) == (group["weight_decay"] > 0) for weight in group["params"])


def rates_of(model: nn.Module, *towers: str) -> dict[int, float]:
    """The rate of each weight, by its id, if each layer learns half as fast as the one above."""
    groups = parameter_groups(model, 1.0, 0.0, 0.5, towers or TOWERS)
    return {id(weight): group["lr"] for group in groups for weight in group["params"]}


def test_lower_layers_learn_slower() -> None:
    model = clap()
    rates = rates_of(model)
    found = {name: rates[id(weight)] for name, weight in model.named_parameters()}
    assert found["audio_encoder.patches.weight"] == 0.5**4
    assert [found[f"audio_encoder.blocks.{layer}.attention_out.weight"] for layer in range(3)] == [0.125, 0.25, 0.5]
    assert [found[f"text_encoder.blocks.{layer}.attention_out.bias"] for layer in range(2)] == [0.25, 0.5]
    assert found["text_encoder.embedding.weight"] == 0.125
    assert found["audio_encoder.norm.weight"] == found["text_projection.0.weight"] == 1.0
    with pytest.raises(ValueError, match=r"layer_decay must be above 0 .* got 0"):
        parameter_groups(model, 1.0, 0.0, 0)


def test_stages_of_blocks_count_as_one_row_of_layers() -> None:
    """What halves the image between two stages is a layer, too."""
    from compa.models.encoders.htsat import HTSAT
    from tests.compa.models.test_encoders import HTSAT_FEATURES, HTSAT_TINY

    model = CLAP(HTSAT(HTSAT_FEATURES, HTSAT_TINY, window_seconds=2.0))
    rates = rates_of(model)
    start = "audio_encoder.model.audio_encoder"
    found = {
        name.removeprefix(start): rates[id(weight)]
        for name, weight in model.named_parameters()
        if "layernorm_before.weight" in name
    }
    assert list(found.values()) == [0.03125, 0.0625, 0.25, 0.5]


def test_without_towers_the_whole_model_is_one_row_of_layers() -> None:
    model = nn.Module()
    model.embedding, model.layers, model.head = nn.Linear(2, 2), nn.ModuleList([nn.Linear(2, 2)] * 1), nn.Linear(2, 2)
    rates = rates_of(model, "")
    assert [rates[id(part.weight)] for part in (model.embedding, model.layers[0], model.head)] == [0.25, 0.5, 1.0]


def test_the_task_freezes_what_it_is_told() -> None:
    task = ContrastiveTask(CLAP(SpectrogramTransformer(size="tiny")), freeze=["text_encoder.*"], layer_decay=0.9)
    assert not any(weight.requires_grad for weight in task.clap.text_encoder.parameters())
    assert task.temperature.log_scale.requires_grad
