"""What becomes of what a Metastore said when models, settings and persons change: with a stand-in for its client."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from fixtures.crawling import EXTRACTORS, Shop

from catalog import plugins
from catalog.access.catalog import Catalogs
from catalog.access.opening import open_catalog
from catalog.access.principals import Principal
from catalog.query.nodes import Not, Prefix
from catalog.recording import statements
from catalog.recording.reports import report_model
from catalog.records.data_tables import DataTable
from catalog.settings import Settings
from catalog.store import open_store
from crawler.commands.index_state import bring_up_to_date
from crawler.registry import Registry
from indexer.hive import pull as hive
from indexer.hive.facts import kept_table

CARDS = {"one": {"datasets": ["ml.a"]}, "two": {"datasets": ["web.b"]}, "three": {"datasets": ["x"]}}


class Lake(Shop):
    """Three models and the tables `ml.a` and `web.b`, of which two models speak."""

    def __init__(self, folder, store):
        self.tables = {"ml.a": "file:/lake/a", "web.b": "file:/lake/b"}
        registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
        settings = Settings(home=folder / "home", hive_url="thrift://metastore.example:9083")
        super().__init__(root=folder / "models", store=store, settings=settings, registry=registry)
        for number, (name, card) in enumerate(CARDS.items()):
            self.model(f"{name}/model.safetensors", fill=number + 1.0)
            self.put(f"{name}/modeldex.json", card)
        self.crawl()

    def pull(self, **settings):
        bring_up_to_date(self.settings, self.store)
        url = "thrift://metastore.example:9083"
        chosen = Settings(**{"home": self.settings.home, "hive_url": url, **settings})
        with open_catalog(self.settings) as catalog:
            answer = hive.pull(chosen, self.store, catalog)
        bring_up_to_date(self.settings, self.store)
        return answer

    def row(self, name):
        return next(row for path, row in self.documents().items() if path.startswith(f"{name}/"))

    def known(self):
        return {table.name: bool(table.missing_since) for table in self.store.data_tables.all()}


class Client:
    """The client of a Metastore that has the tables of a lake."""

    def __init__(self, lake):
        self.lake = lake

    def __enter__(self):
        return self

    def __exit__(self, *_ignored):
        return None

    def databases(self):
        return sorted({name.partition(".")[0] for name in self.lake.tables})

    def table_names(self, database):
        return [name.partition(".")[2] for name in self.lake.tables if name.startswith(f"{database}.")]

    def tables(self, database, names, _refused):
        for name in names:
            if (location := self.lake.tables.get(f"{database}.{name}")) is not None:
                storage = SimpleNamespace(location=location, cols=[], serdeInfo=None, inputFormat="")
                more = {"parameters": {}, "partitionKeys": [], "tableType": "EXTERNAL_TABLE"}
                yield SimpleNamespace(
                    dbName=database, tableName=name, sd=storage, owner="kim", createTime=1, **more
                )


@pytest.fixture
def lake(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    settings = Settings(home=tmp_path / "home")
    with open_store(settings, write=True) as store:
        lake = Lake(tmp_path, store)
        monkeypatch.setattr(hive, "Metastore", lambda _chosen: Client(lake))
        yield lake


def test_what_a_person_of_the_same_name_sets_stays(lake):
    model = lake.row("three")["id"]
    report_model(lake.store, model, {"description": "by hand"}, made_by="hive")
    assert lake.pull().taken_back == 0
    assert lake.row("three")["description"] == "by hand"


def test_what_a_person_sets_while_it_is_read_stays(lake, monkeypatch):
    model = lake.row("one")["id"]
    report = statements.report_model

    def late(store, of, values, **more):
        if of == model:
            report(store, of, {"tables": ["ml.mine"]}, made_by="ann")
        return report(store, of, values, **more)

    monkeypatch.setattr(statements, "report_model", late)
    lake.pull()
    assert lake.row("one")["tables"] == ["ml.mine"]


def test_a_model_that_is_missing_keeps_its_tables_until_it_is_back(lake, tmp_path):
    lake.pull()
    shutil.move(tmp_path / "models/two", tmp_path / "two")
    lake.crawl()
    assert lake.pull().taken_back == 0
    assert (lake.row("two")["status"], lake.row("two")["tables"]) == ("missing", ["web.b"])
    assert lake.known() == {"ml.a": False, "web.b": False}
    del lake.tables["web.b"]
    shutil.move(tmp_path / "two", tmp_path / "models/two")
    lake.crawl()
    assert lake.pull().missing == ["web.b"]
    assert lake.row("two")["tables"] == ["web.b"]


def test_tables_of_databases_that_are_not_looked_at_are_not_called_gone(lake):
    lake.pull()
    answer = lake.pull(hive_databases=("ml",))
    assert (answer.missing, answer.taken_back) == ([], 0)
    assert lake.known() == {"ml.a": False, "web.b": False}


def test_who_names_a_table_in_a_model_of_theirs_does_not_learn_what_it_is_like(lake):
    lake.pull()
    eve = Principal(id="eve", name="eve", scope=Prefix("path", "three"))
    for field in ("datasets", "tables"):
        report_model(lake.store, lake.row("three")["id"], {field: ["web.b"]}, made_by="eve")
        lake.pull()
        assert lake.row("three")["tables"] == ["web.b"]
        with open_catalog(lake.settings) as catalog:
            seen = Catalogs(catalog._service.engine, catalog._store, catalog._matching).of(eve)
            assert (seen.table("web.b"), seen.tables()) == (None, [])
            assert catalog.table("web.b")[1] == 2
    with open_catalog(lake.settings) as catalog:
        bob = Principal(id="bob", name="bob", scope=Not(Prefix("path", "one")))
        seen = Catalogs(catalog._service.engine, catalog._store, catalog._matching).of(bob)
        assert [table.name for table, _ in seen.tables()] == ["web.b"]


LOCATIONS = {
    "s3a://AKIAEXAMPLE:Abc/d+e@bucket/a": "s3a://bucket/a",
    "s3a://AKIAEXAMPLE:Abc@d@bucket/a": "s3a://bucket/a",
    "hdfs://namenode:8020/user/a:b@c/d": "hdfs://namenode:8020/user/a:b@c/d",
    "s3a://bucket/a:b@c": "s3a://bucket/a:b@c",
    "abfss://lake@account.dfs.core.windows.net/a": "abfss://lake@account.dfs.core.windows.net/a",
    "file:/home/kim/a": "file:/home/kim/a",
    "https://host/a?sv=1&sig=abcdefgh12345678": "https://host/a?sv=1&sig=[masked]",
    "s3a://bucket/a?AWSSecretAccessKey=abcdefgh12345678": "s3a://bucket/a?AWSSecretAccessKey=[masked]",
    "jdbc:postgresql://host/db?user=kim&password=abcdefgh1": "jdbc:postgresql://host/db?user=kim&password=[masked]",
}


@pytest.mark.parametrize("location", LOCATIONS)
def test_what_lets_one_in_is_not_kept_of_a_location(location):
    assert kept_table(DataTable(name="ml.a", location=location)).location == LOCATIONS[location]


def test_a_table_is_matched_by_where_it_lies_though_a_secret_stands_there(lake):
    lake.tables["ml.a"] = "s3a://AKIAEXAMPLE:Abc/d+e@bucket/a"
    lake.put("three/modeldex.json", {"data_sources": ["s3://bucket/a/part-0"]})
    lake.crawl()
    lake.pull()
    assert lake.row("three")["tables"] == ["ml.a"]
    assert lake.store.data_tables.all()[0].location == "s3a://bucket/a"
