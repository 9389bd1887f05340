"""The wheel: all data files are in it, and its commands work without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("compa", "negatives", "benchmarks")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files, so that nothing untracked gets in and nothing is left behind."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked(
        ".gitignore", "LICENSE", "README.md", "pyproject.toml", "compa", "negatives", "benchmarks", "configs"
    ):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / "source" / name, follow_symlinks=False)
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        ".",
        "./source",
        cwd=folder,
    )
    (built,) = folder.glob("compa-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def tracked(*folders: str) -> list[str]:
    return run("git", "ls-files", "-z", *folders, cwd=ROOT).rstrip("\0").split("\0")


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_data_file_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {PurePosixPath(name) for name in archive.namelist()}
    for name in map(PurePosixPath, tracked(*PACKAGES, "configs")):
        is_link = (ROOT / name).is_symlink()
        if name.suffix != ".py" and not is_link and name.parts[:2] != ("benchmarks", "speed"):
            assert (PurePosixPath("compa/configs/recipes") / name.name if name.parts[0] == "configs" else name) in held
    assert any(path.match("*.dist-info/licenses/LICENSE") for path in held)
    assert {path.parts[0] for path in held if path.suffix == ".py"} == set(PACKAGES)
    assert not any(path.is_relative_to("benchmarks/speed") for path in held)


def test_commands_work_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    def compa(*arguments: str) -> str:
        return run(sys.executable, "-m", "compa.cli", *arguments, cwd=tmp_path, PYTHONPATH=str(installed))

    where = run(sys.executable, "-c", "import compa; print(compa.__file__)", cwd=tmp_path, PYTHONPATH=str(installed))
    assert Path(where.strip()).is_relative_to(installed)
    assert "negatives" in compa("--help")
    assert "recordings" in compa("configs", "list")
    compa("configs", "copy", "recordings")
    assert (tmp_path / "recordings.yaml").exists()
    assert "scenes-order" in compa("bench", "list")
    (tmp_path / "captions.csv").write_text("id,caption\na,A dog barks and then a loud siren wails.\n")
    for model in ("rules", "mock"):
        compa("negatives", "generate", "captions.csv", "--model", model, "--out", f"{model}.jsonl")
        assert "negatives" in (tmp_path / f"{model}.jsonl").read_text()
    compa("bench", "run", "--model", "control:random", "--task", "scenes-order", "--out", "results")
    compa("bench", "report", "results", "--out", "report.html")
    assert "scenes-order" in (tmp_path / "report.html").read_text()
