"""The `compa` command: finds the module of a command, imports it only then, and turns errors into one sentence."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence

import compa
from compa.utils.text import did_you_mean

COMMANDS = {
    "demo": ("compa.demo", "compose scenes, train two small models on them, score both, write a report"),
    "fit": ("compa.training.cli", "train a model: compa fit --config configs/X.yaml"),
    "validate": ("compa.training.cli", "run the validation of a configuration"),
    "configs list": ("compa.configs.list", "list the shipped training recipes"),
    "configs copy": ("compa.configs.copy", "copy a shipped training recipe, to be edited"),
    "scenes render": ("compa.data.shards.render", "compose scenes of sound events and pack them into shards"),
    "data import": ("compa.data.importing", "turn captioned audio in any known format into a manifest"),
    "data verify": ("compa.data.verify", "decode all audio of a manifest and list what must not be used"),
    "data pack": ("compa.data.shards.pack", "pack the usable clips of a manifest into webdataset shards"),
    "data stats": ("compa.data.stats", "describe a manifest in a table"),
    "negatives generate": ("negatives.cli.generate", "turn captions into confusable captions"),
    "negatives check": ("negatives.cli.check", "measure what the words of negatives give away, and balance them"),
    "negatives review": ("negatives.cli.review", "summarize review sheets that people filled in"),
    "negatives batch": ("negatives.cli.batch", "ask a language model through a Batch API: submit, status, collect"),
    "ablate": ("compa.ablate", "measure what each part of composition-aware learning adds"),
    "bench list": ("benchmarks.cli.list", "list the tasks and the kinds of models"),
    "bench run": ("benchmarks.cli.run", "measure models in tasks"),
    "bench compare": ("benchmarks.cli.compare", "compare two models item by item"),
    "bench audit": ("benchmarks.cli.audit", "look for items of a benchmark in training data"),
    "bench validate": ("benchmarks.cli.validate", "check result files"),
    "bench export": ("benchmarks.cli.export", "write the items of tasks as files"),
    "bench report": ("benchmarks.cli.report", "make a web page of results, or tables for a paper"),
    "embed": ("compa.models.embed", "write embeddings of sound files, a folder or a manifest to a file"),
    "export": ("compa.models.checkpoints.export", "write a model as a folder for compa, transformers or ONNX"),
}
"""Each command's module, which has `main(arguments) -> exit code`, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line.

    Args:
        arguments: What stands after `compa`; by default the arguments of this process.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong usage.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        print(compa.__version__)
        return 0
    name, rest = _split(words)
    if name not in COMMANDS:
        return _explain(name, rest)
    module, _ = COMMANDS[name]
    reads_own_name = module == "compa.training.cli"  # LightningCLI parses `fit` and `validate` itself
    try:
        return int(importlib.import_module(module).main([name, *rest] if reads_own_name else rest))
    except KeyboardInterrupt as interrupt:
        return _fail(f"interrupted; {str(interrupt) or 'run the same command again to continue where possible'}", 1)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1 if stop.code else 0
    except BrokenPipeError:
        return 1
    except (ValueError, OSError) as error:
        if os.environ.get("COMPA_TRACEBACK"):
            raise
        return _fail(" ".join(str(error).split()) or type(error).__name__, 1)


def _split(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command's name, of one word or two, and its arguments."""
    for length in (2, 1):
        if (name := " ".join(words[:length])) in COMMANDS:
            return name, list(words[length:])
    return (words[0] if words else ""), list(words[1:])


def _explain(name: str, rest: Sequence[str]) -> int:
    """Help on all commands or on one group of them, or an error for a name that is neither."""
    group = {command: about for command, about in _abouts().items() if command.startswith(f"{name} ")}
    asks_for_help = name in ("", "-h", "--help") or (group and (not rest or rest[0] in ("-h", "--help")))
    if asks_for_help:
        is_asked = name in ("-h", "--help") or bool(rest)
        print(_help(name, group) if group else _help("", _abouts()), file=sys.stdout if is_asked else sys.stderr)
        return 0 if is_asked else 2
    if group:
        known = [command.removeprefix(f"{name} ") for command in group]
        where, what = f"{name} subcommand", rest[0]
    else:
        known, where, what = list(dict.fromkeys(command.split()[0] for command in COMMANDS)), "command", name
    return _fail(f"unknown {where} {what!r}{did_you_mean(what, known)} (known: {', '.join(known)})", 2)


def _abouts() -> dict[str, str]:
    return {name: about for name, (_, about) in COMMANDS.items()}


def _help(group: str, abouts: Mapping[str, str]) -> str:
    width = max(map(len, abouts))
    lines = "\n".join(f"  {name:{width}}  {about}" for name, about in abouts.items())
    intro = "" if group else f"\n{compa.__doc__}\n"
    usage = f"usage: compa {group + ' ' if group else ''}COMMAND ..."
    return f"{usage}\n{intro}\ncommands:\n{lines}\n\nRun `compa COMMAND --help` for the options of a command."


def _fail(message: str, code: int) -> int:
    print(f"compa: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
