"""Prompt items, and the requests that ask about several of them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

from pydantic_core import to_json

from negatives.llm.prompt import Prompt, encode
from negatives.llm.response import Answers

FORMATS = (
    ("json_schema", "max_completion_tokens"),
    ("json_schema", "max_tokens"),
    ("json_object and schema", "max_tokens"),
    ("json_object", "max_tokens"),
    ("json_object", "max_completion_tokens"),
    ("text", "max_tokens"),
)
"""Response format and name of the token limit, from servers that enforce a schema to those that know neither.

llama.cpp and its Python bindings enforce a schema that is given beside `json_object`."""


@dataclass(frozen=True)
class ModelSettings:
    """A model and its parameters; every field is part of the key of the journal.

    Attributes:
        model: Its name at the server.
        temperature: None for the server's default.
        max_answer_tokens: Longer answers are cut, and then asked again with fewer captions.
    """

    model: str
    temperature: float | None = None
    max_answer_tokens: int = 4096


@dataclass(frozen=True)
class PromptItem:
    """One item of a request, such as one caption, and its key in the journal."""

    prompt: Prompt
    item: Mapping[str, str]
    num: int
    settings: ModelSettings
    key: str


def prompt_item(prompt: Prompt, item: Mapping[str, str], num: int, seed: int, settings: ModelSettings) -> PromptItem:
    """Builds a prompt item. Its key covers everything that affects the answer except which items share the request.

    Args:
        prompt: What to do with the item.
        item: Texts by the names that the prompt uses.
        num: Texts wanted of it.
        seed: Another seed asks again what the journal has an answer to.
        settings: Model and parameters.
    """
    content = _hash_of_all_but_the_item(prompt, num, seed, settings).copy()
    content.update(to_json(sorted(item.items())))
    return PromptItem(prompt, item, num, settings, content.hexdigest()[:32])


@lru_cache(maxsize=256)
def _hash_of_all_but_the_item(prompt: Prompt, num: int, seed: int, settings: ModelSettings) -> hashlib._Hash:
    s = settings
    content = [s.model, s.temperature, s.max_answer_tokens, prompt.name, prompt.version, prompt.digest, num, seed]
    return hashlib.sha256(to_json(content))


@dataclass(frozen=True)
class ChatRequest:
    """One request: items with the same prompt and settings, each under an id that its texts cannot foresee."""

    items: Sequence[PromptItem]

    @cached_property
    def ids(self) -> list[int]:
        """Four digits per item, from the hash of its content; a caption cannot answer in another one's place."""
        ids: dict[int, None] = {}
        for item in self.items:
            number = int(item.key[:8], 16) % 9000
            while number + 1000 in ids:
                number = (number + 1) % 9000
            ids[number + 1000] = None
        return list(ids)

    @property
    def prompt(self) -> Prompt:
        """What all items share."""
        return self.items[0].prompt

    @property
    def settings(self) -> ModelSettings:
        """Model and parameters."""
        return self.items[0].settings

    @property
    def num(self) -> int:
        """Texts wanted per item."""
        return self.items[0].num

    @cached_property
    def messages(self) -> list[dict[str, str]]:
        """The conversation: instructions, then data."""
        items = [{"id": number, **item.item} for number, item in zip(self.ids, self.items, strict=True)]
        data = encode({"num": self.num, "items": items})
        return [{"role": "system", "content": self.prompt.system}, {"role": "user", "content": data}]

    def body(self, request_format: int = 0) -> dict[str, Any]:
        """The arguments of `chat.completions.create` in one of `FORMATS`."""
        kind, limit = FORMATS[request_format]
        optional = {
            "response_format": response_format(kind, self.prompt.schema),
            "temperature": self.settings.temperature,
        }
        return {
            "model": self.settings.model,
            "messages": self.messages,
            "stream": False,
            limit: self.settings.max_answer_tokens,
            **{name: value for name, value in optional.items() if value is not None},
        }

    @cached_property
    def max_tokens_in(self) -> int:
        """An upper bound: no tokenizer makes more than one token of a byte, and a chat template adds a few."""
        return sum(len(message["content"].encode()) + 16 for message in self.messages)


@cache
def response_format(kind: str, schema: type[Answers]) -> dict[str, Any] | None:
    """What stands under `response_format`; for `json_schema` what `chat.completions.parse` sends."""
    plain: dict[str, Any] = {"type": "json_object"}
    named = {"name": schema.__name__, "strict": True, "schema": schema.model_json_schema()}
    return {
        "json_schema": {"type": "json_schema", "json_schema": named},
        "json_object and schema": plain | {"schema": schema.model_json_schema()},
        "json_object": plain,
    }.get(kind)
