"""`compa embed` and `compa export`: what they write is what the model says, and loads again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

import compa
from compa import cli
from compa.manifest import Clip, write_manifest
from compa.models import embed as embed_command
from compa.models import pretrained, tiny_clap
from compa.models.checkpoints.hub import transformers
from compa.models.clap import CLAP
from compa.models.embedder import Embedder
from compa.models.encoders.audio import ConvTransformer
from compa.models.encoders.text import CaptionTransformer

RATE = 16000
TEXTS = ["a dog barks", "rain", "a dog barks, then rain falls"]


def noise(seconds: float, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(scale=0.1, size=round(seconds * RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    clap = CLAP(
        ConvTransformer(patch_channels=4, channels=8, width=16), CaptionTransformer(512, width=16), embedding_size=16
    )
    clap.text_encoder.fit_tokenizer(TEXTS)
    path = tmp_path_factory.mktemp("model") / "small"
    path.mkdir()
    pretrained.save(clap, path)
    return path


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sounds, one of them below a folder, and a file that is none."""
    folder = tmp_path_factory.mktemp("sounds")
    (folder / "more").mkdir()
    for number, name in enumerate(("a.wav", "b.flac", "more/c.wav")):
        soundfile.write(folder / name, noise(0.1 + 5 * number, number), RATE)
    (folder / "broken.wav").write_bytes(b"RIFF nothing")
    (folder / "notes.txt").write_text("no sound")
    return folder


@pytest.fixture(scope="module")
def manifest(sounds: Path) -> Path:
    clips = [Clip("a", "a.wav", ("a dog barks", "rain")), Clip("b", "b.flac", ("rain",)), Clip("words", None, ("",))]
    write_manifest(sounds / "m.jsonl", clips)
    return sounds / "m.jsonl"


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def read_npy(path: Path) -> tuple[list[dict[str, Any]], NDArray[np.float32], dict[str, Any]]:
    head, *rows = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
    return rows, np.load(path), head["about"]


def test_a_folders_sounds_become_rows(
    model: Path, sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("embed", "--model", model, sounds, "--out", tmp_path / "x.npy") == 0
    rows, embeddings, about = read_npy(tmp_path / "x.npy")
    assert [row["id"] for row in rows] == ["a.wav", "b.flac", "more/c.wav"]
    expected = compa.load(str(model)).embed_audio([sounds / row["id"] for row in rows])
    np.testing.assert_allclose(embeddings, expected, atol=1e-6)
    assert about["preprocessing"]["pad"] == "mask"
    printed = capsys.readouterr()
    assert "broken.wav cannot be decoded" in printed.err
    assert "3 embeddings of 16 numbers, 1 left out" in printed.out
    assert {path.name for path in tmp_path.iterdir()} == {"x.npy", "x.jsonl"}


def test_a_manifests_clips_and_captions_become_rows(model: Path, manifest: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run("embed", "--model", model, manifest, "--out", tmp_path / "x.parquet") == 0
    table = parquet.read_table(tmp_path / "x.parquet")
    assert [(row["id"], row["kind"], row["text"]) for row in table.select(["id", "kind", "text"]).to_pylist()] == [
        ("a", "audio", None), ("a", "caption", "a dog barks"), ("a", "caption", "rain"),
        ("b", "audio", None), ("b", "caption", "rain"), ("words", "caption", ""),
    ]  # fmt: skip
    embeddings = np.array(table["embedding"].to_pylist(), dtype=np.float32)
    loaded = compa.load(str(model))
    np.testing.assert_allclose(
        embeddings[[1, 2, 4, 5]], loaded.embed_text(["a dog barks", "rain", "rain", ""]), atol=1e-6
    )
    np.testing.assert_allclose(
        embeddings[[0, 3]], loaded.embed_audio([manifest.parent / "a.wav", manifest.parent / "b.flac"]), atol=1e-6
    )
    assert json.loads(table.schema.metadata[b"compa"])["preprocessing"]["sample_rate"] == RATE


def test_a_killed_run_goes_on_and_gives_the_same_bytes(
    model: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed_command, "CHUNK_ROWS", 2)
    assert run("embed", "--model", model, manifest, "--out", tmp_path / "whole.npy") == 0
    embedded: list[int] = []
    real = embed_command._embed_chunk

    def killed_at_the_third(embedder: Embedder, rows: list[Any]) -> Any:
        embedded.append(len(rows))
        if len(embedded) == 3:
            raise KeyboardInterrupt
        return real(embedder, rows)

    monkeypatch.setattr(embed_command, "_embed_chunk", killed_at_the_third)
    assert run("embed", "--model", model, manifest, "--out", tmp_path / "x.npy") == 1
    assert not (tmp_path / "x.npy").exists()
    assert run("embed", "--model", model, manifest, "--out", tmp_path / "x.npy") == 0
    assert sum(embedded) == 6  # of 6 rows two are the same text, and one more was lost
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert (tmp_path / "x.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.{end}" for name in ("whole", "x") for end in ("npy", "jsonl")
    }


def test_what_another_model_or_source_left_behind_is_not_used(
    model: Path, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(embed_command, "write_embeddings", killed)
        assert run("embed", "--model", model, manifest, "--out", tmp_path / "x.npy") == 1
    changed = compa.load(str(model))
    with torch.no_grad():
        next(changed.clap.text_projection.parameters()).normal_()
    embed_command.embed(changed, manifest, tmp_path / "x.npy", str(model))
    found = np.load(tmp_path / "x.npy")[1]
    np.testing.assert_allclose(found, changed.embed_text(["a dog barks"])[0], atol=1e-6)
    other = tmp_path / "m.jsonl"
    write_manifest(other, [Clip("z", None, ("rain", "wind"))])
    assert run("embed", "--model", model, other, "--out", tmp_path / "x.npy", "--overwrite") == 0
    assert [row["id"] for row in read_npy(tmp_path / "x.npy")[0]] == ["z", "z"]


def test_what_cannot_be_embedded_is_told(
    model: Path, sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    cases = {
        "holds neither sounds nor captions": (tmp_path / "empty", "x.npy"),
        "must end in one of .parquet, .npy": (sounds, "x.csv"),
        "nothing.jsonl": (tmp_path / "nothing.jsonl", "x.npy"),
    }
    for message, (source, out) in cases.items():
        assert run("embed", "--model", model, source, "--out", tmp_path / out) == 1
        assert message in capsys.readouterr().err
    (tmp_path / "empty" / "x.wav").write_bytes(b"")
    assert run("embed", "--model", model, tmp_path / "empty", "--out", tmp_path / "x.npy") == 1
    assert "nothing in" in capsys.readouterr().err
    (tmp_path / "x.npy").write_bytes(b"years of work")
    assert run("embed", "--model", model, sounds, "--out", tmp_path / "x.npy") == 1
    assert (tmp_path / "x.npy").read_bytes() == b"years of work"


def test_what_lies_beside_a_matrix_is_not_written_over(
    model: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = manifest.read_bytes()
    for options in ([], ["--overwrite"]):
        assert run("embed", "--model", model, manifest, "--out", manifest.with_suffix(".npy"), *options) == 1
        assert "over the source" in capsys.readouterr().err
    assert manifest.read_bytes() == before
    (tmp_path / "x.jsonl").write_text("years of work")
    assert run("embed", "--model", model, manifest, "--out", tmp_path / "x.npy") == 1
    assert "x.jsonl exists already" in capsys.readouterr().err
    (tmp_path / "x.npy.part").touch()  # as after a kill between the two files
    assert run("embed", "--model", model, manifest, "--out", tmp_path / "x.npy") == 0


def test_an_exported_model_is_the_same_to_the_bit_and_has_a_card(model: Path, sounds: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    values = {"value": 0.5, "low": 0.4, "high": 0.6, "chance": 1 / 6}
    for name in ("small", "control:random"):
        result = {"model": name, "task": "scenes-order", "task_version": 1, "metrics": {"group": values}}
        (results / f"{name.replace(':', '~')}.json").write_text(json.dumps(result))
    assert run("export", "--model", model, "--out", tmp_path / "out", "--results", results) == 0
    one, other = compa.load(str(model)), compa.load(str(tmp_path / "out"))
    np.testing.assert_array_equal(one.embed_text(TEXTS), other.embed_text(TEXTS))
    np.testing.assert_array_equal(one.embed_audio([sounds / "a.wav"]), other.embed_audio([sounds / "a.wav"]))
    card = (tmp_path / "out" / "README.md").read_text()
    assert "# small" in card
    assert "| scenes-order (version 1) | group | 0.500 | 0.400 to 0.600 | 0.1667 |" in card
    assert card.count("scenes-order") == 1


def test_a_transformers_checkpoint_goes_out_as_it_came_in(tmp_path: Path) -> None:
    tiny_clap.make(tmp_path / "tiny")
    arguments = ["export", "--model", f"hf:{tmp_path / 'tiny'}", "--out", tmp_path / "out", "--format", "transformers"]
    assert run(*arguments) == 0
    before, after = (transformers().ClapModel.from_pretrained(tmp_path / name).state_dict() for name in ("tiny", "out"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    processor = transformers().AutoProcessor.from_pretrained(tmp_path / "out")
    assert processor(text=TEXTS, padding=True, return_tensors="pt")["input_ids"].shape[0] == 3
    assert "library_name: transformers" in (tmp_path / "out" / "README.md").read_text()


def test_what_cannot_be_exported_is_told_and_leaves_nothing(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "--model", model, "--out", tmp_path / "x", "--format", "transformers") == 1
    assert "its audio encoder is not HTSAT" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    assert run("export", "--model", model, "--out", tmp_path, "--results", tmp_path) == 1
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "thesis.tex").write_text("years of work")
    assert run("export", "--model", model, "--out", tmp_path / "x") == 1
    assert "choose another --out" in capsys.readouterr().err
    (tmp_path / "results").mkdir()
    assert run("export", "--model", model, "--out", tmp_path / "y", "--results", tmp_path / "results") == 1
    assert "found none" in capsys.readouterr().err


@pytest.mark.slow
def test_a_process_that_was_killed_goes_on(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [Clip(str(number), None, (f"sound {number}",)) for number in range(200_000)]
    write_manifest(tmp_path / "m.jsonl", clips)
    command = [sys.executable, "-m", "compa.cli", "embed", "--model", str(model), str(tmp_path / "m.jsonl"),
               "--out", str(tmp_path / "x.npy")]  # fmt: skip
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    part = tmp_path / "x.npy.part"
    deadline = time.monotonic() + 120
    while num_stored(part) < 5 * embed_command.CHUNK_ROWS and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = num_stored(part)
    assert 5 * embed_command.CHUNK_ROWS <= kept < 200_000
    embedder = Embedder(compa.load(str(model)).clap)
    embedded: list[int] = []
    embed_text = embedder.embed_text

    def counted(texts: Sequence[str]) -> NDArray[np.float32]:
        embedded.append(len(texts))
        return embed_text(texts)

    monkeypatch.setattr(embedder, "embed_text", counted)
    embed_command.embed(embedder, tmp_path / "m.jsonl", tmp_path / "x.npy", str(model))
    assert sum(embedded) == 200_000 - kept
    assert np.load(tmp_path / "x.npy").shape == (200_000, 16)


def num_stored(path: Path) -> int:
    """Vectors in the file of an unfinished run."""
    if not path.is_file():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM vectors").fetchone()[0])
