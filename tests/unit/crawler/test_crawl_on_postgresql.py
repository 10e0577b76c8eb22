"""The same crawl into PostgreSQL."""

import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from fixtures.crawling import EXTRACTORS, Shop, bill_of, safetensors
from fixtures.patience import within
from fixtures.postgresql import GUARDED
from sqlalchemy import select

from catalog import plugins
from catalog.errors import StoreUnavailable
from catalog.records import ObjectKey, RunState
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.orphans import JUDGE
from catalog.store.tables import model_ties
from crawler.crawl import crawl
from crawler.events import take_events
from crawler.registry import Registry
from crawler.sources.local import LocalSource


@pytest.fixture
def shop(tmp_path, postgresql_url):
    root = tmp_path / "models"
    root.mkdir()
    settings = Settings(home=tmp_path / "home", database_url=postgresql_url)
    with open_store(settings, write=True) as store:
        registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
        yield Shop(root=root, store=store, settings=settings, registry=registry)


def test_a_source_lives_its_life(shop):
    shop.model("a\udcff/model.safetensors", values=3)
    shop.model("b.safetensors", values=4)
    shop.put("c/config.json", {"model_type": "bert", "nul": "a\0b", "lone": "\ud800"})
    shop.model("c/model.safetensors", values=5)
    assert shop.crawl().counts["new"] == 3
    again = shop.crawl()
    assert (again.counts["unchanged"], again.counts["opened"]) == (3, 0)
    (shop.root / "b.safetensors").rename(shop.root / "d.safetensors")
    assert shop.crawl().counts["moved"] == 1
    (shop.root / "c/model.safetensors").unlink()
    report = shop.crawl()
    assert (report.counts["missing"], report.run.state) == (1, RunState.COMPLETE)
    assert {document["status"] for document in shop.documents().values()} == {"ok", "missing"}


def test_files_that_lie_directly_in_a_directory_above_many_models(shop):
    shop.put("README.md", "# All models")
    for name in ("a", "b"):
        shop.model(f"{name}/model.safetensors", values=ord(name))
    assert shop.crawl().counts["new"] == 2
    shop.put("README.md", "# All our models")
    assert shop.crawl().counts["unchanged"] == 2
    shop.model("model.safetensors", values=5)
    assert shop.crawl().counts["new"] == 1


def test_events_find_what_is_around_them_in_rows(shop):
    """Among it a file that is named by the hash of its bytes, and a name that is no text."""
    shop.registry = Registry.installed()
    weights = safetensors(values=7)
    shop.model("team/a\udcff/model.safetensors", values=3)
    shop.put("team/README.md", "---\nlicense: mit\n---\n")
    shop.model("z/model.safetensors", values=5)
    shop.crawl(hash_weights=True)
    events = [
        shop.model("team/b/model.safetensors", values=4),
        shop.put("boms/net.cdx.json", bill_of(weights)),
        shop.put("c/model.safetensors", weights),
    ]
    for path in events:
        take_events(shop.store, shop.source, shop.settings, [key_of(shop, path)], registry=shop.registry)
    shop.crawl(hash_weights=True)
    (shop.root / "team/b/model.safetensors").unlink()
    shop.put("c/model.safetensors", safetensors(values=8))
    take_events(
        shop.store, shop.source, shop.settings, map(partial(key_of, shop), events), registry=shop.registry
    )
    licenses = {path: document.get("license") for path, document in shop.documents().items()}
    assert licenses["c/model.safetensors"] is None
    assert licenses["team/a\\xff/model.safetensors"] == "mit"
    again = shop.crawl(hash_weights=True)
    assert (again.counts["new"], again.counts["missing"]) == (0, 0)


def key_of(shop, path):
    return ObjectKey(str(path.relative_to(shop.root)))


def test_a_name_that_no_index_takes_is_left_out_and_said_so(shop):
    shop.model("b.safetensors", values=4)
    deep = "/".join(f"{number}{'x' * 200}" for number in range(10))
    shop.model(f"{deep}/model.safetensors", values=3)
    report = shop.crawl()
    assert (report.run.state, report.counts["new"], report.counts["skipped"]) == (RunState.COMPLETE, 1, 1)
    ((name, reason),) = report.skipped
    assert (name, reason) == (f"{deep[:200]}…", "its name has more than 2,000 bytes")
    key = ObjectKey(f"{deep}/model.safetensors")
    assert (
        take_events(shop.store, LocalSource(shop.root), shop.settings, [key], registry=shop.registry).read
        == 0
    )
    shop.store.runs.scope_failed(report.run, deep, "permission denied")


@pytest.fixture
def silent_server():
    """The address of what takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://us:hunter2@127.0.0.1:{server.getsockname()[1]}/x"


def test_a_postgresql_that_says_nothing_is_waited_for_as_long_as_is_set(silent_server, tmp_path):
    """It was waited for without a bound of ours."""
    settings = Settings(home=tmp_path, database_url=silent_server, database_connect_seconds=2)
    expired = r"cannot be opened: connection timeout expired\."
    with within(60), pytest.raises(StoreUnavailable, match=expired) as caught:
        open_store(settings, write=True)
    assert "hunter2" not in str(caught.value)


def test_a_password_or_database_that_postgresql_does_not_know_is_one_sentence(postgresql_url, tmp_path):
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'right'")
    there = postgresql_url.partition("?")[2]
    urls = {
        "password authentication failed": f"postgresql://{GUARDED}:hunter2@/postgres?{there}",
        'database "nobody" does not exist': f"postgresql://modeldex@/nobody?{there}",
    }
    sentences = {}
    for fault, url in urls.items():
        with pytest.raises(StoreUnavailable) as caught:
            open_store(Settings(home=tmp_path, database_url=url), write=True)
        sentences[fault] = str(caught.value)
    assert all(fault in sentence and "\n" not in sentence for fault, sentence in sentences.items())
    assert "hunter2" not in str(sentences)


def test_a_postgresql_that_ends_all_connections_in_the_middle_of_a_crawl_loses_nothing(shop, postgresql_url):
    """The crawl said that a table did not exist: that of its own, which had gone with its connection."""
    for number in range(6):
        shop.model(f"m{number}/model.safetensors", values=number + 1)

    def end_all(key):
        if key != "m4/model.safetensors":
            return
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert ended.fetchone()[0] > 0

    shop.source.before_read = end_all
    with (
        pytest.raises(StoreUnavailable, match="terminating connection"),
        open_store(shop.settings, write=True) as store,
    ):
        crawl(store, shop.source, shop.settings, registry=shop.registry)
    shop.source.before_read = lambda _key: None
    report = shop.crawl()
    assert (report.run.state, report.counts["new"]) == (RunState.COMPLETE, 6)
    assert {document["status"] for document in shop.documents().values()} == {"ok"}


def test_crawls_that_end_at_once_leave_one_word_of_what_orphans_are_judged_by(shop):
    """Each deleted the words of before and wrote its own: the second met the first one's, and its crawl ended with an error."""
    judges = [{f"{number:064x}": f"10{word}".encode() for number in range(20)} for word in "abcd"]

    def keep(chosen):
        for _ in range(20):
            shop.store.joins.keep_judges(chosen)

    with ThreadPoolExecutor(len(judges)) as threads:
        list(threads.map(keep, judges))
    assert shop.store.joins.judged_by() in judges
    with shop.store.engine.connect() as connection:
        rows = connection.execute(select(model_ties.c.model).where(model_ties.c.is_named == JUDGE)).all()
    assert len(rows) == len(judges[0])
