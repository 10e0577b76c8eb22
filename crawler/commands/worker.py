"""The verb `worker`: crawls sources again and again, and brings the index up to date after an outage.

Each crawl is a process of its own: a file that takes its reader down costs one crawl and not the worker.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

import click

from catalog.errors import ModeldexError
from catalog.logs import configure_logging
from catalog.settings import Settings
from catalog.store import INDEX
from crawler.addresses import check_address
from crawler.commands.index_state import IndexState, bring_up_to_date
from crawler.settings import WorkerSettings

DRAIN_SECONDS = 10.0
STOP_SECONDS = 10.0
"""How long a crawl may take to put its page away once the worker is told to stop."""

log = logging.getLogger(__name__)


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1)
@click.option("--every", "every_seconds", type=click.FloatRange(min=1), metavar="SECONDS",
              help="Pause after each round of crawls of PATH..., or between two crawls of a source without a schedule. "
                   "[default: the setting worker.every_seconds, 900]")  # fmt: skip
@click.option(
    "--child", is_flag=True, hidden=True, help="End when standard input does; say only what is wrong."
)
@click.pass_obj
def worker(settings: Settings, paths: tuple[str, ...], every_seconds: float | None, *, child: bool) -> None:
    """Crawl the directories PATH... now and again, until told to stop; without PATH all sources by their schedules.

    A crawl that fails is told on stderr and tried again in the next round. What a search engine could not take while it
    was away is written as soon as it is back. Any number of workers may run on one store: they share the sources.
    """
    for path in paths:
        check_address(path)
    chosen = settings.section(WorkerSettings)
    pause = every_seconds or chosen.every_seconds
    configure_logging(settings, level=logging.WARNING if child else logging.INFO)
    if paths:
        Worker(settings, paths).run(pause)
        return
    from crawler.commands.scheduled_crawls import ScheduledWorker  # noqa: PLC0415 - it is a Worker itself

    scheduled = ScheduledWorker(settings, every_seconds=pause, at_once=chosen.sources_at_once, quiet=child)
    if child:
        threading.Thread(target=_stop_with_parent, args=(scheduled,), daemon=True).start()
    scheduled.run()


def _stop_with_parent(scheduled: Worker) -> None:
    """The end of standard input says that who started this process is no more, even if it was killed."""
    while sys.stdin.buffer.read(1):
        pass
    scheduled.stop()


class Worker:
    """Rounds of crawls with a pause in which it is watched what waits for the index."""

    def __init__(self, settings: Settings, paths: Sequence[str]) -> None:
        self._settings = settings
        self._paths = paths
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._told: str | None = None

    def run(self, every_seconds: float) -> None:
        """Until SIGTERM or Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        while not self._stop.is_set():
            for path in self._paths:
                self._crawl(path)
            self._pause(every_seconds)
        log.info("worker stopped")

    def stop(self) -> None:
        self._stop.set()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def _crawl(self, path: str) -> None:
        if self._stop.is_set():
            return
        command = [sys.executable, "-m", "catalog", "--home", str(self._settings.home), "crawl", path]
        self._child = subprocess.Popen(command)  # noqa: S603 - our own command, no shell
        try:
            code = self._wait(self._child)
        finally:
            self._child = None
        log.info("crawl ended path=%s exit_code=%s", path, code)

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        while True:
            try:
                return child.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                if self._stop.is_set():
                    child.kill()

    def _pause(self, seconds: float) -> None:
        while seconds > 0 and not self._stop.wait(min(seconds, DRAIN_SECONDS)):
            seconds -= DRAIN_SECONDS
            self._drain()

    def _drain(self) -> None:
        """Write what still waits for the index. An engine that is away, or another writer, is no reason to end."""
        from catalog.store import open_store  # noqa: PLC0415 - SQLAlchemy takes 0.2 s that `--help` need not pay

        try:
            with open_store(self._settings, write=True) as store:
                before = store.consumer(INDEX).size()
                if before:
                    self._note(before, bring_up_to_date(self._settings, store))
        except ModeldexError as error:
            self._warn(str(error))

    def _note(self, before: int, index: IndexState) -> None:
        if index.waiting < before:
            log.info("index brought up to date models=%s waiting=%s", before - index.waiting, index.waiting)
        if index.problem is None:
            self._told = None
        else:
            self._warn(index.problem, index.waiting)

    def _warn(self, reason: str, waiting: int | None = None) -> None:
        """Once, not every ten seconds of an outage that lasts an hour."""
        if reason != self._told:
            log.warning("index not brought up to date waiting=%s reason=%s", waiting, reason)
        self._told = reason
