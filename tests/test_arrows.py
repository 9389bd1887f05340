"""Who may import whom, checked in fresh processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "pytorch_lightning", "transformers")


def imported_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import compa", (*HEAVY, "numpy", "soundfile")),
        ("import compa.cli, compa.demo", (*HEAVY, "numpy")),
        ("import compa.manifest", (*HEAVY, "numpy")),
        ("import compa.data.shards.pack, compa.data.shards.reader, compa.data.order", HEAVY),
        ("import compa.scenes.claims, compa.scenes.holdout", (*HEAVY, "numpy")),
        ("import compa.scenes.composition.composer, compa.scenes.captions", HEAVY),
        ("import compa.data.importing, compa.data.quarantine", (*HEAVY, "numpy", "negatives")),
        ("import compa.data.verify, compa.data.stats", (*HEAVY, "matplotlib", "av", "negatives")),
        (
            "import negatives.cli.generate, negatives.cli.check, negatives.cli.review, negatives.cli.batch",
            (*HEAVY, "numpy", "scipy", "sklearn", "openai", "aiohttp"),
        ),
        ("import negatives.llm.openai_server, negatives.llm.batch", (*HEAVY, "numpy", "openai", "aiohttp")),
        (
            "import negatives.checks.text_leak, negatives.checks.balance, negatives.report, negatives.review",
            HEAVY,
        ),
        (
            "from benchmarks.metrics import classification, intervals, pairs, retrieval",
            ("pytorch_lightning", "transformers", "compa"),
        ),
        (
            "from benchmarks.cli import audit, compare, export, list, report, run, validate",
            (*HEAVY, "numpy", "matplotlib", "jinja2"),
        ),
        ("import benchmarks.report, benchmarks.runner; from benchmarks.tasks import tasks; tasks()", HEAVY),
        (
            "import compa.objectives",
            ("pytorch_lightning", "transformers", "benchmarks", "negatives", "compa.models"),
        ),
        ("import compa.models.embed, compa.models.checkpoints.export", (*HEAVY, "pyarrow", "benchmarks", "negatives")),
        ("import compa.models.pretrained", ("transformers", "pytorch_lightning", "benchmarks", "negatives")),
        ("import compa.data.scenes, compa.data.packed", ("benchmarks", "negatives", "compa.models")),
    ],
)
def test_imports(statement: str, forbidden: tuple[str, ...]) -> None:
    assert not imported_by(statement) & set(forbidden)


def test_nothing_in_compa_but_the_doors_and_training_imports_negatives_or_benchmarks() -> None:
    doors = {"cli.py", "demo.py", "ablate.py"}
    for path in (ROOT / "compa").rglob("*.py"):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        found = [line for line in lines if line.startswith(("from benchmarks", "from negatives", "import benchmarks"))]
        if path.parent.name == "training":
            found = [line for line in found if not line.startswith("from benchmarks.metrics.pairs ")]
        assert not found or path.name in doors, (path, found)
