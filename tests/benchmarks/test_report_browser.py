"""The page in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.models.open import open_scorer
from benchmarks.report import report
from benchmarks.results.result import Result, read_results, write_result
from benchmarks.runner import run
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.chromium import COMMAND, Chromium
from tests.benchmarks.conftest import METRIC, Skilled, result
from tests.benchmarks.test_report import NASTY, write_run

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium: `apt-get install chromium` gives one")
PHONE, DESK = 390, 1000


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, bank: EventBank, few: TestSet) -> Path:
    """Everything that a page can hold, with markup in texts."""
    folder = tmp_path_factory.mktemp("report")
    captions = (NASTY, "<img src=x onerror=alert(1)>")
    items = replace(few, items=[replace(item, captions=captions) for item in few.items])
    models = {"good": Skilled(2.0), "bad-seed1": Skilled(0.2), "bad-seed2": Skilled(0.3), NASTY: Skilled(1.0)}
    for name, scorer in models.items():
        run(scorer, name, "scenes-order", TaskInputs(bank), folder / "results", 0, items)
        write_result(general(name, 0.2 + scorer.bonus / 5), folder / "results")
    for control in ("control:random", "control:constant"):
        run(open_scorer(control), control, "scenes-order", TaskInputs(bank), folder / "results", 0, items)
    for name in ("good", "bad-seed1"):
        write_run(folder / name, bank)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.report.examples.find_task", lambda _: Prepared(items))
        return report(folder / "results", folder / "report.html", None, [folder / "good", folder / "bad-seed1"])


@dataclass
class Prepared:
    """A task that makes what it was given."""

    items: TestSet
    version: int = 1

    def prepare(self, *_: object, **__: object) -> TestSet:
        return self.items


def general(model: str, score: float) -> Result:
    recall = METRIC | {"value": score, "low": score - 0.05, "high": score + 0.05, "chance": 0.01}
    rank = {"value": 30 - 20 * score, "low": 2.0, "high": 40.0, "chance": 50.5, "method": "bootstrap"}
    metrics = {"text_to_audio_R@1": recall, "text_to_audio_median_rank": rank}
    return result(model=model, task="retrieval", metrics=metrics, items=[])


def test_nothing_is_fetched_and_nothing_complains(browser: Chromium, page: Path) -> None:
    browser.look(DESK)
    browser.open(page)
    browser.run("document.querySelectorAll('audio').forEach((player) => player.load())")
    assert browser.requested[0] == page.resolve().as_uri()
    assert all(address.startswith("data:") for address in browser.requested[1:])
    assert browser.complaints == []


def test_a_page_that_fetches_or_fails_is_caught(browser: Chromium, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='http://127.0.0.1:9/x.png'><script>console.error('no'); missing()</script>")
    browser.open(bad)
    assert "http://127.0.0.1:9/x.png" in browser.requested
    assert len(browser.complaints) >= 2


def test_markup_in_texts_is_shown_as_text(browser: Chromium, page: Path) -> None:
    browser.look(DESK)
    browser.open(page)
    quotes = browser.run("[...document.querySelectorAll('blockquote')].map((quote) => quote.textContent)")
    assert f"“{NASTY}”" in quotes
    assert "“<img src=x onerror=alert(1)>”" in quotes
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.run("[...document.scripts].map((script) => script.type)") == ["application/json", ""]
    models = browser.run("[...document.querySelector('select[name=up]').options].map((one) => one.text)")
    assert NASTY in models
    hover = "new PointerEvent('pointerenter')"
    browser.run(f"document.querySelectorAll('#duel circle').forEach((point) => point.dispatchEvent({hover}))")
    assert browser.run("document.querySelector('.said-of').children.length") == 0


def test_what_slips_in_does_not_run(browser: Chromium, page: Path, tmp_path: Path) -> None:
    """The policy of the page lets only its own script run, should a text ever get through unescaped."""
    hole = tmp_path / "hole.html"
    slip = "<script>window.ran = true</script><img src='http://127.0.0.1:9/x.png' onerror='window.ran = true'>"
    hole.write_text(page.read_text(encoding="utf-8").replace("</main>", slip + "</main>"), encoding="utf-8")
    browser.open(hole)
    assert browser.run("window.ran") is None
    assert browser.run("document.querySelectorAll('th button').length") > 0
    assert any("Content Security Policy" in complaint for complaint in browser.complaints)


FIRST = "[...document.querySelectorAll('#scores table')[0].tBodies[0].rows]"


def test_sorting(browser: Chromium, page: Path) -> None:
    browser.look(DESK)
    browser.open(page)
    column = f"{FIRST}.map((row) => row.cells[2].dataset.value ?? null)"
    click = "document.querySelectorAll('#scores table')[0].tHead.rows[0].cells[{}].firstChild.click()"
    state = "[...document.querySelectorAll('#scores table')[0].tHead.rows[0].cells].map((head) => head.ariaSort)"
    browser.run(click.format(2))
    values = browser.run(column)
    numbers = [float(value) for value in values if value is not None]
    assert len(numbers) == 5
    assert numbers == sorted(numbers, reverse=True)
    assert browser.run(state) == [None, None, "descending"]
    browser.run(click.format(2))
    assert [float(value) for value in browser.run(column) if value is not None] == numbers[::-1]
    browser.run(click.format(0))
    names = browser.run(f"{FIRST}.map((row) => row.cells[0].dataset.value)")
    assert names == sorted(names, key=lambda name: (not name.startswith("<"), name))
    assert browser.run(state) == ["ascending", None, None]


def test_missing_scores_stay_last_and_small_ranks_come_first(browser: Chromium, page: Path) -> None:
    browser.look(DESK)
    browser.open(page)
    table = "[...document.querySelectorAll('#scores table')].find((one) => /retrieval/.test(one.caption.textContent))"
    browser.run(f"{table}.tHead.rows[0].cells[2].firstChild.click()")
    ranks = browser.run(f"[...{table}.tBodies[0].rows].map((row) => Number(row.cells[2].dataset.value))")
    assert ranks == sorted(ranks)
    for _ in range(2):
        browser.run("document.querySelectorAll('#scores table')[0].tHead.rows[0].cells[1].firstChild.click()")
        missing = browser.run(f"{FIRST}.map((row) => row.cells[1].dataset.value === undefined)")
        assert missing == sorted(missing)
        assert any(missing)


def test_players_play(browser: Chromium, page: Path) -> None:
    browser.open(page)
    heard = browser.run(
        """Promise.all([...document.querySelectorAll("audio")].map(async (player) => {
            await player.play();
            while (player.currentTime < 0.2) await new Promise((done) => setTimeout(done, 20));
            player.pause();
            return [player.readyState, player.duration, player.error];
        }))"""
    )
    assert len(heard) == 8
    for state, seconds, error in heard:
        assert state >= 2
        assert seconds == pytest.approx(4, abs=0.15)
        assert error is None


def test_two_models_item_by_item(browser: Chromium, page: Path) -> None:
    browser.look(DESK)
    browser.open(page)
    won = {
        one.model: [item["correct"]["group"] for item in one.items]
        for one in read_results(page.parent / "results")
        if one.task == "scenes-order"
    }
    for up, across in (("good", "bad-seed1"), (NASTY, "good")):
        for name, model in (("up", up), ("across", across)):
            box = f"document.querySelector('select[name={name}]')"
            number = f"[...{box}.options].findIndex((one) => one.text === {json.dumps(model)})"
            browser.run(f"{box}.value = {number}; {box}.dispatchEvent(new Event('change'))")
        pairs = list(zip(won[up], won[across], strict=True))
        wanted = [pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))]
        assert browser.run("[...document.querySelectorAll('.counts td')].map((cell) => +cell.textContent)") == wanted
        outcomes = "['both', 'only-up', 'only-across', 'neither']"
        drawn = f"{outcomes}.map((name) => document.querySelectorAll(`circle.${{name}}`).length)"
        assert browser.run(drawn) == wanted
        assert browser.run("document.querySelector('#duel svg').ariaLabel").startswith(f"won by both: {wanted[0]};")


@pytest.mark.parametrize("width", [320, PHONE, 768, DESK, 1600])
def test_no_page_is_wider_than_its_window(browser: Chromium, page: Path, width: int) -> None:
    browser.look(width, phone=width < 500)
    browser.open(page)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("innerWidth") == width
    wide = browser.run(
        "[...document.querySelectorAll('main *')].filter((one) => !one.closest('.scroll, svg, .unseen') "
        "&& one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.outerHTML.slice(0, 80))"
    )
    assert wide == []


@pytest.mark.parametrize("width", [PHONE, DESK, 1600])
def test_a_dozen_tasks_fit_or_scroll_in_their_own_frame(browser: Chromium, tmp_path: Path, width: int) -> None:
    for number in range(12):
        write_result(result(task=f"task-with-a-long-name-{number}"), tmp_path / "results")
    page = report(tmp_path / "results", tmp_path / "report.html")
    browser.look(width, phone=width < 500)
    browser.open(page)
    assert browser.run("document.documentElement.scrollWidth") <= width
    frame = "document.querySelector('.scroll.wide')"
    assert browser.run(f"{frame}.scrollWidth > {frame}.clientWidth") is (width == DESK)
    right = "getBoundingClientRect().right"
    beyond = f"[...{frame}.querySelectorAll('td .ci')].map((one) => one.{right} - one.closest('td').{right})"
    assert max(browser.run(beyond)) <= 0.5


def test_light_and_dark(browser: Chromium, page: Path) -> None:
    shades = []
    for dark in (False, True):
        browser.look(DESK, dark=dark)
        browser.open(page)
        shades.append(
            browser.run("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
        )
        assert [told for told in browser.run(CONTRASTS) if told[0] < 4.5] == []
    (light_paper, light_ink), (dark_paper, dark_ink) = shades
    assert _brightness(light_paper) > _brightness(dark_paper)
    assert _brightness(light_ink) < _brightness(dark_ink)


CONTRASTS = """(() => {
    const channels = (colour) => {
        const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return canvas.getImageData(0, 0, 1, 1).data;
    };
    const light = (colour) => {
        const [r, g, b] = [...channels(colour)].map((c) => ((c / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (one) => {
        for (; one; one = one.parentElement) {
            const colour = getComputedStyle(one).backgroundColor;
            if (colour !== "rgba(0, 0, 0, 0)") return colour;
        }
    };
    const kinds = "p, h1, h2, h3, li, td, th, small, .value, .ci, blockquote, dt, dd, a, summary";
    const chosen = document.querySelectorAll(kinds);
    return [...chosen].filter((one) => one.textContent.trim()).map((one) => {
        const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
        return [(a + 0.05) / (b + 0.05), one.outerHTML.slice(0, 100)];
    });
})()"""
"""The contrast of every text with what it stands on, as WCAG 2 has it; 4.5 is asked of small text."""


def _brightness(colour: str) -> int:
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))


def test_tables_and_pictures_speak(browser: Chromium, page: Path) -> None:
    """Every table has heads and a name, every picture and player a text, every control a label."""
    browser.look(DESK)
    browser.open(page)
    assert browser.run("[...document.querySelectorAll('table')].every((one) => one.caption?.textContent.trim())")
    assert browser.run("[...document.querySelectorAll('th')].every((one) => ['row', 'col'].includes(one.scope))")
    silent = (
        "[...document.querySelectorAll('main svg')].filter((one) => !one.ariaLabel && !one.closest('[aria-hidden]')"
    )
    assert browser.run(silent + " && !one.parentElement.closest('svg')).length") == 0
    assert browser.run("[...document.querySelectorAll('audio')].every((one) => one.ariaLabel)")
    assert browser.run("[...document.querySelectorAll('select')].every((one) => one.labels.length === 1)")
    assert browser.run("document.documentElement.lang") == "en"
    heads = browser.run("[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
    assert heads.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(heads))
