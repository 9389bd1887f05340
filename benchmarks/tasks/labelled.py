"""Labelled sounds for classification: from a folder, a CSV, or the test recordings of an event bank."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.items import Audio, Item
from benchmarks.tasks.sound_files import fingerprint, flaws_of, left_out, name_of
from benchmarks.tasks.task import TaskInputs
from compa.scenes.banks.bank import short_hash
from compa.scenes.banks.folder import sound_files
from compa.scenes.banks.recordings import readable
from compa.utils.text import did_you_mean, stable_hash
from compa.utils.text_rows import delimited_rows, whole_rows

SEPARATOR = ";"
"""Between the labels of a file in a CSV; not a comma, which occurs in labels."""
PER_LABEL, SECONDS = 10, 2.0
"""How many sounds per label are drawn from an event bank, and their length."""
SOURCES = ("source", "source_url", "freesound_id")


@dataclass(frozen=True)
class Labelled:
    """Sounds with one or several labels each.

    Attributes:
        items: One audio each; an item's labels are among `labels`.
        labels: The labels to choose from.
        data: What results record about the set.
    """

    items: Sequence[Item]
    labels: Sequence[str]
    data: dict[str, Any]


@dataclass(frozen=True)
class _File:
    path: Path
    name: str
    labels: tuple[str, ...]
    source: str


def labelled_items(data: Path, label_set: Sequence[str] | None, limit: int | None = None) -> Labelled:
    """The sounds of a folder with one subfolder per label, or of a CSV with the columns `file` and `label`.

    A file in a CSV has several labels if its cell lists them with `;` between them, or if it occurs in several rows.
    Labels are compared without letter case, and `_` and `-` count as spaces.

    Args:
        data: The folder or the CSV.
        label_set: The labels to choose from; by default all labels that occur.
        limit: The largest number of files.

    Raises:
        ValueError: If there is no such data, a column is missing, or a label is not in the label set.
    """
    files = _files_of_folder(data) if data.is_dir() else _files_of_csv(data)
    occurring = sorted({label for file in files for label in file.labels})
    named = _names(occurring if label_set is None else label_set)
    for label in occurring:
        if _key(label) not in named:
            near = did_you_mean(label, named.values())
            raise ValueError(f"{data} has the label {label!r}, which is not in the label set{near}")
    some = files[:limit]
    flaws = flaws_of([file.path for file in some])
    usable = [file for file, flaw in zip(some, flaws, strict=True) if flaw is None]
    items = [
        _item(file.name, file.path, [named[_key(label)] for label in file.labels], file.name, file.source)
        for file in usable
    ]
    about = {
        "name": name_of(data),
        "fingerprint": fingerprint((item.labels for item in items), [file.path for file in usable]),
        "found": len(items),
        "expected": len(files),
    }
    warnings = left_out([file.name for file in some], flaws, "files")
    return Labelled(items, list(named.values()), about | ({"warnings": warnings} if warnings else {}))


def bank_items(inputs: TaskInputs, limit: int | None = None) -> Labelled:
    """Excerpts of the test recordings of an event bank, which depend on the bank only, not on a seed."""
    bank = inputs.bank
    test = bank.split("test")
    items = []
    for label in test.labels:
        for number in range(PER_LABEL):
            rng = np.random.default_rng(stable_hash("zero-shot", label, number))
            snippet = test.sample(label, rng, duration=SECONDS)
            audio = (snippet.waveform, snippet.sample_rate)
            source = snippet.source or snippet.recording
            items.append(_item(f"{label}-{number}", audio, [label], snippet.recording, source))
    about = {
        "name": bank.name,
        "fingerprint": short_hash("zero-shot", bank.fingerprint, PER_LABEL, SECONDS),
        "found": len(items[:limit]),
        "expected": len(items),
    }
    return Labelled(items[:limit], list(test.labels), about)


def read_label_set(path: Path) -> list[str]:
    """Reads a label set: a JSON list, or an object of labels and indices, which is sorted by index.

    Raises:
        ValueError: If it is neither, or has a label twice.
    """
    content = _json(path)
    if isinstance(content, Mapping):
        if not all(isinstance(index, int) for index in content.values()):
            raise ValueError(f'{path} must give every label an integer index, as {{"dog": 0, "rain": 1}}')
        content = sorted(content, key=lambda label: content[label])
    if not isinstance(content, list) or not content or not all(isinstance(label, str) and label for label in content):
        raise ValueError(f"{path} is not a label set: give a JSON list of labels, or an object of labels and indices")
    _names(content)
    return content


def read_templates(path: Path) -> list[str]:
    """Reads the sentences into which labels are put: a JSON list, each with `{}` or `{label}` once.

    Raises:
        ValueError: If it is not such a list.
    """
    content = _json(path)
    if not isinstance(content, list) or not content or not all(isinstance(sentence, str) for sentence in content):
        raise ValueError(f'{path} is not a list of templates: give JSON sentences such as "the sound of {{}}"')
    sentences = [sentence.replace("{label}", "{}") for sentence in content]
    for sentence, written in zip(sentences, content, strict=True):
        if sentence.count("{}") != 1:
            raise ValueError(f"{path}: a template must contain {{}} or {{label}} once; got {written!r}")
    return list(dict.fromkeys(sentences))


def _files_of_folder(data: Path) -> list[_File]:
    folders = sorted(path for path in data.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = [
        _File(path, f"{folder.name}/{path.name}", (folder.name,), f"{folder.name}/{path.name}")
        for folder in folders
        for path in sound_files(folder)
    ]
    if not found:
        raise ValueError(f"{data} has no sound files: give one subfolder per label, or a CSV")
    return found


def _files_of_csv(data: Path) -> list[_File]:
    if not data.is_file():
        raise ValueError(f"there is no {data}: give a folder with one subfolder per label, or a CSV with file,label")
    found: dict[str, tuple[dict[str, None], str]] = {}
    for row in whole_rows(delimited_rows(data, ("file", "label"))):
        cells = row.cells
        labels = [label.strip() for label in cells["label"].split(SEPARATOR) if label.strip()]
        if not cells["file"] or not labels:
            raise ValueError(f"{row.where} has no {'label' if cells['file'] else 'file'}: fill it in or remove the row")
        source = next((cells[column] for column in SOURCES if cells.get(column)), "")
        found.setdefault(cells["file"], ({}, source))[0].update(dict.fromkeys(labels))
    if not found:
        raise ValueError(f"{data} has no rows below its header: add one per file")
    names = _display_names(list(found), data.parent)
    return [
        _File(data.parent / file, name, tuple(labels), source or name)
        for name, (file, (labels, source)) in zip(names, found.items(), strict=True)
    ]


def _display_names(files: Sequence[str], folder: Path) -> list[str]:
    """The names of files in results: as in the table, but paths of one machine are relative to their common folder."""
    if not any(Path(file).is_absolute() or ".." in Path(file).parts for file in files):
        return list(files)
    paths = [Path(os.path.normpath(folder.absolute() / file)) for file in files]  # without following links
    shared = os.path.commonpath([path.parent for path in paths])
    return [path.relative_to(shared).as_posix() for path in paths]


def _item(name: str, audio: Audio, labels: Sequence[str], recording: str, source: str) -> Item:
    return Item(name, (audio,), (), tuple(dict.fromkeys(labels)), (recording,), (source,))


def _names(labels: Sequence[str]) -> dict[str, str]:
    """The labels as they are put into sentences, by the form in which they are compared."""
    repeated = [key for key, count in Counter(map(_key, labels)).items() if count > 1]
    if repeated:
        raise ValueError(f"the label set has {repeated[0]!r} twice, up to letter case and '_': rename one")
    return {_key(label): " ".join(label.replace("_", " ").split()) for label in labels}


def _key(label: str) -> str:
    return readable(label, separators="_-")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): give a JSON file") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error})") from None
