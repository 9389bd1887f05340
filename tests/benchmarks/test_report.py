from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks.heldout import leaks
from benchmarks.report import report, write_examples
from benchmarks.report.curves import charts, read_metrics
from benchmarks.report.examples import read_examples
from benchmarks.report.spectrogram import NUM_COLUMNS, NUM_ROWS, decibels, height_of, pictures
from benchmarks.results import write_result
from benchmarks.runner import run
from benchmarks.scorer import open_scorer
from benchmarks.tasks import Material, TestSet
from compa.scenes.bank import EventBank
from compa.scenes.holdout import held_out_pairs
from tests.benchmarks.conftest import Skilled
from tests.benchmarks.test_results import METRIC, result

NASTY = "<script>alert('caption')</script> & \"quotes\""


@pytest.fixture
def demo(tmp_path: Path, bank: EventBank, few: TestSet) -> Path:
    """A folder as the demo leaves it: two models, controls, examples, run folders."""
    for name, scorer in {"good": Skilled(2.0), "bad": Skilled(0.2)}.items():
        run(scorer, name, "scenes-order", Material(bank), tmp_path / "results", 0, few)
        write_run(tmp_path / name, bank)
    for name in ("random", "constant"):
        run(
            open_scorer(f"control:{name}"),
            f"control:{name}",
            "scenes-order",
            Material(bank),
            tmp_path / "results",
            0,
            few,
        )
    write_examples(tmp_path / "examples", {"scenes-order": few.items[:1]})
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


def page_of(folder: Path) -> str:
    path = report(folder / "results", folder / "report.html", folder / "examples", [folder / "good", folder / "bad"])
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


def test_the_whole_page(demo: Path) -> None:
    page = page_of(demo)
    checker = Checker(page)
    assert checker.stack == []
    assert {"audio", "image", "polyline", "table"} <= set(checker.tags)
    assert {"script", "link", "iframe"}.isdisjoint(checker.tags)
    for text in (
        "good",
        "bad",
        "control:random",
        "ties in 100 % of items",
        "12 of 400 items",
        "chance 0.167",
    ):
        assert text in page
    assert page.index("good") < page.index('<th scope="row">control:random')
    assert "recordings (built-in sounds) were never heard" in page


def test_nothing_is_fetched_and_no_path_is_told(demo: Path) -> None:
    page = page_of(demo)
    assert all(reference.startswith("data:") for reference in Checker(page).references)
    assert not re.search(r"(?:src|href|url)\s*[=(]\s*[\"']?\s*(?:https?:)?//", page)
    assert "@import" not in page
    assert str(demo) not in page


def test_equal_files_make_equal_pages(demo: Path) -> None:
    first = page_of(demo)
    for path in (demo / "results").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(record | {"run": {"seconds": 99, "started": "later"}}), encoding="utf-8")
    assert page_of(demo) == first


def test_optional_parts_are_left_out(demo: Path) -> None:
    page = report(demo / "results", demo / "small.html").read_text(encoding="utf-8")
    assert {"audio", "image", "polyline"}.isdisjoint(Checker(page).tags)
    for heading in ("Listen", "Training", "What was held out"):
        assert heading in page_of(demo)
        assert heading not in page


def test_hostile_texts_are_shown_as_text(demo: Path) -> None:
    path = demo / "examples" / "examples.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["examples"][0]["clips"][0] |= {"caption": NASTY}
    record["examples"][0]["clips"][0]["events"][0]["label"] = NASTY
    record["examples"][0]["credits"][0] |= {"author": NASTY, "licence": NASTY, "recording": NASTY}
    path.write_text(json.dumps(record))
    write_result(
        result(model=NASTY, data={"name": NASTY, "fingerprint": NASTY, "found": 1, "expected": 1}),
        demo / "results",
    )
    page = page_of(demo)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert Checker(page).stack == []


def test_players_hold_the_example_files(demo: Path) -> None:
    page = page_of(demo)
    sounds = re.findall(r'<audio[^>]* src="data:audio/flac;base64,([^"]+)"', page)
    (example,) = read_examples(demo / "examples")
    assert [base64.b64decode(sound) for sound in sounds] == [file.read_bytes() for file in example.files]
    waveform, rate = soundfile.read(io.BytesIO(base64.b64decode(sounds[0])))
    assert (len(waveform), rate) == (4 * 16000, 16000)


def test_models_verdicts_stand_beside_their_example(demo: Path, few: TestSet) -> None:
    page = page_of(demo)
    (example,) = read_examples(demo / "examples")
    assert (example.item, example.captions) == (few.items[0].id, few.items[0].captions)
    assert page.count('class="said"') == 1
    assert page.count('class="numbers"') == 4  # two models, two sounds; no controls


def test_results_on_other_data_stand_apart(demo: Path) -> None:
    other = {"name": "esc10", "fingerprint": "other", "found": 400, "expected": 400}
    write_result(result(model="elsewhere", data=other), demo / "results")
    page = page_of(demo)
    assert page.count('class="scores"') == 2
    assert "esc10 sounds" in page


def test_a_task_that_this_version_does_not_know_is_still_shown(tmp_path: Path) -> None:
    write_result(result(task="someone-elses", metrics={"group": METRIC}), tmp_path)
    page = report(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "someone-elses" in page
    assert Checker(page).stack == []


def test_bad_inputs_are_named(demo: Path) -> None:
    out = demo / "report.html"
    with pytest.raises(ValueError, match="no results"):
        report(demo / "examples" / "none", out)
    with pytest.raises(ValueError, match=r"holds no examples\.json"):
        report(demo / "results", out, demo / "results")
    with pytest.raises(ValueError, match="there is no run folder"):
        report(demo / "results", out, runs=[demo / "nowhere"])
    flac = next((demo / "examples").glob("*.flac"))
    flac.write_bytes(b"not audio")
    with pytest.raises(ValueError, match=f"{flac.name} is no audio"):
        report(demo / "results", out, demo / "examples")
    flac.unlink()
    with pytest.raises(ValueError, match=f"names {flac.name}, which is not there"):
        report(demo / "results", out, demo / "examples")
    (demo / "examples" / "examples.json").write_text('{"examples": [{"clips": []}]}')
    with pytest.raises(ValueError, match="not of the form"):
        report(demo / "results", out, demo / "examples")
    (demo / "good" / "heldout.json").write_text("{}")
    with pytest.raises(ValueError, match="no record of what was held out"):
        report(demo / "results", out, runs=[demo / "good"])
    assert not out.exists()


def test_curves_read_sparse_columns_and_skip_what_is_no_metric(tmp_path: Path) -> None:
    (tmp_path / "run" / "logs").mkdir(parents=True)
    log = tmp_path / "run" / "logs" / "metrics.csv"
    log.write_text(
        "epoch,step,lr-AdamW,train/loss,val/group,once\n0,1,0.1,3.5,,\n0,2,0.1,,0.5,1\n0,3,0.1,nan,0.7,\n0,4,0.1,2,,\n"
    )
    assert read_metrics(tmp_path / "run") == {
        "train/loss": [(1, 3.5), (4, 2)],
        "val/group": [(2, 0.5), (3, 0.7)],
    }
    loss, group = charts([tmp_path / "run"])
    assert (loss.metric, loss.low, loss.high, loss.last_step) == ("train/loss", 0, 4, 4)
    assert (group.metric, group.low, group.high) == ("val/group", 0, 1)
    assert charts([tmp_path / "run" / "logs"])[0].lines.keys() == {"logs"}
    assert charts([]) == []
    log.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no column 'step'"):
        read_metrics(tmp_path / "run")


def test_a_long_log_is_thinned_and_a_constant_one_is_drawn(tmp_path: Path) -> None:
    rows = [f"{step},{0.0},{-2.0 - step % 2}" for step in range(1000)]
    (tmp_path / "metrics.csv").write_text("\n".join(["step,zero,negative", *rows]))
    negative, zero = charts([tmp_path])
    assert len(zero.lines[tmp_path.name]) <= 80
    assert (zero.low, zero.high) == (0, 1)
    assert (negative.low, negative.high) == (-3, 0)


def test_a_tone_is_at_its_height() -> None:
    rate = 16000
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)
    values = decibels(tone, rate)
    assert values.shape == (NUM_ROWS, NUM_COLUMNS)
    assert values[:, 200].argmax() == pytest.approx(height_of(1000, rate) * (NUM_ROWS - 1), abs=1)


def test_pictures_are_pngs_on_one_scale_and_repeat() -> None:
    noise = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    tenth = noise * np.float32(0.1)
    loud, quiet = pictures([noise, tenth], 8000)
    assert loud.startswith(b"\x89PNG")
    assert loud != quiet
    assert pictures([noise, tenth], 8000) == [loud, quiet]
    assert len(pictures([np.zeros(0, np.float32)], 8000)) == 1


def test_leaks_are_told(tmp_path: Path, bank: EventBank) -> None:
    pairs = sorted(held_out_pairs(bank.labels))
    write_run(tmp_path / "clean", bank)
    write_run(tmp_path / "leaky", bank, held_out_pairs=pairs[1:], test_recordings=[])
    write_run(tmp_path / "other", bank, bank="other", held_out_pairs=[])
    assert leaks(tmp_path / "clean", bank) == leaks(tmp_path / "other", bank) == leaks(tmp_path, bank) == []
    of_pairs, of_recordings = leaks(tmp_path / "leaky", bank)
    assert f"1 label pairs of the task were not held out in training (such as {pairs[0]})" in of_pairs
    assert "test recordings were not held out" in of_recordings
