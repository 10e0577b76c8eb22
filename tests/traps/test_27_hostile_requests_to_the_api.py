"""Whatever is refused at /es/ is refused by name, in Elasticsearch's shape, and nothing of it reaches an engine."""

from __future__ import annotations

import gzip
import json
import sys

import pytest
from fixtures.hostile_dsl import ALLOWED, REFUSED
from fixtures.refusals import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.dsl.body import MAX_BODY_BYTES

JSON = {"Content-Type": "application/json"}


def encoded(body):
    """JSON of any depth: Python's own encoder gives up where some of the bodies begin."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    try:
        return json.dumps(body)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(("body", "part"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("path", ["/es/models/_search", "/es/_search?scroll=1m"])
def test_hostile_body_is_refused_before_the_engine(untouched, path, body, part):
    answer = untouched.post(path, data=encoded(body), headers=JSON)
    reason = refused(answer, 400, "parsing_exception")
    assert reason.startswith(f"[{part}]") or (part == "the body" and reason.startswith("[body]"))
    assert untouched.engine.calls == []


OF_A_TEXT = "query_string"
"""What a person types into a panel of a dashboard: a mistake in it is told in its place, and leaves the others their answers."""


@pytest.mark.parametrize(
    "body",
    [pytest.param(body, id=name) for name, (body, part) in REFUSED.items() if part != OF_A_TEXT],
)
def test_one_hostile_search_of_many_stops_them_all(untouched, body):
    lines = "\n".join(encoded(line) for line in ({}, {"size": 1}, {}, body)) + "\n"
    answer = untouched.post("/es/_msearch", data=lines, headers={"Content-Type": "application/x-ndjson"})
    refused(answer, 400, "parsing_exception")
    assert untouched.engine.calls == []


PATHS = {
    "every index": ("GET", "/es/_all/_search", 400),
    "out of the door": ("GET", "/es/../_cluster/settings", 400),
    "out, encoded": ("GET", "/es/%2e%2e/_cluster/settings", 400),
    "out of the index": ("GET", "/es/models/../_cat/indices", 400),
    "encoded slashes": ("GET", "/es/models%2F..%2F_all%2F_search", 400),
    "encoded twice": ("GET", "/es/models%252f_search/_search", 404),
    "dot": ("GET", "/es/./_search", 400),
    "another index": ("GET", "/es/users/_search", 404),
    "another index beside": ("GET", "/es/models,users/_search", 404),
    "system index": ("GET", "/es/.security/_search", 400),
    "remote cluster": ("GET", "/es/other:models/_search", 400),
    "date math": ("GET", "/es/%3Cmodels-%7Bnow%2Fd%7D%3E/_search", 400),
    "exclusion": ("GET", "/es/*,-models/_search", 400),
    "upper case": ("GET", "/es/MODELS/_search", 400),
    "template": ("POST", "/es/_search/template", 400),
    "sql": ("POST", "/es/_sql", 400),
    "settings": ("GET", "/es/_cluster/settings", 400),
    "nodes": ("GET", "/es/_nodes", 400),
    "security": ("GET", "/es/_security/user", 400),
    "snapshots": ("GET", "/es/_snapshot", 403),
    "async search": ("POST", "/es/models/_async_search", 400),
    "knn": ("GET", "/es/models/_knn_search", 400),
    "explain": ("GET", "/es/models/_explain/1", 400),
    "deep": ("GET", "/es/" + "a/" * 500, 400),
    "newline": ("GET", "/es/models%0a/_search", 404),
    "null byte": ("GET", "/es/models%00/_search", 400),
    "lone surrogate": ("GET", "/es/models%ed%a0%80/_search", 404),
    "write": ("PUT", "/es/models/_doc/1", 403),
    "write without id": ("POST", "/es/models/_doc", 403),
    "update": ("POST", "/es/models/_update/1", 403),
    "bulk": ("POST", "/es/_bulk", 403),
    "delete": ("DELETE", "/es/models/_doc/1", 403),
    "delete the index": ("DELETE", "/es/models", 403),
    "create an index": ("PUT", "/es/users", 403),
    "delete by query": ("POST", "/es/models/_delete_by_query", 403),
    "reindex": ("POST", "/es/_reindex", 403),
    "mapping": ("PUT", "/es/models/_mapping", 403),
    "aliases": ("POST", "/es/_aliases", 403),
    "script": ("PUT", "/es/_scripts/x", 403),
    "pipelines, which are read": ("GET", "/es/_ingest/pipeline", 400),
    "templates, which are read": ("GET", "/es/_scripts/x", 400),
    "a cache, which a GET empties": ("GET", "/es/_cache/clear", 403),
    "refresh": ("POST", "/es/models/_refresh", 403),
    "search by delete": ("DELETE", "/es/models/_search", 403),
    "options": ("OPTIONS", "/es/models/_search", 405),
    "point by get": ("GET", "/es/models/_pit", 405),
}


@pytest.mark.parametrize(("method", "path", "status"), PATHS.values(), ids=PATHS)
def test_path_never_chooses_an_index_or_reaches_the_engine(untouched, method, path, status):
    answer = untouched.open(path, method=method, json={} if method == "POST" else None)
    refused(answer, status)
    assert untouched.engine.calls == []


def test_unknown_methods_are_answered_in_the_same_shape(untouched):
    assert refused(untouched.open("/es/_search", method="PROPFIND"), 405)


def test_double_slashes_lead_to_the_plain_path_at_most(untouched):
    assert untouched.get("/es//_all//_search").status_code in {308, 400}
    assert untouched.engine.calls == []


PARAMETERS = {
    "unknown": ("telepathy=1", "telepathy"),
    "lucene text": ("q=name:/x.*/", "query_string"),
    "name of a source, which no document has": ("q=-source:prod", "query_string"),
    "hostile body in the address": ('source={"script_fields":{"x":{"script":"1"}}}', "script_fields"),
    "body of another type in the address": (
        "source={}&source_content_type=application/yaml",
        "source_content_type",
    ),
    "no object in the address": ("source=[]", "source"),
    "explain": ("explain=true", "explain"),
    "size": ("size=100000", "size"),
    "size as text": ("size=many", "size"),
    "window": ("from=9999&size=100", "from"),
    "sort by script": ("sort=_script:asc", "_script"),
    "flag": ("track_scores=maybe", "track_scores"),
    "time": ("timeout=soon", "timeout"),
    "long scroll": ("scroll=2d", "keep_alive"),
    "scroll from": ("scroll=1m&from=1", "from"),
    "many filters": ("filter_path=" + ",".join(["a"] * 60), "filter_path"),
    "stored fields": ("stored_fields=x", "stored_fields"),
    "another format": ("format=smile", "format"),
    "suggest": ("suggest_text=x", "suggest_text"),
}


@pytest.mark.parametrize(("query", "part"), PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_are_refused_by_name(untouched, query, part):
    reason = refused(untouched.get(f"/es/models/_search?{query}"), 400)
    assert f"[{part}]" in reason
    assert untouched.engine.calls == []


BODIES = {
    "long": (b'{"a":"' + b"x" * MAX_BODY_BYTES + b'"}', {}, 413),
    "gzip bomb": (gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}, 400),
    "no gzip": (b"{}", {"Content-Encoding": "gzip"}, 400),
    "cut gzip": (gzip.compress(b'{"size": 1}' * 20)[:-6], {"Content-Encoding": "gzip"}, 400),
    "two gzips": (gzip.compress(b"{}") * 2, {"Content-Encoding": "gzip"}, 400),
    "brotli": (b"{}", {"Content-Encoding": "br"}, 415),
    "no JSON": (b"{", {}, 400),
    "deep": (b"[" * 30_000, {}, 400),
    "number too large": (b'{"size":' + b"9" * 5_000 + b"}", {}, 400),
    "form": (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 406),
    "CBOR": (b"\xa0", {"Content-Type": "application/cbor"}, 406),
    "too new a client": (
        b"{}",
        {"Content-Type": "application/vnd.elasticsearch+json; compatible-with=12"},
        400,
    ),
}


@pytest.mark.parametrize(("data", "headers", "status"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["/es/models/_search", "/es/_count", "/es/_msearch", "/es/_mget"])
def test_body_is_refused_before_it_is_understood(untouched, path, data, headers, status):
    refused(untouched.post(path, data=data, headers=JSON | headers), status)
    assert untouched.engine.calls == []


def test_eleven_searches_are_one_too_many(untouched):
    lines = b"{}\n{}\n" * 11
    answer = untouched.post("/es/_msearch", data=lines, headers=JSON)
    assert "at most 10" in refused(answer, 400)


@pytest.mark.parametrize("body", ALLOWED.values(), ids=ALLOWED)
def test_legitimate_requests_pass(small_es, body):
    answer = small_es.post("/es/models/_search", json=body)
    assert answer.status_code == 200
    assert not answer.get_json()["timed_out"]


NAMES = st.one_of(
    st.sampled_from(
        [
            "models",
            "_all",
            "*",
            "_search",
            "_doc",
            "_pit",
            "scroll",
            "_cat",
            "count",
            "..",
            "_msearch",
            "users",
        ]
    ),
    st.text(max_size=12),
)


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(NAMES, max_size=5),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]),
    body=st.one_of(
        st.none(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["query", "ids", "docs", "fields", "id", "scroll_id", "size", "term", "aggs"]
                    ),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=12,
        ),
    ),
)
def test_no_request_is_answered_with_a_failure_of_ours(names, method, body, hypothesis_es):
    from urllib.parse import quote

    path = "/es/" + "/".join(quote(name.encode("utf-8", "replace"), safe="") for name in names)
    answer = hypothesis_es.open(path, method=method, json=body)
    assert answer.status_code < 500


@pytest.fixture(scope="module")
def hypothesis_es(tmp_path_factory):
    """One small catalog for all the examples, without a rate limit."""
    from fixtures.es_door import app_over, filled, memory_pair

    from catalog.settings import Settings
    from catalog.testing.documents import documents

    writer, engine = memory_pair()
    filled(writer, list(documents(10)))
    app = app_over(engine, Settings(home=tmp_path_factory.mktemp("es"), api_requests_per_minute=10**9))
    yield app.test_client()
    app.extensions["modeldex-es"].close()
