"""Tables as people have them: missing values, separators, control characters, and rows that are one clip."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from compa.data.captions import MISSING, given_captions, is_long, is_missing
from compa.data.importing import import_clips, main
from compa.data.verify import verify
from compa.manifest import Clip, read_manifest, write_manifest

WRITTEN = (
    *("nan", "NaN", "NAN", "None", "none", "<NA>", "null", "NULL", "NA", "N/A", "n/a", "NaT", "\\N", "1.#QNAN"),
    *("#N/A", "#REF!", "#VALUE!", "#DIV/0!"),
)
KEPT = (
    *("A nan (grandmother) sings", "null and void", "Nonesuch", "None of the birds sing", "n/a is spoken"),
    "Nan sings",
)


def imported(source: Path, *words: str, format: str = "csv") -> tuple[list[Clip], list[str]]:
    """The clips of a table, and where and why rows were refused."""
    out = source.with_name("m.jsonl")
    assert main([format, str(source), "--out", str(out), "--overwrite", *words]) == 0
    refused = out.with_name("m.refused.jsonl")
    lines = refused.read_text(encoding="utf-8").splitlines() if refused.exists() else []
    return list(read_manifest(out)), [": ".join(json.loads(line).values()) for line in lines]


def test_missing_values_are_rows_without_a_caption(tmp_path: Path) -> None:
    cells = [*WRITTEN, "", "  ", " nan ", *KEPT]
    (tmp_path / "t.csv").write_text("file,caption\n" + "".join(f'{n}.wav,"{cell}"\n' for n, cell in enumerate(cells)))
    clips, refused = imported(tmp_path / "t.csv")
    assert [clip.captions for clip in clips] == [(text,) for text in KEPT]
    assert len(refused) == len(cells) - len(KEPT)
    assert all("no caption" in reason for reason in refused)
    assert f"line {2 + WRITTEN.index('null')}" in refused[WRITTEN.index("null")]
    assert "'null'" in refused[WRITTEN.index("null")]


@pytest.mark.parametrize(
    ("format", "name", "content"),
    [
        ("csv", "t.csv", "file;caption_1;caption_2\na.wav;A dog;NaN\nb.wav;<NA>;null\n"),
        ("tsv", "t.tsv", "file\tcaption_1\tcaption_2\na.wav\tA dog\tNaN\nb.wav\t<NA>\tnull\n"),
        ("jsonl", "t.jsonl", '{"file": "a.wav", "captions": ["A dog", null, "nan"]}\n{"file": "b", "caption": null}\n'),
        ("clotho", "t.csv", "file_name,caption_1,caption_2\na.wav,A dog,NaN\nb.wav,nan,nan\n"),
        ("audiocaps", "t.csv", "youtube_id,start_time,caption\na,0,A dog\na,0,nan\nb,30,None\n"),
        ("wavcaps", "t.json", '{"data": [{"id": "a.wav", "caption": "A dog"}, {"id": "b", "caption": "NULL"}]}'),
    ],
)
def test_every_format_leaves_them_out(format: str, name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    clips, refused = imported(tmp_path / name, format=format)
    assert [clip.captions for clip in clips] == [("A dog",)]
    assert refused


def test_texts_beside_sounds_are_read_alike(tmp_path: Path) -> None:
    for name, text in (("a", "A dog\nnan\n"), ("b", "None\n"), ("c", "bell \x07 rings\n")):
        (tmp_path / f"{name}.wav").touch()
        (tmp_path / f"{name}.txt").write_text(text)
    report = import_clips("folder", str(tmp_path), tmp_path / "m.jsonl")
    assert [clip.captions for clip in read_manifest(tmp_path / "m.jsonl")] == [("A dog",)]
    assert [Path(error.where).name for error in report.refused] == ["b.wav", "c.wav"]


def test_missing_values_in_other_columns(tmp_path: Path) -> None:
    content = "id,file,caption,split,source,author,licence\nNaN,a.wav,A dog,null,NA,None,<NA>\nx,nan,A cat,,,,\n"
    (tmp_path / "t.csv").write_text(content)
    [clip], [refused] = imported(tmp_path / "t.csv")
    assert clip == Clip("a", "a.wav", ("A dog",))
    assert "no audio" in refused


def test_semicolons_of_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("\ufefffile;caption\r\na.wav;A dog barks, then a cat\r\nb.wav;Rain\r\n".encode())
    clips, refused = imported(tmp_path / "t.csv")
    assert [clip.captions for clip in clips] == [("A dog barks, then a cat",), ("Rain",)]
    assert not refused


@pytest.mark.parametrize("letter", ["\x01", "\x07", "\x1b[31m", "\x7f", "\x85", "\x9d", "\u202e", "\u2066", "\ufffd"])
def test_control_characters_are_refused(letter: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"file,caption\na.wav,A dog\nb.wav,A {letter} cat\n", encoding="utf-8")
    [clip], [refused] = imported(tmp_path / "t.csv")
    assert clip.id == "a"
    assert f"U+{ord(letter[0]):04X}" in refused
    write_manifest(tmp_path / "n.jsonl", [Clip("b", None, (f"A {letter} cat",))])
    [found] = [issue for issue in verify(tmp_path / "n.jsonl").issues if issue.type == "no-caption"]
    assert f"U+{ord(letter[0]):04X}" in found.detail


def test_line_breaks_in_a_cell_become_blanks(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('file,caption\na.wav,"A dog\nbarks \t loudly"\nb.wav,A  cat\n')
    clips, _ = imported(tmp_path / "t.csv")
    assert [clip.captions for clip in clips] == [("A dog barks loudly",), ("A  cat",)]


@pytest.mark.parametrize("text", ["...", "-", "?!", "—"])
def test_a_caption_has_a_word(text: str) -> None:
    with pytest.raises(ValueError, match="no word"):
        given_captions([text])


def test_long_captions_are_reported_once_with_their_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["dog " * 511, "dog " * 513, "雨" * 4097, "a dog"]
    (tmp_path / "t.csv").write_text("file,caption\n" + "".join(f"{n}.wav,{t}\n" for n, t in enumerate(texts)))
    clips, refused = imported(tmp_path / "t.csv")
    assert len(clips) == 4
    assert not refused
    assert [is_long(clip.captions[0]) for clip in clips] == [False, True, True, False]
    assert capsys.readouterr().out.count("long captions: 2, such as one of 1") == 1
    assert [i.id for i in verify(tmp_path / "m.jsonl").issues if i.type == "long-caption"] == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("youtube_id,caption\nx,one\ny,two\nx,three\n", {"x": ("one", "three"), "y": ("two",)}),
        ("ytid,start_s,caption\nx,30,one\nx,30.0,two\nx,50,three\n", {"x_30": ("one", "two"), "x_50": ("three",)}),
        ("audiocap_id,youtube_id,start_time,caption\n1,x,0,one\n2,x,0,two\n", {"x_0": ("one", "two")}),
        ("Clip;Start;Caption\nx;1;one\nx;1;two\nx;2;one\n", {"x_1": ("one", "two"), "x_2": ("one",)}),
        ("clip_id\tcaption\nx\tone\nx\ttwo\n", {"x": ("one", "two")}),
        ("id,caption\nx,one\nx,two\n", {"x": ("one", "two")}),
        ("file_name,caption\nx.wav,one\nx.wav,two\nx.wav,one\n", {"x": ("one", "two")}),
        ("file_name,youtube_id,start_time,caption\nx.wav,v,30,one\nx.wav,v,30,two\n", {"x": ("one", "two")}),
        ("youtube_id,caption\nnan,one\nNA,two\n", {"t-1": ("one",), "t-2": ("two",)}),
        ("youtube_id,split,caption\nx,train,one\ny,test,two\nx,train,three\n", {"x": ("one", "three"), "y": ("two",)}),
    ],
)
def test_rows_of_one_clip(content: str, expected: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(content)
    clips, refused = imported(tmp_path / "t.csv")
    assert {clip.id: clip.captions for clip in clips} == expected
    assert not refused


def test_parts_of_a_file_are_captions_without_audio(tmp_path: Path) -> None:
    """A manifest cannot say which part of a file a clip is: a caption of a part is not one of the whole."""
    rows = ("x.wav,0,one", "x.wav,10,two", "x.wav,0,three", "y.wav,5,four")
    (tmp_path / "t.csv").write_text("\n".join(("file_name,start_time,caption", *rows)))
    clips, refused = imported(tmp_path / "t.csv")
    assert [(clip.id, clip.audio, clip.captions) for clip in clips] == [
        ("x_0", None, ("one", "three")),
        ("x_10", None, ("two",)),
        ("y", "y.wav", ("four",)),
    ]
    assert [clip.source for clip in clips] == ["x.wav", "x.wav", None]
    assert len(refused) == 2
    assert all("x.wav has several start times" in reason for reason in refused)


def test_columns_of_a_clip_can_be_mapped(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("video,from,words\nx,1,one\nx,1,two\n")
    clips, _ = imported(tmp_path / "t.csv", "--map", "clip=video", "--map", "start=from", "--map", "caption=words")
    assert [(clip.id, clip.captions) for clip in clips] == [("x_1", ("one", "two"))]


@pytest.mark.parametrize("change", [str.upper, str.title, lambda text: f" {text} "])
def test_letter_case_and_blanks_do_not_matter(change: Callable[[str], str]) -> None:
    assert all(is_missing(change(text)) for text in MISSING)
    assert not any(is_missing(change(text)) for text in KEPT)
