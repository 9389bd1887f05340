"""What a run will take, before it is paid for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from compa.manifest import POSITIVE_LEVELS
from negatives.generator import Request
from negatives.llm.budget import Prices
from negatives.llm.chat import Settings
from negatives.llm.generator import batched, plan
from negatives.llm.journal import Journal
from negatives.llm.judge import Judge
from negatives.llm.prompt import JUDGE, Prompt, load

CHARACTERS_A_TOKEN = 4.0
ITEM_TOKENS = 12.0
"""Of an id and its brackets, in a prompt or an answer."""


@dataclass
class Estimate:
    """Requests and tokens, if nothing fails.

    Attributes:
        prices: Of tokens, or None.
        captions: All.
        known: Answers that need not be asked for.
        requests: To be sent.
        tokens_in: In their prompts.
        tokens_out: In the answers to them.
    """

    prices: Prices | None
    captions: int = 0
    known: int = 0
    requests: int = 0
    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def __str__(self) -> str:
        tokens = f"{self.tokens_in:,.0f} tokens in prompts and {self.tokens_out:,.0f} in answers"
        text = f"estimate: {self.captions:,} captions, {self.requests:,} requests, about {tokens}"
        if self.prices:
            text += f", about {self.prices.cost(self.tokens_in, self.tokens_out):.2f} in all"
        return text + (f"; {self.known:,} answers are in the journal already" if self.known else "")

    def add_requests(self, number: int, prompt: Prompt) -> None:
        """Counts requests without their items."""
        self.requests += number
        self.tokens_in += number * _tokens(prompt.system)

    def add_item(self, tokens: float, num_texts: int) -> None:
        """Counts an item of so many tokens, and texts of its length in the answer to it."""
        self.tokens_in += tokens + ITEM_TOKENS
        self.tokens_out += ITEM_TOKENS + num_texts * (tokens + 2)


def estimate(
    requests: Iterable[Request],
    settings: Settings | None,
    captions_per_request: int,
    journal: Journal | None,
    prices: Prices | None,
    is_judged: bool = False,
) -> Estimate:
    """What a generator's requests take, in one pass.

    Args:
        requests: As the generator gets them.
        settings: Of the model that generates, or None if it only judges.
        captions_per_request: In one prompt.
        journal: What is in it is not asked again.
        prices: Of tokens, or None.
        is_judged: Adds a judge at its most: every caption gets all that is wanted, and no verdict is known.
    """
    total, statements = Estimate(prices), 0
    for batch in batched(requests, captions_per_request):
        total.captions += len(batch)
        for sheet in plan(batch, settings) if settings else ():
            known = journal.find(sheet.questions) if journal else {}
            asked = [q for q in sheet.questions if q.key not in known or not known[q.key].is_final]
            total.known += len(sheet.questions) - len(asked)
            total.add_requests(min(len(asked), 1), load(sheet.kind))
            for question in asked:
                total.add_item(_tokens(question.item["caption"]), question.num)
        for request in batch if is_judged else ():
            texts = request.num + 1 + sum(kind in POSITIVE_LEVELS for kind in request.kinds)
            statements += texts
            for _ in range(texts):
                total.add_item(2 * _tokens(request.text), 0)
    total.add_requests(math.ceil(statements / Judge.STATEMENTS_PER_REQUEST), load(JUDGE))
    return total


def _tokens(text: str) -> float:
    return len(text) / CHARACTERS_A_TOKEN
