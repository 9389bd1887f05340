"""The generator that asks a language model, several captions a request, one request a kind."""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from compa.manifest import POSITIVE_LEVELS
from negatives.generator import Candidate, Request
from negatives.llm.chat import Question, Settings, question
from negatives.llm.prompt import load
from negatives.llm.response import Outcome
from negatives.llm.scheduler import Asker


@dataclass(frozen=True)
class Sheet:
    """What is asked in one go: questions of one kind, and which requests of the batch they are for."""

    kind: str
    members: Sequence[int]
    questions: Sequence[Question]


class LanguageModel:
    """Proposes what a model answers to the prompts in `negatives/llm/prompts`.

    Args:
        asker: Asks it.
        settings: Its name and parameters.
        captions_per_request: In one prompt.
    """

    def __init__(self, asker: Asker, settings: Settings, captions_per_request: int) -> None:
        self.asker = asker
        self.settings = settings
        self.captions_per_request = captions_per_request

    def propose(self, requests: Iterable[Request]) -> Iterator[list[Candidate]]:
        """Yields the candidates of each request: positives, then each kind's best, each kind's second, and so on."""
        plans: deque[tuple[Sequence[Request], Sequence[Sheet]]] = deque()

        def sheets() -> Iterator[Sequence[Question]]:
            for batch in batched(requests, self.captions_per_request):
                planned = plan(batch, self.settings)
                plans.append((batch, planned))
                yield from (sheet.questions for sheet in planned)

        answers: list[list[Outcome]] = []
        for outcomes in itertools.chain(self.asker.ask(sheets()), [None]):
            while plans and len(answers) == len(plans[0][1]):
                yield from self._candidates(*plans.popleft(), answers)
                answers = []
            if outcomes is not None:
                answers.append(outcomes)

    def _candidates(
        self, batch: Sequence[Request], planned: Sequence[Sheet], answers: Sequence[Sequence[Outcome]]
    ) -> Iterator[list[Candidate]]:
        by_request: list[list[list[Candidate]]] = [[] for _ in batch]
        for sheet, outcomes in zip(planned, answers, strict=True):
            name = f"{self.settings.model}, prompt {sheet.kind} {load(sheet.kind).version}"
            for i, outcome in zip(sheet.members, outcomes, strict=True):
                by_request[i].append([Candidate(text, sheet.kind, name) for text in outcome.values])
        for request, by_kind in zip(batch, by_request, strict=True):
            random.Random(f"{request.seed} {request.text}").shuffle(by_kind)
            rounds = itertools.zip_longest(*by_kind)
            candidates = [candidate for members in rounds for candidate in members if candidate]
            yield sorted(candidates, key=lambda candidate: not candidate.is_positive)


def batched(items: Iterable[Request], size: int) -> Iterator[list[Request]]:
    """Lists of so many items; the last may be shorter."""
    items = iter(items)
    while batch := list(itertools.islice(items, size)):
        yield batch


def plan(batch: Sequence[Request], settings: Settings) -> list[Sheet]:
    """The questions that a batch of requests leads to, those of one kind, number and seed together."""
    groups: dict[tuple[str, int, int], list[int]] = {}
    for i, request in enumerate(batch):
        num_negatives = sum(kind not in POSITIVE_LEVELS for kind in request.kinds)
        for kind in request.kinds:
            # One more than each kind's share, so that the checks have a choice.
            num = 1 + (1 if kind in POSITIVE_LEVELS else -(-request.num // num_negatives))
            groups.setdefault((kind, num, request.seed), []).append(i)
    sheets = []
    for (kind, num, seed), members in groups.items():
        items = [{"caption": batch[i].text} for i in members]
        asked = [question(load(kind), item, num, seed, settings) for item in items]
        sheets.append(Sheet(kind, members, asked))
    return sheets
