"""The quick way to the canonical form writes what the library for RFC 8785 writes."""

import json
import math
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.store.canonical import canonical, document_sha256, sanitised

text = st.text(max_size=12)
number = (
    st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(-1000, 1000, places=4).map(float)
)
value = st.recursive(
    st.none() | st.booleans() | number | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)


class StatedText(str):
    """As YAML readers have it: it knows whether it was quoted."""

    __slots__ = ()


@given(st.dictionaries(text, value, max_size=5))
@example({"\ue000": 1, "\U00010000": 2})  # sorted differently in UTF-16 and in UTF-8
@example({"a": -0.0, "b": 1e21, "c": 1e-7, "d": 1e15, "e": 1e16, "f": 0.0001, "g": 0.00001, "h": 5e-324})
@example({"a": 100.0, "b": 123456789012345.6, "c": 0.1 + 0.2, "d": 1 / 3, "e": -2.5e-4})
@example({'\x00\x1f\x7f"\\/': "\b\t\n\f\r\u2028\ud7ff\U0010ffff"})
def test_both_ways_write_the_same_bytes(content):
    assert canonical(content) == rfc8785.dumps(content)


def without_what_is_absent(value):
    if isinstance(value, dict):
        return {name: without_what_is_absent(item) for name, item in value.items() if item is not None}
    return [without_what_is_absent(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(text.filter(lambda key: "\0" not in key), value, max_size=5))
@example({"a": -0.0, "b": 1e21, "c": 1.0, "d": [None, {"e": None}], "f": "null", "g": True, "h": 2**53 - 1})
def test_a_document_that_is_fit_is_kept_to_the_last_digit(content):
    """Equal in repr: 1.0 is not 1, and -0.0 not 0.0."""
    document = json.loads(json.dumps(content).replace("\\u0000", "\\u2400"))
    assert repr(sanitised(document)) == repr(without_what_is_absent(document))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\0b", "a\u2400b"),
        ("\ud800", "\\ud800"),
        (math.nan, None),
        (2**53, "9007199254740992"),
        ((1, 2), [1, 2]),
        ({3: "x"}, {"3": "x"}),
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02 00:00:00+00:00"),
        (StatedText("1.10"), "1.10"),
    ],
    ids=["nul", "surrogate", "nan", "large", "tuple", "key", "date", "text-that-knows-more"],
)
def test_what_is_not_fit_is_made_so_beside_what_is(value, kept):
    document = sanitised({"before": 1.0, "value": value, "after": "x"})
    assert document == {"before": 1.0, **({} if kept is None else {"value": kept}), "after": "x"}
    assert type(document.get("value")) is type(kept)


def test_a_whole_number_is_one_number_however_python_holds_it():
    assert document_sha256({"accuracy": 1.0, "steps": 3}) == document_sha256({"accuracy": 1, "steps": 3.0})


def test_what_only_the_library_can_write_is_left_to_it():
    document = sanitised({"é": [math.pi * 1e-9, 1e300], "n": 2**60})
    assert canonical(document) == rfc8785.dumps(document)
