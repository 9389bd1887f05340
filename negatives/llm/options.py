"""The command-line options of models behind servers, and what they build."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from compa.utils.arguments import non_negative_float as amount
from compa.utils.arguments import positive_int as positive
from negatives.llm.budget import Budget, Prices
from negatives.llm.chat import Settings
from negatives.llm.client import Courier, Model
from negatives.llm.generator import LanguageModel
from negatives.llm.journal import Journal
from negatives.llm.judge import Judge
from negatives.llm.mock import NAME as MOCK
from negatives.llm.mock import MockModel
from negatives.llm.scheduler import Asker
from negatives.llm.server import KEY_VARIABLE, Address, Server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what a language model needs beside `--model`, `--seed` and `--out`."""
    group = parser.add_argument_group("language models", f"The key is read from {KEY_VARIABLE}, and only from there.")
    add = group.add_argument
    add("--base-url", help="of an OpenAI-compatible server, such as http://localhost:8000/v1 (default: OpenAI)")
    add("--judge", metavar="NAME", help="model, at the same server, that must agree with every text; not told which")
    add("--journal", type=Path, help="file of all answers; nothing in it is asked twice (default: beside --out)")
    add("--concurrency", type=positive, default=16, help="requests in flight (default: %(default)s)")
    add("--captions-per-request", type=positive, default=10, help="default: %(default)s")
    add("--temperature", type=amount, help="default: the server's own")
    add("--max-answer-tokens", type=positive, default=4096, help="of one answer (default: %(default)s)")
    add("--timeout", type=amount, default=600.0, help="seconds an answer may take (default: %(default)s)")
    add("--max-requests", type=positive, default=math.inf, help="that this run may send, repetitions included")
    add("--max-tokens", type=positive, default=math.inf, help="that this run may use, prompts and answers together")
    add("--max-cost", type=amount, default=math.inf, help="that this run may spend; needs the prices")
    add_price_arguments(group)
    add("--estimate", action="store_true", help="say what the run would take, and stop")


def add_price_arguments(parser: argparse._ActionsContainer) -> None:
    """Adds what tokens cost."""
    parser.add_argument("--price-in", type=amount, metavar="PRICE", help="of a million tokens in prompts")
    parser.add_argument("--price-out", type=amount, metavar="PRICE", help="of a million tokens in answers")


def prices(options: argparse.Namespace) -> Prices | None:
    """What tokens cost, or None if nothing was said of it.

    Raises:
        ValueError: If one price is missing, or a budget of money has no prices.
    """
    given = [price is not None for price in (options.price_in, options.price_out)]
    if any(given) and not all(given):
        raise ValueError("one price alone says nothing: give both --price-in and --price-out, for a million tokens")
    if getattr(options, "max_cost", math.inf) < math.inf and not all(given):
        raise ValueError("--max-cost needs --price-in and --price-out, for a million tokens")
    return Prices(options.price_in, options.price_out) if all(given) else None


def settings(options: argparse.Namespace, model: str) -> Settings:
    """Model and parameters."""
    return Settings(model, options.temperature, options.max_answer_tokens)


def open_asker(options: argparse.Namespace, journal: Path) -> Asker:
    """Opens server and journal; to be closed by `with`.

    Raises:
        ValueError: If there is no key, the journal is no journal, or options contradict each other.
    """
    names = {options.model, options.judge} - {"rules", None}
    if MOCK in names and len(names) > 1:
        raise ValueError(f"{MOCK!r} and {(names - {MOCK}).pop()!r} are not at one server: give --judge mock, or none")
    budget = Budget(options.max_requests, options.max_tokens, options.max_cost, prices(options) or Prices())
    address = Address(options.base_url)
    model: Model = MockModel() if MOCK in names else Server(address, options.concurrency, options.timeout)
    return Asker(Courier(model, budget, options.seed), Journal(journal), options.concurrency)


def generator(options: argparse.Namespace, asker: Asker) -> LanguageModel:
    """The generator that `--model` names."""
    return LanguageModel(asker, settings(options, options.model), options.captions_per_request)


def judge(options: argparse.Namespace, asker: Asker) -> Judge:
    """The judge that `--judge` names."""
    return Judge(asker, settings(options, options.judge), options.seed)
