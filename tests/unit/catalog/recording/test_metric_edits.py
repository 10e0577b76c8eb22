"""Which metric, data set and split a field of an edit is about, whatever signs they are written with."""

import pytest

from catalog.recording.metric_edits import field_of, observed, parts_of

NAMES = ["accuracy", "recall@5", "map@0.5", "a@b", "50%", "a#b@c", "%40", "@", "f1@", "bleu@%5"]


@pytest.mark.parametrize("metric", NAMES)
def test_a_field_is_read_as_it_was_written(metric):
    for dataset in (None, "imagenet", "2024", "test", "5", "k", "0.5", "@x", "Ä%", *NAMES):
        for split in (None, "test", *NAMES):
            field = field_of(metric, dataset=dataset, split=split)
            assert parts_of(field) == (metric, dataset, split), field


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        ("metrics.recall@5", ("recall@5", None, None)),
        ("metrics.map@0.5:0.95", ("map@0.5:0.95", None, None)),
        ("metrics.recall@5@msmarco#test", ("recall@5", "msmarco", "test")),
        ("metrics.precision@10#test", ("precision@10", None, "test")),
        ("metrics.f1@conll2003", ("f1", "conll2003", None)),
        ("metrics.f1@test", ("f1", "test", None)),
        ("metrics.f1@@2003", ("f1", "2003", None)),
        ("metrics.f1@#test", ("f1", None, "test")),
        ("metrics.f1", ("f1", None, None)),
        ("metrics.@x", ("", "x", None)),
    ],
)
def test_a_number_behind_the_name_is_no_data_set(field, parts):
    assert parts_of(field) == parts


def test_the_observation_of_an_edit_tells_the_data_set_and_the_step():
    seen = observed("metrics.f1@a%23b#dev", {"value": 0.5, "step": 3})
    assert seen == ("metrics.f1", 0.5, {"block": "edit", "dataset": "a#b", "split": "dev", "step": 3})
