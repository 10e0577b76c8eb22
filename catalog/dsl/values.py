"""What every part of the Elasticsearch JSON needs: checked objects, field names, values.

Everything refused is refused by name, before any engine sees it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.dsl.dates import DateFormat, iso, period_of
from catalog.dsl.defaults import is_default
from catalog.errors import RequestRefused
from catalog.query.instants import milliseconds
from catalog.query.nodes import Value
from catalog.query.periods import FIRST_YEAR, LAST_YEAR
from catalog.query.validate import NESTED_FIELDS, NESTED_PATH, NUMBERS, Resolved, resolve
from catalog.text.patterns import pattern

MAX_STRING = 4_096
MAX_NUMERAL = 40
_NUMERAL = pattern(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
SUBFIELDS = (".keyword", ".kw", ".raw", ".sort")
"""Sub-fields that analysts' tools ask for; here a keyword field is one already."""
REFUSED_BECAUSE: Mapping[str, str] = {
    "script": "scripts are not run here.",
    "script_score": "scripts are not run here.",
    "script_fields": "scripts are not run here.",
    "scripted_metric": "scripts are not run here.",
    "runtime_mappings": "fields are fixed here; see _mapping for their names.",
    "regexp": "is not allowed here; use prefix.",
    "fuzzy": "is not allowed here; use match.",
    "wrapper": "is not allowed here; write the query itself.",
    "percolate": "is not allowed here; a saved search tells what is new in it.",
    "more_like_this": "is not allowed here; use match with the words that are to be alike.",
    "has_child": "there are no child documents; use nested on evaluations.",
    "has_parent": "there are no child documents; use nested on evaluations.",
    "function_score": "scores are fixed here; use sort.",
    "rescore": "scores are fixed here; use sort.",
    "boosting": "scores are fixed here; use sort.",
    "knn": "there are no vectors here.",
    "collapse": "is not allowed here; use a terms aggregation.",
    "suggest": "is not allowed here; /api/v1/suggest says what may follow a text.",
    "indices_boost": "there is one index here.",
    "profile": "is not allowed here; took says how long a search was.",
    "explain": "is not allowed here; a score counts the words that were found, highlight shows them.",
    "stored_fields": "is not allowed here; use _source.",
    "global": "would count models beyond the query; leave the query out instead.",
    "significant_terms": "is not allowed here; use terms.",
    "significant_text": "is not allowed here; use terms.",
    "top_hits": "is not allowed here; search with the bucket's value instead, several in one _msearch.",
    "top_metrics": "is not allowed here; sort a search, or measure with max and min.",
    "multi_terms": "is not allowed here; use terms with terms below it.",
    "rare_terms": "is not allowed here; use terms ordered by _count.",
    "auto_date_histogram": "is not allowed here; use date_histogram with calendar_interval.",
    "sampler": "is not needed here: everything is counted.",
    "random_sampler": "is not needed here: everything is counted.",
    "diversified_sampler": "is not needed here: everything is counted.",
    "percentile_ranks": "is not allowed here; count with a range aggregation.",
    "median_absolute_deviation": "is not allowed here; use percentiles or extended_stats.",
    "weighted_avg": "is not allowed here; read both fields and weigh them yourself.",
    "adjacency_matrix": "is not allowed here; use filters, with a bool for each pair.",
    "min_bucket": "is not allowed here; compare the buckets yourself.",
    "max_bucket": "is not allowed here; compare the buckets yourself, or order terms by the number.",
    "avg_bucket": "is not allowed here; reckon with the buckets yourself, in pandas by mean().",
    "sum_bucket": "is not allowed here; reckon with the buckets yourself, in pandas by sum().",
    "stats_bucket": "is not allowed here; reckon with the buckets yourself, in pandas by describe().",
    "missing": "is not allowed here; models without a value are found by exists in must_not, and counted by a missing aggregation.",
    "hard_bounds": "is not allowed here; a range of the query on the same field bounds the buckets.",
    "offset": "is not allowed here; buckets begin with their hour, day, week, month or year.",
    "boxplot": "is not allowed here; use percentiles.",
    "string_stats": "is not allowed here; use cardinality and value_count.",
    "rate": "is not allowed here; use date_histogram.",
    "variable_width_histogram": "is not allowed here; use histogram or percentiles.",
    "matrix_stats": "is not allowed here; use extended_stats.",
    "bucket_sort": "is not allowed here; use order and size of terms.",
    "bucket_script": "scripts are not run here.",
    "bucket_selector": "scripts are not run here.",
    "cumulative_sum": "is not allowed here; add up the buckets yourself, in pandas by cumsum().",
    "derivative": "is not allowed here; compare the buckets yourself, in pandas by diff().",
    "moving_fn": "scripts are not run here.",
    "dis_max": "is not allowed here; use bool with should and minimum_should_match 1.",
    "match_phrase_prefix": "is not allowed here; use match_phrase, or prefix on a keyword field.",
    "match_bool_prefix": "is not allowed here; use match, or prefix on a keyword field.",
    "combined_fields": "is not allowed here; use multi_match.",
    "filtered": "is not known any more; use bool with filter.",
    "and": "is not known any more; use bool with must.",
    "or": "is not known any more; use bool with should.",
    "not": "is not known any more; use bool with must_not.",
    "terms_set": "is not allowed here; use bool with one term per clause.",
    "fuzziness": "is not allowed here; words are found as they are written.",
    "slice": "is not allowed here; one point in time reads everything in order.",
    "terminate_after": "is not allowed here; use size.",
    "seq_no_primary_term": "is not allowed here; version says the revision.",
    "nested": "is not allowed here; a metric on one data set is a field of its own: metrics.f1@conll2003.",
    "inner_hits": "is not allowed here; the whole list is in _source.",
    "_name": "is not allowed here; ask with filters which clause finds how many.",
}


def refuse(part: str, reason: str | None = None) -> RequestRefused:
    """The refusal of a part, in the words that fit it."""
    return RequestRefused(part, reason or REFUSED_BECAUSE.get(part, "is not allowed here."))


def one_of(body: Any, what: str) -> tuple[str, Any]:
    """The only key of an object and its value."""
    if not isinstance(body, dict) or len(body) != 1:
        raise RequestRefused(what, "needs an object with exactly one key.")
    return next(iter(body.items()))


def only(body: Any, what: str, allowed: frozenset[str]) -> dict[str, Any]:
    """An object with none but these keys, without the options that are at their defaults."""
    if not isinstance(body, dict):
        raise RequestRefused(what, "needs an object.")
    others = [key for key in body if key not in allowed]
    for key in others:
        if not is_default(what, key, body[key]):
            raise RequestRefused(str(key)[:100], REFUSED_BECAUSE.get(str(key), f"is not allowed in {what}."))
    return {key: value for key, value in body.items() if key in allowed} if others else body


def unboosted(body: Mapping[str, Any]) -> None:
    if body.get("boost", 1) != 1:
        raise RequestRefused("boost", "scores are fixed here; use sort.")


def text_of(value: Any, part: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RequestRefused(part, "needs text.")
    text = str(value)
    if len(text) > MAX_STRING:
        raise RequestRefused(part, f"is longer than {MAX_STRING:,} characters.")
    return text


def whole(value: Any, part: str, low: int, high: int) -> int:
    """A whole number, also in quotes, as Elasticsearch takes it."""
    if isinstance(value, str) and len(value) <= 18 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestRefused(part, "needs a whole number.")
    if not low <= value <= high:
        raise RequestRefused(part, f"lies between {low:,} and {high:,}.")
    return value


def number(value: Any, part: str) -> float:
    """A number that a double may stand for; Python's whole numbers have no end."""
    try:
        if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
            return value
    except OverflowError:
        pass
    raise RequestRefused(part, "needs a finite number.")


def flag(value: Any, part: str) -> bool:
    if not isinstance(value, bool):
        raise RequestRefused(part, "is true or false.")
    return value


def is_descending(direction: Any) -> bool:
    """Whether an order is downwards; in any case of its letters, as Elasticsearch takes it."""
    known = direction.lower() if isinstance(direction, str) else None
    if known not in {"asc", "desc"}:
        raise RequestRefused("order", "is asc or desc.")
    return known == "desc"


def field_name(name: Any, *, nested: bool = False) -> Resolved:
    """The field that a name means. Raises RequestRefused for what is no field."""
    if not isinstance(name, str) or not name.strip() or len(name) > 300:
        raise RequestRefused("field", "needs the name of a field.")
    if name == "_id":
        name = "id"
    name = without_subfield(name)
    if nested:
        root, _, rest = name.partition(".")
        if root == NESTED_PATH and rest in NESTED_FIELDS:
            return Resolved(name, NESTED_FIELDS[rest], many=False)
        raise RequestRefused(name, f"is not a field of {NESTED_PATH}; known are {', '.join(NESTED_FIELDS)}.")
    return resolve(name)


def without_subfield(name: str) -> str:
    """The field behind `task.keyword`."""
    for ending in SUBFIELDS:
        name = name.removesuffix(ending)
    return name


def value_of(field: Resolved, value: Any, formats: Sequence[DateFormat] = ()) -> Value:
    """A value in the field's own type."""
    if field.type == "date":
        return period_of(value, field.name, formats).start
    if field.type == "boolean":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value in {"true", "false"}:
            return value == "true"
        raise RequestRefused(field.name, "is true or false.")
    if field.type == "leaf" and isinstance(value, int | float) and not isinstance(value, bool):
        return number(value, field.name)  # so that 0.3 also finds what a file writes as 0.30
    if field.type in NUMBERS - {"leaf"}:
        return number_of(field, value)
    return text_of(str(value).lower() if isinstance(value, bool) else value, field.name)


def number_of(field: Resolved, value: Any) -> float:
    """Numbers in quotes are numbers, as Elasticsearch reads them."""
    return numeral(value, field.name)


def numeral(value: Any, part: str) -> float:
    """A number, perhaps in quotes."""
    if isinstance(value, str):
        if len(value) > MAX_NUMERAL or not _NUMERAL.fullmatch(value):
            raise RequestRefused(part, f"needs a number, not {value!r:.80}.")
        value = int(value) if value.lstrip("+-").isdigit() else float(value)
    return number(value, part)


def json_value(value: Any) -> Any:
    """A value as it reads again: dates as text, or as milliseconds where no text is read (`now-1000y`)."""
    if not isinstance(value, datetime):
        return value
    return iso(value) if FIRST_YEAR <= value.year <= LAST_YEAR else milliseconds(value)


def java_text(value: float) -> str:
    """A number as Elasticsearch writes it in names of buckets: `1000000.0`, `1.0E9`, `1.0E-4`.

    Source: java.lang.Double.toString, decimal between 10^-3 and 10^7, else with an exponent.
    """
    if not value or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{int(exponent) + len(digits) - 1}"
