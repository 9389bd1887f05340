from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.models.controls import CONTROLS
from benchmarks.scorer import Audio, EmbeddingScorer, Group, Told, checked, model_name, open_scorer
from benchmarks.tasks import Material, TestSet, find_task
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import CountingEmbedder


def noise(seed: int, samples: int = 100) -> tuple[Any, int]:
    return np.random.default_rng(seed).normal(size=samples).astype(np.float32), 16000


def test_every_different_audio_and_text_is_embedded_once(tmp_path: Path, embedder: CountingEmbedder) -> None:
    a, b, c, d = noise(0), noise(1), noise(2), tmp_path / "d.wav"
    d.touch()
    copy_of_a = (a[0].copy(), a[1])
    groups: list[Group] = [
        ((a, b), ("x", "y")),
        ((copy_of_a, c), ("y", "z")),
        ((d, d), ("x", "x")),
    ]
    scores = EmbeddingScorer(embedder).score(groups)
    assert len(embedder.audio) == 4
    assert embedder.texts == ["x", "y", "z"]
    assert [matrix.shape for matrix in scores] == [(2, 2)] * 3
    direct = CountingEmbedder()
    for matrix, (audios, texts) in zip(scores, groups, strict=True):
        expected = direct.embed_audio(audios) @ direct.embed_text(texts).T
        np.testing.assert_allclose(matrix, expected, atol=1e-6)


def test_same_samples_at_another_rate_are_another_audio(embedder: CountingEmbedder) -> None:
    waveform, _ = noise(0)
    EmbeddingScorer(embedder).score([(((waveform, 16000), (waveform, 8000)), ("x", "y"))])
    assert len(embedder.audio) == 2


def test_batches_do_not_change_scores(embedder: CountingEmbedder) -> None:
    groups: list[Group] = [((noise(2 * i), noise(2 * i + 1)), (f"{i}", f"not {i}")) for i in range(7)]
    whole = EmbeddingScorer(embedder).score(groups)
    in_threes = CountingEmbedder()
    for one, other in zip(whole, EmbeddingScorer(in_threes, batch_size=3).score(groups), strict=True):
        np.testing.assert_array_equal(one, other)
    assert max(in_threes.batch_sizes) == 3


def test_a_task_embeds_each_audio_and_text_once(embedder: CountingEmbedder, few: TestSet) -> None:
    find_task("scenes-order").run(EmbeddingScorer(embedder), "stub", few, seed=0)
    assert len(embedder.audio) == 2 * len(few.items)
    assert len(embedder.texts) == len({caption for item in few.items for caption in item.captions})


def test_equal_embeddings_tie_exactly() -> None:
    class WordBlind(CountingEmbedder):
        def embed_text(self, texts: Any) -> Any:
            return super().embed_text(["the same"] * len(texts))

    groups: list[Group] = [((noise(2 * i), noise(2 * i + 1)), (f"a{i}", f"b{i}")) for i in range(200)]
    for matrix in EmbeddingScorer(WordBlind(dimensions=193)).score(groups):
        assert (matrix[:, 0] == matrix[:, 1]).all()


def test_one_group_of_many_is_retrieval(embedder: CountingEmbedder) -> None:
    audios = [noise(i) for i in range(5)]
    (scores,) = EmbeddingScorer(embedder).score([(audios, ["x", "y", "z"])])
    assert scores.shape == (5, 3)
    assert EmbeddingScorer(embedder).score([]) == []


def test_an_embedder_that_loses_a_row_is_named() -> None:
    class Loses(CountingEmbedder):
        def embed_audio(self, audio: Any) -> Any:
            return super().embed_audio(audio)[1:]

    with pytest.raises(ValueError, match=r"embedded 2 x audio in the shape \(1, 8\)"):
        EmbeddingScorer(Loses()).score([((noise(0), noise(1)), ("x", "y"))])


@pytest.mark.parametrize(
    ("embedded", "message"),
    [
        (np.ones((2, 5)), "embedded audio in 8 dimensions and text in 5: both must be of one size"),
        ([object()] * 2, "embedded 2 x text as what is no array of numbers"),
    ],
)
def test_embeddings_that_cannot_be_compared_are_told(embedded: Any, message: str) -> None:
    class Odd(CountingEmbedder):
        def embed_text(self, _: Any) -> Any:
            return embedded

    with pytest.raises(ValueError, match=message):
        EmbeddingScorer(Odd()).score([((noise(0), noise(1)), ("x", "y"))])


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([np.zeros((2, 2))], "scored 1 items instead of 2"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], r"item 'i1' scores of shape \(2, 3\), not \(2, 2\)"),
        ([np.zeros((2, 2)), np.full((2, 2), np.nan)], "item 'i1' scores that are not finite: 4 of 4"),
        (
            [np.zeros((2, 2)), [[0, 0], [0, -np.inf]]],
            "item 'i1' scores that are not finite: 1 of 4, the first -inf for audio 2 of 2 and 'y'",
        ),
        ([np.zeros((2, 2)), "no numbers"], "item 'i1' scores that are no numbers"),
        ([np.zeros((2, 2)), np.full((2, 2), 1j)], "item 'i1' scores that are no numbers"),
        (None, "gave a NoneType instead of a list with one array an item"),
        ((np.zeros((2, 2)) for _ in range(2)), "gave a generator instead of a list with one array an item"),
    ],
)
def test_unusable_scores_name_model_and_item(scores: Any, message: str) -> None:
    groups: list[Group] = [((noise(0), noise(1)), ("x", "y"))] * 2
    with pytest.raises(ValueError, match=message) as caught:
        checked(scores, groups, "my-model", ["i0", "i1"])
    assert "my-model" in str(caught.value)


@pytest.mark.parametrize("broken", [float("nan"), "no number"])
def test_one_bad_score_of_many_is_one_short_sentence(broken: object) -> None:
    scores = np.zeros((100, 1000), dtype=object)
    scores[3, 700] = broken
    group: Group = ([noise(i) for i in range(100)], [f"text {i} of a thousand long ones" * 9 for i in range(1000)])
    with pytest.raises(ValueError, match="item 'retrieval' scores that are no") as caught:
        checked([scores.tolist()], [group], "my-model", ["retrieval"])
    assert len(str(caught.value)) < 250


def test_models_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def load(name: str, *_: Any) -> CountingEmbedder:
        loaded.append(name)
        return CountingEmbedder()

    monkeypatch.setattr("benchmarks.models.compa_model.load", load)
    run = tmp_path / "my-run"
    (run / "checkpoints").mkdir(parents=True)
    checkpoint = run / "checkpoints" / "last.ckpt"
    checkpoint.touch()
    (run / "heldout.json").write_text("{}")
    assert isinstance(open_scorer(str(run)), EmbeddingScorer)
    assert isinstance(open_scorer(str(checkpoint)), EmbeddingScorer)
    assert loaded == [str(run), str(checkpoint)]
    assert model_name(str(run)) == "my-run"
    assert model_name(f"{run}/") == "my-run"
    assert model_name(str(run / "checkpoints" / "..")) == "my-run"
    assert model_name(str(checkpoint)) == "my-run@last"
    assert model_name("control:random") == "control:random"
    assert model_name("python:mine:make") == "python:mine:make"
    assert isinstance(open_scorer(f"hf:{run}"), EmbeddingScorer)
    assert loaded[-1] == f"hf:{run}"
    assert model_name(f"hf:{run}") == "hf:my-run"
    assert model_name("hf:laion/clap-htsat-unfused") == "hf:laion/clap-htsat-unfused"


def test_unknown_models_get_the_nearest_and_the_legal_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'control:random'") as caught:
        open_scorer("control:randon")
    assert all(f"control:{name}" in str(caught.value) for name in CONTROLS)
    with pytest.raises(ValueError, match=r"there is no model 'constant'.*run folder.*control:constant"):
        open_scorer("constant")
    (tmp_path / "vanilla").mkdir()
    with pytest.raises(ValueError, match=r"did you mean '.*vanilla'"):
        open_scorer(str(tmp_path / "vanila"))


def test_controls_on_every_item_of_both_tasks(bank: EventBank) -> None:
    for name in ("scenes-order", "scenes-attribute"):
        task = find_task(name)
        test_set = task.prepare(Material(bank))
        assert test_set.data["found"] == test_set.data["expected"] == len(test_set.items) == 400
        for control in ("constant", "text-only", "audio-only", "bag-of-events"):
            scorer = open_scorer(f"control:{control}")
            if isinstance(scorer, Told):
                scorer.tell(test_set.items)
            metrics = task.run(scorer, control, test_set, 0).metrics
            assert [metrics[metric]["value"] for metric in ("text", "audio", "group", "ties")] == [0, 0, 0, 1]
            assert metrics["group"]["low"] == 0
        metrics = task.run(open_scorer("control:random", seed=0), "random", test_set, 0).metrics
        assert metrics["ties"]["value"] == 0
        for metric in ("text", "audio", "group"):
            values = metrics[metric]
            assert values["low"] <= values["chance"] <= values["high"], (name, metric, values)


def test_random_repeats_and_follows_its_seed_and_the_questions() -> None:
    group: Group = ((noise(0), noise(1)), ("x", "y"))
    other: Group = ((noise(0), noise(1)), ("x", "z"))
    first = open_scorer("control:random", seed=1).score([group, group])
    np.testing.assert_array_equal(first, open_scorer("control:random", seed=1).score([group, group]))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, open_scorer("control:random", seed=2).score([group, group]))
    assert not np.array_equal(first, open_scorer("control:random", seed=1).score([other, group]))


def test_text_only_hears_nothing_and_audio_only_reads_nothing(tmp_path: Path) -> None:
    import soundfile

    quiet, loud = (noise(0)[0] * 0.01, 16000), noise(0)
    soundfile.write(tmp_path / "loud.wav", loud[0] / 10, 16000)
    audios: list[Audio] = [quiet, loud, tmp_path / "loud.wav", (np.zeros(0, np.float32), 16000)]
    (by_text,) = open_scorer("control:text-only").score([(audios, ["long caption", "short", "shor2", "short"])])
    assert (by_text == by_text[0]).all()
    assert by_text[0, 0] > by_text[0, 1] == by_text[0, 3] != by_text[0, 2]
    (by_audio,) = open_scorer("control:audio-only").score([(audios, ["x", "y"])])
    assert (by_audio[:, 0] == by_audio[:, 1]).all()
    assert by_audio[1, 0] > by_audio[2, 0] > by_audio[0, 0] > by_audio[3, 0]
