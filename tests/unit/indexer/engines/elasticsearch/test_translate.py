"""Query nodes as Elasticsearch's JSON: what the server would fail on, or answer otherwise than other engines."""

from datetime import UTC, datetime

import pytest

from catalog.query.nodes import All, And, Exists, Match, Nested, Not, Or, Phrase, Prefix, Range, Term, Terms
from catalog.query.validate import MAX_LONG, MIN_LONG
from indexer.engines.elasticsearch.translate import (
    MAX_PREFIX_BYTES,
    NOTHING,
    at_least,
    scored,
    translate,
)

EVERYTHING = {"match_all": {}}


@pytest.mark.parametrize(
    ("query", "clause"),
    [
        (And(()), EVERYTHING),
        (Or(()), NOTHING),
        (And((All(),)), EVERYTHING),
        (Not(Exists("task")), {"bool": {"must_not": [{"exists": {"field": "task"}}]}}),
        (Exists("description"), {"term": {"present": "description"}}),
        (Term("task", "NER"), {"term": {"task": "ner"}}),
        (Terms("task", ("NER", "ner")), {"terms": {"task": ["ner"]}}),
        (
            Nested("evaluations", Term("evaluations.dataset", "MNIST")),
            {
                "nested": {
                    "path": "evaluations",
                    "query": {"term": {"evaluations.dataset": "mnist"}},
                    "score_mode": "none",
                }
            },
        ),
    ],
)
def test_a_node_is_one_clause_without_needless_wrapping(query, clause):
    assert translate(query) == clause


@pytest.mark.parametrize(
    "query",
    [
        Term("parameters", MAX_LONG + 1),
        Term("hyperparameters.note", ""),
        Range(field="parameters", gt=10**30),
        Range(field="parameters", lte=-(10**30)),
        Match("", ("name",)),
        Match("!!!"),
        Phrase("..."),
    ],
    ids=str,
)
def test_what_no_column_can_hold_is_found_nowhere(query):
    assert translate(query) == NOTHING


def test_values_that_no_column_can_hold_leave_the_others_of_a_list():
    assert translate(Terms("parameters", (1, MAX_LONG + 1, MIN_LONG))) == {
        "terms": {"parameters": [1, MIN_LONG]}
    }


def test_a_bound_that_every_whole_number_meets_is_left_out():
    """Elasticsearch fails on a bound that is no long."""
    assert translate(Range(field="parameters", gte=5, lt=10**30)) == {"range": {"parameters": {"gte": 5}}}
    assert translate(Range(field="parameters", lt=10**30)) == translate(Exists("parameters"))


def test_both_of_two_lower_bounds_are_held_to():
    """In one clause Elasticsearch lets the last of them win."""
    assert translate(Range(field="metrics.loss", gt=1, gte=2)) == {
        "bool": {
            "filter": [{"range": {"metrics.loss": {"gt": 1.0}}}, {"range": {"metrics.loss": {"gte": 2.0}}}]
        }
    }


def test_dates_are_compared_as_milliseconds_and_say_so():
    query = Range(field="trained_at", gte=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert translate(query) == {"range": {"trained_at": {"gte": 1000, "format": "epoch_millis"}}}


@pytest.mark.parametrize("letter", ["a", "é", "中"])
def test_a_long_prefix_is_cut_between_letters(letter):
    beginning = translate(Prefix("task", letter * 2000))["prefix"]["task"]
    assert MAX_PREFIX_BYTES - 3 < len(beginning.encode()) <= MAX_PREFIX_BYTES
    assert set(beginning) == {letter}


def test_an_empty_prefix_asks_whether_there_is_a_value():
    assert translate(Prefix("task", "")) == translate(Exists("task"))


def test_words_are_all_wanted_unless_one_is_enough():
    both = translate(Match("bert large", ("name",)))
    assert len(both["bool"]["filter"]) == 2
    either = translate(Match("bert large", ("name",), operator="or"))
    assert either["bool"]["minimum_should_match"] == 1
    assert either["bool"]["should"] == both["bool"]["filter"]


@pytest.mark.parametrize(("score", "needed"), [(-1, None), (0, None), (0.2, 1), (1, 1), (1.5, 2), (8, 8)])
def test_a_least_score_is_a_number_of_clauses_that_must_match(score, needed):
    """`bert` earns 1 anywhere, 1 in the heading, 2 in the name, and 4 when the name is that."""
    clause = at_least(Match("bert"), score)
    if needed is None:
        assert clause == EVERYTHING
    else:
        assert clause["bool"]["minimum_should_match"] == needed
        assert len(clause["bool"]["should"]) == 8


def test_a_score_that_cannot_be_earned_finds_nothing():
    assert at_least(Match("bert"), 8.5) == NOTHING
    assert at_least(Exists("task"), 1) == NOTHING


def test_scores_never_decide_who_is_found():
    clause = scored(Match("bert"), among=translate(Exists("task")))["bool"]
    assert clause["filter"] == [translate(Exists("task"))]
    assert clause["minimum_should_match"] == 0
    assert [unit["constant_score"]["boost"] for unit in clause["should"]] == [1, 1, 2, 4]
    assert scored(Exists("task"), among=EVERYTHING) == {"bool": {"filter": [EVERYTHING]}}
