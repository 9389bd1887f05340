"""The page: a pure function of files. Equal files give equal bytes; no time, no path, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.heldout import HeldOut, read_held_out
from benchmarks.report.curves import Chart, charts
from benchmarks.report.examples import Example, read_audio, read_examples
from benchmarks.report.spectrogram import height_of, pictures
from benchmarks.results import Result, read_results
from benchmarks.table import SHOWN, ranked
from benchmarks.tasks import tasks
from compa.page import fill

NUM_COLOURS = 6
_MEDIA_TYPES = {".flac": "audio/flac", ".wav": "audio/wav", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}
_TICKS_HERTZ = (100, 1000, 4000, 10000)


@dataclass(frozen=True)
class Block:
    """The results of one task on the same data, the best first."""

    task: str
    version: int
    data: str
    measures: str
    results: Sequence[Result]


@dataclass(frozen=True)
class Clip:
    """One audio of an example, ready to be shown."""

    caption: str
    audio: str
    picture: str
    seconds: float
    tracks: Sequence[tuple[str, Sequence[Any]]]
    ticks: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Shown:
    """An example, ready to be shown, with what each model said of it: (model, its item record) pairs."""

    example: Example
    clips: Sequence[Clip]
    said: Sequence[tuple[str, Any]]


def report(results: Path, out: Path, examples: Path | None = None, runs: Sequence[Path] = ()) -> Path:
    """Makes one self-contained web page.

    Args:
        results: Folder of result files.
        out: The page to write.
        examples: Folder with an `examples.json`, as `write_examples` makes it, for spectrograms and players.
        runs: Run folders, for training curves (`metrics.csv`) and what was held out (`heldout.json`).

    Returns:
        `out`.

    Raises:
        ValueError: If a file is not what it should be, naming it.
    """
    html = render(
        read_results(Path(results)),
        read_examples(Path(examples)) if examples else [],
        charts(runs),
        held_out_records(runs),
    )
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    partial.write_text(html, encoding="utf-8")
    partial.replace(out)
    return out


def render(
    results: Sequence[Result],
    examples: Sequence[Example],
    curves: Sequence[Chart],
    held_out: Sequence[HeldOut],
) -> str:
    """The page as HTML."""
    names = {result.model for result in results if not result.is_control} | {
        name for chart in curves for name in chart.lines
    }
    return fill(
        Path(__file__).with_name("page.html"),
        blocks=blocks(results),
        metrics=SHOWN,
        controls=sorted({result.model for result in results if result.is_control}),
        colours={name: number % NUM_COLOURS for number, name in enumerate(sorted(names))},
        versions=sorted({result.code_version for result in results}),
        methods=sorted({metric["method"] for result in results for metric in result.metrics.values()}),
        seeds=sorted({result.seed for result in results}),
        curves=curves,
        examples=[shown(example, results) for example in examples],
        held_out=held_out,
    )


def blocks(results: Sequence[Result]) -> list[Block]:
    """The headline tables: one a task and data."""
    known = tasks()
    made = []
    for block in ranked(results):
        first = block[0]
        measures = known[first.task].measures if first.task in known else ""
        made.append(Block(first.task, first.task_version, str(first.data.get("name", "")), measures, block))
    return made


def held_out_records(runs: Sequence[Path]) -> list[HeldOut]:
    """What the runs held out, each different record once."""
    records = (read_held_out(run) for run in runs)
    return list(dict.fromkeys(record for record in records if record is not None))


def shown(example: Example, results: Sequence[Result]) -> Shown:
    """An example with pictures and sound in it, and what the models said of it."""
    sounds = [read_audio(file) for file in example.files]
    rate = sounds[0][1]
    if any(sample_rate != rate for _, sample_rate in sounds):
        raise ValueError(f"example {example.item} mixes sample rates: its clips must have one, to be compared")
    labels = sorted({event.label for events in example.events for event in events})
    clips = [
        Clip(
            caption=caption,
            audio=_data_uri(file.read_bytes(), _media_type(file)),
            picture=_data_uri(picture, "image/png"),
            seconds=len(waveform) / rate,
            tracks=[(label, [event for event in events if event.label == label]) for label in labels],
            ticks=[(_hertz(tick), height_of(tick, rate)) for tick in _TICKS_HERTZ if tick < rate / 2],
        )
        for file, caption, events, (waveform, _), picture in zip(
            example.files,
            example.captions,
            example.events,
            sounds,
            pictures([waveform for waveform, _ in sounds], rate),
            strict=True,
        )
    ]
    return Shown(example, clips, _said(example, results))


def _said(example: Example, results: Sequence[Result]) -> list[tuple[str, Any]]:
    return [
        (result.model, item)
        for block in ranked(result for result in results if result.task == example.task and not result.is_control)
        for result in block
        for item in result.items
        if item["id"] == example.item and tuple(item["captions"]) == example.captions
    ]


def _media_type(file: Path) -> str:
    try:
        return _MEDIA_TYPES[file.suffix.lower()]
    except KeyError:
        raise ValueError(f"{file} cannot be played in a page: use {', '.join(_MEDIA_TYPES)}") from None


def _data_uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _hertz(hertz: int) -> str:
    return f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz"
