"""`compa negatives batch submit | status | collect`: asks a language model through a Batch API."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from negatives.cli.options import add_generation_options
from negatives.llm import batch
from negatives.llm.options import add_arguments as add_llm_options


def main(arguments: Sequence[str]) -> int:
    """Runs one of the three commands and returns the exit code.

    Raises:
        ValueError: If something is missing, or the server refuses.
    """
    parser = argparse.ArgumentParser(
        "compa negatives batch",
        description="Asks a language model through the Batch API of its server: slower, and for half the price.",
        epilog="example:\n  compa negatives batch submit captions.csv --model NAME --journal answers.sqlite",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    submit = batch.add_commands(parser)["submit"]
    add_generation_options(submit)
    add_llm_options(submit)
    return batch.main(parser.parse_args(arguments))
