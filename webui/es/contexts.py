"""Points in time and scrolls: what a caller holds open between requests, bounded in number and time.

They live in this process. An id that another process gave, or another user, or that expired, is not known: 404.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from catalog.errors import EngineError
from catalog.lazy_dataclasses import dataclass, field
from webui.es.faults import Fault, no_such_context

if TYPE_CHECKING:
    from catalog.access.principals import Principal
    from catalog.search.engine import PointInTime
    from webui.es.search_body import Search

log = logging.getLogger(__name__)
MAX_OPEN_OF_ONE_USER = 16
MAX_OPEN = 64
"""Each holds files of the index open, and on Elasticsearch a search context (500 there by default)."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose context it is: the user of a key, reading as one principal. Another scope is another holder."""

    user: str
    principal: Principal


@dataclass(slots=True, kw_only=True)
class Context:
    """One point in time. A scroll also has its search, moved on by every page."""

    holder: Holder
    point: PointInTime
    keep_alive: float
    expires_at: float
    search: Search | None = None
    busy: threading.Lock = field(default_factory=threading.Lock)


class Contexts:
    """All that is held open here."""

    def __init__(self) -> None:
        self._held: dict[str, Context] = {}
        self._lock = threading.Lock()

    def keep(
        self,
        holder: Holder,
        point: PointInTime,
        seconds: float,
        *,
        search: Search | None = None,
    ) -> str:
        """The id of the new context. Raises Fault 429 when too many are open; the point is closed then."""
        self._sweep()
        with self._lock:
            mine = sum(context.holder == holder for context in self._held.values())
            if mine < MAX_OPEN_OF_ONE_USER and len(self._held) < MAX_OPEN:
                identifier = secrets.token_urlsafe(24)
                self._held[identifier] = Context(
                    holder=holder,
                    point=point,
                    keep_alive=seconds,
                    expires_at=time.monotonic() + seconds,
                    search=search,
                )
                return identifier
        _end(point)
        reason = f"[contexts] at most {MAX_OPEN_OF_ONE_USER} points in time and scrolls are open per user; close some."
        raise Fault(429, "es_rejected_execution_exception", reason)

    @contextmanager
    def use(
        self, holder: Holder, identifier: str, seconds: float | None = None, *, scroll: bool = False
    ) -> Iterator[Context]:
        """The user's context, for this request alone, and kept again for its time. Raises Fault 404 for any other."""
        self._sweep()
        with self._lock:
            context = self._held.get(identifier)
            if context is None or context.holder != holder or (context.search is not None) != scroll:
                raise no_such_context(identifier)
            self._renew(context, seconds)
        if not context.busy.acquire(blocking=False):
            raise Fault(429, "es_rejected_execution_exception", "[context] it is answering another request.")
        try:
            yield context
        finally:
            context.busy.release()
            self._renew(context, None)

    def drop(self, holder: Holder, identifiers: list[str]) -> int:
        """Closes these; how many there were."""
        dropped = []
        with self._lock:
            for identifier in identifiers:
                context = self._held.get(identifier)
                if context is not None and context.holder == holder:
                    dropped.append(self._held.pop(identifier))
        for context in dropped:
            _end(context.point)
        return len(dropped)

    def close(self) -> None:
        with self._lock:
            contexts, self._held = list(self._held.values()), {}
        for context in contexts:
            _end(context.point)

    @staticmethod
    def _renew(context: Context, seconds: float | None) -> None:
        context.keep_alive = seconds or context.keep_alive
        context.expires_at = time.monotonic() + context.keep_alive

    def _sweep(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [
                name
                for name, context in self._held.items()
                if context.expires_at < now and not context.busy.locked()
            ]
            expired = [self._held.pop(name) for name in old]
        for context in expired:
            _end(context.point)


def _end(point: PointInTime) -> None:
    """Closes it. An engine that is away now forgets it by itself, so the caller need not hear of it."""
    try:
        point.close()
    except EngineError as error:
        log.warning("point in time not closed error=%s", error)
