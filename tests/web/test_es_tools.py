"""What tools send to /es/: eland's groups, Grafana's panels, OpenSearch's points in time, `_search?q=`.

The bodies have the form that eland 8.18, Grafana's Elasticsearch data source and opensearch-py 3 send. eland and
opensearch-py were run by hand against a real server, too.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")
HEADERS = {"accept": "application/json", "content-type": "application/json"}


def asked(es, method, path, body=None, headers=None):
    return es.perform_request(method, path, headers=headers or HEADERS, body=body).body


def low(row, name):
    value = row.get(name)
    return value.casefold() if isinstance(value, str) else value


def pairs(door):
    counted = Counter((low(row, "framework"), low(row, "task")) for row in door.rows)
    return {pair: count for pair, count in counted.items() if None not in pair}


def test_a_composite_is_read_page_by_page_to_its_end(es, door):
    """eland's groupby."""
    sources = [
        {"framework": {"terms": {"field": "framework", "missing_bucket": False}}},
        {"task": {"terms": {"field": "task", "order": "desc"}}},
    ]
    composite = {"size": 4, "sources": sources}
    seen = []
    while True:
        aggs = {"groups": {"composite": composite, "aggs": {"most": {"max": {"field": "parameters"}}}}}
        answer = es.search(index="models", size=0, aggs=aggs)["aggregations"]["groups"]
        if not answer["buckets"]:
            break
        seen += answer["buckets"]
        composite = {**composite, "after": answer["after_key"]}
    keys = [(low(bucket["key"], "framework"), low(bucket["key"], "task")) for bucket in seen]
    assert {key: bucket["doc_count"] for key, bucket in zip(keys, seen, strict=True)} == pairs(door)
    assert keys == sorted(sorted(keys, key=lambda key: key[1], reverse=True), key=lambda key: key[0])
    for key, bucket in list(zip(keys, seen, strict=True))[:3]:
        group = [row for row in door.rows if (low(row, "framework"), low(row, "task")) == key]
        most = max((row["parameters"] for row in group if "parameters" in row), default=None)
        assert bucket["most"]["value"] == most


def test_a_panel_over_time_has_empty_buckets_to_its_ends(es, door):
    """Grafana's time series: milliseconds everywhere, a text of its own, bounds that reach beyond the data."""
    start, end = datetime(2022, 1, 1, tzinfo=UTC), datetime(2022, 3, 1, tzinfo=UTC)
    first, last = (round(moment.timestamp() * 1000) for moment in (start, end))
    histogram = {
        "field": "created_at",
        "fixed_interval": "604800000ms",
        "min_doc_count": 0,
        "extended_bounds": {"min": first, "max": last},
        "format": "epoch_millis",
    }
    within = {"range": {"created_at": {"gte": first, "lte": last, "format": "epoch_millis"}}}
    body = {
        "size": 0,
        "query": {"bool": {"filter": [within, {"query_string": {"analyze_wildcard": True, "query": "*"}}]}},
        "aggs": {"2": {"date_histogram": histogram, "aggs": {"1": {"avg": {"field": "parameters"}}}}},
    }
    header = {"ignore_unavailable": True, "index": "models", "search_type": "query_then_fetch"}
    ndjson = {"accept": "application/json", "content-type": "application/x-ndjson"}
    (answer,) = asked(es, "POST", "/_msearch", [header, body], ndjson)["responses"]
    buckets = answer["aggregations"]["2"]["buckets"]
    week = 7 * 86_400_000
    assert [bucket["key"] for bucket in buckets] == list(range(first // week * week, last + 1, week))
    inside = [
        row
        for row in door.rows
        if "created_at" in row and start <= datetime.fromisoformat(row["created_at"]) <= end
    ]
    assert sum(bucket["doc_count"] for bucket in buckets) == len(inside)
    assert {bucket["1"]["value"] for bucket in buckets if not bucket["doc_count"]} <= {None}


def test_a_panel_over_time_is_parted_by_a_value(es, door):
    """Grafana's "group by", with a measure in each part: three levels, of which two were taken."""
    measured = {"1": {"max": {"field": "parameters"}}}
    months = {
        "date_histogram": {"field": "best_date", "calendar_interval": "year", "min_doc_count": 1},
        "aggs": measured,
    }
    body = {"size": 0, "aggs": {"3": {"terms": {"field": "task", "size": 50}, "aggs": {"2": months}}}}
    buckets = asked(es, "POST", "/models/_search", body)["aggregations"]["3"]["buckets"]
    parted = {
        (bucket["key"], datetime.fromtimestamp(year["key"] / 1000, UTC).year): year["1"]["value"]
        for bucket in buckets
        for year in bucket["2"]["buckets"]
    }
    expected = {}
    for row in door.rows:
        if "task" in row and "best_date" in row:
            key = low(row, "task"), datetime.fromisoformat(row["best_date"]).year
            expected[key] = max(filter(None, (expected.get(key), row.get("parameters"))), default=None)
    assert {(key[0].casefold(), key[1]): value for key, value in parted.items()} == expected


LOGS = {
    "size": 500,
    "sort": [{"best_date": {"order": "desc", "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}],
    "script_fields": {},
    "highlight": {
        "fields": {"*": {}},
        "pre_tags": ["@HIGHLIGHT@"],
        "post_tags": ["@/HIGHLIGHT@"],
        "fragment_size": 2**31 - 1,
    },
    "fields": [{"field": "best_date", "format": "strict_date_optional_time_nanos"}],
}


def test_the_last_hours_and_the_documents_behind_them_are_shown(es, door):
    """What Grafana sends by default: a bucket each ten seconds of six hours, and in Explore documents with all that was found."""
    moment = max(datetime.fromisoformat(row["best_date"]) for row in door.rows if "best_date" in row)
    last = round(moment.timestamp() * 1000)
    first = last - 6 * 3_600_000
    within = {"range": {"best_date": {"gte": first, "lte": last, "format": "epoch_millis"}}}
    line = {
        "field": "best_date",
        "fixed_interval": "10000ms",
        "min_doc_count": 0,
        "extended_bounds": {"min": first, "max": last},
        "format": "epoch_millis",
    }
    measured = {"1": {"max": {"field": "parameters"}}}
    body = {
        **LOGS,
        "query": {"bool": {"filter": [within, {"query_string": {"analyze_wildcard": True, "query": "*"}}]}},
        "aggs": {"2": {"date_histogram": line, "aggs": measured}},
    }
    answer = asked(es, "POST", "/models/_search", body)
    inside = [
        row
        for row in door.rows
        if "best_date" in row and first <= datetime.fromisoformat(row["best_date"]).timestamp() * 1000 <= last
    ]
    buckets = answer["aggregations"]["2"]["buckets"]
    assert len(buckets) == 2_161
    assert sum(bucket["doc_count"] for bucket in buckets) == answer["hits"]["total"]["value"] == len(inside)
    full = [bucket["1"]["value"] for bucket in buckets if bucket["doc_count"]]
    assert max(filter(None, full), default=None) == max(
        (row["parameters"] for row in inside if "parameters" in row), default=None
    )
    assert {bucket["1"]["value"] for bucket in buckets if not bucket["doc_count"]} == {None}


def test_a_table_of_documents_takes_values_by_field(es, door):
    """Grafana's raw data: an empty list of scripts, the time as a stored value, ties by _doc."""
    body = {
        "size": 500,
        "query": {"bool": {"filter": [{"query_string": {"analyze_wildcard": True, "query": "task:ner"}}]}},
        "sort": [{"created_at": {"order": "desc", "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}],
        "script_fields": {},
        "docvalue_fields": ["name", {"field": "created_at", "format": "epoch_millis"}],
    }
    hits = asked(es, "POST", "/models/_search", body)["hits"]["hits"]
    assert len(hits) == sum(low(row, "task") == "ner" for row in door.rows)
    dated = next(hit for hit in hits if "created_at" in hit["_source"])
    moment = datetime.fromisoformat(dated["_source"]["created_at"])
    assert dated["fields"]["created_at"] == [str(round(moment.timestamp() * 1000))]
    assert dated["fields"]["name"] == [dated["_source"]["name"]]


def test_the_documents_of_a_period_are_shown_as_kibana_asks_for_them(es, door):
    """Its Discover sends empty runtime mappings and scripts, all stored fields and all fields."""
    period = {"gte": "2000-01-01T00:00:00.000Z", "lte": "2100-01-01T00:00:00.000Z"}
    within = {"range": {"best_date": {"format": "strict_date_optional_time", **period}}}
    body = {
        "track_total_hits": True,
        "sort": [
            {
                "best_date": {
                    "order": "desc",
                    "format": "strict_date_optional_time",
                    "unmapped_type": "boolean",
                }
            },
            {"_doc": {"order": "desc", "unmapped_type": "boolean"}},
        ],
        "fields": [{"field": "*", "include_unmapped": "true"}],
        "size": 5,
        "version": True,
        "script_fields": {},
        "stored_fields": ["*"],
        "runtime_mappings": {},
        "_source": False,
        "query": {"bool": {"must": [], "filter": [within], "should": [], "must_not": []}},
    }
    answer = asked(es, "POST", "/models/_search", body)["hits"]
    dates = [row["best_date"] for row in door.rows if "best_date" in row]
    assert answer["total"]["value"] == sum("2000" <= date < "2100-01-02" for date in dates)
    assert all("best_date" in hit["fields"] for hit in answer["hits"])


def test_clients_list_the_index_and_how_far_it_reaches(es):
    assert es.indices.get_alias().body == {"models": {"aliases": {}}}
    assert es.indices.get_alias(index="models*").body == {"models": {"aliases": {}}}
    assert asked(es, "GET", "/_aliases") == {"models": {"aliases": {}}}
    assert not es.indices.exists_alias(name="prod")
    settings = es.indices.get_settings(index="models").body
    assert settings["models"]["settings"]["index"]["max_result_window"] == "10000"


def test_ten_thousand_hits_may_be_asked_for_at_once(es, door):
    assert len(es.search(index="models", size=10_000)["hits"]["hits"]) == len(door.rows)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("task:ner", lambda row: low(row, "task") == "ner"),
        (
            "metrics.accuracy:>0.5 AND NOT framework:onnx",
            lambda row: row.get("metrics", {}).get("accuracy", 0) > 0.5 and low(row, "framework") != "onnx",
        ),
        ("metrics.loss:[0.2 TO 0.6]", lambda row: 0.2 <= row.get("metrics", {}).get("loss", -1) <= 0.6),
        ("_exists_:license", lambda row: "license" in row),
        (
            "hyperparameters.dropout:>=0.2",
            lambda row: row.get("hyperparameters", {}).get("dropout", 0) >= 0.2,
        ),
        ("*", lambda row: True),
    ],
)
def test_a_text_in_the_address_is_read_as_the_search_box_reads_it(es, door, text, wanted):
    expected = sum(bool(wanted(row)) for row in door.rows)
    assert es.search(index="models", q=text, size=0)["hits"]["total"]["value"] == expected
    assert es.count(index="models", q=text)["count"] == expected


def test_a_text_that_is_not_understood_is_refused_by_name(es):
    refused = es.options(ignore_status=400).search(index="models", q="name:/b.*/")
    assert refused["status"] == 400
    assert "query_string" in refused["error"]["reason"]


def test_points_in_time_in_the_words_of_opensearch(es, door):
    opened = asked(es, "POST", "/models/_search/point_in_time?keep_alive=1m")
    page = {"size": 7, "sort": [{"_id": "asc"}], "pit": {"id": opened["pit_id"], "keep_alive": "1m"}}
    hits = asked(es, "POST", "/_search", page)["hits"]["hits"]
    assert [hit["_id"] for hit in hits] == sorted(row["id"] for row in door.rows)[:7]
    closed = asked(es, "DELETE", "/_search/point_in_time", {"pit_id": [opened["pit_id"]]})
    assert closed == {"pits": [{"successful": True, "pit_id": opened["pit_id"]}]}


def test_hyper_parameters_and_metrics_on_a_data_set_are_fields(es, door):
    def on_imagenet(row):
        return [
            one["value"]
            for one in row.get("evaluations", [])
            if low(one, "metric") == "accuracy" and low(one, "dataset") == "imagenet" and "value" in one
        ]

    best = es.search(index="models", size=1, sort=[{"metrics.accuracy@imagenet": "desc"}])["hits"]["hits"][0]
    reported = [value for row in door.rows for value in on_imagenet(row)[:1]]
    assert on_imagenet(best["_source"])
    assert best["sort"][0] <= max(value for row in door.rows for value in on_imagenet(row))
    stats = {"stats": {"field": "hyperparameters.dropout"}}
    answer = es.search(index="models", size=0, aggs={"dropout": stats})["aggregations"]["dropout"]
    values = [
        row["hyperparameters"]["dropout"] for row in door.rows if "dropout" in row.get("hyperparameters", {})
    ]
    assert (answer["count"], answer["max"]) == (len(values), max(values))
    assert reported
