"""The options of language models: as a record, and on the command line."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields

from compa.utils.arguments import non_negative_float, positive_int
from negatives.llm.errors import KEY_VARIABLE
from negatives.llm.mock import NAME as MOCK
from negatives.llm.request import ModelSettings

RULES = "rules"


@dataclass(frozen=True)
class ModelOptions:
    """Which models a run asks, where, and how much of it.

    Attributes:
        model: That proposes texts: `rules`, `mock`, or a name at the server.
        judge: That must agree with every text; None for no judge.
        base_url: Of an OpenAI-compatible server; None for OpenAI's.
        seed: Of the order in which the judge sees statements.
        concurrency: Requests in flight.
        captions_per_request: In one prompt.
        temperature: None for the server's default.
        max_answer_tokens: Of one answer.
        timeout: Seconds that the server may be silent.
        max_requests: Sent by a run, repetitions included.
        max_tokens: Used by a run, prompts and answers together.
        max_unreadable: Fraction of the recent answers that may be unreadable before the run ends.
    """

    model: str = RULES
    judge: str | None = None
    base_url: str | None = None
    seed: int = 0
    concurrency: int = 16
    captions_per_request: int = 10
    temperature: float | None = None
    max_answer_tokens: int = 4096
    timeout: float = 600.0
    max_requests: float = math.inf
    max_tokens: float = math.inf
    max_unreadable: float = 0.9

    @property
    def names(self) -> set[str]:
        """The models that are asked, `mock` included."""
        return {self.model, self.judge or RULES} - {RULES}

    @property
    def asks_server(self) -> bool:
        """Whether anything is sent to a server."""
        return bool(self.names - {MOCK})

    def settings(self, model: str) -> ModelSettings:
        """A model with its parameters."""
        return ModelSettings(model, self.temperature, self.max_answer_tokens)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what a language model needs beside `--model`, `--seed` and `--out`."""
    group = parser.add_argument_group("language models", f"The key is read from {KEY_VARIABLE}, and only from there.")
    add = group.add_argument
    add("--base-url", help="of an OpenAI-compatible server, such as http://localhost:8000/v1 (default: OpenAI)")
    add("--judge", metavar="NAME", help="model at the same server that must agree with every text")
    add("--concurrency", type=positive_int, default=ModelOptions.concurrency, help="requests in flight")
    add("--captions-per-request", type=positive_int, default=ModelOptions.captions_per_request, help="in one prompt")
    add("--temperature", type=non_negative_float, help="default: the server's own")
    add("--max-answer-tokens", type=positive_int, default=ModelOptions.max_answer_tokens, help="of one answer")
    add("--timeout", type=non_negative_float, default=ModelOptions.timeout, help="seconds that a server may be silent")
    add("--max-requests", type=positive_int, default=math.inf, help="sent by this run, repetitions included")
    add("--max-tokens", type=positive_int, default=math.inf, help="used by this run, prompts and answers together")
    add(
        "--max-unreadable",
        type=non_negative_float,
        default=ModelOptions.max_unreadable,
        metavar="FRACTION",
        help="stop when more than this fraction of the last 50 answers could not be read (1: never)",
    )
    add("--estimate", action="store_true", help="print the requests and tokens that the run would take, and stop")


def read(namespace: argparse.Namespace) -> ModelOptions:
    """The options as they were given on the command line."""
    return ModelOptions(**{field.name: getattr(namespace, field.name) for field in fields(ModelOptions)})
