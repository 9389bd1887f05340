"""`compa scenes render`: composed scenes become shards, by several processes, whole or resumable."""

from __future__ import annotations

import argparse
import hashlib
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
from compa.scenes.banks.augmented import VariedBank
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from compa.scenes.captions import Grammar, read_phrasings
from compa.scenes.claims.scale import SCALES
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.settings import Settings
from compa.scenes.holdout import held_out_pairs
from compa.utils.arguments import add_workers

MIN_RATE = 8000
"""In Hz; telephones have as much."""
VERSION = 4
"""Rises whenever the same seed gives other clips."""


@dataclass(frozen=True)
class Rendering:
    """What decides every byte of the shards, but for the sounds of the bank.

    Attributes:
        events: A folder with one folder a label, or a CSV with `file,label`; None is the built-in synthesiser.
        num: Clips, twins included.
        seed: Decides all chances.
        settings: How scenes shall be.
        phrasings: A YAML of further phrasings.
        format: `flac`, `wav` or `opus`.
        sample_rate: In Hz.
        clips_per_shard: Twins included.
    """

    events: str | None = None
    num: int = 1000
    seed: int = 0
    settings: Settings = field(default_factory=Settings)
    phrasings: str | None = None
    format: str = "flac"
    sample_rate: int = 16000
    clips_per_shard: int = 1000

    def __post_init__(self) -> None:
        check_format(self.format, self.sample_rate)
        if self.sample_rate < MIN_RATE:
            raise ValueError(
                f"--sample-rate {self.sample_rate} is too low for sounds that are told apart: take {MIN_RATE} or more"
            )
        if self.seed < 0:
            raise ValueError(f"--seed {self.seed} is none: take 0 or more")
        for name in ("num", "clips_per_shard"):
            value = getattr(self, name)
            if value < self.clips_per_scene or value % self.clips_per_scene:
                above = (max(value, 0) // self.clips_per_scene + 1) * self.clips_per_scene
                why = "clips come with their twins" if self.settings.twins else "there is nothing to do"
                raise ValueError(f"--{name.replace('_', '-')} {value} is not possible: {why}; take {above}")

    @property
    def clips_per_scene(self) -> int:
        """2 with twins."""
        return 2 if self.settings.twins else 1

    def composer(self) -> Composer:
        """Composes the scenes: of training recordings, and of label pairs that are not held out."""
        grammar = Grammar(read_phrasings(Path(self.phrasings) if self.phrasings else None))
        bank = VariedBank(_open(self.events, self.sample_rate).split("train"))
        return Composer(bank, self.settings, self.seed, grammar)


@dataclass(frozen=True)
class Task:
    """A shard that is to be rendered: its scenes are `first` and the following."""

    rendering: Rendering
    tar: Path
    first: int
    count: int


def main(arguments: Sequence[str]) -> int:
    """Runs `compa scenes render` with the arguments after it."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        rendering = _wished(options)
    except ValueError as error:
        parser.error(_of_option(str(error)))
    index, is_new = render(rendering, options.out, options.workers, options.engine)
    done = "holds" if is_new else "is rendered already with these settings; it holds"
    print(f"{options.out} {done} {index.summary}", file=sys.stderr)
    return 0


def _wished(options: argparse.Namespace) -> Rendering:
    """What the options ask for.

    Raises:
        ValueError: If that is not possible, whatever the sounds are.
    """
    settings = Settings(
        seconds=options.seconds,
        max_events=options.max_events,
        max_depth=options.max_depth,
        attributes=_names(options.attributes),
        kinds=_names(options.kinds),
        negatives=options.negatives,
        positives=options.positives,
        twins=not options.no_twins,
        background=tuple(options.background) if options.background else None,
    )
    return Rendering(
        options.events, options.num, options.seed, settings, options.phrasings, options.format, options.sample_rate,
        options.clips_per_shard,
    )  # fmt: skip


def _of_option(message: str) -> str:
    """A message that begins with the name of a setting, about the option of that name."""
    name = message.split()[0]
    is_setting = name in {setting.name for setting in fields(Settings)}
    return f"--{name.replace('_', '-')}{message.removeprefix(name)}" if is_setting else message


def render(rendering: Rendering, out: Path, num_workers: int = 1, engine: str = "processes") -> tuple[Index, bool]:
    """Renders scenes into shards, or goes on with what an earlier call left unfinished.

    Args:
        rendering: What to render; with the bank's sounds it decides every byte.
        out: The folder for the shards.
        num_workers: Processes that work side by side; the shards do not depend on it.
        engine: `processes` of this machine, or `ray` for those of a Ray cluster that sees the same files.

    Returns:
        The index, and whether anything was written.

    Raises:
        ValueError: If the bank or the folder cannot be used.
        OSError: If the disk is full; what is finished is kept for the next call.
    """
    if engine != "processes":
        out = out.absolute()  # other machines are in other folders
        events, phrasings = (
            str(Path(path).absolute()) if path else None for path in (rendering.events, rendering.phrasings)
        )
        rendering = replace(rendering, events=events, phrasings=phrasings)
    rendering.composer().scenes(0)  # what cannot be composed is said before anything is written
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
    """Renders one shard; gives the task back."""
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
    """The rendering and the bank's sounds, and what of the bank no clip was made of."""
    bank = _open(rendering.events, rendering.sample_rate)
    test = bank.split("test")
    decided = asdict(rendering)
    phrasings = decided.pop("phrasings")
    content = {
        "scenes": VERSION,
        **decided,
        "events": bank.name,
        "phrasings_sha256": hashlib.sha256(Path(phrasings).read_bytes()).hexdigest() if phrasings else None,
        "held_out": {
            "bank": bank.name,
            "bank_fingerprint": bank.fingerprint,
            "held_out_pairs": sorted(map(list, held_out_pairs(bank.labels))),
            "test_recordings": sorted(name for label in test.labels for name in test.recordings(label)),
        },
    }
    loaded: dict[str, Any] = json.loads(json.dumps(content))
    return loaded


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compa scenes render",
        description="Renders composed scenes into webdataset shards: every clip has captions, positives and negatives "
        "with their claims, its events, and a twin that differs in one thing. Stopped at any moment, the same command "
        "goes on where it was; the same seed gives the same bytes.",
    )
    default = Settings()
    parser.add_argument("--events", metavar="DIR|CSV", help="one folder a label, or a CSV with file,label[,speaker]")
    parser.add_argument("--num", metavar="N", type=int, required=True, help="clips, twins included")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--seconds", metavar="S", type=float, default=default.seconds, help="of a clip (%(default)g)")
    parser.add_argument("--max-events", metavar="N", type=int, default=default.max_events, help="(%(default)s)")
    parser.add_argument(
        "--max-depth",
        metavar="N",
        type=int,
        default=default.max_depth,
        help="relations inside each other (%(default)s)",
    )
    parser.add_argument(
        "--attributes",
        metavar="A,B",
        default=",".join(SCALES),
        help="what sounds differ in (%(default)s); '' is nothing",
    )
    parser.add_argument(
        "--kinds", metavar="A,B", default=",".join(NEGATIVE_KINDS), help="of negatives and twins (%(default)s)"
    )
    parser.add_argument("--negatives", metavar="N", type=int, default=default.negatives, help="a clip (%(default)s)")
    parser.add_argument("--positives", metavar="N", type=int, default=default.positives, help="a clip (%(default)s)")
    parser.add_argument("--no-twins", action="store_true", help="single clips")
    parser.add_argument(
        "--background", metavar=("LOW", "HIGH"), type=float, nargs=2, help="a noise so many dB below the events (none)"
    )
    parser.add_argument("--phrasings", metavar="YAML", help="further phrasings, of the form of phrasings.yaml")
    parser.add_argument("--format", choices=FORMATS, default=Rendering.format, help="of the sounds (%(default)s)")
    parser.add_argument("--sample-rate", metavar="HZ", type=int, default=Rendering.sample_rate, help="(%(default)s)")
    parser.add_argument(
        "--clips-per-shard", metavar="N", type=int, default=Rendering.clips_per_shard, help="(%(default)s)"
    )
    add_workers(parser)
    add_engine_option(parser)
    return parser
