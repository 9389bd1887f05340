"""What a server answered, read as data: checked against a schema, every failure with a reason."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

REFUSAL, TRUNCATED, FILTERED = "refusal", "truncated", "content filter"
MALFORMED, WRONG_SCHEMA, MISSING, DOUBLED = "malformed", "wrong schema", "missing", "doubled"
NO_ANSWER, OVER_BUDGET = "no answer", "over budget"
MAX_CHARACTERS = 600
MAX_TRIES = 3

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _TextsOfItem(_Strict):
    id: int
    texts: list[str]


class _VerdictOfItem(_Strict):
    id: int
    verdict: Literal["true", "false", "unclear"]


class Texts(_Strict):
    """Several texts an item."""

    answers: list[_TextsOfItem]

    def by_item(self) -> list[tuple[int, tuple[str, ...]]]:
        """Ids with what was said of them; texts that are no single line of reasonable length are left out."""
        return [(answer.id, tuple(filter(_is_line, map(str.strip, answer.texts)))) for answer in self.answers]


class Verdicts(_Strict):
    """One verdict an item."""

    answers: list[_VerdictOfItem]

    def by_item(self) -> list[tuple[int, tuple[str, ...]]]:
        """Ids with the one verdict on each."""
        return [(answer.id, (answer.verdict,)) for answer in self.answers]


Answers = Texts | Verdicts


@dataclass(frozen=True)
class Outcome:
    """What came of a question: values, or the reason why there are none.

    Attributes:
        values: Texts or a verdict; texts may be none, where the task does not fit a caption.
        reason: None, or why it has no answer.
        tries: How often it has been asked.
    """

    values: tuple[str, ...] = ()
    reason: str | None = None
    tries: int = 0

    @property
    def is_final(self) -> bool:
        """Whether it need not be asked again."""
        return self.tries > 0 and (self.reason is None or self.tries >= MAX_TRIES)


@dataclass(frozen=True)
class Reading:
    """One response.

    Attributes:
        outcomes: Of each item, parallel to the ids that were asked.
        tokens_in: Of the prompt, as the server counts; None where it does not say.
        tokens_out: Of the answer, likewise.
    """

    outcomes: tuple[Outcome, ...]
    tokens_in: int | None
    tokens_out: int | None


def read(raw: str, ids: Sequence[int], schema: type[Answers], num: int, tries: int) -> Reading:
    """Reads the body of a chat completion.

    Args:
        raw: The body, whatever it may be.
        ids: Of the items that were asked; ids that were not are ignored.
        schema: Of the answer.
        num: Texts an item that are kept at most.
        tries: How often the items have been asked, this time included.
    """
    completion = _json(raw)
    usage = _get(completion, "usage")
    tokens = [_count(_get(usage, name)) for name in ("prompt_tokens", "completion_tokens")]
    found = _found(completion, schema)
    if isinstance(found, str):
        return Reading(tuple(Outcome((), found, tries) for _ in ids), *tokens)
    times = Counter(item for item, _ in found)
    values = dict(found)
    outcomes = []
    for item in ids:
        reason = MISSING if times[item] == 0 else DOUBLED if times[item] > 1 else None
        outcomes.append(Outcome((), reason, tries) if reason else Outcome(values[item][:num], None, tries))
    return Reading(tuple(outcomes), *tokens)


def _found(completion: Any, schema: type[Answers]) -> list[tuple[int, tuple[str, ...]]] | str:
    """What is said of which id, or the reason why nothing is."""
    choices = _get(completion, "choices")
    if not isinstance(choices, list) or not choices:
        return MALFORMED
    finish, message = _get(choices[0], "finish_reason"), _get(choices[0], "message")
    if finish in ("length", "content_filter"):
        return TRUNCATED if finish == "length" else FILTERED
    if _get(message, "refusal"):
        return REFUSAL
    content = _get(message, "content")
    if not isinstance(content, str):
        return MALFORMED
    text = _THINKING.sub("", content)
    fenced = _FENCE.match(text)
    text = fenced[1] if fenced else text
    try:
        return schema.model_validate_json(text).by_item()
    except ValidationError as error:
        return MALFORMED if error.errors()[0]["type"] == "json_invalid" else WRONG_SCHEMA


def _json(raw: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _get(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _is_line(text: str) -> bool:
    return 0 < len(text) <= MAX_CHARACTERS and text.isprintable()
