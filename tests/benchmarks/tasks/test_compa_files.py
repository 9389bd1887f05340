from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.items import Item
from benchmarks.models.open import open_scorer
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs, TestSet
from tests.benchmarks.conftest import bench
from tests.benchmarks.tasks import compa_layout
from tests.benchmarks.tasks.compa_layout import ATTRIBUTE_COLUMNS, ORDER_COLUMNS, Listener, write_attribute, write_order

SCORES = ("text", "audio", "group")
PROTOCOLS = (*SCORES, *(f"{name}_triplets" for name in SCORES))


def prepared(data: Path, task: str = "compa-order", limit: int | None = None) -> TestSet:
    return find_task(task).prepare(TaskInputs(data=data), limit)


def values(task: str, scorer: Any, test_set: TestSet) -> dict[str, float]:
    return {name: m["value"] for name, m in find_task(task).run(scorer, "m", test_set, 0).metrics.items()}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 order items, the last 100 of them triplets."""
    return write_order(tmp_path_factory.mktemp("official"), 400, 100)


def test_the_whole_layout_in_both_protocols(official: Path) -> None:
    test_set = prepared(official)
    about = {name: test_set.data[name] for name in ("name", "found", "expected", "triplets")}
    assert about == {"name": "CompA-order", "found": 400, "expected": 400, "triplets": 100}
    assert "warnings" not in test_set.data
    result = find_task("compa-order").run(Listener(), "listener", test_set, 0)
    assert {name: result.metrics[name]["value"] for name in PROTOCOLS} == dict.fromkeys(PROTOCOLS, 1.0)
    chances = [result.metrics[name]["chance"] for name in PROTOCOLS]
    assert chances == pytest.approx([1 / 4, 1 / 4, 1 / 6, 85 / 432, 85 / 432, 31 / 240], abs=1e-12)
    assert result.metrics["auc"]["value"] == 1.0
    assert [len(item["scores"]) for item in result.items] == [2] * 300 + [3] * 100


def test_a_third_sound_counts_in_one_protocol_only(official: Path) -> None:
    class DeafToThird(Listener):
        def score(self, groups):  # type: ignore[no-untyped-def]
            matrices = super().score(groups)
            for matrix in matrices:
                matrix[2:] = 0
            return matrices

    test_set = prepared(official)
    assert values("compa-order", DeafToThird(), test_set) | {"auc": 0} == {
        **dict.fromkeys(SCORES, 1.0), **dict.fromkeys(PROTOCOLS[3:], 0.75), "ties": 0.0, "auc": 0, **leaks(test_set),
    }  # fmt: skip


def leaks(test_set: TestSet) -> dict[str, float]:
    return {name: metric["value"] for name, metric in test_set.metrics.items()}


def test_constant_and_random(official: Path) -> None:
    test_set = prepared(official)
    found = values("compa-order", open_scorer("control:constant"), test_set)
    assert [found[name] for name in (*PROTOCOLS, "ties", "auc")] == [0, 0, 0, 0, 0, 0, 1, 0.5]
    result = find_task("compa-order").run(open_scorer("control:random", 1), "random", test_set, 1)
    for name in PROTOCOLS:
        metric = result.metrics[name]
        assert metric["low"] <= metric["chance"] <= metric["high"], name


@pytest.mark.parametrize("where", ["", "CompA_order_files", "CompA_order_benchmark.csv", ".."])
def test_order_is_found_from_wherever_a_user_points(tmp_path: Path, where: str) -> None:
    root = write_order(tmp_path / "CompA-order")
    (tmp_path / "__MACOSX").mkdir()
    shutil.copy(root / "CompA_order_benchmark.csv", tmp_path / "__MACOSX")
    test_set = prepared(root / where)
    assert test_set.data["found"] == test_set.data["expected"] == 12
    assert values("compa-order", Listener(), test_set)["group_triplets"] == 1.0
    assert [item.id for item in test_set.items[:2]] == ["compa-order-1", "compa-order-2"]


@pytest.mark.parametrize("where", ["", "CompA Attribute", "CompA Attribute/Compa-Attribute.csv"])
@pytest.mark.parametrize("columns", [ATTRIBUTE_COLUMNS, [name.removesuffix(".1") for name in ATTRIBUTE_COLUMNS]])
def test_attribute_takes_the_second_columns_of_files(tmp_path: Path, where: str, columns: list[str]) -> None:
    test_set = prepared(write_attribute(tmp_path, columns=columns) / where, "compa-attribute")
    assert (test_set.data["found"], test_set.data["expected"]) == (8, 8)
    found = values("compa-attribute", Listener(), test_set)
    assert found["group"] == 1.0
    assert "group_triplets" not in found
    first: Item = test_set.items[0]
    assert first.recordings == ("1.wav", "1_rev.wav")
    assert first.sources == tuple(
        f"https://www.youtube.com/watch?v={video}" for video in ("00000000001", "rev00000001")
    )


def test_attribute_may_have_triplets(tmp_path: Path) -> None:
    write_order(tmp_path)
    (tmp_path / "CompA_order_benchmark.csv").rename(tmp_path / "Compa-Attribute.csv")
    (tmp_path / "CompA_order_files").rename(tmp_path / "CompA_attribute_files")
    assert values("compa-attribute", Listener(), prepared(tmp_path, "compa-attribute"))["group_triplets"] == 1.0


def test_another_size_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_order(tmp_path)
    command = ["run", "--model", "control:constant", "--model", "control:random", "--task", "compa-order"]
    assert bench([*command, "--data", str(tmp_path), "--out", str(tmp_path / "results")]) == 0
    told = capsys.readouterr().err
    sentence = "12 items with 3 triplets, where 400 with 100 were published"
    assert told.count(f"warning: CompA-order: {sentence}") == 1
    record = json.loads((tmp_path / "results" / "control~constant--compa-order.json").read_text(encoding="utf-8"))
    assert record["data"]["warnings"][0].startswith(sentence)
    assert str(tmp_path) not in json.dumps({key: value for key, value in record.items() if key != "run"})


def test_incomplete_items_are_in_neither_protocol(tmp_path: Path) -> None:
    write_order(tmp_path)
    files = tmp_path / "CompA_order_files"
    (files / "2_rev.wav").unlink()
    (files / "4.wav").write_bytes(b"no sound")
    (files / "12_trip.wav").unlink()
    test_set = prepared(tmp_path)
    assert (test_set.data["found"], test_set.data["expected"], test_set.data["triplets"]) == (9, 12, 2)
    (told,) = [line for line in test_set.data["warnings"] if "left out" in line]
    assert told.startswith("3 of 12 items are left out: 2 (2_rev.wav is not there), 4 (4.wav is unreadable (")
    assert "12 (12_trip.wav is not there)" in told
    result = find_task("compa-order").run(Listener(), "listener", test_set, 0)
    assert [item["id"].removeprefix("compa-order-") for item in result.items] == ["1", "3", *map(str, range(5, 12))]
    assert result.metrics["group_triplets"]["chance"] == pytest.approx((7 / 6 + 2 / 60) / 9)


def test_a_limit_takes_the_first_and_another_sound_is_another_fingerprint(tmp_path: Path) -> None:
    write_order(tmp_path)
    whole, few = prepared(tmp_path), prepared(tmp_path, limit=5)
    assert [item.id for item in few.items] == [item.id for item in whole.items[:5]]
    assert (few.data["found"], few.data["expected"]) == (5, 12)
    moved = write_order(tmp_path / "elsewhere")
    assert prepared(moved).data["fingerprint"] == whole.data["fingerprint"] != few.data["fingerprint"]
    shutil.copy(moved / "CompA_order_files" / "1.wav", moved / "CompA_order_files" / "2.wav")
    assert prepared(moved).data["fingerprint"] != whole.data["fingerprint"]


def edited(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


def test_rows_that_cannot_count(tmp_path: Path) -> None:
    table = write_order(tmp_path) / "CompA_order_benchmark.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines]
    lines[2] = lines[2].replace(compa_layout.captions(2)[0], "-")  # no caption
    lines[3] = lines[3].replace("3_rev.wav", "3.wav")
    lines[12] = lines[12].replace("12_trip.wav", "-")  # half a triplet
    table.write_text("\n".join([*lines, lines[1]]) + "\n", encoding="utf-8")
    assert len(rows) == 13
    test_set = prepared(tmp_path)
    assert (test_set.data["found"], test_set.data["expected"]) == (9, 12)
    told = " ".join(test_set.data["warnings"])
    assert "repeated items count once: line 14 repeats line 2" in told
    for reason in ("line 3: the caption is missing", "two of its files are the same", "line 13: the file is missing"):
        assert reason in told


def test_what_a_user_can_put_right_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="compa-order needs the published files: give --data DIR"):
        find_task("compa-order").prepare(TaskInputs())
    with pytest.raises(ValueError, match=r"there is no .*nowhere: give the folder with CompA_order_benchmark"):
        prepared(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds no CompA_order_benchmark\.csv: give the folder"):
        prepared(tmp_path)
    root = write_order(tmp_path / "wrong")
    table = root / "CompA_order_benchmark.csv"
    edited(table, "pair_caption", "pair_captoin")
    with pytest.raises(ValueError, match="has no column 'pair_caption'; did you mean 'pair_captoin'"):
        prepared(root)
    table.rename(root / "CompA_order_benchmarks.csv")
    with pytest.raises(ValueError, match=r"did you mean 'CompA_order_benchmarks\.csv'"):
        prepared(root)
    compa_layout.write_table(table, ORDER_COLUMNS, [])
    with pytest.raises(ValueError, match="no rows below its header"):
        prepared(table)
    table.write_bytes(b"pair_caption,\xff\n")
    with pytest.raises(ValueError, match="not UTF-8"):
        prepared(table)
    shutil.rmtree(write_order(tmp_path / "silent") / "CompA_order_files")
    with pytest.raises(
        ValueError, match=r"no complete item in .*: 12 of 12 items are left out: 1 \(1.wav is not there"
    ):
        prepared(tmp_path / "silent")


def write_parquet(path: Path, num: int = 6, num_triplets: int = 2, as_struct: bool = True, **columns: Any) -> Path:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [
        {"file_name": name, "audio": {"bytes": content, "path": name} if as_struct else content, "answer": caption}
        for number in range(1, num + 1)
        for name, caption, content in compa_layout.sides(number, number > num - num_triplets)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.Table.from_pylist(rows)
    parquet.write_table(table.rename_columns([columns.get(name, name) for name in table.column_names]), path)
    return path


@pytest.mark.parametrize("as_struct", [True, False])
def test_the_parquet_of_the_hub(tmp_path: Path, as_struct: bool) -> None:
    path = write_parquet(tmp_path / "repository" / "data" / "test-00000-of-00001.parquet", as_struct=as_struct)
    whole = prepared(path)
    for place in (path.parent, path.parent.parent):
        assert prepared(place).data == whole.data
    assert (whole.data["found"], whole.data["expected"], whole.data["triplets"]) == (6, 6, 2)
    assert values("compa-order", Listener(), whole)["group_triplets"] == 1.0
    unpacked = whole.items[0].audio[0]
    assert isinstance(unpacked, Path)
    assert unpacked.exists()
    del whole
    assert not unpacked.exists()


def test_the_same_items_in_both_forms_score_the_same(tmp_path: Path) -> None:
    table = prepared(write_parquet(tmp_path / "a.parquet"))
    files = prepared(write_order(tmp_path / "files", 6, 2))
    assert [item.captions for item in table.items] == [item.captions for item in files.items]
    assert table.data["fingerprint"] == files.data["fingerprint"]


def test_bad_parquet_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="has no column 'answer'; did you mean 'answers'"):
        prepared(write_parquet(tmp_path / "wrong.parquet", answer="answers"))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 no table")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        prepared(broken)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"pip install 'compa\[datasets\]'"):
        prepared(broken)


def test_no_bank_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compa.scenes.banks.open.open_bank", lambda *_: pytest.fail("the bank was opened"))
    command = ["run", "--model", "control:constant", "--task", "compa-order", "--data", str(write_order(tmp_path))]
    assert bench([*command, "--out", str(tmp_path / "results")]) == 0


def test_scores_repeat_whatever_the_order_of_rows(tmp_path: Path) -> None:
    table = write_order(tmp_path) / "CompA_order_benchmark.csv"
    deaf = Listener(frozenset({3, 11}))
    before = values("compa-order", deaf, prepared(tmp_path))
    header, *rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([header, *rows[::-1]]) + "\n", encoding="utf-8")
    assert values("compa-order", deaf, prepared(tmp_path)) == before
    assert before["group"] == np.float64(10 / 12)
