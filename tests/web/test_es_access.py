"""Who may ask at /es/, how much at once, for how long, and what the log says of it."""

from __future__ import annotations

import base64
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fixtures.es_door import app_over, filled, memory_pair

from catalog.errors import EngineUnavailable
from catalog.settings import Settings
from catalog.testing.documents import documents
from webui.es.access import read_keys, user_of
from webui.es.faults import Fault

KEYS = read_keys("ada:first, second ,, grace:th:ird")


def encoded(text):
    return base64.b64encode(text.encode()).decode()


ACCEPTED = {
    "id and key": (f"ApiKey {encoded('ada:first')}", "ada"),
    "any case of the scheme": (f"apikey {encoded('ada:first')}", "ada"),
    "bare key": ("ApiKey first", "ada"),
    "bare id and key": ("ApiKey ada:first", "ada"),
    "bearer": ("Bearer second", "key-"),
    "user and password": (f"Basic {encoded('ada:first')}", "ada"),
    "key without id under any": (f"ApiKey {encoded('me:second')}", "key-"),
    "encoded key alone": (f"ApiKey {encoded('second')}", "key-"),
    "colon in the secret": (f"ApiKey {encoded('grace:th:ird')}", "grace"),
}
REFUSED = {
    "nothing": "",
    "no scheme": "first",
    "another scheme": f"Digest {encoded('ada:first')}",
    "another's key": f"ApiKey {encoded('ada:th:ird')}",
    "unknown id": f"ApiKey {encoded('eve:first')}",
    "beginning": f"ApiKey {encoded('ada:firs')}",
    "longer": f"ApiKey {encoded('ada:first1')}",
    "empty": "ApiKey ",
    "empty encoded": f"ApiKey {encoded(':')}",
    "no base64": "ApiKey ====",
    "no UTF-8": f"ApiKey {base64.b64encode(bytes([255, 254])).decode()}",
    "long": "ApiKey " + "A" * 100_000,
    "commas": "ApiKey ada:first, second",
}


@pytest.mark.parametrize(("header", "user"), ACCEPTED.values(), ids=ACCEPTED)
def test_key_names_its_user(header, user):
    assert user_of(header, KEYS, "203.0.113.9").startswith(user)


@pytest.mark.parametrize("header", REFUSED.values(), ids=REFUSED)
def test_other_credentials_are_refused(header):
    with pytest.raises(Fault) as refused:
        user_of(header, KEYS, "127.0.0.1")
    assert (refused.value.http_status, refused.value.kind) == (401, "security_exception")


@pytest.mark.parametrize("remote", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_without_keys_this_machine_is_let_in(remote):
    assert user_of("", (), remote) == "loopback"


@pytest.mark.parametrize("remote", ["203.0.113.9", "10.0.0.1", "::ffff:10.0.0.1", "", "unix"])
def test_without_keys_nobody_else_is_let_in(remote):
    with pytest.raises(Fault) as refused:
        user_of("", (), remote)
    assert "MODELDEX_API_KEYS" in refused.value.reason


def test_no_answer_without_a_key_and_none_reaches_the_engine(untouched, tmp_path):
    app = app_over(untouched.engine, Settings(home=tmp_path, api_keys="ada:first"))
    for path in ("/es/", "/es/_search", "/es/models/_doc/1", "/es/_nothing"):
        answer = app.test_client().get(path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "ApiKey"
        assert answer.get_json()["error"]["type"] == "security_exception"
    assert untouched.engine.calls == []


class SlowEngine:
    """A real engine whose searches wait until they are let go."""

    name = "slow"

    def __init__(self):
        writer, self.engine = memory_pair()
        filled(writer, list(documents(5)))
        self.go = threading.Event()
        self.started = threading.Semaphore(0)

    def search(self, request):
        self.started.release()
        assert self.go.wait(30)
        return self.engine.search(request)

    def __getattr__(self, name):
        return getattr(self.engine, name)


@pytest.fixture
def slow():
    engine = SlowEngine()
    yield engine
    engine.go.set()


def app_with(engine, tmp_path, **options):
    return app_over(engine, Settings(home=tmp_path, **options))


def test_third_request_of_one_user_is_refused_and_another_user_is_answered(slow, tmp_path):
    app = app_with(slow, tmp_path, api_keys="ada:first,grace:second", api_timeout_seconds=30.0)

    def asked(key):
        headers = {"Authorization": f"ApiKey {key}"}
        return app.test_client().get("/es/_search?size=0", headers=headers)

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(asked, "first") for _ in range(2)]
        for _ in running:
            assert slow.started.acquire(timeout=30)
        third = asked("first")
        assert third.status_code == 429
        assert third.get_json()["error"]["type"] == "es_rejected_execution_exception"
        assert third.headers["Retry-After"] == "1"
        other = pool.submit(asked, "second")
        assert slow.started.acquire(timeout=30)
        slow.go.set()
        assert [one.result().status_code for one in (*running, other)] == [200, 200, 200]
    assert asked("first").status_code == 200


def test_request_waits_a_moment_for_its_turn(slow, tmp_path):
    app = app_with(slow, tmp_path, api_concurrency=1, api_timeout_seconds=30.0)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: app.test_client().get("/es/_search"))
        assert slow.started.acquire(timeout=30)
        second = pool.submit(lambda: app.test_client().get("/es/_search"))
        slow.go.set()
        assert [first.result().status_code, second.result().status_code] == [200, 200]


def test_search_beyond_its_time_ends_and_its_place_stays_taken_until_the_engine_is_done(slow, tmp_path):
    app = app_with(slow, tmp_path, api_concurrency=1, api_timeout_seconds=0.05)
    late = app.test_client().get("/es/models/_search")
    assert late.status_code == 408
    error = late.get_json()["error"]
    assert (error["type"], error["timed_out"]) == ("timeout_exception", True)
    assert app.test_client().get("/es/models/_search").status_code == 429
    slow.go.set()
    assert app.test_client().get("/es/models/_count").status_code == 200


def test_callers_own_time_limit_is_kept(slow, tmp_path):
    app = app_with(slow, tmp_path, api_timeout_seconds=30.0)
    assert app.test_client().get("/es/_search?timeout=20ms").status_code == 408


def test_requests_of_a_minute_are_counted_per_user(tmp_path):
    _, engine = memory_pair()
    app = app_with(engine, tmp_path, api_keys="ada:first,grace:second", api_requests_per_minute=3)
    client = app.test_client()
    headers = {"Authorization": "ApiKey first"}
    said = [client.get("/es/", headers=headers).status_code for _ in range(4)]
    assert said == [200, 200, 200, 429]
    assert client.get("/es/", headers={"Authorization": "ApiKey second"}).status_code == 200


def test_engine_that_is_down_is_told_in_the_same_shape(small_es):
    def down(_request):
        raise EngineUnavailable("tantivy", "the index is damaged.", advice="Type: modeldex reindex")

    small_es.engine.search = down
    answer = small_es.get("/es/models/_search")
    assert answer.status_code == 503
    assert "modeldex reindex" in answer.get_json()["error"]["reason"]


def test_fault_of_ours_tells_nothing_but_its_number(small_es, caplog):
    def broken(_request):
        raise ZeroDivisionError("secret detail")

    small_es.engine.search = broken
    answer = small_es.get("/es/models/_search")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.headers["X-Request-Id"] in caplog.text


def test_one_line_in_the_log_says_who_and_how_long_but_not_what(small_es, caplog):
    caplog.set_level(logging.INFO, logger="webui.es")
    answer = small_es.post(
        "/es/models/_search?preference=SECRET",
        json={"query": {"match": {"name": "SECRET"}}},
        headers={"X-Opaque-Id": "note\x1b[31mbook\u200b" + "x" * 500},
    )
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("webui.es")]
    assert f"request={answer.headers['X-Request-Id']}" in line
    assert "user=loopback" in line
    assert "part=_search status=200" in line
    assert "SECRET" not in line
    assert "\x1b" not in line
    assert len(line) < 400


def test_points_in_time_are_their_users_own_and_few(tmp_path):
    _, engine = memory_pair()
    app = app_with(engine, tmp_path, api_keys="ada:first,grace:second")
    client = app.test_client()
    ada, grace = ({"Authorization": f"ApiKey {key}"} for key in ("first", "second"))
    point = client.post("/es/models/_pit?keep_alive=1m", headers=ada).get_json()["id"]
    body = {"pit": {"id": point}, "size": 1}
    assert client.post("/es/_search", json=body, headers=ada).status_code == 200
    assert client.post("/es/_search", json=body, headers=grace).status_code == 404
    assert client.delete("/es/_pit", json={"id": point}, headers=grace).status_code == 404
    assert client.post("/es/_search/scroll", json={"scroll_id": point}, headers=ada).status_code == 404
    assert client.post("/es/models/_search", json=body, headers=ada).status_code == 400
    opened = [client.post("/es/models/_pit?keep_alive=1m", headers=ada).status_code for _ in range(16)]
    assert opened == [200] * 15 + [429]
    assert client.post("/es/models/_pit?keep_alive=1m", headers=grace).status_code == 200


def test_point_in_time_that_nobody_asks_expires(tmp_path):
    _, engine = memory_pair()
    client = app_with(engine, tmp_path).test_client()
    point = client.post("/es/models/_pit?keep_alive=1ms").get_json()["id"]
    threading.Event().wait(0.05)
    answer = client.post("/es/_search", json={"pit": {"id": point}})
    assert answer.status_code == 404
    assert answer.get_json()["error"]["type"] == "search_context_missing_exception"


def test_scroll_that_fails_holds_nothing_open(small_es):
    nested = {
        "a": {"nested": {"path": "evaluations"}, "aggs": {"b": {"terms": {"field": "evaluations.metric"}}}}
    }
    contexts = small_es.application.extensions["modeldex-es"].contexts
    engine = small_es.engine
    point = engine.point_in_time(keep_seconds=1)
    point.search = lambda _: (_ for _ in ()).throw(EngineUnavailable("x", "down"))
    engine.point_in_time = lambda **_: point
    assert small_es.post("/es/_search?scroll=1m", json={"aggs": nested}).status_code == 503
    assert contexts._held == {}


def test_point_that_cannot_be_closed_is_forgotten_all_the_same(small_es):
    engine = small_es.engine
    point = engine.point_in_time(keep_seconds=1)

    def unreachable():
        raise EngineUnavailable("elasticsearch", "it does not answer.")

    point.close = unreachable
    engine.point_in_time = lambda **_: point
    identifier = small_es.post("/es/models/_pit?keep_alive=1m").get_json()["id"]
    answer = small_es.delete("/es/_pit", json={"id": identifier})
    assert answer.get_json() == {"succeeded": True, "num_freed": 1}


def test_pretty_answers_are_for_people(small_es):
    assert small_es.get("/es/_count?pretty").text == (
        '{\n  "count": 25,\n  "_shards": {\n    "total": 1,\n    "successful": 1,\n    "skipped": 0,\n'
        '    "failed": 0\n  }\n}\n'
    )


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        (
            "application/vnd.elasticsearch+json; compatible-with=8",
            "application/vnd.elasticsearch+json;compatible-with=8",
        ),
        (
            "application/vnd.elasticsearch+json;compatible-with=9",
            "application/vnd.elasticsearch+json;compatible-with=9",
        ),
    ],
)
def test_answer_comes_in_the_clients_own_media_type(small_es, accept, content_type):
    headers = {"Accept": accept, "Content-Type": accept if "vnd" in accept else "application/json"}
    for answer in (
        small_es.get("/es/", headers={"Accept": accept}),
        small_es.post("/es/models/_search", data=b'{"size":1}', headers=headers),
        small_es.post("/es/users/_search", data=b"{}", headers=headers),
    ):
        assert answer.headers["Content-Type"] == content_type
        assert answer.headers["X-Elastic-Product"] == "Elasticsearch"


@pytest.mark.parametrize(
    ("accept", "status"),
    [("application/vnd.elasticsearch+json; compatible-with=6", 400), ("application/yaml", 406)],
)
def test_media_types_that_are_not_spoken_are_refused(small_es, accept, status):
    answer = small_es.get("/es/", headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.get_json()["error"]["type"] == "media_type_header_exception"


NINE = "application/vnd.elasticsearch+{}; compatible-with=9"


@pytest.mark.parametrize(
    ("method", "path", "kind", "data"),
    [
        ("GET", "/es/", None, None),
        ("POST", "/es/models/_search", "json", b'{"query":{"match_all":{}},"size":1}'),
        ("POST", "/es/models/_search?scroll=5m", "json", b'{"sort":"_doc","size":10}'),
        ("POST", "/es/models/_count", "json", b'{"query":{"exists":{"field":"task"}}}'),
        ("POST", "/es/_msearch", "x-ndjson", b'{"index":"models"}\n{"size":0}\n'),
        ("POST", "/es/models/_pit?keep_alive=1m", None, None),
        ("POST", "/es/models/_field_caps?fields=*", None, None),
        ("GET", "/es/models/_mapping", None, None),
        ("POST", "/es/_cat/count/models", None, None),
        ("HEAD", "/es/models", None, None),
    ],
)
def test_what_the_client_of_version_nine_sends_is_answered(small_es, method, path, kind, data):
    """The headers of elasticsearch-py 9.5, which needs Python packages that contradict those of 8.19."""
    headers = {"Accept": NINE.format("json"), "User-Agent": "elasticsearch-py/9.5.1"}
    headers |= {"Content-Type": NINE.format(kind)} if kind else {}
    answer = small_es.open(path, method=method, data=data, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/vnd.elasticsearch+json;compatible-with=9" or (
        "_cat" in path
    )
    assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
