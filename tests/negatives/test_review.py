from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from compa.manifest import Clip, Negative
from negatives.checks.text_leak import TextLeak
from negatives.pipeline import Tally
from negatives.postprocess import Inspection
from negatives.report import render
from negatives.review import COLUMNS, kappa, read_review_sheets, summary, write_review_sheet
from negatives.sample import Example, Sample, examples_of

ITEMS = [
    Example(f"c{i}", 0, "A dog barks", f"A cat meows {i}", "order" if i % 2 else "count", "rules") for i in range(10)
]


def fill(path: Path, answers: str, reviewer: str = "") -> Path:
    write_review_sheet(path, ITEMS[: len(answers)])
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS)
        out.writeheader()
        for row, answer in zip(rows, answers, strict=True):
            out.writerow(row | {"false": answer.strip(), "fluent": "Yes", "reviewer": reviewer})
    return path


def test_shares_over_all_and_by_kind(tmp_path: Path) -> None:
    text = summary(read_review_sheets([fill(tmp_path / "a.csv", "yyyyn y")]))
    assert "false: 83.3% of 6 [43.6%, 97.0%]" in text  # Wilson's interval of 5 of 6
    assert "  count: 75.0% of 4" in text
    assert "  order: 100.0% of 2" in text
    assert "fluent: 100.0% of 7" in text
    assert "kappa" not in text


def test_two_reviewers_agree_or_not(tmp_path: Path) -> None:
    sheets = [fill(tmp_path / "a.csv", "yynn", "Ann"), fill(tmp_path / "b.csv", "yyny", "Bob")]
    text = summary(read_review_sheets(sheets))
    assert "Ann and Bob, false: agree on 75.0% of 4, Cohen's kappa 0.500" in text
    assert "Ann and Bob, fluent: agree on 100.0% of 4, Cohen's kappa undefined" in text


def test_kappa_by_hand() -> None:
    # 20 and 15 agreed yes and no, 5 and 10 not: observed 0.7, chance 0.5 (Cohen's classical example)
    pairs = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([(True, False), (False, True)]) == pytest.approx(-1)
    assert kappa([(True, True)]) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "no column 'clip'"),
        (",".join(COLUMNS) + "\nc,0,A,B,order,rules,maybe,,\n", "line 2: .*'maybe'"),
        (",".join(COLUMNS) + "\nc,0,A,B,order,rules,,,\n", "no answer in the column 'false'"),
    ],
)
def test_bad_sheets_are_named(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        summary(read_review_sheets([path]))


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    write_review_sheet(tmp_path / "s.csv", [Example("=1+1", 0, "@a", "-b", "order", "+m")])
    [row] = list(csv.DictReader((tmp_path / "s.csv").read_text(encoding="utf-8").splitlines()))
    assert all(value[:1] not in ("=", "@", "-", "+") for value in row.values())


def test_a_sample_has_all_kinds_and_no_more_than_asked() -> None:
    clips = [
        Clip(str(i), None, ("A",), negatives=(Negative(f"n{i}", "binding" if i % 50 == 0 else "order", of=0),))
        for i in range(1000)
    ]
    sample = Sample(30)
    assert list(sample.watch(clips)) == clips
    assert {kind: len(examples) for kind, examples in sample.by_kind.items()} == {"binding": 20, "order": 30}
    assert max(int(example.clip) for example in sample.by_kind["order"]) > 500
    chosen = sample.stratified(30)
    assert sorted(example.kind for example in chosen) == ["binding"] * 15 + ["order"] * 15
    assert sample.stratified(30) == chosen
    assert examples_of(Clip("x", None, ("A",), negatives=(Negative("B", "order"), Negative("C", "order", of=7)))) == []


def test_the_page_shows_texts_and_runs_none() -> None:
    evil = "<script>alert(1)</script>"
    item = Example("../../etc", 0, evil, f'"><img src=x onerror={evil}', "order", evil)
    tally = Tally(1, 2, 1, Counter(order=1))
    found = Inspection(tally, Sample(1), [TextLeak("order", 1, None, [(evil, 1, 0)])])
    html = render(found, [item], {("order", evil): 1}, [("cost", evil)])
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("&lt;script&gt;") == 6
    assert "1 of 2 captions have a negative (50.0 %)" in html


def test_a_missing_sheet_and_what_is_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"s\.csv: no such review sheet.*--review-sheet"):
        read_review_sheets([tmp_path / "s.csv"])
    (tmp_path / "s.csv").write_text("x" * (2**24 + 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"s\.csv.*longer than 16 MiB.*--review-sheet"):
        read_review_sheets([tmp_path / "s.csv"])


def test_a_sheet_may_come_back_in_another_encoding(tmp_path: Path) -> None:
    path = fill(tmp_path / "a.csv", "yyn", "Zoë")
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    assert "false: 66.7% of 3" in summary(read_review_sheets([path]))
