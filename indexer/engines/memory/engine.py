"""The whole contract in its simplest exact form: the oracle of the other engines, and an engine for small tests."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog.errors import DocumentRejected
from catalog.query.nodes import Query
from catalog.query.request import AggregationResult, Hit, SearchRequest, SearchResult, SortKey
from catalog.query.validate import effective_sort, validate
from catalog.search.engine import EngineInfo, IndexAction, IndexOutcome
from indexer.analysis import fold
from indexer.buckets import typed_key
from indexer.engines.memory.counting import aggregate
from indexer.engines.memory.matching import Item, matches, ordered_form
from indexer.projection import project
from indexer.relevance import units


class MemoryIndex:
    """What a writer and its readers share."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.revisions: dict[str, int] = {}
        self.generation = 0


def engine_of(documents: Iterable[Mapping[str, Any]]) -> MemoryEngine:
    """An engine over these documents. What has a value that no engine takes is left out, as it is of every index."""
    index = MemoryIndex()
    writer = MemoryWriter(index)
    for document in documents:
        writer.write(
            [
                IndexAction(
                    id=str(document["id"]), revision=int(document.get("revision", 1)), document=document
                )
            ]
        )
    return MemoryEngine(index)


class MemoryEngine:
    """Reads a MemoryIndex."""

    name = "memory"

    def __init__(self, index: MemoryIndex) -> None:
        self.index = index

    def search(self, request: SearchRequest) -> SearchResult:
        started = time.perf_counter()
        validate(request)
        among = self._answering(request)
        hits = self._ordered(request, _narrowed(request, among))
        total = len(hits)
        if request.after is not None:
            hits = [hit for hit in hits if _position(request, hit.sort) > _position(request, request.after)]
        return SearchResult(
            total=total,
            hits=tuple(hits[request.offset : request.offset + request.size]),
            aggregations=_aggregations(request, among),
            took_ms=int((time.perf_counter() - started) * 1000),
            engine=self.name,
        )

    def scan(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        validate(request)
        items = _narrowed(request, self._answering(request))
        return iter([item.document for item in sorted(items, key=lambda item: item.id)])

    def get(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return {key: self.index.items[key].document for key in ids if key in self.index.items}

    def point_in_time(self, *, keep_seconds: float) -> MemoryEngine:  # noqa: ARG002 - it costs nothing to keep
        now = MemoryIndex()
        now.items = dict(self.index.items)
        return MemoryEngine(now)

    def info(self) -> EngineInfo:
        return EngineInfo(
            name=self.name,
            version="1",
            documents=len(self.index.items),
            schema_hash="",
            generation=str(self.index.generation),
        )

    def close(self) -> None:
        """Nothing is held."""

    def _answering(self, request: SearchRequest) -> list[Item]:
        """The models that satisfy the query, selections and post filter left aside."""
        items = [item for item in self.index.items.values() if matches(request.query, item)]
        if request.min_score is None:
            return items
        return [item for item in items if _score(request.query, item) >= request.min_score]

    def _ordered(self, request: SearchRequest, items: Sequence[Item]) -> list[Hit]:
        scored = any(key.field == "_score" for key in effective_sort(request))
        hits = []
        for item in items:
            score = _score(request.query, item) if scored else None
            values = tuple(_sort_value(key, item, score) for key in effective_sort(request))
            hits.append(Hit(id=item.id, score=score, document=dict(item.document), sort=(*values, item.id)))
        return sorted(hits, key=lambda hit: _position(request, hit.sort))


def _narrowed(request: SearchRequest, items: Sequence[Item]) -> list[Item]:
    clauses = [*request.selections.values()]
    if request.post_filter is not None:
        clauses.append(request.post_filter)
    return [item for item in items if all(matches(clause, item) for clause in clauses)]


def _aggregations(request: SearchRequest, among: Sequence[Item]) -> dict[str, AggregationResult]:
    """Each under all selections but its own, and never under the post filter."""
    selected = replace(request, post_filter=None)
    under_all = _narrowed(selected, among) if request.aggregations else []
    answers: dict[str, AggregationResult] = {}
    for name, aggregation in request.aggregations.items():
        others = {field: clause for field, clause in request.selections.items() if field != name}
        apart = len(others) < len(request.selections)
        items = _narrowed(replace(selected, selections=others), among) if apart else under_all
        answers |= aggregate({name: aggregation}, items)
    return answers


class MemoryWriter:
    """Writes a MemoryIndex; what is written is visible at once."""

    name = "memory"

    def __init__(self, index: MemoryIndex) -> None:
        self.index = index

    def write(self, actions: Sequence[IndexAction]) -> IndexOutcome:
        done, rejected = [], {}
        for action in actions:
            try:
                self._apply(action)
                done.append(action.id)
            except DocumentRejected as error:
                rejected[action.id] = error.reason
        self.index.generation += 1
        return IndexOutcome(done=done, rejected=rejected)

    def _apply(self, action: IndexAction) -> None:
        if self.index.revisions.get(action.id, -1) > action.revision:
            return
        if action.document is None:
            self.index.items.pop(action.id, None)
        else:
            self.index.items[action.id] = Item(action.id, dict(action.document), project(action.document))
        self.index.revisions[action.id] = action.revision

    def refresh(self) -> None:
        """Everything is visible already."""

    def rebuild(
        self, documents: Iterable[IndexAction], *, catch_up: Iterable[IndexAction] = ()
    ) -> IndexOutcome:
        fresh = MemoryWriter(MemoryIndex())
        loaded = fresh.write(list(documents))
        caught = fresh.write(list(catch_up))
        self.index.items, self.index.revisions = fresh.index.items, fresh.index.revisions
        self.index.generation += 1
        return IndexOutcome(
            done=[*loaded.done, *caught.done], rejected={**loaded.rejected, **caught.rejected}
        )

    def close(self) -> None:
        """Nothing is held."""


def _score(query: Query, item: Item) -> float:
    return float(sum(weight for weight, clause in units(query) if matches(clause, item)))


def _sort_value(key: SortKey, item: Item, score: float | None) -> Any:
    if key.field == "_score":
        return score
    values = item.numbers(key.field)
    return typed_key(key.field, values[0]) if values else None


def _position(request: SearchRequest, values: tuple[Any, ...]) -> Any:
    """A key that sorts hits: each criterion in its direction, missing last, the id at the end."""
    criteria = [*effective_sort(request), SortKey(field="id")]
    return [
        _Place(fold(value) if isinstance(value, str) else ordered_form(value), key.descending)
        for key, value in zip(criteria, values, strict=True)
    ]


@functools.total_ordering
class _Place:
    """One sort value: None after everything else, the rest in the wanted direction."""

    __slots__ = ("descending", "value")

    def __init__(self, value: Any, descending: bool) -> None:
        self.value = value
        self.descending = descending

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Place) and self.value == other.value

    def __lt__(self, other: _Place) -> bool:
        if self.value is None or other.value is None:
            return self.value is not None and other.value is None
        return bool(self.value > other.value) if self.descending else bool(self.value < other.value)

    __hash__ = None  # type: ignore[assignment]  # compared, never hashed
