from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from compa import cli
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import CountingEmbedder, bench


def test_list_names_tasks_and_controls(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(["list"]) == 0
    shown = capsys.readouterr().out
    for name in (
        "scenes-order (version 2)",
        "scenes-attribute",
        "--events",
        "control:constant",
        "control:text-only",
        "control:bag-of-events",
        "hf:NAME",
        "python:MODULE:FACTORY",
    ):
        assert name in shown


@pytest.mark.usefixtures("short_tasks")
def test_run_then_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results"
    command = ["run", "--model", "control:random", "--model", "control:constant", "--task", "scenes-order",
               "--task", "scenes-attribute", "--out", str(results), "--seed", "5"]  # fmt: skip
    assert bench(command) == 0
    told = capsys.readouterr()
    assert len(list(results.glob("*.json"))) == 4
    assert "control:random" in told.out
    assert "0.167" in told.out
    assert told.err.count("wrote ") == 4
    record = json.loads((results / "control~random--scenes-order.json").read_text(encoding="utf-8"))
    assert (record["seed"], record["run"]["events"]) == (5, None)

    assert bench(command) == 0
    assert capsys.readouterr().err.count("kept ") == 4
    assert bench([*command, "--overwrite"]) == 0
    assert capsys.readouterr().err.count("replaced ") == 4

    out = tmp_path / "deep" / "report.html"
    assert bench(["report", str(results), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert "control:random" in out.read_text(encoding="utf-8")


@pytest.mark.usefixtures("short_tasks")
def test_a_run_folder_with_leaks_is_scored_and_warned_of(
    tmp_path: Path, bank: EventBank, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.models.compa_model.load", lambda *_: CountingEmbedder())
    (tmp_path / "mine").mkdir()
    record = {"bank": bank.name, "held_out_pairs": [], "test_recordings": []}
    (tmp_path / "mine" / "heldout.json").write_text(json.dumps(record))
    out = tmp_path / "results"
    assert bench(["run", "--model", str(tmp_path / "mine"), "--task", "scenes-order", "--out", str(out)]) == 0
    assert "warning: " in (told := capsys.readouterr().err)
    assert "label pairs of the task were not held out" in told
    record = json.loads((out / "mine--scenes-order.json").read_text(encoding="utf-8"))
    assert record["model"] == "mine"
    pairs, recordings = record["data"]["warnings"]
    assert "label pairs of the task were not held out" in pairs
    assert "test recordings were not held out" in recordings
    assert str(tmp_path) not in json.dumps({key: value for key, value in record.items() if key != "run"})


@pytest.mark.usefixtures("short_tasks")
def test_another_padding_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(_: str, __: str | None, pad: str | None) -> CountingEmbedder:
        embedder = CountingEmbedder()
        embedder.preprocessing = {"pad": pad or "repeatpad"}  # type: ignore[attr-defined]
        return embedder

    monkeypatch.setattr("benchmarks.models.compa_model.load", load)
    (tmp_path / "counting_model.py").write_text(
        "from tests.benchmarks.conftest import CountingEmbedder", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    command = ["run", "--model", f"hf:{tmp_path}", "--task", "scenes-order", "--out", "results"]
    for options, pad in [
        ([], "repeatpad"),
        (["--pad", "zeros", "--model", "python:counting_model:CountingEmbedder"], "zeros"),
    ]:
        assert bench(command + options) == 0
        record = json.loads(Path("results", f"hf~{tmp_path.name}--scenes-order.json").read_text(encoding="utf-8"))
        assert record["run"]["preprocessing"] == {"pad": pad}
    assert "--pad has no effect on python:counting_model:CountingEmbedder" in capsys.readouterr().err


@pytest.mark.usefixtures("short_tasks")
def test_a_model_that_fails_leaves_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(CountingEmbedder):
        def embed_text(self, texts):  # type: ignore[no-untyped-def]
            return super().embed_text(texts) * float("nan")

    monkeypatch.setattr("benchmarks.models.compa_model.load", lambda *_: Broken())
    (tmp_path / "broken").mkdir()
    command = [
        "run",
        "--model",
        str(tmp_path / "broken"),
        "--model",
        "control:constant",
        "--task",
        "scenes-order",
    ]
    assert bench([*command, "--out", str(tmp_path / "results")]) == 1
    told = capsys.readouterr()
    assert "scenes-order of broken failed: model 'broken', item 'scenes-order-000': scores must be finite" in told.err
    assert "control:constant" in told.out
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["control~constant--scenes-order.json"]


def test_what_a_user_can_put_right_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, model = ["--task", "scenes-order"], ["--model", "control:random"]
    out = ["--out", str(tmp_path / "results")]
    with pytest.raises(ValueError, match="did you mean 'scenes-order'"):
        bench(["run", *model, "--task", "scene-order", *out])
    with pytest.raises(ValueError, match="did you mean 'control:random'"):
        bench(["run", "--model", "control:rand", *task, *out])
    with pytest.raises(ValueError, match="got 'gpu'"):
        bench(["run", "--model", str(tmp_path), *task, *out, "--device", "gpu"])
    with pytest.raises(ValueError, match="nowhere"):
        bench(["run", *model, *task, *out, "--events", str(tmp_path / "nowhere")])
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        bench(["run", *model, *task, "--out", str(tmp_path / "file")])
    with pytest.raises(ValueError, match="no results"):
        bench(["report", str(tmp_path), "--out", str(tmp_path / "report.html")])
    monkeypatch.setattr("benchmarks.models.compa_model.load", lambda *_: CountingEmbedder())
    for folder in ("a", "b"):
        (tmp_path / folder / "same").mkdir(parents=True)
    twice = ["--model", str(tmp_path / "a" / "same"), "--model", str(tmp_path / "b" / "same")]
    with pytest.raises(ValueError, match="would both be named 'same'"):
        bench(["run", *twice, *task, *out])


@pytest.mark.usefixtures("short_tasks")
def test_the_readme_shows_how_to_measure_a_model_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(import numpy.*?)```", readme, re.DOTALL)
    (command,) = re.findall(r"^compa bench (run --model python:.*)$", readme, re.MULTILINE)
    assert len(code.strip().splitlines()) <= 10
    (tmp_path / "my_model.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert bench(command.split()) == 0
    assert "python:my_model:MyModel" in capsys.readouterr().out
    assert len(list((tmp_path / "results").iterdir())) == 1


@pytest.mark.parametrize("arguments", [["run"], ["report"], ["run", "--model", "control:random"], ["list", "--no"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        bench(arguments)
    assert stopped.value.code == 2


def test_the_real_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "run", "--model", "control:text-only", "--out", str(tmp_path), "--task"]
    assert cli.main([*command, "scenes-order"]) == 0
    assert "scenes-order" in capsys.readouterr().out
    record = json.loads((tmp_path / "control~text-only--scenes-order.json").read_text(encoding="utf-8"))
    assert len(record["items"]) == record["data"]["found"] == 400
    assert [record["metrics"][name]["value"] for name in ("text", "audio", "group", "ties")] == [0, 0, 0, 1]
    assert cli.main([*command, "scenes-oder"]) == 1
    assert "did you mean 'scenes-order'" in capsys.readouterr().err
