"""Webhooks over a real store and a real receiver on this machine: what is told, to whom, how often, and how it is signed."""

import base64
import hashlib
import hmac
import json
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from catalog.cli import cli
from catalog.records import ModelRecord, SourceId, model_id
from catalog.records.sources import SourceDefinition, SourceRow
from catalog.records.webhooks import News, Webhook
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.records import GONE, MISSING, RecordChange
from indexer.sinks.public_addresses import AddressRefused, check_url, resolved
from indexer.sinks.webhooks import tell_all

SOURCE = SourceId("file:///models")
SECRET = "a-secret-of-enough-characters"
NAME = "REPORT_KEY"


class Receiver:
    """Remembers what it was sent, and answers what it is told to."""

    def __init__(self):
        self.messages, self.answers, self.status = [], [], 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else receiver.status
                receiver.messages.append((status, self.path, dict(self.headers), body))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{receiver.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def taken(self):
        return [json.loads(body) for status, _, _, body in self.messages if status < 300]

    def told(self):
        return [
            (message["data"]["model"]["name"], message["type"], message["events"]) for message in self.taken()
        ]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv(NAME, SECRET)
    return Settings(home=tmp_path, webhooks_allow_networks="127.0.0.0/8")


@pytest.fixture
def store(settings):
    with open_store(settings, write=True) as store:
        yield store


def put(store, name, **fields):
    made = model_id(SOURCE, name)
    document = {
        "id": made,
        "name": name,
        "uri": f"file:///models/{name}",
        "status": "ok",
        "source": str(SOURCE),
        **fields,
    }
    record = ModelRecord(id=made, source=SOURCE, group_key=name, document=document, file_keys=(name,))
    with store.lease("writer") as lease:
        store.records.commit(
            [RecordChange(record=record, signature=name, fingerprint=None, moved_from=None)], lease=lease
        )
    return made


def mark(store, model, state):
    with store.source_lease(SOURCE) as lease:
        run = store.runs.start(SOURCE, str(SOURCE), lease)
        store.records.mark({model: state}, lease=lease, run=run.id)


def hook(store, receiver, name="report", **options):
    store.webhooks.add(Webhook(name=name, url=f"{receiver.url}/in?x=1", secret=f"env:{NAME}", **options))


def test_what_is_new_is_told_once_and_signed(store, settings, receiver):
    put(store, "old", task="x")
    hook(store, receiver)
    assert tell_all(settings, store)["report"].sent == 0, "it hears of what happens from now on"
    model = put(store, "net", task="x")
    put(store, "old", task="y")
    tell_all(settings, store)
    put(store, "net", task="x", risk_kinds=["code-execution"])
    tell_all(settings, store)
    mark(store, model, MISSING)
    tell_all(settings, store)
    mark(store, model, GONE)
    tell_all(settings, store)
    assert tell_all(settings, store)["report"].sent == 0
    told = receiver.told()
    assert sorted(told[:2]) == [("net", "model.added", ["added"]), ("old", "model.changed", ["changed"])]
    assert told[2:] == [
        ("net", "model.risk-found", ["risk-found", "changed"]),
        ("net", "model.missing", ["missing", "changed"]),
        ("net", "model.gone", ["gone"]),
    ]
    assert receiver.taken()[2]["data"]["changed"] == ["risk_kinds"]
    for _, path, headers, body in receiver.messages:
        assert path == "/in?x=1"
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert len({headers["webhook-id"] for _, _, headers, _ in receiver.messages}) == 5


def test_only_models_of_its_query_and_only_the_news_that_it_wants(store, settings, receiver):
    hook(store, receiver, "ner", query="task:ner")
    hook(store, receiver, "risks", query="task:ner", events=(News.RISK_FOUND,))
    put(store, "other", task="asr", risk_kinds=["code-execution"])
    put(store, "net", task="ner")
    tell_all(settings, store)
    assert [(message["webhook"], message["type"]) for message in receiver.taken()] == [("ner", "model.added")]
    put(store, "net", task="ner", risk_kinds=["code-execution"])
    put(store, "net", task="asr", risk_kinds=["code-execution"])
    tell_all(settings, store)
    assert [
        (message["webhook"], message["type"], message["data"]["matches"]) for message in receiver.taken()[1:]
    ] == [
        ("ner", "model.risk-found", False),
        ("risks", "model.risk-found", False),
    ], "what leaves the query is news, too, and says so"


def test_sources_are_asked_for_by_their_names(store, settings, receiver):
    uri = str(SOURCE)
    store.sources.put(
        [SourceRow(id=SOURCE, uri=uri, address=uri, definition=SourceDefinition(name="uploads"))]
    )
    hook(store, receiver, "uploads", query="source:uploads")
    hook(store, receiver, "others", query="-source:uploads")
    hook(store, receiver, "several", query="source:uploads,lab")
    put(store, "net")
    tell_all(settings, store)
    assert sorted(message["webhook"] for message in receiver.taken()) == ["several", "uploads"]


def test_a_receiver_that_is_away_costs_nothing_and_hears_the_last_state(store, settings, receiver):
    hook(store, receiver)
    receiver.status = 500
    put(store, "net", task="a")
    put(store, "other")
    delivery = tell_all(settings, store)["report"]
    assert (delivery.sent, delivery.waiting, delivery.problem) == (0, 2, "answered 500")
    assert len(receiver.messages) == 1, "after one that fails, the others wait with it"
    put(store, "net", task="b")
    receiver.status = 204
    store.webhooks.consumer("report").retry_now()
    assert tell_all(settings, store)["report"].sent == 2
    tasks = {
        message["data"]["model"]["name"]: message["data"]["model"].get("task") for message in receiver.taken()
    }
    assert tasks == {"net": "b", "other": None}


def test_a_hiccup_is_retried_at_once_under_the_same_id(store, settings, receiver):
    hook(store, receiver)
    receiver.answers = [503, 429]
    put(store, "net")
    assert tell_all(settings, store)["report"].sent == 1
    assert [status for status, *_ in receiver.messages] == [503, 429, 204]
    assert len({headers["webhook-id"] for _, _, headers, _ in receiver.messages}) == 1


def test_a_message_that_is_refused_for_what_it_is_does_not_hold_up_others(store, settings, receiver):
    hook(store, receiver)
    put(store, "bad")
    put(store, "good")
    receiver.answers = [422]
    delivery = tell_all(settings, store)["report"]
    assert (delivery.sent, delivery.waiting, list(delivery.rejected.values())) == (1, 0, ["answered 422"])
    assert tell_all(settings, store)["report"].sent == 0


def test_a_redirect_is_not_followed(store, settings, receiver):
    hook(store, receiver)
    put(store, "net")
    receiver.status = 302
    assert tell_all(settings, store)["report"].problem == "answered 302"
    assert [path for _, path, *_ in receiver.messages] == ["/in?x=1"]


@pytest.fixture(params=[b"H", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["letters", "continue"])
def dripping(request):
    """The address of somebody who goes on answering without ever ending the head of an answer."""
    listening, is_over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def drip(connection):
        with connection, suppress(OSError):
            while not is_over.wait(0.03):
                connection.sendall(request.param)

    def accept():
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    is_over.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def test_an_answer_that_drips_ends_in_time_and_costs_others_nothing(store, settings, receiver, dripping):
    """Each letter was waited for as long as a whole answer: nobody else was told anything, and no worker ended."""
    store.webhooks.add(Webhook(name="a-slow", url=dripping, secret=f"env:{NAME}"))
    hook(store, receiver)
    put(store, "net")
    deliveries = tell_all(settings.but(webhooks_seconds=0.15), store)
    assert deliveries["a-slow"].problem == "could not be reached (ReadTimeoutError)"
    assert (deliveries["a-slow"].waiting, deliveries["report"].sent) == (1, 1)


def test_a_turn_that_is_over_leaves_the_rest_to_the_next_one(store, settings, receiver):
    """A worker that was told to end went on telling until nothing waited, for hours where each message took seconds."""
    hook(store, receiver)
    for name in "abc":
        put(store, name)
    delivery = tell_all(settings, store, lambda: bool(receiver.messages))["report"]
    assert (delivery.sent, delivery.waiting, delivery.problem) == (1, 2, None)
    assert tell_all(settings, store)["report"].sent == 2
    assert [name for name, *_ in receiver.told()] == ["a", "b", "c"]


def test_nothing_is_sent_to_a_private_address_that_was_not_allowed(store, receiver, tmp_path):
    hook(store, receiver)
    put(store, "net")
    delivery = tell_all(Settings(home=tmp_path), store)["report"]
    assert "127.0.0.1, which is not a public address" in delivery.problem
    assert receiver.messages == []


def test_what_is_sensitive_is_not_sent(store, settings, receiver):
    uri = str(SOURCE)
    store.sources.put(
        [
            SourceRow(
                id=SOURCE,
                uri=uri,
                address=uri,
                definition=SourceDefinition(sensitive=("owner", "extra.cost_centre", "hyperparameters.lr")),
            )
        ]
    )
    hook(store, receiver)
    put(
        store,
        "net",
        owner="ada",
        task="ner",
        extra={"Cost Centre": "ada"},
        hyperparameters={"lr": "ada"},
        training={"learning_rate": 0.0625},
    )
    tell_all(settings, store)
    assert b"ada" not in receiver.messages[0][3]
    assert b"0.0625" not in receiver.messages[0][3]
    assert b"ner" in receiver.messages[0][3]


def test_a_document_that_is_too_long_is_told_by_its_name(store, settings, receiver):
    hook(store, receiver)
    put(store, "net", description="x" * 300_000)
    tell_all(settings, store)
    (message,) = receiver.taken()
    assert (message["data"]["truncated"], message["data"]["model"]) == (True, {"name": "net"})


REFUSED = {
    "loopback": "http://127.0.0.1/", "decimal loopback": "http://2130706433/", "short loopback": "http://127.1/",
    "localhost": "http://localhost/", "private": "https://10.1.2.3/", "private b": "https://172.16.0.1/",
    "private c": "https://192.168.0.1/", "metadata": "http://169.254.169.254/latest", "shared": "http://100.64.0.1/",
    "unspecified": "http://0.0.0.0/", "broadcast": "http://255.255.255.255/", "multicast": "http://224.0.0.1/",
    "v6 loopback": "http://[::1]/", "v6 mapped": "http://[::ffff:127.0.0.1]/", "v6 local": "http://[fe80::1]/",
    "v6 unique local": "http://[fd00::1]/", "nat64": "http://[64:ff9b::7f00:1]/", "6to4": "http://[2002:7f00:1::1]/",
    "teredo": "http://[2001:0:7f00:1::1]/", "user name": "http://a@1.1.1.1/", "another scheme": "ftp://1.1.1.1/",
    "no host": "https:///x", "fragment": "https://1.1.1.1/#x", "line break": "https://1.1.1.1/\r\nX: y", "port": "https://1.1.1.1:99999/",
}  # fmt: skip


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_an_address_that_is_not_public_is_refused(url):
    with pytest.raises(AddressRefused):
        resolved(url)


def test_a_public_address_is_connected_to_as_it_was_judged():
    place = resolved("https://1.1.1.1:8443/a?b=c")
    assert (place.address, place.port, place.target, place.host_header) == (
        "1.1.1.1",
        8443,
        "/a?b=c",
        "1.1.1.1:8443",
    )
    assert resolved("http://[2606:4700::1111]/").host_header == "[2606:4700::1111]"
    assert resolved("http://127.0.0.1/", ["127.0.0.0/8"]).address == "127.0.0.1"
    check_url("https://hooks.example/in")


def run(settings, *arguments):
    environment = {"MODELDEX_WEBHOOKS_ALLOW_NETWORKS": "127.0.0.0/8"}
    return CliRunner().invoke(
        cli, ["--home", str(settings.home), "webhooks", *map(str, arguments)], env=environment
    )


def test_webhooks_are_added_listed_tried_and_removed(settings, receiver, store):
    added = run(
        settings,
        "add",
        "report",
        receiver.url,
        "--secret",
        f"env:{NAME}",
        "--on",
        "risk-found",
        "--query",
        "task:ner",
    )
    assert added.exit_code == 0, added.exception
    (listed,) = json.loads(run(settings, "list", "--json").stdout)
    assert (listed["name"], listed["on"], listed["waiting"], listed["query"]) == (
        "report",
        ["risk-found"],
        0,
        "task:ner",
    )
    assert "risk-found" in run(settings, "list").stdout
    assert run(settings, "test", "report").exit_code == 0
    assert receiver.taken()[0]["data"]["id"] == "test"
    receiver.status = 404
    assert "answered 404" in run(settings, "test", "report").stderr
    assert "already" in str(run(settings, "add", "report", receiver.url, "--secret", f"env:{NAME}").exception)
    assert run(settings, "remove", "report").exit_code == 0
    assert store.webhooks.all() == []
    assert "no webhook" in str(run(settings, "remove", "report").exception)


def test_a_webhook_of_an_earlier_version_that_is_told_nothing_says_why(settings, receiver, store):
    """What it waited for grew, and the list named no trouble."""
    old = Webhook(name="old", url=receiver.url, query="top 2 by f1", events=(), secret=f"env:{NAME}")
    store.webhooks.add(old)
    (listed,) = json.loads(run(settings, "list", "--json").stdout)
    assert "cannot count them" in listed["trouble"][0]
    assert "The query of a webhook" in run(settings, "list").stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("a b", "URL", "--secret", f"env:{NAME}"), "name"),
        (("x", "URL", "--secret", "hunter2hunter2hunter2"), "must not be written out"),
        (("x", "URL", "--secret", "env:NOT_THERE_AT_ALL"), "no such variable"),
        (("x", "URL", "--secret", f"env:{NAME}", "--query", "size>big"), "not understood"),
        (("x", "URL", "--secret", f"env:{NAME}", "--query", "top 5 by f1"), "limit:5"),
        (("x", "http://10.0.0.1/", "--secret", f"env:{NAME}"), "not a public address"),
        (("x", "gopher://x", "--secret", f"env:{NAME}"), "begins with https"),
    ],
)
def test_what_cannot_be_a_webhook_is_one_sentence_and_nothing_is_stored(
    settings, receiver, store, arguments, sentence
):
    done = run(settings, "add", *[receiver.url if each == "URL" else each for each in arguments])
    assert sentence in str(done.exception)
    assert "hunter2" not in str(done.exception)
    assert store.webhooks.all() == []
