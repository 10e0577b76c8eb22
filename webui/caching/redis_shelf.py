"""Redis as a shelf: two commands, each within one bounded time, whatever the other side does.

redis-py bounds each wait for the socket, not all of them together, and a server that sends a byte now and then would hold a
request for ever. So a few threads ask, and whoever waits for them gives up in time and closes their connections.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedTooLong
from typing import Any, TypeVar

from catalog.errors import UserError
from webui.caching.answers import ShelfFault

ASKED_AT_ONCE = 4
"""As many threads as wait for Redis; more requests at once than that wait for one of them, within their own time."""
T = TypeVar("T")


class RedisShelf:
    """Raises UserError for an address that is none, and where redis-py is not installed. Connects with the first value."""

    def __init__(self, url: str, *, seconds: float) -> None:
        try:
            import redis  # noqa: PLC0415 - an extra, and 60 ms
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.retry import Retry  # noqa: PLC0415
        except ImportError as error:
            raise UserError(
                "The setting cache.url needs redis-py.",
                advice="Install it with: pip install 'modeldex[redis]'",
            ) from error
        self._errors = redis.exceptions
        self._seconds = seconds
        try:
            pool = redis.ConnectionPool.from_url(
                url,
                socket_timeout=seconds,
                socket_connect_timeout=seconds,
                retry=Retry(NoBackoff(), 0),
                max_connections=2 * ASKED_AT_ONCE,
                protocol=2,
            )
        except (ValueError, TypeError) as error:
            raise UserError("The setting cache.url is no address of a Redis.") from error
        self._pool = pool
        self._client = redis.Redis(connection_pool=pool)
        self._threads = ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="cache")

    def get(self, key: bytes, most_bytes: int) -> bytes:
        """A value of any length costs no more than `most_bytes` and one."""
        value = self._within_time(lambda: self._client.getrange(key, 0, most_bytes))
        return value if isinstance(value, bytes) else b""

    def put(self, key: bytes, value: bytes, seconds: int) -> None:
        self._within_time(lambda: self._client.set(key, value, ex=seconds))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.disconnect(inuse_connections=True)

    def _within_time(self, ask: Callable[[], T]) -> T:
        waiting: Future[T] = self._threads.submit(ask)
        try:
            return waiting.result(self._seconds)
        except WaitedTooLong as error:
            if not waiting.cancel():
                self._pool.disconnect(inuse_connections=True)
            raise ShelfFault("it did not answer in time") from error
        except self._errors.RedisError as error:
            raise self._fault(error) from error
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            raise ShelfFault(f"it does not answer as Redis does ({type(error).__name__})") from error

    def _fault(self, error: Any) -> ShelfFault:
        errors = self._errors
        match error:
            case errors.AuthenticationError() | errors.AuthorizationError() | errors.NoPermissionError():
                return ShelfFault("it does not take our user name and password")
            case errors.TimeoutError():
                return ShelfFault("it did not answer in time")
            case errors.OutOfMemoryError():
                return ShelfFault("it is full", passing=True)
            case errors.InvalidResponse():
                return ShelfFault("it does not answer as Redis does")
            case errors.ConnectionError():
                return ShelfFault("it cannot be reached")
        words = str(error)
        if "NOAUTH" in words or "WRONGPASS" in words:
            return ShelfFault("it does not take our user name and password")
        return ShelfFault("it refuses a command", passing=True)
