"""The embedded engine keeps the contract."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog.search.engine import SearchEngine
from catalog.settings import Settings
from catalog.testing.engines import EngineSuite, Pair, fill
from indexer.engines.tantivy import TantivyEngine, TantivyWriter


@contextmanager
def opened(home: Path) -> Iterator[Pair]:
    settings = Settings(home=home)
    writer, engine = TantivyWriter(settings), TantivyEngine(settings)
    yield writer, engine
    engine.close()
    writer.close()


@pytest.fixture(scope="module")
def read_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchEngine]:
    with opened(tmp_path_factory.mktemp("read")) as pair:
        fill(pair)
        yield pair[1]


class TestTantivy(EngineSuite):
    nested_aggregations = False

    @pytest.fixture
    def pair(self, tmp_path: Path) -> Iterator[Pair]:
        with opened(tmp_path) as pair:
            yield pair

    @pytest.fixture
    def engine(self, read_alone: SearchEngine) -> SearchEngine:
        return read_alone
