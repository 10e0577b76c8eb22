"""The row that is indexed for a model: values in their columns, metrics and evaluations as codes."""

import json
import math

import pytest

from catalog.errors import DocumentRejected
from catalog.testing.engines import DOCUMENTS
from indexer.engines.tantivy.codes import EVALUATION_SETS, UNVALUED, evaluation_key
from indexer.engines.tantivy.documents import make_row
from indexer.engines.tantivy.schema import (
    CODED,
    DOCUMENT,
    ID,
    PRESENT,
    REVISION,
    TAIL,
    code_name,
    code_number,
    column,
    column_codes,
    order_key,
)


def row_of(**document):
    return make_row("x", 7, {"id": "x", "name": "net", **document}).to_dict()


def codes(row):
    return set(row[CODED][0].split())


def test_the_document_comes_back_as_it_was_given_with_its_revision():
    row = make_row("a" * 64, 7, DOCUMENTS[0]).to_dict()
    assert json.loads(bytes(row[DOCUMENT][0])) == DOCUMENTS[0]
    assert (row[ID], row[REVISION]) == (["a" * 64], [7])


def test_a_canonical_metric_has_a_column_and_all_others_share_one():
    row = row_of(metrics={"accuracy": 0.5, "odd": -1, "other": 2})
    assert row[column("metrics.accuracy")] == [0.5]
    assert row[column_codes()[TAIL]] == [{"odd": -1.0, "other": 2.0}]
    assert codes(row) == {
        code_name("metrics.odd") + code_number(-1),
        code_name("metrics.other") + code_number(2),
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_not_finite_has_neither_column_nor_code(value):
    row = row_of(metrics={"accuracy": value, "odd": value})
    assert column("metrics.accuracy") not in row
    assert codes(row) == set()


def test_an_evaluation_is_coded_with_its_value_under_each_of_its_conditions():
    row = row_of(evaluations=[{"metric": "accuracy", "dataset": "MNIST", "value": 0.5}])
    assert {"metric", "dataset"} <= set(EVALUATION_SETS)
    for held in (
        {},
        {"metric": "accuracy"},
        {"dataset": "mnist"},
        {"metric": "accuracy", "dataset": "mnist"},
    ):
        assert code_name(evaluation_key(held)) + code_number(0.5) in codes(row)


def test_an_evaluation_without_a_value_is_coded_as_one():
    row = row_of(evaluations=[{"metric": "accuracy", "dataset": "MNIST"}])
    assert {code[16:] for code in codes(row)} == {UNVALUED}


def test_leaves_of_a_flattened_field_carry_their_path():
    row = row_of(hyperparameters={"lr": 0.1, "layers": {"units": [8, 16]}})
    assert sorted(row[column("hyperparameters")]) == ["layers.units=16", "layers.units=8", "lr=0.1"]


def test_names_and_ids_are_ordered_by_their_first_bytes():
    row = row_of()
    assert row["id.order"] == [order_key("x")]
    assert row["name.order"] == [order_key("net")]


def test_pieces_of_two_texts_are_kept_apart_so_that_no_phrase_spans_them():
    row = row_of(title="first text", labels=["second"])
    assert "text second" not in " ".join(map(str, row.get("all_text.pieces", [])))


def test_what_has_no_column_is_named_as_present():
    present = row_of(title="Reviews", hyperparameters={"lr": 1})[PRESENT][0].split()
    assert {"title", "hyperparameters.lr"} <= set(present)
    assert "license" not in present


@pytest.mark.parametrize("document", [{"parameters": "many"}, {"trained_at": "last year"}])
def test_a_value_that_its_column_cannot_hold_is_refused_with_the_field(document):
    (name,) = document
    with pytest.raises(DocumentRejected, match=name):
        row_of(**document)
