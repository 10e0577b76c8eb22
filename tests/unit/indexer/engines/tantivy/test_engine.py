"""The reading side: points in time, generations, and searches from many threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog.errors import RequestRefused
from catalog.query.nodes import Exists
from catalog.query.request import FilterAgg, MetricAgg, MissingAgg, SearchRequest, TermsAgg
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.testing.engines import DOCUMENTS, actions
from indexer.engines.tantivy import TantivyEngine, TantivyWriter
from indexer.engines.tantivy import engine as module


@pytest.fixture
def pair(tmp_path):
    settings = Settings(home=tmp_path)
    writer, engine = TantivyWriter(settings), TantivyEngine(settings)
    yield writer, engine
    engine.close()
    writer.close()


def test_a_point_in_time_survives_deletion_rebuild_and_the_removal_of_its_files(pair):
    writer, engine = pair
    writer.write(actions(DOCUMENTS))
    point = engine.point_in_time(keep_seconds=60)
    writer.write([IndexAction(id="a" * 64, revision=2, document=None)])
    for _ in range(3):
        writer.rebuild(actions(DOCUMENTS[:1]))
    assert point.search(SearchRequest()).total == 5
    assert {hit.document["name"] for hit in point.search(SearchRequest()).hits} == {
        document["name"] for document in DOCUMENTS
    }
    assert engine.search(SearchRequest()).total == 1


def test_a_closed_point_in_time_is_refused_by_name(pair):
    writer, engine = pair
    writer.write(actions(DOCUMENTS))
    point = engine.point_in_time(keep_seconds=60)
    point.close()
    with pytest.raises(RequestRefused, match="pit"):
        point.search(SearchRequest())


def test_every_commit_and_rebuild_is_a_generation_of_its_own(pair):
    writer, engine = pair
    generations = [engine.info().generation]
    writer.write(actions(DOCUMENTS))
    generations += [engine.info().generation, engine.info().generation]
    writer.rebuild(actions(DOCUMENTS))
    generations.append(engine.info().generation)
    assert generations[0] == "empty"
    assert generations[1] == generations[2]
    assert len(set(generations)) == 3
    assert engine.info().documents == 5


def test_a_scan_reads_every_model_once_in_the_order_of_ids_over_many_pages(pair, monkeypatch):
    monkeypatch.setattr(module, "SCAN_PAGE", 2)
    writer, engine = pair
    writer.write(actions(DOCUMENTS[3:]))
    writer.write(actions(DOCUMENTS[:3]))
    assert [document["id"][0] for document in engine.scan(SearchRequest())] == ["a", "b", "c", "d", "e"]


def test_a_scan_sees_the_state_in_which_it_began(pair, monkeypatch):
    monkeypatch.setattr(module, "SCAN_PAGE", 2)
    writer, engine = pair
    writer.write(actions(DOCUMENTS))
    documents = engine.scan(SearchRequest())
    assert next(documents)["id"][0] == "a"
    writer.write([IndexAction(id=letter * 64, revision=2, document=None) for letter in "cd"])
    assert [document["id"][0] for document in documents] == ["b", "c", "d", "e"]


def test_searches_from_many_threads_follow_commits_without_an_error(pair):
    writer, engine = pair
    writer.write(actions(DOCUMENTS[:1]))
    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(engine.search, SearchRequest()) for _ in range(40)]
        writer.write(actions(DOCUMENTS[1:]))
        running += [threads.submit(engine.search, SearchRequest()) for _ in range(10)]
        totals = [search.result().total for search in running]
    assert set(totals) <= {1, 5}
    assert totals[-10:] == [5] * 10


def test_what_is_counted_beside_the_hits_and_what_after_them_is_all_that_was_asked():
    """What is asked of one field is counted in one pass, so it stays together."""
    wanted = {
        "task": TermsAgg(field="task"),
        "best": MetricAgg(kind="max", field="metrics.f1"),
        "no task": MissingAgg(field="task"),
        "named": FilterAgg(query=Exists("name")),
        "framework": TermsAgg(field="framework"),
    }
    beside, after = module._shares(wanted)
    assert beside.keys() | after.keys() == wanted.keys()
    assert not beside.keys() & after.keys()
    assert {"task", "no task"} <= after.keys()
    assert {"best", "framework"} <= beside.keys()
