"""`compa configs list | copy`: every shipped recipe, copied as it is, never over a file by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from compa import cli
from compa.configs import recipes, summary

CONFIGS = Path(__file__).parents[3] / "configs"


def test_lists_every_recipe_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["configs", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(path.stem for path in CONFIGS.glob("*.yaml"))
    assert all(summary(path) in line for path, line in zip(recipes().values(), lines, strict=True))


@pytest.mark.parametrize("name", recipes())
def test_the_first_line_of_a_header_is_a_sentence(name: str) -> None:
    assert summary(recipes()[name]).endswith(".")


@pytest.mark.parametrize("arguments", [["vanilla"], ["vanilla.yaml"], ["vanilla", "--out", "new/mine.yaml"]])
def test_copies_a_recipe(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path(arguments[-1]) if "--out" in arguments else Path("vanilla.yaml")
    assert cli.main(["configs", "copy", *arguments]) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    assert out.read_bytes() == (CONFIGS / "vanilla.yaml").read_bytes()


def test_replaces_a_file_only_when_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine.yaml"
    out.write_text("edited")
    assert cli.main(["configs", "copy", "vanilla", "--out", str(out)]) == 1
    assert "mine.yaml exists: add --overwrite" in capsys.readouterr().err
    assert out.read_text() == "edited"
    assert cli.main(["configs", "copy", "vanilla", "--out", str(out), "--overwrite"]) == 0
    assert out.read_bytes() == (CONFIGS / "vanilla.yaml").read_bytes()


def test_suggests_the_nearest_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["configs", "copy", "vanila"]) == 1
    assert "did you mean 'vanilla'?" in capsys.readouterr().err
