"""One metric leads a result set: the one asked for, else the one by which models of its task are compared."""

from __future__ import annotations

import pytest

from catalog.query.text.search_text import parse
from catalog.search.leading_metric import leading_metric, tasks_of


@pytest.mark.parametrize(
    ("asked", "tasks", "reported", "leading"),
    [
        (["wer"], ["text-classification"], {"accuracy": 5}, "wer"),
        ([], ["token-classification"], {"accuracy": 50, "f1": 3}, "f1"),
        ([], ["token-classification"], {"accuracy": 50}, "accuracy"),
        ([], ["ner"], {"accuracy": 50, "f1": 3}, "f1"),
        ([], ["automatic-speech-recognition"], {"bleu": 5, "wer": 1}, "wer"),
        ([], ["no-such-task"], {"bleu": 5, "wer": 6}, "wer"),
        ([], [], {"train_loss": 90, "samples_per_second": 80, "f1": 3}, "f1"),
        ([], [], {"something_of_ours": 90}, ""),
        ([], [], {}, ""),
    ],
)
def test_the_metric_that_leads_is_asked_for_or_usual_or_frequent(asked, tasks, reported, leading):
    assert leading_metric(asked, tasks, reported) == leading


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("task:ner bert", ("ner",)),
        ("task:ner,summarization", ("ner", "summarization")),
        ("-task:ner", ()),
        ("bert", ()),
    ],
)
def test_tasks_are_those_that_the_query_asks_for(text, tasks):
    assert tasks_of(parse(text).query) == tasks
