"""What every part of the Elasticsearch JSON needs: checked objects, field names, values, dates.

Everything refused is refused by name, before any engine sees it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.errors import RequestRefused
from catalog.query.nodes import Value
from catalog.query.periods import Period, parse_period
from catalog.search.validate import NESTED_FIELDS, NESTED_PATH, Resolved, resolve

MAX_STRING = 4_096
_SUBFIELDS = (".keyword", ".kw", ".raw", ".sort")
"""Sub-fields that analysts' tools ask for; here a keyword field is one already."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MATH = re.compile(r"now(?:([+-])(\d{1,5})([yMwdhHms]))?(?:/([yMwdhHm]))?")
_DATE_FORMATS = frozenset(
    {
        "strict_date_optional_time",
        "date_optional_time",
        "epoch_millis",
        "strict_date_optional_time||epoch_millis",
        "iso8601",
    }
)
_UTC = frozenset({"UTC", "Z", "+00:00", "GMT", "Etc/UTC"})
REFUSED_BECAUSE: Mapping[str, str] = {
    "script": "scripts are not run here.",
    "script_score": "scripts are not run here.",
    "script_fields": "scripts are not run here.",
    "scripted_metric": "scripts are not run here.",
    "runtime_mappings": "fields are fixed here; see _mapping for their names.",
    "regexp": "is not allowed here; use prefix.",
    "query_string": "is not allowed here; use simple_query_string, match or bool.",
    "fuzzy": "is not allowed here; use match.",
    "wrapper": "is not allowed here; write the query itself.",
    "percolate": "is not allowed here.",
    "more_like_this": "is not allowed here.",
    "has_child": "there are no child documents; use nested on evaluations.",
    "has_parent": "there are no child documents; use nested on evaluations.",
    "function_score": "scores are fixed here; use sort.",
    "rescore": "scores are fixed here; use sort.",
    "boosting": "scores are fixed here; use sort.",
    "knn": "there are no vectors here.",
    "collapse": "is not allowed here; use a terms aggregation.",
    "suggest": "is not allowed here.",
    "indices_boost": "there is one index here.",
    "profile": "is not allowed here.",
    "explain": "is not allowed here.",
    "stored_fields": "is not allowed here; use _source.",
    "docvalue_fields": "is not allowed here; use _source.",
    "global": "would count models beyond the query; leave the query out instead.",
    "significant_terms": "is not allowed here; use terms.",
    "significant_text": "is not allowed here; use terms.",
    "top_hits": "is not allowed here; search with the bucket's value instead.",
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
    """An object with none but these keys."""
    if not isinstance(body, dict):
        raise RequestRefused(what, "needs an object.")
    for key in body:
        if key not in allowed:
            raise RequestRefused(str(key)[:100], REFUSED_BECAUSE.get(str(key), f"is not allowed in {what}."))
    return body


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
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestRefused(part, "needs a whole number.")
    if not low <= value <= high:
        raise RequestRefused(part, f"lies between {low:,} and {high:,}.")
    return value


def number(value: Any, part: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RequestRefused(part, "needs a finite number.")
    return value


def flag(value: Any, part: str) -> bool:
    if not isinstance(value, bool):
        raise RequestRefused(part, "is true or false.")
    return value


def field_name(name: Any, *, nested: bool = False) -> Resolved:
    """The field that a name means. Raises RequestRefused for what is no field."""
    if not isinstance(name, str) or len(name) > 300:
        raise RequestRefused("field", "needs the name of a field.")
    if name == "_id":
        name = "id"
    for ending in _SUBFIELDS:
        name = name.removesuffix(ending)
    if nested:
        root, _, rest = name.partition(".")
        if root == NESTED_PATH and rest in NESTED_FIELDS:
            return Resolved(name, NESTED_FIELDS[rest], many=False)
        raise RequestRefused(name, f"is not a field of {NESTED_PATH}; known are {', '.join(NESTED_FIELDS)}.")
    return resolve(name)


def value_of(field: Resolved, value: Any) -> Value:
    """A value in the field's own type."""
    if field.type == "date":
        return period_of(value, field.name).start
    if field.type == "boolean":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value in {"true", "false"}:
            return value == "true"
        raise RequestRefused(field.name, "is true or false.")
    if field.type in {"long", "double", "metric"}:
        return _number_of(field, value)
    return text_of(str(value).lower() if isinstance(value, bool) else value, field.name)


def _number_of(field: Resolved, value: Any) -> float:
    """Numbers in quotes are numbers, as Elasticsearch reads them."""
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = int(value) if value.lstrip("+-").isdigit() else float(value)
        except ValueError:
            raise RequestRefused(field.name, f"needs a number, not {value!r:.80}.") from None
    return number(value, field.name)


def period_of(value: Any, part: str) -> Period:
    """The period that a date covers: text of any precision, `now-30d/d`, or milliseconds since 1970."""
    if isinstance(value, bool):
        raise RequestRefused(part, "needs a date.")
    if isinstance(value, int | float) and math.isfinite(value):
        return _instant(value, part)
    if not isinstance(value, str) or len(value) > 60:
        raise RequestRefused(part, "needs a date.")
    if re.fullmatch(r"-?\d{9,14}", value):
        return _instant(int(value), part)
    now = datetime.now(UTC)
    if value.startswith("now"):
        return _math(value, now, part)
    period = parse_period(value, now) if not value.startswith("-") else None
    if period is None or period.relative:
        raise RequestRefused(part, f"needs a date such as 2024-05-01, 2024-05, now-30d, not {value!r:.80}.")
    return period


def _instant(milliseconds: float, part: str) -> Period:
    try:
        start = _EPOCH + timedelta(milliseconds=math.floor(milliseconds))
    except OverflowError:
        raise RequestRefused(part, "is a date out of range.") from None
    return Period(start=start, end=start + timedelta(milliseconds=1))


def _math(text: str, now: datetime, part: str) -> Period:
    match = _MATH.fullmatch(text)
    if match is None:
        raise RequestRefused(part, f"needs a date such as now-30d or now-1y/d, not {text!r:.80}.")
    moment = now.replace(microsecond=now.microsecond // 1000 * 1000)
    if match[1]:
        amount, unit = int(match[2]), match[3]
        spelled = {"y": "y", "M": "mo", "w": "w", "d": "d", "h": "h", "H": "h", "m": "min"}.get(unit)
        if match[1] == "+" or spelled is None:
            seconds = {"s": 1, "m": 60, "h": 3600, "H": 3600, "d": 86_400, "w": 604_800}.get(unit)
            if seconds is None:
                raise RequestRefused(part, f"cannot add months or years: {text!r:.80}.")
            moment += timedelta(seconds=seconds * amount * (1 if match[1] == "+" else -1))
        else:
            back = parse_period(f"-{amount}{spelled}", moment)
            if back is None:
                raise RequestRefused(part, f"is a date out of range: {text!r:.80}.")
            moment = back.start
    return _rounded(moment, match[4])


def _rounded(moment: datetime, unit: str | None) -> Period:
    if unit is None:
        return Period(start=moment, end=moment + timedelta(milliseconds=1))
    pattern = {"y": "%Y", "M": "%Y-%m", "d": "%Y-%m-%d"}.get(unit)
    if pattern is not None:
        period = parse_period(moment.strftime(pattern), moment)
        assert period is not None  # we just wrote it
        return period
    if unit == "w":
        start = moment.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=moment.weekday())
        return Period(start=start, end=start + timedelta(days=7))
    if unit == "m":
        start = moment.replace(second=0, microsecond=0)
        return Period(start=start, end=start + timedelta(minutes=1))
    start = moment.replace(minute=0, second=0, microsecond=0)
    return Period(start=start, end=start + timedelta(hours=1))


def date_options(body: Mapping[str, Any]) -> None:
    """Dates are UTC and in the usual formats; anything else would be answered wrongly."""
    if str(body.get("time_zone", "UTC")) not in _UTC:
        raise RequestRefused("time_zone", "dates are UTC here.")
    if "format" in body and str(body["format"]) not in _DATE_FORMATS:
        raise RequestRefused("format", "dates are written as ISO 8601 or milliseconds here.")


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, as Elasticsearch gives dates."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def iso(moment: datetime) -> str:
    """`2024-01-01T00:00:00.000Z`, as Elasticsearch writes dates."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def json_value(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value
