"""Many objects read at once, their outcomes in the order of the listing, with a bounded number of them under way.

Where reading waits for storage, threads wait; where it costs processor time, other processes read.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pickle import PicklingError
from typing import Protocol

from catalog import plugins
from catalog.records import ObjectMeta
from catalog.store.entries import Entry, PackedEntry, packed_entry
from crawler.processes import WorkerFailedError, Workers
from crawler.reader import Budget
from crawler.reading import ObjectReader, Outcome, Registry, put_off
from crawler.source import Source

OBJECTS_BEFORE_PROCESSES = 256
"""So many are read before processes are started for the rest: that takes a second of processor time."""
MOST_PROCESSES = 8
AHEAD_PER_THREAD = 2

Listed = tuple[ObjectMeta, Entry | None]
"""An object, and what was known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadObject:
    """An outcome, packed as the manifest keeps it. `broken` are extractors that broke over the object, with a sentence each."""

    packed: PackedEntry
    opened: bool
    bytes_read: int
    broken: Mapping[str, str] = field(default_factory=dict)


class Readers(Protocol):
    """Reads objects. What it reads ahead is bounded, whatever there is to read."""

    def read(self, objects: Iterable[Listed]) -> Generator[ReadObject]: ...


def readers_for(source: Source, registry: Registry, budget: Budget) -> Readers:
    """The way that suits the source: threads where it says that storage answers several at once, processes where reading
    is work for this machine's processors, else one object after the other.
    """
    reader = ObjectReader(source, registry, budget)
    concurrency = int(getattr(source, "concurrency", 1))
    if concurrency > 1:
        return ThreadReaders(reader, concurrency)
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if getattr(source, "is_read_in_processes", False) and registry.is_installed and processors > 1:
        return ProcessReaders(reader, source, budget, min(processors, MOST_PROCESSES))
    return SerialReaders(reader)


class SerialReaders:
    """One object after the other."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader

    def read(self, objects: Iterable[Listed]) -> Generator[ReadObject]:
        for meta, before in objects:
            yield _packed(self._reader.read(meta, before))


class ThreadReaders:
    """As many objects at once as the source says."""

    def __init__(self, reader: ObjectReader, concurrency: int) -> None:
        self._reader = reader
        self._concurrency = concurrency

    def read(self, objects: Iterable[Listed]) -> Generator[ReadObject]:
        under_way: deque[Future[ReadObject]] = deque()
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="reader")
        try:
            for listed in objects:
                under_way.append(pool.submit(self._read, listed))
                if len(under_way) >= AHEAD_PER_THREAD * self._concurrency:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _read(self, listed: Listed) -> ReadObject:
        return _packed(self._reader.read(*listed))


class ProcessReaders:
    """The first objects here, the others in processes, as soon as those have started."""

    def __init__(
        self,
        reader: ObjectReader,
        source: Source,
        budget: Budget,
        size: int,
        *,
        here_first: int = OBJECTS_BEFORE_PROCESSES,
    ) -> None:
        self._reader = reader
        self._source = source
        self._budget = budget
        self._size = size
        self._here_first = here_first

    def read(self, objects: Iterable[Listed]) -> Generator[ReadObject]:
        todo = iter(objects)
        here = SerialReaders(self._reader)
        yield from here.read(itertools.islice(todo, self._here_first))
        first = next(todo, None)
        if first is None:
            return
        todo = itertools.chain([first], todo)
        workers: Workers[Listed, ReadObject] = Workers(
            prepare_reading,
            (self._source, self._budget),
            lost=_lost,
            size=self._size,
            preload=sorted({target.partition(":")[0] for target in plugins.EXTRACTORS.values()}),
        )
        with ExitStack() as stack:
            can_start, are_ready = _entered(stack, workers), False
            while can_start and not are_ready:
                try:
                    are_ready = workers.are_ready()
                except WorkerFailedError:
                    can_start = False
                if not are_ready:
                    listed = next(todo, None)
                    if listed is None:
                        return
                    yield _packed(self._reader.read(*listed))
            yield from workers.map(todo) if can_start else here.read(todo)


def _entered(stack: ExitStack, workers: Workers[Listed, ReadObject]) -> bool:
    """Whether workers could be started; not for a source that only this process has."""
    try:
        stack.enter_context(workers)
    except (PicklingError, AttributeError, TypeError, WorkerFailedError):
        return False
    return True


def prepare_reading(source: Source, budget: Budget) -> Callable[[Listed], ReadObject]:
    """What a process does with each object."""
    reader = ObjectReader(source, Registry.installed(), budget)

    def read(listed: Listed) -> ReadObject:
        return _packed(reader.read(*listed))

    return read


def _packed(outcome: Outcome) -> ReadObject:
    return ReadObject(
        packed=packed_entry(outcome.entry, outcome.extraction),
        opened=outcome.opened,
        bytes_read=outcome.bytes_read,
        broken=outcome.broken,
    )


def _lost(listed: Listed, reason: str) -> ReadObject:
    """The object over which a process died: read again by the next run."""
    meta, before = listed
    return _packed(put_off(meta, before, reason))
