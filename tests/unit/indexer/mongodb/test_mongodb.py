"""MongoDB beside the catalog, against FerretDB and with pymongo: what its own client sees of what we wrote, and the reverse."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import socketserver
import struct
import sys
import threading

import pymongo
import pytest
from bson import encode
from bson.datetime_ms import DatetimeMS
from click.testing import CliRunner
from fixtures.crawling import EXTRACTORS, Shop
from fixtures.patience import within
from fixtures.ports import free_port

from catalog import plugins
from catalog.access.opening import open_catalog
from catalog.cli import cli
from catalog.errors import UserError
from catalog.recording.authorship import Authorship
from catalog.recording.edits import edit_model
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from catalog.store import open_store
from crawler.commands.index_state import bring_up_to_date
from crawler.registry import Registry
from indexer.mongodb.sink import MAX_DEPTH, consumer_of, document_of, name_of, tell, write
from indexer.mongodb.statements import MAX_DOCUMENT_BYTES, MAX_LEVELS, MAX_TEXT, Joined, pull
from indexer.mongodb.statements import _statement as statement_of
from indexer.settings import MongodbSettings
from indexer.sinks.webhooks import tell_all

CARDS = {
    "tuned": {
        "description": "Tuned.",
        "metrics": {"accuracy": 0.91},
        "trained_at": "2024-03-12",
        "extra": {"a.b": {"$c": 1}},
    },
    "bare": {"description": "Bare."},
}


@pytest.fixture
def shop(tmp_path, mongo):
    settings = Settings(
        home=tmp_path / "home", mongodb_url=mongo.url, mongodb_said_in="said", mongodb_seconds=20.0
    )
    (tmp_path / "models").mkdir()
    registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
    with open_store(settings, write=True) as store:
        shop = Shop(root=tmp_path / "models", store=store, settings=settings, registry=registry)
        for number, (name, card) in enumerate(CARDS.items()):
            shop.model(f"{name}/model.safetensors", fill=number + 1.0)
            shop.put(f"{name}/modeldex.json", card)
        shop.crawl()
        yield shop


def by_name(mongo):
    return {row["path"].partition("/")[0]: row for row in mongo.database["models"].find()}


def named(shop, name):
    (document,) = [each for path, each in shop.documents().items() if path.startswith(name)]
    return document


def pulled(shop, **options):
    bring_up_to_date(shop.settings, shop.store)
    with open_catalog(shop.settings) as catalog:
        return pull(shop.settings, shop.store, catalog, **options)


# The collection that is kept as the catalog is -----------------------------------------------------------------------


def test_its_own_client_finds_each_model_by_value_and_date_and_later_what_changed(shop, mongo):
    tell_all(shop.settings, shop.store)
    models = mongo.database["models"]
    (tuned,) = models.find({"metrics.accuracy": {"$gt": 0.9}})
    assert tuned["_id"] == named(shop, "tuned")["id"]
    assert tuned["revision"] == 1
    assert tuned["trained_at"].isoformat() == "2024-03-12T00:00:00"
    assert list(tuned["extra"]) != []
    assert models.count_documents({}) == 2
    assert tell(shop.settings, shop.store) == 0

    shop.put("bare/modeldex.json", {"description": "Bare no more.", "tags": ["prod"]})
    shop.crawl()
    assert tell(shop.settings, shop.store) == 1
    assert models.find_one({"tags": "prod"})["revision"] == 2
    assert models.count_documents({}) == 2


def test_an_older_state_never_takes_the_place_of_a_newer_one_and_a_deletion_only_of_what_it_knew(mongo):
    models = mongo.database["models"]
    models.insert_one({"_id": "theirs", "note": "of somebody else"})

    def state(revision, *, gone=False):
        document = None if gone else {"id": "m", "name": f"of {revision}", "revision": revision}
        return IndexAction(id="m", revision=revision, document=document)

    seen = []
    for action in (state(1), state(3), state(2), state(2, gone=True), state(3), state(3, gone=True)):
        assert write(models, [action]).done == ["m"]
        row = models.find_one({"_id": "m"})
        seen.append(row and row["name"])
    assert seen == ["of 1", "of 3", "of 3", "of 3", "of 3", None]
    assert models.find_one({"_id": "theirs"}) == {"_id": "theirs", "note": "of somebody else"}


def test_a_collection_of_an_earlier_catalog_comes_to_the_present_one(mongo, caplog):
    models = mongo.database["models"]

    def state(name, revision, *, gone=False):
        return IndexAction(
            id=name, revision=revision, document=None if gone else {"name": f"{name}{revision}"}
        )

    assert write(models, [state("m", 5), state("left", 5)], catalog="before").done == ["m", "left"]
    models.insert_one({"_id": "unsigned", "revision": 9})
    now = [state("m", 1), state("left", 2, gone=True), state("unsigned", 1)]
    assert len(write(models, now, catalog="now").done) == 3
    rows = {row["_id"]: (row["catalog"], row["revision"]) for row in models.find()}
    assert rows == {"m": ("now", 1), "left": ("before", 5), "unsigned": ("now", 1)}
    assert "another catalog wrote them: models=1" in caplog.text


def test_a_catalog_from_a_backup_is_told_of_newer_states_and_replaces_them_when_asked(mongo, caplog):
    models = mongo.database["models"]
    states = [IndexAction(id="m", revision=number, document={"name": f"of {number}"}) for number in (5, 3)]
    for state in states:
        assert write(models, [state], catalog="own").done == ["m"]
    assert models.find_one()["name"] == "of 5"
    assert "newer states, which stay: models=1" in caplog.text
    assert write(models, states[1:], catalog="own", anew=True).done == ["m"]
    assert models.find_one()["name"] == "of 3"


def test_two_that_write_the_same_new_models_at_once_leave_the_newer_states(mongo):
    models = mongo.database["models"]

    class Late:
        """The collection of whom another overtakes between its look and its writing."""

        def find(self, *_):
            return []

        def __getattr__(self, name):
            return getattr(models, name)

    states = {
        revision: [
            IndexAction(id=name, revision=revision, document={"name": f"{name}{revision}"}) for name in "abc"
        ]
        for revision in (1, 2)
    }
    assert len(write(models, states[1]).done) == 3
    assert len(write(Late(), states[2]).done) == 3
    assert len(write(Late(), states[1]).done) == 3
    assert sorted(row["name"] for row in models.find()) == ["a2", "b2", "c2"]


def test_a_document_that_mongodb_cannot_hold_costs_itself_alone(mongo):
    long = IndexAction(id="long", revision=1, document={"name": "x" * (16 * 1024 * 1024)})
    fine = IndexAction(id="fine", revision=1, document={"name": "fine"})
    outcome = write(mongo.database["models"], [long, fine])
    assert outcome.done == ["fine"]
    assert outcome.rejected["long"].startswith("has 16,7")
    assert [row["_id"] for row in mongo.database["models"].find()] == ["fine"]


def test_a_document_that_the_server_refuses_costs_itself_alone(mongo):
    """Somebody has put a unique index on the collection: the second model of a name is told, and no other is kept back."""
    models = mongo.database["models"]
    models.create_index("name", unique=True)
    actions = [
        IndexAction(id=f"m{number}", revision=1, document={"name": name})
        for number, name in enumerate(["same", "same", "other"])
    ]
    outcome = write(models, actions)
    assert (outcome.done, list(outcome.rejected), outcome.retry) == (["m0", "m2"], ["m1"], {})
    assert "duplicate key" in outcome.rejected["m1"]
    assert sorted(row["_id"] for row in models.find()) == ["m0", "m2"]


def test_what_mongodb_refuses_is_told(shop, mongo, caplog):
    """Nobody heard of it."""
    mongo.database["models"].create_index("status", unique=True)
    assert tell(shop.settings, shop.store) == 1
    (sentence,) = caplog.messages
    assert sentence.startswith("mongodb refused models=1 reason=MongoDB refuses it: E11000 duplicate key")


def test_whatever_a_record_holds_becomes_a_document_that_every_mongodb_takes(mongo):
    deep = 1
    for _ in range(300):
        deep = {"d": [deep]}
    odd = {
        "a.b": 1,
        "$set": {"$x": 2, "": 3, "nul\0": 4},
        "whole": 2**70,
        "huge": 10**400,
        "nan": float("nan"),
        "deep": deep,
        "text": "half \ud800 pair",
        "created_at": "2024-01-01T00:30:00Z",
        "modified_at": "nonsense",
        "_id": "not this",
    }
    document = document_of(IndexAction(id="odd", revision=7, document=odd), {})
    mongo.database["models"].insert_one(document)
    (row,) = mongo.database["models"].find()
    assert row["_id"] == "odd"
    assert row["revision"] == 7
    assert row["a．b"] == 1
    assert row["＄set"] == {"＄x": 2, "_": 3, "nul\ufffd": 4}
    assert row["created_at"].year == 2024
    assert row["modified_at"] == "nonsense"
    assert isinstance(row["huge"], str)
    assert len(name_of("n" * 10_000)) == 1024
    assert encode(document).count(b"\x03d\0") <= MAX_DEPTH


def test_sensitive_fields_of_a_source_do_not_leave(shop, mongo):
    (row,) = shop.store.sources.all()
    action = IndexAction(
        id="m", revision=1, document={"source": str(row.id), "owner": "kim", "metrics": {"f1": 1.0}}
    )
    document = document_of(action, {str(row.id): ("owner", "metrics")})
    assert document.keys() == {"_id", "revision", "source"}


def test_mongodb_killed_in_the_middle_gets_the_rest_when_it_is_back(shop, mongo, caplog):
    assert tell(shop.settings, shop.store) == 2
    mongo.kill()
    shop.put("bare/modeldex.json", {"description": "Changed."})
    shop.crawl()
    settings = shop.settings.but(mongodb_seconds=0.5)
    assert tell(settings, shop.store) == 0
    assert [record.getMessage() for record in caplog.records] == [
        "mongodb waits reason=MongoDB cannot be reached."
    ]
    consumer = shop.store.consumer(consumer_of(shop.settings.section(MongodbSettings)))
    assert consumer.size() == 1
    mongo.start()
    consumer.retry_now()
    assert tell(shop.settings, shop.store) == 1
    assert by_name(mongo)["bare"]["description"] == "Changed."


class CutLine:
    """A line to the server that is cut for good after so many bytes in one direction, and the address of its near end."""

    def __init__(self, port, *, up=10**9, down=10**9):
        self.left = {"up": up, "down": down}
        self.is_cut = threading.Event()
        self._ends = []
        self._far = ("127.0.0.1", port)
        self._near = socket.create_server(("127.0.0.1", 0))
        self.url = f"mongodb://127.0.0.1:{self._near.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, far = self._near.accept()[0], socket.create_connection(self._far)
                self._ends += [near, far]
                for name, source, target in (("up", near, far), ("down", far, near)):
                    threading.Thread(target=self._carry, args=(name, source, target), daemon=True).start()

    def _carry(self, name, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                self.left[name] -= len(data)
                if self.left[name] < 0:
                    break
                target.sendall(data)
        if self.left[name] < 0:
            self.is_cut.set()
            self.close()

    def close(self):
        for end in [self._near, *self._ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def test_a_line_that_is_cut_after_half_of_a_batch_costs_no_state_and_brings_none_twice(mongo):
    models = mongo.database["models"]

    def states(names, revision):
        return [
            IndexAction(
                id=name, revision=revision, document={"name": f"{name}{revision}", "text": "x" * 5_000}
            )
            for name in names
        ]

    old, new = [f"old{number}" for number in range(15)], [f"new{number}" for number in range(15)]
    assert len(write(models, states(old, 1)).done) == 15
    line = CutLine(mongo.port, up=115_000)  # the new ones are 75 kB, and are sent first
    with contextlib.closing(line), pymongo.MongoClient(line.url, timeoutMS=3_000) as client:
        outcome = write(client["modeldex"]["models"], states([*old, *new], 2))
    assert line.is_cut.is_set()
    assert (outcome.done, len(outcome.retry)) == ([], 30)
    assert {row["revision"] for row in models.find({"_id": {"$in": old}})} == {1}
    assert models.count_documents({"_id": {"$in": new}, "revision": 2}) == 15
    assert len(write(models, states([*old, *new], 2)).done) == 30
    assert models.count_documents({"revision": 2}) == models.count_documents({}) == 30


def test_a_collection_that_breaks_off_in_the_middle_changes_nothing(shop, mongo):
    collection, tuned = mongo.database["said"], named(shop, "tuned")
    collection.insert_one({"_id": 0, "uri": tuned["uri"], "owner": "kim"})
    pulled(shop)
    collection.replace_one({"_id": 0}, {"_id": 0, "uri": tuned["uri"], "owner": "lee"})
    collection.insert_many([{"_id": number, "text": "x" * 2_000} for number in range(1, 300)])
    line = CutLine(mongo.port, down=300_000)
    with (
        contextlib.closing(line),
        open_catalog(shop.settings) as catalog,
        pytest.raises(UserError, match=r"MongoDB cannot be reached\."),
    ):
        pull(shop.settings.but(mongodb_url=line.url, mongodb_seconds=3.0), shop.store, catalog)
    assert line.is_cut.is_set()
    assert named(shop, "tuned")["owner"] == "kim"


@contextlib.contextmanager
def silent_server():
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    kept.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield f"mongodb://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            connection.close()


@contextlib.contextmanager
def old_server():
    """A server that says of itself what MongoDB 4.0 does."""
    about = encode({"ok": 1.0, "ismaster": True, "minWireVersion": 0, "maxWireVersion": 7})
    reply = struct.pack("<ib", 0, 0) + about  # OP_MSG

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            with contextlib.suppress(ConnectionError):
                while head := self.rfile.read(16):
                    length, number, *_ = struct.unpack("<iiii", head)
                    self.rfile.read(length - 16)
                    self.wfile.write(struct.pack("<iiii", 16 + len(reply), 0, number, 2013) + reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"mongodb://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_what_is_wrong_with_a_mongodb_is_one_sentence_without_its_password_and_costs_no_webhook(
    shop, mongo, caplog
):
    caplog.set_level(logging.WARNING)
    place = mongo.url.removeprefix("mongodb://")
    sentences = {}
    with silent_server() as silent, old_server() as old:
        urls = {
            "old": old,
            "password": f"mongodb://us:hunter2@{place}",
            "nobody": f"mongodb://us:hunter2@127.0.0.1:{free_port()}/",
            "silent": silent,
            "no address": "mongodb://us:hunter2@127.0.0.1:none/",
        }
        for name, url in urls.items():
            with within(25):  # the driver itself would wait for 30 s
                assert tell_all(shop.settings.but(mongodb_url=url, mongodb_seconds=0.5), shop.store) == {}
            (record,) = caplog.records
            sentences[name] = record.getMessage().removeprefix("mongodb waits reason=")
            caplog.clear()
    assert "hunter2" not in str(sentences)
    assert sentences == {
        "old": "MongoDB is of a version that pymongo does not speak with any more, or not yet.",
        "password": "MongoDB does not take our user name and password, or does not let us do this.",
        "nobody": "MongoDB cannot be reached.",
        "silent": "MongoDB cannot be reached.",
        "no address": "The setting mongodb.url is no address of a MongoDB.",
    }


def test_another_collection_gets_every_model_from_the_first_on(shop, mongo):
    assert tell(shop.settings, shop.store) == 2
    other = shop.settings.but(mongodb_collection="elsewhere")
    assert tell(other, shop.store) == 2
    assert mongo.database["elsewhere"].count_documents({}) == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mongodb_url": "http://127.0.0.1/"}, "must begin with mongodb://"),
        ({"mongodb_said_in": "models"}, "two collections"),
    ],
    ids=["scheme", "itself"],
)
def test_settings_that_cannot_work_are_refused(tmp_path, given, words):
    with pytest.raises(UserError, match=words):
        Settings(home=tmp_path, **given)


# The collection that says more of models -----------------------------------------------------------------------------


def test_documents_are_joined_by_address_and_by_digest_and_say_where_they_come_from(shop, mongo):
    collection = mongo.database["said"]
    tuned, bare = named(shop, "tuned"), named(shop, "bare")
    collection.insert_many(
        [
            {
                "_id": "by-uri",
                "uri": tuned["uri"],
                "owner": "kim",
                "f1": 0.88,
                "params": {"lora": {"alpha": 16}},
            },
            {"_id": "by-hash", "sha256": f"sha256:{'0' * 64}", "owner": "nobody"},
            {
                "_id": 3,
                "model_uri": bare["uri"] + "/",
                "fields": {"license": "mit"},
                "team": {"name": "search"},
            },
        ]
    )
    joined = pulled(shop)
    assert (joined.documents, joined.models, joined.changed, joined.alone) == (3, 2, 2, 1)
    assert joined.problems == []
    document = named(shop, "tuned")
    assert document["owner"] == "kim"
    assert document["metrics"]["f1"] == 0.88
    assert document["hyperparameters"]["lora_alpha"] == 16 or document["hyperparameters"]
    assert named(shop, "bare")["license"] == "mit"
    stored = shop.store.records.get(tuned["id"])
    assert "mongodb:modeldex.said" in json.dumps(stored.provenance["owner"], default=str)
    assert pulled(shop).changed == 0


def test_a_digest_joins_every_copy_of_the_weights(shop, mongo):
    shop.model("copy/model.safetensors", fill=1.0)
    shop.crawl()
    digest = named(shop, "tuned")["content_hash"]
    mongo.database["said"].insert_one({"_id": 1, "sha256": f"sha256:{digest.upper()}", "owner": "kim"})
    assert pulled(shop).models == 2
    owners = {path: document.get("owner") for path, document in shop.documents().items()}
    assert owners == {
        "tuned/model.safetensors": "kim",
        "copy/model.safetensors": "kim",
        "bare/model.safetensors": None,
    }


def test_what_a_document_says_no_more_is_taken_back_and_persons_are_not_overruled(shop, mongo):
    collection, tuned = mongo.database["said"], named(shop, "tuned")
    collection.insert_one(
        {"_id": 1, "uri": tuned["uri"], "owner": "kim", "license": "mit", "description": "Said."}
    )
    pulled(shop)
    edit_model(
        shop.store,
        tuned["id"],
        expected=named(shop, "tuned")["revision"],
        values={"owner": "lee"},
        by=Authorship(made_by="lee"),
    )
    collection.replace_one(
        {"_id": 1}, {"_id": 1, "uri": tuned["uri"], "owner": "kim", "license": "apache-2.0"}
    )
    joined = pulled(shop)
    assert joined.by_persons == 1
    after = named(shop, "tuned")
    assert (after["owner"], after["license"], after["description"]) == ("lee", "apache-2.0", "Tuned.")

    collection.delete_many({})
    with pytest.raises(UserError, match="is empty"):
        pulled(shop)
    assert named(shop, "tuned")["license"] == "apache-2.0"
    assert pulled(shop, accept_empty=True).taken_back == 1
    assert "license" not in named(shop, "tuned")
    assert named(shop, "tuned")["owner"] == "lee"


def test_documents_that_cannot_be_taken_are_named_and_cost_no_other(shop, mongo):
    collection, tuned = mongo.database["said"], named(shop, "tuned")
    deep = {"d": 1}
    for _ in range(60):
        deep = {"d": deep}
    collection.insert_many(
        [
            {"_id": "a-fine", "uri": tuned["uri"], "owner": "kim"},
            {"_id": "b-other", "uri": tuned["uri"], "owner": "lee"},
            {"_id": "c-nameless", "owner": "kim"},
            {"_id": "d-long", "uri": tuned["uri"], "notes": "x" * MAX_DOCUMENT_BYTES},
            {"_id": "e-many", "uri": tuned["uri"], "params": {f"p{number}": number for number in range(600)}},
            {"_id": "f-measured", "uri": tuned["uri"], "parameters": 12, "deep": deep},
            {
                "_id": "g-moved",
                "uri": tuned["uri"],
                "extra": {"moved_to": "x"},
                "metrics": {"f1": "no number"},
            },
        ]
    )
    joined = pulled(shop)
    assert named(shop, "tuned")["owner"] == "kim"
    assert named(shop, "tuned").get("parameters") != 12
    text = "\n".join(joined.problems)
    for name in ("b-other", "c-nameless", "e-many", "f-measured", "g-moved"):
        assert name in text
    assert "bytes" in text
    assert "moved_to" not in named(shop, "tuned").get("extra", {})


def nested(levels):
    """A document of so many lists, one in the other, as the client itself would not make it."""
    body = b"\x05\0\0\0\0"
    for _ in range(levels):
        inner = b"\x040\0" + body
        body = (len(inner) + 5).to_bytes(4, "little") + inner + b"\0"
    inner = b"\x10_id\0\x07\0\0\0\x02uri\0\x02\0\0\0a\0\x04deep\0" + body
    return (len(inner) + 5).to_bytes(4, "little") + inner + b"\0"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (encode({"_id": "late", "uri": "a", "when": DatetimeMS(253_402_300_800_000)}), "late"),
        (encode({"_id": "bytes", "uri": "a", "note": "xxxx"}).replace(b"xxxx", b"\xff\xfexx"), "bytes"),
        (nested(7_000), "read as number 3"),
        (encode({"_id": "cut", "uri": "a"})[:-4], "read as number 3"),
    ],
    ids=["date", "text", "levels", "cut"],
)
def test_a_document_that_cannot_be_read_costs_itself_alone_and_is_named(raw, name):
    joined = Joined(documents=3)
    assert statement_of(raw, joined) is None
    (problem,) = joined.problems
    assert problem.startswith(f"The document {name} cannot be read: ")


def test_lists_in_lists_are_text_from_a_level_on():
    joined = Joined()
    statement = statement_of(nested(500), joined)
    (value,) = statement.values.values() if statement.values else ("",)
    levels = 0
    while isinstance(value, list):
        (value,) = value
        levels += 1
    assert levels <= MAX_LEVELS
    assert len(value) <= MAX_TEXT


def test_a_date_that_python_does_not_have_stops_no_reading(shop, mongo):
    collection, tuned = mongo.database["said"], named(shop, "tuned")
    collection.insert_many(
        [
            {"_id": "a-late", "uri": tuned["uri"], "when": DatetimeMS(253_402_300_800_000)},
            {"_id": "b-fine", "uri": tuned["uri"], "owner": "kim"},
        ]
    )
    joined = pulled(shop)
    assert named(shop, "tuned")["owner"] == "kim"
    assert ["a-late" in problem for problem in joined.problems] == [True]


def test_a_collection_that_breaks_off_changes_nothing(shop, mongo):
    collection, tuned = mongo.database["said"], named(shop, "tuned")
    collection.insert_one({"_id": 1, "uri": tuned["uri"], "owner": "kim"})
    pulled(shop)
    mongo.kill()
    impatient = shop.settings.but(mongodb_seconds=0.5)
    with (
        open_catalog(shop.settings) as catalog,
        pytest.raises(UserError, match=r"MongoDB cannot be reached\."),
    ):
        pull(impatient, shop.store, catalog)
    assert named(shop, "tuned")["owner"] == "kim"


def test_the_commands_say_what_they_did(shop, mongo, monkeypatch):
    tuned = named(shop, "tuned")
    mongo.database["said"].insert_many(
        [{"_id": 1, "uri": tuned["uri"], "owner": "kim"}, {"_id": 2, "owner": "who"}]
    )
    bring_up_to_date(shop.settings, shop.store)
    for name, value in {"URL": mongo.url, "SAID_IN": "said", "SECONDS": "20"}.items():
        monkeypatch.setenv(f"MODELDEX_MONGODB_{name}", value)
    home = ["--home", str(shop.settings.home), "mongodb"]
    answer = CliRunner().invoke(cli, [*home, "pull"])
    assert answer.exit_code == 1
    assert "2 documents speak of 1 models; 1 models changed, 0 documents fit none." in answer.output
    assert "The document 2 names no model" in answer.output
    assert "2 models written." in CliRunner().invoke(cli, [*home, "push"]).output
    mongo.database["models"].delete_many({})
    assert "0 models written." in CliRunner().invoke(cli, [*home, "push"]).output
    assert "2 models written." in CliRunner().invoke(cli, [*home, "push", "--again"]).output
    assert mongo.database["models"].count_documents({}) == 2
    catalogs = mongo.database["models"].distinct("catalog")
    assert catalogs == [shop.store.birth()] != [""]
    mongo.database["models"].update_many({}, {"$set": {"revision": 99, "name": "Of later."}})
    assert "2 models written." in CliRunner().invoke(cli, [*home, "push", "--again"]).output
    assert mongo.database["models"].count_documents({"name": "Of later."}) == 0


def test_without_pymongo_the_extra_is_named(shop, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] in {"pymongo", "bson"}]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError) as refused:
        pulled(shop)
    assert "modeldex[mongodb]" in f"{refused.value} {refused.value.advice}"
