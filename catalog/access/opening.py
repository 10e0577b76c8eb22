"""The one place that opens engine and store for reading.

Nothing is opened before a reading needs it: a search imports no SQL, a page is up while a first crawl still makes the
store and the index.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import plugins
from catalog.access.catalog import Catalog, Catalogs
from catalog.access.disclosing import Sealed
from catalog.access.principals import READER, Principal
from catalog.access.visibility import Matching
from catalog.search.installed import open_engine

if TYPE_CHECKING:
    from catalog.access.readers import StoreReader
    from catalog.errors import NotStorable, StoreError
    from catalog.query.request import SearchRequest, SearchResult
    from catalog.records.accounts import Happening
    from catalog.search.engine import EngineInfo, PointInTime, SearchEngine
    from catalog.settings import Settings


class LazyEngine:
    """A search engine that is opened by the first request that needs it, and tried again until it opens.

    `check_empty` is called when it holds no model at all, and raises EngineUnavailable if it should hold some.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], SearchEngine],
        *,
        check_empty: Callable[[], object] = lambda: None,
    ) -> None:
        self.name = name
        self._opener = opener
        self._check_empty = check_empty
        self._engine: SearchEngine | None = None
        self._lock = threading.Lock()

    def _opened(self) -> SearchEngine:
        with self._lock:
            if self._engine is None:
                self._engine = self._opener()
            return self._engine

    def search(self, request: SearchRequest) -> SearchResult:
        result = self._opened().search(request)
        if not result.total:
            self.info()
        return result

    def scan(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        self.info()
        return self._opened().scan(request)

    def get(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        documents = self._opened().get(ids)
        if ids and not documents:
            self.info()
        return documents

    def point_in_time(self, *, keep_seconds: float) -> PointInTime:
        self.info()
        return self._opened().point_in_time(keep_seconds=keep_seconds)

    def info(self) -> EngineInfo:
        info = self._opened().info()
        if not info.documents:
            self._check_empty()
        return info

    def close(self) -> None:
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None


class LazyStore:
    """The record store, opened by the first request that needs it and tried again until it opens."""

    def __init__(self, opener: Callable[[], Any]) -> None:
        self._opener = opener
        self._manager: Any = None
        self._store: StoreReader | None = None
        self._lock = threading.Lock()

    def __call__(self) -> StoreReader:
        with self._lock:
            if self._store is None:
                manager = self._opener()
                self._store = manager.__enter__()
                self._manager = manager
            return self._store

    def close(self, error: BaseException | None = None) -> None:
        """Raises StoreError when `error` is the database's."""
        with self._lock:
            manager, self._manager, self._store = self._manager, None, None
        if manager is not None:
            manager.__exit__(
                None if error is None else type(error), error, getattr(error, "__traceback__", None)
            )


def open_catalogs(settings: Settings) -> Catalogs:
    """The catalog for any principal, nothing of it opened yet."""
    store = LazyStore(lambda: reading_store(settings))
    engine = LazyEngine(
        settings.engine, lambda: open_engine(settings), check_empty=lambda: _check_empty(settings, store)
    )
    return Catalogs(engine, store, matching, sealed=_sealed(settings))


def has_keys(settings: Settings) -> bool:
    """Whether a key was ever set up, and so values may be sealed; told without an import."""
    named = any(settings.origin("encryption", leaf) != "default" for leaf in ("key", "keyring"))
    return named or (settings.home / "keyring.json").exists()


def _sealed(settings: Settings) -> Sealed | None:
    if not has_keys(settings):
        return None
    from catalog.access.event_notes import with_store  # noqa: PLC0415
    from catalog.access.permissions import may_disclose  # noqa: PLC0415
    from catalog.sealing.vault import vault_of  # noqa: PLC0415

    def note(happening: Happening) -> None:
        with_store(settings, lambda store: store.audit.add(happening))

    return Sealed(may=may_disclose, note=note, everywhere=lambda: frozenset(vault_of(settings).names(())))


@contextmanager
def open_catalog(settings: Settings, principal: Principal | None = None) -> Iterator[Catalog]:
    """The catalog for one principal, for the reader of the command line if none is named. Raises StoreError, EngineError."""
    catalogs = open_catalogs(settings)
    try:
        yield catalogs.of(READER.get() if principal is None else principal)
    except BaseException as error:
        catalogs.close(error)
        raise
    catalogs.close()


def reading_fault(error: Exception) -> StoreError | NotStorable | None:
    """The error as one of the record store, where it is; None for any other."""
    from catalog.store.faults import store_fault  # noqa: PLC0415 - SQLAlchemy, which a search alone does not need

    return store_fault(error, "of this catalog")


def told_by_version(settings: Settings, error: StoreError) -> StoreError:
    """What is wrong with a store that a process has open and cannot read: that a newer Modeldex has written it meanwhile, where it
    has, and no damage. The same error else.
    """
    from catalog.errors import StoreError, StoreTooNew  # noqa: PLC0415 - a search alone has no store

    try:
        with reading_store(settings):
            return error
    except StoreTooNew as newer:
        return newer
    except StoreError:  # the first one says what was asked for
        return error


def is_store_made(settings: Settings) -> bool:
    """Whether there may be records: opening a store makes one where there is none, and who only looks makes nothing."""
    kind, _, path = settings.store_url.partition(":///")
    return kind != "sqlite" or Path(path).exists()


def _check_empty(settings: Settings, store: Callable[[], StoreReader]) -> None:
    if not is_store_made(settings):
        return  # nothing can be missing
    from catalog.access.presence import check_presence  # noqa: PLC0415 - only for an index that holds nothing

    check_presence(settings.engine, store())


def reading_store(settings: Settings) -> Any:
    """The record store, open for reading."""
    from catalog.store import open_store  # noqa: PLC0415 - SQLAlchemy costs 0.2 s

    return open_store(settings, write=False)


def matching() -> Matching:
    """What tells whether a document satisfies a query."""
    predicate: Matching = plugins.load("hook", "matching")
    return predicate
