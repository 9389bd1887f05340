"""`compa data verify`: decodes all audio of a manifest, and lists what must not be used."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import tee
from pathlib import Path

from tqdm import tqdm

from compa.data import quarantine
from compa.data.audio_probe import Probe, probe
from compa.data.manifest_checks import KINDS, NOTES, Finding, Inspector
from compa.data.quarantine import Entry
from compa.manifest import Clip, scan_manifest
from compa.utils.arguments import add_workers
from compa.utils.parallel import map_in_processes
from compa.utils.text_rows import RowError

NUM_SHOWN = 10
"""So many findings are shown; all are listed."""


@dataclass
class Verdict:
    """What a manifest is found to be.

    Attributes:
        num_clips: Lines that are clips.
        num_decoded: Those whose audio could be decoded to its end.
        seconds: How long these are together.
        findings: All that is wrong.
    """

    num_clips: int = 0
    num_decoded: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    def entries(self, allowed: Iterable[str] = ()) -> list[Entry]:
        """The quarantine: an entry a clip, with all reasons of the kinds that are not allowed."""
        reasons: dict[tuple[str | None, str | None], list[str]] = {}
        files = {finding.id: finding.file for finding in self.findings if finding.file}
        for finding in self.findings:
            if finding.kind in KINDS and finding.kind not in allowed:
                key = (finding.id, finding.file or files.get(finding.id))
                reasons.setdefault(key, []).append(finding.reason)
        return [Entry(name, file, "; ".join(dict.fromkeys(found))) for (name, file), found in reasons.items()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa data verify` and returns the exit code: 1 where something is in quarantine.

    Raises:
        ValueError: If there is no manifest, or it holds no clip.
        OSError: If a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    verdict = verify(options.manifest, options.min_seconds, options.max_seconds, options.workers)
    entries = verdict.entries(options.allow)
    path = quarantine.write(options.manifest, entries)
    for entry in entries[:NUM_SHOWN]:
        print(f"{entry.file or entry.id}: {entry.reason}", file=sys.stderr)
    if len(entries) > NUM_SHOWN:
        print(f"... and {len(entries) - NUM_SHOWN} more, all in {path}", file=sys.stderr)
    print(_report(verdict, options.allow))
    print(_conclusion(verdict, entries, path))
    return 1 if entries else 0


def verify(manifest: Path, min_seconds: float, max_seconds: float | None, num_workers: int) -> Verdict:
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
        raise ValueError(f"{manifest} is no file: give a manifest, as `compa data import` writes one")
    verdict = Verdict()
    inspector = Inspector(min_seconds, max_seconds)
    items, ahead = tee(scan_manifest(manifest))
    paths = (_path(manifest, item) for item in ahead)
    probes = map_in_processes(_probe, paths, num_workers, lambda _: Probe(error="its decoder crashed"))
    shown = tqdm(probes, "verifying", unit=" clips", file=sys.stderr, mininterval=0.5, disable=None)
    for item, found in zip(items, shown, strict=True):
        if isinstance(item, RowError):
            where = quarantine.place(manifest, item)
            verdict.findings.append(Finding("bad-line", None, where, item.reason))
            continue
        verdict.num_clips += 1
        verdict.num_decoded += found is not None and found.error is None
        verdict.seconds += found.seconds if found else 0.0
        verdict.findings += inspector.look(item, found)
    if not verdict.num_clips and not verdict.findings:
        raise ValueError(f"{manifest} is empty: give a manifest, as `compa data import` writes one")
    verdict.findings += inspector.compare()
    return verdict


def _path(manifest: Path, item: Clip | RowError) -> Path | None:
    return None if isinstance(item, RowError) or item.audio is None else manifest.parent / item.audio


def _probe(path: Path | None) -> Probe | None:
    """Decodes a file; None where there is none."""
    try:
        return probe(path) if path is not None and path.exists() else None
    except (OSError, ValueError) as error:  # a name too long, or with a zero byte
        return Probe(error=f"its name is that of no file ({getattr(error, 'strerror', error)})")


def _conclusion(verdict: Verdict, entries: Sequence[Entry], path: Path | None) -> str:
    num_lines = sum(entry.id is None for entry in entries)
    lines = f" and {num_lines} lines that are no clips" if num_lines else ""
    clips = f"{len(entries) - num_lines} of {verdict.num_clips} clips{lines}"
    return f"quarantined: {clips}, listed in {path}" if entries else "clean: nothing is quarantined"


def _report(verdict: Verdict, allowed: Sequence[str]) -> str:
    counts = Counter(finding.kind for finding in verdict.findings)
    decoded = quarantine.coverage(verdict.num_decoded, verdict.num_clips)
    lines = [f"coverage: {decoded} can be decoded, {verdict.seconds / 3600:.2f} hours"]
    for kind, about in (KINDS | NOTES).items():
        if counts[kind]:
            note = " (allowed)" if kind in allowed else " (no reason for quarantine)" if kind in NOTES else ""
            lines.append(f"  {kind:17} {counts[kind]:8}  {about}{note}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    kinds = "\n".join(f"  {kind:17} {about}" for kind, about in (KINDS | NOTES).items())
    parser = argparse.ArgumentParser(
        "compa data verify",
        description="Decodes all audio of a manifest, and lists beside it what must not be used; every other\n"
        "command leaves that out. Exit code 0: nothing to list; 1: something is listed.\n\n" + kinds,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("manifest", type=Path, help="manifest .jsonl")
    parser.add_argument("--min-seconds", type=_seconds, default=0.1, metavar="S", help="default: %(default)s")
    parser.add_argument("--max-seconds", type=_seconds, default=None, metavar="S", help="default: no limit")
    parser.add_argument("--allow", type=_kinds, default=(), metavar="KINDS", help="kinds not to list, by comma")
    add_workers(parser)
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


def _kinds(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in KINDS:
            raise argparse.ArgumentTypeError(f"unknown kind {name!r} (legal: {', '.join(KINDS)})")
    return names
