"""`compa data verify`: decodes all audio of a manifest, and lists what must not be used."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path

from tqdm import tqdm

from compa.audio.decode import MIN_SECONDS
from compa.data import quarantine
from compa.data.audio_probe import Probe, probe
from compa.data.manifest_checks import ISSUE_TYPES, NOTE_TYPES, Issue, ManifestChecker
from compa.data.quarantine import Entry
from compa.manifest import Clip, scan_manifest
from compa.utils.arguments import CommandParser, add_workers, names, non_negative_float
from compa.utils.parallel import map_in_processes
from compa.utils.text_rows import RowError

NUM_SHOWN = 10
"""So many entries are shown; all are listed."""


@dataclass
class VerifyReport:
    """What was found in a manifest.

    Attributes:
        num_clips: Lines that are clips.
        num_decoded: Those whose audio could be decoded to its end.
        seconds: How long these are together.
        issues: All that is wrong.
    """

    num_clips: int = 0
    num_decoded: int = 0
    seconds: float = 0.0
    issues: list[Issue] = field(default_factory=list)

    def entries(self, allowed: Iterable[str] = ()) -> list[Entry]:
        """The quarantine: an entry a clip, with all reasons of the types that are not allowed."""
        reasons: dict[tuple[str | None, str | None], list[str]] = {}
        files = {issue.id: issue.file for issue in self.issues if issue.file}
        for issue in self.issues:
            if issue.type in ISSUE_TYPES and issue.type not in allowed:
                key = (issue.id, issue.file or files.get(issue.id))
                reasons.setdefault(key, []).append(issue.reason)
        return [Entry(name, file, "; ".join(dict.fromkeys(found))) for (name, file), found in reasons.items()]

    def table(self, allowed: Sequence[str] = ()) -> str:
        """Coverage, and how often each type of issue was found."""
        counts = Counter(issue.type for issue in self.issues)
        decoded = quarantine.coverage(self.num_decoded, self.num_clips)
        lines = [f"coverage: {decoded} can be decoded, {self.seconds / 3600:.2f} hours"]
        for name, about in (ISSUE_TYPES | NOTE_TYPES).items():
            if counts[name]:
                note = (
                    " (allowed)" if name in allowed else " (not a reason for quarantine)" if name in NOTE_TYPES else ""
                )
                lines.append(f"  {name:17} {counts[name]:8}  {about}{note}")
        return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Runs `compa data verify` and returns the exit code: 1 where something is in quarantine.

    Raises:
        ValueError: If there is no manifest, or it holds no clip.
        OSError: If a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    report = verify(options.manifest, options.min_seconds, options.max_seconds, options.workers)
    entries = report.entries(options.allow)
    path = quarantine.write(options.manifest, entries)
    for entry in entries[:NUM_SHOWN]:
        print(f"{entry.file or entry.id}: {entry.reason}", file=sys.stderr)
    if len(entries) > NUM_SHOWN:
        print(f"... and {len(entries) - NUM_SHOWN} more, all in {path}", file=sys.stderr)
    print(report.table(options.allow))
    print(_conclusion(report, entries, path))
    return 1 if entries else 0


def verify(
    manifest: Path, min_seconds: float = MIN_SECONDS, max_seconds: float | None = None, num_workers: int = 1
) -> VerifyReport:
    """Reads every line of a manifest and decodes every file in it, in parallel.

    Args:
        manifest: Its path.
        min_seconds: Shorter clips are too short.
        max_seconds: Longer ones are too long; None for no limit.
        num_workers: Processes that decode.

    Raises:
        ValueError: If there is no manifest, or it holds nothing.
    """
    if not manifest.is_file():
        raise ValueError(f"{manifest} is not a file: give a manifest, as `compa data import` writes one")
    report = VerifyReport()
    checker = ManifestChecker(min_seconds, max_seconds)
    items, ahead = tee(scan_manifest(manifest))
    paths = (_path(manifest, item) for item in ahead)
    probes = map_in_processes(_probe, paths, num_workers, lambda _: Probe(error="its decoder crashed"))
    shown = tqdm(probes, "verifying", unit=" clips", file=sys.stderr, mininterval=0.5, disable=None)
    for item, found in zip(items, shown, strict=True):
        if isinstance(item, RowError):
            report.issues.append(Issue("bad-line", None, quarantine.location(manifest, item), item.reason))
            continue
        report.num_clips += 1
        report.num_decoded += found is not None and found.error is None
        report.seconds += found.seconds if found else 0.0
        report.issues += checker.check(item, found)
    if not report.num_clips and not report.issues:
        raise ValueError(f"{manifest} is empty: give a manifest, as `compa data import` writes one")
    report.issues += checker.compare()
    return report


def _path(manifest: Path, item: Clip | RowError) -> Path | None:
    return None if isinstance(item, RowError) or item.audio is None else manifest.parent / item.audio


def _probe(path: Path | None) -> Probe | None:
    """Decodes a file; None where there is none."""
    try:
        return probe(path) if path is not None and path.exists() else None
    except (OSError, ValueError) as error:  # a name too long, or with a zero byte
        return Probe(error=f"its name is that of no file ({getattr(error, 'strerror', error)})")


def _conclusion(report: VerifyReport, entries: Sequence[Entry], path: Path | None) -> str:
    num_lines = sum(entry.id is None for entry in entries)
    lines = f" and {num_lines} lines that are not clips" if num_lines else ""
    clips = f"{len(entries) - num_lines} of {report.num_clips} clips{lines}"
    return f"quarantined: {clips}, listed in {path}" if entries else "clean: nothing is quarantined"


def _parser() -> CommandParser:
    types = "\n".join(f"  {name:17} {about}" for name, about in (ISSUE_TYPES | NOTE_TYPES).items())
    parser = CommandParser(
        "compa data verify",
        "Decodes all audio of a manifest, and lists beside it what must not be used; every other command leaves that "
        f"out. Exit code 0: nothing to list; 1: something is listed.\n\ntypes of issues:\n{types}",
        "compa data verify manifest.jsonl --allow duplicate-audio,channels-cancel",
    )
    parser.add_argument("manifest", type=Path, help="manifest.jsonl")
    parser.add_argument(
        "--min-seconds", metavar="S", type=non_negative_float, default=MIN_SECONDS, help="shorter is too short"
    )
    parser.add_argument("--max-seconds", metavar="S", type=non_negative_float, help="longer is too long")
    parser.add_argument(
        "--allow", metavar="TYPES", type=names("type", ISSUE_TYPES), default=(), help="types not to list, by comma"
    )
    add_workers(parser)
    return parser
