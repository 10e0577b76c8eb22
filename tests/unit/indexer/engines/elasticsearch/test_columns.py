"""Names and values as the columns of the index hold them."""

from datetime import UTC, datetime

import pytest

from indexer.engines.elasticsearch.columns import comparable, has_column, is_text, kind


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("task", "Été-NER", "été-ner"),
        ("trained_at", datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC), -1),
        ("parameters", 2**53 + 1, 2**53 + 1),
        ("metrics.loss", 10**30, 1e30),
        ("evaluations.value", 1, 1.0),
        ("hyperparameters.lr", 0.5, "0.5"),
        ("hyperparameters.fp16", True, "true"),
        ("extra.steps", 3.0, "3"),
        ("hyperparameters.note", "", None),
        ("complete", True, True),
    ],
)
def test_a_value_is_compared_in_the_form_that_its_column_holds(name, value, held):
    assert comparable(name, value) == held
    assert type(comparable(name, value)) is type(held)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("metrics.accuracy", "double"),
        ("metrics.nobody_knows", "double"),
        ("evaluations.value", "double"),
        ("evaluations.dataset", "keyword"),
        ("hyperparameters.a.b", "leaf"),
        ("extra", "flattened"),
        ("size_bytes", "long"),
        ("no_such_field", "keyword"),
    ],
)
def test_every_name_has_the_type_of_its_column(name, expected):
    assert kind(name) == expected


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("task", True),
        ("metrics.accuracy", True),
        ("evaluations.split", True),
        ("description", False),
        ("hyperparameters", False),
        ("hyperparameters.lr", False),
        ("no_such_field", False),
    ],
)
def test_existence_is_told_by_a_column_or_by_the_list_of_what_is_present(name, own):
    assert has_column(name) is own


def test_words_are_looked_up_in_texts_and_names_and_nowhere_else():
    assert [
        name for name in ("name", "description", "_heading", "task", "tags", "nosuch") if is_text(name)
    ] == [
        "name",
        "description",
        "_heading",
    ]
