"""Parses what a server answered: checked against a schema, every failure with a reason."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

REFUSAL, TRUNCATED, FILTERED = "refusal", "truncated", "content filter"
MALFORMED, WRONG_SCHEMA, MISSING, DUPLICATE = "malformed", "wrong schema", "missing", "duplicate"
NO_COMPLETION, NO_TEXT = "not a chat completion", "no text in the answer"
NO_ANSWER, OVER_BUDGET = "no answer", "over budget"
MAX_CHARACTERS = 600
MAX_TRIES = 3

_OBJECT_START = re.compile(r'\{\s*["}]|\[\s*\{')
_END_OF_THOUGHTS = re.compile(r"</think(?:ing)?>|</reasoning>|\[/THINK\]", re.IGNORECASE)
_OPEN_THOUGHTS = re.compile(r"\s*(?:<think(?:ing)?>|<reasoning>|\[THINK\])", re.IGNORECASE)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _TextsOfItem(_Strict):
    id: int
    texts: list[str]


class _VerdictOfItem(_Strict):
    id: int
    verdict: Literal["true", "false", "unclear"]


class Texts(_Strict):
    """Schema of an answer with several texts per item."""

    answers: list[_TextsOfItem]

    def by_item(self) -> list[tuple[int, tuple[str, ...]]]:
        """Item ids with their texts; texts that are not one line of at most `MAX_CHARACTERS` are left out."""
        return [(answer.id, tuple(filter(_is_line, map(str.strip, answer.texts)))) for answer in self.answers]


class Verdicts(_Strict):
    """Schema of an answer with one verdict per item."""

    answers: list[_VerdictOfItem]

    def by_item(self) -> list[tuple[int, tuple[str, ...]]]:
        """Item ids with their one verdict."""
        return [(answer.id, (answer.verdict,)) for answer in self.answers]


Answers = Texts | Verdicts


@dataclass(frozen=True)
class ItemResult:
    """The answer to a prompt item, or the reason why there is none.

    Attributes:
        values: Texts or a verdict; an empty tuple is an answer, too: the task does not fit the caption.
        reason: Why it has no answer, or None.
        tries: How often it has been asked.
    """

    values: tuple[str, ...] = ()
    reason: str | None = None
    tries: int = 0

    @property
    def is_final(self) -> bool:
        """Whether it need not be asked again."""
        return self.tries > 0 and (self.reason is None or self.tries >= MAX_TRIES)

    @property
    def is_about_item(self) -> bool:
        """False where the server is to blame, not the item: then the next run asks again."""
        return self.reason not in (NO_COMPLETION, NO_TEXT, NO_ANSWER, OVER_BUDGET)


@dataclass(frozen=True)
class ParsedResponse:
    """One response.

    Attributes:
        results: One per item, parallel to the ids that were asked.
        tokens_in: Of the prompt, as the server counts; None where it does not say.
        tokens_out: Of the answer, likewise.
        text: What the model said, or the whole body if it is not a chat completion.
    """

    results: tuple[ItemResult, ...]
    tokens_in: int | None = None
    tokens_out: int | None = None
    text: str = ""

    @property
    def has_text(self) -> bool:
        """Whether it is a chat completion in which the model said something."""
        return not {result.reason for result in self.results} & {NO_COMPLETION, NO_TEXT}

    @property
    def is_readable(self) -> bool:
        """Whether at least one item has an answer, or the model refused for reasons of content."""
        return any(result.reason in (None, REFUSAL, FILTERED) for result in self.results)


def all_failed(reason: str, num: int, tries: int) -> ParsedResponse:
    """A response in which no item has an answer."""
    return ParsedResponse((ItemResult((), reason, tries),) * num)


def parse_response(raw: str, ids: Sequence[int], schema: type[Answers], num: int, tries: int) -> ParsedResponse:
    """Parses the body of a chat completion.

    Args:
        raw: The body, which may be anything.
        ids: Of the items that were asked; other ids are ignored.
        schema: Of the answer.
        num: Texts per item that are kept at most.
        tries: How often the items have been asked, this time included.
    """
    completion = _json(raw)
    usage = _get(completion, "usage")
    tokens_in, tokens_out = (_count(_get(usage, name)) for name in ("prompt_tokens", "completion_tokens"))
    choices = _get(completion, "choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    text = _text(_get(_get(choice, "message"), "content"))
    found = _answers(choice, text, schema)
    if isinstance(found, str):
        return ParsedResponse((ItemResult((), found, tries),) * len(ids), tokens_in, tokens_out, text.strip() or raw)
    times = Counter(item for item, _ in found)
    values = dict(found)
    results = []
    for item in ids:
        reason = MISSING if times[item] == 0 else DUPLICATE if times[item] > 1 else None
        results.append(ItemResult((), reason, tries) if reason else ItemResult(values[item][:num], None, tries))
    return ParsedResponse(tuple(results), tokens_in, tokens_out, text)


def _answers(choice: Any, text: str, schema: type[Answers]) -> list[tuple[int, tuple[str, ...]]] | str:
    """Values by item id, or the reason why there are none."""
    finish, message = _get(choice, "finish_reason"), _get(choice, "message")
    if finish in ("length", "content_filter"):
        return TRUNCATED if finish == "length" else FILTERED
    if not isinstance(message, dict):
        return NO_COMPLETION
    if message.get("refusal"):
        return REFUSAL
    if not text.strip():
        return NO_TEXT
    found = only_object(text)
    if found is None:
        return MALFORMED
    try:
        return schema.model_validate_json(found).by_item()
    except ValidationError as error:
        return MALFORMED if error.errors()[0]["type"] == "json_invalid" else WRONG_SCHEMA


def only_object(text: str) -> str | None:
    r"""The one JSON object (or array of objects) in a text, or None where there are none, several or a broken one.

    Models put prose, a code fence or their thoughts around it; what stands before the end of thoughts is not read.
    Broken JSON is never repaired.

    Example:
        >>> only_object('The answer is: {"answers": []} I hope that helps.')
        '{"answers": []}'
        >>> only_object('{"answers": [],}') is only_object('{"a": 1} {"b": 2}') is None
        True
    """
    text = text.strip().removeprefix("\ufeff")
    if _span_end(text, 0) == len(text):
        return text
    text = _END_OF_THOUGHTS.split(text)[-1]
    if _OPEN_THOUGHTS.match(text):
        return None
    found: list[str] = []
    end = 0
    while start := _OBJECT_START.search(text, end):
        stop = _span_end(text, start.start())
        if stop is None:
            return None
        found.append(text[start.start() : stop])
        end = stop
    return found[0] if len(found) == 1 else None


def _span_end(text: str, start: int) -> int | None:
    """Where the JSON value that starts there ends, or None if it is broken."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def _text(content: Any) -> str:
    """A message's content: a text, or a list of parts with texts."""
    if isinstance(content, list):
        parts = (_get(part, "text") for part in content)
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _json(raw: str) -> Any:
    try:
        return json.loads(raw.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None


def _get(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _is_line(text: str) -> bool:
    return 0 < len(text) <= MAX_CHARACTERS and text.isprintable()
