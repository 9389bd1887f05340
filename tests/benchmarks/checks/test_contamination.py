from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks.checks.contamination import CAPTION, FREESOUND, SOUND, YOUTUBE, audit, training_clips
from benchmarks.items import Audio, Item
from compa.data.shards.pack import main as pack
from compa.manifest import Clip, write_manifest
from tests.benchmarks.conftest import bench, noise, short_tasks

__all__ = ["short_tasks"]


def item(name: str, audio: Audio | None = None, caption: str = "", source: str = "") -> Item:
    sources = (source,) if source else ()
    return Item(name, (audio or noise(len(name)),), (caption or f"caption of {name}",), (), (), sources)


def clip(name: str, **changes: Any) -> tuple[Clip, None]:
    return Clip(**({"id": name, "audio": None, "captions": (f"trained on {name}",)} | changes)), None


def kinds(items: list[Item], *clips: tuple[Clip, Any]) -> dict[str, list[str]]:
    return {shared.kind: shared.items for shared in audit(items, clips)}


def test_nothing_is_shared() -> None:
    assert audit([item("a"), item("b", source="https://freesound.org/s/12345")], [clip("c"), clip("d")]) == []


@pytest.mark.parametrize(
    ("of_item", "of_clip"),
    [
        ({"source": "https://www.youtube.com/watch?v=-_abcDEF123"}, {"source": "https://youtu.be/-_abcDEF123?t=3"}),
        ({"source": "-_abcDEF123"}, {"audio": "audio/Y-_abcDEF123.wav"}),
        ({"audio": Path("x/-_abcDEF123_30000_40000.flac")}, {"source": "http://youtube.com/watch?a=b&v=-_abcDEF123"}),
    ],
)
def test_youtube_ids(of_item: dict[str, Any], of_clip: dict[str, Any]) -> None:
    assert kinds([item("other"), item("i", **of_item)], clip("c", **of_clip)) == {YOUTUBE: ["i"]}


@pytest.mark.parametrize(
    ("of_item", "of_clip"),
    [
        ({"source": "https://freesound.org/s/100032"}, {"source": "http://www.freesound.org/people/x/sounds/100032/"}),
        ({"audio": Path("5-100032-A-0.wav")}, {"audio": "fsd50k/100032.wav"}),
    ],
)
def test_freesound_ids(of_item: dict[str, Any], of_clip: dict[str, Any]) -> None:
    assert kinds([item("other"), item("i", **of_item)], clip("c", **of_clip)) == {FREESOUND: ["i"]}


def test_numbers_of_files_are_no_ids() -> None:
    assert kinds([item("i", Path("12.wav")), item("j", Path("0012.wav"))], clip("12", audio="12.wav")) == {}


def test_captions_whatever_their_case_and_marks() -> None:
    shared = audit([item("i", caption="A dog barks."), item("j")], [clip("c", captions=("a dog  barks",))])
    assert [(one.kind, one.items) for one in shared] == [(CAPTION, ["i"])]
    assert shared[0].sentence(2) == (
        "1 of 2 items share a caption with the training data (such as 'a dog barks' of i and c)"
    )


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    samples = np.round(noise(5, 2000)[0] * 1000).astype(np.int16)
    soundfile.write(tmp_path / "train.flac", samples, 16000)
    soundfile.write(tmp_path / "bench.wav", samples, 16000)
    write_manifest(tmp_path / "train.jsonl", [Clip("c", "train.flac", ("a sound",), source="here")])
    return tmp_path / "train.jsonl"


@pytest.mark.parametrize("form", ["manifest", "shards", "run"])
def test_sounds_in_other_formats_and_containers(manifest: Path, form: str) -> None:
    folder = manifest.parent
    source = manifest
    if form != "manifest":
        source = folder / "shards"
        assert pack([str(manifest), "--out", str(source), "--workers", "1"]) == 0
    if form == "run":
        (folder / "run").mkdir()
        config = {"data": {"init_args": {"train": [str(source)]}}}
        (folder / "run" / "config.yaml").write_text(json.dumps(config))
        source = folder / "run"
    waveform, rate = soundfile.read(folder / "bench.wav", dtype="float32")
    items = [item("file", folder / "bench.wav"), item("memory", (waveform, rate)), item("faster", (waveform, 2 * rate))]
    clips = list(training_clips(source))
    assert kinds(items, *clips) == {SOUND: ["file", "memory"]}
    assert audit(items, clips, sounds=False) == []


def test_what_is_no_training_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a manifest, a folder of shards, or a run folder; got"):
        list(training_clips(tmp_path))
    (tmp_path / "config.yaml").write_text("data: {init_args: {events: null}}")
    with pytest.raises(ValueError, match="does not name shards"):
        list(training_clips(tmp_path))
    (tmp_path / "config.yaml").write_text("data: {init_args: {train: [nowhere]}}")
    with pytest.raises(ValueError, match="names nowhere, which is not here"):
        list(training_clips(tmp_path))


@pytest.mark.usefixtures("short_tasks")
def test_the_command_and_the_warning_in_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--task", "scenes-order", "--train", str(tmp_path / "train.jsonl"), "--limit", "3"]
    write_manifest(tmp_path / "train.jsonl", [Clip("c", None, ("no such caption",))])
    assert bench(["audit", *command]) == 0
    assert "nothing is shared (ids, sounds and captions were compared)" in capsys.readouterr().out
    results = tmp_path / "results"
    (tmp_path / "captioned_model.py").write_text(
        "from benchmarks.models.controls.random import Random\ndef make(): return Random(0)\n", encoding="utf-8"
    )
    run = [
        "run",
        "--model",
        "python:captioned_model:make",
        "--model",
        "control:constant",
        "--out",
        str(results),
        *command,
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert bench(run) == 0
        path = results / "python~captioned_model~make--scenes-order.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        assert "warnings" not in record["data"]
        caption = record["items"][1]["captions"][0]
        write_manifest(tmp_path / "train.jsonl", [Clip("c", None, (caption.upper(),))])
        assert bench(run) == 0
    assert "warning: python:captioned_model:make: 1 of 3 items share a caption" in capsys.readouterr().err
    (warning,) = json.loads(path.read_text(encoding="utf-8"))["data"]["warnings"]
    assert warning.startswith("1 of 3 items share a caption with the training data")
    control = json.loads((results / "control~constant--scenes-order.json").read_text(encoding="utf-8"))
    assert "warnings" not in control["data"]
    assert bench(["audit", *command]) == 1
    assert f"  {warning}" in capsys.readouterr().out.splitlines()
