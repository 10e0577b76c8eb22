"""What a page offers under "Copy as Elasticsearch query" finds, sent by a client, the page's models in the page's order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from elasticsearch import Elasticsearch
from fixtures.es_door import app_over, serving
from hypothesis import HealthCheck, assume, given, settings

from catalog.dsl.body import from_dsl, to_dsl
from catalog.query.state import SearchState
from catalog.search.engine import SearchEngine
from catalog.search.page_state import PageParts
from catalog.search.service import SearchService
from catalog.settings import Settings
from catalog.testing.states import states
from webui.query_example import query_example

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")
Door = tuple[SearchService, Elasticsearch, str]


@pytest.fixture(scope="module")
def doors(real_engines: list[SearchEngine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Door]]:
    """The pages and /es/ over 5,000 models in each engine."""
    asked = Settings(
        home=tmp_path_factory.mktemp("copy"), api_requests_per_minute=10**6, api_timeout_seconds=30.0
    )
    with ExitStack() as stack:
        found = []
        for engine in real_engines:
            url = f"{stack.enter_context(serving(app_over(engine, asked)))}/es"
            found.append((SearchService(engine), stack.enter_context(Elasticsearch(url)), url))
        yield found


@given(state=states())
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_copied_query_finds_what_the_page_shows(doors: list[Door], state: SearchState) -> None:
    for service, client, url in doors:
        page = service.page(state, PageParts(facets=False))
        example = query_example(service.request(page.state), url, needs_key=False)
        assume(example is not None)
        assert example is not None
        found = client.search(index="models", body=json.loads(example.dsl))
        assert found["hits"]["total"] == {"value": page.total, "relation": "eq"}
        assert [hit["_id"] for hit in found["hits"]["hits"]] == [document["id"] for document in page.hits]
        again = from_dsl(to_dsl(from_dsl(example.dsl)[0]))[0]
        assert again == from_dsl(example.dsl)[0]
