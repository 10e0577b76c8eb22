"""Many objects read at once, their outcomes in the order of the listing, with a bounded number of them under way.

Where reading waits for storage, threads wait; where it costs processor time, other processes read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from catalog.lazy_dataclasses import dataclass, field
from catalog.records import ObjectMeta
from catalog.store.entries import Entry, PackedEntry, packed_entry
from crawler.outcomes import Outcome, put_off
from crawler.pool import Pool
from crawler.reader import Budget
from crawler.reading import ObjectReader
from crawler.registry import Registry
from crawler.source import Source

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


def readers_for(source: Source, registry: Registry, budget: Budget, pool: Pool | None = None) -> Readers:
    """The way that suits the source: threads where it says that storage answers several at once, processes where there
    are some, else one object after the other.
    """
    reader = ObjectReader(source, registry, budget)
    concurrency = int(getattr(source, "concurrency", 1))
    if concurrency > 1:
        return ThreadReaders(reader, concurrency)
    return SerialReaders(reader) if pool is None else ProcessReaders(reader, pool)


class SerialReaders:
    """One object after the other."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader

    def read(self, objects: Iterable[Listed]) -> Generator[ReadObject]:
        for listed in objects:
            yield read_whole(self._reader, listed)


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
        return read_whole(self._reader, listed)


class ProcessReaders:
    """The first objects here, the others in processes of the pool, as soon as those have started."""

    def __init__(self, reader: ObjectReader, pool: Pool) -> None:
        self._reader = reader
        self._pool = pool

    def read(self, objects: Iterable[Listed]) -> Generator[ReadObject]:
        yield from self._pool.work(objects, lambda listed: read_whole(self._reader, listed))


def prepare_reading(source: Source, budget: Budget) -> Callable[[Listed], ReadObject]:
    """What a process does with each object."""
    reader = ObjectReader(source, Registry.installed(), budget)

    def read(listed: Listed) -> ReadObject:
        return read_whole(reader, listed)

    return read


def read_whole(reader: ObjectReader, listed: Listed) -> ReadObject:
    """The object as the manifest keeps it. What cannot be kept is the problem of its file, as what cannot be read is."""
    outcome = reader.read(*listed)
    try:
        return packed(outcome)
    except Exception as error:  # noqa: BLE001 - a value that nothing can write costs its file, and not the crawl
        return packed(reader.unkept(*listed, error))


def packed(outcome: Outcome) -> ReadObject:
    """The outcome as the manifest keeps it."""
    return ReadObject(
        packed=packed_entry(outcome.entry, outcome.extraction, shares=outcome.shares),
        opened=outcome.opened,
        bytes_read=outcome.bytes_read,
        broken=outcome.broken,
    )


def lost(listed: Listed, reason: str) -> ReadObject:
    """The object over which a process died: read again by the next run."""
    meta, before = listed
    return packed(put_off(meta, before, reason))
