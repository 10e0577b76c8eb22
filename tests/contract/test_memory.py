"""The reference engine keeps the contract."""

import pytest

from catalog.testing.engines import EngineSuite, Pair
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter


class TestMemory(EngineSuite):
    @pytest.fixture
    def pair(self) -> Pair:
        index = MemoryIndex()
        return MemoryWriter(index), MemoryEngine(index)
