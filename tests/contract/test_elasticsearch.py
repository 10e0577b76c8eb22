"""Elasticsearch keeps the contract: the same suite against a real node."""

from collections.abc import Iterator

import pytest

from catalog.settings import Settings
from catalog.testing.engines import EngineSuite, Pair

pytest.importorskip("elasticsearch")
from indexer.engines.elasticsearch import ElasticsearchEngine, ElasticsearchWriter

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")


class TestElasticsearch(EngineSuite):
    @pytest.fixture
    def pair(self, elasticsearch_settings: Settings) -> Iterator[Pair]:
        writer, engine = (
            ElasticsearchWriter(elasticsearch_settings),
            ElasticsearchEngine(elasticsearch_settings),
        )
        yield writer, engine
        engine.close()
        writer.close()
