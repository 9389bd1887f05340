"""The door `compa negatives`."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from compa.data import quarantine
from compa.manifest import NEGATIVE_KINDS, POSITIVE_LEVELS, write_manifest
from compa.utils.files import PARTIAL
from negatives import kinds, levels
from negatives import postprocess as finishing
from negatives.arguments import positive, seed
from negatives.language.substitutes import read_ontology
from negatives.llm import batch_cli
from negatives.llm import options as llm_options
from negatives.llm.session import RULES, default_journal, forecast, open_session
from negatives.pipeline import Filter, Tally, add_negatives
from negatives.rules import Rules
from negatives.sources import read_clips, rebase_audio


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa negatives` with the given arguments and returns the exit code.

    Raises:
        ValueError: If an input is broken or the output stands in the way.
        OSError: If a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "generate": _generate,
        "batch": batch_cli.main,
        "check": finishing.check,
        "review": finishing.review,
    }
    return commands[options.command](options)


def _generate(options: argparse.Namespace) -> int:
    source, out = options.input, options.out
    if not options.estimate:
        finishing.check_outputs(source, options)
    estimate = forecast(options, options.journal or default_journal(out))
    if estimate or options.estimate:
        print(estimate or "estimate: no server is asked", flush=True)
    if options.estimate:
        return 0
    tally, wanted = Tally(), (*options.kinds, *options.levels)
    with open_session(options, Rules(read_ontology(options.ontology) if options.ontology else None)) as session:
        filters = [_model_filter(options.filter, source.resolve().parent)] if options.filter else []
        filters += [session.judge] if session.judge else []
        clips = read_clips(source)
        clips = add_negatives(clips, session.generator, options.num, tally, wanted, options.seed, filters)
        clips = (rebase_audio(clip, source, out) for clip in clips)
        made = out.with_name(f"{out.name}{PARTIAL}") if options.balance else out  # its name says that it is balanced
        try:
            written = write_manifest(made, tqdm(clips, unit=" clips", file=sys.stderr, mininterval=0.5))
        finally:  # what was spent is told even where a run ends early
            notes = session.notes()
            print("".join(f"{name}: {value}\n" for name, value in notes), end="", flush=True)
    lines: list[str] = []
    if options.balance or options.report or options.sheet:
        tally, lines = finishing.finish(made, out, options, tally.refused, notes)
        if options.balance:
            made.unlink()
    print("\n".join([f"{written} clips written to {out}", _summary(tally, wanted), *lines]))
    if source.suffix == ".jsonl" and (left_out := quarantine.read(source)):
        print(f"left out: {len(left_out)} clips in {quarantine.list_path(source)}")
    return 0


def _model_filter(run: str, folder: Path) -> Filter:
    import compa  # only here does torch come in, and only when a model is asked for
    from negatives.checks.similarity import SimilarityFilter

    return SimilarityFilter(compa.load(run), folder)


def _summary(tally: Tally, wanted: Sequence[str]) -> str:
    share = tally.served / max(tally.captions, 1)
    lines = [f"captions served: {tally.served} of {tally.captions} ({share:.1%})"]
    lines += [
        f"  {kind}: {tally.kept[kind]} {'positives' if kind in POSITIVE_LEVELS else 'negatives'}" for kind in wanted
    ]
    lines += [f"  refused {kind}, {reason}: {count}" for (kind, reason), count in sorted(tally.refused.items())]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "compa negatives",
        description="Captions in, confusable captions out.",
        epilog="compa negatives COMMAND --help tells the rest.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "generate",
        help="write a manifest whose clips have hard negatives",
        description="For every caption, captions that sound alike and say something else, and others that say the same "
        "or a part of it. A caption that cannot be read for sure gets none. A seed gives the same texts whatever the "
        "captions' order.",
    )
    _add_questions(command)
    command.add_argument("--out", type=Path, required=True, help="manifest to write")
    command.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    command.add_argument(
        "--filter",
        metavar="RUN",
        help="leave out a negative that a trained model finds too far from its caption, or truer of its sound",
    )
    finishing.add_arguments(command)
    finishing.add_commands(commands)
    batch = commands.add_parser(
        "batch",
        help="ask a language model in batches: submit, status, collect",
        description="Asks a language model through the Batch API: slower, and for half the price.",
    )
    _add_questions(batch_cli.add_commands(batch)["submit"])
    return parser


def _add_questions(command: argparse.ArgumentParser) -> None:
    """Adds what is asked of whom, for what captions."""
    add = command.add_argument
    add(
        "input",
        type=Path,
        help="manifest .jsonl, .jsonl or .csv with 'caption', or .txt with a caption a line",
    )
    add(
        "--kinds",
        type=lambda text: _names("kind", text, NEGATIVE_KINDS),
        default=tuple(kinds.available()),
        help=f"kinds of negatives, by comma (default: {','.join(kinds.available())})",
    )
    add(
        "--levels",
        type=lambda text: _names("level", text, tuple(levels.available())) if text != "none" else (),
        default=tuple(levels.available()),
        help=f"levels of positives, by comma, or none (default: {','.join(levels.available())})",
    )
    add("--num", type=positive, default=3, help="negatives a caption, at most (default: %(default)s)")
    add("--seed", type=seed, default=0, help="chooses among wordings and kinds (default: %(default)s)")
    add(
        "--ontology",
        type=Path,
        metavar="JSON",
        help="sounds that are siblings in this ontology replace each other too (as AudioSet's: id, name, child_ids)",
    )
    add(
        "--model",
        default=RULES,
        help="what proposes them: rules, mock (a trial of language models, without one), or a model's name at a server "
        "(default: %(default)s)",
    )
    llm_options.add_arguments(command)


def _names(what: str, text: str, known: Sequence[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            legal = ", ".join(known)
            raise argparse.ArgumentTypeError(f"unknown {what} {name!r}, did you mean {near!r}? (legal: {legal})")
    return names
