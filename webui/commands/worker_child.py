"""The worker that a server on one machine brings: a child process that ends with the server, however that ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STOP_SECONDS = 15
"""The worker gives its crawls ten seconds to put their pages away."""


class WorkerChild:
    """Runs `modeldex worker`. The end of its standard input tells it that the server is no more."""

    def __init__(self, home: Path) -> None:
        arguments = [sys.executable, "-m", "catalog", "--home", str(home), "worker", "--child"]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
