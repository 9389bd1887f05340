"""`compa scenes render`: renders composed scenes into shards, by several processes, whole or resumable."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from compa.audio.encode import FORMATS, check_format, encode_audio
from compa.data.shards.folder import ShardFolder, add_engine_option, write_shard
from compa.data.shards.index import Index
from compa.manifest import NEGATIVE_KINDS, Clip
from compa.scenes.attributes import variable_attributes
from compa.scenes.banks.augmented import AugmentedBank
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.settings import Settings
from compa.scenes.holdout import HeldOut
from compa.utils.arguments import (
    CommandParser,
    add_events,
    add_out_folder,
    add_seed,
    add_workers,
    names,
    positive_int,
)

MIN_RATE = 8000
"""In Hz, that of telephones."""
VERSION = 5
"""Rises whenever the same seed gives other clips."""


@dataclass(frozen=True)
class Rendering:
    """What decides every byte of the shards, but for the sounds of the bank.

    Attributes:
        events: A folder with one folder a label, or a CSV with `file,label`; None is the built-in synthesizer.
        num: Clips, twins included.
        seed: Seeds all draws.
        settings: Which scenes to compose.
        format: `flac`, `wav` or `opus`.
        sample_rate: In Hz.
        clips_per_shard: Twins included.
    """

    events: str | None = None
    num: int = 1000
    seed: int = 0
    settings: Settings = field(default_factory=Settings)
    format: str = "flac"
    sample_rate: int = 16000
    clips_per_shard: int = 1000

    def __post_init__(self) -> None:
        check_format(self.format, self.sample_rate)
        if self.sample_rate < MIN_RATE:
            raise ValueError(f"sample_rate must be at least {MIN_RATE} Hz; got {self.sample_rate}")
        for name in ("num", "clips_per_shard"):
            value = getattr(self, name)
            if value < self.clips_per_scene or value % self.clips_per_scene:
                above = (max(value, 0) // self.clips_per_scene + 1) * self.clips_per_scene
                legal = "an even number, as clips come with their twins" if self.settings.twins else "at least 1"
                raise ValueError(f"{name} must be {legal}; got {value}; use {above}")

    @property
    def clips_per_scene(self) -> int:
        """2 with twins."""
        return 2 if self.settings.twins else 1

    def composer(self) -> Composer:
        """Composes the scenes: of training recordings, and of label pairs that are not held out."""
        bank = AugmentedBank(_open(self.events, self.sample_rate).split("train"))
        return Composer(bank, self.settings, self.seed)


@dataclass(frozen=True)
class Task:
    """A shard to render: its scenes are `first` and the following."""

    rendering: Rendering
    tar: Path
    first: int
    count: int


def main(arguments: Sequence[str]) -> int:
    """Runs `compa scenes render` with the arguments after it."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings = Settings(
            seconds=options.seconds,
            max_events=options.max_events,
            max_depth=options.max_depth,
            attributes=options.attributes,
            kinds=options.kinds,
            negatives=options.negatives,
            positives=options.positives,
            twins=not options.no_twins,
            background=tuple(options.background) if options.background else None,
        )
        rendering = Rendering(
            events=options.events,
            num=options.num,
            seed=options.seed,
            settings=settings,
            format=options.format,
            sample_rate=options.sample_rate,
            clips_per_shard=options.clips_per_shard,
        )
    except ValueError as error:
        parser.error(_about_option(str(error)))
    index, is_new = render(rendering, options.out, options.workers, options.engine)
    state = "holds" if is_new else "was rendered with these settings before; it holds"
    print(f"{options.out} {state} {index.summary}", file=sys.stderr)
    return 0


def _about_option(message: str) -> str:
    """A message that begins with the name of a setting, about the option of that name."""
    name = message.split()[0]
    known = {setting.name for setting in (*fields(Settings), *fields(Rendering))}
    return f"--{name.replace('_', '-')}{message.removeprefix(name)}" if name in known else message


def render(rendering: Rendering, out: Path, num_workers: int = 1, engine: str = "processes") -> tuple[Index, bool]:
    """Renders scenes into shards, or continues what an earlier call left unfinished.

    Args:
        rendering: What to render; with the bank's sounds it decides every byte.
        out: The folder for the shards.
        num_workers: How many processes; the shards do not depend on it.
        engine: `processes` of this machine, or `ray` for those of a Ray cluster that sees the same files.

    Returns:
        The index, and whether anything was written.

    Raises:
        ValueError: If the bank or the folder cannot be used.
        OSError: If the disk is full; what is finished is kept for the next call.
    """
    if engine != "processes":
        out = out.absolute()  # other machines are in other folders
        events = str(Path(rendering.events).absolute()) if rendering.events else None
        rendering = replace(rendering, events=events)
    rendering.composer().scenes(0)  # what cannot be composed is an error before anything is written
    folder = ShardFolder(out, _content(rendering))
    if (index := folder.finished()) is not None:
        return index, False
    size = rendering.clips_per_shard
    tasks = [
        Task(
            rendering,
            out / f"shard-{number:06d}.tar",
            first=number * size // rendering.clips_per_scene,
            count=min(size, rendering.num - number * size),
        )
        for number in range(math.ceil(rendering.num / size))
    ]
    return folder.fill(render_shard, tasks, num_workers, engine, "rendering"), True


def render_shard(task: Task) -> Task:
    """Renders one shard; returns the task."""
    write_shard(task.tar, _clips(task), task.rendering.format)
    return task


def _clips(task: Task) -> Iterator[tuple[Clip, bytes]]:
    rendering = task.rendering
    composer = _composer(rendering)
    for number in range(task.first, task.first + task.count // rendering.clips_per_scene):
        for clip, waveform, _ in composer.scenes(number):
            yield clip, encode_audio(waveform, rendering.sample_rate, rendering.format)


@lru_cache(maxsize=1)
def _open(events: str | None, sample_rate: int) -> EventBank:
    """The bank, opened once a process: reading recordings takes seconds."""
    return open_bank(events, sample_rate)


@lru_cache(maxsize=1)
def _composer(rendering: Rendering) -> Composer:
    return rendering.composer()


def _content(rendering: Rendering) -> dict[str, Any]:
    """The rendering and the bank's sounds, and what of the bank was held out."""
    bank = _open(rendering.events, rendering.sample_rate)
    content = {
        "scenes": VERSION,
        **asdict(rendering),
        "events": bank.name,
        "held_out": HeldOut.of(bank).record(),
    }
    loaded: dict[str, Any] = json.loads(json.dumps(content))
    return loaded


def _attributes(text: str) -> tuple[str, ...]:
    return names("attribute", variable_attributes())(text) if text.strip() else ()


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "compa scenes render",
        "Renders composed scenes into webdataset shards. Every clip has captions, positives and negatives with their "
        "claims, its events, and a twin that differs in one thing. After an interruption the same command continues; "
        "the same seed gives the same bytes.",
        "compa scenes render --num 20000 --seconds 4 --max-events 2 --out scenes",
    )
    default = Settings()
    parser.add_argument("--num", metavar="N", type=int, required=True, help="number of clips, twins included")
    add_out_folder(parser, "folder for the shards")
    add_events(parser)
    add_seed(parser)
    parser.add_argument("--seconds", metavar="S", type=float, default=default.seconds, help="length of a clip")
    parser.add_argument("--max-events", metavar="N", type=int, default=default.max_events, help="most events of a clip")
    parser.add_argument("--max-depth", metavar="N", type=int, default=default.max_depth, help="most nested relations")
    parser.add_argument(
        "--attributes",
        metavar="A,B",
        type=_attributes,
        default=default.attributes,
        help=f"what sounds differ in, of {', '.join(variable_attributes())}; '' for nothing "
        f"(default: {','.join(default.attributes)})",
    )
    parser.add_argument(
        "--kinds",
        metavar="A,B",
        type=names("kind", NEGATIVE_KINDS),
        default=NEGATIVE_KINDS,
        help=f"kinds of negatives and twins (default: {','.join(NEGATIVE_KINDS)})",
    )
    parser.add_argument(
        "--negatives", metavar="N", type=int, default=default.negatives, help="most negatives of a clip"
    )
    parser.add_argument(
        "--positives", metavar="N", type=int, default=default.positives, help="most positives of a clip"
    )
    parser.add_argument("--no-twins", action="store_true", help="render single clips")
    parser.add_argument(
        "--background",
        metavar=("LOW", "HIGH"),
        type=float,
        nargs=2,
        help="add a noise that is from LOW to HIGH dB below the events; by default there is none",
    )
    parser.add_argument("--format", choices=FORMATS, default=Rendering.format, help="format of the audio")
    parser.add_argument(
        "--sample-rate", metavar="HZ", type=positive_int, default=Rendering.sample_rate, help="sample rate"
    )
    parser.add_argument(
        "--clips-per-shard",
        metavar="N",
        type=int,
        default=Rendering.clips_per_shard,
        help="number of clips in a shard, twins included",
    )
    add_workers(parser)
    add_engine_option(parser)
    return parser
