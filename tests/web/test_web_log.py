"""POST /api/v1/models: who may tell what of which model, and what becomes of it."""

import json

import pytest
from fixtures.crawling import safetensors

from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.registry import Registry
from crawler.sources.local import LocalSource
from webui.app import create_app
from webui.contracts import close_services, open_services

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    settings = Settings(home=folder / "home", api_log_token=TOKEN)
    from catalog import plugins
    from crawler.commands.index_state import bring_up_to_date

    registry = Registry([plugins.load("extractor", name)() for name in ("safetensors", "modeldex-sidecar")])
    for name in ("one/a", "two/a", "only"):
        (folder / "models" / name).mkdir(parents=True)
        (folder / "models" / name / "model.safetensors").write_bytes(safetensors(fill=len(name)))
    with open_store(settings, write=True) as store:
        crawl(store, LocalSource(folder / "models"), settings, registry=registry)
        bring_up_to_date(settings, store)
    return settings


@pytest.fixture(scope="module")
def client(settings):
    services = open_services(settings)
    app = create_app(settings, services)
    yield app.test_client()
    app.extensions["modeldex-es"].close()
    close_services(services)


def post(client, body, token=TOKEN):
    data = body if isinstance(body, bytes) else json.dumps(body)
    return client.post("/api/v1/models", data=data, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "no JSON"),
        (b"[1]", 400, "no JSON object"),
        (b"[" * 100_000, 400, "nested too deep"),
        (b"\xff", 400, "no JSON"),
        ({"metrics": {"f1": 1}}, 400, "which model"),
        ({"model": 3, "metrics": {"f1": 1}}, 400, "which model"),
        ({"model": "only", "metrics": [1]}, 400, "names with values"),
        ({"model": "only", "metrics": {"f1": "good"}}, 400, "no number"),
        ({"model": "only", "metrics": {"": 1}}, 400, "no name of a metric"),
        ({"model": "only", "metrics": {"f1": 1}, "split": 3}, 400, "plit is no short text"),
        ({"model": "only", "metric": {"f1": 1}}, 400, "'metric'"),
        ({"model": "only"}, 400, "othing was given"),
        (
            {"model": "only", "params": {"x": {"y": {"z": {"a": {"b": {"c": {"d": {"e": 1}}}}}}}}},
            400,
            "nested",
        ),
        ({"model": "only", "fields": {"nothing": 1}}, 400, "no field"),
        ({"model": "only", "fields": {"trained_at": "soon"}}, 400, "trained_at cannot be"),
        ({"model": "a", "metrics": {"f1": 1}}, 400, "More than one"),
        ({"model": "nothing", "metrics": {"f1": 1}}, 404, "No model"),
        (b'{"model": "only", "x": "' + b"x" * 1_100_000 + b'"}', 413, ""),
    ],
    ids=[
        "half",
        "list",
        "deep",
        "binary",
        "no-model",
        "model-is-a-number",
        "metrics-are-a-list",
        "metric-is-a-word",
        "metric-without-name",
        "split-is-a-number",
        "misspelled",
        "nothing",
        "params-are-deep",
        "no-such-field",
        "no-date",
        "two-of-that-name",
        "no-such-model",
        "too-large",
    ],
)
def test_what_is_no_report_is_refused_with_its_reason(client, body, status, words):
    answer = post(client, body)
    assert answer.status_code == status
    assert words in json.dumps(answer.json)


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_whoever_does_not_know_the_token_tells_nothing(client, token):
    assert post(client, {"model": "only", "metrics": {"f1": 1}}, token).status_code == 401


def test_without_a_token_nobody_may_tell(settings):
    services = open_services(Settings(home=settings.home))
    app = create_app(Settings(home=settings.home), services)
    assert post(app.test_client(), {"model": "only", "metrics": {"f1": 1}}, "").status_code == 403
    app.extensions["modeldex-es"].close()
    close_services(services)


def test_what_is_told_is_an_edit_that_a_person_may_take_back(client, settings):
    from catalog.recording.authorship import Authorship
    from catalog.recording.edits import edit_model
    from catalog.records import ModelId

    answer = post(
        client, {"model": "only", "metrics": {"f1": 0.5}, "dataset": "squad", "params": {"lr": 0.1}}
    )
    assert answer.status_code == 200
    assert answer.json["changed"] == ["metrics.f1@squad", "training.learning_rate"]
    model = client.get(answer.json["url"].replace("/models/", "/api/models/")).json
    assert model["document"]["metrics"] == {"f1": 0.5}
    (winner,) = model["provenance"]["metrics.f1"]["winners"]
    assert (winner["file"], winner["origin"]) == ("edit by api", "edit")
    with open_store(settings, write=True) as store:
        edit_model(
            store,
            ModelId(answer.json["id"]),
            expected=answer.json["revision"],
            values={"metrics.accuracy": "91 %"},
            clear=["metrics.f1@squad"],
            by=Authorship(made_by="me"),
        )
    model = client.get(f"/api/models/{answer.json['id']}").json
    assert model["document"]["metrics"] == {"accuracy": 0.91}


def test_of_several_models_of_one_name_none_is_chosen(client, settings):
    with open_store(settings, write=False) as store:
        names = [stored.document["name"] for stored in store.records.iterate()]
    double = max(names, key=names.count)
    answer = post(client, {"model": double, "metrics": {"f1": 1}})
    if names.count(double) > 1 and len(double) >= 6:
        assert (answer.status_code, "More than one" in answer.json["error"]["detail"]) == (400, True)
