"""A second opinion: a model is asked, not knowing what is what, whether texts are true of a caption."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from compa.manifest import Clip
from negatives.llm.chat import Settings, question
from negatives.llm.prompt import JUDGE, load
from negatives.llm.scheduler import Asker

REASONS: dict[str | None, str] = {"true": "judge: true", "unclear": "judge: unclear", None: "judge: no answer"}
"""Why a negative is refused, by verdict; "false" is what it is meant to be."""


class Judge:
    """Refuses negatives unless a model finds them false of their caption.

    The model sees a caption and a statement at a time, in an order that says nothing, and true statements among them:
    the caption itself and its positives. It is not told which are meant to be false.

    Args:
        asker: Asks it.
        settings: Its name and parameters.
        seed: Of the order.
        statements_per_request: In one prompt.

    Attributes:
        controls: What it said of statements that are true.
    """

    STATEMENTS_PER_REQUEST = 16

    def __init__(
        self, asker: Asker, settings: Settings, seed: int = 0, statements_per_request: int = STATEMENTS_PER_REQUEST
    ) -> None:
        self.asker = asker
        self.settings = settings
        self.seed = seed
        self.statements_per_request = statements_per_request
        self.controls: Counter[str] = Counter()

    def __call__(self, clips: Sequence[Clip]) -> list[list[str | None]]:
        """For each negative of each clip the reason to refuse it, or None; None, too, where its caption is unknown."""
        statements = list(dict.fromkeys(pair for clip in clips for pair in _statements(clip)))
        random.Random(f"{self.seed} {statements}").shuffle(statements)
        verdicts = dict(zip(statements, self._verdicts(statements), strict=True))
        for clip in clips:
            self.controls.update(verdicts[pair] or "no answer" for pair in _true_statements(clip))
        return [
            [
                None if negative.of is None else REASONS.get(verdicts[clip.captions[negative.of], negative.text])
                for negative in clip.negatives
            ]
            for clip in clips
        ]

    def _verdicts(self, statements: Sequence[tuple[str, str]]) -> list[str | None]:
        prompt, size = load(JUDGE), self.statements_per_request
        questions = [
            question(prompt, {"recording": caption, "statement": text}, 1, self.seed, self.settings)
            for caption, text in statements
        ]
        sheets = (questions[i : i + size] for i in range(0, len(questions), size))
        return [(*outcome.values, None)[0] for outcomes in self.asker.ask(sheets) for outcome in outcomes]


def _statements(clip: Clip) -> list[tuple[str, str]]:
    false = [(clip.captions[negative.of], negative.text) for negative in clip.negatives if negative.of is not None]
    return [*false, *_true_statements(clip)]


def _true_statements(clip: Clip) -> list[tuple[str, str]]:
    judged = {negative.of for negative in clip.negatives} - {None}
    captions = [(caption, caption) for of, caption in enumerate(clip.captions) if of in judged]
    positives = [(clip.captions[text.of], text.text) for text in clip.positives if text.of is not None]
    return [*captions, *positives] if judged else []
