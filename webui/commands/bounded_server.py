"""The HTTP server with bounds on connections: who does not send, and who does not read, keeps nobody else from being answered."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from waitress.channel import HTTPChannel  # type: ignore[import-untyped]  # no hints published
from waitress.server import (  # type: ignore[import-untyped]
    BaseWSGIServer,
    MultiSocketServer,
    create_server,
)

THREADS = 8
BODY_BYTES = 1024 * 1024
"""More is not even received; what of it is read, the application decides."""
MOST_CONNECTIONS = 200
"""Open at once. One more ends that which has waited longest for its client, so that there is always room for a new one."""
UNCOUNTED = 50
"""What the server watches beside connections, and those of which an answer is being made: they are never ended."""
REQUEST_SECONDS = 20
"""In which a request must be complete, from its first byte; slow lines send the 64 kB that are read in a tenth of it."""
WRITE_SECONDS = 30
LEAST_BYTES = 30 * 1024
"""To be taken of an answer in WRITE_SECONDS: 1 kB a second, below the slowest modem."""
MOST_PIPELINED = 4
"""Requests sent before the answer to the first one: a thread would wait for the client to read between two of them."""


class BoundedChannel(HTTPChannel):  # type: ignore[misc]  # no hints published
    """One connection. The server's loop asks each at least once a second whether it is readable: then its time is looked at."""

    def __init__(self, server: Any, *arguments: Any, **options: Any) -> None:
        self.waiting_since = time.monotonic()  # for the client: to send, or to take
        self.begun_at: float | None = self.waiting_since
        self.window_began: float | None = None
        self.window_bytes = 0
        self.is_overdue = False
        super().__init__(server, *arguments, **options)
        _make_room(server, self)

    @property
    def is_answering(self) -> bool:
        """Whether an answer is being made, which nobody may break off."""
        return bool(self.requests)

    def readable(self) -> bool:
        self._look_at_time(time.monotonic())
        if self.is_overdue:
            # Here and at once: a connection whose client does not read is never ready to be written to and then closed.
            # It is shut down and not closed: the loop is about to wait for this number of a file, and would take what
            # it hears of it for the connection that has the number next.
            with contextlib.suppress(OSError):  # the client went meanwhile
                self.socket.shutdown(socket.SHUT_RDWR)
            return True
        return bool(super().readable())

    def received(self, data: bytes) -> bool:
        taken = bool(super().received(data))
        if self.request is None:
            self.begun_at = None
            self.waiting_since = time.monotonic()
        elif self.begun_at is None:
            self.begun_at = time.monotonic()
        if len(self.requests) > MOST_PIPELINED:
            self.is_overdue = True
        return taken

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = int(super().send(data, do_close=do_close))
        self.window_bytes += sent
        if sent:
            self.waiting_since = time.monotonic()
        return sent

    def _look_at_time(self, now: float) -> None:
        if self.begun_at is not None and not self.is_answering and now - self.begun_at > REQUEST_SECONDS:
            self.is_overdue = True
        if not self.total_outbufs_len:
            self.window_began = None
        elif self.window_began is None:
            self.window_began, self.window_bytes = now, 0
        elif now - self.window_began > WRITE_SECONDS:
            if self.window_bytes < LEAST_BYTES:
                self.is_overdue = True
            self.window_began, self.window_bytes = now, 0


def listening_server(application: Any, *, host: str, port: int) -> Any:
    """A server that listens already and answers when it is run. Raises OSError, and ValueError for no address."""
    server = create_server(
        application,
        host=host,
        port=port,
        threads=THREADS,
        ident=None,
        clear_untrusted_proxy_headers=True,
        max_request_body_size=BODY_BYTES,
        connection_limit=MOST_CONNECTIONS + UNCOUNTED,
        asyncore_use_poll=True,
    )
    # `localhost` is two addresses, and each has a server of its own in one loop.
    listeners = server.map.values() if isinstance(server, MultiSocketServer) else (server,)
    for listener in listeners:
        if isinstance(listener, BaseWSGIServer):
            listener.channel_class = BoundedChannel
    return server


def _make_room(server: Any, newest: BoundedChannel) -> None:
    channels = list(server.active_channels.values())
    if len(channels) <= MOST_CONNECTIONS:
        return
    waiting = [
        channel
        for channel in channels
        if channel is not newest and not channel.is_answering and not channel.is_overdue
    ]
    if waiting:
        min(waiting, key=lambda channel: channel.waiting_since).is_overdue = True
