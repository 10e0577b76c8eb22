"""A script that asks a catalog over HTTP: answers of the real server, and what it says when there is none."""

import socket
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from fixtures.a_server import running
from fixtures.crawling import EXTRACTORS, safetensors
from fixtures.patience import PATIENCE_SECONDS, within

import modeldex
from catalog import plugins
from catalog.settings import Settings
from catalog.store import open_store
from crawler.commands.index_state import bring_up_to_date
from crawler.crawl import crawl
from crawler.registry import Registry
from crawler.sources.local import LocalSource
from modeldex.client import Client, NotFound, NotReached, Refused, TookTooLong
from webui.app import create_app
from webui.contracts import close_services, open_services

TOKEN = "a-token-that-nobody-guesses"


class Place:
    """A catalog over a directory, and its server."""

    def __init__(self, folder):
        self.root = folder / "models"
        self.settings = Settings(home=folder / "home", api_log_token=TOKEN)
        self.registry = Registry([plugins.load("extractor", name)() for name in EXTRACTORS])
        for number in range(5):
            (self.root / f"net{number}").mkdir(parents=True)
            (self.root / f"net{number}/model.safetensors").write_bytes(safetensors(fill=number))
            modeldex.log(self.root / f"net{number}", {"accuracy": 0.5 + number / 10})

    def crawl(self):
        with open_store(self.settings, write=True) as store:
            crawl(store, LocalSource(self.root), self.settings, registry=self.registry)
            bring_up_to_date(self.settings, store)

    def refresh(self):
        with open_store(self.settings, write=True) as store:
            bring_up_to_date(self.settings, store)


@contextmanager
def served(folder):
    place = Place(folder)
    place.crawl()
    services = open_services(place.settings)
    app = create_app(place.settings, services)
    with running(app) as url:
        place.url = url
        yield place
    app.extensions["modeldex-es"].close()
    close_services(services)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Of all tests that change nothing."""
    with served(tmp_path_factory.mktemp("place")) as place:
        yield place


@pytest.fixture
def client(place):
    with Client(place.url, token=TOKEN) as client:
        yield client


@pytest.fixture
def own_place(tmp_path):
    """Of one test."""
    with served(tmp_path) as place:
        yield place


@pytest.fixture
def own_client(own_place):
    with Client(own_place.url, token=TOKEN) as client:
        yield client


def test_a_search_goes_from_page_to_page(client, monkeypatch):
    monkeypatch.setattr("modeldex.client.PER_PAGE", 2)
    names = [document["name"] for document in client.search("accuracy>0", sort="accuracy")]
    assert sorted(names) == ["net0", "net1", "net2", "net3", "net4"]
    assert [document["name"] for document in client.search("accuracy>0", sort="-accuracy", limit=3)] == [
        "net4",
        "net3",
        "net2",
    ]
    assert list(client.search("accuracy>0", limit=0)) == []
    assert client.count("accuracy>=0.7") == 3


def test_an_export_is_everything_in_one_stream(client):
    assert sorted(document["name"] for document in client.export()) == [
        "net0",
        "net1",
        "net2",
        "net3",
        "net4",
    ]
    with pytest.raises(Refused, match="not 'nine'"):
        list(client.export("accuracy>nine"))


def test_a_condition_that_is_not_understood_is_refused_with_what_was_meant(client):
    with pytest.raises(Refused, match="not 'nine'") as refused:
        list(client.search("accuracy>nine"))
    assert refused.value.status == 400
    assert "lenient" in refused.value.advice


def test_a_model_is_got_by_its_id_or_the_beginning_of_one(client):
    (found,) = client.search("net3")
    assert client.get(found["id"])["name"] == client.get(found["id"][:12])["name"] == "net3"
    for nothing in ("0" * 64, "a/b?c=d#e", "é"):
        with pytest.raises(NotFound):
            client.get(nothing)


def test_what_is_told_of_a_model_is_searched_and_survives_crawls(own_place, own_client):
    (found,) = own_client.search("net1")
    answer = own_client.log(
        found["id"],
        {"f1": np.float32(0.5), "accuracy": "95 %"},
        params={"lr": 0.25, "net": {"width": 3}},
        latency_ms=7,
        fields={"license": "mit", "extra": {"team": "risk"}},
    )
    assert answer["revision"] == 2
    assert "metrics.latency_ms" in answer["changed"]
    own_client.log(found["uri"], {"em": 0.75}, dataset="squad/v2", split="test", step=500)
    own_place.refresh()
    own_place.crawl()
    (document,) = own_client.search("em@v2>0.7 f1=0.5")
    assert (
        document["metrics"] == {"accuracy": 0.95, "em": 0.75, "f1": 0.5, "latency_ms": 7.0}
        or document["metrics"]["exact_match"] == 0.75
    )
    assert document["license"] == "mit"
    assert document["training"]["learning_rate"] == 0.25
    assert document["hyperparameters"]["net_width"] == 3
    (told,) = [entry for entry in document["evaluations"] if entry.get("dataset_id") == "squad/v2"]
    assert (told["split"], told["step"]) == ("test", 500)


def test_what_is_told_twice_is_told_once(own_client):
    (found,) = own_client.search("net2")
    first = own_client.log(found["id"], {"f1": 0.5})
    assert own_client.log(found["id"], {"f1": 0.5}) == {**first, "changed": []}


@pytest.mark.parametrize(
    ("token", "model", "what", "error", "words"),
    [
        (None, "net4", {"metrics": {"f1": 1}}, Refused, "Authorization"),
        ("wrong", "net4", {"metrics": {"f1": 1}}, Refused, "Authorization"),
        (TOKEN, "nothing-such", {"metrics": {"f1": 1}}, NotFound, "No model"),
        (TOKEN, "net4", {"fields": {"licens": "mit"}}, Refused, "did you mean license"),
        (TOKEN, "net4", {"fields": {"size_bytes": 3}}, Refused, "cannot be set"),
        (TOKEN, "net4", {"metrics": {"f1": "good"}}, modeldex.LogRefused, "no number"),
        (TOKEN, "net4", {}, modeldex.LogRefused, "nothing was given"),
    ],
    ids=["no-token", "wrong-token", "no-model", "no-field", "measured-field", "no-number", "nothing"],
)
def test_what_cannot_be_told_is_refused_in_words(place, token, model, what, error, words):
    with Client(place.url, token=token) as client, pytest.raises(error, match=words):
        client.log(model, what.pop("metrics", None), **what)


def test_a_model_that_is_still_to_come_is_waited_for(own_place, own_client):
    def train():
        (own_place.root / "late").mkdir()
        (own_place.root / "late/model.safetensors").write_bytes(safetensors(fill=9))
        modeldex.log(own_place.root / "late", {"accuracy": 0.99})
        own_place.crawl()

    thread = threading.Thread(target=train)
    thread.start()
    assert own_client.wait_for("accuracy>0.98", timeout_seconds=PATIENCE_SECONDS)["name"] == "late"
    thread.join()
    with pytest.raises(TookTooLong, match=r"0\.2 seconds that is 'name:nothing'"):
        own_client.wait_for("name:nothing", timeout_seconds=0.2)


def a_server(answers):
    """The address of a server that gives these answers, one a connection, and then closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def answer(status, body=b"{}"):
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body)


def test_a_server_that_is_busy_or_breaks_off_is_asked_again():
    url = a_server(
        [
            answer(b"503 Busy"),
            b"",
            answer(b"200 OK", b'{"document": {"id": "x"}}'),
        ]
    )
    assert Client(url).get("x") == {"id": "x"}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([answer(b"200 OK", b"<html>")], "no catalog"),
        ([answer(b"200 OK", b"[]")], "no catalog"),
        ([answer(b"404 Not Found", b"<html>")], "no catalog"),
        ([answer(b"503 Busy", b'{"error": {"detail": "It rests."}}')], "It rests"),
        ([b""], "Nobody answers"),
    ],
    ids=["page", "list", "other-server", "busy", "closed"],
)
def test_what_is_no_catalog_is_told_in_one_sentence(answers, words):
    with pytest.raises(NotReached, match=words):
        Client(a_server(answers), retries=0).get("x")


@pytest.mark.parametrize(
    ("ask", "body"),
    [
        (lambda client: list(client.search("x")), b"{}"),
        (lambda client: list(client.search("x")), b'{"results": ["x"], "paging": {}}'),
        (lambda client: client.get("x"), b'{"document": 3}'),
        (lambda client: client.count("x"), b'{"total": "many"}'),
        (lambda client: client.get("x"), b"[" * 100_000),
        (lambda client: list(client.export("x")), b"<html>\n"),
    ],
    ids=["search", "result", "get", "count", "deep", "export"],
)
def test_json_of_another_service_is_told_in_one_sentence(ask, body):
    """It was a KeyError or a JSONDecodeError."""
    with pytest.raises(NotReached, match="no catalog"):
        ask(Client(a_server([answer(b"200 OK", body)]), retries=0))


@pytest.mark.parametrize(
    "ask", [lambda client: client.get("x"), lambda client: list(client.export("x"))], ids=["get", "export"]
)
def test_an_answer_without_end_is_not_kept(ask, monkeypatch):
    monkeypatch.setattr("modeldex.client.MAX_ANSWER_BYTES", 1_000)
    monkeypatch.setattr("modeldex.client.MAX_LINE_BYTES", 1_000)
    url = a_server([answer(b"200 OK", b'{"document": {"x": "' + b"x" * 200_000 + b'"}}')])
    with pytest.raises(NotReached, match="larger than"):
        ask(Client(url, retries=0))


def test_half_an_answer_is_asked_for_again():
    half = answer(b"200 OK", b'{"document": {"id": "x"}}')[:-9]
    assert Client(a_server([half, answer(b"200 OK", b'{"document": {"id": "x"}}')])).get("x") == {"id": "x"}
    with pytest.raises(NotReached, match="breaks off"):
        Client(a_server([half]), retries=0).get("x")


def test_a_busy_server_is_waited_for_within_reason(monkeypatch):
    """A `Retry-After` of a day held a script for that long."""
    monkeypatch.setattr("modeldex.client.LONGEST_RETRY_SECONDS", 0.01)
    day = b"HTTP/1.1 503 Busy\r\nRetry-After: 86400\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert Client(a_server([day, answer(b"200 OK", b'{"document": {}}')])).get("x") == {}


def test_a_server_that_never_answers_is_left_in_time():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with within(15), pytest.raises(NotReached, match="Nobody answers"):  # not ten seconds, twice
            Client(url, timeout_seconds=0.1, retries=1).get("x")


def test_an_export_that_breaks_off_is_no_whole_one():
    half = b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\nConnection: close\r\n\r\n{"id": "a"}\n{"id":'
    export = Client(a_server([half])).export()
    with pytest.raises(NotReached, match="breaks off"):
        list(export)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://x", "http://"])
def test_what_is_no_address_is_told_at_once(url):
    with pytest.raises(ValueError, match="no address"):
        Client(url)
