"""Every documented command is one that compa accepts; every block of the README runs, at a small size."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from compa import cli
from compa.models.tiny_clap import make
from compa.utils.arguments import CommandParser
from negatives.llm.prompt import load
from tests.compa.scenes.sound_files import write, write_labels
from tests.negatives.llm.scripted import Reply, ScriptedServer, completion, items_of
from tests.readme_commands import ROOT, blocks, commands, documented

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "compa/README.md", "negatives/README.md")),
    ROOT / "benchmarks/README.md",
    *sorted((ROOT / "configs").glob("*.yaml")),
]
OUTSIDE = ("pip", "pytest", "ruff", "mypy", "git", "python", "docker", "ray", "torchrun", "sbatch", "srun")
"""Commands that are not compa's; the first two README blocks with them are what `.ci/run` runs."""


class Accepted(Exception):
    """The command line was parsed."""


def lightning_parser_accepts(words: list[str]) -> None:
    """Parses a command line of `compa fit` and stops before anything is made."""
    assert cli.main([*words, "--print_config"]) == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documented_commands_are_accepted(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    parse = CommandParser.parse_args

    def accept(self: CommandParser, args: Any = None, namespace: Any = None) -> Any:
        parse(self, args, namespace)
        raise Accepted

    monkeypatch.setattr(CommandParser, "parse_args", accept)
    monkeypatch.chdir(ROOT)
    for words in documented(path):
        if words[0] in OUTSIDE:
            continue
        assert words[0] == "compa", words
        if words[1] in ("fit", "validate"):
            lightning_parser_accepts(words[1:])
            continue
        try:
            code = cli.main(words[1:])
        except Accepted:
            continue
        pytest.fail(f"{' '.join(words)} exits with {code}: {capsys.readouterr().err}")


def test_an_unknown_option_is_not_accepted() -> None:
    assert cli.main(["bench", "list", "--no-such-option"]) == 2


FIT = ["--trainer.max_steps", "2", "--trainer.enable_progress_bar", "false", "--data.num_workers", "0"]
SMALL = {
    "demo": ["--minutes", "0.611"],
    "bench run": ["--limit", "4"],
    "scenes render": ["--num", "48", "--workers", "1"],
    "data pack": ["--workers", "1"],
    "data verify": ["--workers", "1"],
}
"""Options that make the commands of the README small; the last one of an option counts."""


def swap_and_judge(body: dict[str, Any], _number: int) -> Reply:
    """Answers as a model that swaps the two halves of a caption for the kind `order`, and denies every statement."""
    answers: list[dict[str, Any]] = []
    is_order = body["messages"][0]["content"] == load("order").system
    for item in items_of(body):
        if "statement" in item:
            answers.append({"id": item["id"], "verdict": "false"})
        else:
            first, second = item["caption"].split(" and then ")
            answers.append({"id": item["id"], "texts": [f"{second} and then {first}"] if is_order else []})
    return completion(json.dumps({"answers": answers}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new user's folder: the recipes, some recordings, a table of captions, a tiny checkpoint."""
    made = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "configs", made / "configs")
    write_labels(made / "events", ("dog", "cat", "owl", "horn"), num=6)
    (made / "clips").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for number in range(96):
        soundfile.write(made / "clips" / f"{number}.wav", rng.normal(0, 0.1, 16000), 16000)
        rows.append(f"clips/{number}.wav,a dog barks {number} times and then a man speaks")
    (made / "clips.csv").write_text("\n".join(["audio,text", *rows]))
    shutil.copy(made / "clips" / "0.wav", made / "clip.wav")
    (made / "captions.csv").write_text("caption\n" + "\n".join(row.split(",")[1] for row in rows[:12]))
    speakers = [
        f"{write(made / 'digits' / f'{word}-{speaker}-{take}.wav').relative_to(made)},{word},{speaker}"
        for word in ("one", "two", "three", "four", "five", "six")
        for speaker in ("ann", "bob", "eve", "jim")
        for take in range(3)
    ]
    (made / "digits.csv").write_text("\n".join(["file,label,speaker", *speakers]))
    make(made / "tiny")
    before = Path.cwd()
    os.chdir(made)
    with ScriptedServer(swap_and_judge) as server:
        (made / "server").write_text(server.url)
        yield made
    os.chdir(before)


def small(words: list[str], folder: Path) -> list[str]:
    replaced = {
        "hf:FOLDER_OR_HUB_ID": "hf:tiny",
        "DIR_OR_CSV": "events",
        "http://localhost:8000/v1": (folder / "server").read_text(),
    }
    words = [replaced.get(word, word) for word in words]
    name = " ".join(words[:2]) if " ".join(words[:2]) in cli.COMMANDS else words[0]
    if name == "fit":
        kind = [] if "recordings" in words[2] or "hard" in words[2] else ["--data.batch_size", "8"]
        return [*words, *FIT, *kind]
    if name == "bench run" and "python:my_model:MyModel" in words:
        return [*words, "--limit", "4", "--overwrite"]
    return [*words, *SMALL.get(name, [])]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # as for users
def test_every_block_of_the_readme_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the README, in one folder; `pip` and `pytest` are run by `.ci/run`."""
    num_run = 0
    for language, block in blocks((ROOT / "README.md").read_text(encoding="utf-8")):
        if language == "python" and "class MyModel" in block:
            (folder / "my_model.py").write_text(block)
        elif language == "python":
            exec(compile(block, "README.md", "exec"), {})
        elif not language:
            for words in commands(block):
                if words[0] != "compa":
                    continue
                line = small(words[1:], folder)
                assert cli.main(line) == 0, (line, capsys.readouterr().err)
                num_run += 1
    assert num_run > 20
