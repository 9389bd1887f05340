"""`compa negatives batch submit | status | collect`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from negatives.llm import options as given
from negatives.llm.batch import Batches
from negatives.llm.budget import Prices
from negatives.llm.chat import Question
from negatives.llm.generator import batched, plan
from negatives.llm.journal import Journal
from negatives.llm.mock import NAME as MOCK
from negatives.llm.server import Address, read_key, redactor
from negatives.llm.session import RULES, forecast, requests_of


def add_commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Adds the three commands; `submit` still needs the options that it shares with `generate`."""
    commands = parser.add_subparsers(dest="batch_command", required=True)
    submit = commands.add_parser(
        "submit",
        help="upload what the journal has no answer to",
        description="Uploads requests to a server with a Batch API. When they are answered, `collect` puts the answers "
        "into the journal, and `generate` with the same options makes the manifest of it.",
    )
    status = commands.add_parser("status", help="say how far the batches are")
    collect = commands.add_parser("collect", help="put the answers that are there into the journal")
    for command in (status, collect):
        command.add_argument("--journal", type=Path, required=True, help="as given to `submit`")
        command.add_argument("--base-url", help="as given to `submit`")
    given.add_price_arguments(collect)
    return {"submit": submit, "status": status, "collect": collect}


def main(options: argparse.Namespace) -> int:
    """Runs one of the three.

    Raises:
        ValueError: If something is missing, or the server refuses.
    """
    import openai

    if options.batch_command == "submit" and options.model in (RULES, MOCK):
        raise ValueError(f"--model {options.model} needs no batch: give the name of a model at a server")
    if options.batch_command != "submit" and not options.journal.exists():
        raise ValueError(f"{options.journal}: no such journal: give the one that was given to `submit`")
    address = Address(options.base_url)
    key = read_key(address)
    with closing(Journal(options.journal)) as journal, openai.OpenAI(api_key=key, base_url=address.base_url) as client:
        batches = Batches(client, journal)
        try:
            lines = {"submit": _submit, "status": _status, "collect": _collect}[options.batch_command](batches, options)
            print("\n".join(lines))
        except openai.APIError as error:
            raise ValueError(f"the server refuses: {redactor(key)(str(error))[:300]}: run again later") from None
    return 0


def _submit(batches: Batches, options: argparse.Namespace) -> Iterator[str]:
    yield forecast(options, options.journal) or ""
    if options.estimate:
        return
    ids = batches.submit(_sheets(options))
    if not ids:
        yield "nothing to submit: all is answered or under way"
    yield from (f"submitted: {name}" for name in ids)


def _sheets(options: argparse.Namespace) -> Iterator[Sequence[Question]]:
    settings = given.settings(options, options.model)
    for batch in batched(requests_of(options), options.captions_per_request):
        yield from (sheet.questions for sheet in plan(batch, settings))


def _status(batches: Batches, _options: argparse.Namespace) -> Iterator[str]:
    yield from (f"{name}: {status}" for name, status in batches.status().items())
    if not batches.open_batches():
        yield "no batch is under way"


def _collect(batches: Batches, options: argparse.Namespace) -> Iterator[str]:
    prices = given.prices(options) or Prices()
    collected = batches.collect(prices)
    spent = collected.spent
    yield f"{collected.requests} answers, {spent.tokens_in} tokens in prompts, {spent.tokens_out} in answers"
    if cost := prices.cost(spent.tokens_in, spent.tokens_out):
        yield f"  {cost:.2f} spent"
    reasons = sorted(collected.reasons.items())
    yield from (f"  no answer on {prompt}, {reason}: {count} captions" for (prompt, reason), count in reasons)
    if collected.lost:
        yield f"  {collected.lost} requests came back without an answer: `generate` asks them again"
    yield from (f"  waiting for {name}: {status}" for name, status in collected.waiting.items())
