"""`compa scenes render`: shards as DESIGN has them, the same to the byte however they were made."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from compa.cli import main
from compa.data.examples import ExampleConfig
from compa.data.shards.index import INDEX
from compa.data.shards.reader import ShardReader
from compa.data.shards.render import Rendering, render
from compa.data.stream import PackedBatches
from compa.scenes.banks.open import open_bank
from compa.scenes.claims import Truth, parse
from compa.scenes.composition.settings import Settings
from compa.scenes.holdout import held_out_pairs
from tests.compa.scenes.sound_files import write_csv

SHORT = Settings(seconds=4.0, attributes=("loudness",))


def rendering(folder: Path, num: int = 48, seed: int = 3, settings: Settings = SHORT) -> Rendering:
    return Rendering(str(folder), num, seed, settings, sample_rate=8000, clips_per_shard=12)


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def rendered(wide_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rendered") / "shards"
    render(rendering(wide_folder), out)
    return out


@pytest.fixture(scope="module")
def wide_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten labels, so that many may be combined."""
    import soundfile

    folder = tmp_path_factory.mktemp("wide")
    rng = np.random.default_rng(0)
    for label in range(10):
        (folder / f"sound_{label}").mkdir()
        for take in range(4):
            time = np.arange(3 * 8000) / 8000
            tone = np.sin(2 * np.pi * 120 * 1.35**label * rng.uniform(0.95, 1.05) * time)
            soundfile.write(
                folder / f"sound_{label}" / f"{take}.wav", 0.3 * tone + rng.normal(0, 0.05, len(time)), 8000
            )
    return folder


def test_every_clip_has_all_that_the_manifest_asks_for(rendered: Path, wide_folder: Path) -> None:
    reader = ShardReader(str(rendered))
    assert [shard.count for shard in reader.index.shards] == [12, 12, 12, 12]
    clips = {clip.id: clip for clip in map(reader.read_clip, range(len(reader)))}
    assert len(clips) == reader.index.count == 48
    forbidden = held_out_pairs(open_bank(wide_folder, 8000).labels)
    levels: Counter[str] = Counter()
    for clip in clips.values():
        assert clip.twin is not None
        twin = clips[clip.twin]
        assert twin.twin == clip.id
        assert clip.captions
        assert clip.negatives
        assert clip.positives
        claim = parse(clip.claims[0] or "")
        assert claim.judge(clip.events) is Truth.TRUE
        assert claim.judge(twin.events) is Truth.FALSE
        assert twin.claims[0] in [negative.claim for negative in clip.negatives]
        assert all(parse(negative.claim or "").judge(clip.events) is Truth.FALSE for negative in clip.negatives)
        assert all(parse(positive.claim or "").judge(clip.events) is Truth.TRUE for positive in clip.positives)
        labels = sorted({event.label for event in clip.events})
        assert not forbidden & {(a, b) for a in labels for b in labels}
        levels.update(positive.level for positive in clip.positives)
    assert set(levels) == {"paraphrase", "sub-scene", "event", "attribute"}
    twins = reader.samples["twin"]
    assert all(twins[twins[row]] == row != twins[row] for row in range(len(reader)))


def test_sounds_are_as_long_and_as_loud_as_their_twins(rendered: Path) -> None:
    batches = PackedBatches(
        [ShardReader(str(rendered))], 12, ExampleConfig(8000, 10.0, num_negatives=2, num_positives=2), seed=0
    )
    batch = batches[0]
    names = {example.id for example in batch.examples}
    assert all(example.twin in names for example in batch.examples)  # twins stay in one batch
    level = batch.waveforms.square().mean(dim=1).sqrt()
    assert set(batch.lengths.tolist()) == {4 * 8000}
    of = dict(zip([example.id for example in batch.examples], level.tolist(), strict=True))
    for example in batch.examples:
        assert of[example.id] == pytest.approx(of[example.twin or ""], rel=1e-3)


def test_bytes_depend_on_the_seed_and_not_on_the_number_of_processes(
    rendered: Path, wide_folder: Path, tmp_path: Path
) -> None:
    render(rendering(wide_folder), tmp_path / "again", num_workers=3)
    assert digest(tmp_path / "again") == digest(rendered)
    assert render(rendering(wide_folder), tmp_path / "again") == (ShardReader(str(rendered)).index, False)
    render(rendering(wide_folder, num=24, seed=4), tmp_path / "other")
    assert not set(digest(tmp_path / "other").values()) & set(digest(rendered).values())


def test_a_killed_rendering_goes_on(rendered: Path, wide_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    code = (
        "from pathlib import Path; from tests.compa.data.test_render import *; "
        f"render(rendering(Path({str(wide_folder)!r})), Path({str(out)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    while process.poll() is None and not (out / ".parts" / "shard-000000.json").exists():
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / INDEX).exists() or process.returncode == 0
    before = (out / "shard-000000.tar").stat().st_mtime_ns
    render(rendering(wide_folder), out)
    assert (out / "shard-000000.tar").stat().st_mtime_ns == before
    assert digest(out) == digest(rendered)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--num", "7"], "--num must be an even number, as clips come with their twins; got 7; use 8"),
        (["--num", "0"], "--num must be an even number, as clips come with their twins; got 0; use 2"),
        (["--num", "8", "--clips-per-shard", "3"], "--clips-per-shard must be an even number"),
        (
            ["--num", "8", "--attributes", "colour"],
            "attribute must be one of distance, duration, loudness, pitch, rate; got 'colour'",
        ),
        (["--num", "8", "--kinds", "order,size"], "got 'size'"),
        (["--num", "8", "--kinds", "oder"], "did you mean 'order'?"),
        (["--num", "8", "--kinds", ""], "--kinds: must name one or more of order"),
        (["--num", "8", "--max-events", "7"], "--max-events must be from 1 to 6; got 7"),
        (["--num", "8", "--positives", "0"], "--positives must be from 1 to 99; got 0"),
        (["--num", "8", "--seconds", "0.5"], "--seconds must be from 2 to 60; got 0.5"),
        (["--num", "8", "--seed", "-1"], "at least 0; got '-1'"),
        (["--num", "8", "--background", "20", "10"], "--background must be two numbers of dB"),
    ],
)
def test_impossible_wishes_are_wrong_usage(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenes", "render", "--out", str(tmp_path / "out"), *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--events", "nowhere"], "there is no nowhere"),
        (["--out", "/proc/nowhere"], "/proc/nowhere cannot be made (No such file or directory): choose another --out"),
    ],
)
def test_what_is_not_there_gets_one_sentence(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenes", "render", "--num", "8", "--out", str(tmp_path / "out"), *words]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len([line for line in error.splitlines() if not line.startswith("reading")]) == 1
    assert not (tmp_path / "out").exists()


def test_processes_that_read_recordings_leave_nothing_behind(wide_folder: Path, tmp_path: Path) -> None:
    words = f"--out {tmp_path / 's'} --num 8 --clips-per-shard 4 --workers 2 --sample-rate 8000".split()
    options = ["--events", str(wide_folder), *words, "--attributes", ""]
    command = [sys.executable, "-m", "compa.cli", "scenes", "render", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert "8 clips in 2 shards" in done.stderr
    assert "leaked" not in done.stderr


def test_shards_of_other_settings_are_kept(rendered: Path, wide_folder: Path) -> None:
    before = digest(rendered)
    with pytest.raises(ValueError, match="other clips or settings"):
        render(rendering(wide_folder, seed=9), rendered)
    assert digest(rendered) == before


def test_speakers_are_bound_by_a_second_label_column(tmp_path: Path) -> None:
    rows = ["file,label,speaker,split"]
    import soundfile

    rng = np.random.default_rng(0)
    for speaker, word, take in (
        (s, w, t) for s in ("Anna", "Ben", "Carl") for w in ("one", "two", "three") for t in range(2)
    ):
        name = f"{speaker}-{word}-{take}.wav"
        soundfile.write(tmp_path / name, 0.3 * rng.normal(size=6000).clip(-3, 3) / 3, 8000)
        rows.append(f"{name},{word},{speaker},{'test' if take else 'train'}")
    csv = write_csv(tmp_path / "words.csv", "\n".join(rows))
    settings = Settings(seconds=4.0, max_events=2, attributes=(), kinds=("binding", "replacement", "order"))
    render(Rendering(str(csv), 40, 0, settings, sample_rate=8000), tmp_path / "out")
    reader = ShardReader(str(tmp_path / "out"))
    kinds: Counter[str] = Counter()
    for row in range(len(reader)):
        clip = reader.read_clip(row)
        kinds.update(negative.kind for negative in clip.negatives)
        for event in clip.events:
            assert event.label == f"{event.attributes['speaker']} says {event.attributes['says']}"
    assert kinds["binding"] > 0
    assert "ben says three" in open_bank(csv, 8000).labels


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenes", "--help"]) == 0
    assert main(["scenes", "render", "--help"]) == 0
    assert "--num" in capsys.readouterr().out
    assert main(["scenes", "paint"]) == 2
    assert "unknown scenes subcommand 'paint'" in capsys.readouterr().err
