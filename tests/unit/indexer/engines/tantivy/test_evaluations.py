"""Conditions on one evaluation, taken apart into alternatives, or refused by name."""

import math

import pytest

from catalog.errors import RequestRefused
from catalog.query.nodes import All, And, Exists, Match, Not, Nothing, Or, Prefix, Range, Term, Terms
from indexer.engines.tantivy.evaluations import MAX_ALTERNATIVES, Alternative, alternatives


def dataset(value):
    return Term("evaluations.dataset", value)


def metric(value):
    return Term("evaluations.metric", value)


def value(**bounds):
    return Range(field="evaluations.value", **bounds)


def test_conditions_that_contradict_each_other_leave_no_alternative():
    assert alternatives(And((dataset("a"), dataset("b")))) == []
    assert alternatives(Nothing()) == []


def test_spellings_of_one_value_do_not_contradict_each_other():
    (found,) = alternatives(And((dataset("MNIST"), dataset("mnist"))))
    assert found.equal == {"dataset": "mnist"}


def test_alternatives_are_multiplied_out_and_keep_their_interval():
    query = And((Terms("evaluations.dataset", ("a", "b")), Or((metric("x"), metric("y"))), value(gt=0.5)))
    found = alternatives(query)
    assert [tuple(sorted(each.equal.values())) for each in found] == [
        ("a", "x"),
        ("a", "y"),
        ("b", "x"),
        ("b", "y"),
    ]
    assert {(each.low, each.low_open, each.high, each.valued) for each in found} == {
        (0.5, True, math.inf, True)
    }


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ([{"gt": 1}, {"gte": 1}], (1, True, math.inf, False)),
        ([{"gte": 1}, {"gt": 0}], (1, False, math.inf, False)),
        ([{"lt": 1}, {"lte": 1}], (-math.inf, False, 1, True)),
        ([{"lte": 0}, {"lt": 1}], (-math.inf, False, 0, False)),
        ([{"gte": 1, "gt": 1, "lte": 2, "lt": 2}], (1, True, 2, True)),
    ],
)
def test_the_narrower_of_two_bounds_holds_and_an_open_end_is_narrower(bounds, expected):
    (found,) = alternatives(And(tuple(value(**each) for each in bounds)))
    assert (found.low, found.low_open, found.high, found.high_open) == expected


def test_a_value_that_is_equal_is_an_interval_of_one_number():
    (found,) = alternatives(Term("evaluations.value", 1))
    assert (found.low, found.high, found.equal) == (1.0, 1.0, {})


def test_everything_is_one_alternative_without_conditions():
    assert alternatives(All()) == [Alternative()]
    assert alternatives(Exists("evaluations.value")) == [Alternative(valued=True)]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (Not(dataset("a")), "not"),
        (Prefix("evaluations.dataset", "a"), "prefix"),
        (Exists("evaluations.dataset"), "exists"),
        (And((Term("evaluations.raw_name", "a"), dataset("b"))), "dataset, raw_name"),
    ],
)
def test_what_has_no_exact_answer_is_refused_with_what_it_is(query, named):
    with pytest.raises(RequestRefused, match=rf"cannot answer .*{named}.*Use Elasticsearch"):
        alternatives(query)


def test_a_refused_combination_that_is_impossible_is_simply_empty():
    impossible = And((Term("evaluations.raw_name", "a"), dataset("b"), dataset("c")))
    assert alternatives(impossible) == []


def test_alternatives_are_bounded_before_they_are_made():
    sixteen = tuple(f"v{number}" for number in range(16))
    allowed = And((Terms("evaluations.dataset", sixteen), Terms("evaluations.metric", sixteen)))
    assert len(alternatives(allowed)) == MAX_ALTERNATIVES
    with pytest.raises(RequestRefused, match=f"more than {MAX_ALTERNATIVES} alternatives"):
        alternatives(And((*allowed.clauses, Terms("evaluations.split", ("a", "b")))))


def test_a_text_that_is_searched_in_a_part_compares_its_whole_value():
    (found,) = alternatives(Match("Image Net", ("evaluations.dataset",)))
    assert found.equal == {"dataset": "image net"}
