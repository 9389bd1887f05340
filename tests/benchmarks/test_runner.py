from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from benchmarks.models.open import open_scorer
from benchmarks.results.result import Result, read_result
from benchmarks.results.table import ranked
from benchmarks.runner import FINGERPRINT, Saved, run, run_all
from benchmarks.scorer import Scorer
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import Skilled


class Weighed(Skilled):
    """A model that tells its weights."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(1.0)
        self.fingerprint = fingerprint
        self.calls = 0

    def score(self, groups: Any) -> Any:
        self.calls += 1
        return super().score(groups)


@pytest.fixture
def measure(tmp_path: Path, bank: EventBank, few: TestSet) -> Any:
    def measured(scorer: Scorer, model: str = "m", test_set: TestSet = few, **options: Any) -> Saved:
        return run(scorer, model, "scenes-order", TaskInputs(bank), tmp_path, test_set=test_set, **options)

    return measured


def test_what_is_finished_is_kept(measure: Any) -> None:
    first = measure(Weighed("a"))
    assert (first.replaced, first.kept) == (False, False)
    assert first.result.run[FINGERPRINT] == "a"
    before = first.path.stat().st_mtime_ns
    again = Weighed("a")
    second = measure(again)
    assert (second.kept, second.replaced, again.calls) == (True, False, 0)
    assert second.result.metrics == json.loads(json.dumps(first.result.metrics))
    assert second.path.stat().st_mtime_ns == before


def test_a_damaged_result_is_lost_only_when_asked(measure: Any) -> None:
    path = measure(Weighed("a")).path
    path.write_text(path.read_text()[:100])
    with pytest.raises(ValueError, match=r"is not a result: not JSON .*; delete it, or give --overwrite"):
        measure(Weighed("a"))
    assert len(path.read_text()) == 100
    assert measure(Weighed("a"), overwrite=True).replaced


@pytest.mark.parametrize(
    ("fingerprint", "options"),
    [("b", {}), ("a", {"seed": 1}), ("a", {"overwrite": True}), ("a", {"warnings": ["a leak"]})],
)
def test_what_is_another_measurement_replaces_it(measure: Any, fingerprint: str, options: dict[str, Any]) -> None:
    measure(Weighed("a"))
    other = Weighed(fingerprint)
    saved = measure(other, **options)
    assert (saved.kept, saved.replaced, other.calls) == (False, True, 1)


def test_what_a_model_does_to_audio_is_told_and_a_method_of_that_name_is_not(measure: Any) -> None:
    class Padded(Skilled):
        preprocessing: ClassVar = {"pad": "zeros"}

    class WithMethod(Skilled):
        def preprocessing(self) -> None: ...

    assert measure(Padded(1.0)).result.run["preprocessing"] == {"pad": "zeros"}
    assert "preprocessing" not in measure(WithMethod(1.0)).result.run


def test_a_model_without_a_fingerprint_is_measured_each_time(measure: Any) -> None:
    measure(Skilled(1.0))
    assert not measure(Skilled(1.0)).kept
    measure(open_scorer("control:constant"), "control:constant")
    assert measure(open_scorer("control:constant"), "control:constant").kept


def test_another_version_or_bank_replaces_it(measure: Any, few: TestSet) -> None:
    measure(Weighed("a"))
    other = TestSet(few.items, few.data | {"fingerprint": "other"})
    assert measure(Weighed("a"), test_set=other).replaced


@pytest.mark.parametrize("of_files", [{}, {"fingerprint": "of three items"}])
def test_a_try_does_not_replace_a_whole_result(measure: Any, few: TestSet, of_files: dict[str, str]) -> None:
    whole = measure(Weighed("a"))
    small = TestSet(few.items[:3], few.data | {"found": 3} | of_files)
    with pytest.raises(ValueError, match=r"has 12 items and would be replaced by 3: .*--overwrite"):
        measure(Weighed("a"), test_set=small)
    assert read_result(whole.path).data["found"] == 12
    assert measure(Weighed("a"), test_set=small, overwrite=True).result.data["found"] == 3
    assert measure(Weighed("a")).result.data["found"] == 12


def test_a_try_stands_in_a_table_of_its_own(measure: Any, few: TestSet) -> None:
    small = TestSet(few.items[:3], few.data | {"found": 3})
    results = [measure(Weighed("a"), "whole").result, measure(Weighed("a"), "tried", small).result]
    assert [[one.model for one in block] for block in ranked(results)] == [["whole"], ["tried"]]


def test_a_limit_reaches_the_tasks(tmp_path: Path, bank: EventBank) -> None:
    (saved,) = run_all({"m": Skilled(1.0)}, ["scenes-order"], TaskInputs(bank), tmp_path, limit=2)
    assert (saved.result.data["found"], saved.result.data["expected"]) == (2, 400)
    assert len(saved.result.items) == 2


class Throws:
    def score(self, _: Any) -> Any:
        raise RuntimeError("CUDA out of memory")


class Unprepared:
    """A task whose data are not there."""

    name, version, measures, needs = "scenes-order", 1, "", ""
    needs_model = Scorer

    def prepare(self, inputs: TaskInputs, limit: int | None = None) -> TestSet:
        raise ValueError("no such files")

    def run(self, scorer: Any, model: str, test_set: TestSet, seed: int) -> Result:
        raise AssertionError


def test_whatever_a_model_throws_the_others_go_on(
    tmp_path: Path, bank: EventBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"scenes-order": Unprepared(), "scenes-attribute": find_task("scenes-attribute")}
    monkeypatch.setattr("benchmarks.runner.find_task", lambda name: found[name])
    errors: list[tuple[str, str, str]] = []

    def tell(model: str, task: str, error: Exception) -> None:
        errors.append((model, task, str(error)))

    scorers: dict[str, Scorer] = {"bad": Throws(), "good": Skilled(1.0)}
    saved = list(run_all(scorers, list(found), TaskInputs(bank), tmp_path, on_error=tell, limit=2))
    assert [(one.result.model, one.result.task) for one in saved] == [("good", "scenes-attribute")]
    assert errors == [
        ("bad", "scenes-order", "no such files"),
        ("good", "scenes-order", "no such files"),
        ("bad", "scenes-attribute", "CUDA out of memory"),
    ]


SLOW_MODEL = """
    import hashlib, time
    import numpy as np

    class Slow:
        fingerprint = "slow"

        def embed_audio(self, audio):
            time.sleep(0.2)
            return self._rows("audio", [waveform.tobytes() for waveform, _ in audio])

        def embed_text(self, texts):
            return self._rows("text", [text.encode() for text in texts])

        def _rows(self, kind, contents):
            with open("log", "a") as log:
                log.writelines(f"{kind} {hashlib.sha256(content).hexdigest()}\\n" for content in contents)
            return [np.random.default_rng(list(content[-40:])).normal(size=8) for content in contents]
"""


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(textwrap.dedent(SLOW_MODEL))
    command = [sys.executable, "-m", "compa.cli", "bench", "run", "--model", "python:slow:Slow", "--model"]
    command += ["control:constant", "--task", "scenes-order", "--out", "results", "--limit", "100", "--cache", "cache"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    log = tmp_path / "log"

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    process = start()
    deadline = time.monotonic() + 300
    while not log.exists() or len(log.read_text().splitlines()) < 64:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "results" / "python~slow~Slow--scenes-order.json").exists()

    second = start()
    _, errors = second.communicate()
    assert second.returncode == 0, errors
    lines = log.read_text().splitlines()
    sounds = [line for line in lines if line.startswith("audio")]
    assert len(set(sounds)) == 200
    assert len(sounds) - len(set(sounds)) <= 32  # the batch that was under way
    assert errors.count("wrote") == 2

    third = start()
    _, errors = third.communicate()
    assert log.read_text().splitlines() == lines
    assert errors.count("kept") == 2
