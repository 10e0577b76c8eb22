"""Clients of other generations and makes against /es/: elasticsearch-py 7.17 and opensearch-py 2.8."""

from __future__ import annotations

from importlib import import_module

import pytest

pytestmark = [
    pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
QUERY = {"range": {"metrics.accuracy": {"gt": 0.5}}}


@pytest.fixture(params=["elasticsearch7.Elasticsearch", "opensearchpy.OpenSearch"])
def client(request, door):
    """The client, and the helpers that come with it."""
    module, _, name = request.param.partition(".")
    imported = pytest.importorskip(module, reason="pip install -e '.[test]'")
    options = {"headers": {"Authorization": "ApiKey second-secret"}}
    opened = getattr(imported, name)([door.url], **options)
    yield opened, import_module(f"{module}.helpers")
    opened.close()


def accurate(door):
    return [row for row in door.rows if row.get("metrics", {}).get("accuracy", 0) > 0.5]


def test_a_faceted_search_and_single_documents(client, door):
    es, _ = client
    aggs = {
        "tasks": {"terms": {"field": "task", "size": 50}},
        "pairs": {"composite": {"size": 2, "sources": [{"task": {"terms": {"field": "task"}}}]}},
    }
    answer = es.search(index="models", body={"size": 3, "query": QUERY, "aggs": aggs})
    rows = accurate(door)
    assert answer["hits"]["total"]["value"] == len(rows)
    counted = sum(bucket["doc_count"] for bucket in answer["aggregations"]["tasks"]["buckets"])
    assert counted == sum("task" in row for row in rows)
    assert len(answer["aggregations"]["pairs"]["buckets"]) == 2
    first = answer["hits"]["hits"][0]["_id"]
    assert es.get(index="models", id=first)["_id"] == first
    assert es.exists(index="models", id=first)
    assert [found["_id"] for found in es.mget(index="models", body={"ids": [first]})["docs"]] == [first]


def test_all_that_is_found_is_scrolled_through(client, door):
    es, helpers = client
    found = {hit["_id"] for hit in helpers.scan(es, index="models", query={"query": QUERY}, size=50)}
    assert found == {row["id"] for row in accurate(door)}
    assert es.count(index="models", body={"query": QUERY})["count"] == len(found)


def test_what_is_refused_is_named(client):
    es, _ = client
    refusals = import_module(f"{type(es).__module__.partition('.')[0]}.exceptions")
    with pytest.raises(refusals.RequestError) as refused:
        es.search(index="models", body={"query": {"script": {"script": "1"}}})
    assert "script" in str(refused.value.info)
