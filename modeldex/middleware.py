"""Requests of a web service counted as calls of the model that answers them: one layer for WSGI, one for ASGI."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

from modeldex.serving import Model, Recorder

Environment = dict[str, Any]
Choice = Model | Callable[[Any], Model | None]
"""The model that answers a request, or what tells it by the environment or scope; None: the request is not counted."""


class WsgiMiddleware:
    """A WSGI application whose requests are counted as calls of a model, until the last byte of the answer is taken.

    Answers of 500 and above, and those that break off by an error, have failed. Source: PEP 3333.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], recorder: Recorder, model: Choice) -> None:
        self._app = app
        self._recorder = recorder
        self._model = model

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        model = self._model(environ) if callable(self._model) else self._model
        if model is None:
            return self._app(environ, start_response)
        call = _Call(self._recorder, model)

        def start(status: str, *more: Any, **options: Any) -> Any:
            call.failed = status.startswith("5")
            return start_response(status, *more, **options)

        try:
            answer = self._app(environ, start)
        except Exception:
            call.failed = True
            call.end()
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(answer, list | tuple) or (isinstance(wrapper, type) and isinstance(answer, wrapper)):
            call.end()  # whole already, or sent by the server in a way that a wrapper would take from it
            return answer
        return _Answer(answer, call)


class _Call:
    """One request under way, counted once."""

    __slots__ = ("_clock", "_model", "_recorder", "failed", "open")

    def __init__(self, recorder: Recorder, model: Model) -> None:
        self._recorder = recorder
        self._model = model
        self._clock = time.perf_counter()
        self.failed = False
        self.open = True

    def end(self) -> None:
        if self.open:
            self.open = False
            self._recorder.record(self._model, time.perf_counter() - self._clock, failed=self.failed)


class _Answer:
    """The body of an answer; it is over when the server closes it, as it must."""

    def __init__(self, body: Iterable[bytes], call: _Call) -> None:
        self._body = body
        self._parts = iter(body)
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except StopIteration:
            self._call.end()
            raise
        except Exception:
            self._call.failed = True
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._call.end()


BODIES = frozenset({"http.response.body", "http.response.pathsend", "http.response.zerocopysend"})
"""Messages that may be the last of an answer; others (early hints, pushes) tell something beside it."""

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


class AsgiMiddleware:
    """An ASGI application whose HTTP requests are counted as calls of a model, until the last byte of the answer is sent.

    With `first_byte` a call lasts until the answer begins, for models whose answers are streams that people read along.
    Answers of 500 and above, errors and answers that are never finished have failed; a client that goes away is no
    failure of the model.
    Source: ASGI HTTP and WebSocket specification 2.5.
    """

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        recorder: Recorder,
        model: Choice,
        *,
        first_byte: bool = False,
    ) -> None:
        self._app = app
        self._recorder = recorder
        self._model = model
        self._first_byte = first_byte

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        model = None
        if scope["type"] == "http":
            model = self._model(scope) if callable(self._model) else self._model
        if model is None:
            await self._app(scope, receive, send)
            return
        call = _Call(self._recorder, model)

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.failed = message["status"] >= 500
            try:
                await send(message)
            except Exception:
                call.open = False
                raise
            if message["type"] in BODIES and (self._first_byte or not message.get("more_body")):
                call.end()

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                call.open = False
            return message

        try:
            await self._app(scope, heard, counted)
        except Exception:
            call.failed = True
            call.end()
            raise
        call.failed = True  # of a call that is still open the answer has no end
        call.end()
