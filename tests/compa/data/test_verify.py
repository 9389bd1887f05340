"""What verify finds between clips, what it lists, and what it answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from compa.data import quarantine
from compa.data.verify import main, verify
from compa.manifest import Clip, write_manifest
from tests.compa.scenes.sound_files import beep, write


def manifest_of(folder: Path, *clips: Clip) -> Path:
    """A manifest; a sound file is written for each clip that has none, its content depending on the name."""
    for clip in clips:
        if clip.audio and not (folder / clip.audio).exists():
            write(folder / clip.audio)
    write_manifest(folder / "m.jsonl", clips)
    return folder / "m.jsonl"


def clip(name: str, audio: str | None = None, caption: str | None = None, **more: str) -> Clip:
    captions = (f"the sound of {name}" if caption is None else caption,)
    return Clip(name, audio or f"{name}.wav", captions, split=more.get("split"), source=more.get("source"))


def kinds(manifest: Path, max_seconds: float | None = None) -> set[tuple[str, str | None]]:
    return {(issue.type, issue.id) for issue in verify(manifest, 0.1, max_seconds).issues}


def test_a_clean_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = manifest_of(tmp_path, clip("a"), clip("b"))
    quarantine.write(manifest, [quarantine.Entry("a", "a.wav", "missing: no such file")])
    assert main([str(manifest)]) == 0
    assert not quarantine.list_path(manifest).exists()
    printed = capsys.readouterr()
    assert "coverage: 2 of 2 clips (100.0%) can be decoded" in printed.out
    assert "clean" in printed.out


def test_a_manifest_with_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = manifest_of(tmp_path, clip("a"), clip("b"), clip("c", caption=" "))
    (tmp_path / "b.wav").unlink()
    assert main([str(manifest)]) == 1
    assert quarantine.read(manifest) == {"b": "missing: no such file", "c": "no-caption: an empty caption"}
    assert [usable.id for usable in quarantine.usable_clips(manifest)] == ["a"]
    printed = capsys.readouterr()
    assert "b.wav: missing: no such file" in printed.err
    assert f"quarantined: 2 of 3 clips, listed in {quarantine.list_path(manifest)}" in printed.out
    assert main([str(manifest), "--allow", "missing,no-caption"]) == 0


def test_ids_that_stand_twice(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, clip("a"), clip("a", "other.wav"), clip("b"))
    assert kinds(manifest) == {("duplicate-id", "a"), ("duplicate-caption", None)}
    main([str(manifest)])
    assert list(quarantine.read(manifest)) == ["a"]


def test_the_same_sound_in_two_formats(tmp_path: Path) -> None:
    for name in ("a.wav", "b.flac"):
        soundfile.write(tmp_path / name, (32767 * beep()).astype(np.int16), 16000)
    soundfile.write(tmp_path / "c.wav", beep(), 8000)
    manifest = manifest_of(tmp_path, clip("a", "a.wav"), clip("b", "b.flac"), clip("c", "c.wav"))
    assert kinds(manifest) == {("duplicate-audio", "b")}
    main([str(manifest)])
    assert quarantine.read(manifest) == {"b": "duplicate-audio: sounds exactly as a (a.wav)"}


def test_leaks_are_mended_in_the_training_set(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", beep())
    write(tmp_path / "b.wav", beep())
    manifest = manifest_of(
        tmp_path,
        clip("a", split="train"),
        clip("b", split="test"),
        clip("c", split="train", source="s"),
        clip("d", split="val", source="s"),
        clip("e", split="train", source="t"),
        clip("f", split="train", source="t"),
        clip("g", source="s"),
    )
    assert kinds(manifest) == {("leak", "a"), ("leak", "c")}


def test_channels_that_cancel_are_listed_unless_allowed(tmp_path: Path) -> None:
    sound = beep()
    for name, gain in (("a", -1.0), ("b", -0.8), ("c", 1.0)):
        write(tmp_path / f"{name}.wav", np.stack([sound, gain * sound], axis=1).astype(np.float32))
    manifest = manifest_of(tmp_path, clip("a", caption="x"), clip("b", caption="y"), clip("c", caption="z"))
    assert kinds(manifest) == {("channels-cancel", "a"), ("channels-cancel", "b")}
    assert main([str(manifest)]) == 1
    assert "cancel each other in 100%" in quarantine.read(manifest)["a"]
    assert main([str(manifest), "--allow", "channels-cancel"]) == 0


def test_groups_that_are_trained_on_and_held_out(tmp_path: Path) -> None:
    clips = [clip("a", split="train"), clip("b", split="test"), clip("c", split="test")]
    groups = ("band", "band", "other band")
    manifest = manifest_of(tmp_path, *(replace(one, group=group) for one, group in zip(clips, groups, strict=True)))
    assert kinds(manifest) == {("leak", "a")}


def test_lengths(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", beep(0.05))
    write(tmp_path / "b.wav", beep(3.0))
    manifest = manifest_of(tmp_path, clip("a"), clip("b"))
    assert kinds(manifest) == {("too-short", "a")}
    assert kinds(manifest, max_seconds=2.0) == {("too-short", "a"), ("too-long", "b")}
    report = verify(manifest)
    assert report.seconds == pytest.approx(3.05)


def test_clipping_and_common_captions_are_only_noted(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", (8 * beep()).clip(-1, 1), 16000)
    manifest = manifest_of(tmp_path, clip("a", caption="A dog"), clip("b", caption="a  DOG"))
    assert kinds(manifest) == {("clipped", "a"), ("duplicate-caption", None)}
    assert main([str(manifest)]) == 0


def test_an_empty_manifest(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text("\n")
    with pytest.raises(ValueError, match=r"m\.jsonl is empty"):
        main([str(tmp_path / "m.jsonl")])


@pytest.mark.parametrize("words", [["--min-seconds", "-1"], ["--max-seconds", "nan"], ["--workers", "0"]])
def test_wrong_options(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "m.jsonl"), *words])
    assert words[0] in capsys.readouterr().err


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    clips = [clip(f"c{number}") for number in range(40)]
    manifest = manifest_of(tmp_path, *clips)
    for number in (3, 17, 39):
        (tmp_path / f"c{number}.wav").write_bytes(b"broken")
    assert verify(manifest) == verify(manifest, num_workers=3)


def test_a_damaged_list_is_an_error(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, clip("a"))
    quarantine.list_path(manifest).write_text('{"id": "a"}\n')
    with pytest.raises(ValueError, match=r"m\.quarantine\.jsonl, line 1: no entry.*verify the manifest again"):
        quarantine.read(manifest)


def test_names_with_strange_letters_survive(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, Clip("\u00e4", "line\u2028break.wav", ("x",)))
    (tmp_path / "line\u2028break.wav").unlink()
    main([str(manifest)])
    assert quarantine.read(manifest) == {"\u00e4": "missing: no such file"}
