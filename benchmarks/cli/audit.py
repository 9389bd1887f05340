"""`compa bench audit`: looks for items of a benchmark in training data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cli.options import add_inputs, add_tasks, add_train, inputs_of
from compa.utils.arguments import CommandParser

if TYPE_CHECKING:
    from benchmarks.tasks.task import TaskInputs


def main(arguments: Sequence[str]) -> int:
    """Runs the command with the arguments after its name; returns the exit code."""
    parser = CommandParser(
        "compa bench audit",
        "Looks for YouTube and freesound ids, sounds and captions that a benchmark shares with training data. Exit "
        "code 0: nothing is shared; 1: something is. `run --train` writes the same into results.",
        "compa bench audit --task retrieval --data test.jsonl --train train.jsonl",
    )
    add_train(parser, "", required=True)
    add_tasks(parser)
    add_inputs(parser)
    parser.add_argument("--no-audio", action="store_true", help="do not decode and compare the sounds")
    options = parser.parse_args(arguments)
    is_shared = print_audit(options.tasks, inputs_of(options), options.train, options.limit, not options.no_audio)
    return 1 if is_shared else 0


def print_audit(
    tasks: Sequence[str], inputs: TaskInputs, train: Sequence[Path], limit: int | None = None, sounds: bool = True
) -> bool:
    """Prints what the items of tasks share with training data.

    Args:
        tasks: Names of tasks.
        inputs: What the tasks make their items of.
        train: Manifests, folders of shards, run folders.
        limit: Only the first so many items.
        sounds: Whether to compare the samples of all sounds.

    Returns:
        Whether anything is shared.
    """
    from benchmarks.checks.contamination import audit, training_clips
    from benchmarks.tasks import find_task

    is_shared = False
    for task in [find_task(name) for name in dict.fromkeys(tasks)]:
        items = task.prepare(inputs, limit).items
        clips = (clip for source in train for clip in training_clips(source))
        shared = audit(items, clips, sounds)
        is_shared = is_shared or bool(shared)
        print(f"{task.name}: {len(items)} items")
        for one in shared:
            print(f"  {one.sentence(len(items))}")
        if not shared:
            compared = "ids, sounds and captions" if sounds else "ids and captions"
            print(f"  nothing is shared ({compared} were compared)")
    return is_shared
