"""`filter_path` cuts answers as Elasticsearch does."""

import pytest

from webui.es.faults import Fault
from webui.es.filtering import read_filter

ANSWER = {
    "took": 3,
    "hits": {
        "total": {"value": 2},
        "hits": [
            {"_id": "a", "_score": 1.0, "_source": {"name": "x", "metrics": {"f1": 0.9}}},
            {"_id": "b", "_score": 0.5, "_source": {"name": "y"}},
        ],
    },
    "aggregations": {"t": {"buckets": [{"key": "ner", "doc_count": 2}]}},
}
CASES = {
    "one name": ("took", {"took": 3}),
    "below": ("hits.total.value", {"hits": {"total": {"value": 2}}}),
    "through lists": ("hits.hits._id", {"hits": {"hits": [{"_id": "a"}, {"_id": "b"}]}}),
    "whole branch": ("aggregations", {"aggregations": ANSWER["aggregations"]}),
    "star": ("hits.t*", {"hits": {"total": {"value": 2}}}),
    "star for a level": ("*.total", {"hits": {"total": {"value": 2}}}),
    "any depth": ("**.f1", {"hits": {"hits": [{"_source": {"metrics": {"f1": 0.9}}}]}}),
    "any depth below": (
        "hits.**.name",
        {"hits": {"hits": [{"_source": {"name": "x"}}, {"_source": {"name": "y"}}]}},
    ),
    "two": ("took,hits.total", {"took": 3, "hits": {"total": {"value": 2}}}),
    "none there": ("nothing.at.all", {}),
    "left out": ("-hits,-aggregations", {"took": 3}),
    "left out below": (
        "hits.hits,-**._source,-hits.hits._score",
        {"hits": {"hits": [{"_id": "a"}, {"_id": "b"}]}},
    ),
    "empty": ("", ANSWER),
    "everything": ("**", ANSWER),
}


@pytest.mark.parametrize(("pattern", "expected"), CASES.values(), ids=CASES)
def test_answer_is_cut_to_the_pattern(pattern, expected):
    assert read_filter(pattern).applied(ANSWER) == expected


@pytest.mark.parametrize("pattern", [",".join("a" * 51), "a." * 30, "x" * 301], ids=["many", "deep", "long"])
def test_filters_are_bounded(pattern):
    with pytest.raises(Fault):
        read_filter(pattern)


def test_many_any_depths_take_no_more_steps_than_names():
    """Every pattern is a set of positions, so a hostile one costs what a plain one does."""
    deep = {"a": 1}
    for _ in range(300):
        deep = {"a": deep}
    assert read_filter(".".join(["**", "a"] * 10)).applied(deep) == deep
