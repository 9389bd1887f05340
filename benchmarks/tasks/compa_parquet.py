"""CompA as repackaged on the hub: Parquet with one row per sound, `file_name, audio, answer`.

The rows of an item are named `12.wav`, `12_rev.wav` and, for a triplet, `12_trip.wav`; `answer` is the caption. The
table holds the sounds, as bytes or as a struct of bytes and path.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.tasks.raw_item import RawItem
from compa.utils.text import did_you_mean

COLUMNS = ("file_name", "audio", "answer")
SIDES = ("", "_rev", "_trip")
_NAME = re.compile(r"(?P<item>.+?)(?P<side>_rev|_trip)?")
_ROWS_AT_ONCE = 16


class _Folder:
    """A temporary folder that is deleted with this object, or with the process."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="compa-bench-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def is_parquet(data: Path) -> bool:
    """Whether this is a Parquet file, or a folder of such files."""
    return data.suffix == ".parquet" or (data.is_dir() and bool(_parts(data)))


def parquet_items(data: Path) -> tuple[list[RawItem], object]:
    """Reads the items of a table and unpacks its sounds into a temporary folder.

    Args:
        data: A Parquet file, or a folder of the parts of one table.

    Returns:
        The items in the order of the table, and the folder, which is deleted when nothing refers to it any more.

    Raises:
        ValueError: If the table cannot be read or lacks a column, or pyarrow is not installed.
    """
    folder = _Folder()
    items: dict[str, dict[str, tuple[str, Path]]] = {}
    for row in _rows(data):
        name = Path(str(row["file_name"])).name
        match = _NAME.fullmatch(Path(name).stem)
        if match is None or "\0" in name:
            raise ValueError(f"{data} has an invalid file_name {row['file_name']!r}: use the published table")
        side, sides = match["side"] or "", items.setdefault(match["item"], {})
        if side in sides:
            raise ValueError(f"{data} has several rows {name!r}: use the published table")
        sides[side] = (str(row["answer"]), _unpacked(row["audio"], folder.path / name, data))
    return [_raw_item(item, sides) for item, sides in items.items()], folder


def _raw_item(item: str, sides: dict[str, tuple[str, Path]]) -> RawItem:
    present = [side for side in SIDES if side in sides]
    missing = next((side for side in SIDES[:2] if side not in sides), None)
    return RawItem(
        name=item,
        captions=tuple(sides[side][0].strip() for side in present),
        files=tuple(sides[side][1] for side in present),
        sources=tuple(f"{item}{side}" for side in present),
        where=f"item {item}",
        flaw=None if missing is None else f"{item}{missing}.wav is not there",
    )


def _unpacked(audio: Any, path: Path, data: Path) -> Path:
    """The file of a sound: written to `path` if the table holds it, else the file beside the table."""
    content = audio.get("bytes") if isinstance(audio, dict) else audio
    if isinstance(content, bytes):
        path.write_bytes(content)
        return path
    named = str(audio.get("path") or "") if isinstance(audio, dict) else str(audio or "")
    return (data if data.is_dir() else data.parent) / (named or path.name)


def _rows(data: Path) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ValueError(f"{data} is Parquet, which needs pyarrow: pip install 'compa[datasets]'") from None
    for path in _parts(data) if data.is_dir() else [data]:
        try:
            with parquet.ParquetFile(path) as table:
                _check(path, table.schema_arrow.names)
                for batch in table.iter_batches(_ROWS_AT_ONCE, columns=list(COLUMNS)):
                    yield from batch.to_pylist()
        except (pyarrow.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path} cannot be read as Parquet ({reason}): download it again") from None


def _parts(folder: Path) -> list[Path]:
    """The Parquet files of a folder, or of its folder `data`, as hub repositories have them."""
    return sorted(folder.glob("*.parquet")) or sorted(folder.glob("data/*.parquet"))


def _check(path: Path, names: Sequence[str]) -> None:
    for needed in COLUMNS:
        if needed not in names:
            near = did_you_mean(needed, names) or f" (it has {', '.join(names)})"
            raise ValueError(f"{path} has no column {needed!r}{near}")
