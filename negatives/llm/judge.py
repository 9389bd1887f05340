"""A second opinion: a model that does not know which texts are meant to be false says which it finds true."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from compa.manifest import Clip
from negatives.llm.prompt import JUDGE, load
from negatives.llm.request import ModelSettings, prompt_item
from negatives.llm.scheduler import RequestScheduler

REASONS: dict[str | None, str] = {"true": "judge: true", "unclear": "judge: unclear", None: "judge: no answer"}
"""Why a negative is refused, by verdict; "false" is what it is meant to be."""


class Judge:
    """Refuses negatives unless a model finds them false of their caption.

    The model sees pairs of a caption and a statement in random order, and hidden controls among them: statements that
    are true, namely the caption itself and its positives. It does not learn which are meant to be false.

    Args:
        scheduler: Sends the requests.
        settings: The model's name and parameters.
        seed: Of the order.
        statements_per_request: In one prompt.

    Attributes:
        controls: Verdicts on the true statements, counted.
    """

    STATEMENTS_PER_REQUEST = 16

    def __init__(
        self,
        scheduler: RequestScheduler,
        settings: ModelSettings,
        seed: int = 0,
        statements_per_request: int = STATEMENTS_PER_REQUEST,
    ) -> None:
        self.scheduler = scheduler
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
        items = [
            prompt_item(prompt, {"recording": caption, "statement": text}, 1, self.seed, self.settings)
            for caption, text in statements
        ]
        batches = (items[i : i + size] for i in range(0, len(items), size))
        return [(*result.values, None)[0] for results in self.scheduler.answer(batches) for result in results]


def _statements(clip: Clip) -> list[tuple[str, str]]:
    false = [(clip.captions[negative.of], negative.text) for negative in clip.negatives if negative.of is not None]
    return [*false, *_true_statements(clip)]


def _true_statements(clip: Clip) -> list[tuple[str, str]]:
    judged = {negative.of for negative in clip.negatives} - {None}
    captions = [(caption, caption) for of, caption in enumerate(clip.captions) if of in judged]
    positives = [(clip.captions[text.of], text.text) for text in clip.positives if text.of is not None]
    return [*captions, *positives] if judged else []
