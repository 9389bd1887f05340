"""Tables as people and programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from compa.utils.text_rows import Row, RowError, delimited_rows, json_rows, whole_rows


def cells(path: Path, content: str | bytes, name: str = "t.csv", **options: str) -> list[dict[str, str]]:
    """The rows of a table without their places, which are checked to be lines of the file."""
    path = path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows = list(whole_rows(delimited_rows(path, **options)))  # type: ignore[arg-type]
    assert all(row.where.startswith(f"{path}, line") for row in rows)
    return [dict(row.cells) for row in rows]


WANTED = [{"file": "a.wav", "caption": "A dog barks, then a cat"}, {"file": "b.wav", "caption": "Rain"}]


@pytest.mark.parametrize(
    "content",
    [
        'file,caption\na.wav,"A dog barks, then a cat"\nb.wav,Rain\n',
        "file;caption\na.wav;A dog barks, then a cat\nb.wav;Rain\n",
        "file\tcaption\na.wav\tA dog barks, then a cat\nb.wav\tRain\n",
        "\ufefffile;caption\r\na.wav;A dog barks, then a cat\r\nb.wav;Rain\r\n",
        "sep=;\nfile;caption\na.wav;A dog barks, then a cat\nb.wav;Rain\n",
        '"sep=|"\r\nfile|caption\r\na.wav|A dog barks, then a cat\r\nb.wav|Rain',
        '\n\nFile , "Caption"\n a.wav , "A dog barks, then a cat"\n\nb.wav, Rain\n',
        '"file";"caption"\n"a.wav";"A dog barks, then a cat"\n"b.wav";"Rain"\n',
    ],
)
def test_the_delimiter_is_found(content: str, tmp_path: Path) -> None:
    assert cells(tmp_path, content) == WANTED


def test_a_delimiter_can_be_given_and_a_header_of_one_name_has_commas(tmp_path: Path) -> None:
    assert cells(tmp_path, "a;b,c\n1;2,3\n", delimiter=",") == [{"a;b": "1;2", "c": "3"}]
    assert cells(tmp_path, "caption\nA dog; a cat\n") == [{"caption": "A dog; a cat"}]


def test_cells_of_a_tsv_are_unquoted_where_they_are_quoted_as_a_whole(tmp_path: Path) -> None:
    content = 'a\tb\n"A ""loud"" dog"\tA "loud" dog\n"x" and "y"\t5" pipe\n""\t"\n'
    path = tmp_path / "t.tsv"
    path.write_text(content)
    *good, bad = delimited_rows(path, delimiter="\t")
    assert [row.cells for row in good if isinstance(row, Row)] == [
        {"a": 'A "loud" dog', "b": 'A "loud" dog'},
        {"a": '"x" and "y"', "b": '5" pipe'},
    ]
    assert isinstance(bad, RowError)
    assert "not closed" in bad.reason


def test_rows_know_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('sep=,\n\na,b\n1,"2\n3"\n\n4,5,6\n7\n')
    found = [(item.where.removeprefix(f"{path}, "), isinstance(item, Row)) for item in delimited_rows(path)]
    assert found == [("lines 4 to 5", True), ("line 7", False), ("line 8", True)]
    with pytest.raises(ValueError, match=r"line 7: 3 cells for 2 columns.*correct or remove"):
        list(whole_rows(delimited_rows(path)))


@pytest.mark.parametrize(
    ("content", "columns", "message"),
    [
        (b"", (), "has no header"),
        ("a,b\n".encode("utf-16"), (), "has no header.*zero bytes"),
        ("a,b\n1,2\n".encode("utf-16-le"), (), "has no header.*zero bytes"),
        (b"file,caption,File\n", (), "several columns 'file'"),
        (b"file;captoin\n", ("file", "caption"), "no column 'caption'; did you mean 'captoin'.*'file', 'captoin'"),
        (b"caf\xe9\n", (), "has no header.*not UTF-8"),
        (b"a\rb\r1\r2\r", (), "has no header"),
    ],
)
def test_headers_that_cannot_be_read(content: bytes, columns: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        list(delimited_rows(tmp_path / "t.csv", columns))


def test_bytes_that_are_not_utf_8_are_replaced_where_asked(tmp_path: Path) -> None:
    assert cells(tmp_path, b"who\nZo\xeb\n", errors="replace") == [{"who": "Zo\ufffd"}]
    with pytest.raises(ValueError, match="line 2: not UTF-8"):
        cells(tmp_path, b"who\nZo\xeb\n")


def test_repeated_names_are_numbered_where_asked(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,X,y,x\n1,2,3,4\n")
    [row] = delimited_rows(tmp_path / "t.csv", number_repeated=True)
    assert isinstance(row, Row)
    assert row.cells == {"x": "1", "x.1": "2", "y": "3", "x.2": "4"}


def test_json_lines(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b'{"a": 1}\n\n[]\n{"a": NaN}\n{\n\xff\n{"a": "\\ud800"}\n{"a\0": 1}\n{"a": 2}')
    found = list(json_rows(tmp_path / "t.jsonl"))
    assert [item.cells for item in found if isinstance(item, Row)] == [{"a": 1}, {"a": 2}]
    reasons = [str(item).split(", ", 1)[1] for item in found if isinstance(item, RowError)]
    assert [reason.split(":")[0] for reason in reasons] == [f"line {number}" for number in (3, 4, 5, 6, 7, 8)]
