from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from negatives.llm.budget import Spent
from negatives.llm.chat import Settings, question
from negatives.llm.journal import Entry, Journal
from negatives.llm.prompt import load
from negatives.llm.response import Outcome


def test_raw_and_read_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "new" / "j.sqlite"
    asked = [question(load("order"), {"caption": c}, 2, 0, Settings("m", 0.5)) for c in ("häh", "b")]
    outcomes = [Outcome(("ä", "o"), None, 1), Outcome((), "missing", 1)]
    journal = Journal(path)
    journal.record_now([Entry('{"raw": "ä"}', asked, outcomes, Spent(1, 10, 20), 0.25)])
    journal.close()
    journal = Journal(path)
    assert journal.find(asked * 400) == {asked[0].key: outcomes[0], asked[1].key: outcomes[1]}
    journal.close()
    connection = sqlite3.connect(path)
    [row] = connection.execute("SELECT model, prompt, version, tokens_in, tokens_out, cost, raw FROM responses")
    assert row == ("m", "order", "1.1", 10, 20, 0.25, '{"raw": "ä"}')
    rows = connection.execute("SELECT item, texts, reason FROM answers JOIN responses ON response = id ORDER BY reason")
    assert rows.fetchall() == [('{"caption":"häh"}', '["ä","o"]', None), ('{"caption":"b"}', "[]", "missing")]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_what_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("precious" * 1000, encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes\.txt is no journal.*choose another --journal"):
        Journal(text)
    assert text.read_text(encoding="utf-8") == "precious" * 1000
    later = tmp_path / "later.sqlite"
    connection = sqlite3.connect(later)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ValueError, match="version 9, not 1"):
        Journal(later)
    with pytest.raises(ValueError, match="--journal"):
        Journal(tmp_path)
