"""Columns and codes of the embedded engine: orders that terms must keep, and names that must not meet."""

import itertools
import math

import pytest
import tantivy
from hypothesis import given
from hypothesis import strategies as st

from catalog.query.document_values import is_leaf
from indexer.engines.tantivy.schema import (
    TAIL,
    build_schema,
    code_name,
    code_number,
    column,
    column_codes,
    decoded_number,
    is_in_tail,
    order_key,
    term_prefix,
)

doubles = st.floats(allow_nan=False)


@given(left=doubles, right=doubles)
def test_codes_of_numbers_order_as_the_numbers_do(left, right):
    if left == right:
        assert code_number(left) == code_number(right)
    else:
        assert (code_number(left) < code_number(right)) is (left < right)
    assert decoded_number(f"head{code_number(left)}") == left


def test_a_code_is_sixteen_hex_digits_for_the_smallest_and_the_largest_number():
    codes = [code_number(value) for value in (-math.inf, -1.0, -5e-324, 0.0, 5e-324, 1.0, math.inf)]
    assert codes == sorted(codes)
    assert {len(code) for code in codes} == {16}
    assert code_number(-0.0) == code_number(0.0)


@given(texts=st.lists(st.text(max_size=12), min_size=2, max_size=2))
def test_order_keys_never_contradict_the_order_of_the_bytes(texts):
    low, high = sorted(texts, key=lambda text: text.encode("utf-8", "surrogatepass"))
    assert order_key(low) <= order_key(high) < 2**64


def test_every_field_has_a_column_of_its_own():
    codes = column_codes()
    assert len(set(codes.values())) == len(codes)
    assert {len(code) for code in codes.values()} == {4}
    assert not set(codes) & set(codes.values())


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("id", "id"),
        ("metrics.nobody_knows", f"{column_codes()[TAIL]}.nobody_knows"),
        ("hyperparameters.a.b", column_codes()["hyperparameters"]),
        ("metrics.accuracy", column_codes()["metrics.accuracy"]),
    ],
)
def test_a_name_leads_to_its_column(name, held):
    assert column(name) == held


def test_leaves_of_two_paths_in_one_column_never_begin_alike():
    names = ["hyperparameters.lr", "hyperparameters.lr_schedule", "hyperparameters.lr.max"]
    for left, right in itertools.permutations(map(term_prefix, names), 2):
        assert not left.startswith(right)
    assert all(map(is_leaf, names))
    assert not is_leaf("hyperparameters")
    assert not is_leaf("metrics.accuracy")


def test_only_metrics_without_a_column_are_in_the_tail():
    assert [is_in_tail(name) for name in ("metrics.odd", "metrics.accuracy", "extra.odd")] == [
        True,
        False,
        False,
    ]


def test_an_index_can_be_made_of_the_schema():
    index = tantivy.Index(build_schema())
    assert index.searcher().num_docs == 0


def test_names_of_any_length_have_codes_of_one_length():
    assert {len(code_name(text)) for text in ("", "x", "é" * 10_000)} == {16}
    assert code_name("a") != code_name("b")
