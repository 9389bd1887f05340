"""The one `compa` command: finds the door, imports its code, and turns errors into one sentence."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import compa

DOORS = {
    "demo": ("compa.demo", "trains two small models on composed scenes, scores them, and writes a report"),
    "fit": ("compa.training.cli", "trains a model: compa fit --config configs/X.yaml"),
    "validate": ("compa.training.cli", "runs the validation of a configuration"),
    "data": ("compa.data.cli", "turns captioned audio into manifests and shards, checks and describes them"),
    "scenes": ("compa.scenes.cli", "composes scenes of sound events, with captions that are true by proof"),
    "negatives": ("negatives.cli", "turns captions into confusable captions"),
    "ablate": ("compa.ablate", "says what each part of composition-aware learning adds"),
    "embed": ("compa.models.embed", "writes embeddings of a folder's sounds or a manifest to a file"),
    "export": (
        "compa.models.checkpoints.export",
        "writes a model as a folder of its own, with a card; for transformers or ONNX, too",
    ),
    "bench": ("benchmarks.cli.main", "scores models on compositional tasks, and reports"),
}
"""Each door's module, which has `main(arguments) -> exit code`, and what is behind it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line.

    Args:
        arguments: The words after `compa`; by default those of this process.

    Returns:
        0 done, 1 failed, 2 wrong usage.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(_help())
        return 0 if words else 2
    if words[0] == "--version":
        print(compa.__version__)
        return 0
    if words[0] not in DOORS:
        return _fail(f"unknown command {words[0]!r}: the commands are {', '.join(DOORS)}", 2)
    module, _ = DOORS[words[0]]
    takes_command = module == "compa.training.cli"  # LightningCLI reads `fit` and `validate` itself
    try:
        return int(importlib.import_module(module).main(words if takes_command else words[1:]))
    except KeyboardInterrupt as interrupt:
        return _fail(f"interrupted; {str(interrupt) or 'the same command starts again, or goes on where it can'}", 1)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1 if stop.code else 0
    except BrokenPipeError:
        return 1
    except (ValueError, OSError) as error:
        if os.environ.get("COMPA_TRACEBACK"):
            raise
        return _fail(" ".join(str(error).split()) or type(error).__name__, 1)


def _fail(message: str, code: int) -> int:
    print(f"compa: {message}", file=sys.stderr)
    return code


def _help() -> str:
    width = max(map(len, DOORS))
    doors = "\n".join(f"  {name:{width}}  {about}" for name, (_, about) in DOORS.items())
    return f"usage: compa COMMAND ...\n\n{compa.__doc__}\n\ncommands:\n{doors}\n\ncompa COMMAND --help tells the rest."


if __name__ == "__main__":
    sys.exit(main())
