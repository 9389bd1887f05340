"""The door `compa negatives`."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from compa.data import quarantine
from compa.manifest import write_manifest
from negatives.generate import Tally, add_negatives, filter_negatives
from negatives.kinds import available
from negatives.llm import batch_cli
from negatives.llm import options as llm_options
from negatives.llm.session import RULES, forecast, open_session
from negatives.rules import Rules
from negatives.sources import read_clips, rebase_audio


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa negatives` with the given arguments and returns the exit code.

    Raises:
        ValueError: If an input is broken or the output stands in the way.
        OSError: If a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    return batch_cli.main(options) if options.command == "batch" else _generate(options)


def _generate(options: argparse.Namespace) -> int:
    source, out = options.input, options.out
    if out.exists() and not options.overwrite:
        raise ValueError(f"{out} exists: choose another --out, or pass --overwrite to replace it")
    if estimate := forecast(options, (text for clip in read_clips(source) for text in clip.captions)):
        print(estimate, flush=True)
    if options.estimate:
        return 0
    tally = Tally()
    with open_session(options, Rules()) as session:
        clips = (rebase_audio(clip, source, out) for clip in read_clips(source))
        negated = add_negatives(clips, session.generator, options.num, tally, options.kinds, options.seed)
        if session.judge:
            negated = filter_negatives(negated, session.judge, tally)
        written = write_manifest(out, tqdm(negated, unit=" clips", file=sys.stderr, mininterval=0.5))
        print(f"{written} clips written to {out}\n{_summary(tally, options.kinds)}")
        print("\n".join(session.report()))
    if source.suffix == ".jsonl" and (left_out := quarantine.read(source)):
        print(f"left out: {len(left_out)} clips in {quarantine.list_path(source)}")
    return 0


def _summary(tally: Tally, kinds: Sequence[str]) -> str:
    share = tally.served / max(tally.captions, 1)
    lines = [f"captions served: {tally.served} of {tally.captions} ({share:.1%})"]
    lines += [f"  {kind}: {tally.kept[kind]} negatives" for kind in kinds]
    lines += [f"  refused {kind}, {reason}: {count}" for (kind, reason), count in sorted(tally.refused.items())]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("compa negatives", description="Captions in, confusable captions out.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "generate",
        help="write a manifest whose clips have hard negatives",
        description="For every caption, captions that sound alike and say something else. A caption that "
        "cannot be read for sure gets none. A seed gives the same negatives whatever the captions' order.",
    )
    _add_questions(command)
    command.add_argument("--out", type=Path, required=True, help="manifest to write")
    command.add_argument("--overwrite", action="store_true", help="replace an existing manifest")
    batch = commands.add_parser(
        "batch",
        help="ask a language model in batches: submit, status, collect",
        description="Asks a language model through the Batch API: slower, and for half the price.",
    )
    _add_questions(batch_cli.add_commands(batch)["submit"])
    return parser


def _add_questions(command: argparse.ArgumentParser) -> None:
    """Adds what is asked of whom, for what captions."""
    kinds = tuple(available())
    add = command.add_argument
    add(
        "input",
        type=Path,
        help="manifest .jsonl, .csv with a column 'caption', or .txt with a caption a line",
    )
    add(
        "--kinds",
        type=_kinds,
        default=kinds,
        help=f"kinds of negatives, by comma (default: {','.join(kinds)})",
    )
    add(
        "--num",
        type=_positive,
        default=len(kinds),
        help="negatives a caption, at most (default: %(default)s)",
    )
    add("--seed", type=int, default=0, help="chooses among wordings and kinds (default: %(default)s)")
    add(
        "--model",
        default=RULES,
        help="what proposes them: rules, mock (a trial of language models, without one), or a model's name at a server "
        "(default: %(default)s)",
    )
    llm_options.add_arguments(command)


def _kinds(text: str) -> tuple[str, ...]:
    known = tuple(available())
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            legal = ", ".join(known)
            raise argparse.ArgumentTypeError(f"unknown kind {name!r}, did you mean {near!r}? (legal: {legal})")
    return names


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
