"""The generator that asks a language model, several captions a request, one request a kind."""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from compa.manifest import POSITIVE_LEVELS
from negatives.generator import Candidate, Request
from negatives.llm.prompt import load
from negatives.llm.request import ModelSettings, PromptItem, prompt_item
from negatives.llm.response import ItemResult
from negatives.llm.scheduler import RequestScheduler

T = TypeVar("T")


@dataclass(frozen=True)
class PromptBatch:
    """Items of one kind that are asked together, and the indices of their requests in the list they come from."""

    kind: str
    members: Sequence[int]
    items: Sequence[PromptItem]


class LanguageModel:
    """Proposes what a model answers to the prompts in `negatives/llm/prompts`.

    Args:
        scheduler: Sends the requests.
        settings: The model's name and parameters.
        captions_per_request: In one prompt.

    Attributes:
        num_proposals: Captions for which it has proposed something.
    """

    def __init__(self, scheduler: RequestScheduler, settings: ModelSettings, captions_per_request: int) -> None:
        self.scheduler = scheduler
        self.settings = settings
        self.captions_per_request = captions_per_request
        self.num_proposals = 0

    def propose(self, requests: Iterable[Request]) -> Iterator[list[Candidate]]:
        """Yields the candidates of each request: positives, then each kind's best, each kind's second, and so on."""
        plans: deque[tuple[Sequence[Request], Sequence[PromptBatch]]] = deque()

        def batches() -> Iterator[Sequence[PromptItem]]:
            for several in batched(requests, self.captions_per_request):
                planned = plan(several, self.settings)
                plans.append((several, planned))
                yield from (batch.items for batch in planned)

        answers: list[list[ItemResult]] = []
        for results in itertools.chain(self.scheduler.answer(batches()), [None]):
            while plans and len(answers) == len(plans[0][1]):
                yield from self._candidates(*plans.popleft(), answers)
                answers = []
            if results is not None:
                answers.append(results)

    def _candidates(
        self, requests: Sequence[Request], planned: Sequence[PromptBatch], answers: Sequence[Sequence[ItemResult]]
    ) -> Iterator[list[Candidate]]:
        by_request: list[list[list[Candidate]]] = [[] for _ in requests]
        for batch, results in zip(planned, answers, strict=True):
            name = f"{self.settings.model}, prompt {batch.kind} {load(batch.kind).version}"
            for i, result in zip(batch.members, results, strict=True):
                by_request[i].append([Candidate(text, batch.kind, name) for text in result.values])
        for request, by_kind in zip(requests, by_request, strict=True):
            self.num_proposals += any(by_kind)
            random.Random(f"{request.seed} {request.text}").shuffle(by_kind)
            rounds = itertools.zip_longest(*by_kind)
            candidates = [candidate for members in rounds for candidate in members if candidate]
            yield sorted(candidates, key=lambda candidate: not candidate.is_positive)


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of so many items; the last may be shorter."""
    items = iter(items)
    while batch := list(itertools.islice(items, size)):
        yield batch


def plan(requests: Sequence[Request], settings: ModelSettings) -> list[PromptBatch]:
    """The prompt items that requests lead to, those of one kind, number and seed together."""
    groups: dict[tuple[str, int, int], list[int]] = {}
    for i, request in enumerate(requests):
        num_negatives = sum(kind not in POSITIVE_LEVELS for kind in request.kinds)
        for kind in request.kinds:
            # One more than each kind's part, so that the checks have a choice.
            num = 1 + (1 if kind in POSITIVE_LEVELS else -(-request.num // num_negatives))
            groups.setdefault((kind, num, request.seed), []).append(i)
    return [
        PromptBatch(
            kind,
            members,
            [prompt_item(load(kind), {"caption": requests[i].text}, num, seed, settings) for i in members],
        )
        for (kind, num, seed), members in groups.items()
    ]
