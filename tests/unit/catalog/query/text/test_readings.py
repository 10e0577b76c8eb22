"""Texts as other tools and languages have them mean what is written here beside them, and read back as themselves."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from catalog.query.text.search_text import parse
from catalog.query.text.targets import ListedVocabulary

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
READINGS = yaml.load(Path(__file__).with_name("readings.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)


@pytest.fixture(scope="module")
def vocabulary():
    there = READINGS["catalog"]
    return ListedVocabulary(
        metrics=there["metrics"],
        values={field: dict.fromkeys(values, 1) for field, values in there["values"].items()},
        complete=frozenset(there["complete"]),
        parameters=there["parameters"],
        evaluated_on=there["evaluated_on"],
        hashes={there["content_hash"]: "content_hash"},
    )


def meaning(parsed):
    return parsed.query, parsed.sort, parsed.limit


@pytest.mark.parametrize("kind", READINGS["kinds"])
def test_texts_of_a_kind_mean_what_stands_beside_them(vocabulary, kind):
    for typed, written in READINGS["kinds"][kind].items():
        parsed, wanted = (parse(text, vocabulary=vocabulary, now=NOW) for text in (typed, written))
        assert not [problem for problem in parsed.problems if not problem.understood], typed
        assert meaning(parsed) == meaning(wanted), typed
        again = parse(parsed.canonical, vocabulary=vocabulary, now=NOW)
        assert meaning(again)[:2] == meaning(parsed)[:2], typed


def test_what_has_no_counterpart_is_named(vocabulary):
    for typed in READINGS["said"]:
        parsed = parse(typed, vocabulary=vocabulary, now=NOW)
        assert [problem for problem in parsed.problems if not problem.understood], typed


@pytest.mark.parametrize("typed", ["nobody<1 000", "nobody<1 000 bert", "bert nobody:2 500"])
def test_a_number_behind_a_metric_that_nobody_reports_stays_a_word_when_the_metric_is_known_later(
    vocabulary, typed
):
    """A saved `nobody<1 000` was below one, beside the word 000, and later below a thousand."""
    saved = parse(typed, vocabulary=vocabulary, now=NOW)
    later = parse(saved.canonical, vocabulary=None, now=NOW)
    assert later.canonical == saved.canonical
    assert '"' in saved.canonical


def test_a_comparison_that_is_not_understood_is_told_once_where_it_was_typed(vocabulary):
    typed = "models by ada newer than last release"
    told = [
        problem for problem in parse(typed, vocabulary=vocabulary, now=NOW).problems if not problem.understood
    ]
    assert [typed[problem.start : problem.end] for problem in told] == ["newer than"]


@pytest.mark.parametrize(
    "typed",
    ["faster than 10 ms", "(newer than bert) ner", "-newer than bert", "accuracy higher than baseline"],
)
def test_a_comparison_with_something_unknown_is_told_whatever_stands_around_it(vocabulary, typed):
    """In brackets and behind a minus its words were looked for, and of a number it was said that one were needed."""
    told = [
        problem for problem in parse(typed, vocabulary=vocabulary, now=NOW).problems if not problem.understood
    ]
    assert [typed[problem.start : problem.end].split()[-1] for problem in told] == ["than"]
    assert all("must follow" in problem.message for problem in told)


@pytest.mark.parametrize(
    "typed", ["two sort:f1 > (bert 5 d'un", "Two `a.pkl` in one are refused: it reads Python's zipfile last."]
)
def test_an_apostrophe_reads_back_beside_what_is_not_understood(vocabulary, typed):
    """The canonical text lost the article, or asked for a phrase."""
    parsed = parse(typed, vocabulary=vocabulary, now=NOW)
    assert meaning(parse(parsed.canonical, vocabulary=vocabulary, now=NOW)) == meaning(parsed)


@pytest.mark.parametrize("typed", ["f1 больше 0.8", "f1 меньше 0.8", "f1 大于 0.8", "f1 以下 0.8"])
def test_a_word_of_another_script_is_no_part_of_the_name_of_a_metric(vocabulary, typed):
    """What it says was dropped: less than 0.8 was read as at least 0.8."""
    assert not parse(typed, vocabulary=vocabulary, now=NOW).canonical.startswith("f1>=")


@pytest.mark.parametrize("typed", ["built by meta", "quantized by", "merged from the llama"])
def test_a_text_is_read_without_a_catalog(typed):
    """A token with such a query ended in an assertion: what a grant is about is read before any model is asked."""
    assert parse(typed, now=NOW).canonical
