"""Whatever an analyst or an attacker sends, what is not allowed is refused by name before anything reaches an engine."""

import json

import pytest
from fixtures.hostile_dsl import ALLOWED, REFUSED

from catalog.dsl.body import MAX_BODY_BYTES, error_body, from_dsl, to_dsl
from catalog.errors import RequestRefused


@pytest.mark.parametrize(("body", "part"), REFUSED.values(), ids=REFUSED)
def test_hostile_body_is_refused_by_the_name_of_its_part(body, part):
    with pytest.raises(RequestRefused) as refused:
        from_dsl(body)
    assert refused.value.part == part
    answer = error_body(refused.value)
    assert answer["status"] == 400
    assert answer["error"]["type"] == "parsing_exception"
    assert answer["error"]["reason"].startswith(f"[{part}]")
    assert answer["error"]["root_cause"][0]["reason"] == answer["error"]["reason"]


@pytest.mark.parametrize(
    "raw",
    [b"{", b"[[[[" * 10_000, b'{"size": NaN}', b"\xff\xfe", b'{"a":' + b"1" * MAX_BODY_BYTES + b"}"],
    ids=["cut", "deep", "nan", "no utf-8", "long"],
)
def test_body_that_is_no_json_is_refused(raw):
    with pytest.raises(RequestRefused) as refused:
        from_dsl(raw)
    assert refused.value.part == "body"


def test_a_name_that_stands_twice_is_refused_and_not_lost():
    """The second `must` would take the place of the first, and find too much."""
    raw = b'{"query": {"bool": {"must": {"term": {"task": "ner"}}, "must": {"match_all": {}}}}}'
    with pytest.raises(RequestRefused) as refused:
        from_dsl(raw)
    assert refused.value.part == "must"


@pytest.mark.parametrize("body", ALLOWED.values(), ids=ALLOWED)
def test_request_of_an_analyst_passes_and_stays_the_same_through_our_types(body):
    request, _ = from_dsl(json.dumps(body).encode())
    again, _ = from_dsl(json.dumps(to_dsl(request)))
    assert to_dsl(again) == to_dsl(request)
