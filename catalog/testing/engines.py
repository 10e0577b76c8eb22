"""The suite that every search engine passes: subclass `EngineSuite`, give it a pair of writer and engine, done.

class TestMyEngine(EngineSuite):
    @pytest.fixture
    def pair(self, tmp_path): ...  # (IndexWriter, SearchEngine) over one empty index

Most tests only read from `engine`, the one of a `pair` that `fill` filled: where an index takes long to make, give them all
the same.
"""

from __future__ import annotations

from catalog.testing.engine_cases import DOCUMENTS, QUERIES, REFUSED, SORTS, actions
from catalog.testing.engine_counting import CountingSuite
from catalog.testing.engine_fixtures import Pair, fill
from catalog.testing.engine_reading import ReadingSuite
from catalog.testing.engine_writing import WritingSuite

__all__ = ["DOCUMENTS", "QUERIES", "REFUSED", "SORTS", "EngineSuite", "Pair", "actions", "fill"]


class EngineSuite(ReadingSuite, CountingSuite, WritingSuite):
    """What every engine does alike. `nested_aggregations = False` for an engine that refuses to count evaluations."""
