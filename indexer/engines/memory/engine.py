"""The whole contract in its simplest exact form: the oracle of the other engines, and an engine for small tests."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from catalog.errors import DocumentRejected
from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import And, Query
from catalog.query.request import AggregationResult, Hit, SearchRequest, SearchResult, SortKey
from catalog.query.validate import effective_sort, validate
from catalog.search.engine import EngineInfo, IndexAction, IndexOutcome
from indexer.analysis import fold
from indexer.buckets import typed_key
from indexer.engines.memory.counting import aggregate
from indexer.engines.memory.matching import Item, matcher, ordered_form
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
        placed = _ordered(request, _narrowed(request, among))
        total = len(placed)
        if request.after is not None:
            last = _position(request, request.after)
            placed = [each for each in placed if _position(request, each.sort) > last]
        return SearchResult(
            total=total,
            hits=tuple(each.hit() for each in placed[request.offset : request.offset + request.size]),
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
        satisfied = matcher(request.query)
        items = [item for item in self.index.items.values() if satisfied(item)]
        if request.min_score is None:
            return items
        score = _scorer(request.query)
        return [item for item in items if score(item) >= request.min_score]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A model with what it is sorted by."""

    item: Item
    score: float | None
    sort: tuple[Any, ...]

    def hit(self) -> Hit:
        return Hit(id=self.item.id, score=self.score, document=dict(self.item.document), sort=self.sort)


def _ordered(request: SearchRequest, items: Sequence[Item]) -> list[_Placed]:
    keys = effective_sort(request)
    score = _scorer(request.query)
    is_scored = any(key.field == "_score" for key in keys)
    placed = []
    for item in items:
        points = score(item) if is_scored else None
        values = tuple(_sort_value(key, item, points) for key in keys)
        placed.append(_Placed(item, points, (*values, item.id)))
    return _by_criteria(request, placed)


def _by_criteria(request: SearchRequest, placed: Sequence[_Placed]) -> list[_Placed]:
    """From the last criterion to the first: what is equal by one keeps the order of those behind it."""
    ordered = list(placed)
    for place, key in reversed(list(enumerate(_criteria(request)))):
        pairs = [(_compared(each.sort[place]), each) for each in ordered]
        present = [pair for pair in pairs if pair[0] is not None]
        present.sort(key=itemgetter(0), reverse=key.descending)
        ordered = [each for _, each in present] + [each for value, each in pairs if value is None]
    return ordered


def _narrowed(request: SearchRequest, items: Sequence[Item]) -> list[Item]:
    clauses = [*request.selections.values()]
    if request.post_filter is not None:
        clauses.append(request.post_filter)
    satisfied = matcher(And(tuple(clauses)))
    return [item for item in items if satisfied(item)]


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


def _scorer(query: Query) -> Callable[[Item], float]:
    clauses = [(weight, matcher(clause)) for weight, clause in units(query)]
    return lambda item: float(sum(weight for weight, satisfied in clauses if satisfied(item)))


def _sort_value(key: SortKey, item: Item, score: float | None) -> Any:
    if key.field == "_score":
        return score
    values = item.numbers(key.field)
    return typed_key(key.field, values[0]) if values else None


def _criteria(request: SearchRequest) -> list[SortKey]:
    return [*effective_sort(request), SortKey(field="id")]


def _compared(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else ordered_form(value)


def _position(request: SearchRequest, values: tuple[Any, ...]) -> Any:
    """What tells whether a hit comes after another: each criterion in its direction, missing last, the id at the end."""
    return [
        _Place(_compared(value), key.descending)
        for key, value in zip(_criteria(request), values, strict=True)
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
