from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from benchmarks.items import Audio, Group
from benchmarks.models.audio_inputs import LONG_SECONDS, digest, seconds
from benchmarks.models.embedding import LARGE, EmbeddingScorer, inner_products
from benchmarks.models.embedding_cache import EmbeddingCache
from benchmarks.models.open import open_scorer
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TestSet
from compa.audio.decode import read_audio
from compa.models.clap import CLAP
from compa.models.pretrained import Embedder, load, save
from tests.benchmarks.conftest import CountingEmbedder, noise


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

    with pytest.raises(ValueError, match=r"2 x audio as one row each; got the shape \(1, 8\)"):
        EmbeddingScorer(Loses()).score([((noise(0), noise(1)), ("x", "y"))])


@pytest.mark.parametrize(
    ("embedded", "message"),
    [
        (np.ones((2, 5)), "got 8 for audio and 5 for text"),
        ([object()] * 2, "2 x text as an array of numbers"),
    ],
)
def test_embeddings_that_cannot_be_compared_are_told(embedded: Any, message: str) -> None:
    class Odd(CountingEmbedder):
        def embed_text(self, _: Any) -> Any:
            return embedded

    with pytest.raises(ValueError, match=message):
        EmbeddingScorer(Odd()).score([((noise(0), noise(1)), ("x", "y"))])


class Known(CountingEmbedder):
    """An embedder whose embeddings may be kept."""

    def __init__(self, fingerprint: str = "known") -> None:
        super().__init__()
        self.fingerprint = fingerprint


def pairs(number: int) -> list[Group]:
    return [((noise(2 * i), noise(2 * i + 1)), (f"{i} then", f"{i} before")) for i in range(number)]


def test_a_second_run_embeds_nothing_and_scores_the_same(tmp_path: Path) -> None:
    first, second = Known(), Known()
    cold = EmbeddingScorer(first, cache=EmbeddingCache(tmp_path)).score(pairs(40))
    warm = EmbeddingScorer(second, cache=EmbeddingCache(tmp_path)).score(pairs(40))
    assert (len(first.audio), len(first.texts)) == (80, 80)
    assert (len(second.audio), len(second.texts)) == (0, 0)
    np.testing.assert_array_equal(cold, warm)


def test_other_weights_and_models_without_a_fingerprint_are_embedded_anew(tmp_path: Path) -> None:
    for model, count in [(Known("a"), 4), (Known("b"), 4), (CountingEmbedder(), 4), (CountingEmbedder(), 4)]:
        EmbeddingScorer(model, cache=EmbeddingCache(tmp_path)).score(pairs(2))
        assert len(model.audio) == count


def test_tasks_of_one_run_share_what_is_embedded(embedder: CountingEmbedder) -> None:
    scorer = EmbeddingScorer(embedder)
    scorer.score(pairs(3))
    scorer.score(pairs(4))
    assert (len(embedder.audio), len(embedder.texts)) == (8, 8)


def test_batches_are_of_like_length_the_longest_first(embedder: CountingEmbedder) -> None:
    lengths = [500, 100, 400, 200, 300, 600]
    audios = [noise(i, samples) for i, samples in enumerate(lengths)]
    EmbeddingScorer(embedder, batch_size=2).score([(audios, ["ccc", "a", "bb", "dddd"])])
    assert [seconds(audio) * 16000 for audio in embedder.audio] == [600, 500, 400, 300, 200, 100]
    assert embedder.texts == ["dddd", "ccc", "bb", "a"]
    assert embedder.batch_sizes == [2] * 5


def test_what_was_done_before_an_error_is_kept(tmp_path: Path) -> None:
    class Breaks(Known):
        def embed_audio(self, audio: Sequence[Audio]) -> Any:
            if len(self.audio) >= 6:
                raise RuntimeError("out of memory")
            return super().embed_audio(audio)

    broken = Breaks()
    with pytest.raises(RuntimeError, match="out of memory"):
        EmbeddingScorer(broken, batch_size=2, cache=EmbeddingCache(tmp_path)).score(pairs(5))
    whole = Known()
    EmbeddingScorer(whole, batch_size=2, cache=EmbeddingCache(tmp_path)).score(pairs(5))
    done, rest = ({digest(audio) for audio in model.audio} for model in (broken, whole))
    assert (len(done), len(rest), len(done | rest)) == (6, 4, 10)


def test_embeddings_that_are_no_numbers_are_not_kept(tmp_path: Path) -> None:
    class Broken(Known):
        def embed_text(self, texts: Sequence[str]) -> Any:
            rows = super().embed_text(texts)
            rows[0] = np.nan
            return rows

    for _ in range(2):
        model = Broken()
        EmbeddingScorer(model, cache=EmbeddingCache(tmp_path)).score(pairs(2))
    assert len(model.texts) == 1


def test_rows_of_different_sizes_are_refused() -> None:
    class Changes(CountingEmbedder):
        def embed_text(self, texts: Sequence[str]) -> Any:
            return super().embed_text(texts)[:, : 8 - len(self.texts)]

    with pytest.raises(ValueError, match=r"all text in the same number of dimensions"):
        EmbeddingScorer(Changes(), batch_size=1).score(pairs(1))


def test_files_of_equal_content_are_one(tmp_path: Path, embedder: CountingEmbedder) -> None:
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, noise(0)[0], 16000)
    soundfile.write(tmp_path / "c.wav", noise(1)[0], 16000)
    (scores,) = EmbeddingScorer(embedder).score([([tmp_path / f"{name}.wav" for name in "abc"], ["x"])])
    assert len(embedder.audio) == 2
    assert scores[0] == scores[1] != scores[2]
    with pytest.raises(ValueError, match=r"nowhere\.wav cannot be read"):
        EmbeddingScorer(embedder).score([([tmp_path / "nowhere.wav"], ["x"])])


def test_files_come_decoded_to_models_that_tell_their_rate(tmp_path: Path, embedder: CountingEmbedder) -> None:
    soundfile.write(tmp_path / "short.flac", np.stack([noise(0, 44100)[0] / 9, noise(1, 44100)[0] / 9], axis=1), 44100)
    soundfile.write(tmp_path / "long.wav", np.zeros(8000 * (LONG_SECONDS + 1), np.int16), 8000)
    soundfile.write(tmp_path / "corrupt.wav", noise(0)[0], 16000)
    embedder.sample_rate = 16000  # type: ignore[attr-defined]
    EmbeddingScorer(embedder).score([([tmp_path / "short.flac", tmp_path / "long.wav"], ["x"])])
    long, (waveform, rate) = embedder.audio  # type: ignore[misc]
    assert long == tmp_path / "long.wav"  # the model reads it block by block
    assert rate == 16000
    np.testing.assert_array_equal(waveform, read_audio(tmp_path / "short.flac", 16000))
    (tmp_path / "corrupt.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"corrupt\.wav cannot be decoded"):
        EmbeddingScorer(embedder).score([([tmp_path / "corrupt.wav"], ["x"])])


def test_copies_of_a_model_share_the_batches() -> None:
    copies = [CountingEmbedder(), CountingEmbedder()]
    together = EmbeddingScorer(copies, batch_size=2).score(pairs(50))
    np.testing.assert_array_equal(together, EmbeddingScorer(CountingEmbedder(), batch_size=2).score(pairs(50)))
    assert sum(len(copy.audio) for copy in copies) == 100
    assert all(copy.audio for copy in copies)


def test_large_groups_score_as_small_ones_and_tie_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    audio = rng.normal(size=(90, 33)).astype(np.float32)
    text = rng.normal(size=(70, 33)).astype(np.float32)
    audio[50:], text[40:] = audio[:40], text[:30]
    assert len(audio) * len(text) > LARGE
    (whole,) = inner_products(audio, text, [(np.arange(90), np.arange(70))])
    singly = inner_products(audio, text, [(np.array([a]), np.arange(70)) for a in range(90)])
    np.testing.assert_allclose(whole, np.concatenate(singly), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(whole, audio.astype(float) @ text.astype(float).T, rtol=1e-12, atol=1e-12)
    assert (whole[50:] == whole[:40]).all()
    assert (whole[:, 40:] == whole[:, :30]).all()


@pytest.fixture
def clap() -> CLAP:
    torch.manual_seed(0)
    model = CLAP(embedding_size=64)
    model.text_encoder.fit_tokenizer(["a then b", "b before a", "siren rain dog"])
    return model.eval()


@pytest.fixture
def run(tmp_path: Path, clap: CLAP) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    save(clap, folder)
    return folder


def mixed() -> list[Group]:
    """Items that share audio and texts, of lengths of 0.1 to 0.9 s."""
    sounds = [noise(i, 1600 * (1 + i % 9)) for i in range(20)]
    return [((sounds[i], sounds[(3 * i + 1) % 20]), (f"siren {i % 7}", f"rain {i % 5}")) for i in range(20)]


def test_forwards_of_a_real_model_are_the_different_audios_and_texts(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"audio": 0, "text": 0}

    def counted(name: str, *_: Any) -> Embedder:
        embedder = load(name)
        embedder.clap.audio_encoder.register_forward_hook(lambda _, given, __: count("audio", given))
        embedder.clap.text_encoder.register_forward_hook(lambda _, given, __: count("text", given))
        return embedder

    def count(what: str, given: Any) -> None:
        counts[what] += len(given[0])

    monkeypatch.setattr("benchmarks.models.compa_model.load", counted)
    groups = mixed()
    first = open_scorer(str(run), cache=EmbeddingCache(tmp_path / "cache")).score(groups)
    assert counts == {"audio": 20, "text": 7 + 5}
    second = open_scorer(str(run), cache=EmbeddingCache(tmp_path / "cache")).score(groups)
    assert counts == {"audio": 20, "text": 7 + 5}
    np.testing.assert_array_equal(first, second)
    direct = load(str(run))
    for scores, (audios, texts) in zip(first, groups, strict=True):
        np.testing.assert_allclose(scores, direct.similarity(audios, texts), atol=2e-6)


def test_scores_of_a_real_model_do_not_depend_on_batches(run: Path) -> None:
    alone = EmbeddingScorer(load(str(run)), batch_size=1).score(mixed())
    for batch_size in (3, 64):
        np.testing.assert_allclose(EmbeddingScorer(load(str(run)), batch_size).score(mixed()), alone, atol=2e-6)
    two = EmbeddingScorer([load(str(run), "cpu"), load(str(run), "cpu")], batch_size=3)
    np.testing.assert_allclose(two.score(mixed()), alone, atol=2e-6)


def test_a_fingerprint_follows_weights_and_settings_alone(tmp_path: Path, clap: CLAP, run: Path) -> None:
    original = load(str(run)).fingerprint
    other = tmp_path / "other"
    other.mkdir()
    save(clap, other)
    copy = load(str(other))
    assert (copy.fingerprint, copy.sample_rate) == (original, 16000)
    assert EmbeddingScorer(copy).preprocessing == copy.preprocessing
    with torch.no_grad():
        next(clap.parameters()).view(-1)[0] += 1e-3
    save(clap, other)
    assert load(str(other)).fingerprint != original
    description = (run / "model.json").read_text()
    (run / "model.json").write_text(description.replace('"min_hz": 50.0', '"min_hz": 60.0'))
    assert load(str(run)).fingerprint != original


def test_devices_are_checked(run: Path) -> None:
    with pytest.raises(ValueError, match=r"one of cpu.*; got 'gpu'"):
        open_scorer(str(run), devices=["gpu"])
    scorer = open_scorer(str(run), devices=["cpu", "cpu"])
    assert isinstance(scorer, EmbeddingScorer)
    assert len(scorer.models) == 2
