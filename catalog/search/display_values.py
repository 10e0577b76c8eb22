"""Values of facets as documents write them: engines count `F16` and `f16` together, under one folded key.

The spelling is that of the first document, in the order of ids, that holds the value. It is looked up once per value
and state of the index, for all unknown values of an answer together.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog.query.nodes import Nested, Or, Query, Terms
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    SearchRequest,
    SearchResult,
    SortKey,
    TermsAgg,
)
from catalog.query.validate import NESTED_PATH
from catalog.search.engine import EngineInfo, PointInTime, SearchEngine
from catalog.text.folders import folders_of
from catalog.text.folding import fold
from mappings import fields

FEWEST_DOCUMENTS, MOST_DOCUMENTS = 50, 200
"""Documents of one lookup: as many as there are unknown values, within these bounds."""
MOST_ROUNDS = 4
"""A round settles the most frequent of the unknown values, so few are left for the next one."""
KEPT_SECONDS = 60.0
"""How long spellings are trusted where nobody asks for the generation of the index."""
_TEXT_TYPES = frozenset({"keyword", "name"})

Value = tuple[str, str]
"""A field and one of its folded values."""


class SpelledEngine:
    """An engine whose terms buckets are named as documents write them. All else is the engine's own answer."""

    def __init__(self, engine: SearchEngine) -> None:
        self.engine = engine
        self.name = engine.name
        self._spellings = Spellings(engine)

    def search(self, request: SearchRequest) -> SearchResult:
        return self._spellings.applied(request, self.engine.search(request))

    def scan(self, request: SearchRequest) -> Iterator[Mapping[str, Any]]:
        return self.engine.scan(request)

    def get(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return self.engine.get(ids)

    def point_in_time(self, *, keep_seconds: float) -> PointInTime:
        return _SpelledPoint(self.engine.point_in_time(keep_seconds=keep_seconds), self._spellings)

    def info(self) -> EngineInfo:
        info = self.engine.info()
        self.of_generation(info.generation)
        return info

    def of_generation(self, generation: str) -> None:
        """Forgets the spellings of another state of the index."""
        self._spellings.of_generation(generation)

    def close(self) -> None:
        self.engine.close()


class _SpelledPoint:
    def __init__(self, point: PointInTime, spellings: Spellings) -> None:
        self._point = point
        self._spellings = spellings

    def search(self, request: SearchRequest) -> SearchResult:
        return self._spellings.applied(request, self._point.search(request))

    def close(self) -> None:
        self._point.close()


class Spellings:
    """What is known of the values of one index."""

    def __init__(self, engine: SearchEngine) -> None:
        self._engine = engine
        self._generation = ""
        self._known: dict[Value, str] = {}
        self._since = time.monotonic()

    def of_generation(self, generation: str) -> None:
        if generation != self._generation:
            self._generation = generation
            self._forget()

    def applied(self, request: SearchRequest, result: SearchResult) -> SearchResult:
        """The answer with every text key of its terms buckets spelled out."""
        if not request.aggregations:
            return result
        if time.monotonic() - self._since > KEPT_SECONDS:
            self._forget()
        known = self._known
        unknown = {
            value for value in _values(request.aggregations, result.aggregations) if value not in known
        }
        if unknown:
            self._learn(known, unknown)
        return replace(result, aggregations=_renamed(request.aggregations, result.aggregations, known))

    def _forget(self) -> None:
        self._known = {}
        self._since = time.monotonic()

    def _learn(self, known: dict[Value, str], unknown: set[Value]) -> None:
        for _ in range(MOST_ROUNDS):
            labels = self._labels(unknown)
            known |= labels
            unknown = unknown - labels.keys()
            if not unknown or not labels:
                break
        known |= {value: value[1] for value in unknown}

    def _labels(self, unknown: set[Value]) -> dict[Value, str]:
        by_field: dict[str, list[str]] = {}
        for name, folded in sorted(unknown):
            by_field.setdefault(name, []).append(folded)
        query = Or(tuple(_holding(name, tuple(values)) for name, values in by_field.items()))
        size = min(max(len(unknown), FEWEST_DOCUMENTS), MOST_DOCUMENTS)
        request = SearchRequest(query=query, sort=(SortKey(field="id"),), size=size)
        labels: dict[Value, str] = {}
        for hit in self._engine.search(request).hits:
            for name in by_field:
                for text in _written(hit.document, name):
                    value = (name, fold(text))
                    if value in unknown:
                        labels.setdefault(value, text)
        return labels


def _holding(name: str, values: tuple[str, ...]) -> Query:
    clause = Terms(name, values)
    return Nested(NESTED_PATH, clause) if name.startswith(f"{NESTED_PATH}.") else clause


def _written(document: Mapping[str, Any], name: str) -> Iterator[str]:
    """The texts of a field as a document writes them, also of one that the index makes of another."""
    row = fields().get(name)
    if row is None or row.indexed_as != "folders":
        yield from _texts(document, name.split("."))
        return
    for path in _texts(document, (row.indexed_from or "").split(".")):
        yield from folders_of(path)


def _texts(value: Any, path: Sequence[str]) -> Iterator[str]:
    """Every text at a dotted name of a document, lists on the way included."""
    if isinstance(value, list | tuple):
        for element in value:
            yield from _texts(element, path)
    elif path:
        if isinstance(value, Mapping):
            yield from _texts(value.get(path[0]), path[1:])
    elif isinstance(value, str):
        yield value


def _spelled(asked: Aggregation) -> bool:
    """Whether the keys of its buckets are texts that documents write."""
    if not isinstance(asked, TermsAgg):
        return False
    row = fields().get(asked.field)
    return row.type in _TEXT_TYPES if row is not None else not asked.field.startswith("metrics.")


def _values(asked: Mapping[str, Aggregation], answers: Mapping[str, AggregationResult]) -> Iterator[Value]:
    for name, aggregation in asked.items():
        answer = answers.get(name)
        if answer is None:
            continue
        below: Mapping[str, Aggregation] = getattr(aggregation, "aggs", {})
        if isinstance(aggregation, TermsAgg) and _spelled(aggregation):
            for bucket in answer.buckets:
                if isinstance(bucket.key, str) and not _stands_for_none(aggregation, bucket):
                    yield aggregation.field, bucket.key
        if below:
            yield from _values(below, answer.aggregations)
            for bucket in answer.buckets:
                yield from _values(below, bucket.aggregations)


def _stands_for_none(asked: TermsAgg, bucket: Bucket) -> bool:
    return isinstance(asked.missing, str) and bucket.key == fold(asked.missing)


def _renamed(
    asked: Mapping[str, Aggregation], answers: Mapping[str, AggregationResult], known: Mapping[Value, str]
) -> dict[str, AggregationResult]:
    return {name: _renamed_one(asked[name], answer, known) for name, answer in answers.items()}


def _renamed_one(
    asked: Aggregation, answer: AggregationResult, known: Mapping[Value, str]
) -> AggregationResult:
    below: Mapping[str, Aggregation] = getattr(asked, "aggs", {})
    if isinstance(asked, TermsAgg) and _spelled(asked):
        keys = [_key(asked, bucket, known) for bucket in answer.buckets]
    elif below:
        keys = [bucket.key for bucket in answer.buckets]
    else:
        return answer
    if not below:
        # A page of facets has a hundred of these: their buckets have a key and a count and nothing else.
        return replace(answer, buckets=tuple(map(_named, answer.buckets, keys)))
    buckets = tuple(
        replace(bucket, key=key, aggregations=_renamed(below, bucket.aggregations, known))
        for bucket, key in zip(answer.buckets, keys, strict=True)
    )
    return replace(answer, buckets=buckets, aggregations=_renamed(below, answer.aggregations, known))


def _named(bucket: Bucket, key: Any) -> Bucket:
    return bucket if key == bucket.key else Bucket(key=key, count=bucket.count)


def _key(asked: TermsAgg, bucket: Bucket, known: Mapping[Value, str]) -> Any:
    if not isinstance(bucket.key, str):
        return bucket.key
    if _stands_for_none(asked, bucket):
        return asked.missing
    return known.get((asked.field, bucket.key), bucket.key)
