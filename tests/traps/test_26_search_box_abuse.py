"""Whatever is typed, there is a result page: a query, problems with places, and never more than linear work."""

import sys
from datetime import UTC, datetime

import pytest

from catalog.query.nodes import And, Match, Nothing
from catalog.query.state import SearchState
from catalog.query.text import sentences
from catalog.query.text.parse_context import Reading
from catalog.query.text.search_text import MAX_TERMS, parse
from catalog.query.text.tokens import MAX_WORDS
from catalog.search.engine import IndexAction
from catalog.search.service import SearchService
from indexer.engines.memory import MemoryEngine, MemoryIndex, MemoryWriter

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TYPED = [
    '"unterminated',
    "(((",
    ")))",
    "()",
    "-",
    "--",
    "!",
    "- -",
    "C++",
    "path:/data/x",
    "path:/data/**",
    "s3://b/k",
    "acuracy>0.9",
    "params:70B..7B",
    "مرحبا بالعالم",
    "\u202eevil",
    "🤗 🚀",
    "\x00\x01\x1b[31m",
    "\ud800",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "name:",
    ":",
    "::",
    ":value",
    "a:b:c",
    "[",
    "task:[",
    "task:[,,,]",
    "task:]",
    "AND",
    "OR OR OR",
    "NOT NOT",
    "a AND OR NOT b",
    ">",
    ">>>",
    "> 0.9",
    "accuracy >",
    "accuracy > > 0.9",
    "accuracy:0.9:0.8",
    "accuracy>1e999",
    "accuracy>NaN",
    "params:..",
    "params:*..*",
    "date:..",
    "f1@>0.9",
    "@@@",
    "`",
    "``>1",
    "*",
    "**",
    "*:*",
    "\\",
    "sort:",
    "sort:-",
    "sort:,,,",
    "has:",
    "after:99999999",
    "path:C:\\models\\x",
    "x" * 10_000,
    "(" * 10_000,
    "-(" * 5_000,
    '"' * 9_999,
    "a OR " * 2_000,
    "accuracy>0.9 " * 800,
    "acuracy>0.9 " * 800,
    "more than " * 1_000,
    "a@" * 3_000,
    "task:a," * 1_000,
]


@pytest.fixture(scope="module")
def service():
    index = MemoryIndex()
    MemoryWriter(index).write(
        [IndexAction(id="a" * 64, revision=1, document={"id": "a" * 64, "name": "C++ model"})]
    )
    return SearchService(MemoryEngine(index))


@pytest.mark.parametrize("text", TYPED, ids=[repr(text[:20]) for text in TYPED])
def test_every_text_has_a_page(service, text):
    page = service.page(SearchState(text=text))
    assert page.total >= 0
    for problem in page.problems:
        assert 0 <= problem.start <= problem.end <= len(text)
    for without in {
        chip.label: chip.without for chip in page.chips
    }.values():  # a text says one thing a hundred times
        service.page(without)


@pytest.mark.parametrize("text", ["(((", '"bert', "acuracy>0.9", "params:70B..7B", "bert)"])
def test_clickable_fix_mends_it(service, text):
    problem = service.page(SearchState(text=text)).problems[0]
    assert problem.suggestions
    fixed = parse(problem.suggestions[0].text, now=NOW)
    assert len(fixed.problems) < len(parse(text, now=NOW).problems)


def test_words_with_punctuation_are_searched_as_they_stand(service):
    assert service.page(SearchState(text="C++")).total == 1


def test_only_so_many_terms_are_read():
    parsed = parse("a " * 900, now=NOW)
    assert isinstance(parsed.query, And)
    assert len(parsed.query.clauses) == MAX_TERMS
    assert [problem.code for problem in parsed.problems] == ["too-many-terms"]


@pytest.mark.parametrize(("word", "most"), [("x", MAX_TERMS + 20), ("a", MAX_WORDS), ("7B", MAX_TERMS + 20)])
def test_no_rule_of_sentences_looks_at_words_that_do_not_count(word, most, monkeypatch):
    """A thousand words of one letter took a second, nine tenths of it for what was left out."""
    looked_at = []
    first = sentences._first
    monkeypatch.setattr(sentences, "_first", lambda sentence, at: looked_at.append(at) or first(sentence, at))
    rewritten = sentences.rewrite(f"{word} " * 900, Reading(text="", now=NOW, vocabulary=None))
    assert 0 < len(looked_at) <= most
    assert len(rewritten.text.split()) == 900


def test_sentences_behind_words_that_say_nothing_are_read_and_those_that_are_not_are_told():
    filler = "please show me "
    parsed = parse(filler * 60 + "models after 2023", now=NOW)
    assert parsed.canonical == parse("models after 2023", now=NOW).canonical
    unread = parse("models after 2023 " + filler * 120 + "before 2025", now=NOW)
    (problem,) = unread.problems
    assert problem.code == "too-many-terms"
    assert (problem.start > 100, problem.end) == (
        True,
        len("models after 2023 " + filler * 120 + "before 2025"),
    )


def test_brackets_beyond_ten_levels_are_ignored_and_said():
    parsed = parse("(" * 30 + "bert" + ")" * 30, now=NOW)
    assert parsed.query == Match("bert")
    assert {problem.code for problem in parsed.problems} == {"too-deep"}


def steps(text):
    """Lines of our own code that run while the text is read."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        parse(text, now=NOW)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "fragment",
    [
        "(",
        "a ",
        "-(",
        "a@",
        "task:a,",
        "acuracy>1 ",
        '" ',
        "more than 9 ",
        "a:",
        "foo:[",
        "**",
        "a.b/",
        "best ",
        "no ",
        "top 5 ",
    ],
)
def test_work_grows_no_faster_than_the_text(fragment):
    def text(length):
        return (fragment * length)[:length]

    parse(text(500), now=NOW)  # names and numbers are remembered between texts
    short, long = steps(text(500)), steps(text(1_000))
    assert long < 2.6 * short + 3_000


def test_nothing_is_ever_read_as_no_models_at_all():
    assert not [text for text in TYPED if isinstance(parse(text, now=NOW).query, Nothing)]
