"""Whatever a reader asks, by page, `/api`, `/es/` or command line: a model outside their scope was never there.

Hidden models carry a word that nothing else has in every field, values that nothing else has, and there are as many of
them as of nothing else. None of it may stand in any body or header.
"""

from __future__ import annotations

import io
import json
import re
from contextlib import closing, contextmanager

import pyarrow.parquet
import pytest
from click.testing import CliRunner

from catalog import plugins
from catalog.access.catalog import Catalogs
from catalog.access.principals import OWNER, READER, Principal
from catalog.cli import cli
from catalog.query.nodes import Term, Terms
from catalog.records import ModelRecord, RunState, SourceId, model_id
from catalog.settings import Settings
from catalog.store import INDEX, open_store
from catalog.store.records import RecordChange
from indexer.engines import open_engine, open_writer
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from indexer.engines.memory.matching import satisfies
from webui.contracts import Services
from webui.es.routing import ENDPOINTS

SOURCE, SECRET_SOURCE = SourceId("file:///open"), SourceId("file:///zqxhidden")
MARK = "zqxhidden"
HIDDEN, VISIBLE = 131, 4
TIMES = re.compile(r'"took(?:_ms)?":\d+|\d+ ms')
"""Any number may be how long an answer took."""
LEAKS = re.compile(
    rf"{MARK}|\b(?:{HIDDEN}|{HIDDEN + VISIBLE}|0\.98765\d*|98[.,]77?|987[,.]?654[,.]?321)\b", re.IGNORECASE
)
SCOPES = {
    "by source": Term("source", SOURCE),
    "by tag": Terms("tags", ("shared", "common")),
}


def visible_document(path):
    return {
        "name": f"net-{path}",
        "description": "a small net for reviews",
        "task": "text-classification",
        "framework": "pytorch",
        "license": "mit",
        "tags": ["shared"],
        "owner": "us",
        "metrics": {"accuracy": 0.5},
        "metric_names": ["accuracy"],
        "parameters": 1_000,
        "best_date": "2024-01-01T00:00:00Z",
        "source": SOURCE,
    }


def hidden_document(path):
    return {
        "name": f"{MARK}-{path}",
        "title": f"{MARK} title",
        "version": f"{MARK}.1",
        "description": f"a small net for {MARK} reviews",
        "all_text": f"{MARK} card",
        "task": f"{MARK}-task",
        "framework": f"{MARK}-framework",
        "library": f"{MARK}-library",
        "license": f"{MARK}-license",
        "architecture": f"{MARK}-architecture",
        "model_type": f"{MARK}-type",
        "tags": [MARK],
        "language": [MARK],
        "owner": MARK,
        "datasets": [f"{MARK}-data"],
        "base_model": [{"id": f"{MARK}/base"}],
        "hyperparameters": {MARK: 1},
        "extra": {MARK: MARK},
        "metrics": {"accuracy": 0.987654321, f"{MARK}_score": 0.987654321},
        "metric_names": ["accuracy", f"{MARK}_score"],
        "evaluations": [
            {"metric": "accuracy", "value": 0.987654321, "dataset": f"{MARK}-data", "raw_name": MARK}
        ],
        "parameters": 987_654_321,
        "size_bytes": 987_654_321,
        "best_date": "2025-06-07T00:00:00Z",
        "source": SECRET_SOURCE,
    }


def change(path, document, source, fingerprint=None):
    identifier = model_id(source, path)
    uri = f"{source}/{path}"
    document = {"id": identifier, "path": path, "uri": uri, "status": "ok", "locations": [uri], **document}
    record = ModelRecord(id=identifier, source=source, group_key=path, document=document, file_keys=(path,))
    return RecordChange(record=record, signature="", fingerprint=fingerprint, moved_from=None)


ALIKE, ALONE, MOVED = (model_id(SOURCE, path) for path in ("a", "b", "m"))
HIDDEN_COPY, HIDDEN_PLAIN = model_id(SECRET_SOURCE, f"{MARK}/0"), model_id(SECRET_SOURCE, f"{MARK}/1")


def fill(store):
    """Two visible models with copies (one has a hidden one only), one that moved out of sight, one alone; the hidden ones."""
    changes = [
        change("a", visible_document("a"), SOURCE, "f-a"),
        change("b", visible_document("b"), SOURCE),
        change("c", visible_document("c"), SOURCE),
        change("m", visible_document("m"), SOURCE),
    ]
    changes += [
        change(f"{MARK}/{number}", hidden_document(number), SECRET_SOURCE, "f-a" if number == 0 else None)
        for number in range(HIDDEN)
    ]
    with store.lease("writer") as lease:
        run = store.runs.start(SECRET_SOURCE, str(SECRET_SOURCE), lease)
        store.records.commit(changes, lease=lease)
        store.records.mark({MOVED: "missing"}, lease=lease, run=run.id, moved={MOVED: HIDDEN_PLAIN})
        store.runs.finish(run, RunState.PARTIAL, {"new": HIDDEN}, [f"{MARK}/x: permission denied"])


SHARED = MemoryIndex()
"""What the exact engine reads where the command line opens it by name."""


def open_memory(_settings):
    return MemoryEngine(SHARED)


@pytest.fixture(scope="module", params=["memory", "tantivy"])
def settings(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(plugins.ENGINES, "memory", f"{__name__}:open_memory")
        settings = Settings(home=tmp_path_factory.mktemp("hidden"), engine=request.param)
        SHARED.items.clear()
        SHARED.revisions.clear()
        with open_store(settings, write=True) as store:
            fill(store)
            actions, _ = store.consumer(INDEX).snapshot()
            writer = MemoryWriter(SHARED) if request.param == "memory" else open_writer(settings)
            with closing(writer):
                outcome = writer.write(list(actions))
                assert (len(outcome.done), outcome.rejected) == (HIDDEN + VISIBLE, {})
                writer.refresh()
        yield settings


@pytest.fixture(params=SCOPES.values(), ids=SCOPES)
def reader(request):
    return Principal(id="ada", name="Ada", scope=request.param)


class Crawling:
    """A crawl that the server started, of hidden things."""

    def status(self):
        from webui.contracts import CrawlStatus

        return CrawlStatus(path=f"/{MARK}", running=True, line=MARK, exit_code=None, outcome="Crawling")


@contextmanager
def serving(settings, principal):
    from webui.app import create_app

    with open_store(settings, write=False) as store, closing(open_engine(settings)) as engine:
        catalogs = Catalogs(engine, lambda: store, lambda: satisfies)
        app = create_app(settings, Services(catalogs=catalogs, crawl=Crawling(), principal=lambda: principal))
        yield app
        app.extensions["modeldex-es"].close()


TEXTS = (
    "",
    "net",
    MARK,
    "reviews",
    "accuracy > 0.9",
    "accuracy > 0.99",
    f"{MARK}_score > 0.5",
    f"task:{MARK}-task",
    "is:duplicate",
    "has:duplicate_group",
    "params:>100M",
    "zqxhiden",  # one letter beside it: "did you mean" knows what the reader may see
    "framework:zqxhiden-framework",
    "nothingatall",
    "sort:-accuracy",
    f"name:{MARK}*",
    f"owner:{MARK} OR net",
)
SCREENS = {
    "/": [{"q": text} for text in TEXTS]
    + [
        {"tags": MARK},
        {"source": str(SECRET_SOURCE)},
        {"sort": f"{MARK}_score"},
        {"page": "99"},
        {"per_page": "1"},
    ],
    "/models/<model_id>": [
        ALIKE,
        ALONE,
        MOVED,
        HIDDEN_COPY,
        HIDDEN_PLAIN,
        HIDDEN_PLAIN[:8],
        MARK,
        f"{MARK}-1",
    ],
    "/values/<field>": [
        "task",
        "tags",
        "locations",
        "duplicate_group",
        "flags",
        "metric_names",
        "source",
        "name",
    ],
    "/runs": [{}],
    "/sign-in": [{}],
    "/sign-in/openid": [{}],
    "/sign-in/openid/return": [{}],
    "/sign-out": [{}],
    "/account": [{}],
    "/account/tokens": [{}],
    "/account/tokens/<token_id>/revoke": ["1"],
    "/account/password": [{}],
    "/audit": [{}, {"before": "99"}],
    "/api/v1/audit": [{}, {"limit": "9"}],
    "/edit": [{"q": text, "field": "license", "value": "mit"} for text in ("net", MARK, "has:name")],
    "/edits/<batch>": ["1"],
    "/edits/<batch>/undo": ["1"],
    "/api/v1/models": [{}],
    "/api/v1/edits": [{}],
    "/api/v1/edits/<batch>/undo": ["1"],
    "/help": [{}],
    "/favicon.ico": [{}],
    "/health": [{}],
    "/health/crawl": [{}],
    "/health/accept": [{}],
    "/healthz": [{}],
    "/readyz": [{}],
    "/metrics": [{}],
    "/api/v1/sources": [{}],
    "/api/v1/runs": [{}],
    "/api/v1/runs/<run_id>/accept": ["1"],
    "/api/v1/events": [{}],
    "/api/v1/events/mlflow/<source>": ["mlflow"],
    "/retention": [{}],
    "/retention/<plan_id>": ["1"],
    "/api/v1/retention": [{}],
    "/api/v1/retention/<plan_id>": ["1"],
    "/tables/<name>": ["sales.orders", MARK],
    "/api/v1/tables": [{}],
    "/api/v1/tables/<name>": ["sales.orders", MARK],
    "/users": [{}],
    "/users/<name>/disabled": ["ada"],
    "/users/<name>/grants": ["ada"],
    "/users/<name>/grants/<number>/withdraw": ["1"],
    "/users/<name>/tokens/<token_id>/revoke": ["1"],
    "/compare": [{"ids": f"{ALIKE},{HIDDEN_PLAIN}"}, {"ids": f"{HIDDEN_PLAIN},{HIDDEN_COPY}"}],
    "/saved": [{}],
    "/saved/<search_id>": ["1"],
    "/saved/<search_id>/feed.atom": ["1"],
    "/saved/<search_id>/feed.json": ["1"],
    "/static/<path:filename>": ["modeldex.css"],
    "/api/suggest": [
        {"q": text} for text in ("zq", "acc", "has:zq", "task:", f"owner:{MARK[:3]}", "tags:", "source:")
    ],
    "/api/models": [{"ids": f"{ALIKE},{MOVED},{HIDDEN_COPY},{HIDDEN_PLAIN}"}],
}
SCREENS["/api/search"] = SCREENS["/api/export.ndjson"] = SCREENS["/api/export.csv"] = SCREENS["/"]
SCREENS["/api/export.parquet"] = SCREENS["/"]
SCREENS["/api/models/<model_id>"] = SCREENS["/models/<model_id>"]
for _below in ("edit", "history", "restore"):
    SCREENS[f"/models/<model_id>/{_below}"] = SCREENS["/models/<model_id>"]
for _below in ("", "/history", "/diff", "/restore", "/lineage"):
    SCREENS[f"/api/v1/models/<model_id>{_below}"] = SCREENS["/models/<model_id>"]
for _below in ("cyclonedx.json", "card.md"):
    SCREENS[f"/api/models/<model_id>/{_below}"] = SCREENS["/models/<model_id>"]
SCREENS["/api/facets/<field>"] = SCREENS["/values/<field>"]
SCREENS["/api/runs"] = SCREENS["/runs"]
for _name in ("search", "export.ndjson", "export.csv", "export.parquet", "facets/<field>", "suggest"):
    SCREENS[f"/api/v1/{_name}"] = SCREENS[f"/api/{_name}"]
SCREENS["/api/v1/compare"] = SCREENS["/compare"]
SCREENS["/api/v1/openapi.json"] = [{}]
EVERY_FIELD = [
    "name", "task", "framework", "license", "tags", "owner", "source", "uri", "path", "locations", "flags",
    "duplicate_group", "metric_names", "datasets", "id", f"extra.{MARK}", f"metrics.{MARK}_score", "parameters",
]  # fmt: skip
BODIES = [
    {"size": 100},
    {"size": 100, "query": {"match_all": {}}, "sort": [{"parameters": "desc"}]},
    {"size": 0, "aggs": {field: {"terms": {"field": field, "size": 200}} for field in EVERY_FIELD}},
    {
        "size": 0,
        "aggs": {
            "s": {"extended_stats": {"field": "parameters"}},
            "a": {"max": {"field": "metrics.accuracy"}},
        },
    },
    {
        "size": 0,
        "aggs": {"f": {"filters": {"filters": {"a": {"match_all": {}}, "b": {"term": {"owner": MARK[:3]}}}}}},
    },
    {
        "size": 0,
        "aggs": {"m": {"missing": {"field": "duplicate_group"}}, "v": {"value_count": {"field": "uri"}}},
    },
    {"query": {"prefix": {"locations": str(SECRET_SOURCE)[:9]}}, "post_filter": {"exists": {"field": "uri"}}},
    {"query": {"ids": {"values": [HIDDEN_PLAIN, ALIKE]}}},
    {"query": {"exists": {"field": "extra.moved_to"}}, "highlight": {"fields": {"name": {}}}},
]
NEEDLE = {"query": {"terms": {"id": [HIDDEN_PLAIN, HIDDEN_COPY]}}}


def screens(app):
    """Every address of the application but /es/, each asked in several ways."""
    rules = {rule.rule for rule in app.url_map.iter_rules() if not rule.rule.startswith("/es")}
    assert rules == set(SCREENS), "a new address needs its line here"
    for rule, ways in SCREENS.items():
        for way in ways:
            if isinstance(way, dict):
                yield rule, way
            else:
                yield re.sub(r"<[^>]*>", way, rule), {}
    for name in ("task", "owner"):
        yield f"/values/{name}", {"prefix": MARK[:2]}
        yield f"/api/facets/{name}", {"prefix": MARK[:2]}


def text_of(answer):
    """What an answer says; of a Parquet file its rows."""
    if "parquet" not in answer.content_type:
        return answer.get_data(as_text=True)
    return str(pyarrow.parquet.read_table(io.BytesIO(answer.get_data())).to_pylist())


def leaks(answer, asked=""):
    """What of the hidden models an answer tells, but what the question said itself."""
    # The length of an answer may happen to be any of the numbers that are looked for.
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers if name != "Content-Length")
    told = f"{TIMES.sub('', text_of(answer))}\n{headers}"
    return {found.group().casefold() for found in LEAKS.finditer(told)} - {
        found.group().casefold() for found in LEAKS.finditer(asked)
    }


def own(question):
    """What a question says: it comes back in the box, in chips and links, and tells nothing."""
    return json.dumps(question, default=str)


def test_no_page_and_no_answer_tells_of_hidden_models(settings, reader):
    with serving(settings, reader) as app:
        client = app.test_client()
        told = {}
        for address, query in screens(app):
            answer = client.get(address, query_string=query, follow_redirects=True, buffered=True)
            found = leaks(answer, own((address, query)))
            if found:
                told[address, own(query)] = found
        assert told == {}


def test_a_question_that_names_a_hidden_model_is_answered_as_one_that_names_none(settings, reader):
    """The word of the question comes back; the rest of the answer is that of a word that no model has."""
    with serving(settings, reader) as app:
        client = app.test_client()
        for template in ("{}", "name:{}*", "owner:{}", "tags:{}", "net OR {}", "{}_score > 0.5", "{}-1"):
            answers = [
                client.get("/api/search", query_string={"q": template.format(word)}).get_data(as_text=True)
                for word in (MARK, "zqxnobody")
            ]
            same = [
                re.sub(r'"took_ms":\d+', "", one.replace(MARK, "*").replace("zqxnobody", "*"))
                for one in answers
            ]
            assert same[0] == same[1], template
        for address in ("/models/{}", "/api/models/{}", "/es/models/_doc/{}", "/es/models/_source/{}"):
            answers = [client.get(address.format(one)) for one in (HIDDEN_PLAIN, "f" * 64)]
            bodies = [answer.text.replace(HIDDEN_PLAIN, "*").replace("f" * 64, "*") for answer in answers]
            assert answers[0].status_code == answers[1].status_code == 404
            assert bodies[0] == bodies[1]


def es_requests():
    """(endpoint, method, path, body): every endpoint of /es/."""
    yield "/", "GET", "/es/", None
    yield "", "GET", "/es/models", None
    for body in (*BODIES, NEEDLE):
        yield "_search", "POST", "/es/models/_search", body
    for body in (NEEDLE, {}):
        yield "_count", "POST", "/es/models/_count", body
    lines = "".join(f"{{}}\n{json.dumps(body)}\n" for body in BODIES)
    yield "_msearch", "POST", "/es/models/_msearch", lines
    yield "_mget", "POST", "/es/models/_mget", {"ids": [HIDDEN_PLAIN, HIDDEN_COPY, ALIKE, MOVED]}
    for model in (HIDDEN_PLAIN, ALIKE, MOVED):
        yield "_doc", "GET", f"/es/models/_doc/{model}", None
        yield "_source", "GET", f"/es/models/_source/{model}", None
    yield "_mapping", "GET", "/es/models/_mapping", None
    yield "_settings", "GET", "/es/models/_settings", None
    yield "_alias", "GET", "/es/models/_alias", None
    yield "_aliases", "GET", "/es/_aliases", None
    yield "_field_caps", "GET", "/es/models/_field_caps?fields=*", None
    yield "_cluster/health", "GET", "/es/_cluster/health", None
    yield "_cat/indices", "GET", "/es/_cat/indices?v", None
    yield "_cat/count", "GET", "/es/_cat/count", None


def test_nothing_of_elasticsearchs_dialect_tells_of_hidden_models(settings, reader):
    with serving(settings, reader) as app:
        client = app.test_client()
        asked, told = set(), {}

        def noted(endpoint, path, body, answer):
            asked.add(endpoint)
            assert answer.status_code in {200, 404}, answer.text
            if found := leaks(answer, own((path, body))):
                told[path, own(body)] = found

        def ask(endpoint, method, path, body):
            text = body if isinstance(body, str) or body is None else json.dumps(body)
            kind = "application/x-ndjson" if endpoint == "_msearch" else "application/json"
            answer = client.open(path, method=method, data=text, headers={"Content-Type": kind})
            noted(endpoint, path, body, answer)
            return answer

        for request in es_requests():
            ask(*request)
        scroll = ask("_search", "POST", "/es/models/_search?scroll=1m", {"size": 1}).json["_scroll_id"]
        pages = [
            ask("_search/scroll", "POST", "/es/_search/scroll", {"scroll_id": scroll}).json for _ in range(5)
        ]
        assert sum(len(page["hits"]["hits"]) for page in pages) == VISIBLE - 1
        point = ask("_pit", "POST", "/es/models/_pit?keep_alive=1m", None).json["id"]
        for body in BODIES:
            ask("_search", "POST", "/es/_search", {**body, "pit": {"id": point}})
        path = "/es/models/_search/point_in_time?keep_alive=1m"
        point = ask("_search/point_in_time", "POST", path, None).json["pit_id"]
        for body in BODIES:
            ask("_search", "POST", "/es/_search", {**body, "pit": {"id": point}})
        assert asked == set(ENDPOINTS)
        assert told == {}
        assert ask("_count", "POST", "/es/models/_count", {}).json["count"] == VISIBLE


def test_a_scroll_of_one_reader_is_unknown_to_another_scope(settings):
    readers = [Principal(id="ada", name="Ada", scope=scope) for scope in SCOPES.values()]
    with serving(settings, OWNER) as app:
        asking = [OWNER]
        app.extensions["modeldex"] = Services(
            catalogs=app.extensions["modeldex"].catalogs, principal=lambda: asking[0]
        )
        client = app.test_client()
        scroll = client.post("/es/models/_search?scroll=1m", json={"size": 1}).json["_scroll_id"]
        for reader in readers:
            asking[0] = reader
            assert client.post("/es/_search/scroll", json={"scroll_id": scroll}).status_code == 404


def test_answers_to_two_scopes_are_kept_apart_by_caches(settings, reader):
    tags = {}
    for principal in (OWNER, reader):
        with serving(settings, principal) as app:
            addresses = ("/", "/api/search", f"/models/{ALONE}", f"/api/v1/models/{ALONE}")
            answers = [app.test_client().get(address) for address in addresses]
            tags[principal.id] = [answer.headers["ETag"] for answer in answers]
            varied = [answer.headers.get("Vary", "") for answer in answers]
            assert all(("Authorization" in one) is not principal.sees_all for one in varied)
            assert all("private" in answer.headers["Cache-Control"] for answer in answers)
            with app.test_client() as client:
                again = client.get("/", headers={"If-None-Match": tags["owner"][0]})
                assert (again.status_code == 304) is principal.sees_all
    assert not set(tags["owner"]) & set(tags["ada"])


READINGS = [
    *(["search", text] for text in TEXTS if text),
    *(["search", text, "--json"] for text in ("net", MARK, "is:duplicate")),
    ["search", "net", "--all"],
    ["search", MARK, "--all"],
    ["search", "net", "--dsl"],
    ["search"],
    ["models"],
    ["models", "--json"],
    *(
        ["show", name]
        for name in (ALIKE, MOVED[:12], HIDDEN_PLAIN, HIDDEN_PLAIN[:10], f"{MARK}-1", "zqxhi", "net-b")
    ),
    *(["show", name, "--json"] for name in (ALIKE, MOVED)),
]


def test_no_reading_on_the_command_line_tells_of_hidden_models(settings, reader):
    token = READER.set(reader)
    try:
        told = {}
        for arguments in READINGS:
            ran = CliRunner().invoke(
                cli.commands.get(arguments[0]) or plugins.load("command", arguments[0]),
                arguments[1:],
                obj=settings,
            )
            output = ran.output + ran.stderr + str(ran.exception or "")
            found = {one.group() for one in LEAKS.finditer(output)} - {
                one.group() for one in LEAKS.finditer(own(arguments))
            }
            if found:
                told[tuple(arguments)] = (found, output)
        assert told == {}
    finally:
        READER.reset(token)


def test_the_catalog_of_a_reader_has_no_history_of_what_is_hidden(settings, reader):
    with open_store(settings, write=False) as store, closing(open_engine(settings)) as engine:
        catalog = Catalogs(engine, lambda: store, lambda: satisfies).of(reader)
        assert catalog.history(HIDDEN_PLAIN) == []
        revisions = [*catalog.history(ALIKE), *catalog.history(MOVED)]
        assert len(revisions) >= 2
        assert not LEAKS.search(repr(revisions))
        assert [str(model.id) for model in catalog.models()] == sorted(
            model_id(SOURCE, path) for path in ("a", "b", "c", "m")
        )
        assert (catalog.count(), catalog.names_like(MARK), catalog.find(f"{MARK}-1")) == (VISIBLE, [], [])
        assert catalog.names_like("NET-A") == ["net-a"]
        assert catalog.find("net-a") == [ALIKE]
        assert catalog.find(ALIKE[:9]) == [ALIKE]


TELLING = (
    "/",
    "/api/search",
    "/api/suggest",
    "/runs",
    "/api/runs",
    "/api/export.ndjson",
    "/values/task",
)


def test_the_owner_sees_all_of_it(settings):
    """So that the tests above look where there is something to see."""
    with serving(settings, OWNER) as app:
        client = app.test_client()
        silent = [
            place
            for place in TELLING
            if not any(
                leaks(client.get(address, query_string=query, buffered=True))
                for address, query in screens(app)
                if address == place
            )
        ]
        assert silent == []
        assert leaks(client.get(f"/models/{ALIKE}"))
        assert leaks(client.get(f"/models/{MOVED}", follow_redirects=True))
        assert leaks(client.get("/es/_cat/count"))
