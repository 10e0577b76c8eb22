"""The `range` of Elasticsearch JSON: numbers, the order of versions, and dates, which are periods."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from catalog.dsl.dates import DateFormat, date_options, period_of
from catalog.dsl.values import flag, number_of, only, text_of, unboosted
from catalog.dsl.zones import zone_of
from catalog.errors import RequestRefused
from catalog.query.document_values import is_ordered_text
from catalog.query.nodes import Exists, Query, Range
from catalog.query.validate import NUMBERS, Resolved

_OLDER_BOUNDS = frozenset({"from", "to", "include_lower", "include_upper"})
"""The bounds as Elasticsearch's Java client writes them."""


def read_range(field: Resolved, inner: Any) -> Query:
    """The nodes of `range` on one field. Raises RequestRefused where it has no order, or a bound is none of its values."""
    allowed = frozenset(
        {"gt", "gte", "lt", "lte", "format", "time_zone", "boost", "relation", *_OLDER_BOUNDS}
    )
    parts = _with_signs(only(inner, "range", allowed))
    unboosted(parts)
    if str(parts.get("relation", "INTERSECTS")).upper() != "INTERSECTS":
        raise RequestRefused("relation", "is for fields that hold ranges; there are none.")
    zone = zone_of(parts.get("time_zone", "UTC"))
    formats = date_options({**parts, "time_zone": "UTC"})
    bounds = {key: parts[key] for key in ("gt", "gte", "lt", "lte") if parts.get(key) is not None}
    if not bounds:
        return Exists(field.name)
    if field.type == "date":
        return _date_range(field, bounds, formats, zone)
    if is_ordered_text(field.name):
        return Range(field=field.name, **{key: text_of(value, field.name) for key, value in bounds.items()})
    if field.type not in NUMBERS:
        raise RequestRefused(field.name, "has no order; a range needs a number or a date.")
    return Range(field=field.name, **{key: number_of(field, value) for key, value in bounds.items()})


def _with_signs(parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The bounds as `gte` and `lt`, where a client writes them as `from` and `to` with whether they are included."""
    if not _OLDER_BOUNDS & set(parts):
        return parts
    bounds: dict[str, Any] = {key: value for key, value in parts.items() if key not in _OLDER_BOUNDS}
    for end, included, signs in (("from", "include_lower", "gt"), ("to", "include_upper", "lt")):
        sign = f"{signs}e" if flag(parts.get(included, True), included) else signs
        if parts.get(end) is not None and {signs, f"{signs}e"} & set(bounds):
            raise RequestRefused(end, f"stands beside {signs} or {signs}e; write one of them.")
        bounds.setdefault(sign, parts.get(end))
    return bounds


def _date_range(
    field: Resolved, bounds: Mapping[str, Any], formats: tuple[DateFormat, ...], zone: tzinfo
) -> Query:
    """Dates are periods: after a year begins with the next one."""
    periods = {key: period_of(value, field.name, formats, zone) for key, value in bounds.items()}
    lows = [periods["gt"].end] if "gt" in periods else []
    lows += [periods["gte"].start] if "gte" in periods else []
    highs = [periods["lt"].start] if "lt" in periods else []
    highs += [periods["lte"].end] if "lte" in periods else []
    return Range(field=field.name, gte=max(lows, default=None), lt=min(highs, default=None))
