from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from compa.data import quarantine
from compa.data.manifest_stats import quantile
from compa.data.stats import count, main
from compa.manifest import Clip, Event, Negative, Positive, write_manifest
from tests.compa.scenes.sound_files import beep, write


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    write(tmp_path / "a.wav", beep(1.0))
    write(tmp_path / "b.flac", beep(2.0))
    dog, cat = Event("dog", 0, 1), Event("cost $5 $^", 0, 1)
    (tmp_path / "text.wav").write_text("no sound")
    clips = [
        Clip("a", "a.wav", ("A dog barks.", "a cat"), events=(dog, dog, cat), split="train", twin="b"),
        Clip("b", "b.flac", ("the dog",), negatives=(Negative("x", "order"), Negative("y", "count")), split="train"),
        Clip("c", "gone.wav", ("one two three four five six",), positives=(Positive("x", "event"),), split="test"),
        Clip("d", "a.wav", ("not counted",)),
        Clip("e", "text.wav", ("nothing",), split="test"),
        Clip("f", None, ("nothing",), split="test"),
    ]
    write_manifest(tmp_path / "m.jsonl", clips)
    quarantine.write(tmp_path / "m.jsonl", [quarantine.Entry("d", "a.wav", "duplicate-audio: x")])
    return tmp_path / "m.jsonl"


def test_counts_are_those_by_hand(manifest: Path) -> None:
    contents = count(manifest, num_workers=1)
    assert (contents.num_clips, contents.num_twins) == (5, 1)
    assert contents.without_length == {"missing audio": 1, "unreadable audio": 1, "captions only": 1}
    assert contents.seconds == pytest.approx([1.0, 2.0])
    assert contents.captions_per_clip == {2: 1, 1: 4}
    assert contents.words_per_caption == {3: 1, 2: 2, 6: 1, 1: 2}
    assert contents.words["dog"] == 2
    assert contents.labels == {"dog": 1, "cost $5 $^": 1}
    assert contents.negatives == {"order": 1, "count": 1}
    assert contents.positives == {"event": 1}


def test_the_table(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(manifest)]) == 0
    rows = {line[:18].strip(): line[18:].strip() for line in capsys.readouterr().out.splitlines()}
    assert rows["clips"] == "5"
    assert rows["unreadable audio"] == "1"
    assert rows["train"] == "2 (40.0%)"
    assert rows["hours"] == "0.00"
    assert rows["seconds a clip"] == "1.00 to 2.00, median 1.00"
    assert rows["captions"] == "6"
    assert rows["words a caption"] == "1 to 6, median 2"
    assert rows["negatives"] == "2"
    assert rows["order"] == "1 (50.0%)"
    assert rows["quarantined"].startswith("1, not counted here")


def test_the_picture(manifest: Path) -> None:
    picture = manifest.with_name("deep") / "m.png"
    assert main([str(manifest), "--picture", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    write_manifest(manifest, [Clip("a", None, ())])
    assert main([str(manifest), "--picture", str(picture)]) == 0


def test_errors(manifest: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png.*m\.bmp"):
        main([str(manifest), "--picture", "m.bmp"])
    manifest.write_text("{\n")
    with pytest.raises(ValueError, match=r"m\.jsonl, line 1: not JSON.*verify"):
        main([str(manifest)])
    manifest.write_text("")
    with pytest.raises(ValueError, match="no clip that can be used"):
        main([str(manifest)])


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.25, 1), (0.5, 2), (0.75, 3), (0.76, 10), (1.0, 10)])
def test_quantiles(share: float, value: int) -> None:
    assert quantile(Counter([1, 2, 3, 10]), share) == value
