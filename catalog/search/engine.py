"""The protocol of a search engine: a reader that many processes may open, and a writer that exactly one owns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from catalog.lazy_dataclasses import dataclass, field
from catalog.query.request import SearchRequest, SearchResult

INDEX = "index"
"""The consumer of the store's revisions that keeps the search index up to date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine says of itself. `generation` changes whenever answers may change (for caches)."""

    name: str
    version: str
    documents: int
    schema_hash: str
    generation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexAction:
    """Make the engine hold this state of a model: `document` None deletes it. `revision` orders states of one id."""

    id: str
    revision: int
    document: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOutcome:
    """What became of a batch: `done` ids hold this or a newer state, `rejected` will never be accepted (id -> reason),
    `retry` could not be written now (id -> reason).
    """

    done: Sequence[str] = ()
    rejected: Mapping[str, str] = field(default_factory=dict)
    retry: Mapping[str, str] = field(default_factory=dict)


class PointInTime(Protocol):
    """The index as it was when this was opened: whatever is written later, searches answer alike."""

    def search(self, request: SearchRequest) -> SearchResult:
        """Raises what the engine's own search raises, and RequestRefused when it was not asked for too long."""
        ...

    def close(self) -> None: ...


class SearchEngine(Protocol):
    """Reads. Raises `RequestRefused` for what it cannot answer rightly and `EngineUnavailable` when it cannot answer now."""

    name: str

    def search(self, request: SearchRequest) -> SearchResult: ...

    def scan(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        """Every matching document in id order, of one point in time, without a window limit."""
        ...

    def get(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """The documents of these ids; absent ids are left out."""
        ...

    def point_in_time(self, *, keep_seconds: float) -> PointInTime:
        """The index as it is now, for reading page by page: kept for that time after each search, until it is closed."""
        ...

    def info(self) -> EngineInfo: ...

    def close(self) -> None: ...


class IndexWriter(Protocol):
    """Writes. One per index at a time; opening a second raises `EngineUnavailable`."""

    name: str

    def write(self, actions: Sequence[IndexAction]) -> IndexOutcome:
        """Durable when it returns: what is in `done` survives a crash."""
        ...

    def refresh(self) -> None:
        """Make all that was written visible to readers opened or asked from now on."""
        ...

    def rebuild(
        self, documents: Iterable[IndexAction], *, catch_up: Iterable[IndexAction] = ()
    ) -> IndexOutcome:
        """Build a fresh index from `documents`, then `catch_up` (what changed meanwhile; iterated after the load), check
        the counts, and swap it in at once. Readers see the old index until then; the old one is kept for roll-back.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class FollowingWriter(Protocol):
    """What a writer may keep with its index besides, so that an index is noticed that lacks what went elsewhere, or that shows what
    the store has not: one of another home or engine, or of a store that a backup was put in the place of. A writer without it is
    believed to have everything.
    """

    is_shared: bool
    """Whether several catalogs could come to write this index, which is not one of a home."""

    def place(self) -> str:
        """What tells this index from others of the same catalog, in at most 64 characters. A rebuild does not change it."""
        ...

    def followed(self) -> str | None:
        """What `follow` kept with the index that is searched; None for one of which nothing was kept."""
        ...

    def follow(self, position: str) -> None:
        """Keep this note, of up to 200 characters, with the index that is searched, and forget the one before."""
        ...


@runtime_checkable
class KnownPlace(Protocol):
    """What a following writer may know besides: what it is called by is not always equally exact."""

    def same_place(self, noted: str) -> str | None:
        """Which of the noted place and of `place` says more, if they can be one; None where they cannot."""
        ...
