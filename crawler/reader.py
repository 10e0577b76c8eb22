"""The only thing an extractor can touch: one immutable object, read by ranges within a budget."""

from __future__ import annotations

import time
from typing import Protocol

from catalog.errors import LimitExceeded, Malformed, ObjectChanged
from catalog.lazy_dataclasses import dataclass
from catalog.records import ObjectKey

BLOCK_BYTES = 64 * 1024
FIRST_READ_BYTES = 128 * 1024  # 97 % of safetensors headers fit in 100 kB. Source: huggingface_hub hf_api.py
WHOLE_FILE_BYTES = 1024 * 1024  # a file up to this size is cheaper to read in one request than in two
MAX_READ_BYTES = 16 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one file may cost. Units: requests, bytes, wall seconds."""

    requests: int = 512
    bytes: int = 64 * 1024 * 1024
    seconds: float = 20.0


class Fetch(Protocol):
    """Reads [start, end) of one pinned object: exactly those bytes, fewer only at its end.

    Raises ObjectChanged when the object is no longer the listed one, ObjectUnreadable when it cannot be read.
    """

    def __call__(self, start: int, end: int) -> bytes: ...


class RangedReader:
    """Bytes of one object by position, cached in 64 kB blocks, counted and limited.

    `read` past the end returns what is there. `take` insists on the whole range and says `Malformed` otherwise.
    """

    def __init__(self, key: str, size_bytes: int, fetch: Fetch, *, budget: Budget | None = None) -> None:
        self.key = ObjectKey(key)
        self.name = key.rsplit("/", 1)[-1]
        self.size_bytes = size_bytes
        self.budget = budget or Budget()
        self.requests = 0
        self.bytes_read = 0
        self._fetch = fetch
        self._blocks: dict[int, bytes] = {}
        self._deadline: float | None = None

    def widen(self, times: int) -> None:
        """Lets the file cost so many times what one may."""
        usual = self.budget
        self.budget = Budget(
            requests=usual.requests * times, bytes=usual.bytes * times, seconds=usual.seconds * times
        )
        if self._deadline is not None:
            self._deadline += self.budget.seconds - usual.seconds

    def head(self, length: int = 4096) -> bytes:
        """The first bytes; the first request fetches up to 128 kB, or the whole file when it is at most 1 MB."""
        return self.read(0, min(length, self.size_bytes))

    def tail(self, length: int) -> bytes:
        """The last bytes, at most `length`."""
        return self.read(max(0, self.size_bytes - length), self.size_bytes)

    def take(self, start: int, end: int) -> bytes:
        """Exactly [start, end); a range beyond the file is Malformed."""
        if start < 0 or end < start or end > self.size_bytes:
            raise Malformed(f"bytes {start} to {end} lie outside the file of {self.size_bytes} bytes")
        data = self.read(start, end)
        if len(data) != end - start:
            raise ObjectChanged(self.key)
        return data

    def read(self, start: int, end: int) -> bytes:
        """Bytes [start, end), cut at the end of the file."""
        start, end = max(0, start), min(end, self.size_bytes)
        if end <= start:
            return b""
        if end - start > MAX_READ_BYTES:
            raise LimitExceeded("bytes of a single read", limit=MAX_READ_BYTES, found=end - start)
        self.check_time()
        first, last = start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        self._load(first, last)
        if first == last:
            offset = first * BLOCK_BYTES
            return self._blocks[first][start - offset : end - offset]
        joined = b"".join(self._blocks[index] for index in range(first, last + 1))
        return joined[start - first * BLOCK_BYTES : end - first * BLOCK_BYTES]

    def forget(self) -> None:
        """Keeps nothing of what was read: for those who go through a whole file and hold what they need."""
        self._blocks.clear()

    def check_time(self) -> None:
        """Raises LimitExceeded when the file's time is used up; long loops call this."""
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self.budget.seconds
        elif now > self._deadline:
            raise LimitExceeded("seconds for one file", limit=self.budget.seconds)

    def _load(self, first: int, last: int) -> None:
        if not self._blocks:
            ahead = self.size_bytes if self.size_bytes <= WHOLE_FILE_BYTES else FIRST_READ_BYTES
            if first * BLOCK_BYTES < ahead:
                first, last = 0, max(last, (ahead - 1) // BLOCK_BYTES)
        index = first
        while index <= last:
            if index in self._blocks:
                index += 1
                continue
            stop = index
            while stop + 1 <= last and stop + 1 not in self._blocks:
                stop += 1
            self._request(index, stop)
            index = stop + 1

    def _request(self, first: int, last: int) -> None:
        start, end = first * BLOCK_BYTES, min((last + 1) * BLOCK_BYTES, self.size_bytes)
        if self.requests + 1 > self.budget.requests:
            raise LimitExceeded("range requests for one file", limit=self.budget.requests)
        if self.bytes_read + end - start > self.budget.bytes:
            raise LimitExceeded("bytes read of one file", limit=self.budget.bytes)
        self.requests += 1
        data = self._fetch(start, end)
        self.bytes_read += len(data)
        if len(data) != end - start:
            raise ObjectChanged(self.key)
        for index in range(first, last + 1):
            offset = (index - first) * BLOCK_BYTES
            self._blocks[index] = data[offset : offset + BLOCK_BYTES]


def bytes_reader(key: str, data: bytes, *, budget: Budget | None = None) -> RangedReader:
    """A reader over bytes in memory, for files inside files and for tests."""

    def fetch(start: int, end: int) -> bytes:
        return data[start:end]

    return RangedReader(key, len(data), fetch, budget=budget)
