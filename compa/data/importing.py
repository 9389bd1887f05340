"""`compa data import`: captioned audio in any known format becomes a manifest."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from compa.data import quarantine
from compa.data.captions import MAX_TOKENS, caption_problem, is_long
from compa.data.formats import Format, Items, formats
from compa.data.quarantine import Entry
from compa.manifest import Clip, write_manifest
from compa.utils.arguments import CommandParser, add_out_file, add_overwrite, name_of
from compa.utils.files import is_file
from compa.utils.text_rows import RowError

NUM_SHOWN = 10
"""So many errors are shown; all are listed."""


def main(arguments: Sequence[str]) -> int:
    """Runs `compa data import` and returns the exit code.

    Raises:
        ValueError: If nothing can be imported, or --out cannot be written.
        OSError: If a file cannot be read or written.
    """
    known = formats()
    name = str(_overview(known).parse_args(arguments[:1]).format)
    options = vars(_parser(name, known[name]).parse_args(arguments[1:]))
    print(import_clips(name, **options).summary())
    return 0


def import_clips(
    format: str, source: str, out: Path, split: str | None = None, overwrite: bool = False, **options: Any
) -> ImportReport:
    """Writes the manifest of a source, and beside it lists of missing audio and of what was refused.

    Args:
        format: One of `compa.data.formats`.
        source: What to import.
        out: The manifest.
        split: The split of all clips; None leaves what the source says.
        overwrite: Whether an existing manifest is replaced.
        options: Those of the format's `read`.

    Raises:
        ValueError: If nothing can be imported, or `out` cannot be written.
        OSError: If a file cannot be read or written.
    """
    if out.exists() and not overwrite:
        raise ValueError(f"{out} exists: choose another --out, or pass --overwrite to replace it")
    if Path(source).exists() and out.exists() and out.samefile(source):
        raise ValueError(f"{out} is the source itself: choose another --out")
    if out.parent.exists() and not out.parent.is_dir():
        raise ValueError(f"{out.parent} is not a folder: choose another --out")
    read = formats()[format].read
    options |= {name: value for name, value in {"out": out, "split": split}.items() if name in _parameters(read)}
    report = ImportReport(out, split)
    clips = report.checked(read(source, **options))
    progress = tqdm(clips, "importing", unit=" clips", file=sys.stderr, mininterval=0.5, disable=None)
    write_manifest(out, _not_empty(progress, f"{source} holds no clip of format {format}", report))
    report.write_lists()
    return report


class ImportReport:
    """Checks what a format yields, and counts what is missing or refused.

    Args:
        out: The manifest that is written.
        split: The split of all clips; None leaves what the format says.
    """

    def __init__(self, out: Path, split: str | None = None) -> None:
        self.out = out
        self.counts: Counter[str] = Counter()
        self.missing: list[Entry] = []
        self.refused: list[RowError] = []
        self.first_long = ""
        self._split = split
        self._folder = out.resolve().parent
        self._seen: dict[str, str | None] = {}

    @property
    def refused_path(self) -> Path:
        """The list of what was refused, beside the manifest."""
        return self.out.with_name(f"{self.out.stem}.refused.jsonl")

    def checked(self, items: Items) -> Iterator[Clip]:
        """Yields the clips that can be written to the manifest, their audio relative to it."""
        for item in items:
            clip = item if isinstance(item, RowError) else self._fit(item)
            if isinstance(clip, RowError):
                self.refused.append(clip)
                continue
            self._seen[clip.id] = clip.audio
            self.counts["clips"] += 1
            self.counts["captions"] += len(clip.captions)
            self.counts["with audio"] += clip.audio is not None
            if num_long := sum(map(is_long, clip.captions)):
                self.counts["long captions"] += num_long
                self.first_long = self.first_long or clip.id
            if clip.audio is not None and not is_file(self._folder / clip.audio):
                self.missing.append(Entry(clip.id, clip.audio, "missing: no such file"))
            yield clip

    def write_lists(self) -> None:
        """Writes the lists beside the finished manifest, or removes those of a former one."""
        quarantine.write(self.out, self.missing)
        if self.refused:
            lines = (json.dumps(asdict(item), ensure_ascii=True) + "\n" for item in self.refused)
            self.refused_path.write_text("".join(lines), encoding="utf-8")
        else:
            self.refused_path.unlink(missing_ok=True)

    def summary(self) -> str:
        """What was done, in a few lines; the first errors are among them."""
        total, with_audio = self.counts["clips"], self.counts["with audio"]
        lines = [f"{total} clips with {self.counts['captions']} captions written to {self.out}"]
        if with_audio:
            found = quarantine.coverage(with_audio - len(self.missing), with_audio)
            lines.append(f"coverage: {found} have their audio")
        if with_audio < total:
            lines.append(f"captions only: {total - with_audio} clips name no audio")
        if num_long := self.counts["long captions"]:
            lines.append(
                f"long captions: {num_long}, such as one of {self.first_long}: text encoders read {MAX_TOKENS} tokens "
                "at most, so their ends are not read"
            )
        if self.missing:
            lines.append(f"missing audio: {len(self.missing)} clips, listed in {quarantine.list_path(self.out)}")
        if self.refused:
            lines.append(f"refused: {len(self.refused)}, listed in {self.refused_path}, such as")
            lines += [f"  {_printable(str(item))}" for item in self.refused[:NUM_SHOWN]]
        return "\n".join(lines)

    def _fit(self, clip: Clip) -> Clip | RowError:
        audio = None if clip.audio is None else Path(clip.audio)
        if audio is not None:
            absolute = Path(os.path.abspath(audio))  # noqa: PTH100  resolve() would follow links
            clip = replace(clip, audio=Path(os.path.relpath(absolute, self._folder)).as_posix())
        where = _printable(str(audio or clip.id))
        try:
            clip.to_json().encode()
        except UnicodeEncodeError:
            return RowError(where, "its name or text is not UTF-8: rename it")
        if clip.id in self._seen:
            return RowError(where, f"its id {clip.id!r} is that of {self._seen[clip.id] or 'another clip'} already")
        if clip.captions and (problem := caption_problem(clip.captions)):
            return RowError(where, problem)
        return replace(clip, split=self._split or clip.split)


def _not_empty(clips: Iterable[Clip], message: str, report: ImportReport) -> Iterator[Clip]:
    """The same clips, or an error before anything is written where there are none."""
    is_empty = True
    for clip in clips:
        is_empty = False
        yield clip
    if is_empty:
        reasons = "; ".join(_printable(str(item)) for item in report.refused[:3])
        raise ValueError(message + (f" ({reasons})" if reasons else ""))


def _printable(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _parameters(read: Any) -> set[str]:
    return set(inspect.signature(read).parameters)


def _overview(known: dict[str, Format]) -> CommandParser:
    width = max(map(len, known))
    listed = "\n".join(f"  {name:{width}}  {module.ABOUT}" for name, module in known.items())
    parser = CommandParser(
        "compa data import",
        "Turns captioned audio into a manifest. Beside it, missing audio, which stays in it, and refused rows are "
        f"listed.\n\nformats:\n{listed}\n\n`compa data import FORMAT --help` shows the options of a format.",
        "compa data import csv clips.csv --map caption=text --out manifest.jsonl",
    )
    parser.usage = "compa data import FORMAT SOURCE --out manifest.jsonl [--map FIELD=COLUMN ...] [options]"
    parser.add_argument("format", metavar="FORMAT", type=name_of("format", known), help=f"one of {', '.join(known)}")
    return parser


def _parser(name: str, module: Format) -> CommandParser:
    parser = CommandParser(
        f"compa data import {name}", f"Imports {module.ABOUT}.", f"compa data import {name} SOURCE --out manifest.jsonl"
    )
    parser.add_argument("source", metavar="SOURCE", help="what to import")
    add_out_file(parser, "manifest to write")
    parser.add_argument("--split", metavar="NAME", help="split of all clips, such as train or test")
    add_overwrite(parser)
    module.add_arguments(parser)
    return parser
