"""The embedded engine keeps the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.settings import Settings
from catalog.testing.engines import EngineSuite, Pair
from indexer.engines.tantivy import TantivyEngine, TantivyWriter


class TestTantivy(EngineSuite):
    nested_aggregations = False

    @pytest.fixture
    def pair(self, tmp_path: Path) -> Iterator[Pair]:
        settings = Settings(home=tmp_path)
        writer, engine = TantivyWriter(settings), TantivyEngine(settings)
        yield writer, engine
        engine.close()
        writer.close()
