"""How the values of a field become what engines index, by the type of the field.

Each type has a handler, which takes whatever stands in a document or says why not. Most values are just of the right type, and
the same few dozen fields come in every document: for those each field has short ways of its own (`short_ways`), one call each.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from catalog.query.document_values import key_slug, leaf_numbers, metrics_by_dataset
from catalog.query.instants import milliseconds
from catalog.text.folding import fold
from catalog.text.patterns import pattern
from mappings import evaluation_parts, fields

if TYPE_CHECKING:
    from indexer.projected_values import Projection
    from mappings import Field

FREE_TEXT_GROUPS = frozenset({"identity", "training", "lineage", "weights"})
MAX_KEYWORD_CHARACTERS = 1024
"""Longer keyword values are shown but not indexed. Source: B-tree and Lucene term limits are 8 to 64 kB of UTF-8."""
MAX_EVALUATIONS = 200
MAX_FLATTENED_LEAVES = 2000
MAX_FLATTENED_DEPTH = 10
MAX_LONG = 2**63 - 2
"""The largest whole number that is indexed; the one above it stands for "missing" when Elasticsearch sorts."""

MAX_DOUBLE = sys.float_info.max

_WRITTEN_WHOLE_NUMBER = pattern(r"-?[0-9]{1,40}")
_EVALUATION_KEYWORDS = tuple(part.name for part in evaluation_parts().values() if part.type == "keyword")

Handler = Callable[["Projection", "Field", list[Any]], None]
Taker = Callable[["Projection", Any], bool]
"""Takes a value of just the right type. False for what the field's handler is to look at."""


def leaf_text(value: Any) -> str | None:
    """A scalar as flattened fields compare it; None for what they do not hold."""
    if isinstance(value, str):
        return fold(value) if value else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return (
            (str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value))
            if math.isfinite(value)
            else None
        )
    return str(value) if isinstance(value, int) else None


@cache
def free_text_fields() -> frozenset[str]:
    """Fields that a search without a field reads: all text, and the keywords that people choose from."""
    return frozenset(
        row.name
        for row in fields().values()
        if row.type in {"text", "name"}
        or row.words
        or (row.type == "keyword" and row.facet == "terms" and row.group in FREE_TEXT_GROUPS)
    )


def _single(row: Field, values: list[Any]) -> Any:
    if len(values) > 1 and not row.list:
        raise ValueError(f"{len(values)} values where one is allowed")
    return values[0]


def _keyword(into: Projection, row: Field, values: list[Any]) -> None:
    if len(values) > 1:
        _single(row, values)
    for value in values:
        if type(value) is not str and not isinstance(value, str):
            raise TypeError(f"{type(value).__name__} where text is expected")
    kept = [fold(value) for value in values if len(value) <= MAX_KEYWORD_CHARACTERS]
    if kept:
        into.keywords[row.name] = kept if len(kept) == 1 else list(dict.fromkeys(kept))
        if row.name in free_text_fields():
            into.texts[row.name] = values


def _text(into: Projection, row: Field, values: list[Any]) -> None:
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{type(value).__name__} where text is expected")
    into.texts[row.name] = values
    into.present.add(row.name)


def _name(into: Projection, row: Field, values: list[Any]) -> None:
    _keyword(into, row, values)
    _text(into, row, values)


def _number(into: Projection, row: Field, values: list[Any]) -> None:
    value = _single(row, values)
    if isinstance(value, str) and _WRITTEN_WHOLE_NUMBER.fullmatch(value):
        value = int(value)  # the store writes what JSON's numbers cannot carry exactly as text
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{type(value).__name__} where a number is expected")
    if isinstance(value, float) and not math.isfinite(value):
        return
    if row.type == "long":
        if value != int(value):
            raise ValueError(f"{value!r} where a whole number is expected")
        if abs(value) > MAX_LONG:
            raise ValueError(f"{str(value)[:40]} is beyond 64 bits")
        into.numbers[row.name] = int(value)
    elif _is_finite(value):
        into.numbers[row.name] = float(value) + 0.0


def _boolean(into: Projection, row: Field, values: list[Any]) -> None:
    value = _single(row, values)
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} where true or false is expected")
    into.numbers[row.name] = int(value)


def _date(into: Projection, row: Field, values: list[Any]) -> None:
    value = _single(row, values)
    if isinstance(value, str):
        into.numbers[row.name] = _written_date(value)
    elif isinstance(value, datetime):
        into.numbers[row.name] = milliseconds(value)
    else:
        raise TypeError(f"{type(value).__name__} where a date is expected")


@lru_cache(maxsize=1_024)
def _written_date(text: str) -> int:
    """Several dates of a model are often the same."""
    return milliseconds(datetime.fromisoformat(text))


def _metrics(into: Projection, row: Field, values: list[Any]) -> None:
    for slug, value in values[0].items() if isinstance(values[0], Mapping) else ():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{slug} is {type(value).__name__}, not a number")
        if _is_finite(value):
            into.metrics[key_slug(slug)] = float(value) + 0.0
    into.present.update(f"{row.name}.{slug}" for slug in into.metrics)
    if into.metrics:
        into.present.add(row.name)


def _flattened(into: Projection, row: Field, values: list[Any]) -> None:
    leaves: dict[str, list[str]] = {}
    for element in values:
        _add_leaves(leaves, element, "", 1)
    if leaves:
        into.flattened[row.name] = leaves
        into.named.update(leaf_numbers(row.name, leaves))
        into.present.update([f"{row.name}.{path}" for path in leaves])
        into.present.add(row.name)


def _add_leaves(leaves: dict[str, list[str]], value: Any, path: str, depth: int) -> None:
    kind = type(value)
    if kind is dict or isinstance(value, Mapping):
        if depth < MAX_FLATTENED_DEPTH:
            for key, element in value.items():
                slug = key_slug(str(key))
                _add_leaves(leaves, element, f"{path}.{slug}" if path else slug, depth + 1)
    elif kind is list or kind is tuple:
        if depth < MAX_FLATTENED_DEPTH:
            for element in value:
                _add_leaves(leaves, element, path, depth + 1)
    elif path:
        _add_leaf(leaves, path, leaf_text(value))


def _add_leaf(leaves: dict[str, list[str]], path: str, text: str | None) -> None:
    if text is None or len(text) > MAX_KEYWORD_CHARACTERS or len(leaves) >= MAX_FLATTENED_LEAVES:
        return
    texts = leaves.get(path)
    if texts is None:
        leaves[path] = [text]
    elif text not in texts:
        texts.append(text)


def _nested(into: Projection, row: Field, values: list[Any]) -> None:
    for element in values[:MAX_EVALUATIONS]:
        if type(element) is not dict and not isinstance(element, Mapping):
            raise TypeError(f"{type(element).__name__} where an object is expected")
        kept: dict[str, str | float] = {}
        for name in _EVALUATION_KEYWORDS:
            value = element.get(name)
            if isinstance(value, str) and 0 < len(value) <= MAX_KEYWORD_CHARACTERS:
                kept[name] = value.lower() if value.isascii() else fold(value)
        number = element.get("value")
        if isinstance(number, (int, float)) and not isinstance(number, bool) and _is_finite(number):
            kept["value"] = float(number) + 0.0
        into.evaluations.append(kept)
    into.named |= metrics_by_dataset(into.evaluations)
    into.present.add(row.name)


def _is_finite(value: float) -> bool:
    """Whether a number is one at all. Raises ValueError for one that no engine can hold."""
    if isinstance(value, int) and abs(value) > MAX_DOUBLE:
        raise ValueError(f"{str(value)[:40]} is beyond 64-bit floating point")
    return math.isfinite(value)


def _object(into: Projection, row: Field, values: list[Any]) -> None:
    if any(element != {} for element in values):
        into.present.add(row.name)


HANDLERS: Mapping[str, Handler] = {
    "keyword": _keyword,
    "text": _text,
    "name": _name,
    "long": _number,
    "double": _number,
    "boolean": _boolean,
    "date": _date,
    "object": _object,
    "flattened": _flattened,
    "metrics": _metrics,
    "nested": _nested,
}


def short_ways(row: Field, *, searched: bool) -> Mapping[type, Taker]:
    """The short ways for values of just the right type, each made for this field."""
    match row.type:
        case "keyword":
            ways = {str: _keyword_taker(row.name, searched=searched)}
            return ways | ({list: _keywords_taker(row.name, searched=searched)} if row.list else {})
        case "name":
            return {str: _name_taker(row.name)}
        case "text":
            return {str: _text_taker(row.name), list: _texts_taker(row.name)}
        case "long":
            return {int: _whole_number_taker(row.name)}
        case "double":
            return dict.fromkeys((int, float), _number_taker(row.name))
        case "boolean":
            return {bool: _truth_taker(row.name)}
        case "date":
            return {str: _date_taker(row.name)}
        case "flattened" | "metrics":
            return {dict: _whole_taker(row)}
        case _:
            return {}


def _keyword_taker(name: str, *, searched: bool) -> Taker:
    def take(into: Projection, value: str) -> bool:
        if not 0 < len(value) <= MAX_KEYWORD_CHARACTERS:
            return False
        into.keywords[name] = [value.lower() if value.isascii() else fold(value)]
        if searched:
            into.texts[name] = [value]
        return True

    return take


def _keywords_taker(name: str, *, searched: bool) -> Taker:
    def take(into: Projection, values: list[Any]) -> bool:
        folded = []
        for value in values:
            if type(value) is not str or not 0 < len(value) <= MAX_KEYWORD_CHARACTERS:
                return False
            folded.append(value.lower() if value.isascii() else fold(value))
        if folded:
            into.keywords[name] = folded if len(folded) == 1 else list(dict.fromkeys(folded))
            if searched:
                into.texts[name] = values
        return True

    return take


def _name_taker(name: str) -> Taker:
    take_keyword = _keyword_taker(name, searched=True)

    def take(into: Projection, value: str) -> bool:
        if not take_keyword(into, value):
            return False
        into.present.add(name)
        return True

    return take


def _text_taker(name: str) -> Taker:
    def take(into: Projection, value: str) -> bool:
        if value:
            into.texts[name] = [value]
            into.present.add(name)
        return True

    return take


def _texts_taker(name: str) -> Taker:
    def take(into: Projection, values: list[Any]) -> bool:
        for value in values:
            if type(value) is not str or not value:
                return False
        if values:
            into.texts[name] = values
            into.present.add(name)
        return True

    return take


def _whole_number_taker(name: str) -> Taker:
    def take(into: Projection, value: int) -> bool:
        if not -MAX_LONG <= value <= MAX_LONG:
            return False
        into.numbers[name] = value
        return True

    return take


def _number_taker(name: str) -> Taker:
    def take(into: Projection, value: float) -> bool:
        if not -MAX_DOUBLE <= value <= MAX_DOUBLE:  # infinite, or no number
            return False
        into.numbers[name] = float(value) + 0.0  # -0.0 becomes 0.0, which sorts alike everywhere
        return True

    return take


def _truth_taker(name: str) -> Taker:
    def take(into: Projection, value: bool) -> bool:
        into.numbers[name] = int(value)
        return True

    return take


def _date_taker(name: str) -> Taker:
    def take(into: Projection, value: str) -> bool:
        if value:
            into.numbers[name] = _written_date(value)
        return True

    return take


def _whole_taker(row: Field) -> Taker:
    handler = HANDLERS[row.type]

    def take(into: Projection, value: dict[str, Any]) -> bool:
        handler(into, row, [value])
        return True

    return take
