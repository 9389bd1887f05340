"""A real server of language models, in a process."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path


class Served:
    """A server on loopback; it can be stopped and started again at the same port.

    Args:
        command: That starts it, without host and port.
        log: File of what it prints.
        health: Path that answers once it is ready.
    """

    def __init__(self, command: Sequence[str], log: Path, health: str = "/v1/models") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.command = [*command, "--host", "127.0.0.1", "--port", str(self.port)]
        self.log, self.health = log, health
        self.start()

    def start(self) -> None:
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=environment)

    def wait(self) -> None:
        for _ in range(1200):
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.health}", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
