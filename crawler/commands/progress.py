"""What is seen of a crawl while it runs: counts on stderr, and an index that follows it in steps."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from catalog.store import INDEX
from catalog.terminal import size_text
from crawler.commands.index_state import IndexState, bring_up_to_date

if TYPE_CHECKING:
    from catalog.settings import Settings
    from catalog.store import Store
    from crawler.crawl import Progress

REDRAW_SECONDS = 0.1
FIRST_LINE_SECONDS, LONGEST_PAUSE_SECONDS = 10.0, 300.0
"""Where nobody watches, a line after ten seconds, and then after pauses that double up to five minutes."""

STEP_SECONDS = 5.0
REST_PER_STEP = 4
"""The index rests four times as long as its last step took: following costs a crawl at most a fifth of its time."""

PATIENCE_SECONDS, POLL_SECONDS = 5.0, 0.1
"""How long the end of a crawl waits for another process that writes the index: a step of another crawl is short."""


class ProgressLine:
    """How far a crawl is: one line that is rewritten on a terminal; in a log a line now and then.

    A phase that begins is shown at once, however short the one before was. `live` shows every state also where stderr is no
    terminal, each as a line that begins with a carriage return, for a program that watches.
    """

    def __init__(self, *, live: bool = False) -> None:
        self._rewrites = sys.stderr.isatty()
        self._live = live and not self._rewrites
        self._pause = FIRST_LINE_SECONDS
        self._phase = ""
        self._next = time.monotonic() + (0 if self._rewrites or live else self._pause)

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        is_watched = self._rewrites or self._live
        is_next_phase = progress.phase != self._phase
        if now < self._next and not (is_watched and is_next_phase):
            return
        self._phase = progress.phase
        if is_watched:
            self._next = now + REDRAW_SECONDS
        else:
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            self._next = now + self._pause
        self._show(described(progress))

    def say(self, text: str) -> None:
        """What is being done now, where it is not a matter of counts; nothing in a log."""
        if self._rewrites or self._live:
            self._show(text)

    def clear(self) -> None:
        if self._rewrites:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _show(self, text: str) -> None:
        before, after = ("\r\x1b[K", "") if self._rewrites else ("\r" if self._live else "", "\n")
        click.echo(f"{before}{text}{after}", nl=False, err=True)


def described(progress: Progress) -> str:
    """The counts that say how far this phase is. There is no percentage: how much is to come is not known before."""
    counts = progress.counts
    match progress.phase:
        case "grouping":
            return f"grouping: {counts['objects']:,} files"
        case "normalising":
            done = counts["new"] + counts["changed"] + counts["unchanged"]
            total = f" of {counts['groups']:,}" if counts["groups"] else ""
            return f"writing: {done:,}{total} models"
        case "hashing":
            return f"hashing: {counts['hashed']:,} files hashed, {size_text(counts['bytes_read'])} read"
        case "confirming":
            return f"{counts['objects']:,} files listed; looking at what the listing does not show"
        case phase:
            so_far = f", {counts['new']:,} models so far" if counts["new"] else ""
            return f"{phase}: {counts['objects']:,} files listed, {counts['opened']:,} opened{so_far}"


class FollowingIndex:
    """The index, brought up to date in steps while a crawl writes records, so that its first models are found early."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._next = time.monotonic() + STEP_SECONDS
        self._written = 0
        self._state = IndexState(waiting=0)

    def __call__(self, progress: Progress) -> None:
        """Between two steps of the crawl, when it has written records. An engine that failed once is left alone until the end."""
        written = progress.counts["new"] + progress.counts["changed"]
        started = time.monotonic()
        failed = self._state.problem is not None and not self._state.busy
        if started < self._next or written == self._written or failed:
            return
        self._written = written
        self._step()
        ended = time.monotonic()
        self._next = ended + max(STEP_SECONDS, REST_PER_STEP * (ended - started))

    def finish(self) -> IndexState:
        """The index with everything that the crawl wrote, and what it refused on the way and does not hold by now."""
        self._step()
        patience = time.monotonic() + PATIENCE_SECONDS
        while self._state.busy and time.monotonic() < patience:
            time.sleep(POLL_SECONDS)
            self._step()
        index = self._store.consumer(INDEX)
        dead = {letter.id for letter in index.dead_letters()} if self._state.rejected else set()
        refused = {model: why for model, why in self._state.rejected.items() if model in dead}
        return replace(self._state, rejected=refused)

    def _step(self) -> None:
        state = bring_up_to_date(self._settings, self._store)
        self._state = replace(state, rejected={**self._state.rejected, **state.rejected})
