"""`compa bench report`: makes a web page of results, or tables for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.cli.options import say
from compa.utils.arguments import CommandParser, add_events, add_out_file


def main(arguments: Sequence[str]) -> int:
    """Runs the command with the arguments after its name; returns the exit code."""
    parser = CommandParser(
        "compa bench report",
        "Makes one self-contained web page of results, or tables in Markdown or CSV.",
        "compa bench report results/ --out report.html",
    )
    parser.add_argument("results", type=Path, metavar="DIR", help="folder of results, as `run` writes it")
    add_out_file(parser, "a page (.html), or tables (.md, .csv)")
    add_events(parser)
    parser.add_argument("--data", metavar="DIR|FILE", type=Path, help="files to listen to (default: those of `run`)")
    parser.add_argument(
        "--run",
        metavar="DIR",
        dest="runs",
        type=Path,
        action="append",
        default=[],
        help="run folder whose training curves are shown; repeat for several",
    )
    options = parser.parse_args(arguments)
    from benchmarks.report import write_report
    from benchmarks.tasks.task import TaskInputs

    given = TaskInputs(options.events, options.data) if options.events or options.data else None
    write_report(options.results, options.out, given, options.runs, say)
    print(options.out)
    return 0
