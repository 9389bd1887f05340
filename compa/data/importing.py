"""`compa data import`: captioned audio in any known format becomes a manifest."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tqdm import tqdm

from compa.data import quarantine
from compa.data.formats import Items, formats
from compa.data.quarantine import Entry
from compa.manifest import Clip, write_manifest
from compa.utils.files import is_file
from compa.utils.text_rows import RowError

NUM_SHOWN = 10
"""So many refusals are shown; all are listed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa data import` and returns the exit code.

    Raises:
        ValueError: If nothing can be imported, or the output stands in the way.
        OSError: If a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    out: Path = options.out
    if out.exists() and not options.overwrite:
        raise ValueError(f"{out} exists: choose another --out, or pass --overwrite to replace it")
    if Path(options.source).exists() and out.exists() and out.samefile(options.source):
        raise ValueError(f"{out} is the source itself: choose another --out")
    if out.parent.exists() and not out.parent.is_dir():
        raise ValueError(f"{out.parent} is no folder: choose another --out")
    intake = Intake(out, options.split)
    items = formats()[options.format].read(options.source, options)
    progress = tqdm(intake.take(items), "importing", unit=" clips", file=sys.stderr, mininterval=0.5, disable=None)
    write_manifest(out, _not_empty(progress, options, intake))
    intake.write_lists()
    print(intake.summary())
    return 0


class Intake:
    """Turns what a format yields into a manifest's clips, and keeps the books of what is missing or refused.

    Args:
        out: The manifest that is written.
        split: The split of all clips; None leaves what the format says.
    """

    def __init__(self, out: Path, split: str | None = None) -> None:
        self.out = out
        self.counts: Counter[str] = Counter()
        self.missing: list[Entry] = []
        self.refused: list[RowError] = []
        self._split = split
        self._folder = out.resolve().parent
        self._seen: dict[str, str | None] = {}

    @property
    def refused_path(self) -> Path:
        """The list of what was refused, beside the manifest."""
        return self.out.with_name(f"{self.out.stem}.refused.jsonl")

    def take(self, items: Items) -> Iterator[Clip]:
        """Yields the clips that can stand in the manifest, their audio relative to it."""
        for item in items:
            clip = item if isinstance(item, RowError) else self._fit(item)
            if isinstance(clip, RowError):
                self.refused.append(clip)
                continue
            self._seen[clip.id] = clip.audio
            self.counts["clips"] += 1
            self.counts["captions"] += len(clip.captions)
            self.counts["with audio"] += clip.audio is not None
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
        """What was done, in a few lines; the first refusals are among them."""
        total, with_audio = self.counts["clips"], self.counts["with audio"]
        lines = [f"{total} clips with {self.counts['captions']} captions written to {self.out}"]
        if with_audio:
            found = quarantine.coverage(with_audio - len(self.missing), with_audio)
            lines.append(f"coverage: {found} have their audio")
        if with_audio < total:
            lines.append(f"captions only: {total - with_audio} clips name no audio")
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
        return replace(clip, split=self._split or clip.split)


def _not_empty(clips: Iterable[Clip], options: argparse.Namespace, intake: Intake) -> Iterator[Clip]:
    """The same clips, or an error before anything is written where there are none."""
    some = False
    for clip in clips:
        some = True
        yield clip
    if not some:
        reasons = "; ".join(_printable(str(item)) for item in intake.refused[:3])
        raise ValueError(
            f"{options.source} holds no clip of format {options.format}" + (f" ({reasons})" if reasons else "")
        )


def _printable(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _parser() -> argparse.ArgumentParser:
    known = formats()
    width = max(map(len, known))
    parser = argparse.ArgumentParser(
        "compa data import",
        usage="compa data import FORMAT SOURCE --out manifest.jsonl [options]",
        description="Captioned audio becomes a manifest. Missing audio stays in it and is listed beside it.\n\n"
        + "formats:\n"
        + "\n".join(f"  {name:{width}}  {format.ABOUT}" for name, format in known.items())
        + "\n\ncompa data import FORMAT --help tells the options of a format.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    by_format = parser.add_subparsers(
        prog="compa data import", dest="format", required=True, metavar="FORMAT", help=argparse.SUPPRESS
    )
    for name, format_module in known.items():
        command = by_format.add_parser(name, description=format_module.ABOUT)
        command.add_argument("source", help="what to import")
        command.add_argument("--out", type=Path, required=True, metavar="FILE", help="manifest to write")
        command.add_argument("--split", help="split of all clips, such as train or test")
        command.add_argument("--overwrite", action="store_true", help="replace an existing manifest")
        format_module.add_arguments(command)
    return parser
