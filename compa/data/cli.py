"""The door `compa data`: finds the subcommand and imports its code only then."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "import": ("compa.data.importing", "captioned audio in any known format becomes a manifest"),
    "verify": ("compa.data.verify", "decodes all audio of a manifest, and lists what must not be used"),
    "pack": (
        "compa.data.shards.pack",
        "packs the usable clips of a manifest into webdataset shards",
    ),
    "stats": ("compa.data.stats", "says what is in a manifest, as a table and a picture"),
}
"""Each subcommand's module, which has `main(arguments) -> exit code`, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa data` and returns its exit code.

    Args:
        arguments: What stands after `compa data`; the process's own arguments where None.

    Raises:
        ValueError: For what a user can put right; nothing else could be done.
        OSError: If a file cannot be read or written.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in COMMANDS:
        return int(importlib.import_module(COMMANDS[words[0]][0]).main(words[1:]))
    if words and words[0] in ("-h", "--help"):
        print(_help())
        return 0
    asked = f"unknown subcommand {words[0]!r}" if words else "a subcommand is required"
    print(f"compa data: {asked}: the subcommands are {', '.join(COMMANDS)}", file=sys.stderr)
    return 2


def _help() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {about}" for name, (_, about) in COMMANDS.items())
    return f"usage: compa data COMMAND ...\n\ncommands:\n{commands}\n\ncompa data COMMAND --help tells the rest."
