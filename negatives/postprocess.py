"""What is done with a manifest that has negatives: text leak, balancing, report, review sheet."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compa.manifest import read_manifest, write_manifest
from compa.utils.files import PARTIAL
from negatives.arguments import positive, seed
from negatives.pipeline import Tally

if TYPE_CHECKING:
    from negatives.checks.text_leak import TextLeak

MAX_PASSES = 6
SAMPLE = 10_000  # negatives of a kind that are looked at, however many there are
BALANCE = "balance"
"""Why balancing drops a negative, among the reasons of the checks."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Adds what can be asked for once the negatives are there."""
    add = command.add_argument
    add(
        "--balance",
        action="store_true",
        help="drop negatives until a classifier of words tells no kind from its captions with an AUC above 0.60; of a "
        "kind of which too few would be left to tell, drop all",
    )
    add("--report", type=Path, metavar="HTML", help="write counts, AUC by kind, give-away words and examples as a page")
    add("--sheet", type=Path, metavar="CSV", help="write a sheet of examples for people to review")
    add("--examples", type=positive, default=200, help="in the page and the sheet (default: %(default)s)")


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
    check.add_argument("--seed", type=seed, default=0, help="of the samples (default: %(default)s)")
    check.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
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
        ValueError: If --balance lacks --out, that stands in the way, or there is nothing to check.
    """
    source = options.manifest
    if source.suffix.lower() in (".csv", ".txt"):
        raise ValueError(f"{source} is no manifest: `compa negatives generate {source}` makes one of it")
    if options.balance and options.out is None:
        raise ValueError("--balance needs --out: name the manifest to write")
    if options.out and not options.balance:
        raise ValueError("--out is written by --balance only: pass both or none")
    check_outputs(source, options)
    if not any(clip.negatives for clip in read_manifest(source)):
        raise ValueError(f"{source} holds no negatives: `compa negatives generate` adds some")
    _, lines = finish(source, options.out or source, options)
    print("\n".join(lines))
    return 0


def review(options: argparse.Namespace) -> int:
    """Runs `compa negatives review`."""
    from negatives.review import read_sheets, summary

    print(summary(read_sheets(options.sheets)))
    return 0


def finish(
    source: Path,
    out: Path,
    options: argparse.Namespace,
    refused: Mapping[tuple[str, str], int] | None = None,
    notes: Sequence[tuple[str, str]] = (),
) -> tuple[Tally, list[str]]:
    """Balances a manifest if that is wanted, checks it and writes what is wanted of it.

    Kinds of which balancing could not make sure are named on stderr.

    Args:
        source: A manifest with negatives.
        out: Where the balanced one goes; it may be `source`.
        options: See `add_arguments`; and `seed`.
        refused: By the run that made the negatives, by kind and reason, for the report.
        notes: Further facts for the report.

    Returns:
        What the manifest holds in the end, with all that was refused or dropped; and lines on the text leak.
    """
    from negatives.checks.text_leak import TextLeak, text_leaks  # numpy is imported only where it is used
    from negatives.report import Page, write_page
    from negatives.review import write_sheet
    from negatives.sample import Item, sample, spread

    def look(manifest: Path, tally: Tally) -> tuple[dict[str, TextLeak], Sequence[Item]]:
        samples = sample(tally.counted(read_manifest(manifest)), SAMPLE, options.seed)
        found = text_leaks({kind: [item.pair for item in items] for kind, items in samples.items()})
        return {leak.kind: leak for leak in found}, spread(samples, options.examples, options.seed)

    tally = Tally(refused=Counter(refused))
    before: dict[str, TextLeak] = {}
    if options.balance:
        before, _ = look(source, Tally())
        dropped = balance(source, out, options.seed)
        tally.refused.update({(kind, BALANCE): count for kind, count in dropped.items() if count})
        source = out
    after, examples = look(source, tally)
    after |= {kind: TextLeak(kind, 0, None, ()) for kind in before.keys() - after.keys()}
    found = [leak for _, leak in sorted(after.items())]
    if options.balance:
        for warning in _warnings(found):
            print(f"compa: {warning}", file=sys.stderr)
    if options.sheet:
        write_sheet(options.sheet, examples)
    if options.report:
        write_page(options.report, Page(tally, before, found, examples, notes))
    return tally, _lines(before, found, tally)


def balance(source: Path, out: Path, seed: int) -> Counter[str]:
    """Writes a manifest without the negatives that balancing drops, and returns how many these are by kind.

    A sample teaches little of rare words; so what is left is sampled anew, until nothing more is to be dropped. Of a
    kind that had to be cut so far that too few are left to tell, none are left.
    """
    from negatives.checks.balance import Balance, drop, learn
    from negatives.checks.text_leak import MIN_PAIRS
    from negatives.sample import sample

    dropped: Counter[str] = Counter()
    working = out.with_name(f"{out.name}.balancing{PARTIAL}")
    for number in range(MAX_PASSES):
        samples = sample(read_manifest(source), SAMPLE, seed + number)
        learnt = {
            kind: Balance(drops_all=True)
            if len(items) < MIN_PAIRS and dropped[kind]
            else learn([item.pair for item in items], salt=number)
            for kind, items in samples.items()
        }
        balances = {kind: balance for kind, balance in learnt.items() if balance.drops_any}
        if number == 0 or balances:
            write_manifest(working, drop(read_manifest(source), [balances], dropped))
        if not balances:
            break
        source = working
    working.replace(out)
    return dropped


def _lines(before: Mapping[str, TextLeak], after: Sequence[TextLeak], tally: Tally) -> list[str]:
    lines = []
    for found in after:
        old, dropped = before.get(found.kind), tally.refused[found.kind, BALANCE]
        was = f", before {old.auc:.3f} ({dropped} dropped)" if old and old.auc is not None else ""
        auc = "too few to tell" if found.auc is None else f"AUC {found.auc:.3f}"
        words = ", ".join(f"{gram!r} {more}:{less}" for gram, more, less in found.telltale_ngrams[:4])
        now = f"{auc}{was} of {found.pairs} looked at; {words}" if found.pairs else f"none left{was}"
        lines.append(f"text leak, {found.kind}: {now}")
    return lines


def _warnings(after: Sequence[TextLeak]) -> Iterator[str]:
    """What balancing could not make sure of."""
    from negatives.checks.balance import MAX_AUC
    from negatives.checks.text_leak import MIN_PAIRS

    gone = [found.kind for found in after if not found.pairs]
    few = [f"{found.kind} {found.pairs}" for found in after if found.pairs and found.auc is None]
    told = [f"{found.kind} {found.auc:.3f}" for found in after if found.auc is not None and found.auc > MAX_AUC]
    if gone:
        yield f"balance: none are left of {', '.join(gone)}: their words alone gave them away"
    if few:
        yield (
            f"balance: too few to tell whether words give them away, so that all are kept: {', '.join(few)}; "
            f"give captions for at least {MIN_PAIRS} of each, or leave the kinds out"
        )
    if told:
        yield f"balance: words alone still give these away (AUC): {', '.join(told)}; leave the kinds out"
