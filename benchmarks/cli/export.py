"""`compa bench export`: writes the items of tasks as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.cli.options import add_tasks
from compa.utils.arguments import CommandParser, add_events, add_out_folder


def main(arguments: Sequence[str]) -> int:
    """Runs the command with the arguments after its name; returns the exit code."""
    parser = CommandParser(
        "compa bench export",
        "Writes rendered items as files with a fingerprint; `run --data DIR` measures on them anywhere.",
        "compa bench export --task scenes-nesting --out sets/",
    )
    add_tasks(parser)
    add_events(parser)
    add_out_folder(parser, "folder that gets a subfolder per task")
    options = parser.parse_args(arguments)
    export(options.tasks, options.events, options.out)
    return 0


def export(tasks: Sequence[str], events: str | None, out: Path) -> None:
    """Writes the items of tasks into `out/<task>` and prints the paths.

    Args:
        tasks: Names of tasks that render their items.
        events: Recordings of isolated sounds; None is the built-in synthesizer.
        out: A folder.
    """
    from benchmarks.tasks import find_task
    from benchmarks.tasks.exported import write_exported
    from benchmarks.tasks.task import TaskInputs

    inputs = TaskInputs(events)
    for task in [find_task(name) for name in dict.fromkeys(tasks)]:
        print(write_exported(task, task.prepare(inputs), out))
