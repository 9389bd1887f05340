"""What a run will take in requests and tokens, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterable

from compa.manifest import POSITIVE_LEVELS
from negatives.generator import Request
from negatives.llm.generator import batched, plan
from negatives.llm.journal import Journal
from negatives.llm.judge import Judge
from negatives.llm.prompt import JUDGE, load
from negatives.llm.request import ChatRequest, ModelSettings

CHARACTERS_PER_TOKEN = 4
ITEM_CHARACTERS = 50
"""Of an id and its brackets, in a prompt or an answer."""


def estimate(
    requests: Iterable[Request],
    settings: ModelSettings | None,
    captions_per_request: int,
    journal: Journal | None,
    is_judged: bool = False,
) -> str:
    """A sentence on what a run takes if nothing fails.

    Args:
        requests: As the generator gets them.
        settings: Of the model that generates, or None if a model only judges.
        captions_per_request: In one prompt.
        journal: What is in it is not asked again.
        is_judged: Adds a judge at its upper bound: every caption gets all that is wanted, and no verdict is known.
    """
    captions = known = to_send = statements = sent = received = 0
    for several in batched(requests, captions_per_request):
        captions += len(several)
        for batch in plan(several, settings) if settings else ():
            found = journal.find(batch.items) if journal else {}
            items = [item for item in batch.items if item.key not in found or not found[item.key].is_final]
            known += len(batch.items) - len(items)
            if items:
                to_send += 1
                sent += sum(len(message["content"]) for message in ChatRequest(items).messages)
                received += sum(ITEM_CHARACTERS + item.num * (len(item.item["caption"]) + 8) for item in items)
        for request in several if is_judged else ():
            num_texts = request.num + 1 + sum(kind in POSITIVE_LEVELS for kind in request.kinds)
            statements += num_texts
            sent += num_texts * (ITEM_CHARACTERS + 2 * len(request.text))
            received += num_texts * ITEM_CHARACTERS
    judge_requests = math.ceil(statements / Judge.STATEMENTS_PER_REQUEST)
    sent += judge_requests * len(load(JUDGE).system)
    tokens_in, tokens_out = round(sent / CHARACTERS_PER_TOKEN), round(received / CHARACTERS_PER_TOKEN)
    in_journal = f"; {known:,} answers are in the journal already" if known else ""
    return (
        f"estimate: {captions:,} captions, {to_send + judge_requests:,} requests, "
        f"about {tokens_in:,} tokens in prompts and {tokens_out:,} in answers{in_journal}"
    )
