from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compa import ablate, cli
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank


def test_every_variant_has_one_part_more_than_the_one_above_it() -> None:
    recipes = [(variant.objective, dict(variant.data), dict(variant.model)) for variant in ablate.VARIANTS.values()]
    assert list(ablate.VARIANTS) == list(ablate.ABOUT)
    for (objective, data, model), (next_objective, next_data, next_model) in itertools.pairwise(recipes):
        changed = {name for name in data if data[name] != next_data[name]}
        parts = [
            bool(changed & {"num_negatives", "num_replacements"}),
            "num_positives" in changed,
            "twins_together" in changed,
            model != next_model,
        ]
        assert sum(parts) == 1
        assert (objective != next_objective) == (parts[0] or parts[1])
    assert recipes[0][0] == "InfoNCE"
    assert all((variant.objective == "ModularNCE") == bool(variant.contrast) for variant in ablate.VARIANTS.values())


def test_training_composes_the_kinds_that_are_measured(tone_folder: Path, tmp_path: Path) -> None:
    def kinds(bank: EventBank) -> set[tuple[str, ...]]:
        return {tuple(variant.data["kinds"]) for variant in ablate.variants_for(bank).values()}

    rows = [
        f"{file},{file.parent.name},{speaker}"
        for speaker, number in (("ann", "[0-3]"), ("bob", "[4-7]"))
        for file in sorted(tone_folder.glob(f"*/{number}.wav"))
    ]
    spoken = tmp_path / "spoken.csv"
    spoken.write_text("\n".join(["file,label,speaker", *rows]))
    assert kinds(open_bank(tone_folder)) == {("order", "attribute-swap")}
    assert kinds(open_bank(spoken)) == {("order", "binding")}


def test_wrong_input_is_said_in_one_sentence(
    tone_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*options: str, code: int = 1) -> str:
        assert cli.main(["ablate", "--events", str(tone_folder), *options]) == code
        return capsys.readouterr().err

    out = str(tmp_path / "a")
    for option, value in (("--seeds", "x"), ("--seeds", "1,1"), ("--steps", "0"), ("--at-once", "0")):
        message = fails(option, value, "--out", out, code=2)
        assert option in message
        assert f"got '{value}'" in message
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    assert "not an ablation" in fails("--out", str(tmp_path / "mine"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ablate.SETTINGS).write_text(json.dumps({"steps": 7}))
    assert "ablation with other settings" in fails("--out", str(tmp_path / "other"))
    assert not (tmp_path / "a").exists()


TWO = """
import sys
from compa import ablate, cli
ablate.VARIANTS = {name: ablate.VARIANTS[name] for name in ("vanilla", "text-negatives")}
sys.exit(cli.main(["ablate", *sys.argv[1:]]))
"""


@pytest.mark.slow
def test_two_variants_end_to_end_and_after_a_stop(tone_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "ablation"
    options = ["--events", str(tone_folder), "--seeds", "0,1", "--steps", "12", "--out", str(out)]
    command = [sys.executable, "-c", TWO, *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 200
    while not (out / "vanilla-seed0" / "model.safetensors").is_file() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 1
    assert "keeps what is finished" in errors
    trained = (out / "vanilla-seed0" / "model.safetensors").stat().st_mtime_ns

    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (out / "vanilla-seed0" / "model.safetensors").stat().st_mtime_ns == trained
    assert again.stdout.count("\n| ") == 3
    assert "scenes-order, group" in again.stdout
    assert (out / "ablation.md").read_text() in again.stdout
    assert (out / "ablation.png").stat().st_size > 5000
    assert len(list((out / "results").glob("*.json"))) == 4 * 3
