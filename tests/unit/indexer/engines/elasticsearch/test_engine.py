"""One search as one request, and hits as the contract has them."""

import json
from datetime import UTC, datetime

import pytest
from fixtures.scripted_cluster import failure

from catalog.errors import EngineUnavailable, RequestRefused
from catalog.query.nodes import Exists, Match, Term
from catalog.query.request import SearchRequest, SortKey, TermsAgg
from catalog.query.validate import MAX_LONG, MIN_LONG
from catalog.settings import Settings
from indexer.engines.elasticsearch.engine import SCAN_PAGE, ElasticsearchEngine

SEARCH = "POST /models/_search"


@pytest.fixture
def engine(scripted_cluster, tmp_path):
    opened = ElasticsearchEngine(Settings(home=tmp_path, elasticsearch_url=scripted_cluster.url))
    yield opened
    opened.close()


def answer(*hits, total=None, **more):
    rows = [{"_id": name, "_source": {"document": {"id": name}}, "sort": sort} for name, sort in hits]
    return 200, {"hits": {"total": {"value": len(rows) if total is None else total}, "hits": rows}, **more}


def body_of(scripted_cluster, engine, request, line=SEARCH):
    scripted_cluster.script[line] = answer()
    engine.search(request)
    return json.loads(scripted_cluster.asked(line)[-1])


@pytest.mark.parametrize(
    ("field", "sorted_by", "value"),
    [
        ("parameters", MAX_LONG, None),
        ("parameters", MIN_LONG, None),
        ("parameters", 7, 7),
        ("metrics.loss", "Infinity", None),
        ("metrics.loss", "-Infinity", None),
        ("metrics.loss", 3, 3.0),
        ("trained_at", MAX_LONG, None),
        ("trained_at", 0, datetime(1970, 1, 1, tzinfo=UTC)),
        ("complete", 1, True),
        ("task", None, None),
    ],
)
def test_what_the_server_fills_in_for_a_missing_value_is_none(
    scripted_cluster, engine, field, sorted_by, value
):
    scripted_cluster.script[SEARCH] = answer(("a", [sorted_by, "a"]))
    (hit,) = engine.search(SearchRequest(sort=(SortKey(field=field),))).hits
    assert hit.sort == (value, "a")
    assert type(hit.sort[0]) is type(value)
    assert hit.score is None


@pytest.mark.parametrize(
    ("field", "descending", "mark"),
    [
        ("parameters", False, MAX_LONG),
        ("parameters", True, MIN_LONG),
        ("metrics.loss", False, "Infinity"),
        ("metrics.loss", True, "-Infinity"),
        ("task", False, None),
    ],
)
def test_going_on_after_a_missing_value_says_what_the_server_filled_in(
    scripted_cluster, engine, field, descending, mark
):
    request = SearchRequest(sort=(SortKey(field=field, descending=descending),), after=(None, "b"))
    body = body_of(scripted_cluster, engine, request)
    assert body["search_after"] == [mark, "b"]
    assert "from" not in body


def test_ties_are_broken_by_id_and_missing_values_come_last(scripted_cluster, engine):
    body = body_of(
        scripted_cluster, engine, SearchRequest(sort=(SortKey(field="metrics.loss", descending=True),))
    )
    first, last = body["sort"]
    assert first["metrics.loss"] == {"order": "desc", "missing": "_last", "unmapped_type": "double"}
    assert last == {"id": "asc"}


def test_selections_narrow_hits_and_leave_their_own_facet_alone(scripted_cluster, engine):
    request = SearchRequest(
        query=Exists("license"),
        selections={"task": Term("task", "ner"), "framework": Term("framework", "onnx")},
        aggregations={"task": TermsAgg(field="task"), "tags": TermsAgg(field="tags")},
    )
    body = body_of(scripted_cluster, engine, request)
    assert len(body["post_filter"]["bool"]["filter"]) == 2
    assert body["query"]["bool"]["filter"] == [{"exists": {"field": "license"}}]
    own, other = body["aggs"]["s0"], body["aggs"]["s1"]
    assert own["filter"] == {"term": {"framework": "onnx"}}
    assert other["filter"] == body["post_filter"]


def test_scores_are_asked_for_only_where_the_order_needs_them(scripted_cluster, engine):
    by_name = SearchRequest(query=Match("bert"), sort=(SortKey(field="name"),))
    assert "constant_score" not in json.dumps(body_of(scripted_cluster, engine, by_name)["query"])
    by_score = SearchRequest(query=Match("bert"))
    assert "constant_score" in json.dumps(body_of(scripted_cluster, engine, by_score)["query"])
    scripted_cluster.script[SEARCH] = answer(("a", [4, "a"]))
    (hit,) = engine.search(by_score).hits
    assert (hit.score, type(hit.score)) == (4.0, float)


def test_the_version_is_looked_at_once(scripted_cluster, engine):
    for _ in range(3):
        body_of(scripted_cluster, engine, SearchRequest())
    assert len(scripted_cluster.asked("GET /_nodes")) == 1


def test_a_server_that_was_down_is_asked_again(scripted_cluster, engine):
    healthy = scripted_cluster.script["GET /_nodes"]
    scripted_cluster.script["GET /_nodes"] = (503, failure("x", "starting", 503))
    with pytest.raises(EngineUnavailable):
        engine.search(SearchRequest())
    scripted_cluster.script["GET /_nodes"] = healthy
    assert body_of(scripted_cluster, engine, SearchRequest())["size"] == SearchRequest().size


def scanning(scripted_cluster, pages):
    """A cluster whose point in time answers with these pages."""
    left = list(pages)
    scripted_cluster.script |= {
        "HEAD /_alias/models": (200, {}),
        "POST /models/_pit": (200, {"id": "point 0"}),
        "POST /_search": lambda _body: left.pop(0),
        "DELETE /_pit": (200, {}),
    }


def page(start, stop, point):
    names = [f"m{number:05}" for number in range(start, stop)]
    return answer(*((name, [name]) for name in names), pit_id=point)


def test_a_scan_goes_on_after_the_last_model_and_follows_the_renewed_point(scripted_cluster, engine):
    scanning(scripted_cluster, [page(0, SCAN_PAGE, "point 1"), page(SCAN_PAGE, SCAN_PAGE + 2, "point 2")])
    assert len({document["id"] for document in engine.scan(SearchRequest())}) == SCAN_PAGE + 2
    first, second = (json.loads(body) for body in scripted_cluster.asked("POST /_search"))
    assert (first["pit"]["id"], second["pit"]["id"]) == ("point 0", "point 1")
    assert second["search_after"] == [f"m{SCAN_PAGE - 1:05}"]
    assert [json.loads(body)["id"] for body in scripted_cluster.asked("DELETE /_pit")] == ["point 2"]


def test_a_scan_that_is_left_early_gives_its_point_back(scripted_cluster, engine):
    scanning(scripted_cluster, [page(0, SCAN_PAGE, "point 1")])
    documents = engine.scan(SearchRequest())
    assert next(documents)["id"] == "m00000"
    documents.close()
    assert len(scripted_cluster.asked("DELETE /_pit")) == 1


def test_without_an_index_a_scan_and_a_point_in_time_find_nothing(scripted_cluster, engine):
    assert list(engine.scan(SearchRequest())) == []
    point = engine.point_in_time(keep_seconds=60)
    request = SearchRequest(aggregations={"task": TermsAgg(field="task")})
    found = point.search(request)
    assert (found.total, found.hits, found.aggregations["task"].buckets) == (0, (), ())
    point.close()


def test_a_point_that_was_not_asked_for_too_long_is_refused_as_every_engine_does(scripted_cluster, engine):
    scanning(scripted_cluster, [(404, failure("search_context_missing_exception", "gone", 404))])
    point = engine.point_in_time(keep_seconds=0.1)
    with pytest.raises(RequestRefused, match="open another"):
        point.search(SearchRequest())
    point.close()
    point.close()
    assert len(scripted_cluster.asked("DELETE /_pit")) == 1


def test_models_are_got_in_the_order_in_which_they_were_asked(scripted_cluster, engine):
    scripted_cluster.script[SEARCH] = answer(("a", []), ("b", []))
    assert list(engine.get(["b", "missing", "a"])) == ["b", "a"]
    assert engine.get([]) == {}
