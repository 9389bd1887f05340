"""What validation counts, on embeddings made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from compa.data.batch import Batch, Example, collate
from compa.data.packed import PackedData
from compa.data.shards.pack import PackSettings, pack
from compa.manifest import Event, read_manifest, write_manifest
from compa.objectives import Embeddings
from compa.training.validation import Tally, beats, count_scores
from tests.compa.data.corpus import RATE, write_corpus

AXES = torch.eye(4)


def example(name: str, caption: str, twin: str, *labels: str) -> Example:
    events = tuple(Event(label, 0.0, 1.0) for label in labels)
    return Example(name, torch.zeros(4).numpy(), caption, events=events, kind="order", twin=twin)


def embeddings(audio: Tensor, captions: Tensor) -> Embeddings:
    nothing = torch.zeros(0, dtype=torch.int64)
    return Embeddings(audio=audio, captions=captions, extras=audio[:0], owner=nothing, is_positive=nothing.bool(),
                      scale=torch.tensor(1.0))  # fmt: skip


def batch() -> Batch:
    return collate([example("a", "one", "b", "dog"), example("b", "two", "a", "rain"),
                    example("c", "three", "", "dog", "rain"), example("d", "four", "", "bell")])  # fmt: skip


def count(audio: Tensor, captions: Tensor, of_labels: Tensor) -> dict[str, float]:
    def embed_text(texts: list[str]) -> Tensor:
        assert texts == ["bell", "dog", "rain"]
        return of_labels

    tally = Tally()
    count_scores(tally, batch(), embeddings(audio, captions), embed_text)
    return tally.fractions()


def test_a_model_that_is_right_wins_everything() -> None:
    found = count(AXES, AXES, torch.stack([AXES[3], AXES[0] + AXES[2] / 2, AXES[1] + AXES[2] / 2]))
    assert found == dict.fromkeys(
        ("order-text", "order-audio", "order-group", "retrieval-text", "retrieval-audio", "zero-shot"), 1.0
    )


def test_a_constant_model_wins_nothing() -> None:
    same = torch.full((4, 4), 0.5)
    assert set(count(same, same, same[:3]).values()) == {0.0}


def test_each_score_counts_what_it_says() -> None:
    """The captions of c and d are taken for each other's; the twins are told apart by their texts alone."""
    captions = torch.stack([AXES[0], 0.9 * AXES[1] + 0.1 * AXES[0], AXES[3], AXES[2]])
    audio = torch.stack([AXES[0], 0.8 * AXES[0] + 0.85 * AXES[1], AXES[2], AXES[3]])
    found = count(audio, captions, torch.stack([AXES[2], AXES[0], AXES[1]]))
    assert found["order-text"] == 1.0  # a: 1 > 0.1; b: 0.845 > 0.8
    assert (found["retrieval-text"], found["retrieval-audio"]) == (0.5, 0.5)
    assert found["zero-shot"] == 0.5  # a and b; c is taken for a bell, and d ties


def test_what_is_known_to_be_true_counts_for_neither_side() -> None:
    """Clips c and d have the same caption: to tell them apart is nothing that could be asked for."""
    twice = batch()
    examples = [replace(one, caption=text, events=()) for one, text in zip(twice.examples, "xyzz", strict=True)]
    same = collate(examples)
    captions = torch.stack([AXES[0], AXES[1], AXES[2], AXES[2]])
    audio = torch.stack([AXES[0], AXES[1], AXES[2], AXES[2]])
    tally = Tally()
    count_scores(tally, same, embeddings(audio, captions), lambda _: AXES)
    found = tally.fractions()
    assert (found["retrieval-text"], found["retrieval-audio"]) == (1.0, 1.0)
    assert "zero-shot" not in found  # no label is known


def test_ties_lose_and_rows_with_nothing_to_choose_are_left_out() -> None:
    scores = torch.tensor([[1.0, 1.0], [2.0, 1.0], [3.0, 0.0], [0.0, 1.0]])
    right = torch.tensor([[True, False], [True, False], [True, True], [True, False]])
    assert beats(scores, right, ~right) == [False, True, False]


def test_fractions_are_of_all_that_was_counted_since_the_last_time() -> None:
    tally = Tally()
    tally.add("x", [True, False])
    tally.add("x", [True, True])
    assert tally.fractions() == {"x": 0.75}
    assert tally.fractions() == {}


def test_a_benchmark_cannot_choose_a_model(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path / "in", 8)
    clips = list(read_manifest(manifest))
    for name, split in (("valid", "val"), ("bench", "test")):
        write_manifest(manifest, [replace(clip, split=split if clip.id == "clip-7" else None) for clip in clips])
        pack(manifest, tmp_path / name, PackSettings("flac", RATE, 8))
    valid, bench = str(tmp_path / "valid"), str(tmp_path / "bench")
    assert len(PackedData([valid], [valid], batch_size=4).val_dataloader()) == 2
    with pytest.raises(ValueError, match="clips of the split 'test', such as 'clip-7': a benchmark cannot choose"):
        PackedData([valid], [valid, bench], batch_size=4).val_dataloader()
