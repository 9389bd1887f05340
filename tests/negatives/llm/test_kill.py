"""A real process, killed at random moments, beside a real server that counts."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.negatives.llm.scripted import Reply, ScriptedServer, good

ROOT = Path(__file__).parents[3]
NUM, CAPTIONS_PER_REQUEST, CONCURRENCY = 600, 2, 8


def start(server: ScriptedServer, journal: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.negatives.llm.killed", server.url, str(journal), str(NUM), str(CONCURRENCY)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def captions_in(journal: Path) -> set[str]:
    """What has an answer; none where the process was killed before there was a journal."""
    if not journal.exists():
        return set()
    with closing(sqlite3.connect(journal)) as connection:
        if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'answers'").fetchone()[0]:
            return set()
        return {caption for (caption,) in connection.execute("SELECT json_extract(item, '$.caption') FROM answers")}


def kill_and_finish(server: ScriptedServer, journal: Path, num_kills: int) -> None:
    server.script = lambda body, _: Reply(good(body).body, delay=0.01)
    rng = random.Random(0)
    resent = 0
    for _ in range(num_kills):
        kept, before = captions_in(journal), len(server.bodies)
        goal = before + rng.randrange(1, NUM // CAPTIONS_PER_REQUEST // num_kills)
        with start(server, journal) as process:
            while len(server.bodies) < goal:
                assert process.poll() is None, "ended before it was killed"
                time.sleep(0.001)
            process.kill()
        time.sleep(0.2)  # what was in the sockets still arrives
        while server.at_once:
            time.sleep(0.001)
        sent = set(server.captions[before * CAPTIONS_PER_REQUEST :])
        assert kept.isdisjoint(sent)
        lost = sent - captions_in(journal)
        assert len(lost) <= CONCURRENCY * CAPTIONS_PER_REQUEST
        resent += len(lost)
    with start(server, journal) as process:
        printed, _ = process.communicate(timeout=300)
    assert printed.startswith("done")
    times = Counter(server.captions)
    assert len(times) == NUM
    print(f"{num_kills} kills: {resent} captions in flight, {sum(times.values()) - NUM} sent again")
    assert sum(times.values()) - NUM == resent
    num_sent = len(server.bodies)
    with start(server, journal) as process:
        printed, _ = process.communicate(timeout=300)
    assert printed == f"done {NUM}\n"
    assert len(server.bodies) == num_sent


def test_a_kill_loses_no_more_than_was_in_flight(server: ScriptedServer, tmp_path: Path) -> None:
    kill_and_finish(server, tmp_path / "journal.sqlite", 2)


@pytest.mark.slow
def test_twenty_kills(server: ScriptedServer, tmp_path: Path) -> None:
    kill_and_finish(server, tmp_path / "journal.sqlite", 20)
