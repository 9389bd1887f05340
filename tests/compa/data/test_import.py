"""Every format against small sources written by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from compa.data import quarantine
from compa.data.importing import main
from compa.manifest import Clip, Event, Negative, Positive, read_manifest, write_manifest
from compa.scenes.claims import Truth, parse
from tests.compa.scenes.sound_files import ESC10, beep, write

FSDD = ESC10.parent / "fsdd"
CAPTIONS = ESC10.parents[1] / "captions/audiocaps"


def run(*words: object, out: Path) -> list[Clip]:
    assert main([*map(str, words), "--out", str(out)]) == 0
    return list(read_manifest(out))


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def audio_of(clip: Clip, manifest: Path) -> Path:
    assert clip.audio is not None
    return (manifest.parent / clip.audio).resolve()


def test_rows_of_one_file_are_one_clip(tmp_path: Path) -> None:
    write(tmp_path / "in/wavs/a b.wav")
    source = text(
        tmp_path / "in/clips.csv",
        "\ufefffile_name,caption,split,license\n"
        'wavs/a b.wav,"A dog, loud",train,CC0\n\nwavs/a b.wav,A dog barks,train,CC0\n',
    )
    [clip] = run("csv", source, out=tmp_path / "out/m.jsonl")
    assert clip == Clip(
        "wavs%2Fa%20b", "../in/wavs/a b.wav", ("A dog, loud", "A dog barks"), split="train", licence="CC0"
    )
    assert audio_of(clip, tmp_path / "out/m.jsonl") == (tmp_path / "in/wavs/a b.wav").resolve()


def test_columns_are_mapped(tmp_path: Path) -> None:
    source = text(tmp_path / "t.tsv", 'clip\tfirst\tsecond\twho\n1.wav\ta "dog"\ta cat\tAnn\n')
    words = ("--map", "audio=clip", "--map", "caption=first", "--map", "caption=second", "--map", "author=who")
    [clip] = run("tsv", source, *words, out=tmp_path / "m.jsonl")
    assert (clip.captions, clip.author) == (('a "dog"', "a cat"), "Ann")


def test_json_lines_may_list_captions(tmp_path: Path) -> None:
    lines = [
        {"id": "x.1", "audio": "x.wav", "captions": ["one", "two", "one"], "more": {}},
        {"id": 7, "text": "three"},
        {"id": 8},
    ]
    source = text(tmp_path / "s.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    first = run("jsonl", source, out=tmp_path / "m.jsonl")
    assert [(clip.id, clip.captions) for clip in first] == [("x%2E1", ("one", "two")), ("7", ("three",))]
    assert "line 3" in (tmp_path / "m.refused.jsonl").read_text()


def whole_clip(name: str, audio: str | None) -> Clip:
    return Clip(
        name,
        audio,
        ("a dog, then a cat", "a dog"),
        claims=('Then("dog", "cat")', None),
        negatives=(Negative("a cat, then a dog", "order", "rules", 0, 'Then("cat", "dog")'),),
        positives=(Positive("an animal", "event", 1),),
        events=(Event("dog", 0.0, 1.0, -3.0, {"pitch": 2}), Event("cat", 1.0, 2.0)),
        twin="other%2E1",
        split="train",
        source="s",
        author="a",
        licence="CC0",
    )


def test_a_manifest_keeps_all_it_knows(tmp_path: Path) -> None:
    write(tmp_path / "in/wavs/a.wav")
    clips = [whole_clip("a", "wavs/a.wav"), whole_clip("b", "wavs/a.wav"), whole_clip("c", "/abs/x.wav")]
    write_manifest(tmp_path / "in/m.jsonl", [*clips, whole_clip("d", None), Clip("e", None, ())])
    found = run("jsonl", tmp_path / "in/m.jsonl", out=tmp_path / "deep/out/m.jsonl")
    assert [clip.audio for clip in found[:2]] == ["../../in/wavs/a.wav"] * 2
    assert (tmp_path / "deep/out" / str(found[2].audio)).resolve() == Path("/abs/x.wav")
    assert [replace(clip, audio=None) for clip in found] == [
        *(replace(clip, audio=None) for clip in clips), whole_clip("d", None), Clip("e", None, ())
    ]  # fmt: skip
    write(tmp_path / "moved/wavs/a.wav")
    again = run("jsonl", tmp_path / "in/m.jsonl", "--audio", tmp_path / "moved", out=tmp_path / "again.jsonl")
    assert again[0].audio == "moved/wavs/a.wav"


def test_a_manifest_beside_other_json_lines(tmp_path: Path) -> None:
    """Mapped keys, and rows that only look like a clip, are read as any table; what would lose something is refused."""
    own = json.loads(whole_clip("a", "a.wav").to_json())
    lines = [
        own,
        {"id": "b.1", "audio": "b.wav", "captions": ["b"], "split": "test"},
        {"audio": "c.wav", "caption": "c"},
        {"audio": "c.wav", "caption": "more of c"},
        own | {"id": "d", "events": 3},
    ]
    source = text(tmp_path / "s.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    found = run("jsonl", source, out=tmp_path / "m.jsonl")
    assert found[0] == whole_clip("a", "a.wav")
    assert [(clip.id, clip.captions) for clip in found[1:]] == [("b%2E1", ("b",)), ("c", ("c", "more of c"))]
    [refused] = (tmp_path / "m.refused.jsonl").read_text().splitlines()
    assert "line 5" in refused
    assert "events" in refused
    mapped = run("jsonl", source, "--map", "author=split", "--overwrite", out=tmp_path / "m.jsonl")
    assert (mapped[0].id, mapped[0].events, mapped[0].author) == ("a", (), "train")


def test_captions_without_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [one, two] = run("csv", text(tmp_path / "c.csv", "caption\na dog\na cat\n"), out=tmp_path / "m.jsonl")
    assert (one.id, one.audio, two.id) == ("c-1", None, "c-2")
    assert "captions only: 2 clips name no audio" in capsys.readouterr().out


def test_missing_audio_is_counted_listed_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a.wav")
    source = text(tmp_path / "c.csv", "audio,caption\na.wav,here\nb.wav,gone\n")
    clips = run("csv", source, out=tmp_path / "m.jsonl")
    assert [clip.id for clip in clips] == ["a", "b"]
    assert quarantine.read(tmp_path / "m.jsonl") == {"b": "missing: no such file"}
    assert "coverage: 1 of 2 clips (50.0%) have their audio" in capsys.readouterr().out
    write(tmp_path / "b.wav")
    run("csv", source, "--overwrite", out=tmp_path / "m.jsonl")
    assert not quarantine.list_path(tmp_path / "m.jsonl").exists()


def test_broken_rows_are_refused_and_the_rest_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "c.csv"
    source.write_bytes(b'audio,caption\na.wav,one\nb.wav\nc.wav,x,y\n\xff.wav,z\nd.wav,"open "quote" x"\ne.wav,two\n')
    assert [clip.id for clip in run("csv", source, out=tmp_path / "m.jsonl")] == ["a", "e"]
    refused = [json.loads(line) for line in (tmp_path / "m.refused.jsonl").read_text().splitlines()]
    found = {item["where"].split(", ")[-1]: item["reason"] for item in refused}
    assert "no caption" in found["line 3"]
    assert "3 cells for 2 columns" in found["line 4"]
    assert "not UTF-8" in found["line 5"]
    assert "not CSV" in found["line 6"]
    assert "refused: 4" in capsys.readouterr().out


def test_two_files_of_one_id_are_not_mixed_up(tmp_path: Path) -> None:
    source = text(tmp_path / "c.csv", "id,audio,caption\nx,a.wav,one\nx,b.wav,two\n")
    assert [clip.audio for clip in run("csv", source, out=tmp_path / "m.jsonl")] == ["a.wav"]
    assert "id 'x' is that of a.wav already" in (tmp_path / "m.refused.jsonl").read_text()


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        ("", (), "has no header"),
        ("a,b\n1,2\n", (), "no column for captions"),
        ("caption,Caption\n1,2\n", (), "several columns 'caption'"),
        ("audio,caption\n", (), "holds no clip of format csv"),
        ("audio,caption\na.wav,x\n", ("--map", "caption=captoin"), "no column 'captoin'; did you mean 'caption'"),
    ],
)
def test_tables_that_cannot_be_read(content: str, words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    source = text(tmp_path / "c.csv", content)
    with pytest.raises(ValueError, match=message):
        main(["csv", str(source), "--out", str(tmp_path / "m.jsonl"), *words])
    assert [path.name for path in tmp_path.iterdir()] == ["c.csv"]


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    source = text(tmp_path / "s.jsonl", '{"caption": "x"}\n')
    with pytest.raises(ValueError, match="exists: choose another --out"):
        main(["jsonl", str(source), "--out", str(source)])
    with pytest.raises(ValueError, match="is the source itself"):
        main(["jsonl", str(source), "--out", str(source), "--overwrite"])


def test_a_folder_with_texts(tmp_path: Path) -> None:
    for name in ("b/two.WAV", "one.wav", "one.flac", ".hidden.wav"):
        write(tmp_path / "in" / name)
    for name in ("b/two.txt", "one.txt"):
        text(tmp_path / "in" / name, "first caption\n\nsecond caption\n")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    clips = run("folder", tmp_path / "in", "--split", "train", out=tmp_path / "m.jsonl")
    assert {clip.id for clip in clips} == {"one%2Eflac", "one%2Ewav", "b%2Ftwo"}
    assert {clip.captions for clip in clips} == {("first caption", "second caption")}
    assert {clip.split for clip in clips} == {"train"}


def test_a_folder_whose_names_tell(tmp_path: Path) -> None:
    write(tmp_path / "in/dog_bark/7.wav")
    write(tmp_path / "in/x.wav")
    [clip] = run("folder", tmp_path / "in", "--names", "(?P<caption>[^/]+)/(?P<author>.)", out=tmp_path / "m.jsonl")
    assert (clip.captions, clip.author) == (("dog bark",), "7")
    assert "no caption: x.txt is not there or empty" in (tmp_path / "m.refused.jsonl").read_text()


@pytest.mark.parametrize("pattern", ["(", "x", "(?P<mood>x)"])
def test_patterns_that_make_no_sense(pattern: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["folder", str(tmp_path), "--out", "m.jsonl", "--names", pattern])
    assert "--names" in capsys.readouterr().err


def test_audiocaps(tmp_path: Path) -> None:
    for name in ("Yabcdefghijk.wav", "ABCDEFGHIJK_30000_40000.flac"):
        write(tmp_path / "wavs/deep" / name)
    header = "audiocap_id,youtube_id,start_time,caption\n"
    text(tmp_path / "train.csv", f"{header}1,abcdefghijk,0,one\n2,ABCDEFGHIJK,30,two\n")
    text(tmp_path / "val.csv", f"{header}3,zzzzzzzzzzz,5,three\n4,zzzzzzzzzzz,5,four\n5,zzzzzzzzzzz,late,five\n")
    clips = run("audiocaps", tmp_path, "--audio", tmp_path / "wavs", out=tmp_path / "m.jsonl")
    assert [(clip.id, clip.captions, clip.split) for clip in clips] == [
        ("abcdefghijk_0", ("one",), "train"),
        ("ABCDEFGHIJK_30", ("two",), "train"),
        ("zzzzzzzzzzz_5", ("three", "four"), "val"),
    ]
    assert clips[0].source == "https://www.youtube.com/watch?v=abcdefghijk"
    assert [clip.audio for clip in clips[:2]] == [
        "wavs/deep/Yabcdefghijk.wav",
        "wavs/deep/ABCDEFGHIJK_30000_40000.flac",
    ]
    assert set(quarantine.read(tmp_path / "m.jsonl")) == {"zzzzzzzzzzz_5"}
    assert "start_time" in (tmp_path / "m.refused.jsonl").read_text()


def test_clotho(tmp_path: Path) -> None:
    write(tmp_path / "dev/Radio Garble.v2.wav")
    source = text(
        tmp_path / "clotho_captions_development.csv",
        "file_name,caption_1,caption_2,caption_3,caption_4,caption_5\nRadio Garble.v2.wav,a,b,c,d,e\n,f,g,h,i,j\n",
    )
    metadata = text(
        tmp_path / "meta.csv",
        "file_name,keywords,sound_id,sound_link,start_end_samples,manufacturer,license\n"
        'Radio Garble.v2.wav,k;l,80399,https://freesound.org/people/B/sounds/80399,"[1, 2]",B,http://cc\n',
    )
    words = ("--audio", tmp_path / "dev", "--metadata", metadata)
    [clip] = run("clotho", source, *words, out=tmp_path / "m.jsonl")
    assert clip == Clip(
        "Radio%20Garble%2Ev2",
        "dev/Radio Garble.v2.wav",
        ("a", "b", "c", "d", "e"),
        split="train",
        source="https://freesound.org/s/80399",
        author="B",
        licence="http://cc",
    )


def test_wavcaps(tmp_path: Path) -> None:
    write(tmp_path / "wavs/Yb0RFKhbpFJA.flac")
    entries = [
        {"id": "Yb0RFKhbpFJA.wav", "caption": "Speech.", "audio": "wav_path", "duration": 10.0},
        {"id": "80399", "caption": "Radio.", "author": "B", "download_link": "https://freesound.org/data/80399.zip"},
        {"id": "NHU05", "caption": " ", "download_link": "https://bbc"},
        {"id": 5, "caption": "x"},
    ]
    source = text(tmp_path / "w.json", json.dumps({"num_captions_per_audio": 1, "data": entries}))
    clips = run("wavcaps", source, "--audio", tmp_path / "wavs", out=tmp_path / "m.jsonl")
    assert [(clip.id, clip.source, clip.author) for clip in clips] == [
        ("Yb0RFKhbpFJA", "https://www.youtube.com/watch?v=b0RFKhbpFJA", None),
        ("80399", "https://freesound.org/s/80399", "B"),
    ]
    assert set(quarantine.read(tmp_path / "m.jsonl")) == {"80399"}
    assert len((tmp_path / "m.refused.jsonl").read_text().splitlines()) == 2
    with pytest.raises(ValueError, match="no list 'data'"):
        run("wavcaps", text(tmp_path / "x.json", "[]"), out=tmp_path / "n.jsonl")


def test_several_files_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "wavs/1/7.wav")
    write(tmp_path / "wavs/2/7.flac")
    source = text(tmp_path / "w.json", json.dumps({"data": [{"id": "7", "caption": "x"}, {"id": "8", "caption": "y"}]}))
    [clip] = run("wavcaps", source, "--audio", tmp_path / "wavs", out=tmp_path / "m.jsonl")
    assert clip.id == "8"
    assert "several files have the name '7'" in (tmp_path / "m.refused.jsonl").read_text()


STRONG = (
    "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n"
    "s9d-2nhuJCQ_30000\t0.0\t2.0\t/m/1\n"
    "s9d-2nhuJCQ_30000\t3.0\t5.0\t/m/2\n"
    "s9d-2nhuJCQ_30000\t3.5\t5.0\t/m/3\n"
    "s9d-2nhuJCQ_30000\t6\t5\t/m/3\n"
    "abcdefghijk_0\t0\t10\t/m/1\n"
)


def test_strong_labels_become_true_captions(tmp_path: Path) -> None:
    source = text(tmp_path / "s.tsv", STRONG)
    with pytest.raises(ValueError, match="label id /m/1"):
        run("audioset-strong", source, out=tmp_path / "m.jsonl")
    text(tmp_path / "mid_to_display_name.tsv", "/m/1\tBark\n/m/2\tVehicle horn, car horn\n/m/3\tSpeech\n")
    write(tmp_path / "wavs/Ys9d-2nhuJCQ.wav")
    words = ("--captions", 9, "--audio", tmp_path / "wavs")
    first, second = run("audioset-strong", source, *words, out=tmp_path / "m.jsonl")
    assert first.events == (Event("bark", 0, 2), Event("vehicle horn", 3, 5), Event("speech", 3.5, 5))
    assert first.audio == "wavs/Ys9d-2nhuJCQ.wav"
    assert first.source == "https://www.youtube.com/watch?v=s9d-2nhuJCQ"
    assert second.claims == ('Has("bark")',)
    assert set(first.claims[1:]) == {
        'Then("bark", "vehicle horn")',
        'Then("bark", "speech")',
        'While("speech", "vehicle horn")',
    }
    for caption, claim in zip(first.captions, first.claims, strict=True):
        assert claim is not None
        assert parse(claim).judge(first.events) is Truth.TRUE
        assert all(label in caption for label in parse(claim).labels())
    again = run("audioset-strong", source, *words, "--overwrite", out=tmp_path / "m.jsonl")
    assert again == [first, second]


def test_hugging_face_data_sets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    write(tmp_path / "elsewhere/b.flac")
    soundfile.write(tmp_path / "a.wav", beep(), 16000)
    rows: dict[str, list[object]] = {
        "sound": [
            {"bytes": (tmp_path / "a.wav").read_bytes(), "path": "../../../evil.wav"},
            {"bytes": None, "path": str(tmp_path / "elsewhere/b.flac")},
            {"bytes": None, "path": None},
        ],
        "caption": ["one", "two", "three"],
    }
    datasets.DatasetDict({"test": datasets.Dataset.from_dict(rows)}).save_to_disk(tmp_path / "saved")
    with pytest.raises(ValueError, match=r"no column 'audio'.*--map audio=COLUMN"):
        run("huggingface", tmp_path / "saved", out=tmp_path / "n.jsonl")
    clips = run("huggingface", tmp_path / "saved", "--map", "audio=sound", out=tmp_path / "out/m.jsonl")
    assert [(clip.id, clip.captions, clip.split) for clip in clips] == [
        ("test-0000000", ("one",), "test"),
        ("test-0000001", ("two",), "test"),
    ]
    assert clips[0].audio == "m.audio/test-0000000.wav"
    np.testing.assert_array_equal(
        soundfile.read(audio_of(clips[0], tmp_path / "out/m.jsonl"))[0], soundfile.read(tmp_path / "a.wav")[0]
    )
    assert audio_of(clips[1], tmp_path / "out/m.jsonl") == (tmp_path / "elsewhere/b.flac").resolve()
    assert not (tmp_path / "evil.wav").exists()
    table = datasets.Dataset.from_dict({name: column[:1] for name, column in rows.items()})
    table.cast_column("sound", datasets.Audio(decode=False)).to_parquet(tmp_path / "p.parquet")
    [same] = run("huggingface", tmp_path / "p.parquet", out=tmp_path / "p.jsonl")
    assert (same.id, same.captions) == ("train-0000000", ("one",))
    with pytest.raises(ValueError, match="no split 'train': it has test"):
        run("huggingface", tmp_path / "saved", "--split", "train", out=tmp_path / "n.jsonl")


def test_without_hugging_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(ValueError, match=r"pip install 'compa\[datasets\]'"):
        run("huggingface", "some/name", out=tmp_path / "m.jsonl")


@pytest.mark.skipif(not ESC10.is_dir(), reason="the ESC-10 recordings are not there")
def test_esc10(tmp_path: Path) -> None:
    clips = run("csv", ESC10 / "clips.csv", "--map", "caption=label", "--map", "split=fold", out=tmp_path / "m.jsonl")
    assert len(clips) == 398
    assert not quarantine.list_path(tmp_path / "m.jsonl").exists()


@pytest.mark.skipif(not FSDD.is_dir(), reason="the spoken digits are not there")
def test_fsdd(tmp_path: Path) -> None:
    clips = run("folder", FSDD, "--names", r"(?P<caption>\d)_(?P<author>[a-z]+)_", out=tmp_path / "m.jsonl")
    assert len(clips) == 3000
    assert {clip.captions[0] for clip in clips} == set("0123456789")
    assert len({clip.author for clip in clips}) == 6


@pytest.mark.skipif(not CAPTIONS.is_dir(), reason="the AudioCaps captions are not there")
def test_audiocaps_is_complete(tmp_path: Path) -> None:
    clips = run("audiocaps", CAPTIONS, out=tmp_path / "m.jsonl")
    assert [sum(clip.split == split for clip in clips) for split in ("train", "val", "test")] == [49838, 495, 975]


def test_a_folder_with_strange_names(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("good.wav", "new\nline.wav", "line\u2028mark.wav", "%2E.wav", "dots...wav", "-rf.wav", "ü b.wav"):
        write(folder / name)
        text((folder / name).with_suffix(".txt"), "a caption")
    (folder / "\udcff.wav").write_bytes(b"")
    text(folder / "\udcff.txt", "a caption")
    write(folder / "latin.wav")
    (folder / "latin.txt").write_bytes(b"\xe4\n")
    (folder / "dangling.wav").symlink_to("nowhere.wav")
    text(folder / "dangling.txt", "a caption")
    clips = run("folder", folder, out=tmp_path / "m.jsonl")
    assert len({clip.id for clip in clips}) == len(clips) == 8
    assert list(quarantine.read(tmp_path / "m.jsonl")) == ["dangling"]
    refused = (tmp_path / "m.refused.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(refused) == 2
    assert "not UTF-8" in refused[0]
    assert "not UTF-8" in refused[1]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (b"../" * 2000 + b"x.wav,a caption", None),
        (b"zero\0byte.wav,a caption", "zero byte"),
        (b"a.wav," + b"x" * 200_000, None),
        (b"a.wav," + b"x" * (2**24 + 10), "longer than 16 MiB"),
        (b'a.wav,"never closed', "unexpected end of data"),
        (b"a.wav,a\rb", "new-line character"),
        (b",no audio", "no audio"),
        (b"a.wav,  ", "no caption"),
        (b"a.wav,\xff", "not UTF-8"),
    ],
)
def test_a_bad_row_is_refused_by_itself(rows: bytes, reason: str | None, tmp_path: Path) -> None:
    source = tmp_path / "in/c.csv"
    source.parent.mkdir()
    source.write_bytes(b"audio,caption\nfirst.wav,one\n" + rows + b"\n")
    clips = run("csv", source, out=tmp_path / "out/m.jsonl")
    assert clips[0].id == "first"
    refused = tmp_path / "out/m.refused.jsonl"
    assert refused.exists() == (reason is not None)
    if reason is not None:
        assert len(clips) == 1
        assert reason in refused.read_text(encoding="utf-8")
        assert "line 3" in refused.read_text(encoding="utf-8")
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written <= {"c.csv", "m.jsonl", "m.quarantine.jsonl", "m.refused.jsonl"}


@pytest.mark.parametrize("content", ["a\0b\nc\n".encode("utf-16"), b"\x89PNG\r\n\x1a\n" + bytes(500), b"{}\n"])
def test_what_is_no_table_at_all(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"c\.csv"):
        run("csv", tmp_path / "c.csv", out=tmp_path / "m.jsonl")
    assert not (tmp_path / "m.jsonl").exists()
