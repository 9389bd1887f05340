"""`compa negatives check`: how well negatives can be told from captions by their words alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compa.manifest import read_manifest
from compa.utils.arguments import CommandParser, add_overwrite, add_seed
from negatives import postprocess
from negatives.cli.examination import add_examination_options, write_outputs
from negatives.outputs import check_outputs


def main(arguments: Sequence[str]) -> int:
    """Runs the command and returns the exit code.

    Raises:
        ValueError: If there is nothing to check, an output exists, or --balance and --out do not come together.
        OSError: If a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    source: Path = options.manifest
    if source.suffix.lower() in (".csv", ".tsv", ".txt"):
        raise ValueError(f"{source} is not a manifest: `compa negatives generate {source}` makes one")
    if options.balance and options.out is None:
        raise ValueError("--balance needs --out: give the manifest to write")
    if options.out and not options.balance:
        raise ValueError("--out is written only with --balance: give both or neither")
    outputs = {"--out": options.out, "--report": options.report, "--review-sheet": options.review_sheet}
    check_outputs(source, outputs, options.overwrite)
    if not any(clip.negatives for clip in read_manifest(source)):
        raise ValueError(f"{source} has no negatives: `compa negatives generate` adds some")
    if options.balance:
        found = postprocess.balance(source, options.out, seed=options.seed)
    else:
        found = postprocess.inspect(source, seed=options.seed)
    write_outputs(found, options.report, options.review_sheet, options.examples, options.seed)
    print("\n".join(found.lines()))
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        "compa negatives check",
        "Fits a classifier of words, pairs of words and length for each kind, in five folds. AUC 0.5: the texts give "
        "nothing away; 1.0: they give everything away, and a model trained or tested on them need not listen.",
        "compa negatives check manifest.jsonl --balance --out balanced.jsonl --report leak.html",
    )
    parser.add_argument("manifest", metavar="MANIFEST", type=Path, help="a manifest with negatives")
    parser.add_argument("--out", metavar="FILE", type=Path, help="where --balance writes what it keeps")
    add_overwrite(parser)
    add_seed(parser, "of the samples")
    add_examination_options(parser)
    return parser
