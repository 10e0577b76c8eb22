"""The plain meaning of every node, on one document: what every other engine is compared with."""

from datetime import UTC, datetime, timedelta

import pytest

from catalog.query.nodes import (
    All,
    And,
    Exists,
    Match,
    Nested,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Range,
    Term,
    Terms,
)
from indexer.engines.memory.matching import satisfies

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
DOCUMENT = {
    "id": "x",
    "name": "bert-large_v2",
    "title": "Reviews of films",
    "task": "Text-Classification",
    "tags": ["nlp", "Été"],
    "parameters": 2**53 + 1,
    "metrics": {"accuracy": 0.9, "odd one": 3},
    "evaluations": [
        {"metric": "accuracy", "dataset": "ImageNet", "value": 0.5},
        {"metric": "accuracy", "dataset": "MNIST", "value": 0.95},
    ],
    "hyperparameters": {"lr": 0.1, "note": ""},
    "trained_at": "2024-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (And(()), True),
        (Or(()), False),
        (Not(Nothing()), True),
        (Term("tags", "ÉTÉ"), True),
        (Terms("task", ()), False),
        (Range(field="parameters", gt=2**53), True),
        (Range(field="parameters", gt=2**53, lt=2**53 + 1), False),
        (Range(field="metrics.accuracy", gte=0.9), True),
        (Range(field="metrics.accuracy", gt=0.9), False),
        (Range(field="metrics.accuracy"), True),
        (Range(field="metrics.loss"), False),
        (Range(field="trained_at", lt=NEW_YEAR), False),
        (Range(field="trained_at", gt=NEW_YEAR - timedelta(milliseconds=1)), True),
        (Prefix("task", "TEXT"), True),
        (Prefix("task", ""), True),
        (Prefix("license", ""), False),
        (Term("hyperparameters.lr", 0.1), True),
        (Term("hyperparameters.lr", "0.1"), True),
        (Term("hyperparameters.note", ""), False),
        (Exists("title"), True),
        (Exists("license"), False),
        (Match("bert reviews"), True),
        (Match("bert reviews", ("name",)), False),
        (Match("bert nosuch", operator="or"), True),
        (Match("..."), False),
        (Phrase("of films"), True),
        (Phrase("films of"), False),
        (Phrase("large v2 reviews"), False),
        (Match("text-classification", ("task",)), True),
    ],
    ids=str,
)
def test_one_document_satisfies_a_query_or_does_not(query, found):
    assert satisfies(query, DOCUMENT) is found
    assert satisfies(Not(query), DOCUMENT) is not found


@pytest.mark.parametrize(("dataset", "found"), [("mnist", True), ("imagenet", False), ("nosuch", False)])
def test_conditions_on_evaluations_hold_for_one_and_the_same(dataset, found):
    both = And((Term("evaluations.dataset", dataset), Range(field="evaluations.value", gt=0.9)))
    assert satisfies(Nested("evaluations", both), DOCUMENT) is found


def test_nothing_that_stands_outside_an_evaluation_is_looked_for_in_it():
    assert not satisfies(Nested("evaluations", Exists("evaluations.split")), DOCUMENT)
    assert satisfies(Nested("evaluations", All()), DOCUMENT)
    assert not satisfies(Nested("evaluations", All()), {"name": "without evaluations"})


def test_a_document_that_cannot_be_indexed_satisfies_nothing_at_all():
    assert not satisfies(All(), {"name": "x", "parameters": "many"})
    assert not satisfies(Not(Exists("task")), {"name": "x", "parameters": "many"})
