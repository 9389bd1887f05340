"""Bad input of some seventy kinds: each is named with its reason, the rest goes on, and memory is bounded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from compa.audio.decode import read_audio
from compa.data import quarantine
from compa.data.quarantine import Entry
from compa.data.shards.pack import PackSettings, pack
from compa.data.shards.reader import ShardReader
from compa.manifest import scan_manifest
from compa.utils.text_rows import RowError
from tests.compa.data.bad_files import BAD_LINES, BAD_SOUNDS, GOOD_SOUNDS, build_corpus

Corpus = tuple[Path, dict[str, str], set[str]]
MEMORY_LIMIT = 3 * 2**30
"""Address space that a process may have here, in bytes: the 10 hours of a header alone would take 6.9 GB."""


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file below a folder."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return build_corpus(tmp_path_factory.mktemp("bad") / "deep" / "corpus")


@pytest.fixture(scope="module")
def verified(corpus: Corpus) -> subprocess.CompletedProcess[str]:
    manifest, _, _ = corpus
    outside = manifest.parents[2]
    before = snapshot(outside)
    program = f"""if True:
        import resource, sys
        resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_LIMIT}, {MEMORY_LIMIT}))
        from compa.cli import main
        sys.exit(main(sys.argv[1:]))
    """
    words = ["data", "verify", str(manifest), "--max-seconds", "20", "--workers", "2"]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    after = snapshot(outside)
    new = {name for name in after if after[name] != before.get(name)}
    assert new == {"deep/corpus/manifest.quarantine.jsonl"}
    return done


def entries(manifest: Path) -> list[Entry]:
    return [Entry(**json.loads(line)) for line in quarantine.list_path(manifest).read_text("utf-8").splitlines()]


def test_there_are_enough_kinds(corpus: Corpus) -> None:
    assert len(corpus[1]) + len(BAD_LINES) >= 60


def test_verify_says_so(verified: subprocess.CompletedProcess[str]) -> None:
    assert verified.returncode == 1
    assert "Traceback" not in verified.stderr
    assert "coverage: " in verified.stdout
    assert f"clips and {len(BAD_LINES)} lines that are not clips, listed in " in verified.stdout


@pytest.mark.usefixtures("verified")
def test_every_bad_clip_is_listed_with_its_reason(
    corpus: Corpus,
) -> None:
    manifest, expected, good = corpus
    found = {entry.id: entry for entry in entries(manifest) if entry.id is not None}
    kinds = {name: entry.reason.split(":")[0] for name, entry in found.items()}
    assert kinds == expected
    assert not good & set(found)
    assert all(len(kinds[name]) + 5 < len(entry.reason) < 300 for name, entry in found.items())
    assert all(entry.file == f"{name}.{BAD_SOUNDS[name][0]}" for name, entry in found.items() if name in BAD_SOUNDS)


@pytest.mark.usefixtures("verified")
def test_every_bad_line_is_listed_with_its_number(
    corpus: Corpus,
) -> None:
    manifest, _, _ = corpus
    first = len(manifest.read_bytes().split(b"\n")) - len(BAD_LINES)
    listed = [entry for entry in entries(manifest) if entry.id is None]
    assert [entry.file for entry in listed] == [f"manifest.jsonl, line {first + i}" for i in range(len(BAD_LINES))]
    assert all(entry.reason.startswith("bad-line: ") and len(entry.reason) < 400 for entry in listed)


@pytest.mark.usefixtures("verified")
def test_what_is_left_can_be_used(
    corpus: Corpus,
) -> None:
    manifest, _, good = corpus
    assert {clip.id for clip in quarantine.usable_clips(manifest)} == good
    for name in good:
        assert len(read_audio(manifest.parent / f"{name}.{GOOD_SOUNDS[name][0]}", 16000)) > 0


@pytest.mark.usefixtures("verified")
def test_what_is_left_is_packed_and_all_else_is_listed(corpus: Corpus, tmp_path: Path) -> None:
    manifest, expected, good = corpus
    before = snapshot(manifest.parents[2])
    index, _ = pack(manifest, tmp_path / "shards", PackSettings(clips_per_shard=5))
    assert snapshot(manifest.parents[2]) == before
    reader = ShardReader(tmp_path / "shards")
    assert {reader.read_clip(row).id for row in range(len(reader))} == good
    left_out = {clip.id: clip.reason for clip in index.skipped if clip.id is not None}
    assert {name: reason.split(": ")[1] for name, reason in left_out.items()} == expected
    assert sum(clip.id is None for clip in index.skipped) == len(BAD_LINES)


def test_packing_leaves_out_by_itself_what_it_cannot_decode(corpus: Corpus, tmp_path: Path) -> None:
    """Without a quarantine list; what is only too long, doubled or nearly silent is left to verify."""
    manifest, expected, _ = corpus
    lines = [line for line in manifest.read_bytes().splitlines() if line not in BAD_LINES.values()]
    folder = tmp_path / "corpus"
    folder.symlink_to(manifest.parent)
    (tmp_path / "m.jsonl").write_bytes(b"\n".join(lines).replace(b'"audio": "', b'"audio": "corpus/'))
    index, _ = pack(tmp_path / "m.jsonl", tmp_path / "shards", PackSettings())
    skipped = {clip.id: clip.reason for clip in index.skipped}
    fine = {name for name, kind in expected.items() if kind in ("too-long", "duplicate-audio")}
    assert set(skipped) == set(expected) - fine - {"constant", "opposite-channels"}
    assert all(5 < len(reason) < 300 and "\n" not in reason for reason in skipped.values())
    assert index.count == len(lines) - len(skipped)
    [note] = index.noted
    assert note.id == "opposite-channels"
    assert "channel 1 is used alone" in note.reason


MEASURED = """if True:
    import resource, sys
    from compa.cli import main
    main(["data", "verify", sys.argv[1], "--workers", "1"])
    assert main(["data", "pack", sys.argv[1], "--out", sys.argv[2], "--workers", "1"]) == 0
    print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""


def peak_megabytes(folder: Path, *lines: bytes, num_zeros: int = 0) -> float:
    """Peak memory of verifying and packing a manifest of a good clip, further lines, and one of zeros."""
    (folder / "good.wav").write_bytes(GOOD_SOUNDS["plain"][1]())
    good = b'{"id": "good", "audio": "good.wav", "captions": ["good"]}'
    with (folder / "m.jsonl").open("wb") as file:  # this process stays small: a child's peak begins with its parent's
        file.write(b"\n".join([*lines, good, b""]))
        file.truncate(file.tell() + num_zeros)
    command = [sys.executable, "-c", MEASURED, str(folder / "m.jsonl"), str(folder / "shards")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1]) / 1024  # Linux counts in KiB


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_neither_a_huge_line_nor_a_header_of_ten_hours_fills_the_memory(tmp_path: Path) -> None:
    for name in ("plain", "huge"):
        (tmp_path / name).mkdir()
    usual = peak_megabytes(tmp_path / "plain")
    names = ("wav-of-ten-hours", "flac-of-ten-hours")
    for name in names:
        (tmp_path / "huge" / name).write_bytes(BAD_SOUNDS[name][1]())
    headers = [b'{"id": "%b", "audio": "%b", "captions": ["x"]}' % ((name.encode(),) * 2) for name in names]
    huge = peak_megabytes(tmp_path / "huge", *headers, num_zeros=500_000_000)
    assert usual > 20
    assert huge < usual + 100  # the line has 500 MB, ten hours of 16 kHz have 2,300 MB


@pytest.mark.parametrize("name", [name for name, (_, _, kind) in BAD_SOUNDS.items() if kind in ("unreadable", "empty")])
def test_reading_names_the_file(name: str, tmp_path: Path) -> None:
    suffix, content, _ = BAD_SOUNDS[name]
    path = tmp_path / f"{name}.{suffix}"
    path.write_bytes(content())
    with pytest.raises(ValueError, match=name) as error:
        read_audio(path, 16000)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_does_not_stop_the_next(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(BAD_LINES[name] + b'\n{"id": "good", "audio": null, "captions": ["x"]}\n')
    bad, good = scan_manifest(path)
    assert isinstance(bad, RowError)
    assert bad.where == f"{path}, line 1"
    assert not isinstance(good, RowError)
    assert good.id == "good"
