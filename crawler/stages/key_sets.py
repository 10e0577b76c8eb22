"""Keys of a source that a run has to know all at once: many thousands of them in little memory."""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator

from catalog.records import ObjectKey

PACKED_AT_ONCE = 128
SEPARATOR = b"\0"
"""In no key: whatever is listed with one is left out for all sources."""


class KeySet(Collection[ObjectKey]):
    """Keys that came in the order of their bytes, each once. 200,000 in 100,000 folders take 1 MB; as a list and a set of texts 45."""

    def __init__(self, keys: Iterable[ObjectKey] = ()) -> None:
        self._firsts: list[bytes] = []
        self._packed: list[bytes] = []
        self._last: list[bytes] = []
        self._length = 0
        self._opened: tuple[int, frozenset[bytes]] = (-1, frozenset())
        for key in keys:
            self.append(key)

    def append(self, key: ObjectKey) -> None:
        if len(self._last) >= PACKED_AT_ONCE:
            self._firsts.append(self._last[0])
            self._packed.append(zlib.compress(SEPARATOR.join(self._last), 1))
            self._last = []
        self._last.append(os.fsencode(key))
        self._length += 1

    def __contains__(self, key: object) -> bool:
        if not self._length or not isinstance(key, str):
            return False
        raw = os.fsencode(key)
        if raw >= self._last[0]:
            return raw in self._last
        page = bisect_right(self._firsts, raw) - 1
        if page < 0:
            return False
        if self._opened[0] != page:
            self._opened = page, frozenset(self._page(page))
        return raw in self._opened[1]

    def __iter__(self) -> Iterator[ObjectKey]:
        for page in range(len(self._packed)):
            yield from (ObjectKey(os.fsdecode(key)) for key in self._page(page))
        yield from (ObjectKey(os.fsdecode(key)) for key in self._last)

    def __len__(self) -> int:
        return self._length

    def _page(self, number: int) -> list[bytes]:
        return zlib.decompress(self._packed[number]).split(SEPARATOR)
