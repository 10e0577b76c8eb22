"""Rebuild while crawling and searching, readers in other processes: no empty window, no lost update, no lock."""

import subprocess
import threading

import pytest
from fixtures.warm_python import warm_python

from catalog.query.request import SearchRequest
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.testing.documents import documents
from catalog.testing.engines import actions
from indexer.engines.tantivy import TantivyEngine, TantivyWriter

COUNT = 400


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def test_readers_see_everything_at_every_moment_of_rebuilds(settings):
    writer = TantivyWriter(settings)
    made = actions(list(documents(COUNT)))
    writer.write(made)
    totals, stop = set(), threading.Event()

    def read():
        engine = TantivyEngine(settings)
        while not stop.is_set():
            totals.add(engine.search(SearchRequest()).total)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(4):
        writer.rebuild(made)
    stop.set()
    for reader in readers:
        reader.join()
    writer.close()
    assert totals == {COUNT}


def test_what_changes_while_the_new_index_is_built_is_in_it(settings):
    writer = TantivyWriter(settings)
    made = actions(list(documents(COUNT)))
    writer.write(made)
    changed = IndexAction(id=made[0].id, revision=2, document={"id": made[0].id, "name": "changed meanwhile"})
    gone = IndexAction(id=made[1].id, revision=2, document=None)
    writer.rebuild(made, catch_up=[changed, gone])
    writer.close()
    engine = TantivyEngine(settings)
    assert engine.search(SearchRequest()).total == COUNT - 1
    assert engine.get([made[0].id])[made[0].id]["name"] == "changed meanwhile"


def test_readers_in_other_processes_need_no_lock(settings):
    writer = TantivyWriter(settings)
    writer.write(actions(list(documents(50))))
    code = f"""
from pathlib import Path
from catalog.settings import Settings
from catalog.query.request import SearchRequest
from indexer.engines.tantivy import TantivyEngine
print(TantivyEngine(Settings(home=Path({str(settings.home)!r}))).search(SearchRequest()).total)
"""
    running = [
        subprocess.Popen([*warm_python(), "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["50", "50"]
    writer.close()
