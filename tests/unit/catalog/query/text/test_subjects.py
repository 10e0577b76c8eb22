"""A condition says by itself which metrics and words it is about; nobody reads them out of its label."""

import pytest

from catalog.query.state import SearchState
from catalog.query.subjects import compared_metrics, metrics_of, scores, words_of
from catalog.query.text.search_text import parse
from catalog.search.service import SearchService


@pytest.mark.parametrize(
    ("text", "metrics", "compared", "words"),
    [
        ("accuracy > 0.9", ("accuracy",), ("accuracy",), ()),
        ("acc@imagenet>0.8", ("accuracy",), ("accuracy",), ()),
        ("test/accuracy > 0.9 f1:0.8..0.9", ("accuracy", "f1"), ("accuracy", "f1"), ()),
        ("-accuracy>0.9", ("accuracy",), ("accuracy",), ()),
        ("has:f1", ("f1",), (), ()),
        ("missing:f1", (), (), ()),
        ("precision:0.9", ("precision",), ("precision",), ()),
        ("precision:F16", (), (), ()),
        ("metrics.zork>1", ("zork",), ("zork",), ()),
        ("accuracy>0.5 OR wer<0.3", ("accuracy", "wer"), ("accuracy", "wer"), ()),
        ('bert "speech recognition" -gpt', (), (), ("bert", "speech", "recognition")),
        ("(bert OR f1>0.9) name:net", ("f1",), ("f1",), ("bert",)),
    ],
)
def test_what_a_text_is_about_is_read_from_its_nodes(text, metrics, compared, words):
    query = parse(text).query
    assert (metrics_of(query), compared_metrics(query), words_of(query)) == (metrics, compared, words)


@pytest.mark.parametrize(
    ("text", "has_scores"),
    [
        ("bert", True),
        ("description:bert accuracy>0.5", True),
        ("accuracy>0.5 OR bert", True),
        ("-bert", False),
        ("license:mit accuracy>0.5", False),
        ("", False),
    ],
)
def test_words_have_scores_wherever_they_are_looked_for(text, has_scores):
    assert scores(parse(text).query) is has_scores


@pytest.mark.parametrize(
    ("text", "sort", "metrics"),
    [
        ("f1 > 0.1 accuracy > 0.2", "", ("f1", "accuracy")),
        ("f1 > 0.1", "-accuracy", ("accuracy", "f1")),
        ("sort:-wer bert", "", ("wer",)),
        ("precision:F16", "name", ()),
    ],
)
def test_a_page_names_the_metrics_of_its_order_first(text, sort, metrics):
    from indexer.engines.memory import MemoryEngine, MemoryIndex

    page = SearchService(MemoryEngine(MemoryIndex())).page(SearchState(text=text, sort=sort))
    assert page.metrics == metrics
