"""JSON from outside: what comes out, and that the two decoders agree."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ExtractError, LimitExceeded
from crawler.formats import jsons

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**39), 10**39)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_every_json_value_comes_back_as_it_was(value):
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    assert jsons.load(data) == json.loads(data)


def test_sign_is_no_digit_to_either_decoder():
    longest = -(10 ** (jsons.MAX_INT_DIGITS - 1))
    assert jsons.load(f"[{longest}]".encode()) == [longest]
    assert jsons.load(f"[{longest}, 1e100]".encode()) == [longest, 1e100]
    for others in ("", ", 1e100"):
        with pytest.raises(LimitExceeded):
            jsons.load(f"[{longest}0{others}]".encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_typed_error(data):
    try:
        jsons.load(data)
    except ExtractError:
        return


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", "NaN"),
        ("[Infinity, -Infinity]", ["Infinity", "-Infinity"]),
        ("1e400", "1e400"),
        ("-1e400", "-1e400"),
        ("1e-400", 0.0),
        ("1e100", 1e100),
        ("9" * 40, int("9" * 40)),
        ('"1e400"', "1e400"),
        ('"\\ud800x"', "\ufffdx"),
        ('{"\\udfff": 1}', {"\ufffd": 1}),
        ('"a\nb"', "a\nb"),
        ("\ufeff[1]", [1]),
    ],
)
def test_unusual_values_stay_what_they_are_or_become_text(text, value):
    assert jsons.load(text.encode()) == value


def test_keys_that_stand_twice_are_noted_and_the_last_counts():
    value = jsons.load(b'{"a": 1, "b": 2, "a": 3, "c": {"d": 1, "d": 2}}')
    assert value == {"a": 3, "b": 2, "c": {"d": 2}}
    assert value.duplicates == ("a",)
    assert value["c"].duplicates == ("d",)
    assert jsons.load(b'{"a": 1}').duplicates == ()


def test_brackets_in_text_are_no_depth():
    assert jsons.load(json.dumps({"a": "[" * 10_000, "b": '"]}' * 10_000}).encode())["a"] == "[" * 10_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_encodings_that_json_allows_are_read(encoding):
    assert jsons.load('{"ä": "ö"}'.encode(encoding)) == {"ä": "ö"}


def test_depth_of_exactly_the_limit_is_read():
    assert jsons.load(b"[" * 200 + b"]" * 200)
    with pytest.raises(LimitExceeded, match="depth of a JSON document: limit 200, found 201"):
        jsons.load(b"[" * 201 + b"]" * 201)
