"""`compa data stats`: says what is in a manifest, as a table and a picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import tee
from pathlib import Path

from tqdm import tqdm

from compa.audio.decode import open_audio
from compa.data import quarantine
from compa.data.manifest_stats import Contents
from compa.manifest import Clip
from compa.utils.arguments import add_workers
from compa.utils.files import is_file
from compa.utils.parallel import map_in_processes

PICTURES = (".png", ".svg", ".pdf")
UNREADABLE = "unreadable audio"
"""What the table calls a file without a length, as far as `compa data verify` has not put it into quarantine."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa data stats` and returns the exit code.

    Raises:
        ValueError: If there is no manifest, a line of it is broken, or the picture's format is unknown.
        OSError: If a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    if options.picture is not None and options.picture.suffix.lower() not in PICTURES:
        raise ValueError(f"{options.picture} is no picture: its name ends in {', '.join(PICTURES)}")
    contents = count(options.manifest, options.workers)
    left_out = quarantine.entries(options.manifest)
    print(contents.table())
    if left_out:
        print(f"{'quarantined':18} {len(left_out):,}, not counted here: {quarantine.list_path(options.manifest)}")
    if options.picture is not None:
        from compa.data.picture import save_picture

        save_picture(contents, options.picture, options.manifest.name)
        print(f"{'picture':18} {options.picture}")
    return 0


def count(manifest: Path, num_workers: int) -> Contents:
    """Counts what is in the clips of a manifest that are not in its quarantine; lengths are those of the headers,
    where these say one.

    Raises:
        ValueError: If the manifest is missing or empty, or one of its lines is broken.
    """
    contents = Contents()
    clips, ahead = tee(quarantine.usable_clips(manifest))
    paths = (None if clip.audio is None else manifest.parent / clip.audio for clip in ahead)
    lengths = map_in_processes(_seconds, paths, num_workers, lambda _: UNREADABLE)
    shown = tqdm(lengths, "counting", unit=" clips", file=sys.stderr, mininterval=0.5, disable=None)
    clip: Clip
    for clip, seconds in zip(clips, shown, strict=True):
        contents.add(clip, seconds)
    if not contents.num_clips:
        raise ValueError(f"{manifest} has no clip that can be used: verify it, or import it again")
    return contents


def _seconds(path: Path | None) -> float | str:
    """The length that a file's header says, or why there is none."""
    if path is None:
        return "captions only"
    try:
        with open_audio(path) as stream:
            promised = stream.num_promised
            return (sum(map(len, stream.blocks)) if promised is None else promised) / stream.sample_rate
    except ValueError:  # what is wrong with each of them, `compa data verify` says
        return UNREADABLE if is_file(path) else "missing audio"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "compa data stats",
        description="Hours, lengths, captions, words, labels and negatives of a manifest, without its quarantine.",
    )
    parser.add_argument("manifest", type=Path, help="manifest .jsonl")
    parser.add_argument("--picture", type=Path, metavar="FILE", help=f"draw it too ({', '.join(PICTURES)})")
    add_workers(parser)
    return parser
