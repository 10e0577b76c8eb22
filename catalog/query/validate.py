"""Checks a search request against the field table before any engine sees it.

What is refused here is refused in the same words by every engine, because every engine calls this first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass
from catalog.query.document_values import is_ordered_text
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
from catalog.query.problems import PRESENT_ALONE
from catalog.query.request import (
    MAX_RESULT_WINDOW,
    Aggregation,
    DateHistogramAgg,
    FilterAgg,
    FiltersAgg,
    HistogramAgg,
    MetricAgg,
    MissingAgg,
    NestedAgg,
    RangeAgg,
    ReverseNestedAgg,
    SearchRequest,
    SortKey,
    TermsAgg,
)
from catalog.text.patterns import pattern
from catalog.text.spelling import nearest
from catalog.text.wildcards import PATTERN_BOUNDS, is_bounded
from mappings import evaluation_parts, fields

MAX_CLAUSES = 4096
MAX_PATTERNS = 128
"""Each is an automaton of its own, which takes up to half a second to make."""
"""Leaf clauses of one query. Source: Elasticsearch indices.query.bool.max_clause_count is at least 1,024."""
MAX_VALUES = 65_536
"""Values of one `Terms`. Source: Elasticsearch index.max_terms_count."""
MAX_DEPTH = 30
"""Levels of And, Or, Not. Source: Elasticsearch indices.query.bool.max_nested_depth."""
MAX_AGGREGATIONS = 100
MAX_AGGREGATION_DEPTH = 4
MAX_BUCKETS = 10_000
"""Buckets of one aggregation."""
MAX_LISTED_VALUES = 1_024
MAX_SELECTIONS = 64
MAX_ORDERED_CHARACTERS = 64
"""Of one end of a range of texts: an embedded index looks for what lies before it with an automaton of bounded size."""
MAX_INCLUDE_CHARACTERS = 256
"""Of the beginning that the values of a terms aggregation share; engines look it up as a regular expression."""
MAX_OFFSET_INTERVALS = 100
"""A histogram's keys lose digits beside an offset that is much larger than its buckets."""
MAX_FIXED_SECONDS = 36_500 * 86_400
"""Buckets begin at a multiple of their width from 1970: those of a thousand years would begin before there are dates."""
MIN_LONG, MAX_LONG = -(2**63), 2**63 - 1
NESTED_PATH = "evaluations"
NESTED_FIELDS: Mapping[str, str] = {
    part.name: part.type for part in evaluation_parts().values() if part.asked
}
CALENDAR_INTERVALS = ("year", "quarter", "month", "week", "day")
METRIC_KINDS = frozenset(
    {"min", "max", "avg", "sum", "value_count", "stats", "extended_stats", "cardinality", "percentiles"}
)
_ANY_TYPE_KINDS = frozenset({"value_count", "cardinality"})
_SLUG = pattern(r"[a-z0-9_]{1,200}")
_LEAF = pattern(r"[a-z0-9_]{1,200}(\.[a-z0-9_]{1,200}){0,10}")
_ON_DATASET = pattern(r"(?P<metric>[a-z0-9_]{1,200})@(?P<dataset>[^@\x00-\x1f]{1,200})")

NUMBERS = frozenset({"long", "double", "metric", "leaf"})
COLUMNS = NUMBERS | {"date", "boolean"}
KEYWORDS = frozenset({"keyword", "name", "leaf"})
PATTERNED = frozenset({"keyword", "name"})


@dataclass(frozen=True, slots=True)
class Resolved:
    """A field as engines see it.

    `type` is the table's, or `metric` (one number, also `metrics.f1@conll2003`), or `leaf`: what stands at a path below
    a flattened field, which is text for whoever asks for text and a number where the path holds exactly one.
    """

    name: str
    type: str
    many: bool


def resolve(name: str) -> Resolved:
    """What a field name means. Raises RequestRefused for a name that is no field, with the nearest one."""
    row = fields().get(name)
    if row is not None and not row.in_index:
        reason = "changes with every crawl and is told of one model, not searched"
        raise RequestRefused(name, f"{reason}; {PRESENT_ALONE}.")
    if row is not None:
        return Resolved(name, row.type, row.list)
    root, _, rest = name.partition(".")
    parent = fields().get(root)
    if (
        parent is not None
        and parent.type == "metrics"
        and (_SLUG.fullmatch(rest) or _ON_DATASET.fullmatch(rest))
    ):
        return Resolved(name, "metric", many=False)
    if parent is not None and parent.type == "flattened" and _LEAF.fullmatch(rest):
        return Resolved(name, "leaf", many=True)
    if root == NESTED_PATH and rest in NESTED_FIELDS:
        raise RequestRefused(name, f"belongs to one evaluation; ask for it inside nested {NESTED_PATH}.")
    close = nearest(name, fields(), limit=1)
    raise RequestRefused(name, "is not a field of a model." + (f" Did you mean {close[0]}?" if close else ""))


def validate(request: SearchRequest) -> None:
    """Nothing, or RequestRefused naming the part that no engine answers."""
    _window(request)
    _Budget().query(request.query, "query")
    if len(request.selections) > MAX_SELECTIONS:
        raise RequestRefused("selections", f"at most {MAX_SELECTIONS} facets can be selected.")
    for clause in request.selections.values():
        _Budget().query(clause, "selections")
    if request.post_filter is not None:
        _Budget().query(request.post_filter, "post_filter")
    for key in request.sort:
        sort_field(key)
    budget = _AggregationBudget()
    for aggregation in request.aggregations.values():
        budget.check(aggregation, depth=1, nested=False)


def sort_field(key: SortKey) -> Resolved | None:
    """The field that a sort key compares; None for the score."""
    if key.field == "_score":
        return None
    resolved = resolve(key.field)
    sortable = not resolved.many or resolved.type == "leaf"
    if not sortable or resolved.type not in COLUMNS | {"keyword", "name"}:
        raise RequestRefused(
            key.field, "cannot be sorted by: it does not hold one comparable value per model."
        )
    return resolved


def _window(request: SearchRequest) -> None:
    if request.offset < 0 or request.size < 0:
        raise RequestRefused("size" if request.size < 0 else "from", "cannot be negative.")
    if request.offset + request.size > MAX_RESULT_WINDOW:
        raise RequestRefused(
            "from",
            f"from + size is at most {MAX_RESULT_WINDOW:,}; go on with search_after, or narrow the search.",
        )
    if request.after is None:
        return
    if request.offset:
        raise RequestRefused("search_after", "cannot be combined with from.")
    if len(request.after) != len(effective_sort(request)) + 1:
        raise RequestRefused("search_after", "needs one value per sort key and the id at the end.")
    for key, value in zip(effective_sort(request), request.after, strict=False):
        resolved = sort_field(key)
        if value is not None or resolved is None:  # models may lack any value but a score
            kind = "double" if resolved is None or resolved.type == "leaf" else resolved.type
            _value(kind, "search_after", value)
            _check_storable(kind, "search_after", value)
    if not isinstance(request.after[-1], str):
        raise RequestRefused("search_after", "ends with the id of a model.")


def effective_sort(request: SearchRequest) -> tuple[SortKey, ...]:
    """The keys that order the hits; the id always follows them."""
    return request.sort or (SortKey(field="_score", descending=True),)


class _Budget:
    """Counts clauses and depth of one query while it is checked."""

    def __init__(self) -> None:
        self.clauses = 0
        self.patterns = 0

    def query(self, query: Query, part: str, *, depth: int = 0, nested: bool = False) -> None:
        if depth > MAX_DEPTH:
            raise RequestRefused(part, f"is nested more than {MAX_DEPTH} levels deep.")
        self.clauses += 1
        if self.clauses > MAX_CLAUSES:
            raise RequestRefused(part, f"has more than {MAX_CLAUSES:,} clauses.")
        self.patterns += isinstance(query, Wildcard)
        if self.patterns > MAX_PATTERNS:
            raise RequestRefused(part, f"has more than {MAX_PATTERNS} patterns with stars inside.")
        match query:
            case All() | Nothing():
                return
            case And(clauses) | Or(clauses):
                for clause in clauses:
                    self.query(clause, part, depth=depth + 1, nested=nested)
            case Not(clause):
                self.query(clause, part, depth=depth + 1, nested=nested)
            case Nested(path, inner):
                if nested or path != NESTED_PATH:
                    raise RequestRefused("nested", f"is possible on {NESTED_PATH} only, one level deep.")
                self.query(inner, part, depth=depth + 1, nested=True)
            case Match() | Phrase():
                _text_clause(query, nested=nested)
            case _:
                _leaf(query, _resolved(query.field, nested=nested))


def _resolved(name: str, *, nested: bool) -> Resolved:
    if not nested:
        return resolve(name)
    prefix, _, rest = name.partition(".")
    if prefix != NESTED_PATH or rest not in NESTED_FIELDS:
        raise RequestRefused(name, f"is not a field of {NESTED_PATH}; known are {', '.join(NESTED_FIELDS)}.")
    return Resolved(name, NESTED_FIELDS[rest], many=False)


def _text_clause(query: Match | Phrase, *, nested: bool) -> None:
    if isinstance(query, Match) and query.operator not in {"and", "or", "prefix"}:
        raise RequestRefused("operator", "is and or or.")
    if nested and not query.fields:
        raise RequestRefused("match", f"inside nested {NESTED_PATH} needs fields.")
    for name in query.fields:
        if _resolved(name, nested=nested).type not in KEYWORDS | {"text"}:
            raise RequestRefused(name, "does not hold text.")


def _leaf(query: Term | Terms | Range | Exists | Prefix | Wildcard, field: Resolved) -> None:
    match query:
        case Exists():
            return
        case Term(name, value):
            _comparable(field)
            _value(field.type, name, value)
        case Terms(name, values):
            _comparable(field)
            if len(values) > MAX_VALUES:
                raise RequestRefused(name, f"has more than {MAX_VALUES:,} values.")
            for value in values:
                _value(field.type, name, value)
        case Range():
            if field.type not in NUMBERS | {"date"} and not is_ordered_text(query.field):
                raise RequestRefused(query.field, "has no order; a range needs a number or a date.")
            bounds = [bound for bound in (query.gt, query.gte, query.lt, query.lte) if bound is not None]
            for bound in bounds:
                _value(_compared(field), query.field, bound)
                if isinstance(bound, str) and len(bound) > MAX_ORDERED_CHARACTERS:
                    raise RequestRefused(query.field, f"is longer than {MAX_ORDERED_CHARACTERS} characters.")
        case Prefix(name, value):
            if field.type not in KEYWORDS:
                raise RequestRefused(name, "takes no prefix; it needs a keyword field.")
            _value(field.type, name, value)
        case Wildcard(name, value):
            if field.type not in PATTERNED or field.name.startswith(f"{NESTED_PATH}."):
                raise RequestRefused(name, "takes no pattern; it needs a keyword field.")
            _value(field.type, name, value)
            if not is_bounded(value):
                raise RequestRefused(name, PATTERN_BOUNDS)


def _comparable(field: Resolved) -> None:
    if field.type in {"object", "metrics", "nested", "flattened"}:
        raise RequestRefused(field.name, "holds several values; name one of them, or ask whether it exists.")


def _compared(field: Resolved) -> str:
    """The type of what is put into an order: of a path below a flattened field, its number."""
    return "double" if field.type == "leaf" else field.type


_STORED_NUMBERS = NUMBERS - {"leaf"}


def _value(kind: str, part: str, value: Any) -> None:
    """Refuses a value that the field cannot hold."""
    if kind in _STORED_NUMBERS:
        good, expected = _is_finite(value), "a finite number"
    elif kind == "boolean":
        good, expected = isinstance(value, bool), "true or false"
    elif kind == "date":
        good, expected = isinstance(value, datetime) and value.tzinfo is not None, "a date with its time zone"
    else:
        good = isinstance(value, str) or (kind == "leaf" and isinstance(value, (int, float, bool)))
        expected = "text"
    if not good:
        raise RequestRefused(part, f"needs {expected}, not {value!r:.80}.")


def _is_finite(value: Any) -> bool:
    """A number that a double may stand for. Whole numbers of any length are numbers of Python, not of engines."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _check_storable(kind: str, part: str, value: Any) -> None:
    """Refuses a number that no document can hold, where it would stand among their values."""
    if kind == "long" and not MIN_LONG <= value <= MAX_LONG:
        raise RequestRefused(part, "is a whole number of up to 64 bits.")


class _AggregationBudget:
    def __init__(self) -> None:
        self.seen = 0

    def check(self, aggregation: Aggregation, *, depth: int, nested: bool) -> None:
        self.seen += 1
        if self.seen > MAX_AGGREGATIONS:
            raise RequestRefused("aggs", f"are more than {MAX_AGGREGATIONS}.")
        if depth > MAX_AGGREGATION_DEPTH:
            raise RequestRefused("aggs", f"are nested more than {MAX_AGGREGATION_DEPTH} levels deep.")
        inside = nested
        match aggregation:
            case NestedAgg(path=path):
                if nested or path != NESTED_PATH:
                    raise RequestRefused("nested", f"is possible on {NESTED_PATH} only, one level deep.")
                inside = True
            case ReverseNestedAgg():
                if not nested:
                    raise RequestRefused("reverse_nested", "needs a nested aggregation around it.")
                inside = False
            case FilterAgg(query=query):
                _Budget().query(query, "filter", nested=nested)
            case FiltersAgg(filters=filters):
                if len(filters) > MAX_BUCKETS:
                    raise RequestRefused("filters", f"has more than {MAX_BUCKETS:,} buckets.")
                for query in filters.values():
                    _Budget().query(query, "filters", nested=nested)
            case _:
                _aggregation(aggregation, _resolved(aggregation.field, nested=nested))
        for sub in getattr(aggregation, "aggs", {}).values():
            self.check(sub, depth=depth + 1, nested=inside)


def _aggregation(aggregation: Any, field: Resolved) -> None:
    match aggregation:
        case TermsAgg():
            _terms(aggregation, field)
        case RangeAgg(ranges=ranges):
            _needs(field, NUMBERS | {"date"}, "range")
            if len(ranges) > MAX_BUCKETS:
                raise RequestRefused("range", f"has more than {MAX_BUCKETS:,} buckets.")
            kind = _compared(field)
            for row in ranges:
                for bound in (row.start, row.end):
                    if bound is not None:
                        _value(kind, "range", bound)
        case HistogramAgg(interval=interval, offset=offset):
            _needs(field, NUMBERS, "histogram")
            if not (_is_finite(interval) and interval > 0):
                raise RequestRefused("interval", "must be a positive number.")
            if not (_is_finite(offset) and abs(offset) <= MAX_OFFSET_INTERVALS * interval):
                reason = f"is at most {MAX_OFFSET_INTERVALS} times the interval."
                raise RequestRefused("offset", reason)
            _ends(aggregation.bounds, field)
        case DateHistogramAgg(calendar_interval=calendar, fixed_seconds=seconds):
            _ends(aggregation.bounds, field)
            _needs(field, frozenset({"date"}), "date_histogram")
            if (calendar is None) == (seconds is None):
                raise RequestRefused("date_histogram", "needs either a calendar or a fixed interval.")
            if calendar is not None and calendar not in CALENDAR_INTERVALS:
                raise RequestRefused("calendar_interval", f"is one of {', '.join(CALENDAR_INTERVALS)}.")
            if seconds is not None and not 0 < seconds <= MAX_FIXED_SECONDS:
                raise RequestRefused("fixed_interval", "is positive, and 36,500d at most.")
        case MetricAgg(kind=kind, percents=percents):
            if kind not in METRIC_KINDS:
                raise RequestRefused(kind, f"is not known; known are {', '.join(sorted(METRIC_KINDS))}.")
            # A sketch of dates that is right to 1 % is wrong by half a year.
            allowed = NUMBERS if kind in {"extended_stats", "percentiles"} else COLUMNS
            _needs(field, allowed | (KEYWORDS if kind in _ANY_TYPE_KINDS else frozenset()), kind)
            if not all(0 <= percent <= 100 for percent in percents):
                raise RequestRefused("percents", "lie between 0 and 100.")
        case MissingAgg():
            return


def _ends(bounds: tuple[Any, Any] | None, field: Resolved) -> None:
    """Refuses bounds of a histogram that are no values of the field, or the wrong way round."""
    if bounds is None:
        return
    for bound in bounds:
        _value(_compared(field), "extended_bounds", bound)
    if bounds[0] > bounds[1]:
        raise RequestRefused("extended_bounds", "end before they begin.")


def _needs(field: Resolved, types: frozenset[str], kind: str) -> None:
    if field.type not in types:
        raise RequestRefused(field.name, f"cannot be counted by {kind}: it is {field.type}.")


def _listed(field: Resolved, part: str, values: tuple[Any, ...]) -> None:
    """Values that alone are counted, or that are not."""
    if values and field.type not in KEYWORDS:
        raise RequestRefused(part, "needs a keyword field.")
    if len(values) > MAX_LISTED_VALUES:
        raise RequestRefused(part, f"has more than {MAX_LISTED_VALUES:,} values.")
    for value in values:
        _value(field.type, part, value)


def _terms(aggregation: TermsAgg, field: Resolved) -> None:
    _needs(field, KEYWORDS | COLUMNS, "terms")
    if not 1 <= aggregation.size <= MAX_BUCKETS:
        raise RequestRefused("size", f"of terms lies between 1 and {MAX_BUCKETS:,}.")
    if aggregation.prefix is not None and field.type not in KEYWORDS:
        raise RequestRefused("include", "needs a keyword field.")
    if aggregation.prefix is not None and len(aggregation.prefix) > MAX_INCLUDE_CHARACTERS:
        raise RequestRefused("include", f"is longer than {MAX_INCLUDE_CHARACTERS} characters.")
    for part, values in (("include", aggregation.only or ()), ("exclude", aggregation.excluded)):
        _listed(field, part, values)
    if aggregation.min_doc_count < 1:
        raise RequestRefused("min_doc_count", "of terms is at least 1.")
    if aggregation.missing is not None:
        _value(field.type, "missing", aggregation.missing)
        _check_storable(field.type, "missing", aggregation.missing)
        if field.type == "leaf" and aggregation.missing == "":
            raise RequestRefused("missing", f"is no value of {field.name}: it holds no empty texts.")
    by = aggregation.order[0].split(".")[0]
    if by not in {"_count", "_key"} and not isinstance(aggregation.aggs.get(by), MetricAgg):
        raise RequestRefused("order", f"names {by!r}, which is no metric among the sub-aggregations.")
