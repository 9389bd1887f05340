"""A second opinion: a model is asked, not knowing what is what, whether texts are true of a caption."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from compa.manifest import Clip, Negative, Positive
from negatives.llm.asking import Asker
from negatives.llm.chat import Question, Settings, question
from negatives.llm.prompt import JUDGE, load

TRUE_OF_CAPTION, FALSE_OF_CAPTION, UNCLEAR, SILENT = "judge: true", "judge: false", "judge: unclear", "judge: silent"
"""Why a text is dropped: a negative that is true, a positive that is false, either that is unclear or unanswered."""


@dataclass
class Opinions:
    """What the judge thought.

    Attributes:
        agreed: Texts that were kept, by kind or level.
        dropped: Texts that were not, by kind or level and reason.
        controls: Captions put before the judge as statements about themselves, by verdict: all should be true.
    """

    agreed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    controls: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Case:
    """One text of a clip, None for a control, and what the judge should say of it."""

    text: Negative | Positive | None
    question: Question

    @property
    def expected(self) -> str:
        return "false" if isinstance(self.text, Negative) else "true"


class Judge:
    """Drops negatives that a model believes to be true of their caption, and positives that it believes to be false.

    The model sees a caption and one statement at a time, in an order that says nothing, with the captions themselves
    among the statements: it is not told which statements are meant to be false.

    Args:
        asker: Asks it.
        settings: Its name and parameters.
        seed: Of the order.
        statements_per_request: In one prompt.
    """

    def __init__(self, asker: Asker, settings: Settings, seed: int = 0, statements_per_request: int = 16) -> None:
        self.asker = asker
        self.settings = settings
        self.seed = seed
        self.statements_per_request = statements_per_request
        self.opinions = Opinions()

    def filter(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """Yields clips in order with the texts that the judge agrees with; texts of no known caption are kept."""
        waiting: list[tuple[Clip, list[_Case]]] = []
        for clip in clips:
            waiting.append((clip, self._cases(clip)))
            if sum(len(cases) for _, cases in waiting) >= self._statements_ahead:
                yield from self._decide(waiting)
                waiting = []
        yield from self._decide(waiting)

    @property
    def _statements_ahead(self) -> int:
        return self.statements_per_request * self.asker.concurrency

    def _cases(self, clip: Clip) -> list[_Case]:
        cases = []
        for of, caption in enumerate(clip.captions):
            texts: tuple[Negative | Positive, ...] = (*clip.negatives, *clip.positives)
            statements: list[tuple[Negative | Positive | None, str]] = [(t, t.text) for t in texts if t.of == of]
            statements += [(None, caption)] if statements else []
            for text, statement in statements:
                item = {"recording": caption, "statement": statement}
                cases.append(_Case(text, question(load(JUDGE), item, 1, self.seed, self.settings)))
        return cases

    def _decide(self, waiting: Sequence[tuple[Clip, list[_Case]]]) -> Iterator[Clip]:
        """Asks about several clips at once, so that the statements of a request are mixed."""
        order = [case for _, cases in waiting for case in cases]
        random.Random(f"{self.seed} {len(order)}").shuffle(order)
        size = self.statements_per_request
        sheets = [order[i : i + size] for i in range(0, len(order), size)]
        verdicts: dict[int, str | None] = {}
        answers = self.asker.ask([case.question for case in sheet] for sheet in sheets)
        for sheet, outcomes in zip(sheets, answers, strict=True):
            verdicts |= {
                id(case): outcome.values[0] if outcome.values else None
                for case, outcome in zip(sheet, outcomes, strict=True)
            }
        for clip, cases in waiting:
            dropped = [case.text for case in cases if not self._agrees(case, verdicts[id(case)])]
            yield replace(
                clip,
                negatives=tuple(text for text in clip.negatives if not _is_among(text, dropped)),
                positives=tuple(text for text in clip.positives if not _is_among(text, dropped)),
            )

    def _agrees(self, case: _Case, verdict: str | None) -> bool:
        if case.text is None:
            self.opinions.controls[verdict or "silent"] += 1
            return True
        kind = case.text.kind if isinstance(case.text, Negative) else case.text.level
        if verdict == case.expected:
            self.opinions.agreed[kind] += 1
            return True
        reasons = {"true": TRUE_OF_CAPTION, "false": FALSE_OF_CAPTION, "unclear": UNCLEAR, None: SILENT}
        self.opinions.dropped[kind, reasons[verdict]] += 1
        return False


def _is_among(text: object, texts: Sequence[object]) -> bool:
    return any(text is other for other in texts)
