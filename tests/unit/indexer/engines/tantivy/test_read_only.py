"""A catalog that this user may only read: searched, followed, and refused with the way out where it cannot be."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from fixtures.crawling import safetensors
from fixtures.other_user import modeldex, python

from catalog.errors import EngineUnavailable
from catalog.query.request import SearchRequest
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.testing.engines import DOCUMENTS, actions
from indexer.engines.tantivy import TantivyEngine, TantivyWriter, read_only
from indexer.engines.tantivy.location import IndexHome, IndexUnreadable

CRAWL = """
from catalog.cli import main
os.umask(int(sys.argv.pop(1), 8))
main(sys.argv[1:])
"""


@pytest.fixture
def folder():
    """A folder that everybody may enter, which pytest's own are not."""
    made = Path(tempfile.mkdtemp(prefix="modeldex-test-"))
    made.chmod(0o755)
    yield made
    for path in [made, *made.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(made)


@pytest.fixture
def home(folder):
    """A crawled catalog of one model as its owner's umask leaves it, and then without any right to write."""
    (folder / "models").mkdir()
    (folder / "models" / "net.safetensors").write_bytes(safetensors())
    done = python(CRAWL, "022", "--home", folder / "home", "crawl", folder / "models")
    assert done.returncode == 0, done.stderr
    close(folder / "home")
    return folder / "home"


def close(home):
    for path in [home, *home.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


def contents(home):
    return sorted((str(path), path.stat().st_mtime_ns) for path in home.rglob("*"))


def test_a_catalog_of_another_user_is_searched_shown_and_listed(home):
    before = contents(home)
    found = modeldex(home, "search", "--json", "net")
    assert found.returncode == 0, found.stderr
    assert [model["name"] for model in json.loads(found.stdout)] == ["net"]
    sorted_ = modeldex(home, "search", "--json", "format:safetensors sort:-params")
    assert [model["name"] for model in json.loads(sorted_.stdout)] == ["net"]
    assert "net" in modeldex(home, "show", "net").stdout
    assert "net" in modeldex(home, "models").stdout
    assert contents(home) == before


SERVED = """
from pathlib import Path
from catalog.settings import Settings
from webui.app import create_app
from webui.contracts import close_services, open_services

def pages(home):
    settings = Settings(home=Path(home))
    services = open_services(settings)
    client = create_app(settings, services).test_client()
    found = client.get("/api/search?q=net")
    (model,) = [hit["id"] for hit in found.json["results"]]
    paths = "/?q=net", f"/models/{model}", f"/api/models/{model}", "/es/models/_search"
    print(*(client.get(path).status_code for path in paths))
    close_services(services)

as_nobody(pages, sys.argv[1])
"""


def test_the_page_is_served_from_a_catalog_of_another_user(home):
    done = python(SERVED, home)
    assert (done.returncode, done.stdout) == (0, "200 200 200 200\n"), done.stderr


@pytest.mark.parametrize("verb", ["crawl", "reindex", "forget"])
def test_writing_there_is_refused_in_one_sentence(home, verb):
    arguments = {
        "crawl": [home.parent / "models"],
        "reindex": [],
        "forget": [home.parent / "models", "--apply"],
    }
    done = modeldex(home, verb, *arguments[verb])
    assert done.returncode == 1
    assert done.stderr.startswith("modeldex: ")
    assert "Traceback" not in done.stderr


def test_files_that_only_their_owner_may_read_are_named_with_the_command_that_opens_them(home):
    for file in (home / "index").rglob("*"):
        file.chmod(0o700 if file.is_dir() else 0o600)
    (home / "index").chmod(0o755)
    done = modeldex(home, "search", "net")
    assert done.returncode == 1
    assert "may not be read by this user." in done.stderr
    assert f"chmod -R a+rX {home / 'index'}" in done.stderr
    assert "reindex" not in done.stderr


def test_what_a_crash_left_in_the_write_ahead_log_is_read(home):
    """A process that was killed leaves records in the log alone; the file without it lacks them."""
    home.chmod(0o755)
    store = home / "store.sqlite3"
    store.chmod(0o644)
    program = f"""
import sqlite3
connection = sqlite3.connect({str(store)!r})
connection.execute("UPDATE records SET name = 'renamed'")
connection.commit()
os._exit(0)
"""
    assert python(program).returncode == 0
    assert home.joinpath("store.sqlite3-wal").stat().st_size
    close(home)
    shown = modeldex(home, "show", "renamed")
    assert shown.returncode == 0, shown.stderr


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def writer(settings):
    opened = TantivyWriter(settings)
    yield opened
    opened.close()


@pytest.fixture
def only_reading(monkeypatch):
    """Readers of this test go the way of a user who may not lock the index."""
    monkeypatch.setattr("indexer.engines.tantivy.engine.may_only_read", lambda _path: True)


@pytest.mark.usefixtures("only_reading")
def test_a_reader_without_the_lock_follows_commits_rebuilds_and_deletions(settings, writer):
    engine = TantivyEngine(settings)
    writer.write(actions(DOCUMENTS))
    assert engine.search(SearchRequest()).total == 5
    writer.write([IndexAction(id="a" * 64, revision=2, document=None)])
    assert engine.search(SearchRequest()).total == 4
    writer.rebuild(actions(DOCUMENTS[:2]))
    assert engine.search(SearchRequest()).total == 2
    for _ in range(3):
        writer.rebuild(actions(DOCUMENTS))
    assert len(list(engine.scan(SearchRequest()))) == 5


@pytest.mark.usefixtures("only_reading")
def test_the_links_are_removed_and_the_index_reads_on(settings, writer, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    writer.write(actions(DOCUMENTS))
    engine = TantivyEngine(settings)
    engine.info()
    assert list((tmp_path / "temporary").iterdir()) == []
    assert engine.search(SearchRequest()).hits[0].document["name"]


@pytest.mark.usefixtures("only_reading")
def test_a_segment_that_is_merged_away_while_it_is_opened_is_no_damage(settings, writer, monkeypatch):
    writer.write(actions(DOCUMENTS))
    opened, calls = read_only._opened, []

    def merged_away(folder):
        calls.append(folder)
        if len(calls) < read_only.ATTEMPTS:
            next(folder.glob("*.store")).unlink()
        return opened(folder)

    monkeypatch.setattr(read_only, "_opened", merged_away)
    assert TantivyEngine(settings).search(SearchRequest()).total == 5
    assert len(calls) == read_only.ATTEMPTS


@pytest.mark.usefixtures("only_reading")
def test_a_damaged_index_is_called_damaged(settings, writer):
    writer.write(actions(DOCUMENTS))
    next(IndexHome(settings.index_path).current().glob("*.store")).unlink()
    with pytest.raises(EngineUnavailable, match=r"damaged.*modeldex reindex"):
        TantivyEngine(settings).search(SearchRequest())


@pytest.mark.usefixtures("only_reading")
def test_without_any_temporary_folder_the_way_out_is_named(settings, writer, monkeypatch, tmp_path):
    writer.write(actions(DOCUMENTS))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(EngineUnavailable, match="TMPDIR=FOLDER"):
        TantivyEngine(settings).search(SearchRequest())


@pytest.mark.usefixtures("only_reading")
def test_a_commit_that_is_not_shared_yet_leaves_the_one_before_in_service(settings, writer, monkeypatch):
    engine = TantivyEngine(settings)
    writer.write(actions(DOCUMENTS[:2]))
    assert engine.search(SearchRequest()).total == 2

    def refuse(path):
        raise IndexUnreadable(path / "meta.json", path.parent)

    with monkeypatch.context() as patch:
        patch.setattr("indexer.engines.tantivy.engine.open_read_only", refuse)
        writer.write(actions(DOCUMENTS))
        assert engine.search(SearchRequest()).total == 2
        with pytest.raises(EngineUnavailable, match="may not be read"):
            TantivyEngine(settings).search(SearchRequest())
    assert engine.search(SearchRequest()).total == 5


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_an_index_is_as_readable_as_its_owner_makes_files(settings, umask):
    """Tantivy writes `meta.json` for its owner alone: no other user could search a catalog that was open to them."""
    before = os.umask(umask)
    try:
        for step in ("write", "rebuild"):
            writer = TantivyWriter(settings)
            getattr(writer, step)(actions(DOCUMENTS))
            writer.close()
            meta = IndexHome(settings.index_path).current() / "meta.json"
            assert meta.stat().st_mode & 0o777 == 0o666 & ~umask
    finally:
        os.umask(before)
