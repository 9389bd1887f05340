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
    """The origin of one embedding.

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
    """The files that are written: a matrix has its rows' descriptions beside it."""
    return [path] if path.suffix == ".parquet" else [path, path.with_suffix(".jsonl")]


def part_of(path: Path) -> Path:
    """Where finished embeddings are kept until the file is whole."""
    return path.with_name(f"{path.name}.part")


def write_embeddings(path: Path, chunks: Iterable[Chunk], num_rows: int, size: int, about: dict[str, Any]) -> None:
    """Writes a file that appears only when it is whole.

    Args:
        path: `X.parquet` has the columns id, kind, text, audio and embedding; `X.npy` is a matrix, and `X.jsonl`
            describes its rows.
        chunks: Rows with their embeddings (n, D).
        num_rows: Number of all rows.
        size: D.
        about: Model and preprocessing, as JSON values: metadata of the Parquet file, or the first line of `X.jsonl`.
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
