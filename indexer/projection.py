"""What engines index of a document: typed values per field, the same for every engine.

The projection is made from the field table alone. What cannot be indexed as its type says is refused for the whole
document (`DocumentRejected`), except numbers that are not finite: those are left out and stay visible in the document.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from catalog.errors import DocumentRejected
from indexer.analysis import analysed, fold
from mappings import Field, fields

ANY_TEXT = "all_text"
"""The field that a search without a field reads; everything that people search by is added to what it holds."""
HEADING = "_heading"
"""Text column of name, titles and labels, which weigh more."""
HEADING_FIELDS = frozenset({"name", "title", "tags"})
FREE_TEXT_GROUPS = frozenset({"identity", "training", "lineage", "weights"})
MAX_KEYWORD_CHARACTERS = 1024
"""Longer keyword values are shown but not indexed. Source: B-tree and Lucene term limits are 8 to 64 kB of UTF-8."""
MAX_EVALUATIONS = 200
MAX_FLATTENED_LEAVES = 2000
MAX_FLATTENED_DEPTH = 10
MAX_LONG = 2**63 - 2
"""The largest whole number that is indexed; the one above it stands for "missing" when Elasticsearch sorts."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NOT_SLUG = re.compile(r"[^a-z0-9_]+")
_EVALUATION_KEYWORDS = (
    "metric",
    "dataset",
    "split",
    "raw_name",
    "source",
    "unit",
    "config",
    "task",
    "revision",
)

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
    analysed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def pieces(self, column: str) -> list[str]:
        """The pieces of each text of a column in order, joined by spaces; a phrase lies within one of them."""
        return [self._analysed(text)[0] for text in self.texts.get(column, ())]

    def more_words(self, column: str) -> str:
        """The words by which a text column is found besides its pieces, joined by spaces."""
        return " ".join([more for text in self.texts.get(column, ()) if (more := self._analysed(text)[1])])

    def _analysed(self, text: str) -> tuple[str, str]:
        found = self.analysed.get(text)  # the same text stands in several columns
        if found is None:
            found = self.analysed[text] = analysed(text)
        return found


def milliseconds(moment: datetime) -> int:
    """UTC milliseconds since 1970, cut (not rounded), as Elasticsearch's `date` keeps them."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MILLISECOND


def moment(value: float) -> datetime:
    """The instant of these milliseconds."""
    return EPOCH + timedelta(milliseconds=value)


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
    table = _table()
    for first, value in document.items():
        for row, rest, handler in table.get(first, ()):
            if not rest and type(value) in _SCALARS:
                if value == "":
                    continue
                found = [value]
            else:
                found = _values(value, rest)
                if not found:
                    continue
            try:
                handler(into, row, found)
            except (TypeError, ValueError) as error:
                raise DocumentRejected(str(document.get("id", "?")), f"{row.name}: {error}") from error
    _collect_text(into)
    return into


_SCALARS = frozenset({str, int, float, bool})
Handler = Callable[[Projection, Field, list[Any]], None]


@cache
def _table() -> Mapping[str, tuple[tuple[Field, tuple[str, ...], Handler], ...]]:
    """Fields by the first part of their path."""
    table: dict[str, list[tuple[Field, tuple[str, ...], Handler]]] = {}
    for row in fields().values():
        first, *rest = row.name.split(".")
        table.setdefault(first, []).append((row, tuple(rest), _HANDLERS[row.type]))
    return {first: tuple(rows) for first, rows in table.items()}


def _values(value: Any, path: tuple[str, ...]) -> list[Any]:
    """Every value at the path, lists opened; None and empty text are absent."""
    if value is None or value == "":
        return []
    kind = type(value)
    if kind is list or kind is tuple:
        if not path and all(type(element) is str for element in value):
            return [element for element in value if element]
        return [found for element in value for found in _values(element, path)]
    if not path:
        return [value]
    return _values(value.get(path[0]), path[1:]) if kind is dict or isinstance(value, Mapping) else []


def _single(row: Field, found: list[Any]) -> Any:
    if len(found) > 1 and not row.list:
        raise ValueError(f"{len(found)} values where one is allowed")
    return found[0]


def _keyword(into: Projection, row: Field, found: list[Any]) -> None:
    if len(found) > 1:
        _single(row, found)
    kept = [fold(value) for value in found if _is_text(value) and len(value) <= MAX_KEYWORD_CHARACTERS]
    if kept:
        into.keywords[row.name] = kept if len(kept) == 1 else list(dict.fromkeys(kept))
        if row.name in free_text_fields():
            into.texts[row.name] = found


def _is_text(value: Any) -> bool:
    if type(value) is str or isinstance(value, str):
        return True
    raise TypeError(f"{type(value).__name__} where text is expected")


def _text(into: Projection, row: Field, found: list[Any]) -> None:
    for value in found:
        if not isinstance(value, str):
            raise TypeError(f"{type(value).__name__} where text is expected")
    into.texts[row.name] = found
    into.present.add(row.name)


def _name(into: Projection, row: Field, found: list[Any]) -> None:
    _keyword(into, row, found)
    _text(into, row, found)


def _number(into: Projection, row: Field, found: list[Any]) -> None:
    value = _single(row, found)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{type(value).__name__} where a number is expected")
    if not math.isfinite(value):
        return
    if row.type == "long":
        if value != int(value):
            raise ValueError(f"{value!r} where a whole number is expected")
        if abs(value) > MAX_LONG:
            raise ValueError(f"{value:.3g} is beyond 64 bits")
        into.numbers[row.name] = int(value)
    else:
        into.numbers[row.name] = float(value) + 0.0  # -0.0 becomes 0.0, which sorts alike everywhere


def _boolean(into: Projection, row: Field, found: list[Any]) -> None:
    value = _single(row, found)
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} where true or false is expected")
    into.numbers[row.name] = int(value)


def _date(into: Projection, row: Field, found: list[Any]) -> None:
    value = _single(row, found)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} where a date is expected")
    into.numbers[row.name] = milliseconds(value)


def _metrics(into: Projection, row: Field, found: list[Any]) -> None:
    for slug, value in found[0].items() if isinstance(found[0], Mapping) else ():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{slug} is {type(value).__name__}, not a number")
        if math.isfinite(value):
            into.metrics[_slug(slug)] = float(value) + 0.0
    into.present.update(f"{row.name}.{slug}" for slug in into.metrics)
    if into.metrics:
        into.present.add(row.name)


def _flattened(into: Projection, row: Field, found: list[Any]) -> None:
    leaves: dict[str, list[str]] = {}
    for path, value in _leaves(found, "", 0):
        text = leaf_text(value)
        if text is None or len(text) > MAX_KEYWORD_CHARACTERS or len(leaves) >= MAX_FLATTENED_LEAVES:
            continue
        held = leaves.setdefault(path, [])
        if text not in held:
            held.append(text)
    if leaves:
        into.flattened[row.name] = leaves
        into.present.update(f"{row.name}.{path}" for path in leaves)
        into.present.add(row.name)


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > MAX_FLATTENED_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, element in value.items():
            slug = _slug(str(key))
            yield from _leaves(element, f"{path}.{slug}" if path else slug, depth + 1)
    elif isinstance(value, (list, tuple)):
        for element in value:
            yield from _leaves(element, path, depth + 1)
    elif value is not None and path:
        yield path, value


@cache
def _slug(text: str) -> str:
    return _NOT_SLUG.sub("_", text.lower()).strip("_") or "_"


def _nested(into: Projection, row: Field, found: list[Any]) -> None:
    for element in found[:MAX_EVALUATIONS]:
        if not isinstance(element, Mapping):
            raise TypeError(f"{type(element).__name__} where an object is expected")
        kept: dict[str, str | float] = {}
        for name in _EVALUATION_KEYWORDS:
            value = element.get(name)
            if isinstance(value, str) and value and len(value) <= MAX_KEYWORD_CHARACTERS:
                kept[name] = fold(value)
        number = element.get("value")
        if isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number):
            kept["value"] = float(number) + 0.0
        into.evaluations.append(kept)
    into.present.add(row.name)


def _object(into: Projection, row: Field, found: list[Any]) -> None:
    if any(element != {} for element in found):
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


@cache
def free_text_fields() -> frozenset[str]:
    """Fields that a search without a field reads: all text, and the keywords that people choose from."""
    return frozenset(
        row.name
        for row in fields().values()
        if row.type in {"text", "name"}
        or (row.type == "keyword" and row.facet == "terms" and row.group in FREE_TEXT_GROUPS)
    )


def _collect_text(into: Projection) -> None:
    heading: list[str] = []
    everything: list[str] = []
    for name, found in into.texts.items():
        everything += found
        if name in HEADING_FIELDS:
            heading += found
    if everything:
        into.texts[ANY_TEXT] = everything
    if heading:
        into.texts[HEADING] = heading
