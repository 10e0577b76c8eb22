"""What the suites of a search engine share: one index, empty or filled, and short ways to ask it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from catalog.query.request import (
    Aggregation,
    AggregationResult,
    SearchRequest,
)
from catalog.search.engine import IndexWriter, SearchEngine
from catalog.testing.engine_cases import DOCUMENTS, actions

Pair = tuple[IndexWriter, SearchEngine]


def fill(pair: Pair) -> None:
    """Writes the documents that the tests ask about."""
    writer, _ = pair
    outcome = writer.write(actions(DOCUMENTS))
    assert not outcome.rejected
    assert not outcome.retry
    writer.refresh()


class EngineFixtures:
    """An engine and its writer over one index, which a subclass gives as `pair`."""

    nested_aggregations = True

    @pytest.fixture
    def pair(self) -> Pair:
        raise NotImplementedError

    @pytest.fixture
    def filled(self, pair: Pair) -> Pair:
        fill(pair)
        return pair

    @pytest.fixture
    def engine(self, filled: Pair) -> SearchEngine:
        return filled[1]

    def ask(self, engine: SearchEngine, aggregation: Aggregation) -> AggregationResult:
        return engine.search(SearchRequest(aggregations={"answer": aggregation}, size=0)).aggregations[
            "answer"
        ]


def order(engine: SearchEngine, request: SearchRequest) -> str:
    """First letters of the ids found, in order."""
    return "".join(hit.id[0] for hit in engine.search(request).hits)


def walk(engine: SearchEngine, request: SearchRequest) -> str:
    """The same, page after page by `after`; every page says the whole total."""
    letters = ""
    first = page = engine.search(request)
    while page.hits:
        assert page.total == first.total
        letters += "".join(hit.id[0] for hit in page.hits)
        page = engine.search(replace(request, after=page.hits[-1].sort))
    return letters


def buckets(answer: AggregationResult) -> dict[Any, int]:
    return {bucket.key: bucket.count for bucket in answer.buckets}
