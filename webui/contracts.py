"""What the pages need from the other rooms, and the one place that opens it.

Nothing is opened before a request needs it: the page is up while a first crawl still makes the store and the index.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from catalog.query.request import SearchRequest, SearchResult
    from catalog.query.state import SearchState
    from catalog.records import ModelId, Run, StoredModel
    from catalog.search.engine import EngineInfo, PointInTime, SearchEngine
    from catalog.search.page_state import FacetView, SearchPage
    from catalog.search.service import SearchService
    from catalog.settings import Settings
    from webui.html.status import CrawlStatus


class RecordReader(Protocol):
    """Stored models, for reading."""

    def get(self, model_id: ModelId) -> StoredModel | None: ...

    def find(self, prefix: str) -> list[ModelId]:
        """The ids that begin with `prefix`."""
        ...

    def count(self) -> int: ...


class RunReader(Protocol):
    """Past and running crawls."""

    def latest(self, limit: int) -> list[Run]: ...


class IndexTrouble(Protocol):
    """How many models the index lacks for one reason; `final` when they are not tried again as they are."""

    @property
    def models(self) -> int: ...

    @property
    def reason(self) -> str: ...

    @property
    def final(self) -> bool: ...


class WaitingReader(Protocol):
    """What the index does not hold yet."""

    def size(self) -> int: ...

    def troubles(self) -> Sequence[IndexTrouble]: ...


class StoreReader(Protocol):
    """An open record store."""

    @property
    def records(self) -> RecordReader: ...

    @property
    def runs(self) -> RunReader: ...

    def consumer(self, name: str) -> WaitingReader: ...


class SearchPages(Protocol):
    """Searches as pages, and the same searches as requests."""

    def page(self, state: SearchState) -> SearchPage: ...

    def request(self, state: SearchState) -> SearchRequest: ...

    def facet(self, state: SearchState, field: str, prefix: str = "") -> FacetView:
        """The values of one facet that begin with `prefix`, under all conditions but its own."""
        ...


class CrawlReader(Protocol):
    """The crawl that this server started, if any."""

    def status(self) -> CrawlStatus | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What `create_app` is handed. `store` and `engine` raise typed errors while they cannot be opened."""

    search: SearchPages
    engine: SearchEngine
    store: Callable[[], StoreReader]
    crawl: CrawlReader | None = None


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
        found = self._opened().get(ids)
        if ids and not found:
            self.info()
        return found

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

    def close(self) -> None:
        with self._lock:
            if self._manager is not None:
                self._manager.__exit__(None, None, None)
            self._manager = self._store = None


def open_services(settings: Settings, *, crawl: CrawlReader | None = None) -> Services:
    """The real parts behind the pages, none of them opened yet."""
    from catalog.search.display_values import SpelledEngine  # noqa: PLC0415
    from catalog.search.service import SearchService  # noqa: PLC0415 - the parts are imported when a server starts
    from indexer.presence import check_presence  # noqa: PLC0415

    store = LazyStore(lambda: _store(settings))
    engine = LazyEngine(
        settings.engine,
        lambda: _engine(settings),
        check_empty=lambda: check_presence(settings.engine, store()),
    )
    search: SearchService = SearchService(engine)
    return Services(search=search, engine=SpelledEngine(engine), store=store, crawl=crawl)


def close_services(services: Services) -> None:
    """Close what was opened."""
    for part in (services.engine, services.store):
        close = getattr(part, "close", None)
        if close is not None:
            close()


def _engine(settings: Settings) -> SearchEngine:
    from indexer.engines import open_engine  # noqa: PLC0415 - costs what the engine's own library costs

    engine: SearchEngine = open_engine(settings)
    return engine


def _store(settings: Settings) -> Any:
    from catalog.store import open_store  # noqa: PLC0415 - SQLAlchemy costs 0.2 s

    return open_store(settings, write=False)
