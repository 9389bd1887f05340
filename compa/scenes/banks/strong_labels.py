"""Strong labels: TSVs with the onset and offset of each sound event, as AudioSet-Strong and DCASE have them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from compa.manifest import Event
from compa.scenes.banks.recordings import readable
from compa.utils.text_rows import Row, RowError, delimited_rows, numbered_lines, parse_json

COLUMNS = {
    "file": ("segment_id", "clip_id", "filename", "file"),
    "label": ("label", "event_label", "mid"),
    "onset": ("start_time_seconds", "onset", "start"),
    "offset": ("end_time_seconds", "offset", "end"),
}
"""The columns that are read, and their possible names."""
NAME_FILES = ("mid_to_display_name.tsv", "audioset_ontology.json", "ontology.json")
"""Files beside a TSV that name AudioSet's label ids."""


@dataclass(frozen=True)
class LabelledFile:
    """The events of one file, by onset; `name` is what the TSV calls it."""

    name: str
    events: tuple[Event, ...]

    @property
    def isolated(self) -> tuple[Event, ...]:
        """The events that no other one overlaps, not even one of the same label."""
        return tuple(
            event
            for event in self.events
            if not any(
                other is not event and other.onset < event.offset and event.onset < other.offset
                for other in self.events
            )
        )


def read_strong_labels(path: Path, names: Mapping[str, str] | None = None) -> Iterator[LabelledFile | RowError]:
    """Yields errors in rows, then the files in the order in which they first occur in the TSV.

    Args:
        path: A TSV with a header; times are in seconds from the file's start.
        names: Names of label ids such as `/m/0bt9lr`; by default read from a file beside the TSV.

    Raises:
        ValueError: If a column is missing, or label ids have no names.
    """
    names = _names_beside(path) if names is None else names
    events: dict[str, list[Event]] = {}
    columns: dict[str, str] = {}
    for row in delimited_rows(path, delimiter="\t"):
        if isinstance(row, RowError):
            yield row
            continue
        columns = columns or _columns(path, row)
        found = _event(row, columns, names, path)
        if isinstance(found, str):
            yield RowError(row.where, found)
        else:
            events.setdefault(row.cells[columns["file"]], []).append(found)
    for name, of_file in events.items():
        yield LabelledFile(name, tuple(sorted(of_file, key=lambda event: (event.onset, event.offset, event.label))))


def read_names(path: Path) -> dict[str, str]:
    """Names of label ids, from `mid_to_display_name.tsv` (id, tab, name) or AudioSet's ontology in JSON.

    Raises:
        ValueError: If the file is neither.
    """
    if path.suffix.lower() == ".json":
        nodes = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(nodes, list) or not all(isinstance(n, dict) and {"id", "name"} <= n.keys() for n in nodes):
            raise ValueError(f"{path} is no list of objects with 'id' and 'name': give AudioSet's ontology")
        return {str(node["id"]): str(node["name"]) for node in nodes}
    cells = [str(line).rstrip("\r\n").split("\t") for _, line in numbered_lines(path)]
    return {row[0]: row[1] for row in cells if len(row) >= 2}


def spoken(label: str) -> str:
    """A label for captions: its first name, in lower case.

    Example:
        >>> spoken("Vehicle horn, car horn, honking")
        'vehicle horn'
    """
    return readable(label.split(",")[0])


def parse_segment(name: str) -> tuple[str, float] | None:
    """Video and start in seconds of an AudioSet segment's name, `<11 letters>_<milliseconds>`; None for others.

    Example:
        >>> parse_segment("s9d-2nhuJCQ_30000")
        ('s9d-2nhuJCQ', 30.0)
    """
    match = re.fullmatch(r"([\w-]{11})_(\d+)", name)
    return (match[1], int(match[2]) / 1000) if match else None


def _names_beside(path: Path) -> dict[str, str]:
    beside = next((path.parent / name for name in NAME_FILES if (path.parent / name).is_file()), None)
    return read_names(beside) if beside else {}


def _columns(path: Path, row: Row) -> dict[str, str]:
    by_name = {name.lower(): name for name in row.cells}
    found: dict[str, str] = {}
    for meaning, usual in COLUMNS.items():
        present = [by_name[name] for name in usual if name in by_name]
        if not present:
            has = ", ".join(map(repr, row.cells))
            raise ValueError(f"{path} has no column {' or '.join(map(repr, usual))}: it has {has}")
        found[meaning] = present[0]
    return found


def _event(row: Row, columns: Mapping[str, str], names: Mapping[str, str], path: Path) -> Event | str:
    """The event of a row, or what is wrong with it."""
    label = row.cells[columns["label"]]
    if not label or not row.cells[columns["file"]]:
        return f"no {'file' if label else 'label'}"
    if re.fullmatch(r"/[a-z]/\w+", label):
        if label not in names:
            known = f"none of the {len(names)} names is for it" if names else f"there is no {NAME_FILES[0]}"
            raise ValueError(f"{path} has the label id {label}, and {known}: put {NAME_FILES[0]} beside it")
        label = names[label]
    try:
        onset, offset = float(row.cells[columns["onset"]]), float(row.cells[columns["offset"]])
    except ValueError:
        return "onset and offset must be numbers of seconds"
    if not (math.isfinite(offset) and 0 <= onset < offset):
        return f"an event must have 0 <= onset < offset; got {onset:g} and {offset:g} s"
    return Event(spoken(label), onset, offset)
