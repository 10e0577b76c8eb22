"""How fast a model answers where it serves: latency, throughput and failures in windows, put beside the model.

A call costs two readings of the clock and one count; files are written by a thread of their own, once a window.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import inspect
import logging
import math
import os
import re
import socket
import threading
import time
import weakref
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Mapping,
)
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar, cast

from modeldex.sidecar import Sidecar, change, checked, merge

P = ParamSpec("P")
R = TypeVar("R")

WINDOW_SECONDS = 300.0
STEPS_PER_DOUBLING = 16
"""A percentile is off by at most 2.2 %: half of one step of 2^(1/16)."""
FASTEST_SECONDS = 1e-6
MAX_STEPS = 37 * STEPS_PER_DOUBLING
"""Up to 38 hours; what takes longer counts as that."""
MAX_MODELS = 1_000
MAX_PROCESSES = 64
SERVING = "serving"

log = logging.getLogger(__name__)

Model = str | os.PathLike[str]
_COUNTS = re.compile(r"(\d{1,3}):(\d{1,15})")
_TOLD = re.compile(r"(?:\S{1,200}) (\d{1,12}\.\d{3}) (\d{1,12}\.\d{3}) (\d{1,15})((?: \d{1,3}:\d{1,15})*)")


@dataclass(slots=True)
class Window:
    """What the calls of one model came to in one stretch of time. `counts` holds answered calls by their duration."""

    began: float
    since: float
    counts: dict[int, int] = field(default_factory=dict)
    failed: int = 0
    until: float = 0.0

    @property
    def answered(self) -> int:
        return sum(self.counts.values())

    def percentile(self, share: float) -> float:
        """The duration in seconds that this share of answered calls stays within."""
        rank, seen = math.ceil(share * self.answered), 0
        for step in sorted(self.counts):
            seen += self.counts[step]
            if seen >= rank:
                return FASTEST_SECONDS * math.exp2((step + 0.5) / STEPS_PER_DOUBLING)
        return 0.0

    def add(self, other: Window) -> None:
        """Counts the calls of another process in the same window, too."""
        for step, count in other.counts.items():
            self.counts[step] = self.counts.get(step, 0) + count
        self.failed += other.failed
        self.since, self.until = min(self.since, other.since), max(self.until, other.until)

    def metrics(self) -> dict[str, float]:
        """Latency of answered calls in ms, answered calls a second, and the share that failed."""
        answered = self.answered
        metrics = {"failure_rate": round(self.failed / (answered + self.failed), 6)}
        if answered:
            metrics |= {
                "latency_ms": _ms(self.percentile(0.5)),
                "latency_p95_ms": _ms(self.percentile(0.95)),
                "latency_p99_ms": _ms(self.percentile(0.99)),
                "throughput_per_second": _three_digits(answered / max(self.until - self.since, 1.0)),
            }
        return metrics


def _ms(seconds: float) -> float:
    return _three_digits(seconds * 1_000)


def _three_digits(number: float) -> float:
    return float(f"{number:.3g}")


Report = Callable[[Model, Window], None]


def beside_model(model: Model, window: Window) -> None:
    """Writes the window into the sidecar of the model. Processes that serve it in the same window are counted together."""
    began = _text(window.began)

    def edit(sidecar: Sidecar) -> None:
        extra = sidecar.get("extra")
        written = extra.get(SERVING) if isinstance(extra, dict) else None
        written = written if isinstance(written, dict) else {}
        if window.began < _instant(written.get("window")) <= time.time():
            return  # a process that comes late: a newer window is there
        others = written.get("processes") if written.get("window") == began else None
        own = f"{_process()} "
        processes = (
            [text for text in others if not str(text).startswith(own)] if isinstance(others, list) else []
        )
        processes = [*processes[-MAX_PROCESSES:], own + _written(window)]
        together = replace(window, counts={}, failed=0)
        for text in processes:
            if (part := _read(window.began, text)) is not None:
                together.add(part)
        entry = checked(together.metrics())
        if isinstance(extra, dict):
            extra.pop(SERVING, None)  # what it says is of this window alone
        entry["extra"] = {
            SERVING: {
                "window": began,
                "until": _text(together.until),
                "answered": together.answered,
                "failed": together.failed,
                "processes": processes,
            }
        }
        merge(sidecar, entry)

    change(model, edit)


def _process() -> str:
    return f"{socket.gethostname()[:100]}/{os.getpid()}"


def _written(window: Window) -> str:
    """Since, until, failed calls and answered ones by step of duration, in a line."""
    counts = "".join(f" {step}:{count}" for step, count in sorted(window.counts.items()))
    return f"{window.since:.3f} {window.until:.3f} {window.failed}{counts}"


def _read(began: float, text: Any) -> Window | None:
    match = _TOLD.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    counts = {int(step): int(count) for step, count in _COUNTS.findall(match[4]) if int(step) < MAX_STEPS}
    return Window(
        began=began, since=float(match[1]), until=float(match[2]), failed=int(match[3]), counts=counts
    )


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _instant(text: Any) -> float:
    """Seconds of the epoch, 0 for what is no instant."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0.0


class Recorder:
    """Counts calls per model and reports each window when it is over. Any number of threads may use it, and a process
    that is forked goes on with counts of its own.

    `report` is told the model and its window, in a thread of its own; by default it goes beside the model. What it raises
    is logged and never reaches a call.
    """

    def __init__(self, *, window_seconds: float = WINDOW_SECONDS, report: Report = beside_model) -> None:
        if not window_seconds > 0:
            raise ValueError("window_seconds must be above 0")
        self._window_seconds = window_seconds
        self._report = report
        self._begin()
        if hasattr(os, "register_at_fork"):
            again = weakref.WeakMethod(self._begin)
            os.register_at_fork(after_in_child=lambda: (begin := again()) and begin())

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._reporting = threading.Lock()
        self._windows: dict[Model, Window] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._since = time.time()

    def record(self, model: Model, seconds: float, *, failed: bool = False) -> None:
        """Counts one call of the model. Beyond MAX_MODELS in one window, calls of further models are not counted."""
        step = 0
        if seconds > FASTEST_SECONDS:
            step = min(int(math.log2(seconds / FASTEST_SECONDS) * STEPS_PER_DOUBLING), MAX_STEPS - 1)
        with self._lock:
            window = self._windows.get(model)
            if window is None:
                if len(self._windows) >= MAX_MODELS:
                    return
                window = self._windows[model] = self._new_window()
            if failed:
                window.failed += 1
            else:
                window.counts[step] = window.counts.get(step, 0) + 1
        if self._thread is None:
            self._start()

    def measures(self, model: Model) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """A decorator for the function that asks the model, an ordinary or an asynchronous one. A call that raises counts
        as failed, and its duration does not. One that yields lasts from the first word to the last; one that nobody
        reads to its end is not counted.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            for kind, wrapped in (
                (inspect.iscoroutinefunction, self._measured_later),
                (inspect.isgeneratorfunction, self._measured_stream),
                (inspect.isasyncgenfunction, self._measured_later_stream),
            ):
                if kind(function) or kind(getattr(function, "__call__", None)):  # noqa: B004 - of which kind it is
                    return cast("Callable[P, R]", wrapped(model, cast("Any", function)))

            @functools.wraps(function)
            def measured(*args: P.args, **kwargs: P.kwargs) -> R:
                with _Timing(self, model):
                    return function(*args, **kwargs)

            return measured

        return decorate

    def _measured_later(
        self, model: Model, function: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(function)
        async def measured(*args: Any, **kwargs: Any) -> Any:
            with _Timing(self, model):
                return await function(*args, **kwargs)

        return measured

    def _measured_stream(
        self, model: Model, function: Callable[..., Generator[Any, Any, Any]]
    ) -> Callable[..., Generator[Any, Any, Any]]:
        @functools.wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with _Timing(self, model):
                return (yield from function(*args, **kwargs))

        return measured

    def _measured_later_stream(
        self, model: Model, function: Callable[..., AsyncGenerator[Any, Any]]
    ) -> Callable[..., AsyncGenerator[Any, Any]]:
        @functools.wraps(function)
        async def measured(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            with _Timing(self, model):
                async with contextlib.aclosing(function(*args, **kwargs)) as stream:
                    async for part in stream:
                        yield part

        return measured

    def flush(self) -> None:
        """Reports what was counted so far of the window that is under way."""
        with self._lock:
            windows = {
                model: replace(window, counts=dict(window.counts)) for model, window in self._windows.items()
            }
        self._tell(windows, until=time.time())

    def close(self) -> None:
        """Reports the rest and ends its thread. It also happens when the process ends in an orderly way."""
        atexit.unregister(self.close)
        self._over.set()
        if self._thread is not None:
            self._thread.join(10)
        self.flush()
        self._begin()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._run, name="modeldex-recorder", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _run(self) -> None:
        while not self._over.wait(self._rest_of_window()):
            with self._lock:
                windows, self._windows = self._windows, {}
                self._since = time.time()
            self._tell(windows, until=self._since)

    def _rest_of_window(self) -> float:
        return self._window_seconds - time.time() % self._window_seconds

    def _new_window(self) -> Window:
        now = time.time()
        return Window(began=now - now % self._window_seconds, since=self._since)

    def _tell(self, windows: Mapping[Model, Window], *, until: float) -> None:
        with self._reporting:
            for model, window in windows.items():
                window.until = until
                try:
                    self._report(model, window)
                except Exception as error:  # noqa: BLE001 - whatever it is, the service goes on
                    log.warning("latency could not be reported model=%s reason=%s", model, error)


class _Timing:
    """One call, counted when it ends: as failed by an error, and not at all where it is left half-way."""

    __slots__ = ("_clock", "_model", "_recorder")

    def __init__(self, recorder: Recorder, model: Model) -> None:
        self._recorder = recorder
        self._model = model

    def __enter__(self) -> None:
        self._clock = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, Exception):
            self._recorder.record(self._model, time.perf_counter() - self._clock, failed=kind is not None)
