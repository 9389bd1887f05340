"""A real process, killed at random moments, beside a real server that counts."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.negatives.llm.scripted import Reply, ScriptedServer, good

ROOT = Path(__file__).parents[3]
NUM, CONCURRENCY = 600, 8


def start(server: ScriptedServer, journal: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.negatives.llm.killed", server.url, str(journal), str(NUM), str(CONCURRENCY)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def kill_and_finish(server: ScriptedServer, journal: Path, num_kills: int) -> None:
    server.script = lambda body, _: Reply(good(body).body, delay=0.01)
    rng = random.Random(0)
    resent_at_most = 0
    for _ in range(num_kills):
        before = len(server.bodies)
        goal = before + rng.randrange(1, max(2, (NUM // 2 - before) // 2))
        with start(server, journal) as process:
            while len(server.bodies) < goal:
                assert process.poll() is None, "ended before it was killed"
                time.sleep(0.001)
            process.kill()
        resent_at_most += CONCURRENCY
    with start(server, journal) as process:
        printed, _ = process.communicate(timeout=60)
    assert printed.startswith("done")
    times = Counter(server.captions)
    assert len(times) == NUM
    resent = sum(times.values()) - NUM
    assert resent <= 2 * resent_at_most, (resent, resent_at_most)
    sent = len(server.bodies)
    with start(server, journal) as process:
        printed, _ = process.communicate(timeout=60)
    assert printed == f"done {NUM}\n"
    assert len(server.bodies) == sent


def test_a_kill_loses_no_more_than_was_in_flight(server: ScriptedServer, tmp_path: Path) -> None:
    kill_and_finish(server, tmp_path / "journal.sqlite", 2)


@pytest.mark.slow
def test_twenty_kills(server: ScriptedServer, tmp_path: Path) -> None:
    kill_and_finish(server, tmp_path / "journal.sqlite", 20)
