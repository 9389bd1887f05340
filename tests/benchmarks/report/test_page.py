"""The whole page: its HTML, what it needs from outside (nothing), and what its inputs may be."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import benchmarks.report.page
from benchmarks.checks.held_out import leaks
from benchmarks.models.open import open_scorer
from benchmarks.report import write_report
from benchmarks.results.result import Result, write_result
from benchmarks.runner import run
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from compa.scenes.holdout import held_out_pairs
from tests.benchmarks.conftest import METRIC, Skilled, result

HOSTILE = "<script>alert('caption')</script> & \"quotes\""
VOID = ("meta", "link", "img", "br", "hr")


class Page(HTMLParser):
    """A parsed page.

    Attributes:
        elements: Tag and attributes of every element, in order.
        tables: For each table the numbers of cells of its rows, and whether it has a caption.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.tables: list[tuple[list[int], bool]] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    @property
    def tags(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.elements)

    def attributes(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "table":
            self.tables.append(([], False))
        elif tag == "caption":
            self.tables[-1] = (self.tables[-1][0], True)
        elif tag == "tr":
            self.tables[-1][0].append(0)
        elif tag in ("td", "th"):
            self.tables[-1][0][-1] += 1
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def write_run(folder: Path, trained_on: EventBank, **changes: Any) -> None:
    """Writes what the report reads of a run folder."""
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


@pytest.fixture
def demo(tmp_path: Path, bank: EventBank, few: TestSet) -> Path:
    """A folder as `compa demo` leaves it: two models, controls, run folders."""
    inputs = TaskInputs(bank)
    for name, scorer in {"good": Skilled(2.0), "bad": Skilled(0.2)}.items():
        run(scorer, name, "scenes-order", inputs, tmp_path / "results", 0, few)
        write_run(tmp_path / name, bank)
    for name in ("control:random", "control:constant"):
        run(open_scorer(name), name, "scenes-order", inputs, tmp_path / "results", 0, few)
    return tmp_path


@dataclass
class Prepared:
    """A task that gives the items it was made with."""

    items: TestSet
    version: int = 2

    def prepare(self, *_: object, **__: object) -> TestSet:
        return self.items


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, bank: EventBank, few: TestSet) -> str:
    """A page with every section, and markup in the names and texts that come from outside."""
    folder = tmp_path_factory.mktemp("report")
    items = [replace(item, captions=(HOSTILE, "<img src=x onerror=alert(1)>"), kind=HOSTILE) for item in few.items]
    items[0] = replace(items[0], kind="other")
    hostile = replace(few, items=items, data=few.data | {"name": HOSTILE, "warnings": [HOSTILE]})
    for name, bonus in {"good": 2.0, "bad-seed1": 0.2, "bad-seed2": 0.3, HOSTILE: 1.0}.items():
        run(Skilled(bonus), name, "scenes-order", TaskInputs(bank), folder / "results", 0, hostile)
        write_result(general(name, 0.2 + bonus / 5), folder / "results")
    run(
        open_scorer("control:random"),
        "control:random",
        "scenes-order",
        TaskInputs(bank),
        folder / "results",
        0,
        hostile,
    )
    for name in ("good", "bad-seed1"):
        write_run(folder / name, bank)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.report.examples.find_task", lambda _: Prepared(hostile))
        runs = [folder / "good", folder / "bad-seed1"]
        return write_report(folder / "results", folder / "report.html", None, runs).read_text(encoding="utf-8")


def general(model: str, score: float) -> Result:
    recall = METRIC | {"value": score, "low": score - 0.05, "high": score + 0.05, "chance": 0.01}
    rank = {"value": 30 - 20 * score, "low": 2.0, "high": 40.0, "chance": 50.5, "method": "bootstrap"}
    metrics = {"text_to_audio_r1": recall, f"{HOSTILE}_median_rank": rank}
    return result(model=model, task="retrieval", metrics=metrics, items=[])


def test_the_page_has_every_section_and_its_links_lead_there(full: str) -> None:
    page = Page(full)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert ids == ["scores", "retention", "kinds", "examples", "training", "held-out"]
    assert [link["href"] for link in page.attributes("a")] == [f"#{name}" for name in ids]
    assert page.tags["audio"] == page.tags["image"] == 8
    assert page.tags["polyline"] == 4
    assert len(full) < 600_000


def test_the_page_needs_nothing_but_itself(full: str) -> None:
    page = Page(full)
    assert {"script", "iframe", "object", "form", "base"}.isdisjoint(page.tags)
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in {"src", "href", "xlink:href", "srcset", "data"} & set(attributes):
            assert attributes[name].startswith("#" if tag == "a" else "data:")
    assert not re.search(r"url\(|@import", full)
    assert "default-src 'none'" in page.attributes("meta")[2]["content"]


def test_pictures_players_and_tables_are_labelled(full: str) -> None:
    page = Page(full)
    assert all(len(set(sizes)) == 1 and has_caption for sizes, has_caption in page.tables)
    assert all(head.get("scope") in ("row", "col") for head in page.attributes("th"))
    assert all(player["aria-label"] for player in page.attributes("audio"))
    for svg in page.attributes("svg"):
        assert svg.get("aria-label") or svg.get("aria-hidden") or "overflow" in svg  # the last is a part of another
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3")]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_markup_in_names_and_texts_is_shown_as_text(full: str) -> None:
    page = Page(full)
    assert "<script" not in full
    assert page.tags["img"] == 0
    assert full.count("&lt;script&gt;") >= 30


def test_models_are_sorted_by_score_and_controls_come_last(demo: Path, bank: EventBank) -> None:
    page = page_of(demo, bank)
    good, bad, control = (page.index(text) for text in (">good", ">bad", "control:random"))
    assert good < bad < control
    for text in ("ties in 100 % of items", "12 of 400 items", "chance 0.167", "(built-in sounds)"):
        assert text in page


def page_of(folder: Path, bank: EventBank | None = None) -> str:
    """The page; with examples where a bank is given, else with a warning."""
    warnings: list[str] = []
    runs = [folder / "good", folder / "bad"]
    inputs = TaskInputs(bank or "nowhere")
    path = write_report(folder / "results", folder / "report.html", inputs, runs, warnings.append)
    assert bool(warnings) == (bank is None)
    return path.read_text(encoding="utf-8")


def test_equal_files_make_equal_pages_without_paths(demo: Path, bank: EventBank) -> None:
    first = page_of(demo, bank)
    assert str(demo) not in first
    for path in (demo / "results").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(record | {"run": {"seconds": 99, "started": "later"}}), encoding="utf-8")
    assert page_of(demo, bank) == first


def test_sections_without_content_are_left_out(demo: Path) -> None:
    page = write_report(demo / "results", demo / "small.html", TaskInputs("nowhere")).read_text(encoding="utf-8")
    assert {"audio", "image", "polyline"}.isdisjoint(Page(page).tags)
    assert re.findall(r'<section id="(.*?)">', page) == re.findall(r'href="#(.*?)"', page) == ["scores", "kinds"]


def test_results_on_other_data_have_a_table_of_their_own(demo: Path) -> None:
    other = {"name": "esc10", "fingerprint": "other", "found": 400, "expected": 400}
    write_result(result(model="elsewhere", data=other), demo / "results")
    page = page_of(demo)
    assert page.count('class="scores"') == 3  # one each, and one of both
    assert "version 2, on esc10" in page


def test_an_unknown_task_is_shown(tmp_path: Path) -> None:
    write_result(result(task="someone-elses", metrics={"group": METRIC}), tmp_path)
    page = write_report(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "someone-elses" in page
    Page(page)


def test_wrong_inputs_are_named(demo: Path) -> None:
    out = demo / "report.html"
    with pytest.raises(ValueError, match="no results"):
        write_report(demo / "none", out)
    with pytest.raises(ValueError, match="nowhere"):
        write_report(demo / "results", out, runs=[demo / "nowhere"])
    (demo / "good" / "heldout.json").write_text("{}")
    with pytest.raises(ValueError, match=r"heldout\.json"):
        write_report(demo / "results", out, runs=[demo / "good"])
    for name in ("report.pdf", "report"):
        with pytest.raises(ValueError, match=rf"\.html, \.md or \.csv; got '.*{name}'"):
            write_report(demo / "results", demo / name)
    write_result(result(metrics={}), demo / "empty")
    with pytest.raises(ValueError, match="no metric"):
        write_report(demo / "empty", out)
    assert not out.exists()


def test_text_has_enough_contrast_in_light_and_dark() -> None:
    """WCAG 2 asks for 4.5 between small text and its background."""
    style = Path(benchmarks.report.page.__file__).with_name("style.css").read_text(encoding="utf-8")
    modes = [dict(re.findall(r"--([\w-]+): (#\w{6});", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)]
    assert len(modes) == 2
    for colors in modes:
        backgrounds = [luminance(colors[name]) for name in ("background", "card")]
        for name in ("ink", "soft", "c0", "c3"):
            for background in backgrounds:
                low, high = sorted((luminance(colors[name]), background))
                assert (high + 0.05) / (low + 0.05) >= 4.5, name


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    weights = (0.2126, 0.7152, 0.0722)
    return float(sum(w * ((c + 0.055) / 1.055) ** 2.4 for w, c in zip(weights, channels, strict=True)))


def test_held_out_sounds_that_were_trained_on_are_reported(tmp_path: Path, bank: EventBank) -> None:
    pairs = sorted(held_out_pairs(bank.labels))
    write_run(tmp_path / "clean", bank)
    write_run(tmp_path / "leaky", bank, held_out_pairs=pairs[1:], test_recordings=[])
    write_run(tmp_path / "other", bank, bank="other", held_out_pairs=[])
    assert leaks(tmp_path / "clean", bank) == leaks(tmp_path / "other", bank) == leaks(tmp_path, bank) == []
    of_pairs, of_recordings = leaks(tmp_path / "leaky", bank)
    assert f"1 label pairs of the task were not held out in training (such as {pairs[0]})" in of_pairs
    assert "test recordings were not held out" in of_recordings
