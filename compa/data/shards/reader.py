"""Random access to the samples of a folder of shards, on this machine or behind any fsspec address."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from compa.data.shards.index import INDEX, SAMPLE, SAMPLES, Index, Shard, parse_index, parse_sample
from compa.manifest import Clip
from compa.utils.files import sha256_of, whole_file, write_whole

CACHE = Path("~/.cache/compa/shards")
MAX_OPEN_FILES = 128


class ShardReader:
    """Reads any sample by its row, and nothing but that sample.

    Of a remote folder, as many shards as fit into `cache_bytes` are copied to `cache` when first needed; from the
    others single samples are fetched by range, so that no order of reading fills and empties the cache again and again.

    Args:
        folder: What `compa data pack` wrote: a local path or an fsspec address such as `s3://bucket/shards`.
        cache: Where copies of remote shards go.
        cache_bytes: How much of this folder is copied at most.

    Attributes:
        index: What the folder holds.
        samples: Its table, one `SAMPLE` row a clip.

    Raises:
        ValueError: If there are no shards, or they are not complete.
    """

    def __init__(self, folder: str | Path, cache: str | Path = CACHE, cache_bytes: int = 50 * 10**9) -> None:
        self.folder = str(folder)
        self._arguments = (self.folder, cache, cache_bytes)
        self._files = _Files()
        is_remote = "://" in self.folder or "::" in self.folder
        self._remote = _Remote(self.folder) if is_remote else None
        self.index = self._read_index()
        if self._remote is None:
            local = Path(self.folder)
            self._paths: list[Path | None] = [_checked(local / shard.name, shard) for shard in self.index.shards]
            table = local / SAMPLES
        else:
            key = hashlib.sha256(f"{self.folder} {self.index.samples_sha256}".encode()).hexdigest()[:16]
            local = Path(cache).expanduser() / key
            local.mkdir(parents=True, exist_ok=True)
            ends = np.cumsum([shard.bytes for shard in self.index.shards])
            self._paths = [
                local / shard.name if end <= cache_bytes else None
                for shard, end in zip(self.index.shards, ends, strict=True)
            ]
            table = local / SAMPLES
            if not table.exists():
                write_whole(table, self._remote.read(SAMPLES))
        self.samples = _load_table(table, self.index)

    def __len__(self) -> int:
        """How many clips there are."""
        return len(self.samples)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._arguments

    def read(self, row: int) -> tuple[Clip, bytes]:
        """Reads a clip and its sound file's content.

        Raises:
            ValueError: If the shard was changed since it was packed.
        """
        text, sound = self.read_bytes(row)
        return self._clip(row, text), sound

    def read_bytes(self, row: int) -> tuple[bytes, bytes]:
        """Reads a clip's JSON and its sound file's content, as they are in the shard."""
        shard, sound_at, sound_bytes, text_at, text_bytes, _ = self.samples[row].item()
        content = self._range(shard, sound_at, text_at + text_bytes)  # they lie one after the other
        return content[text_at - sound_at :], content[:sound_bytes]

    def read_clip(self, row: int) -> Clip:
        """Reads a clip without its sound."""
        shard, _, _, text_at, text_bytes, _ = self.samples[row].item()
        return self._clip(row, self._range(shard, text_at, text_at + text_bytes))

    def _clip(self, row: int, text: bytes) -> Clip:
        return parse_sample(text, f"{self.folder}, sample {row}")

    def _range(self, number: int, start: int, end: int) -> bytes:
        shard, path = self.index.shards[number], self._paths[number]
        if path is None:
            assert self._remote is not None
            content = self._remote.read(shard.name, start, end)
        else:
            if self._remote is not None and path not in self._files:
                self._remote.copy(shard, path)
            content = self._files.read(path, start, end)
        if len(content) != end - start:
            raise ValueError(f"{self.folder}/{shard.name} ends before byte {end}: it was cut, copy or pack it again")
        return content

    def _read_index(self) -> Index:
        name = f"{self.folder}/{INDEX}"
        try:
            content = self._remote.read(INDEX) if self._remote else Path(self.folder, INDEX).read_bytes()
        except FileNotFoundError:
            raise ValueError(f"{name} is missing: give a folder that `compa data pack` has finished") from None
        return parse_index(content.decode("utf-8"), name)


class _Files:
    """Local files, the last used of them open; they are read by `pread`, so that forked processes may share them."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, int] = OrderedDict()

    def __contains__(self, path: Path) -> bool:
        return path in self._open

    def read(self, path: Path, start: int, end: int) -> bytes:
        if path in self._open:
            self._open.move_to_end(path)
        else:
            self._open[path] = os.open(path, os.O_RDONLY)
            if len(self._open) > MAX_OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
        return os.pread(self._open[path], end - start, start)

    def __del__(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)


class _Remote:
    """A folder behind an fsspec address; every process connects for itself, since connections do not survive a fork."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._process = -1
        self._connect()

    def _connect(self) -> None:
        if self._process != os.getpid():
            import fsspec

            self._fs, self._root = fsspec.core.url_to_fs(self.address)
            self._process = os.getpid()

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        self._connect()
        return bytes(self._fs.cat_file(f"{self._root.rstrip('/')}/{name}", start=start, end=end))

    def copy(self, shard: Shard, path: Path) -> None:
        """Makes sure that a whole copy of a shard is there; of several processes one copies and the others wait."""
        if path.exists():
            return
        self._connect()
        with FileLock(path.with_name(f"{path.name}.lock")):
            if path.exists():
                return
            with whole_file(path) as file:
                self._fs.get_file(f"{self._root.rstrip('/')}/{shard.name}", file.name)
                file.seek(0)
                if sha256_of(file) != shard.sha256:
                    raise ValueError(f"{self.address}/{shard.name} is not as it was packed: copy or pack it again")


def _checked(path: Path, shard: Shard) -> Path:
    """The path of a shard that is there in its full size."""
    size = path.stat().st_size if path.exists() else None
    if size != shard.bytes:
        state = "is missing" if size is None else f"has {size:,} bytes instead of {shard.bytes:,}"
        raise ValueError(f"{path} {state}: copy or pack it again")
    return path


def _load_table(path: Path, index: Index) -> NDArray[np.void]:
    try:
        samples: NDArray[np.void] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error}): copy or pack it again") from None
    if samples.dtype != SAMPLE or len(samples) != index.count:
        raise ValueError(f"{path} is not the table of its {INDEX}: copy or pack it again")
    return samples
