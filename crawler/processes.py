"""Work in other processes: items in order through a few workers, a bounded number of them under way.

A worker that dies (killed, out of memory) costs the item that it died of and no other: what it had in hand is tried again
one by one in a fresh one, and an item over which that dies too is told to be lost.
"""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")

CHUNK_ITEMS = 16
CHUNKS_AHEAD = 4
"""For each worker, so that it has something to do while the one who asks writes a page."""
END_SECONDS = 2.0
COLLECT_AFTER_OBJECTS = 50_000
"""Python looks for cycles after 700 new objects; a worker keeps few objects and makes many: that cost 17 % of its time."""


@dataclass(slots=True)
class _Chunk(Generic[T, R]):
    number: int
    items: Sequence[T]
    results: list[R] | None = None


@dataclass(slots=True)
class _Worker(Generic[T, R]):
    process: Any
    connection: Connection
    is_ready: bool = False
    in_hand: deque[_Chunk[T, R]] = field(default_factory=deque)


class Workers(Generic[T, R]):
    """Processes that each do `prepare(*arguments)` once, and with what it returns every item.

    `prepare`, its arguments, items and results must be picklable. `lost` makes the result of an item over which a worker
    died. `preload` are modules that workers share, so that each of them starts in milliseconds. Ends its processes when
    the block ends, however it ends; they end by themselves when this process is gone.
    """

    def __init__(
        self,
        prepare: Callable[..., Callable[[T], R]],
        arguments: tuple[Any, ...],
        *,
        lost: Callable[[T, str], R],
        size: int,
        preload: Sequence[str] = (),
    ) -> None:
        self._started_with = prepare, arguments
        self._failed_starts = 0
        self._lost = lost
        self._size = size
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__, *preload])
        self._workers: list[_Worker[T, R]] = []
        self._serial = itertools.count()

    def __enter__(self) -> Self:
        self._workers = [self._start() for _ in range(self._size)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(END_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []

    @property
    def process_ids(self) -> list[int]:
        return [worker.process.pid for worker in self._workers]

    def are_ready(self) -> bool:
        """Whether a worker has started; does not wait."""
        for worker in self._workers:
            if not worker.is_ready and worker.connection.poll():
                self._receive(worker)
        return any(worker.is_ready for worker in self._workers)

    def map(self, items: Iterable[T]) -> Iterator[R]:
        """The results in the order of the items, which are taken as far ahead as workers need them."""
        under_way: deque[_Chunk[T, R]] = deque()
        todo = iter(items)
        is_ended = False
        while True:
            while not is_ended and len(under_way) < CHUNKS_AHEAD * len(self._workers):
                part = list(itertools.islice(todo, CHUNK_ITEMS))
                if not part:
                    is_ended = True
                    break
                chunk = _Chunk[T, R](number=next(self._serial), items=part)
                under_way.append(chunk)
                self._give(chunk)
                if under_way[0].results is not None:
                    break
            if not under_way:
                return
            while under_way[0].results is None:
                self._receive_any()
            yield from under_way.popleft().results or ()

    def _start(self) -> _Worker[T, R]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, *self._started_with), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process=process, connection=ours)

    def _give(self, chunk: _Chunk[T, R]) -> None:
        ready = [worker for worker in self._workers if worker.is_ready] or self._workers
        worker = min(ready, key=lambda one: len(one.in_hand))
        worker.in_hand.append(chunk)
        try:
            worker.connection.send((chunk.number, chunk.items))
        except OSError:  # it is gone; what it had in hand is seen to when its end is noticed
            self._replace(worker)

    def _receive_any(self) -> None:
        busy = {worker.connection: worker for worker in self._workers if worker.in_hand}
        for connection in wait(list(busy)):
            self._receive(busy[connection])  # type: ignore[index]  # wait returns what it was given

    def _receive(self, worker: _Worker[T, R]) -> None:
        try:
            number, results = worker.connection.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return
        if number is None:
            worker.is_ready = True
            return
        chunk = worker.in_hand.popleft()
        assert chunk.number == number, "a worker does its chunks in order"
        chunk.results = results

    def _replace(self, worker: _Worker[T, R]) -> None:
        """The worker died: its first chunk is done item by item, the rest goes to a fresh one."""
        worker.connection.close()
        worker.process.join(END_SECONDS)
        fresh = self._start()
        self._workers[self._workers.index(worker)] = fresh
        chunks = list(worker.in_hand)
        worker.in_hand.clear()
        if not worker.is_ready:
            self._failed_starts += 1
            if self._failed_starts > self._size:
                raise WorkerFailedError(worker.process.exitcode)
            for chunk in chunks:
                self._give(chunk)
            return
        if chunks:
            chunks[0].results = [self._alone(item) for item in chunks[0].items]
        for chunk in chunks[1:]:
            self._give(chunk)

    def _alone(self, item: T) -> R:
        """One item in a worker of its own."""
        worker = self._start()
        try:
            worker.connection.recv()  # that it is ready
            worker.connection.send((0, [item]))
            _, (result,) = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(END_SECONDS)
            return self._lost(item, f"the process that read it ended ({_cause(worker.process.exitcode)})")
        else:
            return result  # type: ignore[no-any-return]  # what the worker made of the item
        finally:
            worker.connection.close()
            worker.process.terminate()
            worker.process.join(END_SECONDS)


class WorkerFailedError(Exception):
    """A worker ended before it could begin: what it needs cannot be loaded in another process."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(f"a worker process did not start ({_cause(exit_code)})")


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"signal {-exit_code}, {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def _serve(
    connection: Connection, prepare: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]
) -> None:
    """The life of a worker. Ctrl-C is for the one who asks; SIGTERM, or the end of the connection, ends the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    work = prepare(*arguments)
    chunks: SimpleQueue[tuple[int, Sequence[Any]] | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, chunks), daemon=True).start()
    try:
        connection.send((None, None))
        while (chunk := chunks.get()) is not None:
            number, items = chunk
            connection.send((number, [work(item) for item in items]))
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)


def _listen(connection: Connection, chunks: SimpleQueue[tuple[int, Sequence[Any]] | None]) -> None:
    """Takes in what is asked while the worker works, so that neither side waits for the other to listen."""
    try:
        while True:
            chunks.put(connection.recv())
    except (EOFError, OSError):
        chunks.put(None)
