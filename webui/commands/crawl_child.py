"""A crawl as a child process of the server: the page is up at once and shows what the crawl says."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from webui.contracts import CrawlStatus
from webui.text import shown

PROGRAM = "import sys; from catalog.cli import main; main(sys.argv[1:])"
STOP_SECONDS = 10
LINE_CHARACTERS = 400
OUTCOMES = {
    0: "Everything was read",
    1: "Not everything could be read",
    2: "The crawl was not started as it should be",
    3: "The crawl is held: too much would go missing",
}


class CrawlChild:
    """Runs `modeldex crawl PATH` and knows the last line it said. Its output also goes on to our own stderr, but for its
    progress, which the page shows.
    """

    def __init__(self, path: str, *, home: Path, command: Sequence[str] | None = None) -> None:
        self._path = path
        arguments = command or [sys.executable, "-c", PROGRAM, "--home", str(home), "crawl", "--live", path]
        self._process = subprocess.Popen(  # noqa: S603 - our own program with a path that the user gave
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._line = ""
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[bytes] | None) -> None:
        if stream is None:
            return
        with stream:
            for raw in stream:
                text = raw.decode("utf-8", "replace").strip()
                if text:
                    self._line = text[:LINE_CHARACTERS]
                    if not raw.startswith(b"\r"):  # that is a state of the progress, with the next to come
                        sys.stderr.write(f"{text}\n")

    def status(self) -> CrawlStatus:
        code = self._process.poll()
        return CrawlStatus(
            path=shown(self._path, LINE_CHARACTERS),
            running=code is None,
            line=shown(self._line, LINE_CHARACTERS),
            exit_code=code,
            outcome="Crawling" if code is None else OUTCOMES.get(code, "The crawl was stopped"),
        )

    def stop(self) -> None:
        """Ask it to end and wait; a crawl that was stopped goes on at the next one."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(STOP_SECONDS)
