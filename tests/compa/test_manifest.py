import json
from pathlib import Path

import pytest

from compa.manifest import (
    Clip,
    Event,
    Negative,
    Positive,
    Turn,
    escape_id,
    parse_clip,
    read_manifest,
    write_manifest,
)

CLIP = Clip(
    id="a",
    audio="a.flac",
    captions=("dog bark, then rain", "rain after dog bark"),
    claims=('Then("dog bark", "rain")', None),
    negatives=(Negative("rain, then dog bark", "order", generator="rules", of=0),),
    positives=(Positive("a dog", "event", of=0),),
    events=(Event("dog bark", 0.0, 1.5, level_db=-3.0, attributes={"pitch": 2}),),
    twin="b",
    split="train",
    source="s",
    author="a",
    licence="CC0",
    tags=("rock", "live"),
    group="artist",
    turns=(Turn("What is first?", "a dog", "order"), Turn("What is last?", "rain")),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    clips = [CLIP, Clip("ü", None, ("caption",))]
    assert write_manifest(tmp_path / "deep" / "m.jsonl", clips) == 2
    assert list(read_manifest(tmp_path / "deep" / "m.jsonl")) == clips
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["m.jsonl"]


def test_empty_fields_are_left_out_and_required_ones_stay() -> None:
    assert json.loads(Clip("a", None, ()).to_json()) == {"id": "a", "audio": None, "captions": []}


def test_null_stands_for_an_empty_list() -> None:
    assert parse_clip(
        '{"id": "a", "audio": null, "captions": [], "events": null, "claims": null, "tags": null}'
    ) == Clip("a", None, ())


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", '"\\ud800"'])
def test_what_json_does_not_have_is_refused_wherever_it_stands(value: str) -> None:
    line = '{"id": "a", "audio": null, "captions": [], "events": [{"label": "x", "onset": 0, "offset": 1, %s}]}'
    with pytest.raises(ValueError, match="not JSON"):
        parse_clip(line % f'"attributes": {{"deep": [{value}]}}')
    assert parse_clip('{"id": "NaN", "audio": "Infinity.wav", "captions": ["NaN"]}').id == "NaN"


def test_an_unknown_key_names_line_key_and_nearest(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(CLIP.to_json() + '\n\n{"id": "b", "audio": null, "captions": [], "negative": []}\n')
    with pytest.raises(ValueError, match=r"m\.jsonl, line 3: .*'negative'; did you mean 'negatives'"):
        list(read_manifest(path))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[]", "must be an object"),
        ('{"id": "a", "captions": []}', "missing key 'audio'"),
        ('{"id": "a.b", "audio": null, "captions": []}', "without"),
        ('{"id": "a", "audio": null, "captions": "text"}', "captions must be .*'text'"),
        ('{"id": "a", "audio": null, "captions": ["x"], "claims": [null, null]}', "parallel"),
        (
            '{"id": "a", "audio": null, "captions": [], "negatives": [{"text": "x", "kind": "ordr"}]}',
            "order, relation",
        ),
        (
            '{"id": "a", "audio": null, "captions": [], "positives": [{"text": "x", "level": "y"}]}',
            "paraphrase",
        ),
        ('{"id": "a", "audio": null, "captions": [], "events": [{"label": "x"}]}', "missing key 'onset'"),
        ('{"id": "a", "audio": null, "captions": ["x", 3]}', r"captions\.1 .*3"),
        ('{"id": "a", "audio": null, "captions": [], "negatives": [{"txt": "x"}]}', r"negatives\.0: .*'text'"),
        (
            '{"id": "a", "audio": null, "captions": [], "turns": [{"question": "x"}]}',
            "known: instruction, answer, task",
        ),
        ('{"id": "a", "audio": null, "captions": [], "events": [{"label": "x", "onset": true, "offset": 1}]}', "True"),
    ],
)
def test_bad_lines(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_clip(line)


def test_bytes_that_are_no_utf8_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_bytes(b'{"id": "\xff"}\n')
    with pytest.raises(ValueError, match="line 1"):
        list(read_manifest(tmp_path / "m.jsonl"))


def test_escaped_ids_are_legal_and_stay_apart() -> None:
    names = ["a b", "a_b", "a/b", "a.b", "a%20b", "a%b", "ä\tb", "a\u00a0b"]
    ids = [escape_id(name) for name in names]
    assert len(set(ids)) == len(names)
    for clip_id in ids:
        Clip(clip_id, None, ())
