"""How often a process looks for cycles of objects, and that it does not when it ends."""

from __future__ import annotations

import atexit
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

COLLECT_AFTER_OBJECTS = 20_000
"""Python looks for cycles after 700 new objects. A command makes hundreds of thousands while it starts, all of which stay:
that took a tenth of its start. A crawl keeps few objects and makes many: it took 12 % of the first process's time and 17 %
of a worker's. After 50,000 it costs the same as after 20,000 (7.1 to 7.8 s of 3,000 models, in turn), but what SQLAlchemy
leaves behind was then 10 MB more."""


def leave_to_the_system() -> None:
    """When this process ends, nothing is looked for in what goes with it: that took 0.14 s after the crawl of one model,
    0.02 s after a search. Files, connections and indexes are closed before, by whoever opened them.
    """
    atexit.register(gc.freeze)


class _Collection:
    """How seldom this process looks for cycles: crawls in several threads may ask for it, and end in any order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._askers = 0
        self._usual = gc.get_threshold()

    @contextmanager
    def seldom(self) -> Iterator[None]:
        """Within the block as seldom as in a worker; as before when nobody asks for it any more."""
        with self._lock:
            if self._askers == 0:
                self._usual = gc.get_threshold()
                gc.set_threshold(COLLECT_AFTER_OBJECTS)
            self._askers += 1
        try:
            yield
        finally:
            with self._lock:
                self._askers -= 1
                if self._askers == 0:
                    gc.set_threshold(*self._usual)


COLLECTION = _Collection()
