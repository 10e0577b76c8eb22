"""A real MLflow server as a source, alone and beside the place where its models lie."""

import itertools
import shutil
import socket
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from fixtures.crawling import safetensors
from fixtures.mlflow_server import Gate, basic

from catalog.errors import AccessDenied, ObjectChanged, SourceError, UserError
from catalog.records import ObjectKey
from catalog.settings import Settings
from catalog.store import open_store
from crawler.crawl import crawl
from crawler.events import take_events
from crawler.mlflow_server.entries import registered_key, version_key
from crawler.mlflow_server.options import MlflowOptions
from crawler.sources.local import LocalSource
from crawler.sources.mlflow import MlflowSource


def source_of(server, **options):
    return MlflowSource(server.address, Settings(home=Path("home")), MlflowOptions(attempts=2, **options))


@pytest.fixture(scope="module")
def filled(mlflow_server):
    """The server with three runs, of which two logged a model that is registered, and one version that is only a place."""
    experiment = mlflow_server.experiment()
    weak, strong = (
        mlflow_server.run(experiment, name, accuracy=value)
        for name, value in (("weak", 0.7), ("strong", 0.9))
    )
    mlflow_server.run(experiment, "baseline", accuracy=0.5)
    models = [mlflow_server.logged_model(experiment, run) for run in (weak, strong)]
    for run, model in zip((weak, strong), models, strict=True):
        mlflow_server.registered("churn", f"models:/{model}", run, model)
    call = mlflow_server.call
    call("registered-models/alias", {"name": "churn", "alias": "champion", "version": "2"})
    call("model-versions/set-tag", {"name": "churn", "version": "2", "key": "team", "value": "crm"})
    mlflow_server.models, mlflow_server.runs = models, (weak, strong)
    return mlflow_server


@pytest.fixture
def home(tmp_path):
    return Settings(home=tmp_path / "home")


@contextmanager
def catalog_of(settings, *sources):
    """The reports of one crawl of each source, and the documents by source and name with version."""
    with open_store(settings, write=True) as store:
        reports = [crawl(store, source, settings) for source in sources]
        yield store, reports


def documents(store, source):
    rows = [
        {name: value for name, value in row.document.items() if name != "last_seen"}
        for row in store.records.iterate()
        if row.document["source"] == source.id
    ]
    return {" ".join(filter(None, (row["name"], row.get("version")))): row for row in rows}


def test_each_version_is_one_model_with_its_run_s_values_and_a_crawl_of_the_same_asks_for_the_listing_alone(
    filled, home
):
    source = source_of(filled)
    with catalog_of(home, source) as (store, [report]):
        assert (report.run.state, report.run.counts["new"]) == ("complete", 3)
        known = documents(store, source)
        assert set(known) == {"churn 1", "churn 2", "baseline"}
        best = known["churn 2"]
        assert best["metrics"] == {"accuracy": 0.92}
        assert [entry["step"] for entry in best["evaluations"]] == [2]
        assert best["training"] == {"learning_rate": 0.05}
        assert best["datasets"] == ["customers"]
        assert best["tags"] == ["champion"]
        assert best["description"] == "Who leaves."
        assert best["run_id"] == filled.runs[1]
        assert (best["extra"]["tag_team"], best["trained_at"]) == ("crm", "2023-11-14T22:14:20.000Z")
        assert best["extra"]["registered_churn_champion"] == "churn@champion"
        again = source_of(filled)
        counts = crawl(store, again, home).run.counts
        assert (counts["opened"], counts["new"], counts["changed"]) == (0, 0, 0)
        assert again.spent["requests"] == 5, "registered models, versions, experiments, runs, logged models"


def test_the_model_in_the_directory_has_name_version_alias_and_metrics_of_the_registry_and_both_link(
    filled, home, tmp_path
):
    place = tmp_path / "artifacts"
    (place / "net").mkdir(parents=True)
    (place / "net" / "model.safetensors").write_bytes(safetensors(values=7))
    (place / "net" / "MLmodel").write_text(
        f"model_id: {filled.models[1]}\nrun_id: {filled.runs[1]}\nflavors:\n  python_function:\n    python_version: 3.11\n"
    )
    (place / "other.safetensors").write_bytes(safetensors(values=8))
    files, server = LocalSource(place), source_of(filled)
    with catalog_of(home, files, server) as (store, _):
        stored, registered = documents(store, files), documents(store, server)
        model = stored["churn 2"]
        assert (model["metrics"], model["tags"], model["parameters"]) == ({"accuracy": 0.92}, ["champion"], 7)
        assert model["extra"]["described_at"] == [registered["churn 2"]["uri"]]
        assert registered["churn 2"]["extra"]["stored_at"] == [model["uri"]]
        assert "described_at" not in stored["other"].get("extra", {})
        revision = model["revision"]
        crawl(store, LocalSource(place), home)
        crawl(store, source_of(filled), home)
        assert documents(store, files)["churn 2"]["revision"] == revision, "nothing changed"

        alias = {"name": "churn", "alias": "latest-good", "version": "2"}
        filled.call("registered-models/alias", alias)
        with open_store(home, write=True) as other:
            take_events(other, source_of(filled), home, [registered_key("churn")])
        assert documents(store, files)["churn 2"]["tags"] == ["champion", "latest-good"]
        filled.call("registered-models/alias", {"name": "churn", "alias": "latest-good"}, method="DELETE")

        (place / "net" / "model.safetensors").write_bytes(safetensors(values=9))
        crawl(store, LocalSource(place), home)
        model = documents(store, files)["churn 2"]
        assert (model["parameters"], model["metrics"]) == (9, {"accuracy": 0.92})
        shutil.rmtree(place / "net")
        crawl(store, LocalSource(place), home, accept=True)
        assert "stored_at" not in documents(store, server)["churn 2"]["extra"]


def test_a_version_that_is_a_place_is_about_the_model_in_that_bucket(mlflow_server, home, bucket):
    bucket.model("scorer/model.safetensors", values=5)
    bucket.put("scorer/config.json", '{"model_type": "net"}')
    mlflow_server.registered("scorer", f"{bucket.address}/scorer")
    files, server = bucket.source(), source_of(mlflow_server)
    try:
        with catalog_of(home, server, files) as (store, _):
            stored = documents(store, files)
            assert {name: row["parameters"] for name, row in stored.items()} == {"scorer 1": 5}
    finally:
        mlflow_server.call("registered-models/delete", {"name": "scorer"}, method="DELETE")


@pytest.mark.parametrize(
    ("path", "spoiled", "failed"),
    [
        ("runs/search", "503", "logged"),
        ("runs/search", "cut", "logged"),
        ("model-versions/search", "lost", "registered"),
        ("logged-models/search", "500", "logged"),
    ],
    ids=["503", "half an answer", "no answer", "500"],
)
def test_of_a_server_that_is_half_away_nothing_is_missing(filled, gate, home, path, spoiled, failed):
    source = source_of(gate)
    with catalog_of(home, source) as (store, _):
        before = documents(store, source)
        gate.spoil = lambda asked: spoiled if path in asked else "as it is"
        report = crawl(store, source_of(gate), home)
        assert report.run.state == "partial"
        (sentence,) = report.run.problems
        assert f"/{failed}: the listing broke off: " in sentence
        assert "0x" not in sentence
        assert documents(store, source) == before
        gate.spoil = lambda _asked: "as it is"
        assert crawl(store, source_of(gate), home).run.state == "complete"


def test_a_page_that_fails_once_is_asked_for_again(filled, gate):
    broken = iter(["cut", "503"])
    gate.spoil = lambda asked: next(broken, "as it is") if "runs/search" in asked else "as it is"
    steps = list(MlflowSource(gate.address, Settings(home=Path("home"))).list())
    assert [step.error for step in steps if step.error] == []
    assert sum("runs/search" in asked for asked in gate.asked) == 3


def test_what_a_listing_skips_is_looked_at_before_it_is_missing(filled, gate, home):
    """Pages are numbered by their offset: whoever deletes a run while pages are turned hides another."""
    source = source_of(gate)
    with catalog_of(home, source) as (store, _):
        again = source_of(gate)
        full = again._tracking_pages
        again._tracking_pages = lambda: (
            [entry for entry in page if filled.runs[0] not in entry.key] for page in full()
        )
        report = crawl(store, again, home)
        assert (report.run.state, report.run.counts["missing"]) == ("complete", 0)


@pytest.mark.parametrize(
    ("shown", "options"),
    [
        ("Bearer let-me-in", {"token": "let-me-in"}),
        (basic("ada", "pw"), {"username": "ada", "password": "pw"}),
    ],
    ids=["token", "password"],
)
def test_a_server_that_knows_its_users_is_asked_with_a_token_or_a_password(filled, shown, options):
    gate = Gate(filled.url, shown=shown)
    try:
        source = source_of(gate, **options)
        source.check(is_new=True)
        assert all(step.error is None for step in source.list())
        with pytest.raises(AccessDenied, match=r"the server answers 401\. Give --credential token=env:NAME"):
            source_of(gate, token="wrong").check(is_new=True)
        steps = [step for step in source_of(gate, token="wrong").list() if step.error]
        assert [step.scope for step in steps] == ["registered", "logged"]
        assert "let-me-in" not in "".join(str(step.error) for step in steps)
    finally:
        gate.close()


def test_a_server_of_an_unknown_version_is_named_and_not_guessed_at(filled, gate):
    gate.version = "4.0.1"
    with pytest.raises(SourceError, match=r"is MLflow 4\.0\.1, and answers of versions 1 to 3 are known"):
        source_of(gate).check(is_new=True)


def test_what_is_no_mlflow_is_said_in_one_sentence(gate, tmp_path):
    gate.spoil = lambda _asked: "404"
    with pytest.raises(SourceError, match="is no MLflow server: the server answers 404"):
        source_of(gate).check(is_new=True)
    gate.spoil = lambda _asked: "302"
    with pytest.raises(SourceError, match="sends elsewhere, as to a page to sign in"):
        source_of(gate).check(is_new=True)
    gate.close()
    with pytest.raises(SourceError, match="nobody answers there"):
        source_of(gate).check(is_new=True)


@contextmanager
def slow_server(first, *rest):
    """The address of a server that sends the first bytes of an answer, and then one part of the rest now and then."""
    ended = threading.Event()

    def answer(server):
        with suppress(OSError):
            while True:
                peer, _ = server.accept()
                with peer, suppress(ConnectionError):
                    peer.sendall(first)
                    for part in itertools.cycle(rest or (b"",)):
                        if ended.wait(0.02):
                            return
                        peer.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,), daemon=True)
        thread.start()
        yield f"mlflow+http://127.0.0.1:{server.getsockname()[1]}"
        ended.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((b"",), "nobody answers there in time"),
        ((b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n",), "nobody answers there in time"),
        ((b"HTTP/1.1 200 OK\r\n\r\n", b" "), "an answer takes more than 0 seconds"),
    ],
    ids=["says nothing", "stops in the middle", "a byte now and then"],
)
def test_a_server_that_is_too_slow_is_waited_for_so_long_and_named(parts, sentence, home, monkeypatch):
    monkeypatch.setattr("crawler.mlflow_server.client.MAX_ANSWER_SECONDS", 0.3)
    options = MlflowOptions(attempts=1, read_seconds=0.2)
    with slow_server(*parts) as address:
        source = MlflowSource(address, home, options)
        with pytest.raises(SourceError, match=sentence):
            source.check(is_new=True)
        assert {step.scope for step in source.list() if step.error} == {"registered", "logged"}


def test_a_crawl_may_ask_only_so_much(filled, home):
    with catalog_of(home, source_of(filled, requests_per_run=2)) as (_, [report]):
        assert report.run.state == "partial"
        assert any("2 requests" in problem for problem in report.run.problems)


def test_pages_are_turned_to_the_end(filled, monkeypatch):
    monkeypatch.setattr("crawler.mlflow_server.client.PAGE", 1)
    listed = [meta.key for step in source_of(filled).list() for meta in step.objects]
    assert len(listed) == len(set(listed)) == 8


def test_an_entry_is_read_as_it_was_listed_or_not_at_all(filled):
    source = source_of(filled)
    listed = {meta.key: meta for step in source.list() for meta in step.objects}
    for key, meta in listed.items():
        assert source_of(filled).head(key) == meta, "the same entry, whichever question brought it"
        assert len(source_of(filled).read(meta, 0, meta.size_bytes)) == meta.size_bytes
        assert source.uri_of(key).startswith(source.uri)
    meta = listed[version_key("churn", "1")]
    set_tag = {"name": "churn", "version": "1", "key": "note", "value": "x"}
    filled.call("model-versions/set-tag", set_tag)
    try:
        with pytest.raises(ObjectChanged):
            source_of(filled).read(meta, 0, 10)
        assert source.read(meta, 2, 8) == b"mlflow", "what the listing brought is at hand"
    finally:
        filled.call(
            "model-versions/delete-tag", {"name": "churn", "version": "1", "key": "note"}, method="DELETE"
        )


@pytest.mark.parametrize(
    "key",
    ["", "registered", "registered/churn/9.json", "registered/nobody/model.json", f"logged/{'0' * 32}/run.json",
     "logged/../x", "registered/churn/model.json/x"],
)  # fmt: skip
def test_what_is_no_entry_is_not_there(filled, key):
    assert source_of(filled).head(ObjectKey(key)) is None


@pytest.mark.parametrize(
    "address",
    ["mlflow+http://", "mlflow+http://ada:pw@host", "mlflow+http://host?x=1", "mlflow+http://host:port", "mlflow+http://[",
     "mlflow+http://host/a b"],
)  # fmt: skip
def test_an_address_that_names_no_server_is_refused(address):
    with pytest.raises(UserError):
        MlflowSource.check_address(address)
