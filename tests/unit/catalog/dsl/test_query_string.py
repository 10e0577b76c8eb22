"""`default_operator: or`: what a real node makes of it is compared in tests/contract; here, what is refused."""

import pytest

from catalog.dsl.clauses import QueryReader
from catalog.errors import RequestRefused
from catalog.query.nodes import And, Match, Not, Or, Term


def read(text, operator="or"):
    return QueryReader().read({"query_string": {"query": text, "default_operator": operator}})


def word(text):
    return Match(text, (), "or")


MEANINGS = {
    "words": ("bert large", Or((word("bert"), word("large")))),
    "a word and a condition": ("task:ner bert", Or((Term("task", "ner"), word("bert")))),
    "some with OR": ("bert OR gpt OR t5", Or((word("bert"), word("gpt"), word("t5")))),
    "all with AND": ("bert AND gpt", And((word("bert"), word("gpt")))),
    "brackets between operators": (
        "(bert OR gpt) AND t5",
        And((Or((word("bert"), word("gpt"))), word("t5"))),
    ),
    "one that is not wanted": ("bert -gpt", And((word("bert"), Not(word("gpt"))))),
    "one word of several parts": ("bert-large", word("bert-large")),
}


@pytest.mark.parametrize(("text", "query"), MEANINGS.values(), ids=MEANINGS)
def test_or_joins_what_stands_side_by_side(text, query):
    assert read(text) == query


UNSURE = {
    "a required word": "+bert large",
    "AND beside a word": "bert AND large gpt",
    "OR beside a word": "bert OR gpt large",
    "OR beside a word that is not wanted": "bert OR gpt -large",
    "brackets": "(bert large) OR gpt",
    "no operator between brackets": "(bert) (gpt)",
    "another value": "bert license!=mit",
    "a sentence": "models larger than 3 GB bert",
    "a word that is not searched for": "bert models",
}


@pytest.mark.parametrize("text", UNSURE.values(), ids=UNSURE)
def test_what_or_could_join_otherwise_is_refused(text):
    assert read(text, "and")
    with pytest.raises(RequestRefused) as refused:
        read(text)
    assert refused.value.part == "default_operator"


def test_another_operator_is_refused():
    with pytest.raises(RequestRefused) as refused:
        read("bert", "xor")
    assert refused.value.part == "default_operator"
