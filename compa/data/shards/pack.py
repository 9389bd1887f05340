"""`compa data pack`: a manifest's clips become shards, by several processes, whole or resumable."""

from __future__ import annotations

import argparse
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
from compa.data.shards.index import INDEX, Index
from compa.data.shards.pack_shard import Task, pack_shard
from compa.manifest import Clip, scan_from
from compa.utils.arguments import add_workers
from compa.utils.files import is_file, sha256_of


@dataclass(frozen=True)
class Settings:
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
            raise ValueError(f"{self.clips_per_shard} clips per shard are too few: take 1 or more")


def main(arguments: Sequence[str]) -> int:
    """Runs `compa data pack` with the arguments after it."""
    options = _parser().parse_args(arguments)
    settings = Settings(options.format, options.rate, options.clips_per_shard)
    index, is_new = pack(options.manifest, options.out, settings, options.workers, options.engine)
    done = "" if is_new else " is packed already from this manifest with these settings; it"
    print(f"{options.out}{done} holds {index.summary}; {len(index.skipped):,} clips were left out", file=sys.stderr)
    for clip in index.skipped[:5]:
        print(f"  {clip}", file=sys.stderr)
    if len(index.skipped) > 5:
        print(f"  ... all are listed in {options.out / INDEX}", file=sys.stderr)
    return 0


def pack(
    manifest: Path, out: Path, settings: Settings, num_workers: int = 1, engine: str = "processes"
) -> tuple[Index, bool]:
    """Packs a manifest's clips into shards, or goes on with what an earlier call left unfinished.

    Clips in `<manifest stem>.quarantine.jsonl` beside the manifest and those without sound or text are left out, and
    listed in the index. The shards depend on the manifest, its sounds and the settings, not on engine and workers.

    Args:
        manifest: JSON Lines of clips.
        out: The folder for the shards.
        settings: How they shall be.
        num_workers: Processes that work side by side.
        engine: `processes` of this machine, or `ray` for those of a Ray cluster that sees the same files.

    Returns:
        The index, and whether anything was written.

    Raises:
        ValueError: If the manifest is bad, holds nothing that can be packed, or `out` holds something else.
        OSError: If the disk is full; what is packed is kept for the next call.
    """
    if num_workers < 1:
        raise ValueError(f"{num_workers} workers cannot pack: take 1 or more")
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


def _plan(manifest: Path, out: Path, settings: Settings, listed: Quarantine) -> list[Task]:
    """Reads through the manifest, and makes one task of the lines of each shard."""
    line_of_id: dict[str, int] = {}
    tasks: list[Task] = []
    size = settings.clips_per_shard
    places = scan_from(manifest)
    while lines := list(islice(places, size)):
        quarantined: dict[int, str] = {}
        for place, item in lines:
            if (reason := listed.reason(item)) is not None:
                quarantined[place.number] = reason
            elif isinstance(item, Clip) and (other := line_of_id.setdefault(item.id, place.number)) != place.number:
                double = f"id {item.id!r} stands in line {other}, too, and ids must be unique"
                raise ValueError(f"{manifest}, line {place.number}: {double}: {REMEDY}")
        tasks.append(
            Task(
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


def _content(manifest: Path, settings: Settings, listed: Quarantine) -> dict[str, object]:
    """What decides every byte of the shards, but for the sounds themselves."""
    reasons = sorted((listed.clips | listed.lines).items())
    with manifest.open("rb") as file:
        return {
            "manifest_sha256": sha256_of(file),
            "quarantine_sha256": hashlib.sha256(json.dumps(reasons).encode()).hexdigest(),
            **asdict(settings),
        }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compa data pack",
        description="Packs a manifest's clips into webdataset shards: mono, at one sample rate, in the manifest's "
        "order. Stopped at any moment, the same command goes on where it was.",
    )
    parser.add_argument("manifest", type=Path, help="JSON Lines of clips, as `compa data import` writes them")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--format", choices=FORMATS, default=Settings.format, help="of the sounds (%(default)s)")
    parser.add_argument(
        "--rate", metavar="HZ", type=int, default=Settings.sample_rate, help="sample rate (%(default)s)"
    )
    parser.add_argument(
        "--clips-per-shard", metavar="N", type=int, default=Settings.clips_per_shard, help="(%(default)s)"
    )
    add_workers(parser)
    add_engine_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
