"""The embedded engine answers generated requests over varied documents as the reference engine does."""

import pytest
from agreement import assert_agree
from hypothesis import HealthCheck, given, settings

from catalog.search.engine import SearchEngine
from catalog.search.request import SearchRequest
from catalog.settings import Settings
from catalog.testing.documents import documents
from catalog.testing.engines import actions
from catalog.testing.requests import requests
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from indexer.engines.tantivy import TantivyEngine, TantivyWriter

COUNT = 5_000


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    made = actions(list(documents(COUNT)))
    index = MemoryIndex()
    MemoryWriter(index).write(made)
    home = Settings(home=tmp_path_factory.mktemp("home"))
    writer = TantivyWriter(home)
    for start in range(0, COUNT, 1_300):  # several segments
        writer.write(made[start : start + 1_300])
    engine = TantivyEngine(home)
    yield engine, MemoryEngine(index)
    engine.close()
    writer.close()


@given(request=requests())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_generated_requests_have_the_same_answer(
    engines: tuple[SearchEngine, SearchEngine], request: SearchRequest
) -> None:
    assert_agree(*engines, request)
