"""The 10,001st result, ties at page borders, an index that changes between pages: nothing is lost, nothing comes twice."""

from __future__ import annotations

import pytest
from fixtures.es_door import app_over, engine_pair, filled

from catalog.search.engine import IndexAction
from catalog.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")
MANY = 10_050


def tied(number):
    """Documents that differ in their id alone, so that every page border is a tie."""
    return {"id": f"{number:064x}", "name": "twin", "task": "ner", "parameters": 7}


@pytest.fixture(scope="module", params=["tantivy", "elasticsearch"])
def many(request, tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("many"), api_timeout_seconds=60.0)
    with engine_pair(request.param, settings, request) as (writer, engine):
        filled(writer, [tied(number) for number in range(MANY)])
        app = app_over(engine, settings)
        client = app.test_client()
        client.writer = writer
        yield client
        app.extensions["modeldex-es"].close()


def asked(client, path, body):
    answer = client.post(f"/es{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@pytest.mark.parametrize(
    "body",
    [{"from": 10_000}, {"from": 9_999, "size": 2}, {"from": 99_999, "size": 10}],
    ids=["first beyond", "last of a page", "far beyond"],
)
def test_result_beyond_the_window_is_refused_with_the_way_on(many, body):
    answer = many.post("/es/models/_search", json={"size": 10, **body})
    assert answer.status_code == 400
    reason = answer.get_json()["error"]["reason"]
    assert reason.startswith("[from]")
    assert "10,000" in reason


def test_total_is_exact_or_marked(many):
    exact = asked(many, "/models/_search", {"size": 0, "track_total_hits": True})
    assert exact["hits"]["total"] == {"value": MANY, "relation": "eq"}
    marked = asked(many, "/models/_search", {"size": 0})
    assert marked["hits"]["total"] == {"value": 10_000, "relation": "gte"}
    assert asked(many, "/models/_count", {})["count"] == MANY


def test_size_zero_counts(many):
    body = {"size": 0, "aggs": {"tasks": {"terms": {"field": "task"}}}}
    found = asked(many, "/models/_search", body)
    assert found["hits"]["hits"] == []
    assert found["aggregations"]["tasks"]["buckets"] == [{"key": "ner", "doc_count": MANY}]


@pytest.mark.parametrize("sort", [["parameters"], [{"name": "desc"}], [], ["_doc"]], ids=str)
def test_all_are_read_once_over_ties_while_models_come_and_go(many, sort):
    point = asked(many, "/models/_pit?keep_alive=1m", {})["id"]
    body = {"size": 1_000, "pit": {"id": point, "keep_alive": "1m"}, "track_total_hits": False}
    body |= {"sort": sort} if sort else {}
    seen, revision = [], 1
    while True:
        hits = asked(many, "/_search", body)["hits"]["hits"]
        if not hits:
            break
        seen += [hit["_id"] for hit in hits]
        body["search_after"] = hits[-1]["sort"]
        revision += 1
        gone, late = tied(MANY - revision), tied(MANY + revision)
        many.writer.write(
            [
                IndexAction(id=gone["id"], revision=revision, document=None),
                IndexAction(id=late["id"], revision=revision, document=late),
            ]
        )
        many.writer.refresh()
    restored = [tied(number) for number in range(MANY - revision, MANY)]
    many.writer.write([IndexAction(id=row["id"], revision=99, document=row) for row in restored])
    late = [tied(MANY + number)["id"] for number in range(revision + 1)]
    many.writer.write([IndexAction(id=one, revision=99, document=None) for one in late])
    many.writer.refresh()
    assert sorted(seen) == [tied(number)["id"] for number in range(MANY)]
    assert many.delete("/es/_pit", json={"id": point}).get_json()["num_freed"] == 1


def test_scroll_reads_past_the_window(many):
    found = asked(many, "/models/_search?scroll=1m", {"size": 1_000, "sort": "_doc"})
    seen = 0
    while found["hits"]["hits"]:
        seen += len(found["hits"]["hits"])
        found = asked(many, "/_search/scroll", {"scroll_id": found["_scroll_id"], "scroll": "1m"})
    assert seen == MANY
    assert many.delete("/es/_search/scroll", json={"scroll_id": found["_scroll_id"]}).status_code == 200
