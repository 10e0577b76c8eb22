"""A lineage service is told of models: a receiver on this machine that speaks as the specification says; no real Marquez."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fixtures.crawling import EXTRACTORS, Shop

from catalog import plugins
from catalog.settings import Settings
from catalog.store import open_store
from crawler.reading import Registry
from indexer.sinks.openlineage import event_of, place_of, tell
from indexer.sinks.webhooks import tell_all


class Receiver(ThreadingHTTPServer):
    def __init__(self):
        self.events, self.shown, self.statuses = [], [], []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.statuses.pop(0) if receiver.statuses else 201
                if status < 300:
                    receiver.events.append(json.loads(body))
                receiver.shown.append(self.headers.get("Authorization"))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/api/v1/lineage"


@pytest.fixture
def receiver():
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield receiver
    receiver.shutdown()
    receiver.server_close()
    thread.join(5)


@pytest.fixture
def shop(tmp_path, receiver):
    settings = Settings(
        home=tmp_path / "home",
        openlineage_url=receiver.url,
        openlineage_api_key="key",
        openlineage_namespace="ours",
    )
    (tmp_path / "models").mkdir()
    registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
    with open_store(settings, write=True) as store:
        shop = Shop(root=tmp_path / "models", store=store, settings=settings, registry=registry)
        shop.model("tuned/model.safetensors", fill=1)
        shop.put(
            "tuned/modeldex.json",
            {
                "description": "Tuned.",
                "datasets": ["squad", "s3://data/train set/"],
                "base_model": [{"id": "org/base", "relation": "finetune"}],
            },
        )
        shop.model("bare/model.safetensors", fill=2)
        shop.crawl()
        yield shop


def test_a_model_is_told_with_what_it_was_made_of_once(shop, receiver):
    assert tell(shop.settings, shop.store) == 2
    jobs = [event for event in receiver.events if "job" in event]
    (alone,) = [event for event in receiver.events if "dataset" in event]
    (job,) = jobs
    assert job["schemaURL"].endswith("#/$defs/JobEvent")
    assert job["job"]["namespace"] == "ours"
    assert sorted(job["inputs"], key=lambda place: place["name"]) == [
        {"namespace": "ours", "name": "org/base"},
        {"namespace": "ours", "name": "squad"},
        {"namespace": "s3://data", "name": "train set"},
    ]
    (output,) = job["outputs"]
    assert (output["namespace"], output["name"]) == ("file", f"{shop.root}/tuned/model.safetensors")
    assert output["facets"]["documentation"]["description"] == "Tuned."
    assert {"_producer", "_schemaURL", "datasetVersion"} == set(output["facets"]["version"])
    assert alone["schemaURL"].endswith("#/$defs/DatasetEvent")
    assert {event["producer"] for event in receiver.events} == {"https://pypi.org/project/modeldex"}
    assert set(receiver.shown) == {"Bearer key"}
    assert tell(shop.settings, shop.store) == 0
    assert len(receiver.events) == 2


def test_what_changes_is_told_again_by_the_turn_of_the_webhooks(shop, receiver):
    tell_all(shop.settings, shop.store)
    assert len(receiver.events) == 2
    shop.put("bare/modeldex.json", {"datasets": ["mnist"]})
    shop.crawl()
    tell_all(shop.settings, shop.store)
    assert [event["inputs"][0]["name"] for event in receiver.events[2:]] == ["mnist"]


@pytest.mark.parametrize("status", [401, 404, 429, 500, 302])
def test_a_service_that_cannot_take_it_now_loses_nothing(shop, receiver, status):
    receiver.statuses = [status]
    assert tell(shop.settings, shop.store) == 0
    waiting = shop.store.consumer("openlineage")
    assert waiting.size() == 2
    waiting.retry_now()
    assert tell(shop.settings, shop.store) == 2
    assert len(receiver.events) == 2


def test_an_event_that_it_refuses_costs_no_other(shop, receiver):
    receiver.statuses = [422]
    assert tell(shop.settings, shop.store) == 1
    assert [letter.reason for letter in shop.store.consumer("openlineage").dead_letters()] == ["answered 422"]


def test_a_service_that_is_not_there_costs_a_crawl_nothing(shop, receiver):
    gone = shop.settings.but(openlineage_url="http://127.0.0.1:9/api/v1/lineage")
    assert tell(gone, shop.store) == 0
    assert shop.store.consumer("openlineage").size() == 2


def test_nobody_is_told_without_an_address(shop, receiver):
    assert tell(Settings(home=shop.settings.home), shop.store) == 0
    assert receiver.events == []


@pytest.mark.parametrize(
    ("name", "namespace", "place"),
    [
        ("s3://bucket/a/b.pt", "s3://bucket", "a/b.pt"),
        ("s3://bucket", "s3://bucket", "/"),
        ("file:///models/net", "file", "/models/net"),
        ("org/name", "ours", "org/name"),
        ("hive://host:9083/db.table", "hive://host", "db.table"),
        ("https://user:secret@host/x", "https://host", "x"),
    ],
)
def test_a_place_is_named_as_the_specification_names_it(name, namespace, place):
    assert place_of(name, "ours") == {"namespace": namespace, "name": place}


def test_an_event_has_the_parts_that_the_specification_requires():
    event = event_of({"id": "a" * 64, "datasets": ["d"], "revision": 3}, "ours")
    assert {"eventTime", "producer", "schemaURL", "job", "inputs", "outputs"} == set(event)
    assert event["outputs"][0]["facets"]["version"]["datasetVersion"] == "3"
