"""The command as users call it: real processes, exit codes, one sentence on stderr."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compa import cli


def compa(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "compa.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name}" in shown for name in cli.COMMANDS)


@pytest.mark.parametrize("command", [name for name in cli.COMMANDS if name not in ("fit", "validate")])
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: compa {command}" in shown
    assert f"example:\n  compa {command}" in shown


@pytest.mark.parametrize("group", ["data", "scenes"])
def test_every_group_lists_its_commands(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([group, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS if name.startswith(f"{group} "))
    assert "demo" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, ""),
        (["dmeo"], 2, "unknown command 'dmeo'"),
        (["demo", "--minute", "x"], 2, "--minute"),
        (["bench"], 2, "bench compare"),
        (["data"], 2, "data verify"),
        (["data", "verfy"], 2, "unknown data subcommand 'verfy'; did you mean 'verify'?"),
        (["data", "import", "cvs", "a", "--out", "b"], 2, "got 'cvs'"),
        (["data", "import", "csv", "a.csv", "--out", "b.jsonl"], 1, "compa: a.csv is not a file"),
        (["data", "verify", "m.jsonl"], 1, "compa: m.jsonl is not a file"),
        (["data", "verify", "m.jsonl", "--allow", "slient"], 2, "got 'slient'"),
        (["data", "stats", "m.jsonl"], 1, "compa: m.jsonl is not a file"),
        (["demo", "--minutes", "0.5"], 1, "compa: --minutes 0.5 leaves no time to train"),
        (["demo", "--events", "nowhere"], 1, "compa: there is no nowhere"),
        (
            ["bench", "run", "--model", "control:constnat", "--task", "scenes-order", "--out", "r"],
            1,
            "control:constant",
        ),
        (
            ["bench", "run", "--model", "control:constant", "--task", "scene-order", "--out", "r"],
            1,
            "scenes-order",
        ),
    ],
)
def test_exit_codes_and_sentences(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == code
    errors = capsys.readouterr().err
    assert message in errors
    assert code == 2 or len(errors.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_process_exits_with_the_code_and_without_a_traceback(tmp_path: Path) -> None:
    done = compa("data", "stats", "m.jsonl", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "compa: m.jsonl is not a file: give one that exists\n"


def test_ctrl_c_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt("the results so far are in r")

    import benchmarks.cli.list

    monkeypatch.setattr(benchmarks.cli.list, "main", interrupted)
    assert cli.main(["bench", "list"]) == 1
    assert capsys.readouterr().err == "compa: interrupted; the results so far are in r\n"

    def stopped(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmarks.cli.list, "main", stopped)
    assert cli.main(["bench", "list"]) == 1
    assert capsys.readouterr().err.startswith("compa: interrupted; run the same command")
