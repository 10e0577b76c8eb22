"""An engine cut to a scope answers as an engine over the models of that scope alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from catalog.errors import RequestRefused
from catalog.query.nodes import (
    All,
    And,
    Exists,
    Match,
    Nested,
    Not,
    Or,
    Phrase,
    Prefix,
    Range,
    Term,
    Terms,
    Wildcard,
)
from catalog.query.request import (
    DateHistogramAgg,
    FilterAgg,
    FiltersAgg,
    MetricAgg,
    MissingAgg,
    NestedAgg,
    SearchRequest,
    SortKey,
    TermsAgg,
)
from catalog.search.engine import IndexAction
from catalog.search.scoped import ScopedEngine
from catalog.settings import Settings
from catalog.testing.documents import documents
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter
from indexer.engines.memory.matching import satisfies
from indexer.engines.tantivy import TantivyEngine, TantivyWriter

SCOPES = {
    "one value": Term("framework", "pytorch"),
    "several values": Terms("tags", ("nlp", "production")),
    "without": Not(Term("license", "MIT")),
    "a range": Range(field="parameters", gt=100_000_000),
    "words": Match("bert sentiment", operator="or"),
    "both": And((Term("framework", "pytorch"), Or((Exists("metrics.accuracy"), Phrase("demo model"))))),
    "no model": Term("name", "there is no such model"),
}
EVERYTHING_COUNTED = {
    "task": TermsAgg(field="task"),
    "owners": TermsAgg(field="owner", size=3, aggs={"best": MetricAgg(kind="max", field="metrics.accuracy")}),
    "stats": MetricAgg(kind="stats", field="parameters"),
    "years": DateHistogramAgg(field="best_date", calendar_interval="year", min_doc_count=1),
    "none": MissingAgg(field="license"),
    "onnx": FilterAgg(query=Term("framework", "onnx"), aggs={"tasks": TermsAgg(field="task")}),
    "ways": FiltersAgg(filters={"a": Match("bert"), "b": Range(field="metrics.f1", gte=0.5)}),
}
REQUESTS = {
    "everything": SearchRequest(size=100),
    "words, best first": SearchRequest(query=Match("bert model", operator="or"), size=100),
    "sorted": SearchRequest(query=Match("model"), sort=(SortKey(field="metrics.accuracy", descending=True),)),
    "a later page": SearchRequest(sort=(SortKey(field="name"),), offset=5, size=5),
    "counted": SearchRequest(size=0, aggregations=EVERYTHING_COUNTED),
    "a facet keeps its alternatives": SearchRequest(
        selections={"task": Term("task", "ner")},
        aggregations={"task": TermsAgg(field="task"), "license": TermsAgg(field="license")},
    ),
    "narrowed after counting": SearchRequest(
        post_filter=Term("license", "MIT"), aggregations={"license": TermsAgg(field="license")}
    ),
    "good enough": SearchRequest(query=Match("bert model", operator="or"), min_score=2.0),
    "one evaluation": SearchRequest(
        query=Nested(
            "evaluations", And((Term("evaluations.metric", "f1"), Range(field="evaluations.value", gt=0.2)))
        )
    ),
}


@pytest.fixture(scope="module")
def rows():
    return list(documents(150))


@pytest.fixture(scope="module")
def alone(rows):
    """The exact engine over the models of each scope alone."""
    return {
        name: memory_over([row for row in rows if satisfies(scope, row)]) for name, scope in SCOPES.items()
    }


def memory_over(rows):
    index = MemoryIndex()
    MemoryWriter(index).write([IndexAction(id=row["id"], revision=1, document=row) for row in rows])
    return MemoryEngine(index)


@pytest.fixture(scope="module", params=["memory", "tantivy"])
def whole(request, rows, tmp_path_factory):
    if request.param == "memory":
        yield memory_over(rows)
        return
    settings = Settings(home=tmp_path_factory.mktemp("scoped"))
    with closing(TantivyWriter(settings)) as writer:
        writer.write([IndexAction(id=row["id"], revision=1, document=row) for row in rows])
        writer.refresh()
        with closing(TantivyEngine(settings)) as engine:
            yield engine


def told(result):
    """All of an answer but its time and its engine."""
    return replace(result, took_ms=0, engine="")


@pytest.mark.parametrize("asked", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("name", SCOPES)
def test_every_request_is_answered_as_if_other_models_had_never_been(whole, alone, name, asked):
    scoped = ScopedEngine(whole, SCOPES[name])
    assert told(scoped.search(asked)) == told(alone[name].search(asked))
    with closing(scoped.point_in_time(keep_seconds=5)) as point:
        assert told(point.search(asked)) == told(alone[name].search(asked))


@pytest.mark.parametrize("name", SCOPES)
def test_evaluations_are_counted_within_the_scope(rows, alone, name):
    asked = SearchRequest(
        size=0,
        aggregations={
            "all": NestedAgg(path="evaluations", aggs={"on": TermsAgg(field="evaluations.dataset")})
        },
    )
    scoped = ScopedEngine(memory_over(rows), SCOPES[name])
    assert told(scoped.search(asked)) == told(alone[name].search(asked))


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_documents_by_id_exports_and_the_size_of_the_catalog_are_cut(whole, rows, scope):
    visible = [row for row in rows if satisfies(scope, row)]
    scoped = ScopedEngine(whole, scope)
    assert dict(scoped.get([row["id"] for row in rows])) == {row["id"]: row for row in visible}
    assert list(scoped.scan(SearchRequest(query=All()))) == sorted(visible, key=lambda row: row["id"])
    assert scoped.info().documents == len(visible)


def test_two_scopes_have_two_generations(whole):
    generations = {ScopedEngine(whole, scope).info().generation for scope in SCOPES.values()}
    assert len({*generations, whole.info().generation}) == len(SCOPES) + 1


def test_what_every_engine_refuses_is_refused_in_the_same_words(whole):
    asked = SearchRequest(query=Term("nonsense", 1))
    with pytest.raises(RequestRefused) as plain:
        whole.search(asked)
    with pytest.raises(RequestRefused) as scoped:
        ScopedEngine(whole, SCOPES["words"]).search(asked)
    assert str(scoped.value) == str(plain.value)


def copy(name, team, group, places, **more):
    return {
        "id": name.ljust(64, "0"),
        "name": name,
        "uri": f"file:///{name}",
        "owner": team,
        "status": "ok",
        "locations": [f"file:///{place}" for place in places],
        "duplicate_group": group,
        "flags": ["adapter", "duplicate"],
        **more,
    }


COPIES = [
    copy("a", "us", "g1", ["a", "b", "x"]),
    copy("b", "us", "g1", ["a", "b", "x"]),
    copy("x", "them", "g1", ["a", "b", "x"]),
    copy("c", "us", "g2", ["c", "y"]),
    copy("y", "them", "g2", ["c", "y"]),
    {"id": "e".ljust(64, "0"), "name": "e", "uri": "file:///e", "owner": "us", "status": "ok"},
    copy("f", "us", "g3", ["f", "z"], flags=["duplicate"]),
    copy("z", "them", "g3", ["f", "z"]),
]
MOVED = {"code": "moved", "message": "moved to file:///y"}
LEFT = {
    **copy("d", "us", "", []),
    "flags": ["missing", "moved"],
    "extra": {"moved_to": "y".ljust(64, "0"), "kept": 1},
    "problems": [MOVED],
}
US = Term("owner", "us")


@pytest.fixture
def ours():
    return ScopedEngine(memory_over([*COPIES, LEFT]), US)


def names(engine, query):
    return sorted(hit.document["name"] for hit in engine.search(SearchRequest(query=query)).hits)


def test_a_visible_model_names_visible_copies_and_no_others(ours):
    shown = {hit.document["name"]: hit.document for hit in ours.search(SearchRequest()).hits}
    assert shown["a"]["locations"] == ["file:///a", "file:///b"]
    assert (shown["a"]["duplicate_group"], shown["a"]["flags"]) == ("g1", ["adapter", "duplicate"])
    assert shown["c"]["locations"] == ["file:///c"]
    assert "duplicate_group" not in shown["c"]
    assert shown["c"]["flags"] == ["adapter"]
    assert shown["d"]["flags"] == ["missing"]
    assert shown["d"]["extra"] == {"kept": 1}
    assert "problems" not in shown["d"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Term("flags", "duplicate"), ["a", "b"]),
        (Terms("flags", ("duplicate", "adapter")), ["a", "b", "c"]),
        (Not(Term("flags", "duplicate")), ["c", "d", "e", "f"]),
        (Term("flags", "moved"), []),
        (Prefix("flags", "mov"), []),
        (Prefix("flags", "dup"), ["a", "b"]),
        (Prefix("flags", ""), ["a", "b", "c", "d"]),
        (Wildcard("flags", "*up*e"), ["a", "b"]),
        (Wildcard("locations", "file:*/*"), ["a", "b", "c", "d", "e", "f"]),
        (Exists("flags"), ["a", "b", "c", "d"]),
        (Exists("duplicate_group"), ["a", "b"]),
        (Term("duplicate_group", "g2"), []),
        (Prefix("duplicate_group", "g"), ["a", "b"]),
        (Term("locations", "file:///x"), []),
        (Prefix("locations", "file:///"), ["a", "b", "c", "d", "e", "f"]),
        (Match("file:///y", ("locations", "duplicate_group")), []),
        (Match("g2", ("name", "duplicate_group")), []),
        (Match("g1", ("name", "duplicate_group")), ["a", "b"]),
        (Match("moved", ("flags",)), []),
        (Term("extra.moved_to", "y".ljust(64, "0")), []),
        (Term("extra.kept", 1), ["d"]),
        (Exists("problems"), []),
        (Not(Exists("problems")), ["a", "b", "c", "d", "e", "f"]),
    ],
)
def test_questions_about_copies_and_moves_are_answered_from_the_scope(ours, query, expected):
    assert names(ours, query) == expected
    assert names(ours, Or((query, Term("name", "nothing")))) == expected


@pytest.mark.parametrize("field", ["described_at", "stored_at"])
def test_a_model_names_the_visible_ones_of_other_sources_that_it_is_joined_with(field):
    places = ["file:///a", "file:///x"]
    whole = memory_over([*COPIES, {**copy("j", "us", "", []), "extra": {field: places, "kept": 1}}])
    ours = ScopedEngine(whole, US)
    [shown] = [hit.document for hit in ours.search(SearchRequest(query=Term("name", "j"))).hits]
    assert shown["extra"] == {field: ["file:///a"], "kept": 1}
    for query in (Term(f"extra.{field}", "file:///x"), Prefix(f"extra.{field}", "file:///x")):
        assert names(ours, query) == []
    with pytest.raises(RequestRefused):
        ours.search(SearchRequest(aggregations={"x": TermsAgg(field=f"extra.{field}")}))


def test_counts_of_copies_are_counts_of_visible_copies(ours):
    request = SearchRequest(
        size=0,
        aggregations={
            "flags": TermsAgg(field="flags"),
            "groups": TermsAgg(field="duplicate_group"),
            "places": TermsAgg(field="locations"),
            "alone": MissingAgg(field="duplicate_group"),
            "plain": MissingAgg(field="flags"),
            "below": FilterAgg(query=Term("flags", "duplicate"), aggs={"flags": TermsAgg(field="flags")}),
        },
    )
    answers = ours.search(request).aggregations
    counted = {name: {bucket.key: bucket.count for bucket in answers[name].buckets} for name in answers}
    assert counted["flags"] == {"adapter": 3, "duplicate": 2, "missing": 1}
    assert [bucket.key for bucket in answers["flags"].buckets] == ["adapter", "duplicate", "missing"]
    assert all(not bucket.aggregations for bucket in answers["flags"].buckets)
    assert counted["groups"] == {"g1": 2}
    assert all(count == 1 and "file:///" in place for place, count in counted["places"].items())
    assert not {"file:///x", "file:///y"}.intersection(counted["places"])
    assert answers["alone"].count == 4
    assert answers["plain"].count == 2
    assert answers["below"].count == 2
    with pytest.raises(RequestRefused):
        ours.search(SearchRequest(aggregations={"x": MetricAgg(kind="cardinality", field="duplicate_group")}))


def version(name, number, team, *flags, **more):
    return {
        "id": f"{name}{number}{team}".encode().hex().ljust(64, "0"),
        "name": name,
        "version": f"v{number}",
        "uri": f"file:///{team}/{name}/{number}",
        "owner": team,
        "status": "ok",
        **({"flags": sorted(flags)} if flags else {}),
        **more,
    }


IN_SERIES = [
    version("net", 1, "us"),
    version("net", 2, "us", "adapter"),
    version("net", 10, "them", "latest"),
    version("tie", 1, "us"),
    version("tie", 1.0, "us"),
    version("tie", 2, "them", "adapter", "latest"),
    version("own", 1, "us"),
    version("own", 2, "us", "latest"),
    version("Own", 1, "us"),
    version("Own", 3, "them", "latest"),
    version("gone", 1, "us"),
    version("gone", 3, "us", "missing", status="missing"),
    version("gone", 2, "them", "latest"),
]
LATEST_OF_OURS = {("net", "v2"), ("own", "v2"), ("Own", "v1"), ("gone", "v1"), ("tie", "v1.0")}


def as_if_alone():
    """What an index of the models of ours alone would hold."""
    return [
        {**row, "flags": sorted({*row.get("flags", ()), "latest"})}
        if (row["name"], row["version"]) in LATEST_OF_OURS
        else row
        for row in IN_SERIES
        if row["owner"] == "us"
    ]


@pytest.mark.parametrize(
    "asked",
    [
        SearchRequest(query=Term("flags", "latest")),
        SearchRequest(query=Not(Terms("flags", ("adapter", "latest")))),
        SearchRequest(query=Prefix("flags", "lat"), sort=(SortKey(field="name"),)),
        SearchRequest(query=Exists("flags")),
        SearchRequest(
            aggregations={
                "flags": TermsAgg(field="flags", aggs={"names": TermsAgg(field="name")}),
                "first": TermsAgg(field="flags", size=1),
                "by key": TermsAgg(field="flags", order=("_key", True), missing="plain"),
                "some": TermsAgg(field="flags", prefix="l"),
                "plain": MissingAgg(field="flags"),
            }
        ),
    ],
    ids=["asked", "not-asked", "begun", "any-flag", "counted"],
)
def test_the_latest_of_a_name_is_the_latest_of_what_is_visible(asked):
    scoped, alone = ScopedEngine(memory_over(IN_SERIES), US), memory_over(as_if_alone())
    assert told(scoped.search(asked)) == told(alone.search(asked))
    assert list(scoped.scan(SearchRequest())) == list(alone.scan(SearchRequest()))
    ids = [row["id"] for row in IN_SERIES]
    assert dict(scoped.get(ids)) == dict(alone.get(ids))
    with closing(scoped.point_in_time(keep_seconds=5)) as point:
        assert told(point.search(asked)) == told(alone.search(asked))


def test_numbers_beside_counts_of_copies_tell_of_no_hidden_ones(ours):
    """As over the visible models with the copies, flags and groups that they have among themselves."""
    among_us = [
        {**row, "flags": ["adapter", "duplicate"] if row["name"] in "ab" else ["adapter"]}
        if row["name"] in "abc"
        else {name: value for name, value in row.items() if name not in {"flags", "duplicate_group"}}
        for row in COPIES
        if row["owner"] == "us"
    ]
    among_us = [
        {name: value for name, value in row.items() if name != "duplicate_group" or row["name"] in "ab"}
        for row in among_us
    ]
    left = {**LEFT, "flags": ["missing"], "duplicate_group": None}
    alone = memory_over([*among_us, {name: value for name, value in left.items() if value is not None}])
    names_below = {"names": TermsAgg(field="name")}
    request = SearchRequest(
        size=0,
        aggregations={
            "one flag": TermsAgg(field="flags", size=1, aggs=names_below),
            "no flag": TermsAgg(field="flags", missing="none", order=("_count", False), aggs=names_below),
            "one group": TermsAgg(field="duplicate_group", size=1, aggs=names_below),
            "no group": TermsAgg(field="duplicate_group", missing="none", aggs=names_below),
            "only no group": TermsAgg(field="duplicate_group", missing="none", size=1),
        },
    )
    assert told(ours.search(request)).aggregations == told(alone.search(request)).aggregations


@pytest.mark.parametrize(
    "asked",
    [
        SearchRequest(sort=(SortKey(field="duplicate_group"),)),
        SearchRequest(sort=(SortKey(field="extra.moved_to"),)),
        SearchRequest(query=Exists("extra")),
        SearchRequest(query=Not(Or((Term("name", "a"), Exists("extra"))))),
        *(
            SearchRequest(aggregations={"x": FilterAgg(query=All(), aggs={"y": aggregation})})
            for aggregation in (
                TermsAgg(field="extra.moved_to"),
                MetricAgg(kind="value_count", field="extra.moved_to"),
                MissingAgg(field="extra.moved_to"),
                MissingAgg(field="extra"),
                FilterAgg(query=Exists("extra")),
            )
        ),
    ],
    ids=["by-group", "by-move", "any-extra", "no-extra", "terms", "values", "lacking", "no-extras", "extras"],
)  # fmt: skip
def test_what_would_tell_of_hidden_models_is_refused_by_name(ours, asked):
    with pytest.raises(RequestRefused, match="in a part of the catalog"):
        ours.search(asked)
    with pytest.raises(RequestRefused, match="in a part of the catalog"):
        list(ours.scan(asked))
