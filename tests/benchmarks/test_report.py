from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from benchmarks.checks.held_out import leaks
from benchmarks.models.open import open_scorer
from benchmarks.report import report
from benchmarks.results.result import write_result
from benchmarks.runner import run
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from compa.scenes.holdout import held_out_pairs
from tests.benchmarks.conftest import METRIC, Skilled, result

NASTY = "<script>alert('caption')</script> & \"quotes\""


@pytest.fixture
def demo(tmp_path: Path, bank: EventBank, few: TestSet) -> Path:
    """A folder as the demo leaves it: two models, controls, run folders."""
    for name, scorer in {"good": Skilled(2.0), "bad": Skilled(0.2)}.items():
        run(scorer, name, "scenes-order", TaskInputs(bank), tmp_path / "results", 0, few)
        write_run(tmp_path / name, bank)
    for name in ("random", "constant"):
        run(
            open_scorer(f"control:{name}"),
            f"control:{name}",
            "scenes-order",
            TaskInputs(bank),
            tmp_path / "results",
            0,
            few,
        )
    return tmp_path


def write_run(folder: Path, trained_on: EventBank, **changes: Any) -> None:
    folder.mkdir()
    rows = [f"0,{step},{3 - step / 100}," for step in range(0, 200, 10)] + ["0,100,,0.5", "0,200,,0.75"]
    (folder / "metrics.csv").write_text("\n".join(["epoch,step,train/loss,val/group", *rows]))
    test = trained_on.split("test")
    record = {
        "bank": trained_on.name,
        "bank_fingerprint": trained_on.fingerprint,
        "held_out_pairs": sorted(held_out_pairs(trained_on.labels)),
        "test_recordings": [name for label in test.labels for name in test.recordings(label)],
    }
    (folder / "heldout.json").write_text(json.dumps(record | changes))


def page_of(folder: Path, bank: EventBank | None = None) -> str:
    """The page; with sounds where a bank is given."""
    told: list[str] = []
    material = TaskInputs(bank or "nowhere")
    runs = [folder / "good", folder / "bad"]
    path = report(folder / "results", folder / "report.html", material, runs, told.append)
    assert bool(told) == (bank is None)
    return path.read_text(encoding="utf-8")


class Checker(HTMLParser):
    """Collects what a page refers to, and whether its elements close in order."""

    VOID = ("meta", "link", "img", "br", "input", "hr")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attributes if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def test_the_whole_page(demo: Path, bank: EventBank) -> None:
    page = page_of(demo, bank)
    checker = Checker(page)
    assert checker.stack == []
    assert {"audio", "image", "polyline", "table", "select"} <= set(checker.tags)
    assert {"iframe", "img", "object"}.isdisjoint(checker.tags)
    for text in (
        "good",
        "bad",
        "control:random",
        "ties in 100 % of items",
        "12 of 400 items",
        "chance 0.167",
    ):
        assert text in page
    assert page.index("good") < page.index('<th scope="row" data-value="control:random')
    assert "recordings (built-in sounds) were never heard" in page
    assert len(page) < 600_000


def test_nothing_is_fetched_and_no_path_is_told(demo: Path, bank: EventBank) -> None:
    page = page_of(demo, bank)
    assert all(reference.startswith(("data:", "#")) for reference in Checker(page).references)
    assert not re.search(r"(?:src|href|url)\s*[=(]\s*[\"']?\s*(?:https?:)?//", page)
    assert "@import" not in page
    assert str(demo) not in page


def test_equal_files_make_equal_pages(demo: Path, bank: EventBank) -> None:
    first = page_of(demo, bank)
    for path in (demo / "results").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(record | {"run": {"seconds": 99, "started": "later"}}), encoding="utf-8")
    assert page_of(demo, bank) == first


def test_optional_parts_are_left_out(demo: Path) -> None:
    page = report(demo / "results", demo / "small.html", TaskInputs("nowhere")).read_text(encoding="utf-8")
    assert {"audio", "image", "polyline"}.isdisjoint(Checker(page).tags)
    assert re.findall(r'<section id="(.*?)">', page) == ["scores", "kinds", "duel"]
    assert re.findall(r'href="#(.*?)"', page) == ["scores", "kinds", "duel"]


def test_hostile_texts_are_shown_as_text(demo: Path) -> None:
    data = {"name": NASTY, "fingerprint": NASTY, "found": 1, "expected": 1, "warnings": [NASTY], NASTY: NASTY}
    hostile = dict.fromkeys(("group", NASTY), METRIC)
    items = [{"id": NASTY, "captions": [NASTY] * 2, "labels": [label, NASTY], "kind": NASTY, "correct": {"group": True},
              "scores": [[1, 0], [0, 1]]} for label in "ab"]  # fmt: skip
    for model in (NASTY, f"second {NASTY}"):
        write_result(result(model=model, data=data, metrics=hostile, items=items), demo / "results")
    page = page_of(demo)
    checker = Checker(page)
    assert checker.tags.count("script") == 2
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;") >= 12
    assert checker.stack == []


def test_results_on_other_data_stand_apart(demo: Path) -> None:
    other = {"name": "esc10", "fingerprint": "other", "found": 400, "expected": 400}
    write_result(result(model="elsewhere", data=other), demo / "results")
    page = page_of(demo)
    assert page.count('class="scores sortable"') == 3  # one of each, and one of both
    assert "version 1, on esc10" in page


def test_a_task_that_this_version_does_not_know_is_still_shown(tmp_path: Path) -> None:
    write_result(result(task="someone-elses", metrics={"group": METRIC}), tmp_path)
    page = report(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "someone-elses" in page
    assert Checker(page).stack == []


def test_bad_inputs_are_named(demo: Path) -> None:
    out = demo / "report.html"
    with pytest.raises(ValueError, match="no results"):
        report(demo / "none", out)
    with pytest.raises(ValueError, match="there is no run folder"):
        report(demo / "results", out, runs=[demo / "nowhere"])
    (demo / "good" / "heldout.json").write_text("{}")
    with pytest.raises(ValueError, match="no record of what was held out"):
        report(demo / "results", out, runs=[demo / "good"])
    for name in ("report.pdf", "report"):
        with pytest.raises(ValueError, match=r"must end in \.html, \.md or \.csv"):
            report(demo / "results", demo / name)
    write_result(result(metrics={}), demo / "empty")
    with pytest.raises(ValueError, match="hold no metric"):
        report(demo / "empty", out)
    assert not out.exists()


def test_leaks_are_told(tmp_path: Path, bank: EventBank) -> None:
    pairs = sorted(held_out_pairs(bank.labels))
    write_run(tmp_path / "clean", bank)
    write_run(tmp_path / "leaky", bank, held_out_pairs=pairs[1:], test_recordings=[])
    write_run(tmp_path / "other", bank, bank="other", held_out_pairs=[])
    assert leaks(tmp_path / "clean", bank) == leaks(tmp_path / "other", bank) == leaks(tmp_path, bank) == []
    of_pairs, of_recordings = leaks(tmp_path / "leaky", bank)
    assert f"1 label pairs of the task were not held out in training (such as {pairs[0]})" in of_pairs
    assert "test recordings were not held out" in of_recordings
