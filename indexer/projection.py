"""What engines index of a document: typed values per field, the same for every engine.

The projection is made from the field table alone. What cannot be indexed as its type says is refused for the whole
document (`DocumentRejected`), except numbers that are not finite: those are left out and stay visible in the document.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from catalog.errors import DocumentRejected
from catalog.lazy_dataclasses import dataclass, field
from catalog.query.document_values import key_slug, leaf_numbers, metrics_by_dataset
from catalog.query.instants import milliseconds
from catalog.text import licences
from catalog.text.folders import folders_of
from catalog.text.natural import natural_key, version_key
from catalog.text.patterns import pattern
from indexer.analysis import analysed, fold
from mappings import Field, evaluation_parts, fields, fields_where, indexed_fields

ANY_TEXT = "all_text"
"""The field that a search without a field reads; everything that people search by is added to what it holds."""
HEADING = "_heading"
"""Text column of name, titles and labels, which weigh more."""
HEADING_FIELDS = frozenset(fields_where("heading"))
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
_EVALUATION_KEYWORDS = frozenset(part.name for part in evaluation_parts().values() if part.type == "keyword")

Evaluation = Mapping[str, str | float]


@dataclass(slots=True, eq=False)
class Projection:
    """The indexed values of one document, by field name. Dates are UTC milliseconds, keywords are folded."""

    keywords: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, int | float] = field(default_factory=dict)  # long, double, date, boolean as 0 or 1
    metrics: dict[str, float] = field(default_factory=dict)
    flattened: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)  # raw text per text column
    evaluations: list[dict[str, str | float]] = field(default_factory=list)
    present: set[str] = field(
        default_factory=set
    )  # names that exist without a value in `keywords` or `numbers`
    named: dict[str, float] = field(default_factory=dict)  # numbers without a field, by their whole name
    analysed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def pieces(self, column: str) -> list[str]:
        """The pieces of each text of a column in order, joined by spaces; a phrase lies within one of them."""
        return self.text(column)[0]

    def text(self, column: str) -> tuple[list[str], str]:
        """The pieces of each text of a column, and the words by which it is found besides, joined by spaces."""
        known = self.analysed
        if not known:  # the same text stands in several columns, and all of them in the last one
            known = self.analysed = {text: analysed(text) for text in self.texts.get(ANY_TEXT, ())}
        forms = [known[text] for text in self.texts.get(column, ())]
        return [pieces for pieces, _ in forms], " ".join([more for _, more in forms if more])


def leaf_text(value: Any) -> str | None:
    """A scalar as flattened fields compare it; None for what they do not hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return (
            (str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value))
            if math.isfinite(value)
            else None
        )
    if isinstance(value, int):
        return str(value)
    return fold(value) if isinstance(value, str) and value else None


def project(document: Mapping[str, Any]) -> Projection:
    """All indexed values of a document. Raises DocumentRejected with the field and the reason."""
    into = Projection()
    _walk(into, document, _tree(), document)
    for row in fields_where("indexed_from").values():
        terms = _derived(into, row, document)
        if terms:
            into.keywords[row.name] = terms

    _add_kinds(into, document)
    _collect_text(into)
    return into


def _derived(into: Projection, row: Field, document: Mapping[str, Any]) -> list[str]:
    """The values of a field that no document has, folded."""
    source = row.indexed_from or ""
    if row.indexed_as == "names":
        return list(into.flattened.get(source, ()))
    written = document.get(source)
    if not isinstance(written, str) or source not in into.keywords:
        return []
    if row.indexed_as in {"natural", "versions"}:
        key = natural_key(written) if row.indexed_as == "natural" else version_key(written)
        return [key[:MAX_KEYWORD_CHARACTERS]] if key else []
    if row.indexed_as == "folders":
        return [fold(name) for name in folders_of(written) if len(name) <= MAX_KEYWORD_CHARACTERS]
    from catalog.text.licences import atoms  # noqa: PLC0415 - a search needs none of its tables

    return list(dict.fromkeys(fold(name) for name in atoms(written)))


def _add_kinds(into: Projection, document: Mapping[str, Any]) -> None:
    """Values that no document has and that its other values tell: the kind of its licence."""
    for row in fields_where("kind_of").values():
        stated = document.get(row.kind_of or "")
        if isinstance(stated, str) and stated:
            into.keywords[row.name] = [licences.kind(stated)]


Handler = Callable[[Projection, Field, list[Any]], None]
Taker = Callable[[Projection, str, Any], bool]


@dataclass(slots=True)
class _Place:
    """What stands at one name of a document: a field, an object with fields below it, or both."""

    row: Field | None = None
    handler: Handler | None = None
    name: str = ""
    takers: Mapping[type, Taker] = field(default_factory=dict)
    below: dict[str, _Place] = field(default_factory=dict)


@cache
def _tree() -> Mapping[str, _Place]:
    """The field table by the parts of its names, so that a document is walked once, by what it holds."""
    root = _Place()
    for row in indexed_fields():
        place = root
        for part in row.name.split("."):
            place = place.below.setdefault(part, _Place())
        place.row, place.handler, place.name = row, _HANDLERS[row.type], row.name
        place.takers = _takers(row)
    return root.below


def _walk(
    into: Projection, mapping: Mapping[str, Any], places: Mapping[str, _Place], document: Mapping[str, Any]
) -> None:
    for name, value in mapping.items():
        place = places.get(name)
        if place is None or value is None or value == "":
            continue
        kind = type(value)
        take = place.takers.get(kind)
        if take is not None and take(into, place.name, value):  # most of what there is
            continue
        if place.row is not None:
            values = _values(value, ()) if kind is list or kind is tuple else [value]
            if values:
                _handle(into, place, values, document)
        if not place.below:
            continue
        if kind is dict or isinstance(value, Mapping):
            _walk(into, value, place.below, document)
        elif kind is list or kind is tuple:
            _walk_list(into, value, place.below, (), document)


def _walk_list(
    into: Projection,
    elements: Any,
    places: Mapping[str, _Place],
    path: tuple[str, ...],
    document: Mapping[str, Any],
) -> None:
    """The same for a list of objects: one field has the values of all of them."""
    for name, place in places.items():
        if place.row is not None and (values := _values(elements, (*path, name))):
            _handle(into, place, values, document)
        if place.below:
            _walk_list(into, elements, place.below, (*path, name), document)


def _handle(into: Projection, place: _Place, values: list[Any], document: Mapping[str, Any]) -> None:
    row, handler = place.row, place.handler
    if row is None or handler is None:
        return
    try:
        handler(into, row, values)
    except (TypeError, ValueError) as error:
        raise DocumentRejected(str(document.get("id", "?")), f"{row.name}: {error}") from error


def _values(value: Any, path: tuple[str, ...]) -> list[Any]:
    """Every value at the path, lists opened; None and empty text are absent."""
    if value is None or value == "":
        return []
    kind = type(value)
    if kind is list or kind is tuple:
        if not path and all(type(element) is str for element in value):
            return [element for element in value if element]
        return [inner for element in value for inner in _values(element, path)]
    if not path:
        return [value]
    return _values(value.get(path[0]), path[1:]) if kind is dict or isinstance(value, Mapping) else []


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
    elif abs(value) > MAX_DOUBLE:
        raise ValueError(f"{str(value)[:40]} is beyond 64-bit floating point")
    else:
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
        if math.isfinite(value):
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
        if not isinstance(element, Mapping):
            raise TypeError(f"{type(element).__name__} where an object is expected")
        kept: dict[str, str | float] = {}
        for name, value in element.items():
            if (
                name in _EVALUATION_KEYWORDS
                and isinstance(value, str)
                and 0 < len(value) <= MAX_KEYWORD_CHARACTERS
            ):
                kept[name] = fold(value)
        number = element.get("value")
        if isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number):
            kept["value"] = float(number) + 0.0
        into.evaluations.append(kept)
    into.named |= metrics_by_dataset(into.evaluations)
    into.present.add(row.name)


def _object(into: Projection, row: Field, values: list[Any]) -> None:
    if any(element != {} for element in values):
        into.present.add(row.name)


_HANDLERS: Mapping[str, Handler] = {
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


def _takers(row: Field) -> Mapping[type, Taker]:
    """The short ways for values of just the right type. What one does not take (False) goes to the field's handler."""
    match row.type:
        case "keyword" if row.name in free_text_fields():
            return {str: _take_searched_keyword, **({list: _take_searched_keywords} if row.list else {})}
        case "keyword":
            return {str: _take_keyword, **({list: _take_keywords} if row.list else {})}
        case "text":
            return {str: _take_text}
        case "long":
            return {int: _take_whole_number}
        case "double":
            return {int: _take_number, float: _take_number}
        case "boolean":
            return {bool: _take_truth}
        case "date":
            return {str: _take_date}
        case _:
            return {}


def _take_keyword(into: Projection, name: str, value: str) -> bool:
    if len(value) > MAX_KEYWORD_CHARACTERS:
        return False
    into.keywords[name] = [fold(value)]
    return True


def _take_searched_keyword(into: Projection, name: str, value: str) -> bool:
    if not _take_keyword(into, name, value):
        return False
    into.texts[name] = [value]
    return True


def _take_keywords(into: Projection, name: str, values: list[Any]) -> bool:
    folded = []
    for value in values:
        if type(value) is not str or not 0 < len(value) <= MAX_KEYWORD_CHARACTERS:
            return False
        folded.append(fold(value))
    if folded:
        into.keywords[name] = folded if len(folded) == 1 else list(dict.fromkeys(folded))
    return True


def _take_searched_keywords(into: Projection, name: str, values: list[Any]) -> bool:
    if not _take_keywords(into, name, values):
        return False
    if values:
        into.texts[name] = values
    return True


def _take_text(into: Projection, name: str, value: str) -> bool:
    into.texts[name] = [value]
    into.present.add(name)
    return True


def _take_whole_number(into: Projection, name: str, value: int) -> bool:
    if not -MAX_LONG <= value <= MAX_LONG:
        return False
    into.numbers[name] = value
    return True


def _take_number(into: Projection, name: str, value: float) -> bool:
    if not -MAX_DOUBLE <= value <= MAX_DOUBLE:  # infinite, or no number
        return False
    into.numbers[name] = float(value) + 0.0  # -0.0 becomes 0.0, which sorts alike everywhere
    return True


def _take_truth(into: Projection, name: str, value: bool) -> bool:
    into.numbers[name] = int(value)
    return True


def _take_date(into: Projection, name: str, value: str) -> bool:
    try:
        into.numbers[name] = _written_date(value)
    except ValueError:
        return False
    return True


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


def _collect_text(into: Projection) -> None:
    heading: list[str] = []
    everything: list[str] = []
    for name, texts in into.texts.items():
        everything += texts
        if name in HEADING_FIELDS:
            heading += texts
    if everything:
        into.texts[ANY_TEXT] = list(dict.fromkeys(everything))
    if heading:
        into.texts[HEADING] = list(dict.fromkeys(heading))
