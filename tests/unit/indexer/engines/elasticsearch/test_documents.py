"""The body that is indexed for a model: every value where its column is, the document inside as it was given."""

from copy import deepcopy

import pytest

from catalog.errors import DocumentRejected
from catalog.testing.engines import DOCUMENTS
from indexer.engines.elasticsearch.documents import make_body


@pytest.fixture
def body():
    return make_body("a" * 64, DOCUMENTS[0])


def test_the_document_inside_is_the_one_that_was_given(body):
    given = deepcopy(DOCUMENTS[0])
    assert body["document"] == given
    assert DOCUMENTS[0] == given


def test_values_are_folded_dated_and_typed_as_their_columns_are(body):
    assert body["task"] == ["text-classification"]
    assert body["trained_at"] == 1_704_067_199_999
    assert body["complete"] is True
    assert body["size_bytes"] == 2**53 + 1
    assert body["metrics"] == {"accuracy": 0.93, "loss": 0.2}
    assert {"name": "metrics.odd_metric", "value": 3.5} in body["numbers"]


def test_leaves_below_a_flattened_field_are_texts_by_their_path(body):
    assert body["hyperparameters"]["dropout"] == ["0.1"]
    assert body["hyperparameters"]["fp16"] == ["true"]
    assert {"name": "hyperparameters.dropout", "value": 0.1} in body["numbers"]
    assert body["extra"] == {"nested.owner": ["ada"]}


def test_evaluations_stay_apart_from_each_other(body):
    assert [(one["dataset"], one["value"]) for one in body["evaluations"]] == [
        ("imagenet", 0.5),
        ("mnist", 0.95),
    ]


def test_a_field_within_an_object_lies_within_that_object():
    body = make_body("x", {"name": "m", "base_model": {"id": "org/Base"}})
    assert body["base_model"]["id"] == ["org/base"]
    assert not [name for name in body if "." in name]


def test_what_has_no_column_is_named_as_present_in_order(body):
    assert "hyperparameters.dropout" in body["present"]
    assert body["present"] == sorted(body["present"])


def test_a_number_that_is_not_finite_is_left_out_and_stays_in_the_document():
    document = {"name": "m", "metrics": {"loss": float("nan"), "accuracy": 0.5}}
    body = make_body("x", document)
    assert body["metrics"] == {"accuracy": 0.5}
    assert body["document"] is document


def test_the_id_is_the_one_of_the_action():
    assert make_body("from the action", {"id": "from the document", "name": "m"})["id"] == "from the action"


@pytest.mark.parametrize(
    "document", [{"parameters": "many"}, {"trained_at": "last year"}, {"complete": "maybe"}]
)
def test_a_value_that_its_column_cannot_hold_is_refused_with_the_field(document):
    (name,) = document
    with pytest.raises(DocumentRejected, match=name):
        make_body("x", document)
