"""Elasticsearch keeps the contract: the same suite against a real node."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fixtures.elasticsearch import alias_of_its_own

from catalog.search.engine import SearchEngine
from catalog.settings import Settings
from catalog.testing.engines import EngineSuite, Pair, fill

pytest.importorskip("elasticsearch")
from indexer.engines.elasticsearch import ElasticsearchEngine, ElasticsearchWriter

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")


@contextmanager
def opened(settings: Settings) -> Iterator[Pair]:
    writer, engine = ElasticsearchWriter(settings), ElasticsearchEngine(settings)
    yield writer, engine
    engine.close()
    writer.close()


@pytest.fixture(scope="module")
def read_alone(elasticsearch_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchEngine]:
    home = tmp_path_factory.mktemp("read")
    with alias_of_its_own(elasticsearch_url, home) as settings, opened(settings) as pair:
        fill(pair)
        yield pair[1]


class TestElasticsearch(EngineSuite):
    @pytest.fixture
    def pair(self, elasticsearch_settings: Settings) -> Iterator[Pair]:
        with opened(elasticsearch_settings) as pair:
            yield pair

    @pytest.fixture
    def engine(self, read_alone: SearchEngine) -> SearchEngine:
        return read_alone
