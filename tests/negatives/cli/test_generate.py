from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from compa.data import quarantine
from compa.manifest import Clip, Negative, read_manifest, write_manifest
from negatives.cli.check import main as check
from negatives.cli.generate import main
from negatives.cli.review import main as review
from negatives.pipeline import add_negatives
from negatives.rules import Rules
from negatives.sources import read_clips

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


def test_csv_of_audiocaps(tmp_path: Path) -> None:
    source = tmp_path / "train.csv"
    source.write_text(
        "\ufeffaudiocap_id,youtube_id,start_time,caption\n"
        '91139,r1nicOVtvkQ,130,"A dog barks, then a man speaks"\n'
        "2,b,10,A bell\n",
        encoding="utf-8",
    )
    clips = generate(source, tmp_path / "out.jsonl", "--kinds", "order")
    assert [(clip.id, clip.audio, len(clip.negatives)) for clip in clips] == [
        ("91139", None, 1),
        ("2", None, 0),
    ]


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


def test_what_is_in_quarantine_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "m.jsonl"
    write_manifest(source, [Clip(name, f"{name}.wav", ("A dog barks then a man speaks",)) for name in "abc"])
    quarantine.write(source, [quarantine.Entry("b", "b.wav", "silent: nothing above -60 dBFS")])
    assert [clip.id for clip in generate(source, tmp_path / "out.jsonl")] == ["a", "c"]
    assert f"left out: 1 clips in {tmp_path / 'm.quarantine.jsonl'}" in capsys.readouterr().out


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
    ("name", "content", "message"),
    [
        ("x.csv", b"id,captoin,Caption_1\n1,a,b\n", "no column 'caption', nearest: captoin, Caption_1"),
        ("x.csv", b"", "holds no captions"),
        ("x.csv", b"caption\n", "holds no captions"),
        ("x.csv", b"id,caption\n1,a dog\n2\n", "line 3: no caption"),
        ("x.csv", b"id,caption\n1,a dog, a man\n", "line 2: more cells than columns"),
        ("x.csv", b'id,caption\n1,"a dog\n', "line 2: unexpected end of data"),
        ("x.txt", b"\n \n", "holds no captions"),
        ("x.txt", b"a dog\n\xff\xfe\n", "line 2: not UTF-8.*save the file in UTF-8"),
        ("x.txt", b"a dog\n" + b"a" * 2**24 + b"b", "line 2: longer than 16 MiB"),
        ("x.jsonl", b'{"id": "a", "audio": null, "captions": ["a"]}\n{"id": ', "line 2: not JSON"),
        (
            "x.jsonl",
            b'{"id": "a", "audio": null, "captions": ["a"], "caption": "a"}\n',
            "unknown key 'caption'; did you mean 'captions'",
        ),
        ("x.jsonl", b'{"caption": "a dog"}\n{"caption": 5}\n', "line 2: no text 'caption'"),
        ("x.jsonl", b'{"caption": "a dog"}\n[]\n', "line 2: no text 'caption'"),
        ("x.parquet", b"", r"'\.parquet'.*\.jsonl, \.csv, \.txt"),
    ],
)
def test_bad_input_is_named(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    source, out = tmp_path / name, tmp_path / "out.jsonl"
    source.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        main([str(source), "--out", str(out)])
    assert not out.exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv: no such file"):
        main([str(tmp_path / "nowhere.csv"), "--out", str(tmp_path / "out.jsonl")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--kinds", "oder"],
            "kind must be one of order, relation, attribute-swap, ",
        ),
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


def test_as_a_command(captions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "compa.cli", "negatives", "generate", str(captions), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "served: 3 of 3" in done.stdout) == (0, True)
    assert next(read_manifest(out)).id == "captions-1"
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert again.stderr.startswith("compa: ")
    assert len(again.stderr.splitlines()) == 1


def test_json_lines_of_plain_captions(tmp_path: Path) -> None:
    source = tmp_path / "x.jsonl"
    source.write_text('{"id": "a.b", "caption": "A dog barks", "label": 3}\n\n{"caption": "Rain"}\n', encoding="utf-8")
    clips = generate(source, tmp_path / "out.jsonl")
    assert [(clip.id, clip.captions) for clip in clips] == [("a%2Eb", ("A dog barks",)), ("x-3", ("Rain",))]


def test_ontology_adds_siblings_and_a_wrong_one_is_named(tmp_path: Path) -> None:
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


def test_report_sheet_check_and_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out, page, sheet = (tmp_path / name for name in ("x.txt", "out.jsonl", "r.html", "s.csv"))
    source.write_text("".join(f"A man speaks as bell {i} rings<script>\n" for i in range(120)), encoding="utf-8")
    options = ("--kinds", "replacement", "--levels", "none", "--num", "1", "--examples", "20")
    generate(source, out, *options, "--report", str(page), "--review-sheet", str(sheet))
    html = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<td>in the manifest</td>" in html
    assert {path.name for path in tmp_path.iterdir()} == {"x.txt", "out.jsonl", "r.html", "s.csv"}
    assert check([str(out), "--report", str(page), "--overwrite"]) == 0
    assert "text leak, replacement" in capsys.readouterr().out
    rows = sheet.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 21
    sheet.write_text("\n".join([rows[0], *(row[:-2] + "y,n," for row in rows[1:])]), encoding="utf-8")
    assert review([str(sheet)]) == 0
    printed = capsys.readouterr().out
    assert "false: 100.0% of 20" in printed
    assert "fluent: 0.0% of 20" in printed


def test_after_balancing_all_counts_are_of_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All 120 replacements put other sources for one and the same, and 30 orders are too few to tell."""
    source, out, page = (tmp_path / name for name in ("x.txt", "out.jsonl", "r.html"))
    lines = [f"A goat bleats {i} times" for i in range(120)] + ["A dog barks then a bell rings"] * 30
    source.write_text("\n".join(lines), encoding="utf-8")
    options = ("--kinds", "replacement,order", "--levels", "none", "--num", "2")
    [*clips] = generate(source, tmp_path / "all.jsonl", *options)
    made = sum(negative.kind == "replacement" for clip in clips for negative in clip.negatives)
    assert made > 120
    capsys.readouterr()
    clips = generate(source, out, *options, "--balance", "--report", str(page))
    assert {negative.kind for clip in clips for negative in clip.negatives} == {"order"}
    printed = capsys.readouterr()
    assert "captions served: 30 of 150 (20.0%)" in printed.out
    assert "  replacement: 0 negatives" in printed.out
    assert f"  refused replacement, balance: {made}" in printed.out
    assert "text leak, replacement: none left, before " in printed.out
    assert "balance: none left of replacement: their words alone gave them away" in printed.err
    assert "so all are kept: order 30; give captions for at least 100 of each" in printed.err
    html = page.read_text(encoding="utf-8")
    assert "30 of 150 captions have a negative (20.0 %)" in html
    assert f'<td>refused: balance</td><td class="number">{made}</td>' in html
    assert '<td>order</td><td>in the manifest</td><td class="number">30</td>' in html
    assert "none left" in html
    assert "too few to measure" in html


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


def test_check_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("caption\nA dog barks\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.csv is not a manifest: `compa negatives generate .*x\.csv` makes one"):
        check([str(tmp_path / "x.csv")])
    write_manifest(tmp_path / "bare.jsonl", [Clip("a", None, ("A dog barks",))])
    with pytest.raises(ValueError, match=r"bare\.jsonl has no negatives: `compa negatives generate` adds some"):
        check([str(tmp_path / "bare.jsonl")])
    with pytest.raises(ValueError, match="--balance needs --out"):
        check([str(tmp_path / "m.jsonl"), "--balance"])
    with pytest.raises(FileNotFoundError):
        check([str(tmp_path / "m.jsonl")])


def test_a_long_file_streams(tmp_path: Path) -> None:
    source = tmp_path / "x.txt"
    source.write_text("A dog barks then a man speaks\n" * 1500, encoding="utf-8")
    tracemalloc.start()
    clips = add_negatives(read_clips(source), Rules(), ("order", "sub-scene"))
    held = [tracemalloc.get_traced_memory()[0] for _ in clips]
    tracemalloc.stop()
    assert held[-1] - held[500] < 200_000  # the list of figures itself; the clips would be a megabyte


def test_neither_torch_nor_numpy_is_imported(captions: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from negatives.cli.generate import main; main(sys.argv[1:]);"
        "print({'torch', 'pytorch_lightning', 'numpy', 'sklearn'} & set(sys.modules), file=sys.stdout)"
    )
    command = [sys.executable, "-c", code, str(captions), "--out", str(tmp_path / "out.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
