"""Sums that no double can hold are infinite, never an error and never missing."""

import math

import pytest
from fixtures.es_door import ENGINES, engine_pair, filled

from catalog.dsl.body import from_dsl
from catalog.settings import Settings

KINDS = ["sum", "avg", "stats", "extended_stats"]


pytestmark = pytest.mark.filterwarnings("ignore:Elasticsearch built-in security features are not enabled")


@pytest.fixture(params=ENGINES)
def engine(request, tmp_path):
    with engine_pair(request.param, Settings(home=tmp_path), request) as (writer, engine):
        rows = [
            {"id": f"{at:064x}", "name": "m", "metrics": {"accuracy": 1e308, "loss": -1e308}}
            for at in range(4)
        ]
        filled(writer, rows)
        yield engine


@pytest.mark.parametrize(("metric", "expected"), [("accuracy", math.inf), ("loss", -math.inf)])
def test_sums_beyond_doubles_are_infinite(engine, metric, expected):
    aggs = {kind: {kind: {"field": f"metrics.{metric}"}} for kind in KINDS}
    found = engine.search(from_dsl({"size": 0, "aggs": aggs})[0]).aggregations
    assert found["sum"].values == found["avg"].values == {"value": expected}
    for kind in ("stats", "extended_stats"):
        assert {found[kind].values[name] for name in ("sum", "avg")} == {expected}
    assert found["extended_stats"].values["sum_of_squares"] == math.inf


def test_a_histogram_of_the_largest_numbers_is_answered_or_refused(engine):
    wide = {
        "histogram": {"field": "metrics.accuracy", "interval": 1e308},
        "aggs": {"a": {"sum": {"field": "metrics.loss"}}},
    }
    request, _ = from_dsl({"size": 0, "aggs": {"wide": wide}})
    assert [bucket.count for bucket in engine.search(request).aggregations["wide"].buckets] == [4]
