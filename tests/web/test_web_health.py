"""The health page, its JSON and metrics, over a real store: what needs a person is a number that leads to just so many."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from fixtures.crawling import safetensors
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete, select, update

from catalog import plugins
from catalog.records import RunState
from catalog.records.sources import SourceDefinition, SourceState
from catalog.settings import Settings
from catalog.store import open_store
from catalog.store.tables import runs, sources
from crawler.addresses import open_source
from crawler.crawl import crawl
from webui.app import create_app
from webui.contracts import close_services, open_services

MODELS = 52


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A source with a file that is cut off, one that would lose everything, and one that was never crawled."""
    folder = tmp_path_factory.mktemp("health")
    settings = Settings(home=folder / "home")
    for number in range(MODELS):
        (folder / f"lost/m{number}").mkdir(parents=True)
        (folder / f"lost/m{number}/net.safetensors").write_bytes(safetensors(values=4 + number))
    for name in ("lab/good", "lab/later", "never"):
        (folder / name).mkdir(parents=True)
        (folder / name / "net.safetensors").write_bytes(safetensors(values=100 + len(name)))
    (folder / "lab/cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with open_store(settings, write=True) as store:
        from crawler.definitions import new_row

        rows = {}
        for name in ("lab", "lost", "never"):
            definition = SourceDefinition(name=name, schedule="every 1d")
            rows[name] = new_row(str(folder / name), definition, settings)
        store.sources.put(list(rows.values()))
        for name in ("lab", "lost"):
            crawl(store, open_source(rows[name].address, settings), settings)
        shutil.rmtree(folder / "lab/later")
        shutil.rmtree(folder / "lost")
        (folder / "lost").mkdir()
        for name in ("lab", "lost"):
            crawl(store, open_source(rows[name].address, settings), settings)
        plugins.load("hook", "after-crawl")(settings, store)
    return settings, rows


@pytest.fixture
def client(made):
    settings, _ = made
    services = open_services(settings)
    app = create_app(settings, services)
    yield app.test_client()
    app.extensions["modeldex-es"].close()
    close_services(services)


@pytest.fixture
def store(made):
    with open_store(made[0], write=True) as store:
        yield store


class Links(HTMLParser):
    """Text and address of each link in the page's content."""

    def __init__(self, text):
        super().__init__()
        self.links, self._open = [], None
        self.feed(text[text.index("<main") :])

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self._open = [dict(attrs)["href"], ""]

    def handle_data(self, data):
        if self._open:
            self._open[1] += data

    def handle_endtag(self, tag):
        if tag == "a":
            self.links.append(tuple(self._open))
            self._open = None


def test_every_number_leads_to_a_search_with_exactly_that_many(client):
    links = [
        (address, text)
        for address, text in Links(client.get("/health").text).links
        if address.startswith("/?")
    ]
    numbers = {text: client.get(f"/api/search{address[1:]}").json["total"] for address, text in links}
    assert {text: int(re.match(r"[\d,]+", text)[0]) for text in numbers} == numbers
    assert {"1 unreadable model", "1 missing model"} <= set(numbers)
    assert len([text for text in numbers if text.isdigit()]) >= 2, "a row's models are such a number, too"


def test_a_row_says_what_its_source_needs(client):
    text = client.get("/health").text
    assert "crawl of lost held" in text
    assert '<li class="run">\n      <header><h3><bdi>lost</bdi></h3>' in text, (
        "runs have the names of the rows above"
    )
    assert "Accept that 52 models go missing" in text
    assert "52 models no longer there" in text
    assert "no longer there: m0" in text
    assert "no longer there: 32 more" in text
    assert re.search(r"1 file unread.*cut\.safetensors.*</code> <bdi>[^<]{8,}", text, re.DOTALL)
    assert "<b>1</b> file unread" in text, (
        "as the row of the source says it: it was '1 failed' beside '2 problems'"
    )
    assert "problems</summary>" not in text
    assert re.search(r"No worker runs\. Start one: <code>MODELDEX_HOME=\S+ modeldex worker</code>", text)
    assert "http-equiv" not in text
    assert client.get("/runs").text == text, "the old address still works"


def test_json_tells_the_same(client, made):
    told = client.get("/api/v1/sources").json
    rows = {row["name"]: row for row in told["sources"]}
    assert (rows["lab"]["unread"][0]["file"], rows["lab"]["unread_count"]) == ("cut.safetensors", 1)
    assert (rows["lost"]["last_run"]["state"], rows["lost"]["models"]) == ("held", MODELS)
    assert (rows["never"]["last_run"], rows["never"]["last_complete_at"]) == (None, None)
    assert rows["never"]["next_due_at"] is not None
    assert rows["lab"]["bytes"] > 0
    assert {need["query"]: need["models"] for need in told["needs"]}["is:missing"] == 1
    newest = client.get("/api/v1/runs?source=lost&limit=1").json["runs"]
    assert [run["state"] for run in newest] == ["held"]
    assert len(client.get("/api/v1/runs").json["runs"]) == 4
    assert client.get("/api/v1/runs?source=nobody").status_code == 404
    assert client.get("/api/v1/runs?limit=x").status_code == 400


def test_metrics_are_what_prometheus_reads(client):
    client.get("/nowhere/at/all")
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    values = {(row.name, *row.labels.values()): row.value for family in families for row in family.samples}
    assert values["modeldex_up",] == 1
    assert values["modeldex_models",] == values["modeldex_indexed_models",]
    assert values["modeldex_source_held", "lost"] == 1
    assert values["modeldex_source_unread_files", "lab"] == 1
    assert values["modeldex_needs_person_models", "is:missing"] == 1
    assert values["modeldex_http_requests_total", "other", "404"] == 1
    assert ("modeldex_source_next_due_timestamp_seconds", "never") in values


def ask(client, source, **headers):
    return client.post("/health/crawl", data={"source": source}, headers=headers)


def test_a_crawl_is_asked_for_once_and_from_here_alone(client, made, store):
    lab = made[1]["lab"].id
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert ask(client, lab, **foreign).status_code == 403
    assert store.sources.asked() == {}
    for _ in range(2):
        answer = ask(client, lab, **{"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"})
        assert (answer.status_code, answer.location) == (303, "/health")
    assert list(store.sources.asked()) == [lab]
    assert "asked for, as soon as a worker is free" in client.get("/health").text
    assert ask(client, "file:///nowhere").status_code == 404
    assert client.get("/health/crawl").status_code == 405
    store.sources.give_up_asked(lab, store.sources.asked()[lab])


@pytest.fixture
def held(made, store):
    """The run that waits for a person; what a test did to it and after it is taken back."""
    run = store.runs.latest(1, source=made[1]["lost"].id)[0]
    yield run
    with store.engine.begin() as connection:
        connection.execute(delete(runs).where(runs.c.id > run.id))
        connection.execute(update(runs).where(runs.c.id == run.id).values(counts=json.dumps(run.counts)))
        connection.execute(update(sources).values(asked_at=None))


def test_a_held_run_is_accepted_from_here_alone_and_the_worker_is_asked_to_crawl(client, made, store, held):
    lost = made[1]["lost"].id
    form = {"run": str(held.id)}
    assert (
        client.post("/health/accept", data=form, headers={"Origin": "https://evil.example"}).status_code
        == 403
    )
    assert store.runs.get(held.id) == held
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    answers = [client.post("/health/accept", data=form, headers=own) for _ in range(2)]
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, "/health")] * 2
    assert store.runs.get(held.id).accepted == MODELS
    assert "accepted at" not in client.get("/health").text, "a time among the counts is no number of anything"
    assert list(store.sources.asked()) == [lost]
    text = client.get("/health").text
    assert "Accepted: the next crawl may let 52 go missing." in text
    assert "Accept that" not in text
    assert "crawl of lost held" not in text
    counts = {**store.runs.get(held.id).counts, "accepted_at": 0}
    with store.engine.begin() as connection:
        connection.execute(update(runs).where(runs.c.id == held.id).values(counts=json.dumps(counts)))
    lapsed = client.get("/health").text
    assert f"What was accepted of run {held.id} lapsed: it holds for 24 hours." in lapsed
    assert ("Accept that 52 models go missing" in lapsed, "crawl of lost held" in lapsed) == (True, True)


def test_a_run_is_accepted_over_the_api_unless_it_is_not_held_or_not_the_last(client, made, store, held):
    for number, status in ((1, 409), (999, 404), ("x", 404), ("9" * 40, 404), ("-1", 404)):
        assert client.post(f"/api/v1/runs/{number}/accept").status_code == status
    lost = made[1]["lost"]
    store.sources.put([replace(lost, state=SourceState.DISABLED)])
    refused = client.post(f"/api/v1/runs/{held.id}/accept")
    assert (refused.status_code, "is disabled" in refused.json["error"]["detail"]) == (409, True)
    assert "Accept that" not in client.get("/health").text
    store.sources.put([lost])
    taken = client.post(f"/api/v1/runs/{held.id}/accept")
    assert (taken.status_code, taken.json["counts"]["accepted"]) == (202, MODELS)
    with store.source_lease(lost.id) as lease:
        store.runs.start(lost.id, lost.uri, lease)
    late = client.post(f"/api/v1/runs/{held.id}/accept")
    assert late.status_code == 409
    assert "is not the last of its source" in late.json["error"]["detail"]


def test_why_a_crawl_failed_stands_in_the_row_of_its_source(client, made, store, held):
    """It stood folded among the runs below alone, and the row said that there is no trouble."""
    lost = made[1]["lost"]
    with store.source_lease(lost.id) as lease:
        run = store.runs.start(lost.id, lost.uri, lease)
        store.runs.finish(run, RunState.FAILED, {}, ["the disk <is> away"])
    rows = client.get("/health").text.split("<h2>Runs</h2>")[0]
    assert "the disk &lt;is&gt; away What was known before is unchanged." in rows


def test_a_source_that_no_worker_comes_to_needs_somebody(client, made, store, held):
    """It said `now` for as long as its crawls broke down before they began, or all places were taken."""
    begun = update(sources).where(sources.c.id == made[1]["never"].id)
    with store.engine.begin() as connection:
        (since,) = connection.execute(
            select(sources.c.added_at).where(sources.c.id == made[1]["never"].id)
        ).one()
        connection.execute(begun.values(added_at="2026-01-01T00:00:00.000000Z"))
    assert "crawls are due and no worker runs" in client.get("/health").text
    with store.workers.announced():
        assert '<a href="#source-3"><bdi>crawl of never overdue</bdi></a>' in client.get("/health").text
    with store.engine.begin() as connection:
        connection.execute(begun.values(added_at=since))


def test_a_running_crawl_is_shown_with_how_far_it_is(client, made, store):
    lab = made[1]["lab"]
    with store.source_lease(lab.id) as lease:
        run = store.runs.start(lab.id, lab.uri, lease)
        store.runs.note_counts(run, {"objects": 1234, "opened": 7}, lease=lease)
        text = client.get("/health").text
        assert "1,234 files listed, 7 opened" in text
        assert 'data-poll="2000"' in text
        assert client.get("/api/v1/sources").json["sources"][0]["running"] is True
        store.runs.finish(run, RunState.INTERRUPTED, {}, [])
    assert 'data-poll="15000"' in client.get("/health").text


def test_exports_that_nobody_reads_leave_threads_for_pages(client):
    open_ones = [client.get("/api/export.ndjson") for _ in range(4)]
    assert client.get("/api/export.csv").status_code == 503
    assert client.get("/healthz").status_code == 200
    open_ones.pop().close()
    assert client.get("/api/export.csv", buffered=True).status_code == 200
    for answer in open_ones:
        answer.close()


def test_readiness_says_what_is_wrong(client, tmp_path):
    assert (client.get("/readyz").status_code, client.get("/readyz").json) == (200, {"status": "ready"})
    settings = Settings(home=tmp_path)
    (tmp_path / "store.sqlite3").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    services = open_services(settings)
    broken = create_app(settings, services).test_client()
    answer = broken.get("/readyz")
    assert answer.status_code == 503
    assert "not a database" in json.loads(answer.text)["problem"]
    assert broken.get("/healthz").status_code == 200
    assert broken.get("/health").status_code == 200
    assert broken.get("/metrics").status_code == 200
    close_services(services)


def test_a_store_that_is_lost_under_a_server_is_one_line_for_a_probe(tmp_path, caplog):
    """It was a page of HTML, and an error in the log for each probe, for as long as the database was away."""
    settings = Settings(home=tmp_path)
    with open_store(settings, write=True):
        pass
    services = open_services(settings)
    probed = create_app(settings, services).test_client()
    assert probed.get("/readyz").json == {"status": "ready"}
    for path in tmp_path.glob("store.sqlite3*"):
        path.write_bytes(b"no database at all, but long enough to be looked at" * 2000)
    answer = probed.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (503, "not ready")
    assert answer.json["problem"].startswith("The store of this catalog cannot be used now")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    scraped = probed.get("/metrics")
    assert (scraped.status_code, scraped.mimetype) == (500, "text/plain"), "Prometheus was sent a page"
    assert scraped.text.startswith("The store of this catalog cannot be used")
    assert scraped.text.count("\n") == 1
    close_services(services)


def test_events_that_wait_are_seen_with_how_long(client, made, store):
    lab = made[1]["lab"].id
    store.event_hints.note([(lab, "a"), (lab, "b")])
    row = next(row for row in client.get("/api/v1/sources").json["sources"] if row["id"] == lab)
    assert row["events_waiting"] == 2
    assert 0 < row["event_lag_seconds"] < 60
    assert "2 objects of events wait for" in client.get("/health").text
    assert 'modeldex_source_events_waiting{source="lab"} 2.0' in client.get("/metrics").text
    store.event_hints.taken(lab, store.event_hints.due()[lab])
