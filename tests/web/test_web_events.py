"""POST /api/v1/events and MLflow's webhooks: who may send, what is kept, and what is refused."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from fixtures.crawling import safetensors

from catalog.records.sources import SourceDefinition
from catalog.settings import Settings
from catalog.store import open_store
from crawler.definitions import new_row
from webui.app import create_app
from webui.contracts import close_services, open_services

TOKEN = "a-token-that-nobody-guesses"
EVENT = json.dumps({"source": "lab", "keys": ["net.safetensors", "tmp/x"]})


@pytest.fixture
def settings(tmp_path):
    settings = Settings(home=tmp_path / "home", events_token=TOKEN)
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/net.safetensors").write_bytes(safetensors())
    with open_store(settings, write=True) as store:
        store.sources.put(
            [new_row(str(tmp_path / "lab"), SourceDefinition(name="lab", exclude=("tmp",)), settings)]
        )
    return settings


def client_of(settings):
    services = open_services(settings)
    app = create_app(settings, services)
    return app.test_client(), lambda: (app.extensions["modeldex-es"].close(), close_services(services))


@pytest.fixture
def client(settings):
    client, close = client_of(settings)
    yield client
    close()


def kept(settings):
    with open_store(settings, write=False) as store:
        return sum(waiting.objects for waiting in store.event_hints.waiting().values())


def basic(password):
    return f"Basic {base64.b64encode(f'any:{password}'.encode()).decode()}"


@pytest.mark.parametrize("shown", [f"Bearer {TOKEN}", basic(TOKEN)], ids=["bearer", "password"])
def test_an_event_is_kept_before_its_sender_is_thanked(client, settings, shown):
    for _ in range(2):
        answer = client.post(
            "/api/v1/events", data=EVENT, headers={"Authorization": shown}, content_type="text/plain"
        )
        assert (answer.status_code, answer.json) == (202, {"objects": 2, "kept": 1})
    assert kept(settings) == 1


@pytest.mark.parametrize("shown", ["", "Bearer wrong", basic("wrong"), "Bearer ", "Bearer é", "Digest x"])
def test_whoever_does_not_know_the_token_is_refused(client, settings, shown):
    answer = client.post("/api/v1/events", data=EVENT, headers={"Authorization": shown} if shown else {})
    assert answer.status_code == 401
    assert kept(settings) == 0


def test_without_a_token_nobody_may_send(settings):
    client, close = client_of(Settings(home=settings.home))
    assert client.post("/api/v1/events", data=EVENT, headers={"Authorization": "Bearer "}).status_code == 403
    close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"x": 1}', 400),
        (b"[" * 100_000, 400),
        (b"x" * 600_000, 413),
        (b'{"Event":"s3:TestEvent"}', 202),
    ],
)
def test_what_is_no_event_is_refused_in_one_sentence(client, settings, body, status):
    answer = client.post("/api/v1/events", data=body, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == status
    assert kept(settings) == 0


SECRET = "shared-with-the-registry"
VERSION = json.dumps(
    {"entity": "model_version", "action": "created", "data": {"name": "churn", "version": "2"}}
).encode()


@pytest.fixture
def registry(tmp_path):
    settings = Settings(home=tmp_path / "registry-home", events_mlflow_secret=SECRET)
    with open_store(settings, write=True) as store:
        store.sources.put([new_row("mlflow+http://127.0.0.1:9", SourceDefinition(name="registry"), settings)])
    client, close = client_of(settings)
    yield client, settings
    close()


def signed(body, *, secret=SECRET, age=0):
    moment = str(int(time.time()) - age)
    digest = hmac.new(secret.encode(), f"1.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "X-MLflow-Delivery-Id": "1",
        "X-MLflow-Timestamp": moment,
        "X-MLflow-Signature": f"v1,{base64.b64encode(digest).decode()}",
        "Content-Type": "application/json",
    }


def test_what_a_registry_says_is_kept_for_its_source(registry):
    client, settings = registry
    answer = client.post("/api/v1/events/mlflow/registry", data=VERSION, headers=signed(VERSION))
    assert (answer.status_code, answer.json) == (202, {"objects": 2, "kept": 2})
    assert kept(settings) == 2
    prompt = b'{"entity": "prompt", "action": "created", "data": {"name": "x"}}'
    answer = client.post("/api/v1/events/mlflow/registry", data=prompt, headers=signed(prompt))
    assert (answer.status_code, answer.json) == (202, {"objects": 0, "kept": 0})


def test_what_is_not_signed_or_no_delivery_is_refused(registry, client):
    signer, settings = registry
    address = "/api/v1/events/mlflow/registry"
    refused = ({}, signed(VERSION, secret="another"), signed(VERSION, age=400), signed(b"other"))
    assert [signer.post(address, data=VERSION, headers=shown).status_code for shown in refused] == [403] * 4
    answer = signer.post(address, data=b"{}", headers=signed(b"{}"))
    assert (answer.status_code, "no delivery of MLflow" in answer.text) == (400, True)
    assert kept(settings) == 0
    without = client.post(address, data=VERSION, headers=signed(VERSION, secret=""))
    assert without.status_code == 403, "without a secret none is taken"
