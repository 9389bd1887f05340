"""The bank of a CSV that names sound files and their labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from compa.scenes.banks.bank import MemoryBank
from compa.scenes.banks.recordings import SoundFile, Split, read_recordings, readable
from compa.scenes.banks.splits import divide
from compa.scenes.speech import spoken_by
from compa.utils.text_rows import Row, RowError, delimited_rows

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

Cells = Mapping[str, str]


def accepts(path: Path) -> bool:
    """Whether `path` is a file with the suffix of a CSV."""
    return path.is_file() and path.suffix.lower() == ".csv"


def open_events(path: Path, sample_rate: int) -> MemoryBank:
    """Reads the clips that a CSV lists.

    The columns are `file` (relative to the CSV) and `label`, and optionally `split` (train or test) or `fold` (the
    highest is for testing), `source`, `freesound_id` or `source_url`, `author`, `licence`, `speaker`. With a speaker,
    the column `label` holds the words, and the label becomes "george says three".

    Raises:
        ValueError: If the CSV cannot be read, lacks a column, or has fewer than 3 usable labels.
    """
    rows: list[Row] = []
    broken: dict[str, str] = {}
    for row in delimited_rows(path, ("file", "label")):
        if isinstance(row, RowError):
            broken[row.where.removeprefix(f"{path}, ")] = row.reason
        else:
            rows.append(row)
    files, skipped = _sound_files(path, rows)
    name = _bank_name(path)
    recordings, unreadable = read_recordings(files, sample_rate, f"reading {name}")
    usable = divide(recordings, broken | skipped | unreadable, str(path))
    return MemoryBank(name, sample_rate, usable.recordings, usable.skipped)


def _bank_name(path: Path) -> str:
    """The name of the CSV, or of its folder where the CSV has a generic name."""
    path = path.resolve()
    return path.parent.name or path.stem if path.stem.lower() in PLAIN_STEMS else path.stem


def _sound_files(path: Path, rows: Sequence[Row]) -> tuple[list[SoundFile], dict[str, str]]:
    """The files that the rows name, each once a label, and why rows were left out."""
    split_of = _splits(path, [row.cells for row in rows])
    files: dict[tuple[Path, str], SoundFile] = {}
    skipped: dict[str, str] = {}
    for row, split in zip(rows, split_of, strict=True):
        file, label, speaker = row.cells["file"], readable(row.cells["label"]), readable(row.cells.get("speaker", ""))
        where = row.where.removeprefix(f"{path}, ")
        if not file or not label:
            skipped[file or where] = f"{where} has no {'label' if file else 'file'}"
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
                source=_source(row.cells),
                author=row.cells.get("author") or None,
                licence=_first(row.cells, LICENCE_COLUMNS),
                split=split,
                attributes=attributes,
            ),
        )
    return list(files.values()), skipped


class _NoSplit:
    """Why a row belongs to no split."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _splits(path: Path, rows: Sequence[Cells]) -> list[Split | _NoSplit | None]:
    """The split of each row after the columns `split` or `fold`; None where there are no such columns."""
    if any(row.get("split") for row in rows):
        return [
            SPLITS.get(row.get("split", "").lower()) or _NoSplit(f"split must be train or test; got {row['split']!r}")
            for row in rows
        ]
    if any(row.get("fold") for row in rows):
        folds = [_fold(path, row.get("fold", "")) for row in rows]
        highest = max(fold for fold in folds if fold is not None)
        if {fold for fold in folds if fold is not None} == {highest}:
            raise ValueError(
                f"{path} must have at least two folds, since the highest is for testing; got only fold {highest:g}"
            )
        return [_NoSplit("no fold") if fold is None else ("test" if fold == highest else "train") for fold in folds]
    return [None] * len(rows)


def _fold(path: Path, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(f"folds in {path} must be numbers; got {text!r}") from None


def _source(row: Cells) -> str | None:
    """The source of a clip: the column `source`, or else the freesound recording, or else an address."""
    freesound_id = row.get("freesound_id")
    if freesound_id and not row.get("source"):
        return f"https://freesound.org/s/{freesound_id}"
    return _first(row, ("source", "source_url"))


def _first(row: Cells, columns: Iterable[str]) -> str | None:
    """The first of these columns that is not empty, if any."""
    return next((row[column] for column in columns if row.get(column)), None)
