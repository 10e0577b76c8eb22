"""The engine in its simplest form: revisions, orders with missing values, points in time."""

import pytest

from catalog.query.nodes import Match, Term
from catalog.query.request import SearchRequest, SortKey, TermsAgg
from catalog.search.engine import IndexAction
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter


@pytest.fixture
def pair():
    index = MemoryIndex()
    return MemoryWriter(index), MemoryEngine(index)


def action(name, revision=1, **document):
    return IndexAction(id=name, revision=revision, document={"id": name, "name": name, **document})


def found(engine, **request):
    return [hit.id for hit in engine.search(SearchRequest(**request)).hits]


def test_an_older_revision_never_replaces_a_newer_one_nor_undoes_a_deletion(pair):
    writer, engine = pair
    writer.write([action("a", 2, task="new"), action("a", 1, task="old")])
    assert found(engine, query=Term("task", "new")) == ["a"]
    writer.write([IndexAction(id="a", revision=3, document=None), action("a", 2)])
    assert found(engine) == []
    writer.write([action("a", 3)])
    assert found(engine) == ["a"], "the same revision again is no older one"


def test_a_refused_document_leaves_the_others_and_its_own_earlier_state(pair):
    writer, engine = pair
    writer.write([action("a", 1, task="ner")])
    outcome = writer.write([action("a", 2, parameters="many"), action("b", 1)])
    assert (list(outcome.rejected), outcome.done) == (["a"], ["b"])
    assert found(engine, query=Term("task", "ner")) == ["a"]


@pytest.mark.parametrize(("descending", "order"), [(False, "bacd"), (True, "acbd")])
def test_missing_values_come_last_in_both_directions_and_ties_go_by_id(pair, descending, order):
    writer, engine = pair
    writer.write(
        [action("a", parameters=5), action("b", parameters=1), action("c", parameters=5), action("d")]
    )
    assert "".join(found(engine, sort=(SortKey(field="parameters", descending=descending),))) == order


def test_pages_go_on_exactly_after_the_last_hit(pair):
    writer, engine = pair
    writer.write([action(name, parameters=1) for name in "abc"])
    sort = (SortKey(field="parameters"),)
    first = engine.search(SearchRequest(sort=sort, size=2))
    rest = engine.search(SearchRequest(sort=sort, size=2, after=first.hits[-1].sort))
    assert [hit.id for hit in (*first.hits, *rest.hits)] == ["a", "b", "c"]
    assert rest.total == first.total == 3


def test_a_point_in_time_sees_no_later_write(pair):
    writer, engine = pair
    writer.write([action("a")])
    point = engine.point_in_time(keep_seconds=1)
    writer.write([action("b"), IndexAction(id="a", revision=2, document=None)])
    assert (found(point), found(engine)) == (["a"], ["b"])


def test_every_write_is_a_generation_of_its_own(pair):
    writer, engine = pair
    generations = [engine.info().generation]
    for change in ([action("a")], [], [action("b")]):
        writer.write(change)
        generations.append(engine.info().generation)
    writer.rebuild([action("c")], catch_up=[action("c", 2)])
    generations.append(engine.info().generation)
    assert len(set(generations)) == len(generations)
    assert engine.info().documents == 1


def test_a_facet_keeps_its_alternatives_and_a_post_filter_leaves_it_alone(pair):
    writer, engine = pair
    writer.write([action("a", task="ner"), action("b", task="qa"), action("c", task="qa")])
    result = engine.search(
        SearchRequest(
            selections={"task": Term("task", "ner")},
            post_filter=Match("nosuch"),
            aggregations={"task": TermsAgg(field="task"), "else": TermsAgg(field="task")},
        )
    )
    assert result.total == 0
    counts = {
        name: [(bucket.key, bucket.count) for bucket in facet.buckets]
        for name, facet in result.aggregations.items()
    }
    assert counts == {"task": [("qa", 2), ("ner", 1)], "else": [("ner", 1)]}
