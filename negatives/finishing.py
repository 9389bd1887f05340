"""What is done with a manifest that has negatives: blind check, balancing, report, review sheet."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compa.data.files import PARTIAL
from compa.manifest import read_manifest, write_manifest
from negatives.generate import Tally

if TYPE_CHECKING:
    from negatives.blind import Blindness

MAX_PASSES = 6
SAMPLE = 10_000  # negatives of a kind that are looked at, however many there are


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Adds what can be asked for once the negatives are there."""
    add = command.add_argument
    add(
        "--balance",
        action="store_true",
        help="drop negatives until a classifier of words tells no kind from its captions with an AUC above 0.60",
    )
    add("--report", type=Path, metavar="HTML", help="write counts, AUC by kind, give-away words and examples as a page")
    add("--sheet", type=Path, metavar="CSV", help="write a sheet of examples for people to review")
    add("--examples", type=_positive, default=200, help="in the page and the sheet (default: %(default)s)")


def check_outputs(source: Path, options: argparse.Namespace) -> None:
    """Makes sure that nothing of worth is written over.

    Raises:
        ValueError: If an output is the input or another output, or is there already and may not be replaced.
    """
    taken = {source.resolve(): "the input"}
    for name in ("out", "report", "sheet"):
        path = getattr(options, name)
        if path is None:
            continue
        if (other := taken.get(path.resolve())) is not None:
            raise ValueError(f"--{name} {path} is {other}, too: choose another --{name}")
        if path.exists() and not options.overwrite:
            raise ValueError(f"{path} exists: choose another --{name}, or pass --overwrite to replace it")
        taken[path.resolve()] = f"--{name}"


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `check` and `review`."""
    check = commands.add_parser(
        "check",
        help="tell how well negatives can be told from captions by their words alone",
        description="Fits a classifier of words, pairs of words and length, by kind, in five folds. AUC 0.5: it cannot "
        "tell; 1.0: the words give it away, and a model that is trained or tested on them need not listen.",
    )
    check.add_argument("manifest", type=Path, help="manifest with negatives")
    check.add_argument("--out", type=Path, help="where --balance writes what it keeps")
    check.add_argument("--seed", type=int, default=0, help="of the samples (default: %(default)s)")
    check.add_argument("--overwrite", action="store_true", help="replace an existing manifest")
    add_arguments(check)
    review = commands.add_parser(
        "review",
        help="read filled review sheets and print how many negatives hold",
        description="Reads sheets of --sheet with y or n in the columns `false` (of the caption) and `fluent`. "
        "Sheets of two reviewers also give their agreement.",
    )
    review.add_argument("sheets", type=Path, nargs="+", help="filled sheets")


def check(options: argparse.Namespace) -> int:
    """Runs `compa negatives check`.

    Raises:
        ValueError: If --balance lacks --out, or that stands in the way.
    """
    if options.balance and options.out is None:
        raise ValueError("--balance needs --out: name the manifest to write")
    if options.out and not options.balance:
        raise ValueError("--out is written by --balance only: pass both or none")
    check_outputs(options.manifest, options)
    print("\n".join(finish(options.manifest, options.out or options.manifest, options)))
    return 0


def review(options: argparse.Namespace) -> int:
    """Runs `compa negatives review`."""
    from negatives.review import read_sheets, summary

    print(summary(read_sheets(options.sheets)))
    return 0


def finish(source: Path, out: Path, options: argparse.Namespace, tally: Tally | None = None) -> list[str]:
    """Balances a manifest if that is wanted, checks it and writes what is wanted of it.

    Args:
        source: A manifest with negatives.
        out: Where the balanced one goes; it may be `source`.
        options: See `add_arguments`; and `seed`.
        tally: Of the run that made the negatives, for the report.

    Returns:
        Lines that say what was found.
    """
    from negatives.blind import blind_check  # numpy is imported only where it is used
    from negatives.report import Page, write_page
    from negatives.review import write_sheet
    from negatives.sample import Item, sample, spread

    def look(manifest: Path) -> tuple[Sequence[Blindness], Sequence[Item]]:
        samples = sample(read_manifest(manifest), SAMPLE, options.seed)
        found = blind_check({kind: [item.pair for item in items] for kind, items in samples.items()})
        return found, spread(samples, options.examples, options.seed)

    dropped: Counter[str] = Counter()
    before: Sequence[Blindness] = ()
    if options.balance:
        before, _ = look(source)
        dropped = balance(source, out, options.seed)
        source = out
    after, examples = look(source)
    if options.sheet:
        write_sheet(options.sheet, examples)
    if options.report:
        write_page(options.report, Page(tally, before, after, dropped, examples))
    return _lines(before, after, dropped)


def balance(source: Path, out: Path, seed: int) -> Counter[str]:
    """Writes a manifest without the negatives that balancing drops, and returns how many these are by kind.

    A sample teaches little of rare words; so what is left is sampled anew, until nothing more is to be dropped.
    """
    from negatives.balance import drop, learn
    from negatives.sample import sample

    dropped: Counter[str] = Counter()
    working = out.with_name(f"{out.name}.balancing{PARTIAL}")
    for number in range(MAX_PASSES):
        samples = sample(read_manifest(source), SAMPLE, seed + number)
        learnt = {kind: learn([item.pair for item in items], salt=number) for kind, items in samples.items()}
        balances = {kind: balance for kind, balance in learnt.items() if balance.rounds}
        if number == 0 or balances:
            write_manifest(working, drop(read_manifest(source), balances, dropped))
        if not balances:
            break
        source = working
    working.replace(out)
    return dropped


def _lines(before: Sequence[Blindness], after: Sequence[Blindness], dropped: Counter[str]) -> list[str]:
    old = {found.kind: found.auc for found in before}
    lines = []
    for found in after:
        auc = "too few to tell" if found.auc is None else f"AUC {found.auc:.3f}"
        was = f", before {old[found.kind]:.3f} ({dropped[found.kind]} dropped)" if old.get(found.kind) else ""
        words = ", ".join(f"{gram!r} {more}:{less}" for gram, more, less in found.giveaways[:4])
        lines.append(f"blind check, {found.kind}: {auc}{was} of {found.pairs} looked at; {words}")
    return lines
