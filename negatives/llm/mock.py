"""A mock model in this process, without a server: deterministic, by rules, with some bad answers among the good."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from negatives import kinds, levels
from negatives.checks.consistency import is_equivalent
from negatives.llm.prompt import JUDGE
from negatives.llm.request import ChatRequest

NAME = "mock"
FAULTY = 0.08
"""Fraction of requests about several items that are refused, cut, broken or answered in part, so that a trial shows how
that is handled; an item that is asked alone is answered."""


class MockModel:
    """Answers as a server would: it reads the messages and writes the body of a chat completion."""

    def send(self, request: ChatRequest, request_format: int) -> str:
        """The body of a chat completion, the same for the same messages."""
        rng = random.Random(hashlib.sha256(json.dumps(request.messages).encode()).digest())
        asked = json.loads(request.messages[-1]["content"])
        prompt = request.prompt.name
        answers = [_answer(prompt, item, asked["num"]) for item in asked["items"]]
        choice = {"finish_reason": "stop", "message": {"content": json.dumps({"answers": answers})}}
        if len(answers) > 1 and rng.random() < FAULTY:
            choice |= rng.choice(_FAULTS)(answers)
        usage = {
            "prompt_tokens": sum(len(message["content"]) for message in request.messages) // 4,
            "completion_tokens": len(json.dumps(choice)) // 4,
        }
        return json.dumps({"choices": [choice], "usage": usage})

    def close(self) -> None:
        """Holds nothing."""


def _answer(prompt: str, item: dict[str, Any], num: int) -> dict[str, Any]:
    if prompt == JUDGE:
        verdict = "true" if is_equivalent(item["statement"], item["recording"]) else "false"
        return {"id": item["id"], "verdict": verdict}
    return {"id": item["id"], "texts": _texts(prompt, item["caption"])[:num]}


def _texts(prompt: str, caption: str) -> list[str]:
    rules = {**kinds.available(), **levels.available()}
    return list(rules[prompt](caption, random.Random(caption)))


Fault = Callable[[Sequence[Any]], dict[str, Any]]
_FAULTS: tuple[Fault, ...] = (
    lambda _: {"message": {"content": None, "refusal": "I cannot help with that."}},
    lambda answers: {"message": {"content": json.dumps({"answers": answers})[:-20]}, "finish_reason": "length"},
    lambda answers: {"message": {"content": json.dumps({"answers": answers})[:-1] + ",}"}},
    lambda answers: {"message": {"content": json.dumps({"answers": answers[1:]})}},
)
