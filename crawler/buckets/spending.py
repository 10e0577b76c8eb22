"""What a crawl asks of a storage: counted, slowed down, and ended when its budget is used up."""

from __future__ import annotations

import threading
import time

from catalog.errors import SourceError
from catalog.lazy_dataclasses import dataclass


class NothingMoreAsked(SourceError):
    """Whatever would be asked next, nothing is: what was not reached is left to the next crawl."""

    retryable = True


class CredentialsRefused(NothingMoreAsked):
    """The storage took the credentials until now, or would take them at another time: asking on is asking in vain."""


class BudgetSpent(NothingMoreAsked):
    """A crawl may ask no more. Raised by sources; what was not reached is left to the next crawl."""

    def __init__(self, what: str, limit: float) -> None:
        super().__init__(
            f"the budget of this crawl is used up: {limit:,g} {what}. The next one goes on from here"
        )
        self.what = what
        self.limit = limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one crawl; 0 means any number. Units: requests, bytes, wall seconds, requests a second."""

    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0
    requests_per_second: float = 0.0


class Spending:
    """The account of one crawl. Threads may share it."""

    def __init__(self, limits: Limits) -> None:
        self.requests = 0
        self.bytes = 0
        self.limits = limits
        self._refused: CredentialsRefused | None = None
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._next = 0.0

    def check(self) -> None:
        """Raises BudgetSpent, CredentialsRefused if nothing more may be asked."""
        if self._refused is not None:
            raise self._refused
        limits = self.limits
        if limits.requests and self.requests >= limits.requests:
            raise BudgetSpent("requests", limits.requests)
        if limits.bytes and self.bytes >= limits.bytes:
            raise BudgetSpent("bytes", limits.bytes)
        if limits.seconds and time.monotonic() - self._started >= limits.seconds:
            raise BudgetSpent("seconds", limits.seconds)

    def refuse(self, reason: str) -> None:
        """From now on nothing is asked."""
        self._refused = CredentialsRefused(reason)

    def request(self) -> None:
        """One request goes out, when its turn has come."""
        rate = self.limits.requests_per_second
        with self._lock:
            self.requests += 1
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + (1 / rate if rate else 0)
        if turn > now:
            time.sleep(turn - now)

    def receive(self, size_bytes: int) -> None:
        with self._lock:
            self.bytes += size_bytes
