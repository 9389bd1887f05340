"""`compa data pack`: a manifest's clips become shards, by several processes, whole or resumable."""

from __future__ import annotations

import argparse
import errno
import fcntl
import hashlib
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from compa.audio.encode import FORMATS, check_format
from compa.data.files import PARTIAL, sha256_of, write_whole
from compa.data.pack_shard import Part, Task, pack_shard, read_part
from compa.data.parallel import add_workers_option, map_in_processes
from compa.data.quarantine import REMEDY, Quarantine
from compa.data.ray_engine import map_on_ray
from compa.data.shards import INDEX, SAMPLES, Index, build_samples, parse_index
from compa.manifest import Clip, scan_from

PARTS = ".parts"
"""The folder beside unfinished shards: the plan, a lock, and what each finished shard holds."""
Engine = Callable[[Callable[[Task], Task], list[Task], int], Iterator[Task]]
ENGINES: dict[str, Engine] = {"processes": partial(map_in_processes, chunk=1), "ray": map_on_ray}
"""What can pack many shards at a time, by name."""
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Settings:
    """What the user decides about the shards.

    Attributes:
        format: `flac`, `wav` or `opus`.
        sample_rate: In Hz.
        clips_per_shard: Lines of the manifest that go into one shard.
    """

    format: str = "flac"
    sample_rate: int = 16000
    clips_per_shard: int = 1000

    def __post_init__(self) -> None:
        check_format(self.format, self.sample_rate)
        if self.clips_per_shard < 1:
            raise ValueError(f"{self.clips_per_shard} clips per shard are too few: take 1 or more")


def main(arguments: Sequence[str]) -> int:
    """Runs `compa data pack` with the arguments after it."""
    options = _parser().parse_args(arguments)
    settings = Settings(options.format, options.rate, options.clips_per_shard)
    index, is_new = pack(options.manifest, options.out, settings, options.workers, options.engine)
    clips = f"{index.count:,} clips in {len(index.shards):,} shards, {index.bytes / 1e6:,.1f} MB"
    done = "" if is_new else " is packed already from this manifest with these settings; it"
    print(f"{options.out}{done} holds {clips}; {len(index.skipped):,} clips were left out", file=sys.stderr)
    for clip in index.skipped[:5]:
        print(f"  {clip}", file=sys.stderr)
    if len(index.skipped) > 5:
        print(f"  ... all are listed in {options.out / INDEX}", file=sys.stderr)
    return 0


def pack(
    manifest: Path, out: Path, settings: Settings, num_workers: int = 1, engine: str = "processes"
) -> tuple[Index, bool]:
    """Packs a manifest's clips into shards, or goes on with what an earlier call left unfinished.

    Clips in `<manifest stem>.quarantine.jsonl` beside the manifest and those without sound or text are left out, and
    listed in the index. The shards depend on the manifest, its sounds and the settings, not on engine and workers.

    Args:
        manifest: JSON Lines of clips.
        out: The folder for the shards.
        settings: How they shall be.
        num_workers: Processes that work side by side.
        engine: `processes` of this machine, or `ray` for those of a Ray cluster that sees the same files.

    Returns:
        The index, and whether anything was written.

    Raises:
        ValueError: If the manifest is bad, holds nothing that can be packed, or `out` holds something else.
        OSError: If the disk is full; what is packed is kept for the next call.
    """
    if num_workers < 1:
        raise ValueError(f"{num_workers} workers cannot pack: take 1 or more")
    if engine != "processes":
        manifest, out = manifest.absolute(), out.absolute()  # other machines are in other folders
    listed = Quarantine(manifest)
    content = _content(manifest, settings, listed)
    if (index := _finished(out, content)) is not None:
        shutil.rmtree(out / PARTS, ignore_errors=True)
        return index, False
    tasks = _plan(manifest, out, settings, listed)
    with _full_disk_in_words(out), _locked(out, content):
        _remove_leftovers(out)
        try:
            _pack_all(tasks, ENGINES[engine], num_workers)
        finally:
            _remove_leftovers(out)  # workers that were ended could not
        index = _write_index(out, content, [read_part(task) for task in tasks])
    shutil.rmtree(out / PARTS)
    return index, True


def _plan(manifest: Path, out: Path, settings: Settings, listed: Quarantine) -> list[Task]:
    """Reads through the manifest, and makes one task of the lines of each shard."""
    line_of_id: dict[str, int] = {}
    tasks: list[Task] = []
    size = settings.clips_per_shard
    places = scan_from(manifest)
    while lines := list(islice(places, size)):
        quarantined: dict[int, str] = {}
        for place, item in lines:
            if (reason := listed.reason(item)) is not None:
                quarantined[place.number] = reason
            elif isinstance(item, Clip) and (other := line_of_id.setdefault(item.id, place.number)) != place.number:
                double = f"id {item.id!r} stands in line {other}, too, and ids must be unique"
                raise ValueError(f"{manifest}, line {place.number}: {double}: {REMEDY}")
        name = f"shard-{len(tasks):06d}"
        tasks.append(
            Task(
                manifest=manifest,
                first=lines[0][0],
                count=len(lines),
                quarantined=quarantined,
                tar=out / f"{name}.tar",
                part=out / PARTS / f"{name}.json",
                format=settings.format,
                sample_rate=settings.sample_rate,
            )
        )
    if not tasks:
        raise ValueError(f"{manifest} holds no clips")
    return tasks


def _content(manifest: Path, settings: Settings, listed: Quarantine) -> dict[str, object]:
    """What decides every byte of the shards, but for the sounds themselves."""
    reasons = sorted((listed.clips | listed.lines).items())
    with manifest.open("rb") as file:
        return {
            "manifest_sha256": sha256_of(file),
            "quarantine_sha256": hashlib.sha256(json.dumps(reasons).encode()).hexdigest(),
            **asdict(settings),
        }


def _finished(out: Path, content: dict[str, object]) -> Index | None:
    """The index of complete shards in the folder, if they are ours; whatever else is there is refused."""
    another = f"{out} holds shards of another manifest or other settings: choose another --out, or delete it"
    if (out / INDEX).exists():
        index = parse_index((out / INDEX).read_text(encoding="utf-8"), str(out / INDEX))
        if index.content != content:
            raise ValueError(another)
        return index
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: give a folder for the shards")
    if (out / PARTS / "plan.json").exists():
        if json.loads((out / PARTS / "plan.json").read_text(encoding="utf-8")) != content:
            raise ValueError(another)
    elif out.is_dir() and any(path.name != PARTS for path in out.iterdir()):
        raise ValueError(f"{out} holds files that are no shards of compa: choose another --out")
    return None


@contextmanager
def _locked(out: Path, content: dict[str, object]) -> Iterator[None]:
    """Keeps other packs out of the folder; the lock ends with this process, however it ends."""
    (out / PARTS).mkdir(parents=True, exist_ok=True)
    with (out / PARTS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"another process packs into {out} right now: wait for it, or choose another --out"
            ) from None
        if not (out / PARTS / "plan.json").exists():
            write_whole(out / PARTS / "plan.json", json.dumps(content, indent=1).encode())
        yield


@contextmanager
def _full_disk_in_words(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        raise OSError(
            f"there is no room for more in {out} ({error.strerror}): what is packed is kept; make room and run the "
            "same command again"
        ) from None


def _remove_leftovers(out: Path) -> None:
    for leftover in [*out.glob(f"*{PARTIAL}"), *(out / PARTS).glob(f"*{PARTIAL}")]:
        leftover.unlink(missing_ok=True)


def _pack_all(tasks: list[Task], engine: Engine, num_workers: int) -> None:
    from tqdm import tqdm

    todo = [task for task in tasks if not task.is_done()]
    total = sum(task.count for task in tasks)
    initial = total - sum(task.count for task in todo)
    with tqdm(total=total, initial=initial, desc="packing", unit="clip", disable=None) as bar:
        for task in engine(pack_shard, todo, num_workers):
            bar.update(task.count)


def _write_index(out: Path, content: dict[str, object], parts: list[Part]) -> Index:
    """Joins what the parts say of their shards; the index comes last, since it says that all is there."""
    packed = [part for part in parts if part.shard is not None]
    skipped = tuple(clip for part in parts for clip in part.skipped)
    if not packed:
        shutil.rmtree(out / PARTS)
        raise ValueError(f"none of {len(skipped):,} clips can be packed; the first: {skipped[0]}")
    samples = io.BytesIO()
    np.save(samples, build_samples(part.entries for part in packed))
    write_whole(out / SAMPLES, samples.getvalue())
    index = Index(
        content=content,
        shards=tuple(part.shard for part in packed if part.shard is not None),
        skipped=skipped,
        samples_sha256=hashlib.sha256(samples.getvalue()).hexdigest(),
    )
    write_whole(out / INDEX, index.to_json().encode())
    return index


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compa data pack",
        description="Packs a manifest's clips into webdataset shards: mono, at one sample rate, in the manifest's "
        "order. Stopped at any moment, the same command goes on where it was.",
    )
    parser.add_argument("manifest", type=Path, help="JSON Lines of clips, as `compa data import` writes them")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--format", choices=FORMATS, default=Settings.format, help="of the sounds (%(default)s)")
    parser.add_argument(
        "--rate", metavar="HZ", type=int, default=Settings.sample_rate, help="sample rate (%(default)s)"
    )
    parser.add_argument(
        "--clips-per-shard", metavar="N", type=int, default=Settings.clips_per_shard, help="(%(default)s)"
    )
    add_workers_option(parser)
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="processes",
        help="ray packs on a Ray cluster that sees the same files "
        "at the same paths (RAY_ADDRESS names it), or starts Ray here (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
