"""elasticsearch-py and its DSL, unchanged, against a real server over every engine."""

from __future__ import annotations

import base64

import elasticsearch
import pytest
from elasticsearch import Elasticsearch, NotFoundError, helpers
from elasticsearch.dsl import A, MultiSearch, Q, Search

from catalog.dsl.body import from_dsl
from catalog.query.state import SearchState
from catalog.search.engine import IndexAction

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")
LATE = "0" * 64


def ids(found):
    return [hit["_id"] for hit in found["hits"]["hits"]]


def test_the_client_takes_this_server_for_elasticsearch(es):
    info = es.info()
    assert es.ping()
    assert info["version"]["number"].startswith("8.")
    assert info["tagline"] == "You Know, for Search"
    assert info.meta.headers["x-elastic-product"] == "Elasticsearch"


@pytest.mark.parametrize(
    "key",
    [
        ("ada", "first-secret"),
        base64.b64encode(b"ada:first-secret").decode(),
        "second-secret",
        ("anything", "second-secret"),
    ],
    ids=["id and key", "encoded", "bare key", "key without a configured id"],
)
def test_every_way_of_giving_a_key_is_accepted(door, key):
    with Elasticsearch(door.url, api_key=key) as client:
        assert client.count(index="models")["count"] == len(door.rows)


def test_wrong_key_is_refused_in_elasticsearchs_shape(door):
    with (
        Elasticsearch(door.url, api_key=("ada", "second-secre")) as client,
        pytest.raises(elasticsearch.AuthenticationException) as refused,
    ):
        client.search(index="models")
    assert refused.value.body["error"]["type"] == "security_exception"


QUESTIONS = {
    "metric after a date": (
        "accuracy > 0.5 after:2022",
        {
            "bool": {
                "filter": [
                    {"range": {"metrics.accuracy": {"gt": 0.5}}},
                    {"range": {"best_date": {"gte": "2023-01-01"}}},
                ]
            }
        },
    ),
    "terms": ("task:ner", {"terms": {"task.keyword": ["NER"]}}),
    "one evaluation": (
        "accuracy@imagenet > 0.5",
        {
            "nested": {
                "path": "evaluations",
                "query": {
                    "bool": {
                        "filter": [
                            {"term": {"evaluations.metric": "accuracy"}},
                            {"term": {"evaluations.dataset": "ImageNet"}},
                            {"range": {"evaluations.value": {"gt": 0.5}}},
                        ]
                    }
                },
            }
        },
    ),
}


@pytest.mark.parametrize(("text", "query"), QUESTIONS.values(), ids=QUESTIONS)
def test_analysts_find_what_the_box_finds(door, es, text, query):
    page = door.service.page(SearchState(text=text, size=100))
    found = es.search(index="models", query=query, size=100, sort=[{"best_date": "desc"}])
    assert page.total > 0
    assert ids(found) == [hit["id"] for hit in page.hits]
    assert found["hits"]["total"] == {"value": page.total, "relation": "eq"}


def test_range_nested_and_terms_aggregation_in_one_request(door, es):
    body = {
        "query": {
            "bool": {
                "filter": [
                    {"range": {"parameters": {"gte": 1_000_000}}},
                    {"nested": {"path": "evaluations", "query": {"exists": {"field": "evaluations.value"}}}},
                ]
            }
        },
        "aggs": {
            "tasks": {"terms": {"field": "task", "size": 20}, "aggs": {"n": {"avg": {"field": "parameters"}}}}
        },
        "size": 5,
    }
    found = es.search(index="models", body=body)
    expected = [
        row
        for row in door.rows
        if row.get("parameters", 0) >= 1_000_000 and any("value" in one for one in row.get("evaluations", []))
    ]
    assert found["hits"]["total"]["value"] == len(expected)
    counts = {
        bucket["key"].casefold(): bucket["doc_count"] for bucket in found["aggregations"]["tasks"]["buckets"]
    }
    assert counts == {
        task: sum(row.get("task", "").casefold() == task for row in expected) for task in counts
    }


def test_scan_reads_every_model_once(door, es):
    found = [hit["_id"] for hit in helpers.scan(es, index="models", size=40)]
    assert len(found) == len(door.rows)
    assert set(found) == {row["id"] for row in door.rows}


def test_scan_in_the_order_of_scores(door, es):
    query = {"query": {"match": {"description": "sentiment model"}}}
    found = list(helpers.scan(es, index="models", query=query, size=7, preserve_order=True))
    assert len(found) == es.count(index="models", query=query["query"])["count"]
    scores = [hit["_score"] for hit in found]
    assert scores == sorted(scores, reverse=True)


def test_scan_sees_one_point_in_time_and_closes_it(door, es):
    reading = helpers.scan(es, index="models", size=50)
    seen = [next(reading)["_id"]]
    door.write(IndexAction(id=LATE, revision=1, document={"id": LATE, "name": "late"}))
    try:
        seen += [hit["_id"] for hit in reading]
        assert LATE not in seen
        assert len(seen) == len(door.rows)
    finally:
        door.write(IndexAction(id=LATE, revision=2, document=None))
    assert not door.app.extensions["modeldex-es"].contexts._held


def test_search_after_a_point_in_time_while_models_come_and_go(door, es):
    gone = door.rows[7]
    point = es.open_point_in_time(index="models", keep_alive="1m")["id"]
    seen, after, sort = [], None, [{"name": "asc"}]
    while True:
        more = {} if after is None else {"search_after": after}
        found = es.search(pit={"id": point, "keep_alive": "1m"}, size=60, sort=sort, **more)
        if not ids(found):
            break
        assert found["pit_id"] == point
        seen += ids(found)
        after = found["hits"]["hits"][-1]["sort"]
        door.write(
            IndexAction(id=gone["id"], revision=len(seen) + 10, document=None),
            IndexAction(id=LATE, revision=len(seen) + 10, document={"id": LATE, "name": "zzz"}),
        )
    door.write(
        IndexAction(id=gone["id"], revision=10_000, document=gone),
        IndexAction(id=LATE, revision=10_000, document=None),
    )
    assert sorted(seen) == sorted(row["id"] for row in door.rows)
    assert es.close_point_in_time(id=point) == {"succeeded": True, "num_freed": 1}
    with pytest.raises(NotFoundError):
        es.search(pit={"id": point}, size=1)


def test_the_dsl_module_searches_counts_highlights_and_aggregates(door, es):
    search = (
        Search(using=es, index="models")
        .query("match", description="sentiment")
        .filter("term", **{"framework.keyword": "PyTorch"})
        .exclude("term", license="mit")
        .source(["name", "description", "metrics.*"])
        .highlight("description")
        .extra(track_total_hits=True)
    )
    search.aggs.bucket("tasks", A("terms", field="task")).metric("best", "max", field="metrics.accuracy")
    answer = search[0:3].execute()
    assert answer.success()
    assert answer.hits.total.value == search.count() > 3
    assert all("<em>sentiment</em>" in hit.meta.highlight.description[0].lower() for hit in answer)
    assert set(answer[0].to_dict()) <= {"name", "description", "metrics"}
    assert sum(bucket.doc_count for bucket in answer.aggregations.tasks.buckets) <= search.count()
    assert len(list(search.scan())) == search.count()


def test_the_dsl_module_iterates_over_all(door, es):
    search = Search(using=es).query(Q("exists", field="parameters")).sort("-parameters")
    sizes = [hit.parameters for hit in search.iterate()]
    assert sizes == sorted((row["parameters"] for row in door.rows if "parameters" in row), reverse=True)


def test_several_searches_in_one_request(door, es):
    every, some = Search(index="models"), Search().query("term", task="ner")
    answers = MultiSearch(using=es, index="models").add(every).add(some).execute()
    assert [answer.hits.total.value for answer in answers] == [len(door.rows), some.using(es).count()]


def test_one_search_of_many_that_fails_says_why_and_the_others_answer(es):
    found = es.msearch(searches=[{"index": "users"}, {}, {"index": "models"}, {"size": 0}])["responses"]
    assert [one["status"] for one in found] == [404, 200]
    assert found[0]["error"]["type"] == "index_not_found_exception"


def test_a_text_of_many_that_is_not_understood_leaves_the_others_their_answers(es):
    """All panels of a dashboard were empty when the query of one was mistyped."""
    mistyped = {"query": {"query_string": {"query": "size:abc"}}}
    found = es.msearch(searches=[{"index": "models"}, mistyped, {"index": "models"}, {"size": 0}])[
        "responses"
    ]
    assert [one["status"] for one in found] == [400, 200]
    assert "'abc'" in found[0]["error"]["reason"]


def test_documents_by_their_ids(door, es):
    row = door.rows[3]
    one = es.get(index="models", id=row["id"])
    assert one["found"]
    assert one["_source"] == row
    assert es.get(index="models", id=row["id"], source_includes="name")["_source"] == {"name": row["name"]}
    assert es.get_source(index="models", id=row["id"]) == row
    assert es.exists(index="models", id=row["id"])
    assert not es.exists(index="models", id=LATE)
    many = es.mget(index="models", ids=[row["id"], LATE])["docs"]
    assert [doc["found"] for doc in many] == [True, False]
    with pytest.raises(NotFoundError) as missing:
        es.get(index="models", id=LATE)
    assert missing.value.body == {"_index": "models", "_id": LATE, "found": False}


def test_field_capabilities_and_mapping_name_what_may_be_asked(es):
    fields = es.field_caps(index="models", fields="*")["fields"]
    assert fields["metrics.accuracy"]["double"]["aggregatable"]
    assert fields["name.keyword"]["keyword"]["aggregatable"]
    for name, caps in fields.items():
        for one in caps.values():
            if one["searchable"] and not name.startswith("evaluations."):
                from_dsl({"query": {"exists": {"field": name}}})
            if one["aggregatable"] and not name.startswith("evaluations."):
                from_dsl({"aggs": {"a": {"terms": {"field": name}}}})
    properties = es.indices.get_mapping(index="models")["models"]["mappings"]["properties"]
    assert properties["evaluations"]["type"] == "nested"
    assert properties["size_bytes"]["meta"]["unit"] == "bytes"


def test_indices_are_resolved_as_elasticsearch_does(door, es):
    assert es.indices.exists(index="models")
    assert not es.indices.exists(index="users")
    for name in (None, "models", "models-*", "mod*", "*", "models,users*"):
        assert es.search(index=name, size=0)["hits"]["total"]["value"] == len(door.rows)
    empty = es.search(index="users-*", aggs={"a": {"terms": {"field": "task"}}})
    assert empty["hits"]["total"]["value"] == 0
    assert "aggregations" not in empty
    assert es.search(index="models,users", ignore_unavailable=True, size=0)["hits"]["total"]["value"] > 0
    with pytest.raises(NotFoundError) as missing:
        es.search(index="models,users")
    error = missing.value.body["error"]
    assert (error["type"], error["index"]) == ("index_not_found_exception", "users")


def test_the_form_of_the_answer_is_the_callers(door, es):
    plain = es.search(index="models", size=1, filter_path="hits.total.value,hits.hits._id")
    assert plain == {
        "hits": {"total": {"value": len(door.rows)}, "hits": [{"_id": plain["hits"]["hits"][0]["_id"]}]}
    }
    assert es.search(size=0, rest_total_hits_as_int=True)["hits"]["total"] == len(door.rows)
    assert es.search(size=0, track_total_hits=10)["hits"]["total"] == {"value": 10, "relation": "gte"}
    assert "total" not in es.search(size=0, track_total_hits=False)["hits"]
    assert es.search(size=1, version=True)["hits"]["hits"][0]["_version"] == 1
    aggs = {
        "task": {"terms": {"field": "task"}, "aggs": {"size": {"avg": {"field": "size_bytes"}}}},
        "years": {"date_histogram": {"field": "best_date", "calendar_interval": "year"}},
        "few": {"filter": {"term": {"task": "ner"}}, "aggs": {"bits": {"terms": {"field": "complete"}}}},
    }
    typed = es.search(size=0, typed_keys=True, aggs=aggs)["aggregations"]
    assert set(typed) == {"sterms#task", "date_histogram#years", "filter#few"}
    assert "avg#size" in typed["sterms#task"]["buckets"][0]
    assert "lterms#bits" in typed["filter#few"]
    sources = [{"task": {"terms": {"field": "task"}}}, {"license": {"terms": {"field": "license"}}}]
    size = {"size": {"avg": {"field": "size_bytes"}}}
    pairs = {"pairs": {"composite": {"size": 3, "sources": sources}, "aggs": size}}
    plain, named = (es.search(size=0, typed_keys=way, aggs=pairs)["aggregations"] for way in (False, True))
    page = named["composite#pairs"]
    assert page["after_key"] == plain["pairs"]["after_key"]
    assert [bucket["avg#size"] for bucket in page["buckets"]] == [
        bucket["size"] for bucket in plain["pairs"]["buckets"]
    ]


def test_packed_requests_and_answers(door):
    with Elasticsearch(door.url, api_key="second-secret", http_compress=True) as client:
        found = client.search(index="models", size=100)
    assert len(ids(found)) == 100
    assert found.meta.headers["content-encoding"] == "gzip"


def test_the_callers_own_number_and_ours_come_back(es):
    headers = es.options(opaque_id="notebook-7").search(size=0).meta.headers
    assert headers["x-opaque-id"] == "notebook-7"
    assert len(headers["x-request-id"]) == 16


def test_health_and_tables(es, door):
    assert es.cluster.health()["status"] == "green"
    assert es.cat.count(index="models", format="json") == [{"count": str(len(door.rows))}]
    assert "models" in str(es.cat.indices(v=True, format="json"))
