from __future__ import annotations

import json
from typing import Any

import pytest

from negatives.llm.budget import Budget
from negatives.llm.prompt import load
from negatives.llm.request import ChatRequest, ModelSettings, PromptItem, prompt_item
from tests.negatives.llm.conftest import OpenScheduler
from tests.negatives.llm.scripted import Reply, ScriptedServer, completion, good, texts_for

SETTINGS = ModelSettings("m", max_answer_tokens=100)


def batches(num: int) -> list[list[PromptItem]]:
    return [[prompt_item(load("order"), {"caption": f"{i:02}"}, 1, 0, SETTINGS)] for i in range(num)]


MOST = ChatRequest(batches(1)[0]).max_tokens_in + 100


@pytest.mark.parametrize(
    ("budget", "answered"),
    [
        (Budget(), 12),
        (Budget(max_requests=5), 5),
        (Budget(max_tokens=MOST + 600), 6),  # 120 a request: the last one fits while MOST is left
        (Budget(max_tokens=MOST - 1), 0),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_budget_is_used_up_and_never_overdrawn(
    server: ScriptedServer, open_scheduler: OpenScheduler, budget: Budget, answered: int, concurrency: int
) -> None:
    def script(body: dict[str, Any], _number: int) -> Reply:
        return completion(json.dumps({"answers": texts_for(body)}), usage=(100, 20))

    server.script = script
    budget = Budget(budget.max_requests, budget.max_tokens)
    with open_scheduler(concurrency, budget=budget) as scheduler:
        results = [result for [result] in scheduler.answer(batches(12))]
    assert sum(result.reason is None for result in results) == answered
    assert scheduler.reasons == ({("order", "over budget"): 12 - answered} if answered < 12 else {})
    assert len(server.bodies) == answered == budget.used.requests
    assert budget.used.tokens_in + budget.used.tokens_out == 120 * answered
    with open_scheduler() as scheduler:  # a larger budget, and the run goes on
        assert [result.values for [result] in scheduler.answer(batches(12))] == [
            (f"{i:02} with a bell",) for i in range(12)
        ]
    assert len(server.bodies) == 12


def test_what_is_sent_again_counts(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    server.script = lambda body, number: Reply("", 500) if number < 3 else good(body)
    with open_scheduler(1, budget=Budget(max_requests=4)) as scheduler:
        assert [result.reason for [result] in scheduler.answer(batches(2))] == [None, "over budget"]
    assert len(server.bodies) == 4


def test_a_lost_answer_counts_at_its_upper_bound(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    server.script = lambda body, number: Reply("x" * 100, cut=True) if number == 0 else good(body)
    budget = Budget()
    with open_scheduler(1, budget=budget) as scheduler:
        list(scheduler.answer(batches(1)))
    assert budget.used.tokens_in + budget.used.tokens_out == MOST + 110


def test_a_server_that_does_not_count_is_counted_for(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    server.script = lambda body, _: completion(json.dumps({"answers": texts_for(body)}), usage=None)
    budget = Budget()
    with open_scheduler(1, budget=budget) as scheduler:
        list(scheduler.answer(batches(1)))
    assert budget.used.tokens_in + budget.used.tokens_out == MOST
