"""Work in other processes: items in order through a few workers, a bounded number of them under way.

A host process loads what the work needs and forks the workers from itself, so that each starts in milliseconds and nothing
of this process (locks, connections, threads, a script that is running) is in them. A command that knows early that there
may be work forks its host from itself while it has none of these either (`spare_host`): then nothing is loaded twice.

A worker that dies (killed, out of memory) costs the item that it died of and no other: what it had in hand is tried again
one by one in a fresh one, and an item over which that dies too is told to be lost.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import json
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, NoReturn, Self, TypeVar

from catalog.garbage import COLLECT_AFTER_OBJECTS
from catalog.lazy_dataclasses import dataclass, field

T = TypeVar("T")
R = TypeVar("R")

CHUNK_ITEMS = 16
CHUNKS_AHEAD = 8
"""For each worker, so that it has something to do while the one who asks writes a page: 100 records take that 40 ms, in which
a worker makes 80."""
BYTES_AHEAD = 8 * 1024 * 1024
"""For each worker as well, once each has a chunk: what large models say of themselves is not piled up."""
END_SECONDS = 5.0
POLL_SECONDS = 0.002
MAX_DESCRIPTOR = 65_536

_HOST = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from crawler.processes import host; host(int(sys.argv[2]))"
_GONE = "the process that worked on it was killed or crashed"

Prepare = Callable[..., Callable[[Any], Any]]


@dataclass(slots=True)
class _Chunk(Generic[T, R]):
    number: int
    items: Sequence[T]
    size_bytes: int = 0
    results: list[R] | None = None


@dataclass(slots=True)
class _Worker(Generic[T, R]):
    connection: Connection
    process_id: int | None = None
    """None until it is ready."""
    in_hand: deque[_Chunk[T, R]] = field(default_factory=deque)


class WorkerFailedError(Exception):
    """Workers end before they can begin: what they need cannot be had in another process."""

    def __init__(self) -> None:
        super().__init__("no worker process could be started")


class Workers(Generic[T, R]):
    """Processes that each do `prepare(*arguments)` once, and with what it returns every item.

    `prepare`, its arguments, items and results must be picklable. `lost` makes the result of an item over which a worker
    died. `preload` are modules that the host loads for all workers. Ends its processes when the block ends, however it
    ends; they end by themselves when this process is gone.
    """

    def __init__(
        self,
        prepare: Callable[..., Callable[[T], R]],
        arguments: tuple[Any, ...],
        *,
        lost: Callable[[T, str], R],
        size: int,
        preload: Sequence[str] = (),
        spare: SpareHost | None = None,
    ) -> None:
        self._host = _Host(prepare, arguments, preload, spare)
        self._lost = lost
        self._size = size
        self._failed_starts = 0
        self._workers: list[_Worker[T, R]] = []
        self._serial = itertools.count()

    def __enter__(self) -> Self:
        try:
            self._host.start()
            self._workers = [self._start() for _ in range(self._size)]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.connection.close()
        self._workers = []
        self._host.end()

    @property
    def process_ids(self) -> list[int]:
        """Of the workers that are ready."""
        return [worker.process_id for worker in self._workers if worker.process_id is not None]

    def are_ready(self, patience_seconds: float = 0.0) -> bool:
        """Whether a worker has started; waits so long for the first of them."""
        starting = {worker.connection: worker for worker in self._workers if worker.process_id is None}
        patience = 0.0 if self.process_ids else patience_seconds
        for connection in wait(list(starting), patience):
            self._receive(starting[connection])  # type: ignore[index]  # wait returns what it was given
        return bool(self.process_ids)

    def map(self, items: Iterable[T]) -> Iterator[R]:
        """The results in the order of the items, which are taken as far ahead as workers need them."""
        under_way: deque[_Chunk[T, R]] = deque()
        todo = iter(items)
        is_ended = False
        while True:
            while not is_ended and self._has_room(under_way):
                part = list(itertools.islice(todo, CHUNK_ITEMS))
                if not part:
                    is_ended = True
                    break
                chunk = _Chunk[T, R](number=next(self._serial), items=part)
                under_way.append(chunk)
                self._give(chunk)
            if not under_way:
                return
            while under_way[0].results is None:
                self._receive_any()
            yield from under_way.popleft().results or ()

    def _has_room(self, under_way: Collection[_Chunk[T, R]]) -> bool:
        number = len(self._workers)
        if len(under_way) < number:
            return True
        size_bytes = sum(chunk.size_bytes for chunk in under_way)
        return len(under_way) < CHUNKS_AHEAD * number and size_bytes < BYTES_AHEAD * number

    def _start(self) -> _Worker[T, R]:
        return _Worker(connection=self._host.fork())

    def _give(self, chunk: _Chunk[T, R]) -> None:
        ready = [worker for worker in self._workers if worker.process_id is not None] or self._workers
        worker = min(ready, key=lambda worker: len(worker.in_hand))
        worker.in_hand.append(chunk)
        pickled = ForkingPickler.dumps((chunk.number, chunk.items))
        chunk.size_bytes = len(pickled)
        try:
            worker.connection.send_bytes(pickled)
        except OSError:
            self._replace(worker)

    def _receive_any(self) -> None:
        """Results, and word of workers that have started: one that nobody listens to would never be given anything."""
        expected = {
            worker.connection: worker
            for worker in self._workers
            if worker.in_hand or worker.process_id is None
        }
        for connection in wait(list(expected)):
            self._receive(expected[connection])  # type: ignore[index]  # wait returns what it was given

    def _receive(self, worker: _Worker[T, R]) -> None:
        try:
            number, results = worker.connection.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return
        if worker.process_id is None:
            worker.process_id = results
            return
        chunk = worker.in_hand.popleft()
        assert chunk.number == number, "a worker does its chunks in order"
        chunk.results = results

    def _replace(self, worker: _Worker[T, R]) -> None:
        """The worker died: its first chunk is done item by item, the rest goes to the others."""
        if worker not in self._workers:
            return
        worker.connection.close()
        chunks = list(worker.in_hand)
        if worker.process_id is None:
            self._failed_starts += 1
        elif chunks:
            chunks[0].results = [self._alone(item) for item in chunks[0].items]
        if worker.process_id is not None or self._failed_starts <= self._size:
            self._workers[self._workers.index(worker)] = self._start()
        elif len(self._workers) > 1:  # the others go on without it
            self._workers.remove(worker)
        else:
            raise WorkerFailedError
        for chunk in chunks:
            if chunk.results is None:
                self._give(chunk)

    def _alone(self, item: T) -> R:
        """One item in a worker of its own."""
        connection = self._host.fork()
        try:
            connection.recv()  # that it is ready
            connection.send((0, [item]))
            _, (result,) = connection.recv()
        except (EOFError, OSError):
            return self._lost(item, _GONE)
        else:
            return result  # type: ignore[no-any-return]  # what the worker made of the item
        finally:
            connection.close()


class _Host:
    """The process from which workers are forked, as this process has it."""

    def __init__(
        self, prepare: Prepare, arguments: tuple[Any, ...], preload: Sequence[str], spare: SpareHost | None
    ) -> None:
        self._begin = prepare, arguments, tuple(preload)
        self._process: subprocess.Popen[bytes] | _Forked | None = None
        self._control: socket.socket | None = None
        self._spare = spare

    def start(self) -> None:
        """Raises what pickling raises when another process cannot have what the work needs."""
        what_to_begin_with = pickle.dumps(self._begin)
        if self._spare is not None and (taken := self._spare.take()) is not None:
            self._process, self._control = taken
            begin, begun = _pipe()
            with begun:
                socket.send_fds(self._control, [b"b"], [begun.fileno()])
            with begin:
                begin.send_bytes(what_to_begin_with)
            return
        ours, theirs = socket.socketpair()
        begin, begun = _pipe()
        with theirs, begun:
            command = [sys.executable, "-c", _HOST, json.dumps(sys.path), str(theirs.fileno())]
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), begun.fileno()],
                start_new_session=True,  # Ctrl-C is for this process
            )
            self._control = ours
            socket.send_fds(ours, [b"b"], [begun.fileno()])
        with begin:
            begin.send_bytes(what_to_begin_with)

    def fork(self) -> Connection:
        """The connection to a new worker."""
        ours, theirs = _pipe()
        with theirs:
            try:
                self._ask(theirs)
            except OSError:  # the host was killed
                self.end()
                self.start()
                try:
                    self._ask(theirs)
                except OSError:
                    raise WorkerFailedError from None
        return ours

    def _ask(self, theirs: Connection) -> None:
        assert self._control is not None, "a host is started before it forks"
        socket.send_fds(self._control, [b"w"], [theirs.fileno()])

    def end(self) -> None:
        """The host kills its workers when its control is closed."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None


class _Forked:
    """A child that no Popen knows."""

    def __init__(self, process_id: int) -> None:
        self._process_id = process_id

    def wait(self, timeout: float | None = None) -> None:
        """Raises TimeoutExpired."""
        patience = math.inf if timeout is None else time.monotonic() + timeout
        while os.waitpid(self._process_id, os.WNOHANG)[0] == 0:
            if time.monotonic() > patience:
                raise subprocess.TimeoutExpired("host", timeout or 0)
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        os.kill(self._process_id, signal.SIGKILL)


class SpareHost:
    """A host that waits for what to begin with. Whoever takes it ends it."""

    def __init__(self, process: _Forked, control: socket.socket) -> None:
        self._taken: tuple[_Forked, socket.socket] | None = (process, control)

    def take(self) -> tuple[_Forked, socket.socket] | None:
        """The host, once."""
        taken, self._taken = self._taken, None
        return taken

    def end(self) -> None:
        """Ends it if nobody took it."""
        if (taken := self.take()) is not None:
            process, control = taken
            control.close()
            process.wait()


@contextmanager
def spare_host() -> Iterator[SpareHost | None]:
    """A host forked from this process as it is, with all that it has imported; none where that is not safe: a thread
    of this process may hold a lock that nobody in the child would ever give back.
    """
    threads = Path("/proc/self/task")  # also those that are none of Python's
    if not threads.exists() or len([*threads.iterdir()]) > 1:
        yield None
        return
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _be_host(theirs.detach())
    theirs.close()
    spare = SpareHost(_Forked(pid), ours)
    try:
        yield spare
    finally:
        spare.end()


def _be_host(control_descriptor: int) -> NoReturn:
    """What a forked child does. It keeps nothing of its parent open, and never looks at the parent's objects again."""
    try:
        gc.freeze()
        os.setsid()  # Ctrl-C is for the parent
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1):
            os.dup2(nothing, descriptor)
        os.closerange(3, control_descriptor)
        os.closerange(control_descriptor + 1, MAX_DESCRIPTOR)
        host(control_descriptor)
    except BaseException:  # noqa: BLE001 - whatever it is, the parent's own code must not run here, too
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _pipe() -> tuple[Connection, Connection]:
    first, second = socket.socketpair()
    return Connection(first.detach()), Connection(second.detach())


def host(control_descriptor: int) -> NoReturn:
    """The life of a host: forks a worker for each connection that it is given, until its control is closed."""
    # A terminal, or a manager of services, tells all processes of a command to end: whoever asks ends its hosts itself.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    workers: set[int] = set()
    with socket.socket(fileno=control_descriptor) as control:
        prepare, arguments, preload = _begun(control)
        for name in preload:
            _import(name)
        gc.freeze()  # what all workers share stays shared
        while (given := _given(control)) is not None:
            pid = os.fork()
            if pid == 0:
                control.close()
                _serve(Connection(given), prepare, arguments)
            os.close(given)
            workers.add(pid)
            workers -= {pid for pid in workers if os.waitpid(pid, os.WNOHANG)[0]}
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os._exit(0)


def _given(control: socket.socket) -> int | None:
    """The next descriptor that is sent; None when the other side is gone."""
    message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    return descriptors[0] if message and descriptors else None


def _begun(control: socket.socket) -> tuple[Prepare, tuple[Any, ...], Sequence[str]]:
    given = _given(control)
    if given is None:
        os._exit(0)
    with Connection(given) as connection:
        try:
            prepare, arguments, preload = connection.recv()
        except (EOFError, OSError):  # what was to be sent cannot be
            os._exit(0)
    return prepare, arguments, preload


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001 - who needs it says so, to the one who asked
        return


def _serve(connection: Connection, prepare: Prepare, arguments: tuple[Any, ...]) -> NoReturn:
    """The life of a worker."""
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    try:
        work = prepare(*arguments)
        chunks: SimpleQueue[tuple[int, Sequence[Any]] | None] = SimpleQueue()
        threading.Thread(target=_listen, args=(connection, chunks), daemon=True).start()
        connection.send((None, os.getpid()))
        while (chunk := chunks.get()) is not None:
            number, items = chunk
            connection.send((number, [work(item) for item in items]))
    except (BrokenPipeError, ConnectionResetError):
        pass  # nobody waits for the answer any more
    except BaseException:  # noqa: BLE001 - a bug: told where the one who asked would tell it
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)


def _listen(connection: Connection, chunks: SimpleQueue[tuple[int, Sequence[Any]] | None]) -> None:
    """Takes in what is asked while the worker works, so that neither side waits for the other to listen."""
    try:
        while True:
            chunks.put(connection.recv())
    except (EOFError, OSError):
        chunks.put(None)
