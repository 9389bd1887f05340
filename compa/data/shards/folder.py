"""A folder that fills with shards, by several processes or a Ray cluster, and is complete when its index is there."""

from __future__ import annotations

import argparse
import errno
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from filelock import FileLock, Timeout

from compa.data.shards.index import (
    INDEX,
    SAMPLES,
    ClipNote,
    Index,
    SampleEntry,
    Shard,
    build_samples,
    parse_index,
    scan_shard,
)
from compa.manifest import Clip
from compa.utils.arguments import name_of
from compa.utils.files import PARTIAL, sha256_of, whole_file, write_whole
from compa.utils.parallel import map_in_processes
from compa.utils.ray_engine import map_on_ray

PARTS = ".parts"
"""The folder beside unfinished shards: the plan, a lock, and a record of each finished shard."""
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ShardTask(Protocol):
    """One shard that is to be written."""

    @property
    def tar(self) -> Path:
        """The shard's file."""

    @property
    def count(self) -> int:
        """How many clips it will hold."""


Task = TypeVar("Task", bound=ShardTask)
Sample = tuple[Clip, bytes, *tuple[str, ...]]
"""A clip, its encoded sound, and notes on what of it is not as its file has it."""
ENGINES: dict[str, Callable[..., Iterator[Any]]] = {
    "processes": partial(map_in_processes, chunk=1),
    "ray": map_on_ray,
}
"""What can write many shards at a time, by name."""


def add_engine_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--engine`."""
    parser.add_argument(
        "--engine",
        metavar="NAME",
        type=name_of("engine", ENGINES),
        default="processes",
        help="processes of this machine, or ray for a Ray cluster that sees the same files at the same paths "
        "(RAY_ADDRESS names it; without one, Ray is started here)",
    )


@dataclass(frozen=True)
class FinishedShard:
    """What is in a shard, which is None where every clip was left out; the fields are those of `Index`."""

    shard: Shard | None
    entries: tuple[SampleEntry, ...]
    skipped: tuple[ClipNote, ...]
    noted: tuple[ClipNote, ...] = ()


@dataclass(frozen=True)
class ShardFolder:
    """A folder of shards that depend on `content` alone.

    Attributes:
        path: The folder.
        content: What decides every byte of the shards, as JSON has it.
    """

    path: Path
    content: dict[str, Any]

    def finished(self) -> Index | None:
        """The index, if the shards are complete.

        Raises:
            ValueError: If the folder holds anything else.
        """
        another = f"{self.path} holds shards of other clips or settings: choose another --out, or delete it"
        plan = self.path / PARTS / "plan.json"
        if (self.path / INDEX).exists():
            index = parse_index((self.path / INDEX).read_text(encoding="utf-8"), str(self.path / INDEX))
            if index.content != self.content:
                raise ValueError(another)
            for shard in index.shards:
                tar = self.path / shard.name
                if not tar.is_file() or tar.stat().st_size != shard.bytes:
                    raise ValueError(f"{tar} is missing or was cut: delete {self.path} and run the command again")
            shutil.rmtree(self.path / PARTS, ignore_errors=True)
            return index
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{self.path} is a file: give a folder for the shards")
        if plan.exists():
            if json.loads(plan.read_text(encoding="utf-8")) != self.content:
                raise ValueError(another)
        elif self.path.is_dir() and any(path.name != PARTS for path in self.path.iterdir()):
            raise ValueError(f"{self.path} holds files that are not shards of compa: choose another --out")
        return None

    def fill(
        self, write: Callable[[Task], Task], tasks: Sequence[Task], num_workers: int, engine: str, verb: str
    ) -> Index:
        """Writes the shards that are not there yet, then the index.

        Args:
            write: Writes one shard with `write_shard`, and returns its task; importable by its name.
            tasks: All shards, in order.
            num_workers: Processes that work side by side.
            engine: One of `ENGINES`.
            verb: What the progress bar says.

        Raises:
            ValueError: If another process writes here, or every clip was left out.
            OSError: If the disk is full; what is finished is kept for the next call.
        """
        from tqdm import tqdm

        with self._full_disk_explained(), self._locked():
            self._remove_leftovers()
            todo = [task for task in tasks if not _finished_path(task.tar).exists()]
            total, left = sum(task.count for task in tasks), sum(task.count for task in todo)
            try:
                with tqdm(total=total, initial=total - left, desc=verb, unit="clip", disable=None) as bar:
                    for task in ENGINES[engine](write, todo, num_workers):
                        bar.update(task.count)
            finally:
                self._remove_leftovers()  # workers that were ended could not
            index = self._write_index([_read_finished(task.tar) for task in tasks])
        shutil.rmtree(self.path / PARTS)
        return index

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps others out of the folder; the lock ends with this process, however that ends."""
        try:
            (self.path / PARTS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in FULL_DISK:
                raise
            raise ValueError(f"{self.path} cannot be made ({error.strerror}): choose another --out") from None
        try:
            held = FileLock(self.path / PARTS / "lock").acquire(blocking=False)
        except Timeout:
            raise ValueError(
                f"another process writes into {self.path} right now: wait for it, or choose another --out"
            ) from None
        with held:
            if not (self.path / PARTS / "plan.json").exists():
                write_whole(self.path / PARTS / "plan.json", json.dumps(self.content, indent=1).encode())
            yield

    @contextmanager
    def _full_disk_explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in FULL_DISK:
                raise
            raise OSError(
                f"the disk of {self.path} is full ({error.strerror}): what is finished is kept; free some space and "
                "run the same command again"
            ) from None

    def _remove_leftovers(self) -> None:
        for leftover in [*self.path.glob(f"*{PARTIAL}"), *(self.path / PARTS).glob(f"*{PARTIAL}")]:
            leftover.unlink(missing_ok=True)

    def _write_index(self, finished: Sequence[FinishedShard]) -> Index:
        """Joins what is known of all shards; the index comes last, since it says that all is there."""
        skipped = tuple(note for one in finished for note in one.skipped)
        shards = tuple(one.shard for one in finished if one.shard is not None)
        if not shards:
            shutil.rmtree(self.path / PARTS)
            raise ValueError(f"none of {len(skipped):,} clips can be used; the first: {skipped[0]}")
        samples = io.BytesIO()
        np.save(samples, build_samples(one.entries for one in finished if one.shard is not None))
        write_whole(self.path / SAMPLES, samples.getvalue())
        index = Index(
            content=self.content,
            shards=shards,
            skipped=skipped,
            noted=tuple(note for one in finished for note in one.noted),
            samples_sha256=hashlib.sha256(samples.getvalue()).hexdigest(),
        )
        write_whole(self.path / INDEX, index.to_json().encode())
        return index


def write_shard(tar: Path, samples: Iterable[Sample | ClipNote], extension: str) -> None:
    """Writes clips with their encoded sounds as a shard, then a record of what is in it, which marks it as complete.

    Args:
        tar: The shard's file, which is not written where there is no clip.
        samples: The clips, and notes of those that are left out.
        extension: What the sounds' names end in.

    Raises:
        OSError: If it cannot be written.
    """
    skipped: list[ClipNote] = []
    noted: list[ClipNote] = []
    with whole_file(tar) as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive:
            for item in samples:
                if isinstance(item, ClipNote):
                    skipped.append(item)
                    continue
                clip, sound, *notes = item
                name = f"{clip.id}.{extension}"
                _add(archive, name, sound)
                _add(archive, f"{clip.id}.json", replace(clip, audio=name).to_json().encode())
                noted += [ClipNote(clip.id, clip.audio, note) for note in notes]
        file.seek(0)
        entries = scan_shard(file, tar.name)  # what was written, not what was meant to be
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        shard = Shard(tar.name, len(entries), size, sha256_of(file)) if entries else None
    if not entries:
        tar.unlink()
    finished = FinishedShard(shard, tuple(entries), tuple(skipped), tuple(noted))
    write_whole(_finished_path(tar), json.dumps(asdict(finished)).encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a member that bears no trace of when, where and by whom it was written."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _finished_path(tar: Path) -> Path:
    return tar.parent / PARTS / f"{tar.stem}.json"


def _read_finished(tar: Path) -> FinishedShard:
    """What is known of a finished shard.

    Raises:
        ValueError: If the shard was changed.
    """
    values = json.loads(_finished_path(tar).read_text(encoding="utf-8"))
    shard = Shard(**values["shard"]) if values["shard"] else None
    if shard and (not tar.is_file() or tar.stat().st_size != shard.bytes):
        raise ValueError(
            f"{tar} was changed since it was written: delete {_finished_path(tar)} and run the command again"
        )
    entries = tuple(SampleEntry(**entry) for entry in values["entries"])
    skipped, noted = (tuple(ClipNote(**note) for note in values.get(name, ())) for name in ("skipped", "noted"))
    return FinishedShard(shard, entries, skipped, noted)
