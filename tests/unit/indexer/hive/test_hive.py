"""A real Hive Metastore beside the catalog: what its tables say of models, and what happens when it does not answer as it should."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest
from click.testing import CliRunner
from fixtures.crawling import EXTRACTORS, Shop
from fixtures.patience import within
from fixtures.ports import free_port
from sqlalchemy import update

from catalog import plugins
from catalog.access.catalog import Catalogs
from catalog.access.opening import open_catalog
from catalog.access.principals import Principal
from catalog.cli import cli
from catalog.errors import UserError
from catalog.query.nodes import Not, Prefix
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.recording.reports import report_model
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.tables import edits
from crawler.commands.index_state import bring_up_to_date
from crawler.registry import Registry
from indexer.hive import connection
from indexer.hive.pull import pull
from indexer.settings import HiveSettings

LAKE = f"{tempfile.gettempdir()}/modeldex-lake-{os.getpid()}"
"""Where tables lie: a Metastore makes their folders."""
CARDS = {
    "named": {"datasets": ["ml.Crawl_2023", "squad", "train.csv", "nowhere.crawl_2023"]},
    "placed": {"data_sources": [f"file://{LAKE}/events/dt=2024-01-02/part-0.parquet"]},
    "addressed": {"datasets": ["hive://metastore.example:9083/ml/crawl_2023"], "data_sources": [LAKE, "/"]},
    "other": {"datasets": ["imagenet"], "data_sources": [f"{LAKE}/eventsource/x"]},
}
COLUMNS = {"id": "bigint", "text": "string"}


@contextmanager
def crawled(home, url):
    """The models of the cards, crawled, in a catalog that knows the Metastore."""
    settings = Settings(home=home / "home", hive_url=url, hive_seconds=20.0)
    (home / "models").mkdir()
    registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
    with open_store(settings, write=True) as store:
        shop = Shop(root=home / "models", store=store, settings=settings, registry=registry)
        for number, (name, card) in enumerate(CARDS.items()):
            shop.model(f"{name}/model.safetensors", fill=number + 1.0)
            shop.put(f"{name}/modeldex.json", card)
        shop.crawl()
        yield shop


def furnish(hive_metastore):
    """Two tables: one whole, one in partitions."""
    hive_metastore.table(
        "ml.crawl_2023",
        COLUMNS,
        location=f"file:{LAKE}/crawl",
        comment="Pages of 2023",
        numRows="1200",
        totalSize="90000",
        numFiles="3",
    )
    hive_metastore.table(
        "ml.events",
        COLUMNS,
        location=f"file:{LAKE}/events",
        partitioned_by="dt",
        partitions={"2024-01-01": {"numRows": "10"}, "2024-01-02": {"numRows": "32"}},
        numRows="0",
    )


@pytest.fixture(scope="module")
def furnished(hive_metastore_process):
    """The Metastore with its tables; tests that change them come last."""
    hive_metastore_process.database("ml")
    furnish(hive_metastore_process)
    yield hive_metastore_process
    shutil.rmtree(LAKE, ignore_errors=True)


@pytest.fixture
def shop(tmp_path, furnished):
    with crawled(tmp_path, furnished.url) as shop:
        yield shop


@pytest.fixture(scope="module")
def pulled_once(tmp_path_factory, furnished):
    """A catalog that read the Metastore, for tests that change neither."""
    with crawled(tmp_path_factory.mktemp("pulled"), furnished.url) as shop:
        pulled(shop)
        yield shop


def pulled(shop, **settings):
    bring_up_to_date(shop.settings, shop.store)
    url = shop.settings.section(HiveSettings).url
    chosen = Settings(**{"home": shop.settings.home, "hive_url": url, "hive_seconds": 20.0, **settings})
    with open_catalog(shop.settings) as catalog:
        answer = pull(chosen, shop.store, catalog)
    bring_up_to_date(shop.settings, shop.store)
    return answer


def trained_on(shop):
    """The tables of each model that has any."""
    return {
        path.partition("/")[0]: document["tables"]
        for path, document in shop.documents().items()
        if document.get("tables")
    }


def revisions(shop):
    return {path.partition("/")[0]: document["revision"] for path, document in shop.documents().items()}


ALL = {"named": ["ml.crawl_2023"], "placed": ["ml.events"], "addressed": ["ml.crawl_2023"]}


def test_names_and_places_become_tables_with_what_they_are_like_and_a_second_reading_changes_nothing(shop):
    first = pulled(shop)
    assert (first.tables, first.models, first.changed, first.problems) == (2, 3, 3, [])
    assert trained_on(shop) == ALL
    crawl, events = shop.store.data_tables.all()
    assert (crawl.rows, crawl.size_bytes, crawl.files, crawl.partitions) == (1200, 90000, 3, None)
    assert (crawl.owner, crawl.comment, crawl.location, crawl.format, crawl.kind) == (
        *("kim", "Pages of 2023", f"file:{LAKE}/crawl"),
        *("parquet", "external table"),
    )
    assert [(column.name, column.type, column.comment) for column in crawl.columns] == [
        ("id", "bigint", "the id"),
        ("text", "string", "the text"),
    ]
    assert (events.rows, events.partitions, events.size_bytes) == (42, 2, None)
    assert [column.is_partition_key for column in events.columns] == [True, False, False]

    before = revisions(shop)
    again = pulled(shop)
    assert (again.changed, again.models, revisions(shop)) == (0, 3, before)


def test_what_files_and_persons_say_stays_and_what_is_said_no_more_is_taken_back(shop):
    shop.put("other/modeldex.json", {"tables": ["ml.crawl_2023"], "data_sources": [f"{LAKE}/events"]})
    shop.crawl()
    (person,) = [row["id"] for path, row in shop.documents().items() if path.startswith("placed")]
    report_model(shop.store, person, {"tables": ["ml.crawl_2023"]}, made_by="kim")
    for _ in range(2):
        answer = pulled(shop)
        assert answer.by_persons == 1
        assert trained_on(shop) == {
            "named": ["ml.crawl_2023"],
            "addressed": ["ml.crawl_2023"],
            "other": ["ml.crawl_2023", "ml.events"],
            "placed": ["ml.crawl_2023"],
        }
    shop.put("named/modeldex.json", {"datasets": ["squad"]})
    shop.put("other/modeldex.json", {"tables": ["ml.crawl_2023"]})
    shop.crawl()
    assert pulled(shop).taken_back == 1
    assert trained_on(shop) == {
        "addressed": ["ml.crawl_2023"],
        "other": ["ml.crawl_2023"],
        "placed": ["ml.crawl_2023"],
    }


def test_a_person_called_as_an_earlier_version_called_the_metastore_is_a_person(shop):
    """What they set was taken for the Metastore's, and overruled."""
    pulled(shop)
    with shop.store.engine.begin() as connection:
        connection.execute(update(edits).values(made_by="hive"))
    (person,) = [row for path, row in shop.documents().items() if path.startswith("placed")]
    values = {"tables": ["ml.crawl_2023"]}
    edit_model(
        shop.store, person["id"], expected=person["revision"], values=values, by=Authorship(made_by="hive")
    )
    assert (pulled(shop).by_persons, pulled(shop).changed) == (1, 0)
    assert trained_on(shop) == {**ALL, "placed": ["ml.crawl_2023"]}
    shop.put("named/modeldex.json", {"datasets": ["squad"]})
    shop.crawl()
    assert pulled(shop).taken_back == 1
    assert trained_on(shop) == {"addressed": ["ml.crawl_2023"], "placed": ["ml.crawl_2023"]}


def test_command_page_api_and_facet_lead_from_models_to_tables_and_back(shop):
    def run(*words):
        command = ["--home", str(shop.settings.home), *words]
        url = shop.settings.section(HiveSettings).url
        return CliRunner().invoke(cli, command, env={"MODELDEX_HIVE_URL": url})

    def output(*words):
        result = run(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    bring_up_to_date(shop.settings, shop.store)
    assert "3 models were trained on 2 tables; 3 models changed." in output("hive", "pull")
    assert "ml.events" in output("hive", "tables")
    assert [(row["name"], row["models"]) for row in json.loads(output("hive", "tables", "--json"))] == [
        ("ml.crawl_2023", 2),
        ("ml.events", 1),
    ]
    report = output("hive", "show", "ML.crawl_2023")
    assert "rows: 1,200" in report
    assert "  text string  the text" in report
    assert "No model here was trained on a table squad." in str(run("hive", "show", "squad").exception)
    assert len(json.loads(output("search", "--json", "tables:ml.crawl_2023"))) == 2
    assert len(json.loads(output("search", "--json", "table:ML.CRAWL_2023"))) == 2

    from webui.app import create_app
    from webui.contracts import close_services, open_services

    services = open_services(shop.settings)
    try:
        web = create_app(shop.settings, services).test_client()
        (model,) = [row["id"] for path, row in shop.documents().items() if path.startswith("named")]
        page = web.get(f"/models/{model}").text
        assert 'href="/tables/ml.crawl_2023"' in page
        assert "1,200 rows" in page
        table = web.get("/tables/ml.crawl_2023").text
        assert f'href="/models/{model}"' in table
        assert "Pages of 2023" in table
        assert "/?tables=ml.crawl_2023" in table
        found = web.get("/?tables=ml.crawl_2023").text
        assert f'href="/models/{model}"' in found
        assert "Trained on" in found
        body = web.get("/api/v1/tables/ml.crawl_2023").json
        assert (body["rows"], body["models"], body["models_url"]) == (1200, 2, "/?tables=ml.crawl_2023")
        assert [row["name"] for row in web.get("/api/v1/tables").json["tables"]] == [
            "ml.crawl_2023",
            "ml.events",
        ]
        assert web.get("/tables/ml.none").status_code == 404
        assert web.get("/api/v1/tables/ml.none").status_code == 404
    finally:
        close_services(services)


def test_a_table_is_told_of_as_far_as_one_of_its_models_is_to_be_seen(shop):
    pulled(shop)
    with open_catalog(shop.settings) as catalog:
        catalogs = Catalogs(catalog._service.engine, catalog._store, catalog._matching)
        seen = catalogs.of(Principal(id="bob", name="bob", scope=Not(Prefix("path", "placed"))))
        assert [(table.name, models) for table, models in seen.tables()] == [("ml.crawl_2023", 2)]
        assert seen.table("ml.events") is None
        assert seen.tables(["ml.events"]) == []


# Faults ---------------------------------------------------------------------------------------------------------------


@contextmanager
def answering(reply):
    """A server that gives each connection to `reply`; its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(20)

        def serve():
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer, suppress(OSError):
                    reply(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]


def cut_after(target, bytes_passed):
    """A reply that passes on what a real server says, so much of it."""

    def reply(peer):
        with socket.create_connection(("127.0.0.1", target)) as server:
            left = bytes_passed
            while left > 0:
                server.sendall(peer.recv(65536))
                part = server.recv(65536)[:left]
                left -= len(part)
                peer.sendall(part)

    return reply


def http(peer):
    peer.recv(65536)
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def sasl(peer):
    peer.recv(65536)
    peer.sendall(b"\x03\x00\x00\x00\x1bUnsupported mechanism type ")


def huge_list(peer):
    peer.recv(65536)
    name = b"get_all_databases"
    head = b"\x80\x01\x00\x02" + len(name).to_bytes(4, "big") + name + bytes(4)
    peer.sendall(head + b"\x0f\x00\x00\x0b\x7f\xff\xff\xff")


def huge_text(peer):
    peer.recv(65536)
    peer.sendall(b"\x80\x01\x00\x02\x7f\xff\xff\xff")


def deep(peer):
    peer.recv(65536)
    name = b"get_all_databases"
    head = b"\x80\x01\x00\x02" + len(name).to_bytes(4, "big") + name + bytes(4)
    peer.sendall(head + b"\x0c\x00\x09" * 100_000)


def silent(peer):
    peer.recv(65536)
    time.sleep(3)


def drip(peer):
    peer.recv(65536)
    for byte in b"\x80\x01\x00\x02\x00\x00\x00\x11get_all_databases":
        peer.sendall(bytes([byte]))
        time.sleep(0.2)


FAULTS = {
    "ends the connection": (lambda _peer: None, "ended the connection in the middle"),
    "HTTP": (http, "no Hive Metastore"),
    "Kerberos": (sasl, "no Hive Metastore, or one that wants Kerberos"),
    "a list of two thousand million": (huge_list, "more than is read at once|no Hive Metastore"),
    "a text of two thousand million": (huge_text, "more than is read at once|no Hive Metastore"),
    "a hundred thousand levels": (deep, "no Hive Metastore|ended the connection"),
    "silence": (silent, "did not answer in time"),
    "a byte now and then": (drip, "did not answer in time"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_answers_wrongly_is_told_in_one_sentence_and_nothing_is_changed(pulled_once, name):
    reply, sentence = FAULTS[name]
    shop = pulled_once
    before = shop.documents()
    with within(30), answering(reply) as port, pytest.raises(UserError, match=sentence) as caught:
        pulled(shop, hive_url=f"thrift://127.0.0.1:{port}", hive_seconds=0.5)
    assert str(caught.value).count("\n") <= 1
    assert shop.documents() == before
    assert len(shop.store.data_tables.all()) == 2


def test_an_answer_that_is_cut_anywhere_changes_nothing(shop, furnished):
    pulled(shop)
    before = shop.documents()
    for bytes_passed in (1, 20, 70, 100, 400, 1500):
        with (
            answering(cut_after(furnished.port, bytes_passed)) as port,
            pytest.raises(UserError, match=r"in the middle|cannot be reached"),
        ):
            pulled(shop, hive_url=f"thrift://127.0.0.1:{port}")
    assert shop.documents() == before


def test_the_second_address_answers_where_the_first_does_not(shop):
    assert (
        pulled(
            shop, hive_url=f"thrift://127.0.0.1:{free_port()},{shop.settings.section(HiveSettings).url}"
        ).changed
        == 3
    )


def test_a_metastore_of_before_hive_2_3_is_asked_in_its_own_words(shop, furnished, monkeypatch):
    """A real one of 4.0.1 behind a gate that does not know what came later, and asks it for the same in new words."""
    from pymetastore.hive_metastore import ThriftHiveMetastore, ttypes

    new = ThriftHiveMetastore.Client.get_table_objects_by_name_req
    questions = []

    def unknown(_self, _request):
        from thrift.Thrift import TApplicationException

        questions.append("new")
        raise TApplicationException(TApplicationException.UNKNOWN_METHOD, "Invalid method name")

    def old(self, database, names):
        questions.append("old")
        return new(self, ttypes.GetTablesRequest(dbName=database, tblNames=names)).tables

    monkeypatch.setattr(ThriftHiveMetastore.Client, "get_table_objects_by_name_req", unknown)
    monkeypatch.setattr(ThriftHiveMetastore.Client, "get_table_objects_by_name", old)
    assert pulled(shop).changed == 3
    assert questions[:2] == ["new", "old"]
    assert "new" not in questions[1:]


def test_a_table_that_is_too_wide_costs_itself_alone(shop, furnished, monkeypatch):
    furnished.table("ml.wide", {f"c{n}": "string" for n in range(300)}, location=f"file:{LAKE}/wide")
    shop.put("other/modeldex.json", {"datasets": ["ml.wide"]})
    shop.crawl()
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 8_000)
    answer = pulled(shop)
    assert trained_on(shop) == ALL
    assert [problem.partition(" was not read")[0] for problem in answer.problems] == ["The table ml.wide"]


def test_databases_that_are_not_chosen_are_not_looked_at(shop):
    answer = pulled(shop, hive_databases=("default", "nowhere"))
    assert trained_on(shop) == {}
    assert answer.problems == [
        "The Hive Metastore has no database nowhere, which the setting hive.databases names."
    ]


def test_a_table_that_grows_makes_no_revision_and_one_that_is_dropped_stays_known(shop, furnished):
    pulled(shop)
    before = revisions(shop)
    furnished.drop("ml.crawl_2023", "ml.events")
    furnished.table("ml.crawl_2023", COLUMNS, location=f"file:{LAKE}/crawl", numRows="5000")
    answer = pulled(shop)
    assert (answer.missing, answer.changed) == (["ml.events"], 0)
    assert (trained_on(shop), revisions(shop)) == (ALL, before)
    crawl, events = shop.store.data_tables.all()
    assert (crawl.rows, crawl.missing_since) == (5000, "")
    assert events.rows == 42
    assert events.missing_since

    since = events.missing_since
    assert pulled(shop).missing == ["ml.events"]
    assert shop.store.data_tables.all()[1].missing_since == since


def test_the_worker_reads_it_and_one_that_is_killed_costs_nothing(shop, furnished):
    from indexer.statements import neighbours

    furnished.database("ml")
    furnish(furnished)
    bring_up_to_date(shop.settings, shop.store)
    (neighbour,) = neighbours(shop.settings)
    assert (neighbour.name, neighbour.every_seconds) == ("hive", 3600)
    assert neighbour.read(shop.store) == "tables=2 models=3 changed=3 problems=0"
    furnished.pause(on=True)
    try:
        with pytest.raises(UserError, match="did not answer in time"):
            pulled(shop, hive_seconds=0.5)
    finally:
        furnished.pause(on=False)
    killer = threading.Timer(0.02, furnished.kill)
    killer.start()
    with pytest.raises(UserError, match=r"^The Hive Metastore (cannot be reached|ended the connection)"):
        all(pulled(shop).models for _ in range(200))
    killer.join()
    with pytest.raises(UserError, match=r"The Hive Metastore cannot be reached\."):
        pulled(shop)
    assert trained_on(shop) == ALL
    shop.crawl()
    assert trained_on(shop) == ALL
    assert len(shop.store.data_tables.all()) == 2
