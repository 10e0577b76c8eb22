"""How much one user gets: so many searches at once, so many requests a minute, and a bounded time for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from webui.es.faults import Fault

# By hand and not by the library `limits` 5.8, measured: 5 µs a request against 10 to 14 µs, none of its 0.2 s of importing,
# and it neither counts requests in flight nor lets a request wait a moment for its turn.
MAX_USERS = 1_000
"""Users whose counts are remembered; beyond, those that rest are forgotten."""
MAX_WAITING = 4
"""Requests that may wait for their turn: half of the server's threads, so that the page keeps answering."""
WAIT_SECONDS = 1.0
WORKERS = 8
Answer = TypeVar("Answer")


class Gate:
    """Lets a user in while there is room. A short wait is better than a refusal: the clients retry at once."""

    def __init__(self, *, together: int, per_minute: int) -> None:
        self.together = together
        self.per_minute = per_minute
        self._users: dict[str, _Count] = {}
        self._waiting = 0
        self._room = threading.Condition()

    def enter(self, user: str) -> None:
        """Raises Fault 429 when the user has too many requests in flight or in this minute."""
        deadline = time.monotonic() + WAIT_SECONDS
        with self._room:
            count = self._count(user)
            while (delay := self._delay(count)) > 0:
                left = deadline - time.monotonic()
                if left <= 0 or self._waiting >= MAX_WAITING:
                    raise self._refused(count)
                self._wait(min(delay, left))
            count.tokens -= 1
            count.inside += 1

    def leave(self, user: str) -> None:
        with self._room:
            self._count(user).inside -= 1
            self._room.notify_all()

    def _wait(self, seconds: float) -> None:
        self._waiting += 1
        try:
            self._room.wait(seconds)
        finally:
            self._waiting -= 1

    def _count(self, user: str) -> _Count:
        if user not in self._users:
            if len(self._users) >= MAX_USERS:
                self._users = {name: count for name, count in self._users.items() if count.inside}
            self._users[user] = _Count(self.per_minute)
        return self._users[user]

    def _delay(self, count: _Count) -> float:
        """Seconds until this user may enter; 0 for now."""
        count.refill(self.per_minute)
        if count.inside >= self.together:
            return WAIT_SECONDS
        return 0.0 if count.tokens >= 1 else (1 - count.tokens) * 60 / self.per_minute

    def _refused(self, count: _Count) -> Fault:
        crowded = count.inside >= self.together
        reason = (
            f"[requests] of one user are answered {self.together} at a time; wait for the others."
            if crowded
            else f"[requests] of one user are limited to {self.per_minute} a minute."
        )
        seconds = 1 if crowded else max(1, round((1 - count.tokens) * 60 / self.per_minute))
        return Fault(429, "es_rejected_execution_exception", reason, retry_after_seconds=seconds)


class _Count:
    """What one user has in flight, and a bucket of requests that refills evenly."""

    __slots__ = ("filled_at", "inside", "tokens")

    def __init__(self, per_minute: int) -> None:
        self.inside = 0
        self.tokens = float(per_minute)
        self.filled_at = time.monotonic()

    def refill(self, per_minute: int) -> None:
        now = time.monotonic()
        self.tokens = min(float(per_minute), self.tokens + (now - self.filled_at) * per_minute / 60)
        self.filled_at = now


class Runner:
    """Runs engine calls beside the request, so that a request ends in time even when the engine does not."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="es")

    def run(
        self, call: Callable[[], Answer], *, seconds: float | None = None, running: list[Future[Answer]]
    ) -> Answer:
        """What `call` returns. Raises Fault 408 after the limit; `running` then holds the call that goes on."""
        limit = self.seconds if seconds is None else min(seconds, self.seconds)
        future = self._pool.submit(copy_context().run, call)  # who asks is known there, too
        running.append(future)
        try:
            return future.result(timeout=limit)
        except TimeoutError:
            if future.done():
                raise
            future.cancel()
            # 408 and not 503 or 504: the clients send those again at once, and the engine is busy enough.
            reason = f"[timeout] the search took longer than {limit:g} s; narrow it."
            raise Fault(408, "timeout_exception", reason, timed_out=True) from None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
