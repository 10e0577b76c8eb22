"""Jobs of one crawl: the first ones are done here, the others in processes that are started once there are enough of them."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from pickle import PicklingError
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from crawler.processes import SpareHost, WorkerFailedError, Workers

J = TypeVar("J")
R = TypeVar("R")

JOBS_BEFORE_PROCESSES = 256
"""So many are done before processes are started for the rest: that takes a second of processor time."""
JOBS_BEFORE_FORKING = 32
"""The same where a host is there already: a worker costs some milliseconds."""
SPARE_SECONDS = 0.5
"""So long is waited for the first worker of such a host: to do anything here first takes longer than its start as a rule."""
MOST_PROCESSES = 8


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class Pool:
    """Processes for jobs of several kinds: `prepare(*arguments)` makes what does any of them, and is picklable as jobs
    and results are. `lost` makes the result of a job over which a process died. A context manager.
    """

    def __init__(
        self,
        prepare: Callable[..., Callable[[Any], Any]],
        arguments: tuple[Any, ...],
        *,
        lost: Callable[[Any, str], Any],
        size: int,
        preload: Sequence[str] = (),
        spare: SpareHost | None = None,
        here_first: int | None = None,
    ) -> None:
        self._workers: Workers[Any, Any] = Workers(
            prepare, arguments, lost=lost, size=size, preload=preload, spare=spare
        )
        before_processes = JOBS_BEFORE_PROCESSES if spare is None else JOBS_BEFORE_FORKING
        self._here_first = before_processes if here_first is None else here_first
        self._patience_seconds = 0.0 if spare is None else SPARE_SECONDS
        self._can_start = True
        self._is_started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_started:
            self._workers.__exit__(kind, error, trace)

    def work(self, jobs: Iterable[J], here: Callable[[J], R]) -> Generator[R]:
        """The results in the order of the jobs, which are taken as far ahead as processes need them. `here` does a job in
        this process.
        """
        todo = iter(jobs)
        if self._patience_seconds and self._here_first > 0:
            first = list(itertools.islice(todo, self._here_first))
            if len(first) == self._here_first:  # there is enough to do for processes, from the first job on
                self._here_first = 0
            todo = itertools.chain(first, todo)
        for job in todo:
            if self._can_start and self._here_first <= 0 and self._is_ready():
                yield from cast("Iterable[R]", self._workers.map(itertools.chain([job], todo)))
                return
            self._here_first -= 1
            yield here(job)

    def _is_ready(self) -> bool:
        """Whether a worker is; starts them when it is asked first."""
        patience_seconds = 0.0
        try:
            if not self._is_started:
                self._workers.__enter__()
                self._is_started = True
                patience_seconds = self._patience_seconds
            return self._workers.are_ready(patience_seconds)
        except (PicklingError, AttributeError, TypeError, WorkerFailedError):
            self._can_start = False  # for instance for a source that only this process has
            return False
