"""429, 503, half a bulk that fails, one bad document, an outage, a server of another version: nothing is lost."""

from contextlib import closing

import pytest

from catalog.errors import EngineUnavailable
from catalog.query.request import SearchRequest
from catalog.search.engine import IndexOutcome
from catalog.testing.engines import DOCUMENTS, actions
from indexer.drain import drain

pytest.importorskip("elasticsearch")
from indexer.engines.elasticsearch import ElasticsearchEngine, ElasticsearchWriter

pytestmark = [
    pytest.mark.usefixtures("quick_retries"),
    pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled"),
]
BUSY = {"type": "es_rejected_execution_exception", "reason": "the queue is full"}


class Waiting:
    """What waits for a consumer, in a dict."""

    def __init__(self, waiting):
        self.waiting = {action.id: action for action in waiting}
        self.dead = {}
        self.later = {}

    def claim(self, limit=500):
        return [action for action in self.waiting.values() if action.id not in self.later][:limit]

    def settle(self, _actions, outcome: IndexOutcome):
        for model in outcome.done:
            self.waiting.pop(model, None)
        for model, reason in outcome.rejected.items():
            self.dead[model] = reason
            self.waiting.pop(model, None)
        self.later |= outcome.retry

    def put_off(self, actions, reason):
        self.later |= {action.id: reason for action in actions}

    def release(self):
        pass

    def retry_now(self):
        self.later.clear()

    def size(self):
        return len(self.waiting)


@pytest.fixture
def settings(elasticsearch_settings, unruly_proxy):
    return elasticsearch_settings.but(elasticsearch_url=unruly_proxy.url)


@pytest.fixture
def writer(settings):
    with closing(ElasticsearchWriter(settings)) as opened:
        yield opened


def total(settings):
    with closing(ElasticsearchWriter(settings)) as refresher:
        refresher.refresh()
    with closing(ElasticsearchEngine(settings)) as engine:
        return engine.search(SearchRequest()).total


def bulks(proxy):
    return [path for _, path, _ in proxy.requests if "/_bulk" in path]


def test_only_the_item_that_was_refused_is_sent_again(writer, settings, unruly_proxy):
    answered = []

    def spoil(path, status, body):
        if "/_bulk" in path:
            answered.append(len(body["items"]))
            if len(answered) == 1:
                body["errors"] = True
                body["items"][1]["index"] |= {"status": 429, "error": BUSY}
        return status, body

    unruly_proxy.spoil = spoil
    outcome = writer.write(actions(DOCUMENTS))
    assert sorted(outcome.done) == sorted(document["id"] for document in DOCUMENTS)
    assert answered == [5, 1]
    assert total(settings) == 5


def test_an_item_that_stays_refused_waits_for_the_next_drain(writer, settings, unruly_proxy):
    def spoil(path, status, body):
        for item in body.get("items", []) if "/_bulk" in path else ():
            if item["index"]["_id"] == "b" * 64:
                body["errors"] = True
                item["index"] |= {"status": 429, "error": BUSY}
        return status, body

    unruly_proxy.spoil = spoil
    waiting = Waiting(actions(DOCUMENTS))
    report = drain(waiting, writer)
    assert (report.indexed, report.waiting, list(waiting.later)) == (4, 1, ["b" * 64])
    assert not waiting.dead


def test_a_document_that_the_server_refuses_is_a_dead_letter_alone(writer, settings, unruly_proxy):
    def spoil(path, status, body):
        for item in body.get("items", []) if "/_bulk" in path else ():
            if item["index"]["_id"] == "c" * 64:
                body["errors"] = True
                item["index"] |= {
                    "status": 400,
                    "error": {"type": "document_parsing_exception", "reason": "no such field"},
                }
        return status, body

    unruly_proxy.spoil = spoil
    waiting = Waiting(actions(DOCUMENTS))
    assert drain(waiting, writer).indexed == 4
    assert waiting.dead == {"c" * 64: "document_parsing_exception: no such field"}


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_cluster_that_answers_nothing_keeps_everything_waiting(settings, unruly_proxy, status):
    with closing(ElasticsearchWriter(settings)) as writer:
        writer.write(actions(DOCUMENTS[:1]))
        waiting = Waiting(actions(DOCUMENTS[1:]))
        calm = unruly_proxy.spoil
        unruly_proxy.spoil = lambda _path, _status, _body: (status, {"error": BUSY, "status": status})
        report = drain(waiting, writer)
        assert report.indexed == 0
        assert report.waiting == 4
        assert not waiting.dead
        unruly_proxy.spoil = calm
        assert drain(waiting, writer).indexed == 4
    assert total(settings) == 5


def test_a_server_that_is_down_is_one_sentence_and_loses_nothing(elasticsearch_settings):
    settings = elasticsearch_settings.but(
        elasticsearch_url="http://127.0.0.1:9", elasticsearch_timeout_seconds=2.0
    )
    waiting = Waiting(actions(DOCUMENTS))
    with closing(ElasticsearchWriter(settings)) as writer:
        report = drain(waiting, writer)
    assert (report.indexed, report.waiting) == (0, 5)
    assert "does not answer" in report.unavailable
    with (
        closing(ElasticsearchEngine(settings)) as engine,
        pytest.raises(EngineUnavailable, match="MODELDEX_ELASTICSEARCH_URL"),
    ):
        engine.search(SearchRequest())


@pytest.mark.parametrize(
    ("version", "works"), [("7.17.9", False), ("8.19.0", True), ("9.1.0", True), ("10.0.0", False)]
)
def test_a_server_of_another_version_is_told_at_the_start(settings, unruly_proxy, version, works):
    def spoil(path, status, body):
        return status, {"nodes": {"x": {"version": version}}} if path.startswith("/_nodes") else body

    unruly_proxy.spoil = spoil
    with closing(ElasticsearchEngine(settings)) as engine:
        if works:
            assert engine.search(SearchRequest()).total == 0
        else:
            with pytest.raises(EngineUnavailable, match=f"the server is version {version}"):
                engine.search(SearchRequest())


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (401, {"type": "security_exception", "reason": "missing credentials"}, "refused the credentials"),
        (403, {"type": "security_exception", "reason": "action is unauthorized"}, "may not do this"),
        (
            400,
            {"type": "media_type_header_exception", "reason": "Invalid media-type"},
            "another major version",
        ),
        (
            503,
            {"type": "search_phase_execution_exception", "reason": "all shards failed"},
            "the cluster cannot answer now",
        ),
        (
            429,
            {"type": "cluster_block_exception", "reason": "disk usage exceeded flood-stage watermark"},
            "its disk is full",
        ),
    ],
    ids=["credentials", "rights", "media type", "red", "full disk"],
)
def test_each_trouble_is_one_sentence(settings, unruly_proxy, status, error, sentence):
    def spoil(path, before, body):
        return (status, {"error": error, "status": status}) if "_search" in path else (before, body)

    unruly_proxy.spoil = spoil
    with closing(ElasticsearchEngine(settings)) as engine, pytest.raises(EngineUnavailable, match=sentence):
        engine.search(SearchRequest())
