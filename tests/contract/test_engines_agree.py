"""Over 5,000 varied models every engine answers generated searches as the reference does, or refuses in the same words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fixtures.agreement import assert_agree, assert_agree_or_refuse, refusal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.dsl.body import from_dsl, to_dsl
from catalog.query.request import SearchRequest
from catalog.query.state import SearchState
from catalog.search.engine import SearchEngine
from catalog.search.service import SearchService
from catalog.testing.bodies import bodies
from catalog.testing.engines import REFUSED
from catalog.testing.requests import requests
from catalog.testing.states import states

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")
NEEDS_ELASTICSEARCH = (
    "[nested] cannot count evaluations one by one in the embedded engine. Use Elasticsearch."
)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def test_elasticsearch_is_one_of_them(full_elasticsearch: SearchEngine, real_engines: list[SearchEngine]):
    assert full_elasticsearch in real_engines


@given(request=requests())
@settings(max_examples=30, deadline=None, suppress_health_check=SLOW)
def test_requests(real_engines: list[SearchEngine], reference: SearchEngine, request: SearchRequest) -> None:
    for engine in real_engines:
        assert_agree(engine, reference, request)


@given(body=bodies())
@settings(max_examples=30, deadline=None, suppress_health_check=SLOW)
def test_bodies_of_analysts(real_engines: list[SearchEngine], reference: SearchEngine, body: Any) -> None:
    request, _ = from_dsl(body)
    for engine in real_engines:
        assert_agree_or_refuse(engine, reference, request)
    copied, _ = from_dsl(to_dsl(request))  # "copy as Elasticsearch query" means the same
    if copied != request:
        found, expected = reference.search(copied), reference.search(request)
        assert (found.total, found.hits) == (expected.total, expected.hits)


@pytest.mark.parametrize("least", [1, 5, 60, 5_000])
@pytest.mark.parametrize("field", ["precision_mix", "owner", "metrics.odd_metric"])
def test_values_that_are_too_rare_are_not_counted_as_others(
    real_engines: list[SearchEngine], reference: SearchEngine, field: str, least: int
) -> None:
    terms = {"terms": {"field": field, "size": 3, "min_doc_count": least}}
    request, _ = from_dsl({"size": 0, "aggs": {"values": terms}})
    for engine in real_engines:
        assert_agree(engine, reference, request)


@given(body=bodies(nested=True))
@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
def test_counting_evaluations_is_right_or_refused_by_name(
    real_engines: list[SearchEngine], reference: SearchEngine, body: Any
) -> None:
    request, _ = from_dsl(body)
    for engine in real_engines:
        if engine.name == "tantivy":
            assert refusal(engine, request) in {NEEDS_ELASTICSEARCH, refusal(reference, request)}
        else:
            assert_agree_or_refuse(engine, reference, request)


@given(body=bodies(), pages=st.integers(1, 3))
@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
def test_pages_one_after_the_other(
    real_engines: list[SearchEngine], reference: SearchEngine, body: Any, pages: int
) -> None:
    """`search_after` as every client uses it: with the sort values of the last hit."""
    first = {**body, "size": 7, "from": 0, "aggs": {}}
    request, _ = from_dsl(first)
    for _ in range(pages):
        for engine in real_engines:
            assert_agree_or_refuse(engine, reference, request)
        hits = reference.search(request).hits
        if not hits:
            return
        request = replace(request, after=hits[-1].sort)


@given(state=states())
@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
def test_pages_of_people(
    real_engines: list[SearchEngine], pages: dict[str, SearchService], state: SearchState
) -> None:
    """Everything that a page shows: models, facets, chips, problems, and why nothing was found."""
    expected = _shown(pages["memory"], state)
    for engine in real_engines:
        assert _shown(pages[engine.name], state) == expected


@pytest.mark.parametrize("situation", REFUSED)
def test_refusals_have_the_same_words(
    real_engines: list[SearchEngine], reference: SearchEngine, situation: str
) -> None:
    request, _ = REFUSED[situation]
    for engine in real_engines:
        assert_agree_or_refuse(engine, reference, request)


@pytest.fixture(scope="module")
def pages(real_engines: list[SearchEngine], reference: SearchEngine) -> dict[str, SearchService]:
    return {engine.name: SearchService(engine) for engine in (reference, *real_engines)}


def _shown(service: SearchService, state: SearchState) -> Any:
    return replace(service.page(state), took_ms=0, engine="")
