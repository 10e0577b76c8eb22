"""Values below flattened fields share one column in the embedded engine, and answer as if each path had its own."""

from collections.abc import Iterator
from itertools import count

import pytest

from catalog.query.nodes import Exists, Prefix, Term, Terms
from catalog.query.request import MetricAgg, MissingAgg, SearchRequest, TermsAgg
from catalog.search.engine import IndexAction, SearchEngine
from catalog.settings import Settings
from catalog.testing.documents import documents
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from indexer.engines.tantivy import TantivyEngine, TantivyWriter

ODD = {
    "id": "f" * 64,
    "hyperparameters": {"drop": "out=0.1", "dropout": ["0.1", 0.2, "a=b", "[x]*"], "d": ""},
}
SCHEDULE, DROPOUT = "hyperparameters.lr_schedule", "hyperparameters.dropout"


@pytest.fixture(scope="module")
def engines(tmp_path_factory) -> Iterator[tuple[SearchEngine, SearchEngine]]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    writer, tantivy = TantivyWriter(settings), TantivyEngine(settings)
    index = MemoryIndex()
    held = [*documents(300), ODD]
    for target in (writer, MemoryWriter(index)):
        numbers = count(1)
        target.write([IndexAction(id=one["id"], revision=next(numbers), document=one) for one in held])
    yield tantivy, MemoryEngine(index)
    tantivy.close()
    writer.close()


AGGREGATIONS = {
    "values": TermsAgg(field=DROPOUT),
    "few": TermsAgg(field=DROPOUT, size=1),
    "beginning": TermsAgg(field=DROPOUT, prefix="0."),
    "sign": TermsAgg(field=DROPOUT, prefix="a="),
    "pattern": TermsAgg(field=DROPOUT, prefix="["),
    "similar name": TermsAgg(field="hyperparameters.drop"),
    "by name": TermsAgg(field=SCHEDULE, order=("_key", False)),
    "with the rest": TermsAgg(field=SCHEDULE, missing="none"),
    "inside": TermsAgg(field=SCHEDULE, aggs={"below": TermsAgg(field=DROPOUT)}),
    "ordered": TermsAgg(
        field="task",
        order=("kinds", True),
        aggs={"kinds": MetricAgg(kind="cardinality", field=DROPOUT)},
    ),
    "how many": MetricAgg(kind="value_count", field=DROPOUT),
    "how many kinds": MetricAgg(kind="cardinality", field="extra.nested.depth"),
    "without": MissingAgg(field=DROPOUT),
}


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_values_below_one_path_are_counted_alone(engines, name):
    request = SearchRequest(size=0, aggregations={name: AGGREGATIONS[name]})
    tantivy, memory = (engine.search(request) for engine in engines)
    assert tantivy.aggregations == memory.aggregations


@pytest.mark.parametrize(
    "query",
    [
        Term(DROPOUT, 0.1),
        Term(DROPOUT, "A=B"),
        Term("hyperparameters.drop", "out=0.1"),
        Term("hyperparameters.fp16", value=True),
        Terms(DROPOUT, (0.1, "[x]*", 7)),
        Prefix(SCHEDULE, "LIN"),
        Prefix(DROPOUT, "["),
        Prefix("hyperparameters.drop", "out"),
        Prefix(DROPOUT, ""),
        Exists("hyperparameters.d"),
        Exists("extra"),
    ],
    ids=str,
)
def test_values_below_one_path_are_found_alone(engines, query):
    request = SearchRequest(query=query, size=400)
    tantivy, memory = (engine.search(request) for engine in engines)
    assert [hit.id for hit in tantivy.hits] == [hit.id for hit in memory.hits]
