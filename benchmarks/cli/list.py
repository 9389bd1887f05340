"""`compa bench list`: the tasks and the kinds of models there are."""

from __future__ import annotations

from collections.abc import Sequence

from compa.utils.arguments import CommandParser


def main(arguments: Sequence[str]) -> int:
    """Runs the command with the arguments after its name; returns the exit code."""
    CommandParser("compa bench list", "Lists the tasks and the kinds of models.", "compa bench list").parse_args(
        arguments
    )
    print(listing())
    return 0


def listing() -> str:
    """The tasks with what they measure and need, then the forms of a model's name."""
    from benchmarks.models.controls import controls
    from benchmarks.models.names import CONTROL, MTEB, PYTHON
    from benchmarks.scorer import Scorer
    from benchmarks.tasks import tasks
    from compa.models import HUB

    lines = ["Tasks"]
    for name, task in tasks().items():
        lines += [
            f"  {name} (version {task.version})",
            f"    {task.measures}.",
            f"    needs {task.needs}" + ("" if task.needs_model is Scorer else "; a model with audio frames"),
        ]
    lines += [
        "",
        "Models",
        "  a run folder or one of its checkpoints, a .pt file of LAION-CLAP",
        f"  {HUB}NAME, a CLAP checkpoint of transformers (a folder or a hub id)",
        f"  {MTEB}NAME, an audio model of MTEB",
        f"  {PYTHON}MODULE:FACTORY, a function of yours that returns a model",
        *(f"  {CONTROL}{name}" for name in controls()),
    ]
    return "\n".join(lines)
