"""Elasticsearch answers generated requests over varied documents as the reference engine does."""

import uuid

import pytest
from agreement import assert_agree
from fixtures.elasticsearch import remove_indices
from hypothesis import HealthCheck, given, settings

from catalog.search.engine import SearchEngine
from catalog.search.request import SearchRequest
from catalog.settings import Settings
from catalog.testing.documents import documents
from catalog.testing.engines import actions
from catalog.testing.requests import requests
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter

pytest.importorskip("elasticsearch")
from indexer.engines.elasticsearch import ElasticsearchEngine, ElasticsearchWriter

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")

COUNT = 5_000


@pytest.fixture(scope="module")
def engines(elasticsearch_url, tmp_path_factory):
    made = actions(list(documents(COUNT)))
    index = MemoryIndex()
    MemoryWriter(index).write(made)
    alias = f"test-{uuid.uuid4().hex[:12]}"
    chosen = Settings(
        home=tmp_path_factory.mktemp("home"),
        elasticsearch_url=elasticsearch_url,
        elasticsearch_index=alias,
        elasticsearch_timeout_seconds=60.0,
    )
    writer = ElasticsearchWriter(chosen)
    assert len(writer.write(made).done) == COUNT
    writer.refresh()
    engine = ElasticsearchEngine(chosen)
    yield engine, MemoryEngine(index)
    engine.close()
    writer.close()
    remove_indices(elasticsearch_url, alias)


@given(request=requests())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_generated_requests_have_the_same_answer(
    engines: tuple[SearchEngine, SearchEngine], request: SearchRequest
) -> None:
    assert_agree(*engines, request)
