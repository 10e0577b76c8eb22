"""What the manifest is asked at every crawl costs what it answers, however many objects there are."""

from sqlalchemy import event

from catalog.records import SourceId
from catalog.settings import Settings
from catalog.store import open_store


def test_files_that_could_not_be_read_are_found_by_an_index_of_their_own(tmp_path):
    """SQLite uses it only where the condition stands there in its very words."""
    asked = []
    with open_store(Settings(home=tmp_path), write=True) as store:

        @event.listens_for(store.engine, "before_cursor_execute")
        def note(_connection, _cursor, statement, parameters, _context, _many):
            asked.append((statement, parameters))

        assert list(store.manifest(SourceId("file:///models")).unread()) == []
        event.remove(store.engine, "before_cursor_execute", note)
        ((statement, parameters),) = [words for words in asked if "FROM objects" in words[0]]
        with store.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    assert any("USING INDEX objects_unread" in row[-1] for row in plan), plan
