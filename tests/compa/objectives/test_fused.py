import importlib.util
import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton comes with torch for NVIDIA GPUs only")
def test_kernels_equal_the_tiles() -> None:
    """In a process of its own: the interpreter has to be chosen before triton is imported."""
    worker = [sys.executable, "-m", "tests.compa.objectives.fused_worker"]
    done = subprocess.run(worker, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-5
