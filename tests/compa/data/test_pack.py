"""Packing: what is in the shards, who reads them, and what happens when it is stopped."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from filelock import FileLock

from compa.data import verify
from compa.data.shards import pack as packing
from compa.data.shards.folder import PARTS
from compa.data.shards.index import SAMPLE, parse_index, scan_shard
from compa.data.shards.pack import PackSettings, pack
from compa.data.shards.reader import ShardReader
from compa.manifest import Clip, parse_clip, read_manifest, write_manifest
from tests.compa.data.corpus import RATE, write_corpus

SETTINGS = PackSettings(sample_rate=RATE, clips_per_shard=4)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def start_packing(manifest: Path, out: Path, workers: int = 2, options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    words = ["--sample-rate", str(RATE), "--clips-per-shard", "4", "--workers", str(workers), *options]
    command = [sys.executable, "-m", "compa.cli", "data", "pack", str(manifest), "--out", str(out), *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_shards_hold_the_clips_in_order_with_their_sound(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path / "in", 10)
    index, is_new = pack(manifest, tmp_path / "out", SETTINGS)
    assert is_new
    assert [shard.count for shard in index.shards] == [4, 4, 2]
    assert (index.count, index.skipped) == (10, ())
    assert sorted(content(tmp_path / "out")) == [
        "index.json", "samples.npy", "shard-000000.tar", "shard-000001.tar", "shard-000002.tar"
    ]  # fmt: skip
    clips = list(read_manifest(manifest))
    found: list[str] = []
    for shard in index.shards:
        packed = (tmp_path / "out" / shard.name).read_bytes()
        assert (len(packed), hashlib.sha256(packed).hexdigest()) == (shard.bytes, shard.sha256)
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            for member in tar:
                assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
                found.append(member.name)
                file = tar.extractfile(member)
                assert file is not None
                clip = clips[(len(found) - 1) // 2]
                if member.name.endswith(".json"):
                    assert json.loads(file.read()) == json.loads(clip.to_json()) | {"audio": f"{clip.id}.flac"}
                else:
                    sound, rate = soundfile.read(io.BytesIO(file.read()), dtype="int16")
                    original, _ = soundfile.read(manifest.parent / str(clip.audio), dtype="int16")
                    assert rate == RATE
                    np.testing.assert_array_equal(sound, original)
    assert found == [f"{clip.id}.{ending}" for clip in clips for ending in ("flac", "json")]


def test_the_index_says_where_every_sample_lies_and_who_its_twin_is(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path / "in", 10, twins=True)
    index, _ = pack(manifest, tmp_path / "out", SETTINGS)
    samples = np.load(tmp_path / "out" / "samples.npy")
    assert samples.dtype == SAMPLE
    assert samples["twin"].tolist() == [1, 0, 3, 2, 5, 4, 7, 6, 9, 8]
    assert samples["shard"].tolist() == [0] * 4 + [1] * 4 + [2] * 2
    for row, clip in enumerate(read_manifest(manifest)):
        packed = (tmp_path / "out" / index.shards[samples["shard"][row]].name).read_bytes()
        start, size = samples["text_offset"][row], samples["text_bytes"][row]
        assert parse_clip(packed[start : start + size].decode()).captions == clip.captions
        start, size = samples["audio_offset"][row], samples["audio_bytes"][row]
        assert packed[start : start + 4] == b"fLaC"
        assert packed[start + size :].lstrip(b"\0").startswith(f"{clip.id}.json".encode())


@pytest.mark.parametrize("name", ["flac", "wav", "opus"])
def test_bytes_depend_on_nothing_but_manifest_and_settings(tmp_path: Path, name: str) -> None:
    manifest = write_corpus(tmp_path / "in", 6)
    settings = PackSettings(name, 16000, 4)
    one, _ = pack(manifest, tmp_path / "one", settings)
    time.sleep(1.1)  # another second of the clock, from which libraries draw numbers
    two, _ = pack(manifest, tmp_path / "two", settings, num_workers=2)
    assert one == two
    assert content(tmp_path / "one") == content(tmp_path / "two")
    with tarfile.open(tmp_path / "one" / "shard-000000.tar") as tar:
        file = tar.extractfile(f"clip-0.{name}")
        assert file is not None
        sound, rate = soundfile.read(io.BytesIO(file.read()))
    assert (rate, sound.ndim) == (16000, 1)
    spectrum = np.abs(np.fft.rfft(sound, 16000))
    assert abs(int(np.argmax(spectrum)) - 200) <= 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves closing files to Python
def test_webdataset_reads_them_unchanged(tmp_path: Path) -> None:
    import webdataset

    manifest = write_corpus(tmp_path / "in", 6)
    pack(manifest, tmp_path / "out", SETTINGS)
    urls = [str(path) for path in sorted((tmp_path / "out").glob("*.tar"))]
    dataset = webdataset.WebDataset(urls, shardshuffle=False, empty_check=False).decode()
    read = [(sample["__key__"], sample["json"]["captions"][0]) for sample in dataset]
    assert read == [(f"clip-{number}", f"tone {number}") for number in range(6)]


def test_hugging_face_datasets_reads_them_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    manifest = write_corpus(tmp_path / "in", 6)
    pack(manifest, tmp_path / "out", SETTINGS)
    kinds = {"__key__": "string", "json": "string", "flac": "binary"}  # as Audio it would want torchcodec
    stream = datasets.load_dataset(
        "webdataset",
        data_files=str(tmp_path / "out" / "*.tar"),
        split="train",
        streaming=True,
        features=datasets.Features({name: datasets.Value(kind) for name, kind in kinds.items()}),
    )
    read = list(stream)
    assert [sample["__key__"] for sample in read] == [f"clip-{number}" for number in range(6)]
    for number, sample in enumerate(read):
        assert f"a tone of number {number}" in sample["json"]
        sound, rate = soundfile.read(io.BytesIO(sample["flac"]))
        assert (rate, len(sound)) == (RATE, 1600)


def test_bad_and_quarantined_clips_are_left_out_and_listed(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    good = list(read_manifest(write_corpus(folder, 3)))
    (folder / "text.wav").write_text("not sound")
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "silent.wav", np.zeros(800), RATE)
    soundfile.write(folder / "nothing.wav", np.zeros(0), RATE)
    bad = [Clip(name, f"{name}.wav", ("x",)) for name in ("text", "empty", "silent", "nothing", "gone")]
    bad += [Clip("wordless", "0.wav", ()), Clip("soundless", None, ("x",))]
    write_manifest(folder / "manifest.jsonl", [bad[0], good[0], *bad[1:], good[1], good[2]])
    (folder / "manifest.quarantine.jsonl").write_text('{"id": "clip-2", "file": "2.wav", "reason": "clipped"}\n')
    index, _ = pack(folder / "manifest.jsonl", tmp_path / "out", SETTINGS)
    assert index.count == 2
    assert {clip.id: clip.reason.split(" (")[0] for clip in index.skipped} == {
        "text": "cannot be decoded as sound",
        "empty": "cannot be decoded as sound",
        "silent": "the sound is silent",
        "nothing": "holds no samples",
        "gone": "the audio file is missing",
        "wordless": "no caption",
        "soundless": "the manifest names no audio file",
        "clip-2": "quarantined: clipped",
    }
    assert {clip.id: clip.file for clip in index.skipped}["gone"] == "gone.wav"
    assert str(tmp_path) not in (tmp_path / "out" / "index.json").read_text()
    assert [shard.name for shard in index.shards] == ["shard-000000.tar", "shard-000002.tar"]


@pytest.mark.parametrize("workers", [1, 2])
def test_cancelling_channels_are_packed_as_one_and_noted_and_short_clips_left_out(tmp_path: Path, workers: int) -> None:
    manifest = write_corpus(tmp_path / "in", 6)
    sound, _ = soundfile.read(manifest.parent / "2.wav", dtype="float32")
    soundfile.write(manifest.parent / "2.wav", np.stack([0.8 * sound, -sound], axis=1), RATE)
    soundfile.write(manifest.parent / "3.wav", sound[:1], RATE)
    soundfile.write(manifest.parent / "4.wav", sound[: RATE // 10 - 1], RATE)
    soundfile.write(manifest.parent / "5.wav", sound[: RATE // 10], RATE)
    index, _ = pack(manifest, tmp_path / "out", SETTINGS, workers)
    assert [(note.id, note.reason.split(" (")[0]) for note in index.skipped] == [
        ("clip-3", "is too short"),
        ("clip-4", "is too short"),
    ]
    [note] = index.noted
    assert (note.id, note.file) == ("clip-2", "2.wav")
    assert note.reason.endswith("cancel each other in 100% of its energy; channel 2 is used alone")
    packed, _ = soundfile.read(io.BytesIO(ShardReader(tmp_path / "out").read(2)[1]), dtype="float32")
    np.testing.assert_allclose(packed, -sound, atol=1e-4)
    assert parse_index((tmp_path / "out" / "index.json").read_text(), "index.json") == index


def broken_manifest(folder: Path) -> Path:
    """Ten lines: clips 0 to 5, of which 2 stands twice, a broken line, a blank one, and one that is too long."""
    manifest = write_corpus(folder, 6)
    lines = manifest.read_bytes().splitlines()
    lines = [*lines[:3], b'{"id": "x"', b"", lines[2], lines[3], b"x" * (2**24 + 1), *lines[4:]]
    manifest.write_bytes(b"\n".join(lines) + b"\n")
    return manifest


@pytest.mark.parametrize("workers", [1, 2])
def test_lines_that_are_no_clips_and_double_ids_are_left_out_once_they_are_quarantined(
    tmp_path: Path, workers: int
) -> None:
    manifest = broken_manifest(tmp_path / "in")
    with pytest.raises(ValueError, match=r"manifest\.jsonl, line 4: not JSON.*`compa data verify` put it into quarant"):
        pack(manifest, tmp_path / "out", SETTINGS)
    assert not (tmp_path / "out").exists()
    assert verify.main([str(manifest), "--workers", "1"]) == 1
    index, _ = pack(manifest, tmp_path / "out", SETTINGS, workers)
    found = [(shard.name, shard.count) for shard in index.shards]
    assert found == [("shard-000000.tar", 2), ("shard-000001.tar", 2), ("shard-000002.tar", 1)]
    assert [(clip.id, clip.file, clip.reason.split(": ")[1]) for clip in index.skipped] == [
        ("clip-2", "2.wav", "duplicate-id"),
        (None, "manifest.jsonl, line 4", "bad-line"),
        ("clip-2", "2.wav", "duplicate-id"),
        (None, "manifest.jsonl, line 8", "bad-line"),
    ]
    reader = ShardReader(tmp_path / "out")
    assert [reader.read_clip(row).id for row in range(5)] == [f"clip-{number}" for number in (0, 1, 3, 4, 5)]


def test_a_twin_that_was_left_out_leaves_a_single_clip(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path / "in", 6, twins=True)
    (tmp_path / "in" / "2.wav").unlink()
    pack(manifest, tmp_path / "out", SETTINGS)
    assert np.load(tmp_path / "out" / "samples.npy")["twin"].tolist() == [1, 0, -1, 4, 3]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ['{"id": "a", "audio": "0.wav", "captions": ["x"]}'] * 2,
            "line 2: ids must be unique, .*'a'.* line 1.*`compa data verify`",
        ),
        (['{"id": "a"'], "line 1: not JSON"),
        (['{"id": "a", "audio": "0.wav", "captoins": ["x"]}'], "did you mean 'captions'"),
        ([], "holds no clips"),
        (['{"id": "a", "audio": "gone.wav", "captions": ["x"]}'], "none of 1 clips can be used"),
    ],
)
def test_bad_manifests_are_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines))
    with pytest.raises(ValueError, match=message):
        pack(tmp_path / "manifest.jsonl", tmp_path / "out", SETTINGS)


def test_packing_again_does_nothing_and_other_content_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = write_corpus(tmp_path / "in", 5)
    arguments = [str(manifest), "--out", str(tmp_path / "out"), "--sample-rate", str(RATE), "--workers", "1"]
    assert packing.main(arguments) == 0
    before = content(tmp_path / "out")
    capsys.readouterr()
    assert packing.main(arguments) == 0
    assert "is packed already" in capsys.readouterr().err
    for changed in ([*arguments, "--format", "wav"], [*arguments, "--clips-per-shard", "2"]):
        with pytest.raises(ValueError, match="other clips or settings"):
            packing.main(changed)
    with manifest.open("a") as file:
        file.write('{"id": "more", "audio": "0.wav", "captions": ["x"]}\n')
    with pytest.raises(ValueError, match="other clips or settings"):
        packing.main(arguments)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="not shards of compa"):
        pack(manifest, tmp_path / "thesis", SETTINGS)
    assert content(tmp_path / "out") == before
    assert content(tmp_path / "thesis") == {"thesis.tex": b"years of work"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [(("mp3", 8000, 1), "flac, wav, opus; got"), (("opus", 44100, 1), "one of 8000"),
     (("flac", 0, 1), "from 1 to 655350"), (("flac", 8000, 0), "at least 1; got 0")],
)  # fmt: skip
def test_impossible_settings_are_refused(settings: tuple[str, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PackSettings(*settings)


def test_two_packs_into_one_folder_are_kept_apart(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path / "in", 5)
    (tmp_path / "out" / PARTS).mkdir(parents=True)
    with (
        FileLock(tmp_path / "out" / PARTS / "lock"),
        pytest.raises(ValueError, match="another process writes into"),
    ):
        pack(manifest, tmp_path / "out", SETTINGS)
    assert pack(manifest, tmp_path / "out", SETTINGS)[1]


def test_a_full_disk_is_told_and_packing_goes_on_later(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writing fails in the same way."""
    manifest = write_corpus(tmp_path / "in", 12)
    expected = pack(manifest, tmp_path / "whole", SETTINGS)[0]
    limit = max(shard.bytes for shard in expected.shards) - 1
    code = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, -1)); "
        "from compa.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["--sample-rate", str(RATE), "--clips-per-shard", "4", "--workers", "2"]
    command = [sys.executable, "-c", code, "data", "pack", str(manifest), "--out", str(tmp_path / "out"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is full" in done.stderr
    assert not list((tmp_path / "out").glob("*.partial"))
    assert pack(manifest, tmp_path / "out", SETTINGS)[0] == expected
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_on_a_disk_that_is_really_full_packing_goes_on_when_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path / "in", 200)
    pack(manifest, tmp_path / "whole", SETTINGS)
    assert sum(map(len, content(tmp_path / "whole").values())) > 256 * 1024
    process = start_packing(manifest, small_disk / "out")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "there is no room for more in" in errors
    assert "run the same command again" in errors
    packed = list((small_disk / "out").glob("*.tar"))
    assert packed
    assert not list((small_disk / "out").glob("*.partial"))
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    kept = {path: path.stat().st_mtime_ns for path in packed}
    process = start_packing(manifest, small_disk / "out")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert {path: path.stat().st_mtime_ns for path in packed} == kept
    assert content(small_disk / "out") == content(tmp_path / "whole")


def test_ray_packs_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    manifest = write_corpus(tmp_path / "in", 12)
    pack(manifest, tmp_path / "whole", SETTINGS)
    process = start_packing(manifest, tmp_path / "out", options=("--engine", "ray"))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert errors.startswith(f"{tmp_path / 'out'} holds 12 clips in 3 shards")  # and Ray itself says nothing
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_ray_cluster_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    manifest = write_corpus(tmp_path / "in", 3)
    with pytest.raises(ValueError, match=r"no Ray cluster answers at RAY_ADDRESS 127\.0\.0\.1:1 .*unset it"):
        pack(manifest, tmp_path / "out", SETTINGS, engine="ray")


def test_without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    manifest = write_corpus(tmp_path / "in", 3)
    with pytest.raises(ValueError, match=r"this engine needs Ray: pip install 'compa\[ray\]'"):
        pack(manifest, tmp_path / "out", SETTINGS, engine="ray")


def kill_and_resume(manifest: Path, out: Path, chance: random.Random, moments: int) -> int:
    """Kills packing at random moments between two shards, then lets it finish; gives how often it was not done yet."""
    killed = 0
    for moment in range(moments):
        before = len(list(out.glob("*.tar")))
        process = start_packing(manifest, out)
        while len(list(out.glob("*.tar"))) <= before + moment and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.03))
        os.kill(process.pid, signal.SIGKILL)  # the parent alone: workers have to notice
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    process = start_packing(manifest, out)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return killed


def processes_of_session(session: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def test_killed_at_random_moments_and_resumed_the_shards_are_the_same(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path / "in", 200)
    pack(manifest, tmp_path / "whole", SETTINGS)
    assert kill_and_resume(manifest, tmp_path / "out", random.Random(0), moments=4) >= 2
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@pytest.mark.slow
def test_killed_at_fifty_random_moments(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path / "in", 400)
    pack(manifest, tmp_path / "whole", SETTINGS)
    killed, chance = 0, random.Random(1)
    while killed < 50:
        out = tmp_path / f"after-{killed}"
        killed += kill_and_resume(manifest, out, chance, moments=6)
        assert content(out) == content(tmp_path / "whole")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found by /proc")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path / "in", 400, seconds=1.0)
    process = start_packing(manifest, tmp_path / "out")
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out").glob("*.tar")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(processes_of_session(process.pid)) >= 3
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    while processes_of_session(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes_of_session(process.pid)


def tar_of(path: Path, *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            member.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
            tar.addfile(member, io.BytesIO(data))
    return path


def text_of(name: str) -> bytes:
    return Clip(name, "a.flac", ("x",)).to_json().encode()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("../a.flac", b"x"), ("../a.json", text_of("a"))], "leads to another folder"),
        ([("/a.flac", b"x"), ("/a.json", text_of("a"))], "leads to another folder"),
        ([("b/a.flac", b"x"), ("b/a.json", text_of("a"))], "leads to another folder"),
        ([("..", b"x"), ("a.json", text_of("a"))], "leads to another folder"),
        ([("a.flac", b"x"), ("a.json", text_of("a"))] * 2, "'a' occurs twice"),
        ([("a.flac", b"x"), ("a.json", text_of("b"))], "names must agree"),
        ([("a.flac", b"x"), ("b.json", text_of("b"))], "are not a sample"),
        ([("a.json", text_of("a")), ("a.flac", b"x")], "are not a sample"),
        ([("a.flac", b"x")], "is alone"),
        ([("a.flac", b"x"), ("a.json", b'{"id": "a"')], r"a\.json: not JSON"),
        ([("a.flac", b"x"), ("a.json", b"\xff\xfe")], r"a\.json: 'utf-8' codec"),
    ],
)
def test_tars_that_are_no_shards_are_refused(tmp_path: Path, members: list[tuple[str, bytes]], message: str) -> None:
    path = tar_of(tmp_path / "bad.tar", *members)
    with path.open("rb") as file, pytest.raises(ValueError, match=rf"bad\.tar: .*{message}"):
        scan_shard(file, "bad.tar")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_folders_and_devices_in_tars_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tar_of(tmp_path / "bad.tar", ("a.flac", b""), ("a.json", b""), kind=kind)
    with path.open("rb") as file, pytest.raises(ValueError, match="not a plain file"):
        scan_shard(file, "bad.tar")


def test_cut_tars_are_refused(tmp_path: Path) -> None:
    whole = tar_of(tmp_path / "whole.tar", ("a.flac", b"x" * 2000), ("a.json", text_of("a"))).read_bytes()
    for size in (0, 100, 700, 1500, 3000, 3100):
        with pytest.raises(ValueError, match="cut"):
            scan_shard(io.BytesIO(whole[:size]), "cut.tar")


def test_damaged_indexes_are_refused(tmp_path: Path) -> None:
    pack(write_corpus(tmp_path / "in", 3), tmp_path / "out", SETTINGS)
    text = (tmp_path / "out" / "index.json").read_text()
    for damaged in (text[:-40], "[]", text.replace('"count": 3,\n   "bytes"', '"count": 2,\n   "bytes"')):
        assert damaged != text
        with pytest.raises(ValueError, match=r"index\.json"):
            parse_index(damaged, "index.json")
    with pytest.raises(ValueError, match="99"):
        parse_index(text.replace('"version": 1', '"version": 99'), "index.json")


def test_a_manifest_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no manifest .*nope.jsonl: write one with `compa data import`"):
        pack(tmp_path / "nope.jsonl", tmp_path / "out", SETTINGS)


@pytest.mark.parametrize("size", [None, 1000])
def test_a_finished_folder_that_lost_something_is_not_called_finished(size: int | None, tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path, 6)
    settings = PackSettings(sample_rate=RATE, clips_per_shard=3)
    pack(manifest, tmp_path / "out", settings)
    tar = tmp_path / "out" / "shard-000001.tar"
    if size is None:
        tar.unlink()
    else:
        tar.write_bytes(tar.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"shard-000001.tar is missing or was cut: delete .*out and run"):
        pack(manifest, tmp_path / "out", settings)
