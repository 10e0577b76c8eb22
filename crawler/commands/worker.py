"""The verb `worker`: crawls sources again and again, and brings the index up to date after an outage."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING

import click

from catalog.logs import configure_logging
from catalog.settings import Settings
from crawler.addresses import check_address
from crawler.settings import WorkerSettings

if TYPE_CHECKING:
    from crawler.commands.scheduled_crawls import ScheduledWorker


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1)
@click.option("--every", "every_seconds", type=click.FloatRange(min=1), metavar="SECONDS",
              help="Time between the starts of two crawls of a source without a schedule. "
                   "[default: the setting worker.every_seconds, 900]")  # fmt: skip
@click.option(
    "--child", is_flag=True, hidden=True, help="End when standard input does; say only what is wrong."
)
@click.pass_obj
def worker(settings: Settings, paths: tuple[str, ...], every_seconds: float | None, *, child: bool) -> None:
    """Crawl all sources by their schedules until told to stop; with PATH... those alone, and at once.

    A crawl that fails is told on stderr and tried again in the next round. What a search engine could not take while it
    was away is written as soon as it is back. Any number of workers may run on one store: they share the sources.
    """
    for path in paths:
        check_address(path)
    chosen = settings.section(WorkerSettings)
    pause = every_seconds or chosen.every_seconds
    configure_logging(settings, level=logging.WARNING if child else logging.INFO)
    from crawler.commands.scheduled_crawls import ScheduledWorker  # noqa: PLC0415 - APScheduler, which `--help` need not pay for

    scheduled = ScheduledWorker(
        settings, paths=paths, every_seconds=pause, at_once=chosen.sources_at_once, quiet=child
    )
    if child:
        threading.Thread(target=_stop_with_parent, args=(scheduled,), daemon=True).start()
    scheduled.run()


def _stop_with_parent(scheduled: ScheduledWorker) -> None:
    """The end of standard input says that who started this process is no more, even if it was killed."""
    while sys.stdin.buffer.read(1):
        pass
    scheduled.stop()
