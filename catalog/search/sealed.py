"""A search engine over models of which some values are sealed: it knows none of them, and looks equality up elsewhere.

An index holds no sensitive value, so every question about one finds nothing in it, whoever asks. Who may read them has
conditions of equality joined with the models that hold the value, as keyed hashes tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog.errors import RequestRefused
from catalog.query.nodes import (
    And,
    Exists,
    Match,
    Nested,
    Not,
    Or,
    Phrase,
    Prefix,
    Query,
    Range,
    Term,
    Terms,
    Wildcard,
)
from catalog.query.request import SearchRequest, SearchResult
from catalog.query.validate import MAX_VALUES, validate
from catalog.sealing.names import PROSE, is_covered
from catalog.search.engine import EngineInfo, PointInTime, SearchEngine
from mappings import fields

ID = "id"
MAX_LOOKUPS = 100
"""Of one query."""

Lookup = Callable[[str, Any, int], Sequence[str]]
"""The models that hold a value of a field, up to a number."""


class SealedEngine:
    """An engine that refuses by name what cannot be asked of sealed values. Keeps the protocol of the engine that it wraps.

    `names` are the fields that are sensitive in any source, `everywhere` those that are so in all. `lookup` finds the
    models that hold a value, for who may know; `within` are the models of which that is to be known.
    """

    def __init__(
        self,
        engine: SearchEngine,
        *,
        names: Callable[[], frozenset[str]],
        everywhere: Callable[[], frozenset[str]],
        lookup: Lookup | None = None,
        within: Query | None = None,
    ) -> None:
        self.name = engine.name
        self._engine = engine
        self._names = names
        self._everywhere = everywhere
        self._lookup = lookup
        self._within = within

    def search(self, request: SearchRequest) -> SearchResult:
        return self._engine.search(self._asked(request))

    def scan(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        return self._engine.scan(self._asked(request))

    def get(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return self._engine.get(ids)

    def point_in_time(self, *, keep_seconds: float) -> PointInTime:
        return _SealedPoint(self._engine.point_in_time(keep_seconds=keep_seconds), self._asked)

    def info(self) -> EngineInfo:
        return self._engine.info()

    def close(self) -> None:
        self._engine.close()

    def _asked(self, request: SearchRequest) -> SearchRequest:
        """The request as the index can answer it. Raises RequestRefused."""
        if not _names_a_field(request):
            return request
        validate(request)
        asked = _Asked(self._names(), self._everywhere(), self._lookup, self._within)
        for key in request.sort:
            asked.check(key.field)
        return replace(
            request,
            query=asked.query(request.query),
            selections={name: asked.query(clause) for name, clause in request.selections.items()},
            post_filter=None if request.post_filter is None else asked.query(request.post_filter),
        )


class _SealedPoint:
    def __init__(self, point: PointInTime, asked: Callable[[SearchRequest], SearchRequest]) -> None:
        self._point = point
        self._asked = asked

    def search(self, request: SearchRequest) -> SearchResult:
        return self._point.search(self._asked(request))

    def close(self) -> None:
        self._point.close()


class _Asked:
    """One request on its way to the index."""

    def __init__(
        self, names: frozenset[str], everywhere: frozenset[str], lookup: Lookup | None, within: Query | None
    ) -> None:
        self._names = names
        self._everywhere = everywhere
        self._lookup = lookup
        self._within = within
        self._lookups = 0

    def check(self, field: str) -> None:
        """Raises RequestRefused for a field that no model has in clear."""
        if is_covered(field, self._everywhere):
            raise RequestRefused(
                field, "is kept encrypted: models are found by one whole value of it, and by nothing else."
            )

    def query(self, query: Query) -> Query:
        match query:
            case And(clauses):
                return And(tuple(map(self.query, clauses)))
            case Or(clauses):
                return Or(tuple(map(self.query, clauses)))
            case Not(clause):
                return Not(self.query(clause))
            case Nested(path, inner):
                return Nested(path, self.query(inner))
            case Range() | Prefix() | Wildcard():
                self.check(query.field)
            case Match() | Phrase():
                for field in query.fields:
                    self.check(field)
            case Term(field, value) if is_covered(stored_as(field), self._names):
                return self._equal(query, stored_as(field), (value,))
            case Terms(field, values) if is_covered(stored_as(field), self._names):
                return self._equal(query, stored_as(field), values)
        return query

    def _equal(self, query: Query, field: str, values: Sequence[Any]) -> Query:
        if self._lookup is None:
            return query
        models: set[str] = set()
        for value in values:
            self._lookups += 1
            if self._lookups > MAX_LOOKUPS:
                raise RequestRefused(
                    field, f"is kept encrypted: at most {MAX_LOOKUPS} of its values are asked for at once."
                )
            models.update(self._lookup(field, value, MAX_VALUES))
        if len(models) > MAX_VALUES:
            raise RequestRefused(
                field, f"is kept encrypted: more than {MAX_VALUES:,} models have one of these values."
            )
        if not models:
            return query
        matching: Query = Terms(ID, tuple(sorted(models)))
        return Or((query, matching if self._within is None else And((matching, self._within))))


def stored_as(field: str) -> str:
    """The field of documents of which the index makes this one: `license` for `license_parts`."""
    row = fields().get(field)
    return field if row is None or row.indexed_from is None else row.indexed_from


def blind_field(query: Query, names: frozenset[str]) -> str | None:
    """The first of these sensitive fields of which the query asks something else than whether it is one whole value: of
    that an index sees nothing, and so the models that have it clear alone are found.
    """
    match query:
        case And(clauses) | Or(clauses):
            return next(filter(None, (blind_field(clause, names) for clause in clauses)), None)
        case Not(clause) | Nested(_, clause):
            return blind_field(clause, names)
        case Range() | Prefix() | Wildcard() | Exists():
            asked: tuple[str, ...] = (query.field,)
        case Match() | Phrase():
            asked = query.fields
            if not asked or PROSE in asked:  # words are looked for everywhere
                asked = (*sorted(names - {PROSE}), PROSE)
        case _:
            return None
    return next((field for field in asked if is_covered(stored_as(field), names)), None)


def _names_a_field(request: SearchRequest) -> bool:
    """Whether anything is asked of a field but the id: most requests for documents are not."""
    return (
        bool(request.sort or request.selections or request.post_filter)
        or not isinstance(request.query, Terms)
        or request.query.field != ID
    )
