"""What the manifest is asked at every crawl costs what it answers, however many objects there are."""

from sqlalchemy import event

from catalog.records import Extraction, ObjectKey, ObjectMeta, Role, SourceId
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.entries import Entry, Reading
from catalog.store.spans import Span


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


SPANS = {
    "neighbours": ([("a", False), ("b", True)], ["a/1", "b/1", "b/c/1"]),
    "a gap between them": ([("a", False), ("d", False)], ["a/1", "d/1"]),
    "the root, and one below it": ([("", False), ("b/c", False)], ["b/c/1", "top"]),
    "one within another": ([("b", True), ("b/c", False)], ["b/1", "b/c/1"]),
    "all": ([("", True), ("a", False)], ["a/1", "a/x/1", "a-b/1", "b/1", "b/c/1", "d/1", "top"]),
}


def test_files_of_several_directories_are_read_at_once_where_little_lies_between(tmp_path, monkeypatch):
    """However they are read, they are the same files in the same order."""
    monkeypatch.setattr("catalog.store.spans.ROWS_PER_STATEMENT", 0)
    keys = ["top", "a/1", "a/x/1", "a-b/1", "b/1", "b/c/1", "d/1"]
    asked = []
    with open_store(Settings(home=tmp_path), write=True) as store:
        source = SourceId("file:///models")
        with store.source_lease(source) as lease:
            manifest = store.manifest(source)
            manifest.put([(entry_of(source, key), None) for key in keys], lease=lease)

        @event.listens_for(store.engine, "before_cursor_execute")
        def note(_connection, _cursor, statement, _parameters, _context, _many):
            asked.extend([statement] if "FROM objects" in statement else [])

        for chosen, expected in SPANS.values():
            spans = [Span(directory=directory, deep=deep) for directory, deep in chosen]
            for about, statements in ((len(keys), 1), (0, 1 + len(spans))):
                asked.clear()
                files = [entry.object.key for entry in manifest.models_files_in(spans, about=about)]
                assert files == sorted(expected, key=str.encode)
                assert len(asked) == statements


def test_files_of_more_bytes_than_a_database_counts_in_one_number_are_counted(tmp_path):
    """Three files with holes of 4 EiB ended every crawl of their folder: "cannot be used: integer overflow"."""
    with open_store(Settings(home=tmp_path), write=True) as store:
        source = SourceId("file:///models")
        manifest = store.manifest(source)
        assert manifest.size_bytes() == 0
        with store.source_lease(source) as lease:
            sizes = [2**62, 2**62 + 5, 2**63 - 1, 7]
            entries = [entry_of(source, f"{size}", size) for size in sizes]
            manifest.put([(entry, None) for entry in entries], lease=lease)
        assert manifest.size_bytes() == sum(sizes)


def entry_of(source, key, size_bytes=1):
    meta = ObjectMeta(source=source, key=ObjectKey(key), size_bytes=size_bytes, change_token="1")
    outline = Extraction(
        key=meta.key, extractor="safetensors", extractor_version=1, format="safetensors", role=Role.WEIGHTS
    )
    return Entry(object=meta, reading=Reading.READ, signature="safetensors:1", outline=outline)
