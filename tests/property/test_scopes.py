"""Whatever is in a catalog and whatever a viewer may see: every door answers as over a catalog of those models alone."""

from __future__ import annotations

import json
import re

from fixtures.shelf import MemoryStore
from fixtures.users import role
from fixtures.web import index_of
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.access.catalog import Catalogs
from catalog.access.permissions import principal_of
from catalog.access.scopes import scope_of_text
from catalog.records.accounts import User, UserId
from catalog.settings import Settings
from catalog.testing.documents import document
from catalog.testing.states import texts
from indexer.engines.memory import MemoryEngine
from indexer.engines.memory.matching import satisfies
from webui.app import create_app
from webui.contracts import Services

SOURCES = ("file:///lab", "s3://models/prod", "s3://models/lab")
TAGS = ("prod", "dev", "nlp")
SCOPES = (
    "",
    "tag:prod",
    "-tag:dev",
    'source:"file:///lab"',
    'source:"s3://models/prod" OR tag:nlp',
    "license:mit,apache-2.0 parameters>1M",
    'has:metrics -source:"s3://models/lab"',
    "name:net* -tag:prod",
    "accuracy>0.5",
    "after:2022 tag:nlp",
    "tag:nobody-has-it",
)
QUESTIONS = (
    "",
    "net",
    "tag:prod",
    "accuracy > 0.5",
    "has:metrics",
    "sort:-parameters",
    "bert small",
    "-license:mit",
    "zzzqq",
    "task:text-clasification",
)
TIMES = re.compile(r'"took(?:_ms)?":\d+|\d+ ms')
WINDOWS = re.compile(r'"(?:engine|generation)":"[^"]*"')


@st.composite
def catalogs(draw):
    """Documents as the others of the suite, of these sources and tags, which are no copies of each other."""
    rows = []
    for number in range(draw(st.integers(1, 8))):
        row = document(draw(st.integers(0, 400)), seed=draw(st.integers(1, 3)))
        source = draw(st.sampled_from(SOURCES))
        row |= {
            "id": f"{number:064x}",
            "source": source,
            "uri": f"{source}/{number}",
            "path": str(number),
            "tags": sorted(draw(st.sets(st.sampled_from(TAGS), max_size=2))),
        }
        for name in ("duplicate_group", "flags", "locations", "extra", "content_hash"):
            row.pop(name, None)
        rows.append(row)
    return rows


@st.composite
def viewers(draw):
    """Grants and denials of random scopes."""
    given_ = draw(st.lists(st.sampled_from(SCOPES), min_size=1, max_size=3))
    taken = draw(st.lists(st.sampled_from([scope for scope in SCOPES if scope]), max_size=2))
    granted = [role("viewer", scope) for scope in given_] + [
        role("viewer", scope, deny=True) for scope in taken
    ]
    order = draw(st.permutations(granted))
    return given_, taken, _principal(tuple(order))


def _principal(granted):
    from datetime import UTC, datetime

    user = User(
        id=UserId("0" * 16),
        name="vera",
        is_disabled=False,
        has_password=True,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        grants=granted,
    )
    return principal_of(user)


def application(home, rows, principal):
    store = MemoryStore(rows, [])
    services = Services(
        catalogs=Catalogs(MemoryEngine(index_of(rows)), lambda: store, lambda: satisfies),
        principal=lambda: principal,
    )
    return create_app(Settings(home=home), services)


def doors(rows, text, other):
    """(method, address, body): every kind of door, with what the catalog of everything holds asked for by name."""
    for question in (text, other):
        for path in ("/", "/api/search", "/api/export.ndjson", "/api/export.csv"):
            yield "GET", path, {"q": question, "lenient": "true"}
        yield "GET", "/?view=table", {"q": question}
        yield "GET", "/values/tags", {"q": question}
        yield "GET", "/api/facets/task", {"q": question}
        yield "GET", "/api/suggest", {"q": question[:12]}
    for word in ("tag:", "source:", "acc"):
        yield "GET", "/api/suggest", {"q": word}
    for row in rows:
        yield "GET", f"/models/{row['id']}", {}
        yield "GET", f"/api/models/{row['id']}", {}
        yield "GET", f"/es/models/_doc/{row['id']}", {}
        yield "GET", f"/models/{row['name']}", {}
    yield "GET", "/api/models", {"ids": ",".join(row["id"] for row in rows)}
    yield "GET", "/compare", {"ids": ",".join(row["id"] for row in rows[:4])}
    yield "GET", "/es/_cat/count", {}
    bodies = [
        {"size": 50, "sort": [{"parameters": "desc"}, {"id": "asc"}]},
        {"size": 5, "query": {"query_string": {"query": "net"}}},
        {
            "size": 0,
            "aggs": {
                name: {"terms": {"field": name, "size": 50}}
                for name in ("tags", "source", "license", "metric_names", "task")
            },
        },
        {
            "size": 0,
            "aggs": {
                "s": {"extended_stats": {"field": "parameters"}},
                "n": {"value_count": {"field": "uri"}},
            },
        },
        {
            "size": 0,
            "aggs": {"c": {"composite": {"sources": [{"t": {"terms": {"field": "tags"}}}], "size": 20}}},
        },
    ]
    for body in bodies:
        yield "POST", "/es/models/_search", body
    yield "POST", "/es/models/_mget", {"ids": [row["id"] for row in rows]}


def answered(client, method, path, body):
    if method == "GET":
        answer = (
            client.get(path, query_string=body or None, buffered=True)
            if "?" not in path
            else client.get(f"{path}&q={body['q']}", buffered=True)
        )
    else:
        answer = client.post(path, json=body, buffered=True)
    return answer.status_code, WINDOWS.sub("", TIMES.sub("", answer.get_data(as_text=True)))


@settings(max_examples=6, deadline=None)
@given(rows=catalogs(), viewer=viewers(), text=texts(), other=st.sampled_from(QUESTIONS))
def test_every_door_answers_as_over_a_catalog_of_the_visible_models_alone(
    tmp_path_factory, rows, viewer, text, other
):
    given_, taken, principal = viewer
    is_in = {
        scope: {row["id"] for row in rows if satisfies(scope_of_text(scope), row)}
        for scope in (*given_, *taken)
    }
    visible = set().union(*(is_in[scope] for scope in given_)) - set().union(
        *(is_in[scope] for scope in taken)
    )
    kept = [row for row in rows if row["id"] in visible]
    home = tmp_path_factory.mktemp("scopes")
    whole = application(home, rows, principal).test_client()
    alone = application(home, kept, principal).test_client()
    asked = list(doors(rows, text, other))
    differing = [
        (method, path, body, ours, theirs)
        for method, path, body in asked
        if (ours := answered(whole, method, path, body)) != (theirs := answered(alone, method, path, body))
    ]
    assert differing == [], json.dumps(differing[:1])[:3000]
    found = whole.get("/api/search").json if kept else {"total": 0}
    assert found["total"] == len(kept)
    for client in (whole, alone):
        client.application.extensions["modeldex-es"].close()
