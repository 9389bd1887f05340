"""The door `compa scenes`: finds the subcommand and imports its code only then."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "render": ("compa.data.shards.render", "composes scenes of sound events and packs them into webdataset shards")
}
"""Each subcommand's module, which has `main(arguments) -> exit code`, and what it does."""


def main(arguments: Sequence[str]) -> int:
    """Runs `compa scenes` and returns its exit code.

    Args:
        arguments: What stands after `compa scenes`.

    Raises:
        ValueError: For what a user can put right.
        OSError: If a file cannot be read or written.
    """
    if arguments and arguments[0] in COMMANDS:
        return int(importlib.import_module(COMMANDS[arguments[0]][0]).main(arguments[1:]))
    if arguments and arguments[0] in ("-h", "--help"):
        commands = "\n".join(f"  {name}  {about}" for name, (_, about) in COMMANDS.items())
        print(
            f"usage: compa scenes COMMAND ...\n\ncommands:\n{commands}\n\ncompa scenes COMMAND --help tells the rest."
        )
        return 0
    asked = f"unknown subcommand {arguments[0]!r}" if arguments else "a subcommand is required"
    print(f"compa scenes: {asked}: the subcommands are {', '.join(COMMANDS)}", file=sys.stderr)
    return 2
