"""`compa data pack`: a manifest's clips become shards, by several processes, whole or resumable."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from compa.audio.encode import FORMATS, check_format
from compa.data.quarantine import REMEDY, Quarantine
from compa.data.shards.folder import ShardFolder, add_engine_option
from compa.data.shards.index import INDEX, ClipNote, Index
from compa.data.shards.pack_shard import PackTask, pack_shard
from compa.manifest import Clip, scan_from
from compa.utils.arguments import CommandParser, add_out_folder, add_workers, name_of, positive_int
from compa.utils.files import is_file, sha256_of

NUM_SHOWN = 5
"""So many clips of each list are shown; all are in the index."""


@dataclass(frozen=True)
class PackSettings:
    """What the user decides about the shards.

    Attributes:
        format: `flac`, `wav` or `opus`.
        sample_rate: In Hz.
        clips_per_shard: Lines of the manifest that go into one shard.
    """

    format: str = "flac"
    sample_rate: int = 16000
    clips_per_shard: int = 1000

    def __post_init__(self) -> None:
        check_format(self.format, self.sample_rate)
        if self.clips_per_shard < 1:
            raise ValueError(f"clips_per_shard must be at least 1; got {self.clips_per_shard}")


def main(arguments: Sequence[str]) -> int:
    """Runs `compa data pack` and returns the exit code."""
    options = _parser().parse_args(arguments)
    settings = PackSettings(options.format, options.sample_rate, options.clips_per_shard)
    index, is_new = pack(options.manifest, options.out, settings, options.workers, options.engine)
    done = "" if is_new else " is packed already from this manifest with these settings; it"
    print(f"{options.out}{done} holds {index.summary}; {len(index.skipped):,} clips were left out", file=sys.stderr)
    _show(index.skipped, options.out)
    if index.noted:
        print(f"{len(index.noted):,} clips are not as their files have them", file=sys.stderr)
        _show(index.noted, options.out)
    return 0


def _show(notes: Sequence[ClipNote], out: Path) -> None:
    for note in notes[:NUM_SHOWN]:
        print(f"  {note}", file=sys.stderr)
    if len(notes) > NUM_SHOWN:
        print(f"  ... all are listed in {out / INDEX}", file=sys.stderr)


def pack(
    manifest: Path, out: Path, settings: PackSettings, num_workers: int = 1, engine: str = "processes"
) -> tuple[Index, bool]:
    """Packs a manifest's clips into shards, or goes on with what an earlier call left unfinished.

    Clips in `<manifest stem>.quarantine.jsonl` beside the manifest and those without sound or text are left out, and
    listed in the index. The shards depend on the manifest, its sounds and the settings, not on engine and workers.

    Args:
        manifest: JSON Lines of clips.
        out: The folder for the shards.
        settings: Format of the shards.
        num_workers: Processes that work side by side.
        engine: `processes` of this machine, or `ray` for those of a Ray cluster that sees the same files.

    Returns:
        The index, and whether anything was written.

    Raises:
        ValueError: If the manifest is bad, holds nothing that can be packed, or `out` holds something else.
        OSError: If the disk is full; what is packed is kept for the next call.
    """
    if num_workers < 1:
        raise ValueError(f"num_workers must be at least 1; got {num_workers}")
    if not is_file(manifest):
        raise ValueError(f"there is no manifest {manifest}: write one with `compa data import`")
    if engine != "processes":
        manifest, out = manifest.absolute(), out.absolute()  # other machines are in other folders
    listed = Quarantine(manifest)
    content = _content(manifest, settings, listed)
    folder = ShardFolder(out, content)
    if (index := folder.finished()) is not None:
        return index, False
    tasks = _plan(manifest, out, settings, listed)
    return folder.fill(pack_shard, tasks, num_workers, engine, "packing"), True


def _plan(manifest: Path, out: Path, settings: PackSettings, listed: Quarantine) -> list[PackTask]:
    """Reads through the manifest, and makes one task of the lines of each shard."""
    line_of_id: dict[str, int] = {}
    tasks: list[PackTask] = []
    size = settings.clips_per_shard
    items = scan_from(manifest)
    while lines := list(islice(items, size)):
        quarantined: dict[int, str] = {}
        for offset, item in lines:
            if (reason := listed.reason(item)) is not None:
                quarantined[offset.number] = reason
            elif isinstance(item, Clip) and (other := line_of_id.setdefault(item.id, offset.number)) != offset.number:
                why = f"ids must be unique, and {item.id!r} is that of line {other}, too"
                raise ValueError(f"{manifest}, line {offset.number}: {why}: {REMEDY}")
        tasks.append(
            PackTask(
                manifest=manifest,
                first=lines[0][0],
                count=len(lines),
                quarantined=quarantined,
                tar=out / f"shard-{len(tasks):06d}.tar",
                format=settings.format,
                sample_rate=settings.sample_rate,
            )
        )
    if not tasks:
        raise ValueError(f"{manifest} holds no clips")
    return tasks


def _content(manifest: Path, settings: PackSettings, listed: Quarantine) -> dict[str, object]:
    """What decides every byte of the shards, but for the sounds themselves."""
    reasons = sorted((listed.clips | listed.lines).items())
    with manifest.open("rb") as file:
        return {
            "manifest_sha256": sha256_of(file),
            "quarantine_sha256": hashlib.sha256(json.dumps(reasons).encode()).hexdigest(),
            **asdict(settings),
        }


def _parser() -> CommandParser:
    parser = CommandParser(
        "compa data pack",
        "Packs a manifest's clips into webdataset shards: mono, at one sample rate, in the manifest's order. The same "
        "command continues a run that was stopped.",
        "compa data pack manifest.jsonl --out shards",
    )
    parser.add_argument("manifest", type=Path, help="manifest.jsonl, as `compa data import` writes it")
    add_out_folder(parser, "folder for the shards")
    parser.add_argument(
        "--format", metavar="NAME", type=name_of("format", FORMATS), default=PackSettings.format, help="of the sounds"
    )
    parser.add_argument(
        "--sample-rate", metavar="HZ", type=positive_int, default=PackSettings.sample_rate, help="of the sounds, in Hz"
    )
    parser.add_argument(
        "--clips-per-shard", metavar="N", type=positive_int, default=PackSettings.clips_per_shard, help="at most"
    )
    add_workers(parser)
    add_engine_option(parser)
    return parser
