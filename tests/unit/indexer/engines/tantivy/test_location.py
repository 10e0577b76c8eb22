"""The embedded engine on disk: one writer, readers that follow, damage, roll-back."""

import subprocess

import pytest
from fixtures.warm_python import warm_python

from catalog.errors import EngineUnavailable
from catalog.query.request import SearchRequest
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.testing.documents import documents
from catalog.testing.engines import DOCUMENTS, actions
from indexer.engines.tantivy import TantivyEngine, TantivyWriter
from indexer.engines.tantivy.location import IndexHome


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def writer(settings):
    opened = TantivyWriter(settings)
    yield opened
    opened.close()


def total(settings):
    return TantivyEngine(settings).search(SearchRequest()).total


def test_searching_before_anything_is_indexed_finds_nothing_and_makes_no_folder(settings):
    assert total(settings) == 0
    assert not settings.index_path.exists()


def test_a_second_writer_is_told_who_writes(settings, writer):
    with pytest.raises(EngineUnavailable, match=r"another process writes this index \(process \d+\)"):
        TantivyWriter(settings)


def test_the_lock_ends_with_its_process(settings):
    code = f"""
from pathlib import Path
from catalog.settings import Settings
from indexer.engines.tantivy import TantivyWriter
TantivyWriter(Settings(home=Path({str(settings.home)!r})))
import os
os._exit(1)
"""
    assert subprocess.run([*warm_python(), "-c", code], check=False).returncode == 1
    TantivyWriter(settings).close()


def test_what_is_written_survives_a_process_that_dies_at_once(settings):
    code = f"""
import os
from pathlib import Path
from catalog.settings import Settings
from catalog.testing.engines import DOCUMENTS, actions
from indexer.engines.tantivy import TantivyWriter
assert len(TantivyWriter(Settings(home=Path({str(settings.home)!r}))).write(actions(DOCUMENTS)).done) == 5
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([*warm_python(), "-c", code], check=False).returncode == -9
    assert total(settings) == 5


def test_an_open_reader_follows_writes_and_rebuilds(settings, writer):
    engine = TantivyEngine(settings)
    assert engine.search(SearchRequest()).total == 0
    writer.write(actions(DOCUMENTS))
    assert engine.search(SearchRequest()).total == 5
    writer.rebuild(actions(DOCUMENTS[:2]))
    assert engine.search(SearchRequest()).total == 2
    writer.write([IndexAction(id="a" * 64, revision=2, document=None)])
    assert engine.search(SearchRequest()).total == 1


def test_rolling_back_shows_the_index_from_before_the_rebuild(settings, writer):
    writer.write(actions(DOCUMENTS))
    writer.rebuild(actions(DOCUMENTS[:2]))
    writer.roll_back()
    assert total(settings) == 5
    assert not writer.write([IndexAction(id="a" * 64, revision=2, document=None)]).retry
    assert total(settings) == 4


def test_only_the_current_and_the_previous_index_stay_on_disk(settings, writer):
    for _ in range(3):
        writer.rebuild(actions(DOCUMENTS))
    assert len(list(settings.index_path.glob("index-*"))) == 2


@pytest.mark.parametrize(
    "damage", ["meta is gone", "meta is garbage", "pointer is garbage", "folder is gone"]
)
def test_a_damaged_index_names_the_way_out(settings, writer, damage):
    writer.write(actions(DOCUMENTS))
    current = IndexHome(settings.index_path).current()
    if damage == "meta is gone":
        (current / "meta.json").unlink()
    elif damage == "meta is garbage":
        (current / "meta.json").write_bytes(b"\0\1")
    elif damage == "pointer is garbage":
        (settings.index_path / "CURRENT").write_bytes(b"../../etc")
    else:
        current.rename(settings.home / "elsewhere")
    with pytest.raises(EngineUnavailable, match="modeldex reindex"):
        total(settings)


def test_an_index_of_another_schema_is_rebuilt_and_never_misread(settings, writer):
    writer.write(actions(DOCUMENTS))
    writer.close()
    home = IndexHome(settings.index_path)
    other = settings.index_path / "index-0123456789ab-9"
    home.current().rename(other)
    home.swap(other)
    with pytest.raises(EngineUnavailable, match="another version"):
        total(settings)
    newer = TantivyWriter(settings)
    assert "another version" in newer.needs_rebuild
    newer.rebuild(actions(DOCUMENTS))
    assert newer.needs_rebuild is None
    newer.close()
    assert total(settings) == 5


def test_pages_lose_and_repeat_nothing_among_thousands_of_ties(settings, writer):
    """Every model has the same name and task: all borders of pages lie inside one group of equals."""
    made = [{**document, "task": "same", "name": "same"} for document in documents(3_000)]
    for start in range(0, 3_000, 700):
        writer.write(actions(made[start : start + 700]))
    engine = TantivyEngine(settings)
    found = [
        hit.id
        for at in range(0, 3_000, 250)
        for hit in engine.search(SearchRequest(offset=at, size=250)).hits
    ]
    assert found == sorted(document["id"] for document in made)
