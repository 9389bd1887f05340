"""Asks for many answers in a process that may be killed: python -m tests.negatives.llm.killed URL JOURNAL NUM C."""

from __future__ import annotations

import sys
from pathlib import Path

from negatives.llm.budget import Budget
from negatives.llm.client import RetryingClient
from negatives.llm.journal import Journal
from negatives.llm.openai_server import OpenAIServer
from negatives.llm.prompt import load
from negatives.llm.request import ModelSettings, prompt_item
from negatives.llm.scheduler import RequestScheduler

if __name__ == "__main__":
    url, journal, num, concurrency = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    model = OpenAIServer(url, timeout=30)
    settings = ModelSettings("m", max_answer_tokens=100)
    items = [prompt_item(load("order"), {"caption": f"sound {i}"}, 1, 0, settings) for i in range(num)]
    with RequestScheduler(RetryingClient(model, Budget()), Journal(journal), concurrency) as scheduler:
        batches = (items[i : i + 2] for i in range(0, num, 2))
        found = [result for results in scheduler.answer(batches) for result in results]
    assert [result.values for result in found] == [(f"sound {i} with a bell",) for i in range(num)]
    print("done", scheduler.num_from_journal)
