"""The text of simple_query_string: what a real node makes of it is compared in tests/contract; here, what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.dsl.simple_query_string import read_words
from catalog.errors import RequestRefused
from catalog.query.nodes import And, Match, Not, Nothing, Or, Phrase, Prefix


def read(text, fields=("name",), default="or"):
    return read_words(text, fields, default=default)


def word(text):
    return Match(text, ("name",))


MEANINGS = {
    "a b": Or((word("a"), word("b"))),
    "a + b | c": Or((And((word("a"), word("b"))), word("c"))),
    "a | b + c": And((Or((word("a"), word("b"))), word("c"))),
    "a + (b | c)": And((word("a"), Or((word("b"), word("c"))))),
    "a -b": Or((word("a"), Not(word("b")))),
    "a - b": Or((word("a"), word("b"))),
    'a + "b c"': And((word("a"), Phrase("b c", ("name",)))),
    "fine-tuned": word("fine-tuned"),
    "ber*": Prefix("name", "ber"),
    r"ber\* \(a": Or((word("ber*"), word("(a"))),
    "(((a": word("a"),
    'a "b': Or((word("a"), word("b"))),
    "": Nothing("no words"),
    '+ | - ( ) ""': Nothing("no words"),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_an_operator_means_what_is_written_of_it(text):
    assert read(text) == MEANINGS[text]


@pytest.mark.parametrize(
    ("text", "fields", "part"),
    [
        ("bert~1", ("name",), "~"),
        ('"a b"~2', ("name",), "~"),
        ("ber*", (), "*"),
        ("ber*", ("description",), "*"),
        ("b*", ("name",), "*"),
        ("b" * 300 + "*", ("name",), "*"),
        ("(a " * 13 + ")" * 13, ("name",), "simple_query_string"),
        ("a + b | " * 8, ("name",), "simple_query_string"),
    ],
)
def test_what_would_be_answered_wrongly_is_refused(text, fields, part):
    with pytest.raises(RequestRefused) as refused:
        read(text, fields)
    assert refused.value.part == part


@settings(max_examples=250, deadline=None)
@given(text=st.text(alphabet='ab "+-|()*~\\', max_size=60), default=st.sampled_from(["and", "or"]))
def test_any_text_is_read_or_refused(text, default):
    try:
        found = read(text, default=default)
    except RequestRefused as refused:
        assert refused.part in {"~", "*", "simple_query_string"}  # noqa: PT017 - the other way out
    else:
        assert found is not None


@pytest.mark.parametrize(
    "text", ["(" * 4_000, '"' * 4_001, "a|" * 2_000, "\\" * 4_000, "-" * 4_000, "(a" * 2_000]
)
def test_long_texts_take_linear_time(text):
    """Finding the end of every bracket anew took seconds for 4,000 of them."""
    steps = 0

    class Counted(str):
        __slots__ = ()

        def __getitem__(self, key):
            nonlocal steps
            steps += 1
            return super().__getitem__(key)

    read(Counted(text))
    assert steps <= 12 * len(text)
