"""`compa negatives batch submit | status | collect`: asks a language model through a Batch API."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from negatives.cli.options import add_generation_options
from negatives.llm import batch
from negatives.llm import options as llm_options
from negatives.llm.session import forecast, requests_of


def main(arguments: Sequence[str]) -> int:
    """Runs one of the three commands and returns the exit code.

    Raises:
        ValueError: If something is missing, or the server refuses.
    """
    options = _parser().parse_args(arguments)
    if options.command == "status":
        lines = batch.status(options.journal, options.base_url)
    elif options.command == "collect":
        lines = batch.collect(options.journal, options.base_url)
    else:
        requests = requests_of(options.input, (*options.kinds, *options.levels), options.num, options.seed)
        models = llm_options.read(options)
        if options.estimate:
            lines = iter([forecast(models, requests, options.journal) or "estimate: no server is asked"])
        else:
            lines = batch.submit(models, requests, options.journal)
    for line in lines:
        print(line, flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "compa negatives batch",
        description="Asks a language model through the Batch API of its server: slower, and for half the price.",
        epilog="example:\n  compa negatives batch submit captions.csv --model NAME --journal answers.sqlite",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    submit = commands.add_parser(
        "submit",
        help="upload what the journal has no answer to",
        description="Uploads requests to a server with a Batch API. When they are answered, `collect` puts the answers "
        "into the journal, and `generate` with the same options writes the manifest.",
    )
    add_generation_options(submit)
    llm_options.add_arguments(submit)
    submit.add_argument("--journal", metavar="FILE", type=Path, required=True, help="file of all answers")
    for name, help in (
        ("status", "print how far the batches are"),
        ("collect", "put the answers that are there into the journal"),
    ):
        command = commands.add_parser(name, help=help)
        command.add_argument("--journal", metavar="FILE", type=Path, required=True, help="as given to `submit`")
        command.add_argument("--base-url", metavar="URL", help="as given to `submit`")
    return parser
