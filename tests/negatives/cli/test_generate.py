from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from compa.cli import main as compa
from compa.manifest import Clip, Negative, read_manifest, write_manifest
from negatives.cli.generate import main

THREE_KINDS = ("--kinds", "order,relation,attribute-swap", "--levels", "none")
TEXT = "A dog barks then a man speaks\n\nRain falls as people talk\nA bell rings\n"


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    path = tmp_path / "captions.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def generate(source: Path, out: Path, *options: str) -> list[Clip]:
    assert main([str(source), "--out", str(out), *options]) == 0
    return list(read_manifest(out))


def test_text_lines(captions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = generate(captions, tmp_path / "deep" / "out.jsonl", *THREE_KINDS)
    assert [clip.id for clip in clips] == ["captions-1", "captions-3", "captions-4"]
    assert [len(clip.negatives) for clip in clips] == [2, 1, 0]
    assert [len(clip.positives) for clip in clips] == [0, 0, 0]
    assert Negative("A man speaks then a dog barks", "order", generator="rules", of=0) in clips[0].negatives
    printed = capsys.readouterr()
    assert "captions served: 2 of 3 (66.7%)" in printed.out
    assert "order: 1 negatives" in printed.out
    assert "relation: 2 negatives" in printed.out
    assert "clips/s" in printed.err


def test_a_caption_may_be_a_megabyte_long(tmp_path: Path) -> None:
    for name, header in (("x.csv", "caption\n"), ("x.txt", "")):
        (tmp_path / name).write_text(f"{header}{'dog ' * 2**18}\nA dog barks then a man speaks\n", encoding="utf-8")
        long, short = generate(tmp_path / name, tmp_path / f"{name}.jsonl")
        assert (len(long.captions[0]), long.negatives) == (2**20 - 1, ())
        assert short.negatives


def test_manifest_keeps_everything_and_finds_its_audio(tmp_path: Path) -> None:
    source, out = tmp_path / "in" / "manifest.jsonl", tmp_path / "out" / "manifest.jsonl"
    clip = Clip(id="a", audio="wavs/a.wav", captions=("A dog barks then a man speaks",), split="train", author="me")
    write_manifest(source, [clip])
    [moved] = generate(source, out, "--num", "1")
    assert moved.audio == "../in/wavs/a.wav"
    [stayed] = generate(source, source.with_name("negated.jsonl"), "--num", "1")
    assert stayed.audio == "wavs/a.wav"
    assert (stayed.split, stayed.author, len(stayed.negatives)) == ("train", "me", 1)


def test_a_seed_decides_and_nothing_else(captions: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.jsonl" for i in range(3)]
    for path, seed in zip(files, (7, 7, 8), strict=True):
        generate(captions, path, "--seed", str(seed))
    assert files[0].read_bytes() == files[1].read_bytes()
    texts = {
        tuple(clip.negatives for clip in generate(captions, tmp_path / f"s{i}", "--seed", str(i))) for i in range(9)
    }
    assert len(texts) > 1


def test_an_existing_manifest_is_replaced_only_when_asked(captions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("precious", encoding="utf-8")
    with pytest.raises(ValueError, match=r"exists.*--overwrite"):
        main([str(captions), "--out", str(out)])
    assert out.read_text(encoding="utf-8") == "precious"
    assert len(generate(captions, out, "--overwrite")) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kinds", "oder"], "kind must be one of order, relation, attribute-swap, "),
        (["--levels", "phrase"], "'phrase'; did you mean 'paraphrase'"),
        (["--num", "0"], "integer of at least 1; got '0'"),
        (["--num", "many"], "integer of at least 1; got 'many'"),
        (["--seed", "-1"], "integer of at least 0; got '-1'"),
        (["--sheet", "x.csv"], "'--sheet'; did you mean"),
    ],
)
def test_wrong_usage(options: list[str], message: str, captions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(captions), "--out", "x.jsonl", *options])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_an_error_is_one_sentence(captions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["negatives", "generate", str(captions), "--out", str(tmp_path / "out.jsonl")]
    assert compa(command) == 0
    assert "served: 3 of 3" in capsys.readouterr().out
    assert compa(command) == 1
    error = capsys.readouterr().err
    assert error.startswith("compa: ")
    assert len(error.splitlines()) == 1


def test_a_table_as_people_have_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "x.csv"
    rows = ["a;30;A dog barks", "a;30;nan", "b;0;A dog barks", "a;30;A cat meows with an animal", "b;5;<NA>"]
    source.write_text("\n".join(["youtube_id;start_time;caption", *rows]), encoding="utf-8")
    options = ("--kinds", "replacement", "--levels", "none", "--num", "1")
    both, one = generate(source, tmp_path / "out.jsonl", *options)
    assert both.captions == ("A dog barks", "A cat meows with an animal")
    assert "A cat meows" not in {negative.text for negative in both.negatives}
    assert (one.captions, len(one.negatives)) == (("A dog barks",), 1)
    printed = capsys.readouterr().out
    assert "refused: 2 rows of the source" in printed
    assert all(f"line {number}" in printed for number in (3, 6))


def test_an_ontology_adds_substitutes_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    source, ontology = tmp_path / "x.txt", tmp_path / "ontology.json"
    source.write_text("A tuba plays\n", encoding="utf-8")
    node = {"name": "Brass", "id": "0", "child_ids": ["1", "2", "3"]}
    leaves = [
        {"name": name, "id": i, "child_ids": []}
        for i, name in zip("123", ("Tuba", "Euphonium, baritone", "Tubas"), strict=True)
    ]
    ontology.write_text(json.dumps([node, *leaves]), encoding="utf-8")
    options = ("--kinds", "replacement", "--levels", "none")
    assert generate(source, tmp_path / "a.jsonl", *options)[0].negatives == ()
    [clip] = generate(source, tmp_path / "b.jsonl", *options, "--ontology", str(ontology))
    assert [negative.text for negative in clip.negatives] == ["A euphonium plays"]
    ontology.write_text('{"a": 1}', encoding="utf-8")
    with pytest.raises(ValueError, match="must be a JSON list of nodes"):
        generate(source, tmp_path / "c.jsonl", "--ontology", str(ontology))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "x.txt", "--overwrite"], "--out x.txt is the input, too"),
        (["--out", "o.jsonl", "--review-sheet", "x.txt", "--overwrite"], "--review-sheet x.txt is the input, too"),
        (["--out", "o.jsonl", "--report", "./o.jsonl"], "--report o.jsonl is --out, too"),
        (["--out", "o.jsonl", "--review-sheet", "filled.csv"], "filled.csv exists: choose another --review-sheet"),
        (["--out", "o.jsonl", "--report", "filled.csv"], "filled.csv exists: choose another --report"),
    ],
)
def test_nothing_of_worth_is_written_over(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x.txt", "filled.csv"):
        Path(name).write_text("A dog barks then a man speaks\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        main(["x.txt", *options])
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left == dict.fromkeys(("x.txt", "filled.csv"), "A dog barks then a man speaks\n")


def test_neither_torch_nor_numpy_is_imported(captions: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from negatives.cli.generate import main; main(sys.argv[1:]);"
        "print({'torch', 'pytorch_lightning', 'numpy', 'sklearn'} & set(sys.modules), file=sys.stdout)"
    )
    command = [sys.executable, "-c", code, str(captions), "--out", str(tmp_path / "out.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
