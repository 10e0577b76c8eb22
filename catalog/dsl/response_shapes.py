"""How the answer to an aggregation is to be written, beside what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.dsl.composite import Composite
from catalog.dsl.dates import DateFormat, date_options
from catalog.dsl.values import flag, is_descending
from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass

MAX_META_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The form of one answer.

    `keyed` is None where the kind's own form is wanted. `order` is the key that a histogram's buckets are sorted by
    (`_key` or `_count`, descending). `written` is the form of its dates, `meta` what comes back as it was sent.
    `anonymous` filters have no names. `composite` is the page of combinations that is to be cut out of the answer.
    """

    keyed: bool | None = None
    order: tuple[str, bool] = ("_key", False)
    written: DateFormat | None = None
    meta: Mapping[str, Any] | None = None
    anonymous: bool = False
    composite: Composite | None = None


Shapes = Mapping[tuple[str, ...], Shape]
"""By the path of aggregation names; one that is not named has a shape without wishes."""
PLAIN = Shape()


def read_shape(kind: str, body: Any, meta: Any) -> Shape:
    """The wishes in the body of an aggregation. Its reader has refused what its kind does not take."""
    if meta is not None and (not isinstance(meta, dict) or len(repr(meta)) > MAX_META_CHARACTERS):
        raise RequestRefused("meta", f"is an object of up to {MAX_META_CHARACTERS:,} characters.")
    if not isinstance(body, dict):
        return Shape(meta=meta)
    formats = date_options(body) if "format" in body else ()
    return Shape(
        keyed=flag(body["keyed"], "keyed") if "keyed" in body else None,
        order=_order(body["order"]) if kind.endswith("histogram") and "order" in body else ("_key", False),
        written=formats[0] if formats else None,
        meta=meta,
        anonymous=kind == "filters" and isinstance(body.get("filters"), list),
    )


def _order(given: Any) -> tuple[str, bool]:
    listed = given if isinstance(given, list) else [given]
    names = [next(iter(entry.items())) for entry in listed if isinstance(entry, dict) and len(entry) == 1]
    if len(names) != 1 or len(listed) != 1 or names[0][0] not in {"_key", "_count"}:
        raise RequestRefused("order", "of a histogram is by _key or _count.")
    name, direction = names[0]
    return name, is_descending(direction)
