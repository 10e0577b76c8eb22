"""Sources whose objects are entries of a server: runs, versions, tasks.

A listing brings all entries with it, so that a crawl that finds nothing new asks for nothing else.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Self
from urllib.parse import quote

from catalog.errors import ListingIncomplete, ObjectChanged, SourceError
from catalog.lazy_dataclasses import dataclass
from catalog.records import ObjectKey, ObjectMeta, SourceId
from crawler.buckets.spending import Spending
from crawler.selection import Selection
from crawler.source import Listed

KEPT_BYTES = 32 * 1024 * 1024
"""Bodies that the listing brought, until they are read; one that is gone again is asked for."""
MOST_LOOKED_FOR = 1_000
"""Of what a listing does not show: pages shift while somebody deletes or logs, and skip what is there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as an object."""

    key: ObjectKey
    body: bytes
    changed_at: datetime | None

    @property
    def token(self) -> str:
        """Equal for equal entries, whichever question brought them."""
        return hashlib.sha256(self.body).hexdigest()[:40]

    def meta(self, source: SourceId) -> ObjectMeta:
        """As a listing gives it."""
        return ObjectMeta(
            source=source,
            key=self.key,
            size_bytes=len(self.body),
            change_token=self.token,
            last_modified=self.changed_at,
        )


Pages = Callable[[], Iterator[Iterable[Entry | None]]]
"""Pages of one scope, None in them for what is no entry. Raises SourceError."""


class EntrySource(ABC):
    """One server of entries. What is left to each kind: which scopes it lists, and how one entry is asked for."""

    def __init__(self, uri: str, spending: Spending) -> None:
        self.uri = uri
        self.id = SourceId(uri)
        self._spending = spending
        self._selection = Selection()
        self._bodies = _Bodies()

    @abstractmethod
    def _scopes(self) -> Mapping[str, Pages]:
        """The scopes of a listing in order, each complete or not as a whole."""

    @abstractmethod
    def _asked(self, key: ObjectKey) -> Entry | None:
        """One entry, from the server; None if it says that there is none. Raises AccessDenied, ObjectUnreadable."""

    @property
    def spent(self) -> Mapping[str, int]:
        """What was asked of the server so far."""
        return {"requests": self._spending.requests, "bytes_received": self._spending.bytes}

    def selecting(self, selection: Selection) -> Self:
        """The same server without what is not selected."""
        self._selection = selection
        return self

    def list(self) -> Iterator[Listed]:
        """Everything that is selected, scope by scope. Errors are values in the steps."""
        for scope, pages in self._scopes().items():
            if not self._selection.pruned(scope):
                yield from self._listed(scope, pages)

    def head(self, key: ObjectKey) -> ObjectMeta | None:
        """The entry as it is now; None if the server says that there is none. Raises AccessDenied, ObjectUnreadable."""
        entry = None if self._selection.left_out(key) else self._asked(key)
        return None if entry is None else entry.meta(self.id)

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """Bytes of exactly the listed entry. Raises ObjectChanged, AccessDenied, ObjectUnreadable."""
        body = self._bodies.get(meta)
        if body is None:
            entry = self._asked(meta.key)
            if entry is None or entry.token != meta.change_token:
                raise ObjectChanged(meta.key)
            body = entry.body
            self._bodies.keep(meta, body)
        return body[start:end]

    def uri_of(self, key: ObjectKey) -> str:
        return f"{self.uri}/{quote(key, errors='surrogateescape')}" if key else self.uri

    def still_there(self, keys: Iterable[ObjectKey]) -> set[ObjectKey]:
        """Of what the listing did not show, what is there all the same, or cannot be looked at."""
        return {key for key in itertools.islice(keys, MOST_LOOKED_FOR) if not self._is_gone(key)}

    def _is_gone(self, key: ObjectKey) -> bool:
        try:
            return self.head(key) is None
        except SourceError:
            return False

    def _listed(self, scope: str, pages: Pages) -> Iterator[Listed]:
        seen: set[str] = set()
        try:
            for page in pages():
                yield self._sorted_out(scope, page, seen)
        except SourceError as error:
            yield Listed(scope=scope, error=ListingIncomplete(f"{self.uri}/{scope}", str(error)))
        else:
            yield Listed(scope=scope, complete=True)

    def _sorted_out(self, scope: str, page: Iterable[Entry | None], seen: set[str]) -> Listed:
        metas: list[ObjectMeta] = []
        skipped: list[tuple[str, str]] = []
        for entry in page:
            # What is logged while pages are turned moves others to the next page once more.
            if entry is None or entry.key in seen:
                continue
            seen.add(entry.key)
            if (reason := self._selection.left_out(entry.key)) is not None:
                skipped.append((entry.key, reason))
                continue
            meta = entry.meta(self.id)
            self._bodies.keep(meta, entry.body)
            metas.append(meta)
        return Listed(scope=scope, objects=tuple(metas), skipped=tuple(skipped))


class _Bodies:
    """Bodies by key and token, the newest `KEPT_BYTES` of them. Threads may share them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, meta: ObjectMeta, body: bytes) -> None:
        with self._lock:
            place = meta.key, meta.change_token
            if place in self._kept:
                return
            self._kept[place] = body
            self._bytes += len(body)
            while self._bytes > KEPT_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped)

    def get(self, meta: ObjectMeta) -> bytes | None:
        with self._lock:
            return self._kept.get((meta.key, meta.change_token))
