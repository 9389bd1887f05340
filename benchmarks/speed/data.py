"""Times reading shards into batches, beside webdataset: `python -m benchmarks.speed.data`.

The clips are 10 s of colored noise at 16 kHz, packed as FLAC. They fit into memory, so disks are not measured.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import webdataset

from benchmarks.speed.output import machine, measuring_parser, print_tables
from benchmarks.speed.timing import CLOCKS, time_in_turns
from compa.audio.features import AudioConfig, LogMel
from compa.data.examples import ExampleConfig
from compa.data.feature_cache import FeatureCache
from compa.data.loader import TrainingLoader
from compa.data.shards.index import INDEX, SAMPLES
from compa.data.shards.pack import PackSettings, pack
from compa.data.shards.reader import ShardReader
from compa.data.stream import PackedBatches
from compa.manifest import Clip, write_manifest
from compa.utils.arguments import positive_int
from compa.utils.files import write_whole

RATE = 16000
BATCH_SIZE = 16
NUM_SAMPLES, RESUME_AT = 1_000_000, 900_000
NUM_EPOCHS = 8
"""Enough that the start of the workers, which is timed too, does not dominate."""
PARTS = ("reading", "workers", "features", "resuming")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables."""
    parser = measuring_parser("data", __doc__, PARTS, seconds=20)
    parser.add_argument("--clips", metavar="N", type=positive_int, default=320, help="number of clips")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=ResourceWarning)  # webdataset does not close its files
    with tempfile.TemporaryDirectory() as folder:
        print_tables(_tables(Path(folder), options.only or PARTS, options.clips, options.seconds), options.out)


def _tables(folder: Path, parts: Sequence[str], num_clips: int, seconds: float) -> Iterator[str]:
    yield f"{machine()}, webdataset {webdataset.__version__}"
    shards = make_shards(folder / "clips", num_clips, 10.0, clips_per_shard=80)
    if "reading" in parts:
        yield from _reading_table(shards, seconds)
    if "workers" in parts:
        yield from _worker_table(shards, seconds)
    if "features" in parts:
        yield from _features_table(shards, folder / "features", seconds)
    if "resuming" in parts:
        yield from _resuming_table(make_large(folder / "large", NUM_SAMPLES), seconds)


def make_shards(folder: Path, num_clips: int, seconds: float, clips_per_shard: int) -> Path:
    """Packs clips of noise, and returns the folder of the shards."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    clips = []
    for number in range(num_clips):
        noise = np.convolve(rng.normal(scale=0.05, size=round(seconds * RATE)), np.hanning(9), mode="same")
        soundfile.write(folder / f"{number}.wav", noise, RATE)
        clips.append(Clip(f"clip-{number}", f"{number}.wav", (f"noise of number {number}",)))
    write_manifest(folder / "manifest.jsonl", clips)
    pack(folder / "manifest.jsonl", folder / "shards", PackSettings("flac", RATE, clips_per_shard), os.cpu_count() or 1)
    return folder / "shards"


def make_large(folder: Path, num_samples: int, clips_per_shard: int = 1000) -> Path:
    """Makes a large index: its shards are hard links to one small shard."""
    shards = make_shards(folder, clips_per_shard, 0.05, clips_per_shard)
    reader = ShardReader(shards)
    (first,) = reader.index.shards
    num_shards = num_samples // clips_per_shard
    names = [f"shard-{number:06d}.tar" for number in range(num_shards)]
    for name in names[1:]:
        (shards / name).hardlink_to(shards / first.name)
    samples = np.tile(reader.samples, num_shards)
    samples["shard"] = np.repeat(np.arange(num_shards), clips_per_shard)
    np.save(shards / SAMPLES, samples)
    index = replace(reader.index, shards=tuple(replace(first, name=name) for name in names))
    write_whole(shards / INDEX, index.to_json().encode())
    return shards


def loop_webdataset(shards: Path, decode_text: bool = False) -> Iterator[dict[str, Any]]:
    """Webdataset's own loop over a folder of shards."""
    urls = sorted(map(str, shards.glob("*.tar")))
    dataset = webdataset.WebDataset(urls, shardshuffle=False, empty_check=False)
    return iter(dataset.decode() if decode_text else dataset)


def _reading_table(shards: Path, seconds: float) -> Iterator[str]:
    """Bytes of audio and JSON read in a second of processor time."""
    reader = ShardReader(shards)
    order = np.random.default_rng(0).permutation(len(reader)).tolist()
    samples = reader.samples
    num_bytes = int(samples["audio_bytes"].sum() + samples["text_bytes"].sum())

    def read_in_order() -> None:
        found = sum(len(sample["flac"]) + len(sample["json"]) for sample in loop_webdataset(shards))
        assert found == num_bytes

    def read_shuffled() -> None:
        found = sum(len(text) + len(sound) for text, sound in map(reader.read_bytes, order))
        assert found == num_bytes

    functions: dict[str, Callable[[], object]] = {
        "webdataset's loop, in the order of the tars": read_in_order,
        "compa, shuffled over all shards": read_shuffled,
        "webdataset's loop, JSON decoded": lambda: sum(1 for _ in loop_webdataset(shards, decode_text=True)),
        "compa, shuffled, JSON read and checked as a clip": lambda: sum(1 for _ in map(reader.read, order)),
    }
    yield f"\nReading {len(reader)} samples, {num_bytes / 1e6:.0f} MB\n"
    yield "| | MB a second of processor time | to webdataset's loop, median of rounds |"
    yield "| --- | ---: | ---: |"
    times = time_in_turns(functions, seconds, CLOCKS["cpu"])
    webdataset_times = next(iter(times.values()))
    for name, taken in times.items():
        yield f"| {name} | {num_bytes / 1e6 / taken.best:,.0f} | {webdataset_times.ratio_to(taken):.2f} |"


def _worker_table(shards: Path, seconds: float) -> Iterator[str]:
    """Clips that are read, decoded, cropped and collated in a second, start of the workers included."""
    batches = PackedBatches([ShardReader(shards)], BATCH_SIZE, ExampleConfig(RATE, clip_seconds=8.0))
    num_batches = NUM_EPOCHS * len(batches)
    clips = num_batches * BATCH_SIZE
    busy: dict[str, list[float]] = {"1": [], "2": []}

    def loop(num_workers: str) -> None:
        before = _processor_seconds()
        assert sum(len(batch.examples) for batch in TrainingLoader(batches, num_batches, int(num_workers))) == clips
        busy[num_workers].append(_processor_seconds() - before)

    times = time_in_turns({number: partial(loop, number) for number in busy}, seconds)
    yield f"\n{clips:,} clips of 10 s, decoded and cropped\n"
    yield "| workers | clips a second | to 1 worker, median of rounds | clips a second of processor time |"
    yield "| ---: | ---: | ---: | ---: |"
    for number, taken in times.items():
        ratio = times["1"].ratio_to(taken)
        yield f"| {number} | {clips / taken.best:,.0f} | {ratio:.2f} | {clips / min(busy[number]):,.0f} |"


def _features_table(shards: Path, folder: Path, seconds: float) -> Iterator[str]:
    """Clips turned into features in a second of processor time, from a full cache and without one."""
    config, reader = AudioConfig(sample_rate=RATE), ShardReader(shards)
    log_mel = LogMel(config)
    anew = PackedBatches([reader], BATCH_SIZE, ExampleConfig(RATE))
    cached = PackedBatches([reader], BATCH_SIZE, ExampleConfig(RATE, cache=FeatureCache(folder, config)))

    def compute() -> None:
        for number in range(len(anew)):
            batch = anew[number]
            log_mel(batch.waveforms, batch.lengths)

    def look_up() -> None:
        for number in range(len(cached)):
            cached[number]

    look_up()
    times = time_in_turns({"decoded and analyzed": compute, "from the cache": look_up}, seconds, CLOCKS["cpu"])
    clips = len(anew) * BATCH_SIZE
    yield f"\nFeatures at {RATE} Hz of {clips} clips of 10 s\n"
    yield "| features | clips a second of processor time | to decoded, median of rounds |"
    yield "| --- | ---: | ---: |"
    for name, taken in times.items():
        yield f"| {name} | {clips / taken.best:,.0f} | {times['decoded and analyzed'].ratio_to(taken):.2f} |"


def _processor_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _resuming_table(shards: Path, seconds: float) -> Iterator[str]:
    """Time until the first batch after a resume, including opening the index."""

    def start_at(sample: int) -> Callable[[], object]:
        draw = ExampleConfig(RATE)
        return lambda: PackedBatches([ShardReader(shards)], BATCH_SIZE, draw)[sample // BATCH_SIZE]

    functions = {"compa, from the start": start_at(0), f"compa, at sample {RESUME_AT:,}": start_at(RESUME_AT)}
    times = time_in_turns(functions, seconds / 2)
    begin = time.perf_counter()
    read = sum(1 for _ in itertools.islice(loop_webdataset(shards), 20_000))
    estimate = (time.perf_counter() - begin) / read * RESUME_AT
    yield f"\nThe first batch of {NUM_SAMPLES:,} samples in {NUM_SAMPLES // 1000:,} shards, with opening the index\n"
    yield "| | seconds | samples read before |"
    yield "| --- | ---: | ---: |"
    for name, taken in times.items():
        yield f"| {name} | {taken.median:.3f} | 0 |"
    yield f"| webdataset's loop to there, at its speed over {read:,} samples | {estimate:.0f} | {RESUME_AT:,} |"


if __name__ == "__main__":
    main()
