"""Hypothesis strategies for queries and whole requests over `catalog.testing.documents`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

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
)
from catalog.query.request import (
    Aggregation,
    DateHistogramAgg,
    FilterAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    RangeAgg,
    RangeBucket,
    SearchRequest,
    SortKey,
    TermsAgg,
)
from catalog.testing import documents as generated

KEYWORD_VALUES: dict[str, tuple[str, ...]] = {
    "task": generated.TASKS,
    "framework": generated.FRAMEWORKS,
    "format": generated.FORMATS,
    "license": generated.LICENSES,
    "architecture": generated.ARCHITECTURES,
    "precision": generated.PRECISIONS,
    "language": generated.LANGUAGES,
    "tags": generated.TAGS,
    "owner": generated.OWNERS,
    "datasets": generated.DATASETS,
    "source": ("models", "bucket"),
    "hyperparameters.lr_schedule": ("linear", "Cosine"),
    "extra.mlflow_user": ("ada", "bob"),
}
NUMBER_RANGES: dict[str, tuple[float, float]] = {
    "parameters": (0, 1e12),
    "size_bytes": (0, 1e12),
    "precision_mix": (0, 1),
    "quantization.bits": (2, 9),
    "context_length": (0, 200_000),
    "training.learning_rate": (0, 0.2),
    "training.seed": (-2, 50),
    "metrics.accuracy": (0, 1),
    "metrics.loss": (0, 1),
    "metrics.perplexity": (-3, 300),
    "metrics.ap_class_17": (0, 1),
    "metrics.odd_metric": (0, 1),
    "metrics.accuracy@imagenet": (0, 1),
    "hyperparameters.dropout": (0, 1),
    "extra.nested.depth": (0, 3),
}
DATE_FIELDS = ("trained_at", "created_at", "best_date")
OTHER_FIELDS = (
    "title",
    "description",
    "metrics",
    "evaluations",
    "hyperparameters.dropout",
    "files",
    "complete",
)
SORT_FIELDS = (*NUMBER_RANGES, *DATE_FIELDS, "name", "task", "owner", "framework", "complete", "id", "_score")
TEXTS = (
    "bert",
    "resnet50",
    "model",
    "large v2.1",
    "模型",
    "cafe",
    "fine-tuned",
    "naïve straße",
    "team-3",
    "8x7b",
    "gpt 4",
    "!",
)


def numbers(field: str) -> st.SearchStrategy[float]:
    low, high = NUMBER_RANGES[field]
    around = st.floats(low, high, allow_nan=False)
    return st.one_of(
        st.sampled_from((low, high)), around, around.map(lambda value: round(value, 2)), around.map(round)
    )


def instants() -> st.SearchStrategy[datetime]:
    near = st.sampled_from((-1, 0, 1, 999)).map(lambda extra: generated.EPOCH + timedelta(milliseconds=extra))
    return st.one_of(near, st.datetimes(datetime(1960, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    field = draw(st.sampled_from((*NUMBER_RANGES, *DATE_FIELDS)))
    bounds = instants() if field in DATE_FIELDS else numbers(field)
    given: dict[str, Any] = {
        name: draw(bounds) for name in draw(st.sets(st.sampled_from(("gt", "gte", "lt", "lte")), max_size=2))
    }
    return Range(field=field, **given)


@st.composite
def terms(draw: st.DrawFn) -> Term | Terms | Prefix:
    field = draw(st.sampled_from(sorted(KEYWORD_VALUES)))
    values = st.sampled_from(KEYWORD_VALUES[field])
    kind = draw(st.sampled_from(("term", "terms", "prefix")))
    if kind == "term":
        return Term(field, draw(values))
    if kind == "terms":
        return Terms(field, tuple(draw(st.lists(values, max_size=3))))
    return Prefix(field, draw(values)[: draw(st.integers(1, 4))])


@st.composite
def nested(draw: st.DrawFn) -> Nested:
    """Conditions that every engine answers."""
    conditions: list[Query] = []
    if draw(st.booleans()):
        conditions.append(Term("evaluations.metric", draw(st.sampled_from(generated.METRICS))))
    if draw(st.booleans()):
        conditions.append(
            Terms(
                "evaluations.dataset",
                tuple(draw(st.lists(st.sampled_from(generated.DATASETS), min_size=1, max_size=2))),
            )
        )
    if draw(st.booleans()):
        conditions.append(Term("evaluations.split", draw(st.sampled_from(generated.SPLITS))))
    if draw(st.booleans()):
        conditions.append(Range(field="evaluations.value", gt=draw(st.floats(0, 1))))
    return Nested("evaluations", And(tuple(conditions)))


def leaves() -> st.SearchStrategy[Query]:
    fields = st.sampled_from((*KEYWORD_VALUES, *NUMBER_RANGES, *DATE_FIELDS, *OTHER_FIELDS))
    columns = st.sampled_from(((), (), ("name",), ("title", "description"), ("tags", "name")))
    texts = st.sampled_from(TEXTS)
    return st.one_of(
        st.just(All()),
        st.just(Nothing()),
        terms(),
        ranges(),
        fields.map(Exists),
        st.builds(Match, texts, columns, st.sampled_from(("and", "or"))),
        st.builds(Phrase, texts, columns),
        nested(),
        st.booleans().map(lambda value: Term("complete", value)),
    )


def queries() -> st.SearchStrategy[Query]:
    return st.recursive(
        leaves(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda clauses: And(tuple(clauses))),
            st.lists(inner, max_size=3).map(lambda clauses: Or(tuple(clauses))),
            inner.map(Not),
        ),
        max_leaves=6,
    )


@st.composite
def range_aggregations(draw: st.DrawFn) -> RangeAgg:
    field = draw(st.sampled_from(sorted(NUMBER_RANGES)))
    bound = st.none() | numbers(field)
    rows = draw(st.lists(st.tuples(bound, bound), min_size=1, max_size=4))
    return RangeAgg(
        field=field, ranges=tuple(RangeBucket(key=str(at), start=a, end=b) for at, (a, b) in enumerate(rows))
    )


@st.composite
def histograms(draw: st.DrawFn) -> HistogramAgg:
    field = draw(
        st.sampled_from(
            (
                "metrics.accuracy",
                "metrics.odd_metric",
                "precision_mix",
                "metrics.perplexity",
                "hyperparameters.dropout",
                "metrics.accuracy@imagenet",
            )
        )
    )
    return HistogramAgg(
        field=field,
        interval=draw(st.sampled_from((0.1, 0.25, 3.0))),
        offset=draw(st.sampled_from((0.0, 0.05, -3.0))),
        min_doc_count=draw(st.integers(0, 2)),
    )


def aggregations() -> st.SearchStrategy[Aggregation]:
    keywords = st.sampled_from(sorted(KEYWORD_VALUES))
    counted = st.sampled_from(
        (
            *sorted(KEYWORD_VALUES),
            "complete",
            "quantization.bits",
            "training.seed",
            "metrics.odd_metric",
            "metrics.f1@squad_v2",
        )
    )
    orders = st.sampled_from(
        (("_count", True), ("_count", True), ("_key", True), ("_key", False), ("_count", False))
    )
    return st.one_of(
        st.builds(TermsAgg, field=counted, size=st.integers(1, 12), order=orders),
        st.builds(TermsAgg, field=keywords, size=st.integers(1, 4), prefix=st.sampled_from(("p", "T", "a"))),
        st.builds(TermsAgg, field=keywords, size=st.integers(1, 4), missing=st.just("(none)")),
        st.builds(TermsAgg, field=keywords, only=st.just(("bert", "NER", "mit")), order=orders),
        st.builds(TermsAgg, field=keywords, size=st.integers(1, 4), excluded=st.just(("MIT", "ner"))),
        range_aggregations(),
        histograms(),
        st.builds(
            DateHistogramAgg,
            field=st.sampled_from(DATE_FIELDS),
            calendar_interval=st.sampled_from(("year", "quarter", "month", "week")),
            min_doc_count=st.integers(0, 2),
        ),
        st.builds(
            MetricAgg,
            field=st.sampled_from(sorted(NUMBER_RANGES)),
            kind=st.sampled_from(("min", "max", "avg", "sum", "value_count", "stats")),
        ),
        st.builds(MissingAgg, field=st.sampled_from((*sorted(KEYWORD_VALUES), *sorted(NUMBER_RANGES)))),
        st.builds(FilterAgg, query=leaves(), aggs=st.just({"tasks": TermsAgg(field="task", size=2)})),
    )


@st.composite
def requests(draw: st.DrawFn) -> SearchRequest:
    """A whole request that every engine answers."""
    chosen = draw(st.lists(terms(), max_size=2, unique_by=lambda clause: clause.field))
    wanted = {
        f"a{at}": aggregation for at, aggregation in enumerate(draw(st.lists(aggregations(), max_size=3)))
    }
    wanted |= {clause.field: TermsAgg(field=clause.field, size=5) for clause in chosen}
    sort = draw(
        st.lists(st.builds(SortKey, field=st.sampled_from(SORT_FIELDS), descending=st.booleans()), max_size=2)
    )
    return SearchRequest(
        query=draw(queries()),
        selections={clause.field: clause for clause in chosen},
        post_filter=draw(st.none() | terms()),
        aggregations=wanted,
        sort=tuple(sort),
        offset=draw(st.sampled_from((0, 0, 3, 50))),
        size=draw(st.sampled_from((0, 1, 7, 20))),
        min_score=draw(st.sampled_from((None, None, None, 1.0, 2.5))),
    )
