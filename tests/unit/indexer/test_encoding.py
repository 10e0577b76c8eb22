import json
import math

import pytest

from indexer.encoding import encoded


def test_plain_document_is_compact_utf8():
    assert encoded({"name": "Café", "sizes": [1, 2.5], "ok": True, "none": None}) == (
        '{"name":"Café","sizes":[1,2.5],"ok":true,"none":null}'.encode()
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_becomes_null(value):
    assert json.loads(encoded({"deep": [{"loss": value}]})) == {"deep": [{"loss": None}]}
    assert json.loads(encoded({"loss": value, "too": 2**70})) == {"loss": None, "too": 2**70}


def test_integer_beyond_64_bits_stays_exact():
    assert json.loads(encoded({"count": 2**80})) == {"count": 2**80}


def test_lone_surrogate_becomes_visible_in_keys_and_values():
    assert json.loads(encoded({"a\ud800": ["b\udfff"]})) == {"a\\ud800": ["b\\udfff"]}


def test_key_that_is_no_text_and_value_that_json_does_not_know_become_text():
    assert json.loads(encoded({1: {"path": b"x", "pair": (1, 2)}})) == {"1": {"path": "b'x'", "pair": [1, 2]}}
