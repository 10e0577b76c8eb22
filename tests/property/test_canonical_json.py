"""The quick way to the canonical form writes what the library for RFC 8785 writes."""

import math

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


@given(st.dictionaries(text, value, max_size=5))
@example({"\ue000": 1, "\U00010000": 2})  # sorted differently in UTF-16 and in UTF-8
@example({"a": -0.0, "b": 1e21, "c": 1e-7, "d": 1e15, "e": 1e16, "f": 0.0001, "g": 0.00001, "h": 5e-324})
@example({"a": 100.0, "b": 123456789012345.6, "c": 0.1 + 0.2, "d": 1 / 3, "e": -2.5e-4})
@example({'\x00\x1f\x7f"\\/': "\b\t\n\f\r\u2028\ud7ff\U0010ffff"})
def test_both_ways_write_the_same_bytes(content):
    assert canonical(content) == rfc8785.dumps(content)


def test_a_whole_number_is_one_number_however_python_holds_it():
    assert document_sha256({"accuracy": 1.0, "steps": 3}) == document_sha256({"accuracy": 1, "steps": 3.0})


def test_what_only_the_library_can_write_is_left_to_it():
    document = sanitised({"é": [math.pi * 1e-9, 1e300], "n": 2**60})
    assert canonical(document) == rfc8785.dumps(document)
