"""A second processor for a search that has the process to itself.

Tantivy works without the interpreter's lock, so half of the counting can go on in a thread while another reads the first hits
and counts the rest.
That is quicker for a lone reader. Where several search at once, each has a processor's work already, and threads that
hand the lock to one another only cost: then all is done in turn.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Answer = TypeVar("Answer")

_lock = threading.Lock()
_running = 0


@contextmanager
def search_running() -> Iterator[None]:
    """While this holds, a search runs."""
    global _running  # noqa: PLW0603 - the searches of a process, whichever engine they ask
    with _lock:
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1


def meanwhile(call: Callable[[], Answer]) -> Callable[[], Answer]:
    """Begins the call beside the caller, if that is the only search. The result gives its answer, or raises its error."""
    if _running > 1 or _processors() == 1:
        return call
    try:
        future = _pool().submit(call)
    except RuntimeError:  # the process ends, or may have no more threads
        return call

    def answer() -> Answer:
        return call() if future.cancel() else future.result()  # no thread has begun it: it is done here

    return answer


@cache
def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - the command line counts nothing

    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="tantivy-counting")
