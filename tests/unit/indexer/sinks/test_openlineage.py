"""A lineage service is told of models: a receiver on this machine that speaks as the specification says, and OpenLineage's
own library, which makes the same events of its own types; no real Marquez.
"""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fixtures.crawling import EXTRACTORS, Shop
from openlineage.client import event_v2, facet_v2
from openlineage.client.serde import Serde

from catalog import plugins
from catalog.errors import UserError
from catalog.settings import Settings
from catalog.store import open_store
from crawler.registry import Registry
from indexer.settings import OpenLineageSettings
from indexer.sinks.openlineage import consumer_of, event_of, place_of, tell
from indexer.sinks.webhooks import tell_all


class Receiver(ThreadingHTTPServer):
    def __init__(self):
        self.events, self.shown, self.statuses = [], [], []
        self.fault, self.released = None, threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.statuses.pop(0) if receiver.statuses else 201
                if status < 300:
                    receiver.events.append(json.loads(body))
                receiver.shown.append(self.headers.get("Authorization"))
                if receiver.fault not in {None, "endless"}:
                    self.spoil(receiver.fault)
                    return
                self.send_response(status)
                content = b"no\x1b[31m" if status >= 300 else b""
                endless = receiver.fault == "endless"
                self.send_header("Content-Length", str(10**12 if endless else len(content)))
                self.end_headers()
                self.wfile.write(content)
                while endless:
                    self.wfile.write(b"." * 1024)

            def spoil(self, fault):
                self.wfile.write(
                    {"cut": b"HTTP/1.1 20", "another protocol": b"SSH-2.0-x\r\n"}.get(fault, b"")
                )
                receiver.released.wait(2 if fault == "silent" else 0)

            def handle_one_request(self):
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()

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
    receiver.released.set()
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


def waiting_in(shop):
    return shop.store.consumer(consumer_of(shop.settings.section(OpenLineageSettings)))


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
    assert {event["producer"] for event in receiver.events} == {"urn:modeldex"}
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
def test_a_service_that_cannot_take_it_now_loses_nothing(shop, receiver, status, caplog):
    receiver.statuses = [status]
    assert tell(shop.settings, shop.store) == 0
    assert caplog.messages == [f"lineage waits reason=answered {status}: no\\x1b[31m"]
    waiting = waiting_in(shop)
    assert waiting.size() == 2
    waiting.retry_now()
    assert tell(shop.settings, shop.store) == 2
    assert len(receiver.events) == 2


def test_an_event_that_it_refuses_costs_no_other_and_is_told(shop, receiver, caplog):
    """Nobody heard of what was refused, not even where every event was of a kind that the service does not take."""
    receiver.statuses = [422]
    assert tell(shop.settings, shop.store) == 1
    assert caplog.messages == ["lineage refused models=1 reason=answered 422: no\\x1b[31m"]
    reasons = [letter.reason for letter in waiting_in(shop).dead_letters()]
    assert reasons == ["answered 422: no\\x1b[31m"]


@pytest.mark.parametrize(
    ("taken", "fault"), [(2, "endless"), (0, "cut"), (0, "silent"), (0, "another protocol")]
)
def test_an_answer_that_does_not_end_or_is_none_holds_nobody_up(shop, receiver, taken, fault):
    """The whole of an answer was read, so that one without an end was read for ever."""
    receiver.fault = fault
    assert tell(shop.settings.but(openlineage_seconds=0.3), shop.store) == taken
    receiver.fault = None
    waiting = waiting_in(shop)
    assert waiting.size() == 2 - taken
    waiting.retry_now()
    assert tell(shop.settings, shop.store) == 2 - taken


def test_a_service_that_is_not_there_costs_a_crawl_nothing(shop, receiver):
    gone = shop.settings.but(openlineage_url="http://127.0.0.1:9/api/v1/lineage")
    assert tell(gone, shop.store) == 0
    assert shop.store.consumer(consumer_of(gone.section(OpenLineageSettings))).size() == 2


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
        ("hive://host:9083/db.table", "hive://host:9083", "db.table"),
        ("https://user:secret@host/x", "https://host", "x"),
        (
            "abfss://models:key@store.dfs.core.windows.net/net",
            "abfss://models@store.dfs.core.windows.net",
            "net",
        ),
        ("s3://[broken", "ours", "s3://[broken"),
    ],
)
def test_a_place_is_named_as_the_specification_names_it(name, namespace, place):
    assert place_of(name, "ours") == {"namespace": namespace, "name": place}


TUNED = {
    "id": "a" * 64,
    "name": "net",
    "version": "2",
    "uri": "s3://models/net.pt",
    "datasets": ["squad"],
    "base_model": [{"id": "org/base"}],
    "content_hash": "b" * 64,
    "description": "Tuned.",
}


def as_their_library_makes_it(event, **parts):
    """The event as OpenLineage's own client would send it, made of its types at the same moment."""
    types = {"run": event_v2.RunEvent, "job": event_v2.JobEvent, "dataset": event_v2.DatasetEvent}
    kind = next(types[name] for name in types if name in parts)
    theirs = Serde.to_dict(kind(eventTime=event["eventTime"], producer=event["producer"], **parts))
    told_of = (*theirs.get("outputs", ()), *filter(None, [theirs.get("dataset"), theirs.get("job")]))
    for about in told_of:
        for facet in about["facets"].values():
            facet["_producer"] = event["producer"]
    return without_nothing(theirs)


def without_nothing(value):
    """Without the empty facets that their client adds."""
    if isinstance(value, list):
        return [without_nothing(item) for item in value]
    if isinstance(value, dict):
        return {name: without_nothing(item) for name, item in value.items() if item != {}}
    return value


@pytest.fixture
def output():
    return {
        "namespace": "s3://models",
        "name": "net.pt",
        "facets": {
            "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet("b" * 64),
            "datasetType": facet_v2.dataset_type_dataset.DatasetTypeDatasetFacet("MODEL"),
            "documentation": facet_v2.documentation_dataset.DocumentationDatasetFacet("Tuned."),
        },
    }


INPUTS = [event_v2.InputDataset("ours", name) for name in ("squad", "org/base")]
DONE_BY = facet_v2.documentation_job.DocumentationJobFacet("Makes net 2")
JOB = event_v2.Job("ours", f"train.{'a' * 64}", {"documentation": DONE_BY})


@pytest.mark.parametrize("as_run", [False, True])
def test_the_event_of_a_model_is_the_one_that_openlineage_s_own_client_would_send(output, as_run):
    event = event_of(TUNED, "ours", as_run=as_run)
    parts = {"job": JOB, "inputs": INPUTS, "outputs": [event_v2.OutputDataset(**output)]}
    if as_run:
        parts |= {"run": event_v2.Run(event["run"]["runId"]), "eventType": event_v2.RunState.COMPLETE}
    assert event == as_their_library_makes_it(event, **parts)


def test_the_event_of_a_model_of_unknown_origin_is_the_one_that_openlineage_s_own_client_would_send(output):
    event = event_of(TUNED | {"datasets": [], "base_model": []}, "ours")
    assert event == as_their_library_makes_it(event, dataset=event_v2.StaticDataset(**output))


def test_a_service_of_runs_is_told_one_run_for_each_state_of_the_weights(shop, receiver):
    runs = shop.settings.but(openlineage_events="runs")
    assert tell(runs, shop.store) == 2
    shop.put("bare/modeldex.json", {"description": "Bare."})
    shop.crawl()
    assert tell(runs, shop.store) == 1
    shop.model("bare/model.safetensors", fill=3)
    shop.crawl()
    assert tell(runs, shop.store) == 1
    assert {event["eventType"] for event in receiver.events} == {"COMPLETE"}
    ids = [event["run"]["runId"] for event in receiver.events if "/bare/" in event["outputs"][0]["name"]]
    assert len(ids) == 3
    assert len(set(ids)) == 2


@pytest.mark.parametrize("change", [{"openlineage_events": "runs"}, {"openlineage_namespace": "theirs"}])
def test_other_settings_tell_of_every_model_from_the_first_on(shop, receiver, change):
    assert tell(shop.settings, shop.store) == 2
    assert tell(shop.settings.but(**change), shop.store) == 2
    assert tell(shop.settings, shop.store) == 0


def test_no_other_kind_of_events_is_there(shop):
    with pytest.raises(UserError, match="static or runs, not 'all'"):
        shop.settings.but(openlineage_events="all")
