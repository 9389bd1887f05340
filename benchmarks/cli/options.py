"""Options that several `compa bench` commands share, and how they print messages."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from compa.utils.arguments import add_events, positive_int

if TYPE_CHECKING:
    from benchmarks.tasks.task import TaskInputs


def add_tasks(parser: argparse.ArgumentParser) -> None:
    """Adds `--task NAME`, which may be repeated."""
    parser.add_argument(
        "--task",
        metavar="NAME",
        dest="tasks",
        action="append",
        required=True,
        help="see `compa bench list`; repeat for several",
    )


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Adds what tasks make their items of: `--events`, `--data`, `--labels`, `--templates`, `--limit`."""
    add_events(parser)
    parser.add_argument(
        "--data", metavar="DIR|FILE", type=Path, help="files of a benchmark, a manifest, or labelled sounds"
    )
    parser.add_argument("--labels", metavar="JSON", type=Path, help="zero-shot: the labels to choose from")
    parser.add_argument("--templates", metavar="JSON", type=Path, help="zero-shot: sentences with {} for the label")
    parser.add_argument(
        "--limit", metavar="N", type=positive_int, help="only the first N items: to try things out, not comparable"
    )


def add_train(parser: argparse.ArgumentParser, help: str, required: bool = False) -> None:
    """Adds `--train PATH`, which may be repeated."""
    parser.add_argument(
        "--train",
        metavar="PATH",
        type=Path,
        action="append",
        default=[],
        required=required,
        help=f"what models were trained on (manifest, folder of shards, or run folder){help}",
    )


def inputs_of(options: argparse.Namespace) -> TaskInputs:
    """The values of the options of `add_inputs`."""
    from benchmarks.tasks.task import TaskInputs

    return TaskInputs(options.events, options.data, options.labels, options.templates)


def say(message: str) -> None:
    """Prints a message to stderr."""
    print(f"compa bench: {message}", file=sys.stderr)
