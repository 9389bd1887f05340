"""`compa data stats`: describes a manifest in a table and, with --picture, a picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import tee
from pathlib import Path

from tqdm import tqdm

from compa.audio.decode import open_audio
from compa.data import quarantine
from compa.data.manifest_stats import ManifestStats
from compa.manifest import Clip
from compa.utils.arguments import CommandParser, add_workers
from compa.utils.files import is_file
from compa.utils.parallel import map_in_processes

PICTURES = (".png", ".svg", ".pdf")
UNREADABLE = "unreadable audio"
"""What the table calls a file without a length that `compa data verify` has not put into quarantine."""


def main(arguments: Sequence[str]) -> int:
    """Runs `compa data stats` and returns the exit code.

    Raises:
        ValueError: If there is no manifest, a line of it is broken, or the picture's format is unknown.
        OSError: If a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    picture: Path | None = options.picture
    if picture is not None and picture.suffix.lower() not in PICTURES:
        raise ValueError(f"--picture must end in one of {', '.join(PICTURES)}; got {picture}")
    stats = count(options.manifest, options.workers)
    left_out = quarantine.entries(options.manifest)
    print(stats.table())
    if left_out:
        print(f"{'quarantined':18} {len(left_out):,}, not counted here: {quarantine.list_path(options.manifest)}")
    if picture is not None:
        from compa.data.picture import save_picture

        save_picture(stats, picture, options.manifest.name)
        print(f"{'picture':18} {picture}")
    return 0


def count(manifest: Path, num_workers: int) -> ManifestStats:
    """Counts what is in the clips of a manifest that are not in its quarantine.

    Lengths are those of the files' headers, where these have one.

    Raises:
        ValueError: If the manifest is missing or empty, or one of its lines is broken.
    """
    stats = ManifestStats()
    clips, ahead = tee(quarantine.usable_clips(manifest))
    paths = (None if clip.audio is None else manifest.parent / clip.audio for clip in ahead)
    lengths = map_in_processes(_seconds, paths, num_workers, lambda _: UNREADABLE)
    shown = tqdm(lengths, "counting", unit=" clips", file=sys.stderr, mininterval=0.5, disable=None)
    clip: Clip
    for clip, seconds in zip(clips, shown, strict=True):
        stats.add(clip, seconds)
    if not stats.num_clips:
        raise ValueError(f"{manifest} has no clip that can be used: verify it, or import it again")
    return stats


def _seconds(path: Path | None) -> float | str:
    """The length in a file's header, or why there is none."""
    if path is None:
        return "captions only"
    try:
        with open_audio(path) as stream:
            promised = stream.num_promised
            return (sum(map(len, stream.blocks)) if promised is None else promised) / stream.sample_rate
    except ValueError:  # `compa data verify` says what is wrong with each of them
        return UNREADABLE if is_file(path) else "missing audio"


def _parser() -> CommandParser:
    parser = CommandParser(
        "compa data stats",
        "Hours, lengths, captions, words, labels and negatives of a manifest, without its quarantine.",
        "compa data stats manifest.jsonl --picture stats.png",
    )
    parser.add_argument("manifest", type=Path, help="manifest.jsonl")
    parser.add_argument("--picture", type=Path, metavar="FILE", help=f"draw it, too ({', '.join(PICTURES)})")
    add_workers(parser)
    return parser
