"""Files of embeddings: Parquet, or npy with the rows' descriptions beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compa.models.checkpoints.hub import need
from compa.utils.files import whole_file

SUFFIXES = (".parquet", ".npy")


@dataclass(frozen=True)
class Row:
    """What one embedding is of.

    Attributes:
        id: The clip's id; of a folder, the path below it.
        kind: `audio` or `caption`.
        text: The caption; None of audio.
        audio: The sound file; None of captions.
    """

    id: str
    kind: str
    text: str | None = None
    audio: str | None = None


Chunk = tuple[list[Row], NDArray[np.float32]]


def files_of(path: Path) -> list[Path]:
    """What is written under that name: a matrix has its rows' descriptions beside it."""
    return [path] if path.suffix == ".parquet" else [path, path.with_suffix(".jsonl")]


def parts_of(path: Path) -> Path:
    """Where finished chunks are kept until the file is whole."""
    return path.with_name(f"{path.name}.parts")


def write_embeddings(path: Path, chunks: Iterable[Chunk], num_rows: int, size: int, about: dict[str, Any]) -> None:
    """Writes a file that appears only when it is whole.

    Args:
        path: `X.parquet` has the columns id, kind, text, audio and embedding; `X.npy` is a matrix, and `X.jsonl` says
            what its rows are.
        chunks: Rows with their embeddings (n, D).
        num_rows: How many there are in all.
        size: D.
        about: What they were made with, as JSON values: metadata of the Parquet file, or first line of `X.jsonl`.
    """
    if path.suffix == ".parquet":
        _write_parquet(path, chunks, size, about)
    else:
        _write_npy(path, chunks, num_rows, size, about)


def _write_parquet(path: Path, chunks: Iterable[Chunk], size: int, about: dict[str, Any]) -> None:
    pyarrow, parquet = (
        need("pyarrow", "pip install 'compa[parquet]'"),
        need("pyarrow.parquet", "pip install 'compa[parquet]'"),
    )
    columns = [(name, pyarrow.string()) for name in ("id", "kind", "text", "audio")]
    schema = pyarrow.schema([*columns, ("embedding", pyarrow.list_(pyarrow.float32(), size))])
    schema = schema.with_metadata({"compa": json.dumps(about)})
    with whole_file(path) as file, parquet.ParquetWriter(file, schema) as writer:
        for rows, embeddings in chunks:
            values = pyarrow.array(embeddings.ravel(), pyarrow.float32())
            arrays = [pyarrow.array([getattr(row, name) for row in rows], kind) for name, kind in columns]
            arrays.append(pyarrow.FixedSizeListArray.from_arrays(values, size))
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def _write_npy(path: Path, chunks: Iterable[Chunk], num_rows: int, size: int, about: dict[str, Any]) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (num_rows, size)}
    with whole_file(path) as matrix, whole_file(path.with_suffix(".jsonl")) as lines:
        np.lib.format.write_array_header_1_0(matrix, header)
        lines.write(json.dumps({"about": about}).encode() + b"\n")
        for rows, embeddings in chunks:
            matrix.write(np.ascontiguousarray(embeddings, dtype="<f4").tobytes())
            lines.writelines(json.dumps(asdict(row), ensure_ascii=False).encode() + b"\n" for row in rows)


class Parts:
    """Finished chunks in a folder beside the file, so that a run that was killed goes on.

    Args:
        folder: Made where it is missing.
        job: What decides the embeddings; parts of another job are thrown away.
    """

    def __init__(self, folder: Path, job: dict[str, Any]) -> None:
        self.folder = folder
        note = folder / "job.json"
        if not note.is_file() or json.loads(note.read_text(encoding="utf-8")) != job:
            self.remove()
            folder.mkdir(parents=True)
            note.write_text(json.dumps(job), encoding="utf-8")

    def __contains__(self, number: int) -> bool:
        return self._path(number).is_file()

    def write(self, number: int, rows: list[Row], embeddings: NDArray[np.float32]) -> None:
        """Keeps a chunk."""
        described = json.dumps([asdict(row) for row in rows])
        with whole_file(self._path(number)) as file:
            np.savez(file, embeddings=embeddings, rows=np.array(described))

    def read(self, number: int) -> Chunk:
        """Gives a chunk back."""
        with np.load(self._path(number)) as kept:
            return [Row(**row) for row in json.loads(str(kept["rows"]))], kept["embeddings"]

    def remove(self) -> None:
        """Deletes what was kept."""
        for path in self.folder.glob("*") if self.folder.is_dir() else ():
            path.unlink()
        if self.folder.is_dir():
            self.folder.rmdir()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}.npz"
