"""What is told of a text that is not understood, to who answers without it and to who refuses."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from catalog.query.text.search_text import parse

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
CASES = Path(__file__).parents[3] / "cases" / "search"
TOLD = [
    (case["text"], case.get("says", ""))
    for path in sorted(CASES.glob("*.yaml"))
    for case in yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)["cases"]
    if "text" in case
]
REASONS = {
    "task > 5": "Task holds words, so > says nothing.",
    "f1:abc": "F1 needs a number such as 0.9, not 'abc'.",
    "colour:red": "There is no field 'colour'.",
    "bert)": "This bracket was never opened.",
    "/ber.*/": "Regular expressions such as /ber.*/ are not understood.",
    "accuracy:": "accuracy: has no value yet.",
    "select name from models limit 5 offset 10": "offset 10 is not understood: a search begins with the first models it finds.",
}


def problems():
    return [problem for text, _ in TOLD for problem in parse(text, now=NOW).problems]


def test_some_sentences_of_the_cases_say_that_something_is_left_out():
    assert len([problem for problem in problems() if "left out" in problem.message]) > 10


def test_no_reason_says_what_an_answer_makes_of_it():
    assert [problem.message for problem in problems() if "left out" in problem.reason] == []


@pytest.mark.parametrize("text", REASONS)
def test_a_reason_is_the_sentence_before_what_comes_of_it(text):
    reasons = [problem.reason for problem in parse(text, now=NOW).problems]
    assert REASONS[text] in reasons
