"""Revisions, refusals and rebuilds of the embedded engine, each write one commit."""

import pytest

from catalog.errors import EngineUnavailable
from catalog.query.nodes import Term
from catalog.query.request import SearchRequest
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from indexer.engines.tantivy import TantivyEngine, TantivyWriter


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def writer(settings):
    opened = TantivyWriter(settings)
    yield opened
    opened.close()


def action(name, revision=1, **document):
    return IndexAction(id=name, revision=revision, document={"id": name, "name": name, **document})


def deletion(name, revision):
    return IndexAction(id=name, revision=revision, document=None)


def ids(settings, **request):
    return [hit.id for hit in TantivyEngine(settings).search(SearchRequest(**request)).hits]


def test_an_older_revision_is_done_and_changes_nothing(settings, writer):
    writer.write([action("a", 2, task="new")])
    assert writer.write([action("a", 1, task="old")]).done == ["a"]
    assert ids(settings, query=Term("task", "new")) == ["a"]


def test_of_two_revisions_in_one_write_the_newer_stays_whatever_their_order(settings, writer):
    writer.write(
        [action("a", 2, task="new"), action("a", 1, task="old"), action("b", 1), action("b", 2, task="new")]
    )
    assert ids(settings) == ["a", "b"]
    assert ids(settings, query=Term("task", "new")) == ["a", "b"]


def test_a_late_older_state_does_not_undo_a_deletion(settings, writer):
    writer.write([action("a", 1)])
    writer.write([deletion("a", 3)])
    writer.write([action("a", 2)])
    assert ids(settings) == []
    writer.write([action("a", 4)])
    assert ids(settings) == ["a"]


def test_a_refused_document_leaves_its_earlier_state_and_the_others(settings, writer):
    writer.write([action("a", 1, task="ner")])
    outcome = writer.write([action("a", 2, parameters="many"), action("b", 1)])
    assert (outcome.done, list(outcome.rejected)) == (["b"], ["a"])
    assert ids(settings, query=Term("task", "ner")) == ["a"]


def test_a_rebuild_takes_what_changed_meanwhile_on_top(settings, writer):
    writer.write([action("gone")])
    outcome = writer.rebuild(
        [action("a", 1, task="old"), action("b", 1)], catch_up=[action("a", 2, task="new"), deletion("b", 2)]
    )
    assert sorted(outcome.done) == ["a", "a", "b", "b"]
    assert ids(settings) == ["a"]
    assert ids(settings, query=Term("task", "new")) == ["a"]
    assert writer.documents == 1


def test_a_rebuild_that_breaks_off_leaves_the_index_and_no_folder(settings, writer):
    writer.write([action("a")])
    before = sorted(settings.index_path.rglob("*"))

    def broken():
        yield action("b")
        raise RuntimeError("the store is gone")

    with pytest.raises(RuntimeError, match="the store is gone"):
        writer.rebuild(broken())
    assert sorted(settings.index_path.rglob("*")) == before
    assert ids(settings) == ["a"]


def test_the_first_rebuild_has_nothing_to_go_back_to(writer):
    assert writer.needs_rebuild == "there is no index yet"
    writer.rebuild([action("a")])
    assert writer.needs_rebuild is None
    with pytest.raises(EngineUnavailable, match="no earlier index"):
        writer.roll_back()


def test_a_segment_file_of_a_few_bytes_is_called_damage(settings, writer):
    """Tantivy panics when it opens one; that arrived as a traceback."""
    writer.write([action("a")])
    writer.close()
    path = next(writer.home.current().glob("*.store"))
    path.unlink()
    path.write_bytes(b"1234567")
    again = TantivyWriter(settings)
    try:
        assert "damaged" in (again.needs_rebuild or "")
        with pytest.raises(EngineUnavailable, match="modeldex reindex"):
            again.write([action("b")])
        again.rebuild([action("a")])
        assert ids(settings) == ["a"]
    finally:
        again.close()
