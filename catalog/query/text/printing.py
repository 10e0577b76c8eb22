"""From nodes to the text that reads as the same nodes again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache

from catalog.query.document_values import is_metric_on_dataset, is_ordered_text
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
    Value,
    Wildcard,
)
from catalog.query.periods import format_instant, format_start, last_period, spelled
from catalog.query.text.numbers import format_number
from catalog.query.text.targets import metric_alone, resolve, short_name
from catalog.query.text.worded_signs import WORDED_NAMES
from catalog.text.natural import version_of
from catalog.text.patterns import pattern
from mappings import fields, fields_where

_BARE_VALUE = pattern(
    r"[^\s\"'()\[\],<>=:!*\\`\N{LEFT DOUBLE QUOTATION MARK}\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}][^\s\"()\[\],*\\]*"
)


def print_query(query: Query) -> str | None:
    """The query as text, or None when the language has no words for it (some requests in Elasticsearch JSON)."""
    try:
        return _top(query)
    except _Unprintable:
        return None


class _Unprintable(Exception):
    """There is no text for this node."""


def _top(query: Query) -> str:
    if isinstance(query, All):
        return ""
    if isinstance(query, And):
        return " ".join(_inner(clause) for clause in query.clauses)
    if isinstance(query, Or):
        return " OR ".join(_inner(clause) for clause in query.clauses)
    return _inner(query)


def _inner(query: Query) -> str:
    match query:
        case And() | Or():
            return f"({_top(query)})"
        case Not(clause=Exists(field=field)):
            return f"missing:{_exists_name(field)}"
        case Not(clause=clause):
            return f"-{_inner(clause)}"
        case All():
            return "*"
        case Nothing():
            raise _Unprintable
    return _leaf(query)


def _leaf(query: Query) -> str:
    match query:
        case Term(field="flags", value=str() as value):
            return f"is:{quoted(value)}"
        case Term(field=field, value=value):
            return _equal(field, value)
        case Terms(field=field, values=values):
            items = ", ".join(_exact(field, value) for value in values)
            return f"{name_of(field)}:[{items}]"
        case Range():
            return _range(query)
        case Exists(field=field):
            return f"has:{_exists_name(field)}"
        case Prefix(field=field, value=value):
            if {"*", "?"} & set(value):
                raise _Unprintable
            return pattern_text(field, f"{value}*")
        case Wildcard(field=field, value=value):
            return pattern_text(field, value)
        case Match(text=text, fields=("name",), operator="prefix"):
            return f"name:{quoted(text)}"
        case Match(text=text, fields=()):
            return text
        case Match(text=text, fields=(field,)):
            return f"{name_of(field)}:{quoted(text)}"
        case Phrase(text=text, fields=()):
            return quote(text)
        case Phrase(text=text, fields=(field,)):
            return f"{name_of(field)}:{quote(text)}"
        case Nested():
            return _nested(query)
    raise _Unprintable


def _equal(field: str, value: Value) -> str:
    row = fields().get(field)
    sign = "=" if row is not None and row.type == "name" else ":"
    return f"{name_of(field)}{sign}{_exact(field, value)}"


def _exact(field: str, value: Value) -> str:
    """A number in full: with a unit it would mean everything that rounds to it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return format_number(value)
    return print_value(field, value)


def _exists_name(field: str) -> str:
    name = _shown_as().get(field) or name_of(field)
    first = resolve(name)
    if first and first[0].path != field:
        return field
    if field.startswith("metrics.") or not any(
        target.kind == "metric" and not target.nested for target in first
    ):
        return name
    spelled = fields()[field].aliases  # `has:precision` asks for the metric, `has:dtype` for the field
    return next((alias for alias in spelled if [target.path for target in resolve(alias)] == [field]), name)


def name_of(field: str) -> str:
    """The name of a node's field in a query text."""
    if is_metric_on_dataset(field):
        metric, _, dataset = field.removeprefix("metrics.").partition("@")
        return metric_name(metric, dataset, None)
    if field.startswith("metrics."):
        base = field.removeprefix("metrics.")
        return base if metric_alone(base) else field
    return short_name(field)


def print_value(field: str, value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, str):
        return quote(value) if "?" in value or _means_more_bare(field, value) else quoted(value)
    row = fields().get(field)
    return format_number(value, row.unit if row else None)


def _means_more_bare(field: str, value: str) -> bool:
    """Whether the value without quotes also means others: a hash those that begin so, a version the one with a v."""
    if field == "version":
        return VERSION.fullmatch(value) is not None
    return field in fields_where("hashed") and BEGUN_HASH.fullmatch(value) is not None


VERSION = pattern(r"v?\d[\w.+-]*")
BEGUN_HASH = pattern(r"[0-9a-fA-F]{6,63}")
"""The beginning of a hash; a whole SHA-256 has 64 digits."""
_SIGNED = pattern(rf"-[^\W\d_]|not$|(?:{WORDED_NAMES})[=:]", re.IGNORECASE)
"""Behind a name these would leave out or compare: `license:-mit`, `license:not mit`, `version=ge=2`."""


def quoted(text: str) -> str:
    """The value as it is where that is safe, else in quotes."""
    if _BARE_VALUE.fullmatch(text) and ".." not in text and not _SIGNED.match(text):
        return text
    return quote(text)


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def pattern_text(field: str, form: str) -> str:
    """The condition that values look so; as SQL writes it where quotes are needed, in which a star would be a letter."""
    if _BARE_VALUE.fullmatch(form.replace("*", "x").replace("?", "x")) and ".." not in form:
        return f"{name_of(field)}:{form}"
    if "*" in form and "\\%" not in form:
        escaped = form.replace("%", "\\%")
        return f"{name_of(field)} LIKE {quote(escaped)}"
    raise _Unprintable


def pattern_as_text(field: str, form: str) -> str | None:
    """The same; None for one that the language has no words for."""
    try:
        return pattern_text(field, form)
    except _Unprintable:
        return None


def _range(query: Range) -> str:
    row = fields().get(query.field)
    if row is not None and row.type == "date":
        return _dates(query)
    if is_ordered_text(query.field):
        return _versions(query)
    name = name_of(query.field)
    low = query.gte if query.gte is not None else query.gt
    high = query.lte if query.lte is not None else query.lt
    first_end = _end(query.field, low, widened=query.gt is not None)
    last_end = _end(query.field, high, widened=query.lte is not None)
    shares_unit = first_end.isdigit() and 0 < int(first_end) < _MAX_OF_UNIT and last_end[-1:].isalpha()
    if shares_unit and high is not None:
        last_end = _exact(query.field, high)  # `1..5GB` would be gigabytes at both ends
    if high is None and low is not None:
        return f"{name}{'>=' if query.gte is not None else '>'}{first_end}"
    if low is None and high is not None:
        return f"{name}{'<=' if query.lte is not None else '<'}{last_end}"
    if low is None or high is None or (query.gte is not None) == (query.gt is not None):
        raise _Unprintable
    return f"{name}:{'>' * (query.gt is not None)}{first_end}..{'<' * (query.lt is not None)}{last_end}"


_MAX_OF_UNIT = 1000


def _end(field: str, value: Value | None, *, widened: bool) -> str:
    """The end of a range. A count of tokens in full where it would be read as up to powers of 1,024."""
    if value is None:
        return ""
    row = fields().get(field)
    exact = widened and row is not None and row.unit == "tokens"
    return _exact(field, value) if exact else print_value(field, value)


def _versions(query: Range) -> str:
    """Keys of versions as versions, of the field that they are the order of."""
    given = {"gt": query.gt, "gte": query.gte, "lt": query.lt, "lte": query.lte}
    versions = {end: version_of(str(key)) for end, key in given.items() if key is not None}
    if None in versions.values():
        raise _Unprintable
    return _range(Range(field=fields()[query.field].indexed_from or query.field, **versions))


def _dates(query: Range) -> str:
    """Dates are read as half-open periods, so only [gte, lt) has a text."""
    start, end = query.gte, query.lt
    if query.gt is not None or query.lte is not None:
        raise _Unprintable
    plain = query.field == "best_date"
    name = name_of(query.field)
    if isinstance(start, datetime) and isinstance(end, datetime):
        return f"{name}:{date_range(start, end)}"
    if isinstance(start, datetime):
        return f"since:{format_start(start)}" if plain else f"{name}>={format_start(start)}"
    if isinstance(end, datetime):
        return f"before:{format_start(end)}" if plain else f"{name}<{format_start(end)}"
    raise _Unprintable


def date_range(start: datetime, end: datetime) -> str:
    """[start, end) as one date or as an inclusive range of dates."""
    return spelled(start, end) or f"{format_start(start)}..{last_period(end)}"


def _nested(query: Nested) -> str:
    """`metric@dataset > 0.9`, `has:metric@dataset` and `has:metrics@dataset`, the only nested conditions with words of their own."""
    match query:
        case Nested("evaluations", Term("evaluations.dataset", str() as named)):
            return has_any_metric(named)
    if query.path != "evaluations" or not isinstance(query.query, And):
        raise _Unprintable
    metric, dataset, split, rest = _metric_at(query.query)
    if not rest:
        return has_metric(metric, dataset, split)
    name = metric_name(metric, dataset, split)
    if len(rest) != 1:
        raise _Unprintable
    clause = rest[0]
    if isinstance(clause, Range):
        text = _range(Range(field="metrics.x", gt=clause.gt, gte=clause.gte, lt=clause.lt, lte=clause.lte))
        return f"{name}{text.removeprefix('metrics.x')}"
    raise _Unprintable


def _metric_at(query: And) -> tuple[str, str | None, str | None, tuple[Query, ...]]:
    terms = {clause.field: clause.value for clause in query.clauses if isinstance(clause, Term)}
    rest = tuple(clause for clause in query.clauses if not isinstance(clause, Term))
    metric, dataset, split = (
        terms.pop(f"evaluations.{part}", None) for part in ("metric", "dataset", "split")
    )
    if terms or not isinstance(metric, str) or not (isinstance(dataset, str) or isinstance(split, str)):
        raise _Unprintable
    return (
        metric,
        dataset if isinstance(dataset, str) else None,
        split if isinstance(split, str) else None,
        rest,
    )


def metric_name(metric: str, dataset: str | None, split: str | None) -> str:
    """`f1`, `test/f1`, `f1@conll2003`, `f1@"my data"`; a metric that no table knows keeps its prefix."""
    name = _metric_base(metric, split)
    if dataset is None:
        return name
    return f"{name}@{dataset}" if re.fullmatch(r"[\w.\-/]+", dataset) else f'{name}@"{dataset}"'


def has_metric(metric: str, dataset: str | None, split: str | None) -> str:
    """`has:f1@conll2003`: here the whole name is a value, quoted as one."""
    name = _metric_base(metric, split)
    return f"has:{quoted(name if dataset is None else f'{name}@{dataset}')}"


def has_any_metric(dataset: str) -> str:
    """`has:metrics@conll2003`: any evaluation on it."""
    return f"has:{quoted(f'metrics@{dataset}')}"


def _metric_base(metric: str, split: str | None) -> str:
    if split:
        return f"{split}/{metric}"
    return metric if metric_alone(metric) else f"metrics.{metric}"


@cache
def _shown_as() -> Mapping[str, str]:
    """What a query names instead of the field that says whether there are metrics."""
    return {
        row.exists_by: name
        for name, row in fields_where("exists_by").items()
        if row.type == "metrics" and row.exists_by is not None
    }
