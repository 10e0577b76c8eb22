"""The cache of answers against a real Redis: the same answers as without it, whatever happens to it or stands in it."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from fixtures.a_server import running
from fixtures.patience import PATIENCE_SECONDS, wait_until, within
from fixtures.ports import free_port
from fixtures.shelf import MemoryStore, model_documents
from fixtures.web import crawl_runs, index_of
from prometheus_client import CollectorRegistry

from catalog.access.catalog import Catalogs
from catalog.access.principals import OWNER, Principal
from catalog.access.scopes import scope_of_text
from catalog.errors import UserError
from catalog.search.engine import IndexAction
from catalog.settings import Settings
from indexer.engines.memory import MemoryEngine, MemoryWriter
from indexer.engines.memory.matching import satisfies
from webui.app import create_app
from webui.caching import remembering
from webui.caching.answers import Answer, AnswerCache, ShelfFault
from webui.contracts import Services

SECRET = "sixteen or more characters"
SEARCH = "/?q=accuracy+%3E+0.5"
ADDRESSES = (SEARCH, "/api/search?q=bert", "/?q=nothing-has-this-name", "/compare?ids=")
FORGED = b"<script>alert('from the cache')</script>"
TOOK = re.compile(rb'"took_ms":\d+|<span>\d+ ms')


class Web:
    """The application over a small catalog, and what its metrics say of the cache."""

    def __init__(self, home, url, *, index=None, principal=None, **given):
        self.rows = model_documents()
        self.index = index or index_of(self.rows)
        self.principal = principal or OWNER
        store = MemoryStore(self.rows, crawl_runs())
        catalogs = Catalogs(MemoryEngine(self.index), lambda: store, lambda: satisfies)
        services = Services(catalogs=catalogs, principal=lambda: self.principal)
        cache = {"cache_url": url, "cache_secret": SECRET, "cache_timeout_seconds": 1.0} if url else {}
        self.app = create_app(Settings(home=home, **{**cache, **given}), services)
        self.client = self.app.test_client()

    def get(self, address):
        answer = self.client.get(address)
        return answer.status_code, TOOK.sub(b"", answer.data)

    def count(self, name, outcome):
        registry = self.app.extensions["modeldex-request-metrics"]
        return registry.get_sample_value(f"modeldex_cache_{name}_total", {"outcome": outcome}) or 0

    def outcomes(self, name="reads"):
        names = ("hit", "miss", "refused", "failed", "resting", "kept", "too_long")
        return {outcome: n for outcome in names if (n := self.count(name, outcome))}

    def close(self):
        remembering.close(self.app)


@pytest.fixture
def web_of(tmp_path):
    with contextlib.ExitStack() as stack:

        def make(url="", **given):
            web = Web(tmp_path, url, **given)
            stack.callback(web.close)
            return web

        yield make


@pytest.fixture
def keys_of(redis_server):
    def keys():
        with redis_server.client() as client:
            return {key: client.get(key) for key in client.keys("modeldex:*")}

    return keys


def test_answers_are_the_same_with_and_without_and_another_process_finds_them(web_of, redis_server):
    plain, first, second = web_of(), web_of(redis_server.url), web_of(redis_server.url)
    expected = {address: plain.get(address) for address in (*ADDRESSES, f"/models/{plain.rows[0]['id']}")}
    assert {address: first.get(address) for address in expected} == expected
    assert first.outcomes() == {"miss": len(expected)}
    second.index = first.index
    assert {address: second.get(address) for address in expected} == expected
    assert second.outcomes() == {"hit": len(expected)}


def test_an_answer_from_the_cache_has_the_headers_of_one_that_was_made(web_of, redis_server):
    web = web_of(redis_server.url)
    first, second = web.client.get(SEARCH), web.client.get(SEARCH)
    assert web.outcomes() == {"miss": 1, "hit": 1}
    assert dict(second.headers) == dict(first.headers)
    again = web.client.get(SEARCH, headers={"If-None-Match": second.headers["ETag"]})
    assert again.status_code == 304
    assert web.client.head(SEARCH).headers["Content-Length"] == first.headers["Content-Length"]


def test_a_change_of_the_index_ends_all_that_was_kept(web_of, redis_server):
    web = web_of(redis_server.url)
    assert "fresh-arrival" not in web.client.get(SEARCH).text
    row = {**web.rows[0], "id": "f" * 64, "name": "fresh-arrival"}
    MemoryWriter(web.index).write([IndexAction(id=row["id"], revision=1, document=row)])
    assert "fresh-arrival" in web.client.get(SEARCH).text
    assert web.outcomes() == {"miss": 2}


def test_what_is_made_while_the_index_changes_is_not_kept(web_of, keys_of, redis_server, monkeypatch):
    web = web_of(redis_server.url)
    row = {**web.rows[0], "id": "f" * 64, "name": "fresh-arrival"}
    real = Catalogs.of

    def of(self, principal=OWNER):
        catalog = real(self, principal)
        page = catalog.page

        def changed(state, parts):
            MemoryWriter(web.index).write([IndexAction(id=row["id"], revision=1, document=row)])
            return page(state, parts)

        catalog.page = changed
        return catalog

    monkeypatch.setattr(Catalogs, "of", of)
    assert web.client.get(SEARCH).status_code == 200
    assert keys_of() == {}


def test_no_reader_is_given_what_another_may_see(web_of, redis_server):
    """Owner, a scope, another scope, and two users of one scope with other names: five answers, and only one's own again."""
    web = web_of(redis_server.url)
    readers = [OWNER]
    for name, text in (
        ("vera", "framework:onnx"),
        ("will", "framework:pytorch"),
        ("xenia", "framework:onnx"),
    ):
        readers.append(Principal(id=name, name=name, scope=scope_of_text(text)))
    bodies = {}
    for reader in readers:
        web.principal = reader
        bodies[reader.id] = web.get(SEARCH)
    assert web.outcomes() == {"miss": len(readers)}
    assert len(set(bodies.values())) == len(readers)
    for reader in reversed(readers):
        web.principal = reader
        assert web.get(SEARCH) == bodies[reader.id]
    assert web.outcomes() == {"miss": len(readers), "hit": len(readers)}


def test_a_lenient_answer_does_not_open_the_gate_for_a_strict_question(web_of, redis_server):
    web = web_of(redis_server.url)
    question = "/api/search?q=accuracy%3Enonsense"
    assert web.client.get(f"{question}&lenient=true").status_code == 200
    assert web.client.get(question).status_code == 400
    assert web.client.get(question).status_code == 400
    assert web.outcomes("writes") == {"kept": 1}


QUESTION = {
    "query": {"range": {"metrics.accuracy": {"gt": 0.5}}},
    "aggs": {"t": {"terms": {"field": "task"}}},
}


def test_a_search_of_a_program_is_answered_from_the_cache_for_the_same_question_and_reader(
    web_of, redis_server
):
    def ask(web, **parts):
        answer = web.client.post("/es/models/_search", json={**QUESTION, **parts})
        return answer.status_code, {name: value for name, value in answer.json.items() if name != "took"}

    plain, web = web_of(), web_of(redis_server.url)
    assert [ask(web), ask(web)] == [ask(plain)] * 2
    assert web.outcomes() == {"miss": 1, "hit": 1}
    assert ask(web, size=1) == ask(plain, size=1)
    web.principal = plain.principal = Principal(id="vera", name="vera", scope=scope_of_text("framework:onnx"))
    assert ask(web) == ask(plain)
    row = {**web.rows[0], "id": "f" * 64}
    MemoryWriter(web.index).write([IndexAction(id=row["id"], revision=1, document=row)])
    web.principal = OWNER
    assert ask(web)[1]["hits"]["total"]["value"] == ask(web_of(index=web.index))[1]["hits"]["total"]["value"]
    assert web.outcomes() == {"miss": 4, "hit": 1}
    assert ask(web, size="many")[0] == 400


def _flipped(value, other):
    return value[:40] + bytes([value[40] ^ 1]) + value[41:]


LIES = {
    "html": lambda value, other: FORGED,
    "html_behind_a_seal": lambda value, other: value[:41] + FORGED,
    "of_another_key": lambda value, other: other,
    "one_bit": _flipped,
    "cut_off": lambda value, other: value[:-1],
    "seal_alone": lambda value, other: value[:32],
    "empty": lambda value, other: b"",
    "endless": lambda value, other: value + b"x" * 20_000_000,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_value_that_is_not_ours_is_a_miss(web_of, keys_of, redis_server, lie):
    web = web_of(redis_server.url)
    expected = web.get(SEARCH)
    ((key, value),) = keys_of().items()
    web.get("/?q=bert")
    (other,) = [body for name, body in keys_of().items() if name != key]
    with redis_server.client() as client:
        client.set(key, LIES[lie](value, other))
    assert web.get(SEARCH) == expected
    assert FORGED not in web.client.get(SEARCH).data
    assert web.count("reads", "refused") == (lie != "empty")
    assert web.count("reads", "hit") == 1  # the lie was written over


def test_another_secret_or_catalog_reads_nothing_of_ours(web_of, redis_server, tmp_path):
    web_of(redis_server.url).get(SEARCH)
    other = web_of(redis_server.url, cache_secret="another secret of some length")
    elsewhere = web_of(redis_server.url, database_url=f"sqlite:///{tmp_path}/other.sqlite3")
    for web in (other, elsewhere):
        web.get(SEARCH)
        assert web.outcomes() == {"miss": 1}


def test_an_old_value_put_back_does_not_count(web_of, redis_server):
    web = web_of(redis_server.url)
    cache = web.app.extensions["modeldex-cache"]
    now = time.time()
    cache._clock = lambda: now
    cache.put("state", Answer(media_type="text/html", body=b"old", tag="1"))
    assert cache.get("state") is not None
    cache._clock = lambda: now + 301
    assert cache.get("state") is None
    cache._clock = lambda: now - 3600
    assert cache.get("state") is None  # from a clock that runs an hour ahead
    assert web.outcomes() == {"hit": 1, "refused": 2}


def test_keys_of_somebody_else_cost_an_answer_nothing(web_of, keys_of, redis_server, caplog):
    """Another program's list under our key: Redis refuses the command, and the rest of the cache is used."""
    web = web_of(redis_server.url)
    expected = web.get(SEARCH)
    with redis_server.client() as client:
        for key in keys_of():
            client.delete(key)
            client.rpush(key, "theirs")
    assert web.get(SEARCH) == expected
    assert web.count("reads", "failed") == 1
    assert web.get("/?q=bert") == web.get("/?q=bert")
    assert web.count("reads", "hit") == 1
    assert not caplog.records


def test_a_full_cache_is_read_and_not_written(web_of, redis_server, caplog):
    web = web_of(redis_server.url)
    expected = web.get(SEARCH)
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
    assert web.get(SEARCH) == expected
    assert web.client.get("/?q=bert").status_code == 200
    assert web.outcomes() == {"miss": 2, "hit": 1}
    assert web.outcomes("writes") == {"kept": 1, "failed": 1}
    assert not caplog.records


def test_a_long_answer_is_not_kept(web_of, keys_of, redis_server):
    web = web_of(redis_server.url, cache_value_bytes=1024)
    assert web.client.get(SEARCH).status_code == 200
    assert keys_of() == {}
    assert web.outcomes("writes") == {"too_long": 1}


@contextlib.contextmanager
def listener(serve):
    """The address of a server that does to each connection what `serve` says."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def accept():
            with contextlib.suppress(OSError):
                while not over.is_set():
                    connection, _ = server.accept()
                    threading.Thread(target=serve, args=(connection, over), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)


def _silent(connection, over):
    with connection:
        over.wait(PATIENCE_SECONDS)


def _dripping(connection, over):
    """A byte now and then of a value that never ends: each wait by itself is short."""
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"$1000000\r\n")
        while not over.wait(0.02):
            connection.sendall(b"x")


def _babbling(connection, over):
    with connection, contextlib.suppress(OSError):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + FORGED)


def _closing(connection, over):
    connection.close()


FAULTS = {
    "silent": (_silent, "it did not answer in time"),
    "dripping": (_dripping, "it did not answer in time"),
    "no_redis": (_babbling, "it does not answer as Redis does"),
    "closing": (_closing, "it cannot be reached"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_cache_that_does_not_answer_costs_one_short_wait_and_one_sentence(web_of, caplog, fault):
    serve, sentence = FAULTS[fault]
    with listener(serve) as url:
        web = web_of(url, cache_timeout_seconds=0.2)
        cache = web.app.extensions["modeldex-cache"]
        with within(15):  # 0.2 s, and what a busy machine adds; the values that drip would take hours
            assert cache.get("state") is None
        assert [cache.get("state") for _ in range(100)] == [None] * 100
        assert web.outcomes() == {"failed": 1, "resting": 100}
        assert web.get(SEARCH) == web_of().get(SEARCH)
    assert {record.getMessage() for record in caplog.records} == {
        f"the cache of answers is not used for now: {sentence}"
    }
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda url: url.replace("open%20sesame", "guess"), "it does not take our user name and password"),
        (lambda url: url.replace(":open%20sesame@", ""), "it does not take our user name and password"),
        (lambda url: f"redis://127.0.0.1:{free_port()}/0", "it cannot be reached"),
    ],
    ids=["wrong_password", "no_password", "nobody_there"],
)
def test_a_cache_that_cannot_be_used_is_told_once_without_its_password(
    web_of, redis_server, caplog, change, sentence
):
    web = web_of(change(redis_server.url))
    assert web.get(SEARCH) == web_of().get(SEARCH)
    web.get(SEARCH)
    assert [record.getMessage() for record in caplog.records] == [
        f"the cache of answers is not used for now: {sentence}"
    ]


def test_redis_killed_under_load_changes_no_answer_and_is_used_again_when_it_is_back(
    web_of, redis_server, caplog
):
    web, expected = web_of(redis_server.url, cache_timeout_seconds=5.0), web_of().get(SEARCH)
    under_way, killed, number = threading.Event(), threading.Event(), 24

    def ask(place):
        if place == number // 3:
            under_way.set()
        if place >= number // 2:
            killed.wait(PATIENCE_SECONDS)
        with urllib.request.urlopen(f"{url}{SEARCH}", timeout=PATIENCE_SECONDS) as answer:
            return answer.status, TOOK.sub(b"", answer.read().replace(url.encode(), b"http://localhost"))

    with running(web.app, threads=4) as url, ThreadPoolExecutor(4) as pool:
        assert ask(-1) == expected
        answers = pool.map(ask, range(number))
        assert under_way.wait(PATIENCE_SECONDS)
        redis_server.kill()
        killed.set()
        assert set(answers) == {expected}
        assert web.count("reads", "hit") > 0
        assert web.count("reads", "failed") > 0
        redis_server.start()
        hits = web.count("reads", "hit")

        def is_used_again():
            assert ask(-1) == expected
            return web.count("reads", "hit") > hits

        wait_until(is_used_again, pause_seconds=0.2)  # it rests for seconds
    sentences = [record.getMessage() for record in caplog.records if record.name.startswith("webui")]
    assert sentences == [
        "the cache of answers is not used for now: it cannot be reached",
        "the cache of answers is used again",
    ]


class Gone:
    """A shelf that is gone while the first answer that was asked of it is still on its way."""

    def __init__(self):
        self.asked, self.gone = threading.Event(), threading.Event()

    def get(self, _key, _most_bytes):
        if self.asked.is_set():
            raise ShelfFault("it cannot be reached")
        self.asked.set()
        assert self.gone.wait(PATIENCE_SECONDS)
        return b""


def test_an_answer_that_was_on_its_way_when_the_cache_went_does_not_say_that_it_is_back(caplog):
    """Under load the log said that the cache is used again, a moment after it was killed."""
    shelf = Gone()
    cache = AnswerCache(
        shelf,
        secret=SECRET,
        catalog="ours",
        keep_seconds=60,
        value_bytes=1000,
        registry=CollectorRegistry(),
    )
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(cache.get, "a search")
        assert shelf.asked.wait(PATIENCE_SECONDS)
        assert cache.get("another search") is None
        shelf.gone.set()
        assert early.result() is None
    assert cache.get("a third search") is None
    assert [record.getMessage() for record in caplog.records] == [
        "the cache of answers is not used for now: it cannot be reached"
    ]


def test_metrics_tell_who_sees_everything_how_often_the_cache_helped(web_of, redis_server):
    web = web_of(redis_server.url)
    web.get(SEARCH)
    web.get(SEARCH)
    text = web.client.get("/metrics").text
    assert 'modeldex_cache_reads_total{outcome="hit"} 1.0' in text
    assert 'modeldex_cache_reads_total{outcome="miss"} 1.0' in text
    assert "modeldex_cache_read_seconds_count 2.0" in text
    web.principal = Principal(id="vera", name="vera", scope=scope_of_text("framework:onnx"))
    assert "modeldex_cache" not in web.client.get("/metrics").text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cache_url": "http://127.0.0.1/"}, "must begin with redis://"),
        ({"cache_url": "redis://127.0.0.1:6379/0"}, "needs cache.secret"),
        ({"cache_url": "redis://127.0.0.1:6379/0", "cache_secret": "short"}, "16 characters"),
        ({"cache_url": "redis://127.0.0.1:no/0", "cache_secret": SECRET}, "no address of a Redis"),
    ],
    ids=["scheme", "no_secret", "short_secret", "port"],
)
def test_settings_that_cannot_work_are_refused_at_the_start(web_of, given, words):
    with pytest.raises(UserError, match=words):
        web_of("", **given)


def test_without_redis_py_the_extra_is_named(web_of, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(UserError) as refused:
        web_of("redis://127.0.0.1:6379/0")
    assert "modeldex[redis]" in json.dumps([str(refused.value), refused.value.advice])
