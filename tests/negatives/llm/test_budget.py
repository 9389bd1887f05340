from __future__ import annotations

import json
from typing import Any

import pytest

from negatives.llm.budget import Budget, Prices
from negatives.llm.chat import Chat, Question, Settings, question
from negatives.llm.prompt import load
from tests.negatives.llm.conftest import OpenAsker
from tests.negatives.llm.scripted import Reply, ScriptedServer, completion, good, texts_for

SETTINGS = Settings("m", max_answer_tokens=100)


def sheets(num: int) -> list[list[Question]]:
    return [[question(load("order"), {"caption": f"{i:02}"}, 1, 0, SETTINGS)] for i in range(num)]


MOST = Chat(sheets(1)[0]).max_tokens_in + 100


@pytest.mark.parametrize(
    ("budget", "answered"),
    [
        (Budget(), 12),
        (Budget(max_requests=5), 5),
        (Budget(max_tokens=MOST + 600), 6),  # 120 a request: the last one fits while MOST is left
        (Budget(max_cost=(MOST + 600) / 1e6, prices=Prices(1.0, 1.0)), 6),
        (Budget(max_tokens=MOST - 1), 0),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_budget_is_used_up_and_never_overdrawn(
    server: ScriptedServer, open_asker: OpenAsker, budget: Budget, answered: int, concurrency: int
) -> None:
    def script(body: dict[str, Any], _number: int) -> Reply:
        return completion(json.dumps({"answers": texts_for(body)}), usage=(100, 20))

    server.script = script
    budget = Budget(budget.max_requests, budget.max_tokens, budget.max_cost, budget.prices)
    with open_asker(concurrency, budget=budget) as asker:
        outcomes = [outcome for [outcome] in asker.ask(sheets(12))]
    assert sum(outcome.reason is None for outcome in outcomes) == answered
    assert asker.reasons == ({("order", "over budget"): 12 - answered} if answered < 12 else {})
    assert len(server.bodies) == answered == budget.spent.requests
    assert budget.spent.tokens_in + budget.spent.tokens_out == 120 * answered
    assert budget.cost <= budget.max_cost
    with open_asker() as asker:  # more money, and the run goes on
        assert [outcome.values for [outcome] in asker.ask(sheets(12))] == [(f"{i:02} with a bell",) for i in range(12)]
    assert len(server.bodies) == 12


def test_what_is_sent_again_counts(server: ScriptedServer, open_asker: OpenAsker) -> None:
    server.script = lambda body, number: Reply("", 500) if number < 3 else good(body)
    with open_asker(1, budget=Budget(max_requests=4)) as asker:
        assert [outcome.reason for [outcome] in asker.ask(sheets(2))] == [None, "over budget"]
    assert len(server.bodies) == 4


def test_a_lost_answer_is_taken_to_be_paid(server: ScriptedServer, open_asker: OpenAsker) -> None:
    server.script = lambda body, number: Reply("x" * 100, cut=True) if number == 0 else good(body)
    budget = Budget()
    with open_asker(1, budget=budget) as asker:
        list(asker.ask(sheets(1)))
    assert budget.spent.tokens_in + budget.spent.tokens_out == MOST + 110


def test_a_server_that_does_not_count_is_counted_for(server: ScriptedServer, open_asker: OpenAsker) -> None:
    server.script = lambda body, _: completion(json.dumps({"answers": texts_for(body)}), usage=None)
    budget = Budget()
    with open_asker(1, budget=budget) as asker:
        list(asker.ask(sheets(1)))
    assert budget.spent.tokens_in + budget.spent.tokens_out == MOST
