"""`accuracy > 90`, `> 90%` and `> 0.9` are one query; metrics without a bound are left as they are."""

import pytest

from catalog.query.nodes import Range
from catalog.query.text.search_text import parse


@pytest.mark.parametrize(
    "text", ["accuracy > 90", "accuracy > 90%", "accuracy > 0.9", "accuracy>90 %", "accuracy > 90 percent"]
)
def test_percent_and_fraction_ask_the_same(text):
    assert parse(text).query == Range(field="metrics.accuracy", gt=0.9)


@pytest.mark.parametrize(
    ("text", "said"),
    [("accuracy > 90", True), ("accuracy > 90%", False), ("accuracy > 0.9", False), ("accuracy>1", False)],
)
def test_reading_a_bare_number_as_percent_is_said(text, said):
    assert bool(parse(text).problems) == said


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("bleu > 34.2", Range(field="metrics.bleu", gt=34.2)),
        ("wer < 1.2", Range(field="metrics.wer", lt=1.2)),
        ("wer < 12%", Range(field="metrics.wer", lt=0.12)),
        ("perplexity < 20", Range(field="metrics.perplexity", lt=20.0)),
        ("mcc > 0.5", Range(field="metrics.mcc", gt=0.5)),
    ],
)
def test_metric_without_that_bound_is_left_alone(text, node):
    parsed = parse(text)
    assert parsed.query == node
    assert not parsed.problems
