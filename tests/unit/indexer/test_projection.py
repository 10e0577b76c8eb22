import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import DocumentRejected
from indexer.field_values import MAX_KEYWORD_CHARACTERS, MAX_LONG
from indexer.projection import project
from mappings import indexed_fields


def test_whole_number_that_the_store_wrote_as_text_is_indexed():
    held = project({"id": "a", "size_bytes": str(2**53 + 1), "parameters": "-7"})
    assert held.numbers == {"size_bytes": 2**53 + 1, "parameters": -7}


@pytest.mark.parametrize("text", ["7e3", "1.5", "seven", "٧", "0x10", "1_000"])
def test_other_text_is_no_number(text):
    with pytest.raises(DocumentRejected, match="size_bytes: str where a number is expected"):
        project({"id": "a", "size_bytes": text})


@pytest.mark.parametrize("value", [MAX_LONG + 1, -(2**63), str(2**80), 10**30, 10**400])
def test_whole_number_beyond_64_bits_is_refused(value):
    with pytest.raises(DocumentRejected, match="beyond 64 bits"):
        project({"id": "a", "size_bytes": value})


def test_whole_number_beyond_floating_point_is_refused():
    with pytest.raises(DocumentRejected, match="beyond 64-bit floating point"):
        project({"id": "a", "training": {"learning_rate": 10**400}})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_is_not_finite_is_left_out(value):
    assert project({"id": "a", "training": {"learning_rate": value}, "size_bytes": value}).numbers == {}


def test_minus_zero_is_zero():
    assert (
        math.copysign(1, project({"training": {"learning_rate": -0.0}}).numbers["training.learning_rate"])
        == 1
    )


def test_long_keyword_is_left_out_and_its_neighbours_stay():
    long = "x" * (MAX_KEYWORD_CHARACTERS + 1)
    held = project({"id": "a", "tags": ["A", long, "b", "a"], "owner": long})
    assert held.keywords == {"id": ["a"], "tags": ["a", "b"]}
    assert held.texts["tags"] == ["A", long, "b", "a"]


@pytest.mark.parametrize("tags", [["a", 7], [["a"], [7]], [True]])
def test_keyword_that_is_no_text_is_refused(tags):
    with pytest.raises(DocumentRejected, match=r"tags: .* where text is expected"):
        project({"id": "a", "tags": tags})


def test_second_value_of_a_field_with_one_is_refused():
    with pytest.raises(DocumentRejected, match="2 values where one is allowed"):
        project({"id": "a", "owner": ["a", "b"]})


def test_texts_of_all_columns_are_analysed_alike():
    held = project({"name": "ResNet-50", "title": "ResNet-50", "tags": ["vision"]})
    assert held.text("name") == held.text("title")
    assert held.text("all_text")[0] == [*held.text("name")[0], "vision"]
    assert held.text("missing") == ([], "")


@pytest.mark.parametrize(
    ("document", "field"),
    [({"metrics": {"f1": 10**400}}, "metrics"), ({"evaluations": [{"value": 10**400}]}, "evaluations")],
)
def test_number_of_a_metric_that_no_engine_holds_is_refused(document, field):
    """It ended the drain, and with it the index of every other model."""
    with pytest.raises(DocumentRejected, match=f"{field}: 1000.* is beyond 64-bit floating point"):
        project({"id": "a", **document})


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))


@given(st.sampled_from(sorted(row.name for row in indexed_fields() if "." not in row.name)), VALUES)
def test_value_is_taken_alike_on_its_own_and_as_the_only_one_of_a_list(name, value):
    """The first goes the short way of its type, the second is looked at by the field's handler."""
    assert _outcome({name: value}) == _outcome({name: ("", value)})


def _outcome(document):
    try:
        held = project(document)
    except DocumentRejected as error:
        return error.reason
    return held.keywords, held.numbers, held.texts, held.present, held.flattened, held.named
