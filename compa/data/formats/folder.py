"""A folder of sound files with a text file of the same name beside each, or with captions in their paths."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from compa.audio.files import sound_files
from compa.data.captions import given_captions
from compa.data.formats import Items
from compa.manifest import Clip, escape_id
from compa.utils.text_rows import RowError, numbered_lines

ABOUT = "a folder of sound files, each with a .txt of its name beside it (a caption a line), or --names"
FIELDS = ("caption", "split", "source", "author", "licence")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--names`."""
    parser.add_argument(
        "--names",
        type=_pattern,
        metavar="REGEX",
        help=f"reads {', '.join(FIELDS)} from the start of each path below SOURCE, by named groups: "
        "'(?P<caption>[^/]+)/' is a folder a label",
    )


def read(source: str, names: re.Pattern[str] | None = None) -> Items:
    """Yields a clip a sound file, in the order of their names.

    Args:
        source: The folder.
        names: Groups of it, named as `FIELDS`, give these of a path below the folder.
    """
    root = Path(source)
    paths = list(sound_files(root))
    stems = Counter(path.with_suffix("") for path in paths)
    for path in paths:
        name = path.relative_to(root).as_posix()
        fields = _fields(names, name)
        try:
            lines = _lines_beside(path) or ([fields["caption"]] if "caption" in fields else [])
            if not lines:
                fits = "its path does not fit --names" if names else "--names is not given"
                raise ValueError(f"no caption: {path.with_suffix('.txt').name} is not there or empty, and {fits}")
            captions = given_captions(lines)
        except (ValueError, OSError) as error:
            yield RowError(str(path), str(error))
            continue
        fields.pop("caption", None)
        unique = name if stems[path.with_suffix("")] > 1 else name.removesuffix(path.suffix)
        yield replace(Clip(_id(unique), str(path), captions), **fields)


def _id(name: str) -> str:
    """The id of a name; bytes of it that are not UTF-8 are escaped, too."""
    return escape_id(name.encode("utf-8", "backslashreplace").decode())


def _fields(pattern: re.Pattern[str] | None, name: str) -> dict[str, Any]:
    match = pattern.match(name) if pattern else None
    found = match.groupdict() if match else {}
    return {key: " ".join(value.replace("_", " ").split()) for key, value in found.items() if value}


def _lines_beside(path: Path) -> list[str]:
    """The lines of the text file beside a sound file."""
    sidecar = path.with_suffix(".txt")
    if not sidecar.is_file():
        return []
    lines = []
    for _, line in numbered_lines(sidecar):
        if isinstance(line, RowError):
            raise ValueError(f"its text file cannot be read: {line}")
        lines += [line] if line.strip() else []
    return lines


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"must be a regular expression; got {text!r} ({error})") from None
    unknown = [name for name in pattern.groupindex if name not in FIELDS]
    if unknown or not pattern.groupindex:
        asked = f"unknown group {unknown[0]!r}" if unknown else "no named group"
        raise argparse.ArgumentTypeError(f"{asked} in {text!r}: groups are named {', '.join(FIELDS)}")
    return pattern
