"""Connections of urllib3 on which the head of an answer has an end.

A timeout of a socket is that of one read: who sends a letter of the status line, or one `100 Continue` after the other, before
each is over keeps the one who asked for ever. Here the read timeout is that of the whole head. Bodies are bounded by who reads them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


class _TimelyHead:
    """The part that both kinds of connections have."""

    sock: Any
    timeout: Any

    def getresponse(self) -> Any:
        """As urllib3's. Raises TimeoutError where the head does not end in time."""
        with _closed_after(self.sock, self.timeout):
            return super().getresponse()  # type: ignore[misc]


class TimelyConnection(_TimelyHead, HTTPConnection):
    """Without TLS."""


class TimelyTlsConnection(_TimelyHead, HTTPSConnection):
    """With TLS."""


class TimelyPool(urllib3.HTTPConnectionPool):
    """Connections to one place without TLS."""

    ConnectionCls = TimelyConnection


class TimelyTlsPool(urllib3.HTTPSConnectionPool):
    """Connections to one place with TLS."""

    ConnectionCls = TimelyTlsConnection


class TimelyPools(urllib3.PoolManager):
    """Connections to any place."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.pool_classes_by_scheme = {"http": TimelyPool, "https": TimelyTlsPool}


@contextmanager
def _closed_after(sock: socket.socket, seconds: float | None) -> Iterator[None]:
    """Nothing is read from the socket after so many seconds, as who reads it hears by TimeoutError."""
    if not isinstance(seconds, int | float):
        yield
        return
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        with suppress(OSError):  # the other side was faster
            # That of a TLS socket would take its state from under the read that is to end.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if is_over.is_set():
            raise TimeoutError("the head of the answer did not end in time") from error
        raise
    finally:
        timer.cancel()
    if is_over.is_set():
        raise TimeoutError("the head of the answer did not end in time")
