"""What every engine is asked in the suite: five models, and queries, orders and refusals with what is right.

Models are named by the first letter of their ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.query.nodes import (
    All,
    And,
    Exists,
    Match,
    Nested,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Query,
    Range,
    Term,
    Terms,
    Wildcard,
)
from catalog.query.request import (
    FiltersAgg,
    HistogramAgg,
    MetricAgg,
    ReverseNestedAgg,
    SearchRequest,
    SortKey,
    TermsAgg,
)
from catalog.search.engine import IndexAction

NEW_YEAR_2024 = datetime(2024, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def _evaluation(metric: str, value: float, dataset: str, split: str = "test") -> dict[str, Any]:
    return {
        "metric": metric,
        "value": value,
        "dataset": dataset,
        "split": split,
        "raw_name": f"eval_{metric}",
    }


DOCUMENTS: tuple[Mapping[str, Any], ...] = (
    {
        "id": "a" * 64,
        "name": "RoBERTa_large-v2.1",
        "title": "Sentiment of reviews",
        "description": "Trained with label smoothing on reviews",
        "task": "Text-Classification",
        "framework": "PyTorch",
        "tags": ["nlp", "production"],
        "parameters": 355_000_000,
        "size_bytes": 2**53 + 1,
        "metrics": {"accuracy": 0.93, "loss": 0.2, "odd_metric": 3.5},
        "metric_names": ["accuracy", "loss", "odd_metric"],
        "evaluations": [
            _evaluation("accuracy", 0.5, "ImageNet"),
            _evaluation("accuracy", 0.95, "MNIST", "train"),
        ],
        "hyperparameters": {
            "dropout": 0.1,
            "fp16": True,
            "n_estimators": 500,
            "warmup": "0.30",
            "layers": [64, 32],
            "tree": {"depth": -3},
        },
        "extra": {"nested": {"owner": "Ada"}},
        "trained_at": "2023-12-31T23:59:59.999Z",
        "complete": True,
        "risks": [{"kind": "secret"}],
    },
    {
        "id": "b" * 64,
        "name": "bert-base",
        "title": "Base encoder",
        "task": "text-classification",
        "framework": "pytorch",
        "tags": ["nlp", "Été"],
        "parameters": 110_000_000,
        "size_bytes": 2**53,
        "metrics": {"accuracy": 0.91, "odd_metric": -1},
        "metric_names": ["accuracy", "odd_metric"],
        "evaluations": [_evaluation("accuracy", 0.91, "ImageNet")],
        "hyperparameters": {"dropout": 0.2, "n_estimators": "1e2", "warmup": 0.3},
        "trained_at": "2024-01-01T00:00:00Z",
        "complete": False,
    },
    {
        "id": "c" * 64,
        "name": "中文模型",
        "all_text": "中文模型 for tests, tuned; bert inside the text",
        "task": "ner",
        "framework": "onnx",
        "tags": ["production"],
        "parameters": 110_000_000,
        "metrics": {"accuracy": 0.93},
        "metric_names": ["accuracy"],
        "hyperparameters": {"n_estimators": 7, "warmup": "auto", "tree": {"depth": 12}},
        "trained_at": "2023-06-15T12:00:00Z",
    },
    {
        "id": "d" * 64,
        "name": "resnet-50",
        "tags": ["vision"],
        "size_bytes": 97_000_000,
        "created_at": "1965-05-04T03:00:00Z",
    },
    {"id": "e" * 64, "name": "ResNet50", "title": "bert is only in this title", "metrics": {"loss": 0.1}},
)

QUERIES: Mapping[str, tuple[Query, str]] = {
    "all": (All(), "abcde"),
    "nothing": (Nothing("because"), ""),
    "term ignores case": (Term("framework", "PYTORCH"), "ab"),
    "term in a list": (Term("tags", "nlp"), "ab"),
    "term with an accent ignores case": (Term("tags", "été"), "b"),
    "term on a number": (Term("parameters", 110_000_000), "bc"),
    "term on a boolean": (Term("complete", value=False), "b"),
    "term on a date": (Term("trained_at", NEW_YEAR_2024), "b"),
    "term on a flattened number": (Term("hyperparameters.dropout", 0.1), "a"),
    "term on a flattened number that another file writes otherwise": (
        Term("hyperparameters.warmup", 0.3),
        "ab",
    ),
    "terms on flattened numbers": (Terms("hyperparameters.n_estimators", (100, 7)), "bc"),
    "term on one of several flattened numbers": (Term("hyperparameters.layers", 64), "a"),
    "flattened text as it is written": (Term("hyperparameters.warmup", "0.30"), "a"),
    "range on a hyper-parameter": (Range(field="hyperparameters.n_estimators", gt=7, lte=500), "ab"),
    "range on a hyper-parameter that some write as text": (
        Range(field="hyperparameters.warmup", gte=0.3, lt=0.31),
        "ab",
    ),
    "range below zero on a nested hyper-parameter": (Range(field="hyperparameters.tree.depth", lt=0), "a"),
    "range without bounds means has a number": (Range(field="hyperparameters.warmup"), "ab"),
    "several numbers are none to compare": (Range(field="hyperparameters.layers", gt=0), ""),
    "range on a hyper-parameter that nobody has": (Range(field="hyperparameters.unheard_of", gt=0), ""),
    "range on a metric of one data set": (Range(field="metrics.accuracy@imagenet", gt=0.5), "b"),
    "term on a metric of one data set, however it is written": (
        Term("metrics.accuracy@ImageNet", 0.5),
        "a",
    ),
    "exists on a metric of one data set": (Exists("metrics.accuracy@mnist"), "a"),
    "term on a flattened boolean": (Term("hyperparameters.fp16", value=True), "a"),
    "empty text below a flattened field": (
        Or((Term("hyperparameters.dropout", ""), Match("", ("hyperparameters.nosuch",)))),
        "",
    ),
    "empty texts below a flattened field": (Terms("hyperparameters.dropout", ("", 0.2)), "b"),
    "term below a flattened object": (Term("extra.nested.owner", "ada"), "a"),
    "terms": (Terms("task", ("NER", "text-classification")), "abc"),
    "terms of none": (Terms("task", ()), ""),
    "range on a canonical metric": (Range(field="metrics.accuracy", gt=0.91), "ac"),
    "range is inclusive when asked": (Range(field="metrics.accuracy", gte=0.91, lt=0.93), "b"),
    "range on a long-tail metric": (Range(field="metrics.odd_metric", gte=-1, lte=3.5), "ab"),
    "range below zero on a long-tail metric": (Range(field="metrics.odd_metric", lt=0), "b"),
    "range beyond what doubles hold": (Range(field="size_bytes", gt=2**53), "a"),
    "range with a fraction on whole numbers": (
        Range(field="parameters", gt=109_999_999.5, lt=110_000_000.5),
        "bc",
    ),
    "range that contradicts itself": (Range(field="parameters", gt=5, lt=5), ""),
    "range without bounds means has a value": (Range(field="parameters"), "abc"),
    "date range ends to the millisecond": (Range(field="trained_at", lt=NEW_YEAR_2024), "ac"),
    "date range starts to the millisecond": (
        Range(field="trained_at", gte=NEW_YEAR_2024 - MILLISECOND),
        "ab",
    ),
    "date before 1970": (Range(field="created_at", lt=datetime(1970, 1, 1, tzinfo=UTC)), "d"),
    "exists on a keyword": (Exists("task"), "abc"),
    "exists on text": (Exists("title"), "abe"),
    "exists on a canonical metric": (Exists("metrics.loss"), "ae"),
    "exists on a long-tail metric": (Exists("metrics.odd_metric"), "ab"),
    "exists on metrics": (Exists("metrics"), "abce"),
    "exists on a hyper-parameter": (Exists("hyperparameters.fp16"), "a"),
    "exists on evaluations": (Exists("evaluations"), "ab"),
    "exists on an object": (Exists("risks"), "a"),
    "prefix ignores case": (Prefix("name", "RESNET"), "de"),
    "prefix of pattern letters": (Prefix("name", ".*"), ""),
    "pattern ignores case and means the whole value": (Wildcard("name", "*NET?50"), "d"),
    "pattern with several stars": (Wildcard("name", "r*s*50"), "de"),
    "pattern finds one value of several": (Wildcard("tags", "*du?tion"), "ac"),
    "pattern of letters of other patterns": (Wildcard("name", "[a-z]*.+e?$"), ""),
    "pattern beyond ASCII": (Wildcard("name", "?文*模型"), "c"),
    "pattern with a backslash": (Wildcard("name", "bert\\*base"), ""),
    "not includes models without the field": (Not(Term("framework", "pytorch")), "cde"),
    "and": (And((Term("tags", "nlp"), Not(Term("complete", value=True)))), "b"),
    "and of nothing is all": (And(()), "abcde"),
    "or": (Or((Term("tags", "vision"), Term("task", "ner"))), "cd"),
    "or of nothing is nothing": (Or(()), ""),
    "match one word anywhere": (Match("bert"), "bce"),
    "match folds case": (Match("ROBERTA"), "a"),
    "match finds parts of a compound": (Match("large v2.1"), "a"),
    "match finds the number of a version": (Match("2.1"), "a"),
    "match finds hyphenated and joined": (Match("resnet50"), "de"),
    "match needs all words": (Match("bert encoder"), "b"),
    "match or needs one": (Match("smoothing encoder", operator="or"), "ab"),
    "match across fields": (Match("roberta sentiment", ("name", "title")), "a"),
    "match in one field only": (Match("bert", ("title",)), "e"),
    "match a keyword field as a whole": (Match("text-classification", ("task",)), "ab"),
    "match of no words finds nothing": (Match("!!!"), ""),
    "match CJK inside a run": (Match("模型"), "c"),
    "match without accent": (Match("ete"), "b"),
    "phrase": (Phrase("label smoothing"), "a"),
    "phrase in order only": (Phrase("smoothing label"), ""),
    "phrase ignores case and joints": (Phrase("roberta large v2.1"), "a"),
    "phrase of one word": (Phrase("smoothing"), "a"),
    "phrase never reaches across list values": (Phrase("nlp production", ("tags",)), ""),
    "nested joins conditions of one evaluation": (
        Nested(
            "evaluations",
            And((Term("evaluations.dataset", "imagenet"), Range(field="evaluations.value", gt=0.9))),
        ),
        "b",
    ),
    "nested range without other conditions": (
        Nested("evaluations", Range(field="evaluations.value", gt=0.93)),
        "a",
    ),
    "nested alternatives": (
        Nested(
            "evaluations",
            And(
                (
                    Term("evaluations.metric", "accuracy"),
                    Or((Term("evaluations.dataset", "MNIST"), Term("evaluations.split", "validation"))),
                )
            ),
        ),
        "a",
    ),
    "nested by raw name": (Nested("evaluations", Term("evaluations.raw_name", "eval_accuracy")), "ab"),
    "not nested": (Not(Nested("evaluations", Term("evaluations.dataset", "ImageNet"))), "cde"),
}

SORTS: Mapping[str, tuple[tuple[SortKey, ...], str]] = {
    "number descending, missing last, ties by id": ((SortKey(field="parameters", descending=True),), "abcde"),
    "number ascending, missing last, ties by id": ((SortKey(field="parameters"),), "bcade"),
    "canonical metric": ((SortKey(field="metrics.accuracy", descending=True),), "acbde"),
    "lower is better": ((SortKey(field="metrics.loss"),), "eabcd"),
    "long-tail metric descending": ((SortKey(field="metrics.odd_metric", descending=True),), "abcde"),
    "long-tail metric ascending": ((SortKey(field="metrics.odd_metric"),), "bacde"),
    "hyper-parameter descending": (
        (SortKey(field="hyperparameters.n_estimators", descending=True),),
        "abcde",
    ),
    "hyper-parameter ascending": ((SortKey(field="hyperparameters.n_estimators"),), "cbade"),
    "hyper-parameter with ties, text last": ((SortKey(field="hyperparameters.warmup"),), "abcde"),
    "metric of one data set": ((SortKey(field="metrics.accuracy@imagenet", descending=True),), "bacde"),
    "hyper-parameter below another key": (
        (SortKey(field="parameters"), SortKey(field="hyperparameters.tree.depth", descending=True)),
        "cbade",
    ),
    "metric that nobody has": ((SortKey(field="metrics.unheard_of"),), "abcde"),
    "name ignores case": ((SortKey(field="name"),), "bdeac"),
    "name descending": ((SortKey(field="name", descending=True),), "caedb"),
    "date": ((SortKey(field="trained_at", descending=True),), "bacde"),
    "boolean": ((SortKey(field="complete"),), "bacde"),
    "two keys": ((SortKey(field="metrics.accuracy", descending=True), SortKey(field="parameters")), "cabde"),
    "id descending": ((SortKey(field="id", descending=True),), "edcba"),
}

REFUSED: Mapping[str, tuple[SearchRequest, str]] = {
    "unknown field": (SearchRequest(query=Term("acuracy", "x")), "acuracy"),
    "unknown sort": (SearchRequest(sort=(SortKey(field="nosuch"),)), "nosuch"),
    "sort by a list": (SearchRequest(sort=(SortKey(field="tags"),)), "tags"),
    "sort by text": (SearchRequest(sort=(SortKey(field="description"),)), "description"),
    "metric name that is no slug": (SearchRequest(query=Exists("metrics.a b")), "metrics.a b"),
    "text where a number belongs": (SearchRequest(query=Range(field="parameters", gt="7B")), "parameters"),
    "not a number": (
        SearchRequest(query=Range(field="metrics.accuracy", gt=float("nan"))),
        "metrics.accuracy",
    ),
    "range on a keyword": (SearchRequest(query=Range(field="task", gt="a")), "task"),
    "text where a hyper-parameter's number belongs": (
        SearchRequest(query=Range(field="hyperparameters.dropout", gt="0.1")),
        "hyperparameters.dropout",
    ),
    "metric of a data set without a name": (SearchRequest(query=Exists("metrics.f1@")), "metrics.f1@"),
    "evaluation outside nested": (
        SearchRequest(query=Term("evaluations.metric", "accuracy")),
        "evaluations.metric",
    ),
    "field inside nested that is not there": (
        SearchRequest(query=Nested("evaluations", Term("task", "x"))),
        "task",
    ),
    "nested on another list": (SearchRequest(query=Nested("files", All())), "nested"),
    "window too far": (SearchRequest(offset=9_990, size=20), "from"),
    "after of another length": (SearchRequest(after=("x",)), "search_after"),
    "terms of too many": (SearchRequest(aggregations={"x": TermsAgg(field="task", size=10**6)}), "size"),
    "missing value of more than 64 bits": (
        SearchRequest(aggregations={"x": TermsAgg(field="parameters", missing=10**30)}),
        "missing",
    ),
    "after a value of more than 64 bits": (
        SearchRequest(sort=(SortKey(field="parameters"),), after=(10**30, "x")),
        "search_after",
    ),
    "number that no double stands for": (
        SearchRequest(query=Range(field="metrics.accuracy", gt=10**400)),
        "metrics.accuracy",
    ),
    "values that begin with a long text": (
        SearchRequest(aggregations={"x": TermsAgg(field="task", prefix="x" * 2_000)}),
        "include",
    ),
    "offset far away": (
        SearchRequest(aggregations={"x": HistogramAgg(field="metrics.accuracy", interval=0.1, offset=1e300)}),
        "offset",
    ),
    "percentiles of dates": (
        SearchRequest(aggregations={"x": MetricAgg(kind="percentiles", field="best_date")}),
        "best_date",
    ),
    "deviation of dates": (
        SearchRequest(aggregations={"x": MetricAgg(kind="extended_stats", field="best_date")}),
        "best_date",
    ),
    "hostile filter among filters": (
        SearchRequest(aggregations={"x": FiltersAgg(filters={"a": Term("acuracy", "x")})}),
        "acuracy",
    ),
    "histogram without width": (
        SearchRequest(aggregations={"x": HistogramAgg(field="parameters", interval=0)}),
        "interval",
    ),
    "histogram of too many": (
        SearchRequest(aggregations={"x": HistogramAgg(field="parameters", interval=1e-9)}),
        "interval",
    ),
    "terms on text": (SearchRequest(aggregations={"x": TermsAgg(field="description")}), "description"),
    "unknown calculation": (
        SearchRequest(aggregations={"x": MetricAgg(kind="median", field="parameters")}),
        "median",
    ),
    "reverse nested outside": (SearchRequest(aggregations={"x": ReverseNestedAgg()}), "reverse_nested"),
}


def actions(documents: Sequence[Mapping[str, Any]], *, revision: int = 1) -> list[IndexAction]:
    """Documents as what a writer takes."""
    return [
        IndexAction(id=str(document["id"]), revision=revision, document=document) for document in documents
    ]
