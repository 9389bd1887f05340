"""What a run will take, before it is paid for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compa.manifest import LEVELS
from negatives.llm.budget import Prices
from negatives.llm.prompt import JUDGE, load

CHARACTERS_A_TOKEN = 4.0
ITEM_TOKENS = 12.0
"""Of an id and its brackets, in a prompt or an answer."""


@dataclass(frozen=True)
class Estimate:
    """Requests and tokens, if nothing fails and nothing is known yet."""

    captions: int
    requests: int
    tokens_in: float
    tokens_out: float
    prices: Prices | None

    def __str__(self) -> str:
        tokens = f"{self.tokens_in:,.0f} tokens in prompts and {self.tokens_out:,.0f} in answers"
        text = f"estimate: {self.captions:,} captions, {self.requests:,} requests, about {tokens}"
        if self.prices:
            text += f", about {self.prices.cost(self.tokens_in, self.tokens_out):.2f} in all"
        return text


def estimate(
    captions: Iterable[str],
    kinds: Sequence[str],
    num: int,
    captions_per_request: int,
    prices: Prices | None,
    judged_per_request: int | None = None,
) -> Estimate:
    """Counts captions in one pass, and derives the rest.

    Args:
        captions: All texts, in any order.
        kinds: Kinds and levels that are asked for; none if the model only judges.
        num: Negatives a caption.
        captions_per_request: In one prompt.
        prices: Of tokens, or None.
        judged_per_request: Statements in one of the judge's prompts; None without a judge.
    """
    count = characters = 0
    for caption in captions:
        count += 1
        characters += len(caption)
    mean = characters / max(count, 1) / CHARACTERS_A_TOKEN
    negatives = sum(kind not in LEVELS for kind in kinds)
    texts = {kind: 1 + (1 if kind in LEVELS else math.ceil(num / negatives)) for kind in kinds}
    batches = math.ceil(count / captions_per_request)
    requests = batches * len(kinds)
    tokens_in = batches * sum(_system_tokens(kind) for kind in kinds) + count * len(kinds) * (mean + ITEM_TOKENS)
    tokens_out = count * sum(ITEM_TOKENS + texts[kind] * (mean + 2) for kind in kinds)
    if judged_per_request:
        statements = count * (num + 1 + len(kinds) - negatives)
        judgements = math.ceil(statements / judged_per_request)
        requests += judgements
        tokens_in += judgements * _system_tokens(JUDGE) + statements * (2 * mean + ITEM_TOKENS)
        tokens_out += statements * ITEM_TOKENS
    return Estimate(count, requests, tokens_in, tokens_out, prices)


def _system_tokens(prompt: str) -> float:
    return len(load(prompt).system) / CHARACTERS_A_TOKEN
