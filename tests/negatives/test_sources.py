from __future__ import annotations

import re
from pathlib import Path

import pytest

from compa.data import quarantine
from compa.manifest import Clip, write_manifest
from compa.utils.text_rows import RowError
from negatives.sources import read_clips, rebase_audio


def read(folder: Path, name: str, content: str | bytes) -> list[Clip]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_clips(path))


def captions(clips: list[Clip]) -> dict[str, tuple[str, ...]]:
    return {clip.id: clip.captions for clip in clips}


def test_audiocaps_has_several_captions_a_clip(tmp_path: Path) -> None:
    content = (
        "\ufeffaudiocap_id,youtube_id,start_time,caption\n"
        '91139,r1nicOVtvkQ,130,"A dog barks, then a man speaks"\n'
        "2,b,10,A bell\n"
        "3,r1nicOVtvkQ,130,Barking\n"
        "4,r1nicOVtvkQ,140,A bell\n"
        "5,b,10,A bell\n"
    )
    assert captions(read(tmp_path, "train.csv", content)) == {
        "r1nicOVtvkQ_130": ("A dog barks, then a man speaks", "Barking"),
        "b_10": ("A bell",),
        "r1nicOVtvkQ_140": ("A bell",),
    }


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        ("ytid,start_s,end_s,caption", ["a,30,40,X", "a,30.0,40,Y", "a,50,60,Z"], {"a_30": "XY", "a_50": "Z"}),
        ("YTID,start_seconds,caption", ["a,30.000,X", "a,30.500,Y"], {"a_30": "X", "a_30%2E5": "Y"}),
        ("clip,caption", ["a,X", "b,Y", "a,Z"], {"a": "XZ", "b": "Y"}),
        ("file_name,caption", ["d/a.wav,X", "b.wav,Y", "d/a.wav,Z"], {"d%2Fa": "XZ", "b": "Y"}),
        ("file_name,start,caption", ["a.wav,0,X", "a.wav,10,Y"], {"a_0": "X", "a_10": "Y"}),
        ("id,caption", ["1,X", "2,Y"], {"1": "X", "2": "Y"}),
        ("caption", ["X", "X"], {"x-1": "X", "x-2": "X"}),
        ("clip,caption", [",X", "a,Y", ",Z"], {"x-1": "X", "x-3": "Z", "a": "Y"}),
    ],
)
def test_rows_of_one_clip_are_one_clip(header: str, rows: list[str], expected: dict[str, str], tmp_path: Path) -> None:
    clips = read(tmp_path, "x.csv", "\n".join([header, *rows]))
    assert {clip.id: "".join(clip.captions) for clip in clips} == expected


def test_a_sound_file_is_kept(tmp_path: Path) -> None:
    [a, b] = read(tmp_path, "x.csv", "file,caption\nd/a.wav,A dog\nd/a.wav,A cat\n/b.wav,A bell\n")
    assert (a.audio, b.audio) == ("d/a.wav", "/b.wav")
    assert rebase_audio(a, tmp_path / "x.csv", tmp_path / "out" / "m.jsonl").audio == "../d/a.wav"
    assert rebase_audio(a, tmp_path / "x.csv", tmp_path / "m.jsonl") == a
    assert rebase_audio(b, tmp_path / "x.csv", tmp_path / "out" / "m.jsonl") == b


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "None", "<NA>", "null", "NULL", "NA", "N/A", "#N/A", " na "])
@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.txt"])
def test_rows_without_a_caption_are_listed(name: str, missing: str, tmp_path: Path) -> None:
    texts = ["A dog barks", missing, "A nan (grandmother) sings", "None of them speaks"]
    lines = {
        "x.csv": ["caption,label", *(f"{text},l" for text in texts)],
        "x.tsv": ["label\tcaption", *(f"l\t{text}" for text in texts)],
        "x.jsonl": [f'{{"caption": "{text}"}}' for text in texts],
        "x.txt": texts,
    }[name]
    (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    refused: list[RowError] = []
    clips = list(read_clips(tmp_path / name, refused))
    assert [text for clip in clips for text in clip.captions] == [texts[0], *texts[2:]]
    if name != "x.txt" or missing:  # empty lines of a text file are no rows
        [row] = refused
        assert f"line {2 if name in ('x.jsonl', 'x.txt') else 3}" in row.where


def test_a_json_null_is_missing_too(tmp_path: Path) -> None:
    refused: list[RowError] = []
    (tmp_path / "x.jsonl").write_text('{"caption": null}\n{"caption": "A dog"}\n', encoding="utf-8")
    assert captions(list(read_clips(tmp_path / "x.jsonl", refused))) == {"x-1": ("A dog",)}
    assert len(refused) == 1


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_separators_of_spreadsheets(separator: str, tmp_path: Path) -> None:
    content = 'file;caption\na.wav;"A dog barks, then a cat"\nb.wav;Rain\n'.replace(";", separator)
    assert captions(read(tmp_path, "x.csv", content)) == {"a": ("A dog barks, then a cat",), "b": ("Rain",)}


def test_json_lines_of_plain_captions(tmp_path: Path) -> None:
    content = '{"id": "a.b", "caption": "A dog barks", "label": 3}\n\n{"caption": "Rain"}\n'
    assert captions(read(tmp_path, "x.jsonl", content)) == {"x-2": ("Rain",), "a%2Eb": ("A dog barks",)}


def test_text_lines(tmp_path: Path) -> None:
    clips = read(tmp_path, "c.txt", "A dog barks\n\n A bell rings \n")
    assert captions(clips) == {"c-1": ("A dog barks",), "c-3": ("A bell rings",)}


def test_what_is_in_quarantine_is_left_out(tmp_path: Path) -> None:
    source = tmp_path / "m.jsonl"
    write_manifest(source, [Clip(name, f"{name}.wav", ("A dog barks",)) for name in "abc"])
    quarantine.write(source, [quarantine.Entry("b", "b.wav", "silent: nothing above -60 dBFS")])
    assert [clip.id for clip in read_clips(source)] == ["a", "c"]


@pytest.mark.parametrize(
    ("name", "content", "refused"),
    [
        ("x.csv", "id,caption\n1,a dog, a man\n2,A bell\n", "line 2: 3 cells for 2 columns"),
        ("x.csv", "id,caption\n1,A bell\n2\n", "line 3: no caption"),
        ("x.txt", b"a dog\n\xff\xfe\n", "line 2: not UTF-8.*save the file in UTF-8"),
        ("x.txt", b"a dog\n" + b"a" * 2**24 + b"b", "line 2: longer than 16 MiB"),
        ("x.txt", "a dog\nA \x1b[2J bell\n", "line 2: .*control character"),
        ("x.jsonl", '{"caption": "a dog"}\n{"caption": true}\n', "line 2: .*not a text but bool"),
        ("x.jsonl", '{"caption": "a dog"}\n[]\n', "line 2: not a JSON object"),
    ],
)
def test_a_broken_row_does_not_stop_the_rest(name: str, content: str | bytes, refused: str, tmp_path: Path) -> None:
    rows: list[RowError] = []
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert len(list(read_clips(tmp_path / name, rows))) == 1
    assert re.search(refused, str(rows[0])), rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "id,captoin\n1,a\n", "no column for captions.*'captoin'"),
        ("x.csv", "", "no header"),
        ("x.csv", "caption\n", "no captions"),
        ("x.csv", "caption\nnan\n", "no captions .*line 2"),
        ("x.csv", 'id,caption\n1,"a dog\n', "no captions .*line.* 2.*not CSV"),
        ("x.txt", "\n \n", "no captions"),
        ("x.jsonl", '{"id": "a", "audio": null, "captions": ["a"]}\n{"id": ', "line 2: not JSON"),
        ("x.jsonl", '{"id": "a", "audio": null, "captions": ["a"], "caption": "a"}\n', "'caption'; did you mean 'cap"),
        ("x.parquet", "", r"\.jsonl, \.csv, \.tsv, \.txt; got '\.parquet'"),
    ],
)
def test_bad_input_is_named(name: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, name, content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        read_clips(tmp_path / "nowhere.csv")
