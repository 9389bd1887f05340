"""Prompts: one YAML file a kind of negative or level of positive, each with a version, and one for the judge."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import to_json

from negatives.llm.response import Answers, Texts, Verdicts

FOLDER = Path(__file__).with_name("prompts")
JUDGE = "judge"
_PROTOCOL = "protocol"


@dataclass(frozen=True)
class Prompt:
    """The instructions that a model gets before captions.

    Attributes:
        name: Kind or level, as in the manifest, or "judge".
        version: Of the file and of the protocol, such as "2.1".
        system: The whole text.
        schema: What an answer must look like.
    """

    name: str
    version: str
    system: str
    schema: type[Answers]

    @cached_property
    def digest(self) -> str:
        """Changes with every letter, so that an edit that forgot the version is never taken for the old text."""
        return hashlib.sha256(self.system.encode()).hexdigest()[:16]


def available() -> tuple[str, ...]:
    """Kinds and levels that have a prompt."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem not in (JUDGE, _PROTOCOL)))


@cache
def load(name: str) -> Prompt:
    """Reads a prompt: protocol, task, examples.

    Raises:
        ValueError: If there is no prompt of that name.
    """
    if name != JUDGE and name not in available():
        raise ValueError(f"no prompt for {name!r}: there are {', '.join(available())}")
    protocol, file = _read(_PROTOCOL), _read(name)
    is_judge = name == JUDGE
    examples = [{"id": 101 + i, **example} for i, example in enumerate(file["examples"])]
    answer_field = "verdict" if is_judge else "texts"
    asked = [{key: value for key, value in example.items() if key != answer_field} for example in examples]
    answered = [{"id": example["id"], answer_field: example[answer_field]} for example in examples]
    parts = [
        protocol[JUDGE if is_judge else "generate"],
        "Task: " + file["task"],
        "Example of a message: " + encode({"num": 1 if is_judge else 2, "items": asked}),
        "Example of an answer: " + encode({"answers": answered}),
    ]
    version = f"{file['version']}.{protocol['version']}"
    return Prompt(name, version, "\n".join(part.rstrip() for part in parts), Verdicts if is_judge else Texts)


def encode(data: Any) -> str:
    """JSON in which a text can neither end its string nor, with "<", look like a token that ends a chat's turn."""
    return to_json(data).decode().replace("<", "\\u003c")


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return found
