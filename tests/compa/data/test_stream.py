"""From shards to batches: the same whoever reads them, and nothing read that isn't wanted."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import torch

from compa.audio.decode import read_audio
from compa.data.batch import Batch, Text
from compa.data.examples import ExampleConfig, make_example
from compa.data.loader import TrainingLoader
from compa.data.packed import PackedData
from compa.data.partition import BatchPartition
from compa.data.shards.pack import PackSettings, pack
from compa.data.shards.reader import ShardReader
from compa.data.stream import PackedBatches
from compa.manifest import Clip, Event, Negative, Positive, read_manifest
from compa.training.known_true import known_true
from tests.compa.data.corpus import RATE, write_corpus

DRAW = ExampleConfig(sample_rate=RATE, clip_seconds=0.1, num_negatives=1, num_positives=1)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"), 40, twins=True)


@pytest.fixture(scope="module")
def shards(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "shards"
    pack(manifest, out, PackSettings(sample_rate=RATE, clips_per_shard=7))
    return out


def batches(shards: Path, **changes: Any) -> PackedBatches:
    settings: dict[str, Any] = {"sources": [ShardReader(shards)], "batch_size": 8, "draw": DRAW, "seed": 5}
    return PackedBatches(**settings | changes)


def facts(batch: Batch) -> list[tuple[Any, ...]]:
    return [
        (e.id, e.caption, e.extras, waveform[:length].numpy().tobytes())
        for e, waveform, length in zip(batch.examples, batch.waveforms, batch.lengths, strict=True)
    ]


def test_any_row_is_read_with_its_own_sound(manifest: Path, shards: Path, tmp_path: Path) -> None:
    reader = ShardReader(shards)
    clips = list(read_manifest(manifest))
    assert len(reader) == len(clips)
    for row in np.random.default_rng(0).permutation(len(clips)).tolist():
        clip, sound = reader.read(row)
        assert (clip.id, clip.captions, clip.negatives) == (clips[row].id, clips[row].captions, clips[row].negatives)
        assert reader.read_clip(row) == clip
        (tmp_path / "sound.flac").write_bytes(sound)
        expected = read_audio(manifest.parent / str(clips[row].audio), RATE)
        np.testing.assert_array_equal(read_audio(tmp_path / "sound.flac", RATE), expected)


def test_only_what_is_asked_for_is_read(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch far into the epoch costs its own samples and no other byte."""
    some = batches(shards)
    read: list[int] = []
    pread = os.pread

    def counting(file: int, size: int, start: int) -> bytes:
        read.append(size)
        return pread(file, size, start)

    monkeypatch.setattr(os, "pread", counting)
    batch = some[4]
    rows = some.order.batch(4)[1]
    samples = some.sources[0].samples[rows]
    assert len(read) == len(batch.examples) == 8
    assert sum(read) == int((samples["text_offset"] + samples["text_bytes"] - samples["audio_offset"]).sum())


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores
@pytest.mark.parametrize(("num_ranks", "num_steps"), [(1, 1), (2, 1), (4, 1), (1, 2), (2, 2), (1, 4)])
@pytest.mark.parametrize("num_workers", [0, 3])
def test_ranks_accumulation_and_workers_change_nothing(
    shards: Path, num_ranks: int, num_steps: int, num_workers: int
) -> None:
    whole = batches(shards)
    expected = [facts(whole[number]) for number in range(2 * len(whole))]
    shares = []
    for rank in range(num_ranks):
        part = batches(shards, partition=BatchPartition(rank, num_ranks, num_steps))
        assert len(part) == 5 * num_steps
        found = [facts(batch) for batch in TrainingLoader(part, 2 * len(part), num_workers)]
        assert len(found) == 2 * len(part)
        shares.append(found)
    for number, batch in enumerate(expected):
        joined = [
            clip
            for step in range(num_steps)
            for rank in range(num_ranks)
            for clip in shares[rank][number * num_steps + step]
        ]
        assert joined == batch
    for found in shares:
        for share in found:
            ids = [int(clip[0].removeprefix("clip-")) for clip in share]
            assert {number ^ 1 for number in ids} == set(ids)


def test_shares_that_are_not_equal_are_refused(shards: Path) -> None:
    with pytest.raises(ValueError, match=r"does not divide into twins on 3 ranks.* 6 or 12"):
        batches(shards, partition=BatchPartition(0, 3))
    with pytest.raises(ValueError, match=r"on 4 ranks x 2 accumulated steps.* 16"):
        batches(shards, partition=BatchPartition(0, 4, 2))


def test_training_draws_anew_every_epoch_and_evaluation_never(shards: Path) -> None:
    some = batches(shards)
    seen: dict[str, set[tuple[Any, ...]]] = {}
    for number in range(5 * len(some)):
        for clip_id, *drawn in facts(some[number]):
            seen.setdefault(clip_id, set()).add(tuple(drawn))
    assert min(map(len, seen.values())) >= 4
    fixed = batches(shards, draw=ExampleConfig(RATE, 0.1, 1, 1, is_training=False))
    assert len({fact for number in range(5 * len(fixed)) for fact in facts(fixed[number])}) == 40


def test_the_middle_is_heard_in_evaluation_and_a_random_part_in_training(manifest: Path, shards: Path) -> None:
    clip, sound = ShardReader(shards).read(3)
    whole = read_audio(manifest.parent / "3.wav", RATE)
    rng = np.random.default_rng(0)
    middle = make_example(clip, sound, ExampleConfig(RATE, 0.1, is_training=False), rng).waveform
    np.testing.assert_array_equal(middle, whole[400:1200])
    parts = [make_example(clip, sound, ExampleConfig(RATE, 0.1), rng).waveform for _ in range(20)]
    assert {len(part) for part in parts} == {800}
    assert len({part.tobytes() for part in parts}) > 10
    entire = make_example(clip, sound, ExampleConfig(RATE, 1.0), rng).waveform
    np.testing.assert_array_equal(entire, whole)
    assert make_example(clip, sound, ExampleConfig(2 * RATE, 0.1), rng).waveform.shape == (1600,)


def test_a_part_of_a_clip_keeps_no_claims_of_the_whole(shards: Path) -> None:
    _, sound = ShardReader(shards).read(0)
    clip = Clip(
        "a",
        "a.flac",
        ("x", "y"),
        claims=("Has(x)", None),
        negatives=(Negative("z", "absence", claim="not x"),),
        positives=(Positive("p", "event", claim="Has(p)"), Positive("q", "event")),
        events=(Event("x", 0.0, 0.02),),
    )
    rng = np.random.default_rng(0)
    cut = make_example(clip, sound, ExampleConfig(RATE, 0.1, 1, 1, is_training=False), rng)
    assert (cut.claim, cut.extras, cut.events) == (None, (Text("p", None, True), Text("z")), ())
    entire = make_example(clip, sound, ExampleConfig(RATE, 1.0, 1, 1, is_training=False), rng)
    assert (entire.claim, entire.extras) == ("Has(x)", (Text("p", "Has(p)", True), Text("z", "not x")))
    assert (entire.caption, entire.other_true_texts, entire.events) == ("x", ("q", "y"), clip.events)


def test_other_captions_of_a_clip_are_known_to_be_true_of_it(shards: Path) -> None:
    """Two views of one clip in a batch, as a source that is drawn often gives, are no negatives of each other."""
    from compa.data.batch import collate

    clip, sound = ShardReader(shards).read(0)
    views = {make_example(clip, sound, DRAW, np.random.default_rng(seed)).caption: seed for seed in range(20)}
    assert len(views) == 2
    batch = collate([make_example(clip, sound, DRAW, np.random.default_rng(seed)) for seed in views.values()])
    assert known_true(batch)[:2].all()


def test_a_reader_survives_pickling_and_forking(shards: Path) -> None:
    reader = ShardReader(shards)
    copied = pickle.loads(pickle.dumps(reader))
    assert copied.read(11) == reader.read(11)
    assert len(pickle.dumps(reader)) < 1000


@pytest.mark.parametrize("cache_bytes", [10**9, 15_000, 0])
def test_remote_shards_are_copied_as_far_as_there_is_room(shards: Path, tmp_path: Path, cache_bytes: int) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(shards), "/bucket/shards", recursive=True)
    try:
        local = ShardReader(shards)
        remote = ShardReader("memory://bucket/shards", cache=tmp_path, cache_bytes=cache_bytes)
        for row in range(len(local)):
            assert remote.read(row) == local.read(row)
        copies = list(tmp_path.rglob("*.tar"))
        assert sum(path.stat().st_size for path in copies) <= cache_bytes
        assert len(copies) == sum(np.cumsum([shard.bytes for shard in local.index.shards]) <= cache_bytes)
        memory.pipe("/bucket/shards/shard-000000.tar", b"?" * local.index.shards[0].bytes)
        again = ShardReader("memory://bucket/shards", cache=tmp_path / "other", cache_bytes=10**9)
        with pytest.raises(ValueError, match=r"shard-000000\.tar is not as it was packed"):
            again.read(0)
        assert not list((tmp_path / "other").rglob("*.tar"))
    finally:
        memory.rm("/bucket", recursive=True)


def test_what_is_missing_or_changed_is_told(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere/index\.json is missing"):
        ShardReader(tmp_path / "nowhere")
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in shards.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    last = copy / "shard-000005.tar"
    last.write_bytes(last.read_bytes()[:-512])
    with pytest.raises(ValueError, match=r"shard-000005\.tar has .* bytes instead of"):
        ShardReader(copy)
    last.unlink()
    with pytest.raises(ValueError, match=r"shard-000005\.tar is missing"):
        ShardReader(copy)
    last.write_bytes((shards / last.name).read_bytes())
    (copy / "samples.npy").write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"samples\.npy cannot be read"):
        ShardReader(copy)


def test_the_data_module_gives_training_and_the_same_validation_always(shards: Path) -> None:
    data = PackedData([str(shards)], [str(shards)], batch_size=8, sample_rate=RATE, validation_batch_size=4)
    assert len(data.train_dataloader()) == 5
    first, again = ([facts(batch) for batch in data.val_dataloader()] for _ in range(2))
    assert first == again
    assert len(first) == 10
    assert PackedData([str(shards)]).val_dataloader() == []
    texts = set(data.training_texts())
    assert {"tone 7", "a tone of number 7", "no tone 7, a", "something like tone 7"} <= texts
    with pytest.raises(ValueError, match="names no folder"):
        PackedData([])


def test_batches_are_what_the_training_wants(shards: Path) -> None:
    batch = batches(shards)[0]
    assert batch.waveforms.shape == (8, 800)
    assert batch.waveforms.dtype == torch.float32
    assert batch.owner.tolist() == [row for row in range(8) for _ in range(2)]
    assert batch.is_positive.tolist() == [True, False] * 8
