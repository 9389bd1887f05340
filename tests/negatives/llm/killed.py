"""Asks many questions in a process that may be killed: python -m tests.negatives.llm.killed URL JOURNAL NUM C."""

from __future__ import annotations

import sys
from pathlib import Path

from negatives.llm.budget import Budget
from negatives.llm.chat import Settings, question
from negatives.llm.client import Courier
from negatives.llm.journal import Journal
from negatives.llm.prompt import load
from negatives.llm.scheduler import Asker
from negatives.llm.server import Address, Server

if __name__ == "__main__":
    url, journal, num, concurrency = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    model = Server(Address(url), concurrency, timeout=30)
    settings = Settings("m", max_answer_tokens=100)
    questions = [question(load("order"), {"caption": f"sound {i}"}, 1, 0, settings) for i in range(num)]
    with Asker(Courier(model, Budget()), Journal(journal), concurrency) as asker:
        sheets = (questions[i : i + 2] for i in range(0, num, 2))
        found = [outcome for outcomes in asker.ask(sheets) for outcome in outcomes]
    assert [outcome.values for outcome in found] == [(f"sound {i} with a bell",) for i in range(num)]
    print("done", asker.from_journal)
