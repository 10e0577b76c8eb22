"""Every text has a reading, and the canonical text of a query reads as that query again."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.query.text.search_text import MAX_CHARACTERS, parse
from catalog.query.text.targets import ListedVocabulary

NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
VOCABULARY = ListedVocabulary(
    metrics={"accuracy": 12, "f1": 3, "house_score": 2},
    values={
        "training.optimizer": {"adamw_torch": 2, "sgd": 1},
        "base_model.id": {"meta-llama/llama-2-7b": 3},
        "framework": {"pytorch": 9, "onnx": 2},
        "task": {"text-classification": 4},
        "owner": {"google": 3},
        "datasets": {"rajpurkar/squad": 2},
    },
    complete=frozenset({"framework", "task", "owner", "base_model.id", "training.optimizer"}),
    parameters={"n_estimators": 5, "dropout": 4, "house_score": 1},
    evaluated_on={"conll2003": 2, "my data": 1},
    names=frozenset({"pas de deux", "mars", "sans licence"}),
)
FRAGMENTS = [
    *[
        "n_estimators > 100",
        "dropout:0.1..0.3",
        "dropout:0.30",
        "params.dropout = '0.3'",
        "f1@conll2003",
        "f1 on conll2003",
        "sort:f1@conll2003",
        'sort:-"loss@my data"',
        "sort:n_estimators",
        "limit:5",
        "top 3 by f1",
        "top 2",
        "best f1 on conll2003",
        "best",
        "framework:*torch",
        "owner:g*gle",
        "ORDER BY f1 DESC",
        "LIMIT 2",
        "find me a",
    ],
    *[
        "accuracy and f1 above 0.9",
        "3 or 4 epochs",
        "layers is not 6 or 12",
        "isn't",
        "unknown",
        "except 2024",
        "size:1..5GB",
        "size:2GB, 7B",
        "version:1.10+",
        "~1.9",
        "zonder a of b",
        "10⁹",
        "0,8-0,95",
        "=ge=",
        "{",
        "}",
        "does not contain",
    ],
    *[
        "size > 7B",
        "512 bytes",
        "7B/13B",
        "1 or 2 GB",
        "7B, 13B or 70B",
        "AND 13B",
        "year >= 2020",
        "has:year",
        "3 years ago",
        "last quarter",
        "this year",
        "not updated in 2 years",
        "unused since 2022",
        "il y a 3 ans",
        "vor mehr als 3 Jahren",
        "in:now-2M/M",
        "not evaluated on",
        "never evaluated",
        "has:metrics@conll2003",
        "f1 @ conll2003 > 0.9",
        "the my data dataset",
        "or unknown",
        "license mit or unknown",
        "license:mit,none",
        "version other than 2",
        "except v2 or v3",
        "not pytorch or onnx",
        "fine tunes of llama",
        "llama merges",
        "base:merge:*llama*",
        "trained with adamw",
        "sgd optimizer",
        "accuracy in [0.8, 0.95]",
        "pas de deux",
        "mars 2020",
        "sans licence",
        "quants",
        "limit:3",
        "oder",
        "ou",
        "of",
        "nicht",
        "pas",
        "non",
    ],
    *[
        "(",
        ")",
        ")",
        "(",
        "-",
        "!",
        '"',
        "'",
        "*",
        ",",
        ":",
        "[",
        "]",
        "..",
        ">",
        "<",
        "=",
        ">=",
        "<=",
        "!=",
        "AND",
        "OR",
        "NOT",
        "and",
        "or",
        "not",
        "@",
        "`",
        "\\",
        "%",
        "$",
        "#",
        "~",
        "^",
        "+",
        "&",
        "|",
        "“",
        "”",
        "«",
        "».",
    ],
    " ",
    "  ",
    "\n",
    "accuracy",
    "acc@1",
    "f1@conll2003",
    'f1@"my data"',
    "test/acc",
    "params",
    "size",
    "task",
    "task:ner",
    "name:",
    "name=",
    "precision",
    "loss",
    "path:/data/(old)/x",
    "path:/data/(old)*",
    "path:a,b*/x",
    "path LIKE 'a b%'",
    "path:ab?d",
    "license:unknown",
    "dtype:none",
    "license:gpl",
    "has:",
    "missing:",
    "is:",
    "sort:",
    "after:",
    "date:",
    "created>",
    "0.9",
    "90%",
    "7B",
    "70B..7B",
    "2GB",
    "2023",
    "2023..2024-05",
    "-30d",
    "today",
    "03/04/2023",
    "1,000,000",
    "bert",
    "C++",
    "s3://b/k",
    "模型",
    "مرحبا",
    "🤗",
    "more than",
    "at least",
    "between",
    "in",
    "trained after",
    "the last",
    "days",
    "mean squared error",
    "best",
    "models",
    "in pytorch",
    "by google",
    "without",
    "license",
    "or more",
    "acuracy",
    "foo:bar",
    "params.lr",
    "tags.x",
    "metrics.zzz",
    "complete:",
    "true",
    "1e400",
    "999999999999999999999999999999",
    "squad",
    "datasets:",
]
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(" ".join),
)


@pytest.mark.parametrize("vocabulary", [None, VOCABULARY], ids=["without-vocabulary", "with-vocabulary"])
@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
@example(text="accuracy sort:name > 0.9")
@example(text="-(a OR b) (c OR d) sort:-accuracy")
@example(text="LIMIT 0 LIMIT 0")
@example(text="LIMIT 0 limit:")
@example(text="after 🤗 2023")
@example(text="PATH:0(*")
@example(text='ACCURACY ISNT"0')
@example(text="except pytorch")
@example(text="10000000000000000000000000000000B")
@example(text="BASE:merge:*:")
@example(text="0 OR 0GB METRIC.0")
@example(text="metric.x:2GB")
@example(text="PATH:?..")
@example(text="path:(a OR b)")
@example(text='path LIKE "a b%c" LEAST: ACC')
@example(text="PATH:*( LEAST: ACC")
def test_canonical_text_reads_as_the_same_query(vocabulary, text):
    once = parse(text, vocabulary=vocabulary, now=NOW)
    again = parse(once.canonical, vocabulary=vocabulary, now=NOW)
    assert again.query == once.query, once.canonical
    assert again.sort == once.sort
    assert again.canonical == once.canonical
    assert not again.rewritten
    kept = parse(once.whole, vocabulary=vocabulary, now=NOW)
    assert (kept.query, kept.sort, kept.limit) == (once.query, once.sort, once.limit), once.whole


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_every_problem_and_condition_has_a_place_in_the_text(text):
    parsed = parse(text, vocabulary=VOCABULARY, now=NOW)
    for place in (*parsed.problems, *parsed.conditions):
        assert 0 <= place.start <= place.end <= len(text), place


@settings(max_examples=100, deadline=None)
@given(
    fragment=st.sampled_from(
        [*FRAGMENTS, "not ", "3 or ", "a ", "(", "-(", "x:", '"', "a OR ", "accuracy>0.9 "]
    )
)
def test_ten_thousand_characters_of_anything_have_a_reading(fragment):
    text = (fragment * 10_000)[:10_000]
    parsed = parse(text, now=NOW)
    assert any(problem.code == "too-long" for problem in parsed.problems) or len(text) <= MAX_CHARACTERS
