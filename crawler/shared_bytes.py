"""Bytes of files that have several names, read from storage once."""

from __future__ import annotations

import threading
from collections import OrderedDict

from catalog.records import ObjectMeta
from crawler.source import Source

SHARED_BYTES = 2 * 1024 * 1024
"""Every file may turn out to have another name, so that the bytes of all that were read last are kept, in each process of a
crawl. The names of one file are near each other as a rule (a cache of blobs lists them beside its links)."""
BYTES_BESIDE = 400
"""What it takes to keep the bytes of one range, beside them."""


class SharedBytes:
    """Bytes of files that have several names in one source (hard links, a cache of blobs with links to them).

    Threads may share it; two that ask for the same bytes at once both read them.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, int, int], bytes] = OrderedDict()
        self._size = 0

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """The bytes from storage, or from the reading of another name of the same file."""
        if meta.file_identity is None:
            return self._source.read(meta, start, end)
        place = (meta.file_identity, meta.change_token, start, end)
        with self._lock:
            if place in self._kept:
                self._kept.move_to_end(place)
                return self._kept[place]
        data = self._source.read(meta, start, end)
        with self._lock:
            if place not in self._kept:
                self._kept[place] = data
                self._size += len(data) + BYTES_BESIDE
            while self._size > SHARED_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped) + BYTES_BESIDE
        return data
