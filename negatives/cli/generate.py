"""`compa negatives generate`: captions in, confusable captions out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from compa.data import quarantine
from compa.manifest import POSITIVE_LEVELS
from compa.utils.arguments import CommandParser, add_out_file, add_overwrite
from compa.utils.files import PARTIAL
from negatives import postprocess
from negatives.cli.examination import add_examination_options, write_outputs
from negatives.cli.options import add_generation_options
from negatives.language.substitutes import read_ontology
from negatives.llm import options as llm_options
from negatives.llm.session import default_journal, forecast, open_session, requests_of
from negatives.outputs import check_outputs
from negatives.pipeline import Filter, Tally, generate
from negatives.rules import Rules

NUM_SHOWN = 10
"""Refused rows that are shown; all are counted."""


def main(arguments: Sequence[str]) -> int:
    """Runs the command and returns the exit code.

    Raises:
        ValueError: If an input is broken or an output exists.
        OSError: If a file cannot be read or written.
    """
    options = _parser().parse_args(arguments)
    source, out, report, review_sheet = options.input, options.out, options.report, options.review_sheet
    if not options.estimate:
        check_outputs(source, {"--out": out, "--report": report, "--review-sheet": review_sheet}, options.overwrite)
    models, journal = llm_options.read(options), options.journal or default_journal(out)
    requests = requests_of(source, (*options.kinds, *options.levels), options.num, options.seed)
    estimate = forecast(models, requests, journal)
    if estimate or options.estimate:
        print(estimate or "estimate: no server is asked", flush=True)
    if options.estimate:
        return 0
    made = out.with_name(f"{out.name}.unbalanced{PARTIAL}") if options.balance else out
    filters = [_model_filter(options.filter, source.resolve().parent)] if options.filter else []
    rules = Rules(read_ontology(options.ontology) if options.ontology else None)
    with open_session(models, rules, journal) as session:
        try:
            tally = generate(
                source,
                made,
                session.generator,
                kinds=options.kinds,
                levels=options.levels,
                num=options.num,
                seed=options.seed,
                filters=[*filters, session.judge] if session.judge else filters,
                overwrite=True,
                progress=True,
            )
        finally:  # what was used is reported even where a run ends early
            notes = session.notes()
            print("".join(f"{name}: {value}\n" for name, value in notes), end="", flush=True)
    lines: list[str] = []
    if options.balance or report or review_sheet:
        found = _balanced(made, out, options.seed) if options.balance else postprocess.inspect(out, seed=options.seed)
        write_outputs(found, report, review_sheet, options.examples, options.seed, tally.refused, notes)
        found.tally.refused.update(tally.refused)
        found.tally.refused_rows = tally.refused_rows
        tally, lines = found.tally, list(found.lines())
    print(f"{tally.clips} clips written to {out}")
    print("\n".join([*_summary(tally, (*options.kinds, *options.levels)), *lines]))
    if source.suffix == ".jsonl" and (left_out := quarantine.read(source)):
        print(f"left out: {len(left_out)} clips in {quarantine.list_path(source)}")
    session.require_served(tally.served)
    return 0


def _balanced(made: Path, out: Path, seed: int) -> postprocess.Inspection:
    try:
        return postprocess.balance(made, out, seed=seed)
    finally:
        made.unlink()


def _model_filter(run: str, folder: Path) -> Filter:
    import compa  # torch is imported only here, where a model is needed
    from negatives.checks.similarity import SimilarityFilter

    return SimilarityFilter(compa.load(run), folder)


def _summary(tally: Tally, wanted: Sequence[str]) -> Iterator[str]:
    yield f"captions served: {tally.served} of {tally.captions} ({tally.served / max(tally.captions, 1):.1%})"
    for kind in wanted:
        yield f"  {kind}: {tally.kept[kind]} {'positives' if kind in POSITIVE_LEVELS else 'negatives'}"
    for (kind, reason), count in sorted(tally.refused.items()):
        yield f"  refused {kind}, {reason}: {count}"
    if tally.refused_rows:
        yield f"refused: {len(tally.refused_rows)} rows of the source, such as"
        yield from (f"  {row}" for row in tally.refused_rows[:NUM_SHOWN])


def _parser() -> CommandParser:
    parser = CommandParser(
        "compa negatives generate",
        "Writes a manifest whose captions have hard negatives (texts that sound alike and are false of the clip) and "
        "positives (paraphrases and parts that are true of it). Captions that cannot be read reliably get none.",
        "compa negatives generate captions.csv --out manifest.jsonl --kinds order,replacement --num 3",
    )
    add_generation_options(parser)
    add_out_file(parser, "manifest to write")
    add_overwrite(parser)
    parser.add_argument(
        "--filter",
        metavar="MODEL",
        help="drop negatives that this trained model finds too far from their caption, or closer to the sound",
    )
    add_examination_options(parser)
    llm_options.add_arguments(parser)
    parser.add_argument("--journal", metavar="FILE", type=Path, help="file of all answers (default: beside --out)")
    return parser
