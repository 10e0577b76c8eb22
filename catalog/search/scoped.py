"""A search engine cut to a scope: every answer is as if the models outside it had never been there.

The scope is joined to the query, so hits, totals, aggregations, points in time and documents by id are all cut by one
clause. Some fields of a visible model speak of others, its copies, the latest of its name, where it moved and what it is
joined with: those say only what lies inside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from catalog.query.nodes import (
    Query,
)
from catalog.query.request import (
    SearchRequest,
    SearchResult,
)
from catalog.search.engine import EngineInfo, PointInTime, SearchEngine
from catalog.search.scope_view import PER_PART, ScopeView


class ScopedEngine:
    """An engine that knows the models of one scope and no others. Keeps the protocol of the engine that it wraps."""

    def __init__(self, engine: SearchEngine, scope: Query) -> None:
        self.name = engine.name
        self._engine = engine
        self._scope = scope
        self._mark = hashlib.sha256(repr(scope).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._known: dict[str, tuple[str, frozenset[str]]] = {}

    def search(self, request: SearchRequest) -> SearchResult:
        return self._view().search(request)

    def scan(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        view = self._view()
        documents = iter(self._engine.scan(view.within(request)))
        while part := list(islice(documents, PER_PART)):
            yield from view.shown(part)

    def get(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return self._view().get(ids)

    def point_in_time(self, *, keep_seconds: float) -> PointInTime:
        return _ScopedPoint(self._engine.point_in_time(keep_seconds=keep_seconds), self._scope)

    def info(self) -> EngineInfo:
        info = self._engine.info()
        everything = self._view().within(SearchRequest(size=0))
        return replace(
            info,
            documents=self._engine.search(everything).total,
            generation=f"{info.generation}-{self._mark}",
        )

    def redacted(self, documents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """These documents of visible models, saying nothing of models that are not."""
        return self._view().redacted(documents)

    def close(self) -> None:
        self._engine.close()

    def _view(self) -> ScopeView:
        return ScopeView(self._engine.search, self._scope, self._remembered)

    def _remembered(self, what: str, counted: Callable[[], frozenset[str]]) -> frozenset[str]:
        """What is counted once per state of the index, and only where it matters."""
        generation = self._engine.info().generation
        known = self._known.get(what)
        if known is None or known[0] != generation:
            known = self._known[what] = generation, counted()
        return known[1]


class _ScopedPoint:
    def __init__(self, point: PointInTime, scope: Query) -> None:
        self._point = point
        self._view = ScopeView(point.search, scope)

    def search(self, request: SearchRequest) -> SearchResult:
        return self._view.search(request)

    def close(self) -> None:
        self._point.close()
