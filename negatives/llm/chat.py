"""Questions, and the requests that ask several of them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

from pydantic_core import to_json

from negatives.llm.prompt import Prompt, encode
from negatives.llm.response import Answers

_JSON_OBJECT = {"type": "json_object"}


@dataclass(frozen=True)
class Settings:
    """What is asked of a model beside the prompt; every field is a part of what the journal goes by.

    Attributes:
        model: Its name at the server.
        temperature: None for the server's own.
        max_answer_tokens: Longer answers are cut, and then asked again with fewer captions.
    """

    model: str
    temperature: float | None = None
    max_answer_tokens: int = 4096


@dataclass(frozen=True)
class Question:
    """One item of a request, such as one caption, and how it is found in the journal."""

    prompt: Prompt
    item: Mapping[str, str]
    num: int
    settings: Settings
    key: str


def question(prompt: Prompt, item: Mapping[str, str], num: int, seed: int, settings: Settings) -> Question:
    """Makes a question; its key is a hash of all that its answer depends on but the company it is asked in.

    Args:
        prompt: What to do with the item.
        item: Texts by name, as the prompt calls them.
        num: Texts wanted of it.
        seed: Other seeds ask again what the journal has an answer to.
        settings: Model and parameters.
    """
    content = _hash_of_all_but_the_item(prompt, num, seed, settings).copy()
    content.update(to_json(sorted(item.items())))
    return Question(prompt, item, num, settings, content.hexdigest()[:32])


@lru_cache(maxsize=256)
def _hash_of_all_but_the_item(prompt: Prompt, num: int, seed: int, settings: Settings) -> hashlib._Hash:
    s = settings
    content = [s.model, s.temperature, s.max_answer_tokens, prompt.name, prompt.version, prompt.digest, num, seed]
    return hashlib.sha256(to_json(content))


@dataclass(frozen=True)
class Chat:
    """One request: questions with the same prompt and settings, each under an id that its texts cannot foresee."""

    questions: Sequence[Question]

    @cached_property
    def ids(self) -> list[int]:
        """Four digits an item, from the hash of its content; a caption cannot answer in another one's place."""
        ids: dict[int, None] = {}
        for asked in self.questions:
            number = int(asked.key[:8], 16) % 9000
            while number + 1000 in ids:
                number = (number + 1) % 9000
            ids[number + 1000] = None
        return list(ids)

    @property
    def settings(self) -> Settings:
        """Model and parameters."""
        return self.questions[0].settings

    @property
    def schema(self) -> type[Answers]:
        """Of the answer."""
        return self.questions[0].prompt.schema

    @cached_property
    def messages(self) -> list[dict[str, str]]:
        """The conversation: instructions, then data."""
        first = self.questions[0]
        items = [{"id": number, **asked.item} for number, asked in zip(self.ids, self.questions, strict=True)]
        data = encode({"num": first.num, "items": items})
        return [{"role": "system", "content": first.prompt.system}, {"role": "user", "content": data}]

    def body(self, dialect: int = 0) -> dict[str, Any]:
        """The request in one of the server dialects, of which the first is the most exact: see `DIALECTS`."""
        wants_schema, limit = DIALECTS[dialect]
        response_format = {"schema": _response_format(self.schema), "json": _JSON_OBJECT, "text": None}[wants_schema]
        temperature = self.settings.temperature
        optional = {"response_format": response_format, "temperature": temperature}
        return {
            "model": self.settings.model,
            "messages": self.messages,
            limit: self.settings.max_answer_tokens,
            **{name: value for name, value in optional.items() if value is not None},
        }

    @cached_property
    def max_tokens_in(self) -> int:
        """A bound: no tokeniser makes more than one token of a byte, and a chat's frame takes a few."""
        return sum(len(message["content"].encode()) + 16 for message in self.messages)


DIALECTS = (
    ("schema", "max_completion_tokens"),
    ("json", "max_completion_tokens"),
    ("schema", "max_tokens"),
    ("json", "max_tokens"),
    ("text", "max_tokens"),
)
"""How an answer is asked for, from servers that hold to a schema to those that know nothing of it."""


@cache
def _response_format(schema: type[Answers]) -> dict[str, Any]:
    """What ``chat.completions.parse`` sends for a schema; made once, as it takes longer than the request."""
    return {
        "type": "json_schema",
        "json_schema": {"name": schema.__name__, "strict": True, "schema": schema.model_json_schema()},
    }
