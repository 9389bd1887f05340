"""The bank of a CSV that names sound files and their labels."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

from compa.scenes.banks.bank import MemoryBank
from compa.scenes.banks.recordings import SoundFile, Split, read_recordings, readable
from compa.scenes.banks.splits import divide
from compa.scenes.speech import spoken_by

ACCEPTS = "a CSV with the columns file and label"

LICENCE_COLUMNS = ("licence", "license")
SPLITS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
PLAIN_STEMS = {"clips", "meta", "metadata", "index", "events", "labels", "data", "files", "annotations"}

Row = dict[str, str]


def accepts(path: Path) -> bool:
    """Whether `path` is a file that is named like a CSV."""
    return path.is_file() and path.suffix.lower() == ".csv"


def open_events(path: Path, sample_rate: int) -> MemoryBank:
    """Reads the clips that a CSV lists.

    Columns are `file` (relative to the CSV) and `label`; further ones are used where they are there: `split`
    (train or test) or `fold` (the highest is for testing), `source`, `freesound_id` or `source_url`,
    `author`, `licence`, `speaker`. With a speaker, the label is what is said: "george says three".

    Raises:
        ValueError: If the CSV cannot be read, lacks a column, or has fewer than 3 usable labels.
    """
    rows = _read_rows(path)
    files, skipped = _sound_files(path, rows)
    name = _bank_name(path)
    recordings, unreadable = read_recordings(files, sample_rate, f"reading {name}")
    usable = divide(recordings, skipped | unreadable, str(path))
    return MemoryBank(name, sample_rate, usable.recordings, usable.skipped)


def _bank_name(path: Path) -> str:
    """The CSV's name, or its folder's where the CSV's says nothing."""
    path = path.resolve()
    return path.parent.name or path.stem if path.stem.lower() in PLAIN_STEMS else path.stem


def _read_rows(path: Path) -> list[Row]:
    """The CSV's rows, with stripped cells and lower case column names."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text (byte {error.start}): save it as CSV in UTF-8") from error
    if "\0" in text:
        raise ValueError(f"{path} is not text but holds zero bytes: save it as CSV in UTF-8")
    try:
        lines = [[cell.strip() for cell in line] for line in csv.reader(StringIO(text), skipinitialspace=True)]
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read as CSV: {error}") from error
    lines = [line for line in lines if any(line)]
    if not lines:
        raise ValueError(f"{path} is empty: it needs the columns file and label, and a row a clip")
    header = [name.lower() for name in lines[0]]
    for needed in ("file", "label"):
        if needed not in header:
            raise ValueError(_no_column(path, needed, header))
    return [dict(zip(header, line, strict=False)) for line in lines[1:]]


def _no_column(path: Path, needed: str, header: Sequence[str]) -> str:
    similar = {
        "file": ("filename", "file_name", "path", "fname", "audio"),
        "label": ("labels", "category", "class"),
    }
    nearest = [name for name in header if name in similar[needed]]
    nearest += difflib.get_close_matches(needed, header, n=2, cutoff=0.5)
    found = ", ".join(dict.fromkeys(nearest)) or ", ".join(header[:8])
    return f"{path} has no column {needed!r}; the nearest are: {found}; rename the one that is meant"


def _sound_files(path: Path, rows: Sequence[Row]) -> tuple[list[SoundFile], dict[str, str]]:
    """The files that the rows name, each once a label, and why rows were left out."""
    split_of = _splits(path, rows)
    files: dict[tuple[Path, str], SoundFile] = {}
    skipped: dict[str, str] = {}
    for number, (row, split) in enumerate(zip(rows, split_of, strict=True), start=2):
        file, label, speaker = row.get("file", ""), readable(row.get("label", "")), readable(row.get("speaker", ""))
        if not file or not label:
            skipped[file or f"row {number}"] = f"row {number} has no {'label' if file else 'file'}"
            continue
        if isinstance(split, _NoSplit):
            skipped[file] = split.reason
            continue
        attributes = {"speaker": speaker, "says": label} if speaker else {}
        label = spoken_by(speaker, label) if speaker else label
        clip = path.parent / file
        name = "/".join(clip.parts[-2:]) if Path(file).is_absolute() else Path(file).as_posix()
        files.setdefault(
            (clip, label),
            SoundFile(
                label,
                name,
                clip,
                source=_source(row),
                author=_first(row, ("author",)),
                licence=_first(row, LICENCE_COLUMNS),
                split=split,
                attributes=attributes,
            ),
        )
    return list(files.values()), skipped


class _NoSplit:
    """Why a row belongs to no split."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _splits(path: Path, rows: Sequence[Row]) -> list[Split | _NoSplit | None]:
    """What the columns `split` or `fold` say of each row; None where there are no such columns."""
    if any(row.get("split") for row in rows):
        return [
            SPLITS.get(row.get("split", "").lower()) or _NoSplit(f"split {row.get('split', '')!r} is not train or test")
            for row in rows
        ]
    if any(row.get("fold") for row in rows):
        folds = [_fold(path, row.get("fold", "")) for row in rows]
        highest = max(fold for fold in folds if fold is not None)
        if {fold for fold in folds if fold is not None} == {highest}:
            raise ValueError(f"{path} has only fold {highest:g}: the highest fold is for testing, so give at least two")
        return [_NoSplit("no fold") if fold is None else ("test" if fold == highest else "train") for fold in folds]
    return [None] * len(rows)


def _fold(path: Path, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(f"{path} has the fold {text!r}: folds are numbers, the highest one is for testing") from None


def _source(row: Row) -> str | None:
    """What a clip was taken from: the column `source`, else the freesound recording, else an address."""
    freesound_id = row.get("freesound_id")
    if freesound_id and not row.get("source"):
        return f"https://freesound.org/s/{freesound_id}"
    return _first(row, ("source", "source_url"))


def _first(row: Row, columns: Iterable[str]) -> str | None:
    """The first of these columns that says something, if any."""
    return next((row[column] for column in columns if row.get(column)), None)
