from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from negatives.llm.budget import Usage
from negatives.llm.journal import Entry, Journal
from negatives.llm.prompt import load
from negatives.llm.request import ModelSettings, prompt_item
from negatives.llm.response import ItemResult


def test_raw_and_read_stand_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "new" / "j.sqlite"
    asked = [prompt_item(load("order"), {"caption": c}, 2, 0, ModelSettings("m", 0.5)) for c in ("häh", "b")]
    results = [ItemResult(("ä", "o"), None, 1), ItemResult((), "missing", 1)]
    journal = Journal(path)
    journal.record([Entry('{"raw": "ä"}', asked, results, Usage(1, 10, 20))])
    journal.close()
    journal = Journal(path)
    assert journal.find(asked * 400) == {asked[0].key: results[0], asked[1].key: results[1]}
    journal.close()
    connection = sqlite3.connect(path)
    [row] = connection.execute("SELECT model, prompt, version, tokens_in, tokens_out, raw FROM responses")
    assert row == ("m", "order", "1.1", 10, 20, '{"raw": "ä"}')
    rows = connection.execute("SELECT item, texts, reason FROM answers JOIN responses ON response = id ORDER BY reason")
    assert rows.fetchall() == [('{"caption":"häh"}', '["ä","o"]', None), ('{"caption":"b"}', "[]", "missing")]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("precious" * 1000, encoding="utf-8")
    with pytest.raises(ValueError, match=r"notes\.txt is not a journal.*--journal"):
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
