"""Every refusal names a part that one can see, whatever name the caller gave, an empty one included.

`{"sort": ""}` was answered with `[] is not a field of a model.`: a person saw a hole, and the test that looks for the
part's name failed on the day hypothesis drew it.
"""

from __future__ import annotations

import re

import pytest
from fixtures.refusals import refused
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.dsl.body import from_dsl
from catalog.errors import RequestRefused

IN_BRACKETS = re.compile(r"\[(.*?)\](?!\])")
NAMES = {
    "nothing": "",
    "a space": " ",
    "tabs and lines": "\t\r\n",
    "no-break space": "\u00a0",
    "ideographic space": "\u3000",
    "no width": "\u200b",
    "byte order mark": "\ufeff",
    "a letter that shows nothing": "\u3164",
    "a symbol that shows nothing": "\u2800",
    "such a letter and a space": "\u3164 ",
    "direction": "\u202e",
    "null": "\0",
    "half a character": "\ud800",
    "private": "\ue000",
    "no ASCII": "模型",
    "a number": 7,
    "brackets": "[]",
    "a quotation mark": '"',
    "long": "x" * 5_000,
}
PLACES = {
    "top": lambda name: {name: 1},
    "sort": lambda name: {"sort": name},
    "sort in a list": lambda name: {"sort": [name]},
    "sort by name": lambda name: {"sort": [{name: "asc"}]},
    "option of sort": lambda name: {"sort": [{"parameters": {name: 1}}]},
    "direction of sort": lambda name: {"sort": [{"parameters": {"order": name}}]},
    "kind of clause": lambda name: {"query": {name: {}}},
    "field of term": lambda name: {"query": {"term": {name: 1}}},
    "field of terms": lambda name: {"query": {"terms": {name: [1]}}},
    "field of range": lambda name: {"query": {"range": {name: {"gt": 1}}}},
    "bound of range": lambda name: {"query": {"range": {"parameters": {name: 1}}}},
    "field of exists": lambda name: {"query": {"exists": {"field": name}}},
    "field of match": lambda name: {"query": {"match": {name: "a"}}},
    "field of prefix": lambda name: {"query": {"prefix": {name: "abc"}}},
    "field of wildcard": lambda name: {"query": {"wildcard": {name: "abc*"}}},
    "fields of multi_match": lambda name: {"query": {"multi_match": {"query": "a", "fields": [name]}}},
    "part of bool": lambda name: {"query": {"bool": {name: []}}},
    "path of nested": lambda name: {"query": {"nested": {"path": name, "query": {"match_all": {}}}}},
    "field inside nested": lambda name: {
        "query": {"nested": {"path": "evaluations", "query": {"term": {name: 1}}}}
    },
    "kind of aggregation": lambda name: {"aggs": {"a": {name: {}}}},
    "field of an aggregation": lambda name: {"aggs": {"a": {"terms": {"field": name}}}},
    "option of an aggregation": lambda name: {"aggs": {"a": {"terms": {"field": "task", name: 1}}}},
    "order of an aggregation": lambda name: {
        "aggs": {"a": {"terms": {"field": "task", "order": {name: "asc"}}}}
    },
    "metric of an aggregation": lambda name: {"aggs": {"a": {"avg": {"field": name}}}},
    "bucket without a kind": lambda name: {"aggs": {name: {}}},
    "filter without a kind": lambda name: {"aggs": {"a": {"filters": {"filters": {name: {}}}}}},
    "field of highlight": lambda name: {"highlight": {"fields": {name: {}}}},
    "option of highlight": lambda name: {"highlight": {"fields": {"name": {}}, name: 1}},
    "fields": lambda name: {"fields": [name]},
    "fields with a form": lambda name: {"fields": [{"field": name, "format": "epoch_millis"}]},
    "option of _source": lambda name: {"_source": {name: []}},
    "option of a point in time": lambda name: {"pit": {"id": "a", name: 1}},
}


def is_visible(text):
    """Something to see, and nothing that a terminal or a log would not show."""
    return text.isprintable() and any(
        character.isprintable()
        and not character.isspace()
        and character not in "\u2800\u3164\u115f\u1160\uffa0"
        for character in text
    )


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("body", PLACES.values(), ids=PLACES)
def test_any_name_at_any_place_is_refused_by_a_part_that_one_sees(body, name):
    with pytest.raises(RequestRefused) as caught:
        from_dsl(body(name))
    assert is_visible(caught.value.part)
    assert str(caught.value) == f"[{caught.value.part}] {caught.value.reason}"
    assert len(caught.value.part) <= 300


names = st.one_of(
    st.sampled_from([*NAMES.values()]),
    st.text(st.characters(), max_size=4),
    st.text(st.characters(categories=["Zs", "Cc", "Cf", "Cs", "Co", "Lo"]), max_size=2),
    st.integers(),
    st.none(),
)
known = st.sampled_from(
    [
        *(
            "query",
            "sort",
            "aggs",
            "fields",
            "highlight",
            "_source",
            "term",
            "bool",
            "must",
            "filters",
            "terms",
        ),
        *(
            "range",
            "match",
            "nested",
            "path",
            "field",
            "order",
            "task",
            "name",
            "parameters",
            "missing",
            "pit",
        ),
    ]
)
values = st.recursive(
    names | known | st.booleans() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | known, inner, max_size=3),
    max_leaves=8,
)


@given(body=st.dictionaries(known | names, values, max_size=3) | values)
@example(body={"sort": ""})
def test_any_body_is_read_or_refused_by_a_part_that_one_sees(body):
    try:
        from_dsl(body)
    except RequestRefused as refusal:
        assert is_visible(refusal.part), body  # noqa: PT017 - the other way out is fine, too


@given(place=st.sampled_from([*PLACES.values()]), name=names)
def test_any_name_drawn_is_read_or_refused_by_a_part_that_one_sees(place, name):
    try:
        from_dsl(place(name))
    except RequestRefused as refusal:
        assert is_visible(refusal.part), name  # noqa: PT017 - the other way out is fine, too


ADDRESSES = {
    "parameter without a name": ("GET", "/es/models/_search?=1", 400),
    "parameter that shows nothing": ("GET", "/es/models/_search?%E2%80%8B=1", 400),
    "index that shows nothing": ("GET", "/es/%E3%85%A4/_search", 404),
    "index of a space": ("GET", "/es/%20/_search", 400),
    "indices without names": ("GET", "/es/,/_search", 400),
    "sort without a name": ("GET", "/es/models/_search?sort=:asc", 400),
    "endpoint that shows nothing": ("GET", "/es/models/%E3%85%A4", 400),
    "write to what shows nothing": ("PUT", "/es/models/%E3%85%A4", 403),
    "scroll that shows nothing": ("GET", "/es/_search/scroll?scroll_id=%E3%85%A4", 404),
    "scroll without a name": ("GET", "/es/_search/scroll?scroll_id=", 404),
    "document that shows nothing": ("GET", "/es/models/_source/%E3%85%A4", 404),
}


@pytest.mark.parametrize(("method", "path", "status"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_is_refused_by_a_part_that_one_sees(small_es, method, path, status):
    reason = refused(small_es.open(path, method=method), status)
    assert is_visible(reason)
    assert all(map(is_visible, IN_BRACKETS.findall(reason)))


@pytest.mark.parametrize(
    "name",
    [name for name in NAMES.values() if isinstance(name, str)],
    ids=[place for place, name in NAMES.items() if isinstance(name, str)],
)
def test_the_same_names_at_the_door(untouched, name):
    reason = refused(untouched.post("/es/models/_search", json={"sort": [{name: "asc"}]}), 400)
    assert is_visible(reason)
    assert all(map(is_visible, IN_BRACKETS.findall(reason)))
    assert untouched.engine.calls == []


@pytest.mark.parametrize(
    "body", [{"sort": ["last_seen"]}, {"query": {"range": {"last_seen": {"lt": "now-30d"}}}}]
)
def test_what_no_index_holds_is_refused_with_what_to_ask_instead(body):
    """It was answered by what was so when each model last changed: models that are there counted as long unseen."""
    with pytest.raises(RequestRefused, match=r"last_seen.*is:missing"):
        from_dsl(body)
