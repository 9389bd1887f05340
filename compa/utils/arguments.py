"""Command-line arguments: one parser for all commands, and the options that several commands share.

A command is a module with `main(arguments: Sequence[str]) -> int`, which parses its arguments with a `CommandParser`
and calls a function with typed parameters. `compa.cli.COMMANDS` lists them all.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from compa.utils.parallel import num_processors
from compa.utils.text import did_you_mean


class CommandParser(argparse.ArgumentParser):
    """An `ArgumentParser` that shows defaults and an example, and suggests the nearest option for an unknown one.

    Args:
        command: The command as typed, such as `compa data pack`.
        description: What it does.
        example: One command line that works.
    """

    def __init__(self, command: str, description: str, example: str) -> None:
        super().__init__(
            prog=command,
            description=description,
            epilog=f"example:\n  {example}",
            formatter_class=_HelpFormatter,
            allow_abbrev=False,
        )

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parses the arguments; exits with code 2 and one sentence where they are wrong."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(f"unknown argument {unknown[0]!r}{did_you_mean(unknown[0], self._option_string_actions)}")
        return options


class _HelpFormatter(argparse.HelpFormatter):
    """Adds the default to each option's help, and keeps paragraphs, and lines that are indented."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        shown = action.default is not None and action.default is not False and action.default != argparse.SUPPRESS
        has_default = action.option_strings and shown and action.default not in ([], ())
        return f"{text} (default: %(default)s)" if has_default and "%(default)" not in text else text

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        return "\n\n".join(
            paragraph if "\n  " in paragraph else super(_HelpFormatter, self)._fill_text(paragraph, width, indent)
            for paragraph in paragraphs
        )


def add_out_folder(parser: argparse.ArgumentParser, help: str, default: str | None = None) -> None:
    """Adds `--out DIR`, required where there is no default."""
    _add_out(parser, "DIR", help, default)


def add_out_file(parser: argparse.ArgumentParser, help: str, default: str | None = None) -> None:
    """Adds `--out FILE`, required where there is no default."""
    _add_out(parser, "FILE", help, default)


def _add_out(parser: argparse.ArgumentParser, metavar: str, help: str, default: str | None) -> None:
    path = Path(default) if default else None
    parser.add_argument("--out", metavar=metavar, type=Path, default=path, required=default is None, help=help)


def add_overwrite(parser: argparse.ArgumentParser, help: str = "replace what --out already holds") -> None:
    """Adds `--overwrite`."""
    parser.add_argument("--overwrite", action="store_true", help=help)


def add_seed(parser: argparse.ArgumentParser, help: str = "the same seed gives the same result") -> None:
    """Adds `--seed N`."""
    parser.add_argument("--seed", metavar="N", type=non_negative_int, default=0, help=help)


def add_events(parser: argparse.ArgumentParser) -> None:
    """Adds `--events DIR|CSV`."""
    parser.add_argument(
        "--events",
        metavar="DIR|CSV",
        help="recordings of isolated sounds: one folder a label, a CSV with file,label[,speaker], or a TSV of strong "
        "labels; without it, the built-in synthesizer",
    )


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Adds `--workers N`: by default as many as there are processors that this process may use."""
    parser.add_argument("--workers", metavar="N", type=positive_int, default=num_processors(), help="worker processes")


def positive_int(text: str) -> int:
    """Argument type: an integer of at least 1."""
    return _integer(text, 1)


def non_negative_int(text: str) -> int:
    """Argument type: an integer of at least 0."""
    return _integer(text, 0)


def non_negative_float(text: str) -> float:
    """Argument type: a finite number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of at least 0; got {text!r}")
    return value


def name_of(what: str, known: Collection[str]) -> Callable[[str], str]:
    """Argument type: a known name.

    Args:
        what: What it names ("format").
        known: The known names.
    """

    def parse(text: str) -> str:
        if text not in known:
            suggestion = did_you_mean(text, known)
            raise argparse.ArgumentTypeError(f"{what} must be one of {', '.join(known)}; got {text!r}{suggestion}")
        return text

    return parse


def names(what: str, known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Argument type: known names with commas between them.

    Args:
        what: What they name, in the singular ("kind").
        known: The known names.
    """
    parse_name = name_of(what, known)

    def parse(text: str) -> tuple[str, ...]:
        found = tuple(parse_name(name.strip()) for name in text.split(",") if name.strip())
        if not found:
            raise argparse.ArgumentTypeError(f"must name one or more of {', '.join(known)}; got {text!r}")
        return tuple(dict.fromkeys(found))

    return parse


def _integer(text: str, minimum: int) -> int:
    if not text.isdecimal() or int(text) < minimum:
        raise argparse.ArgumentTypeError(f"must be an integer of at least {minimum}; got {text!r}")
    return int(text)
