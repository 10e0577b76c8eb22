"""What engines index of a document: typed values per field, the same for every engine.

The projection is made from the field table alone. What cannot be indexed as its type says is refused for the whole
document (`DocumentRejected`), except numbers that are not finite: those are left out and stay visible in the document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from catalog.errors import DocumentRejected
from catalog.lazy_dataclasses import dataclass, field
from catalog.text import licences
from catalog.text.folders import folders_of
from catalog.text.natural import natural_key, version_key
from indexer.analysis import fold
from indexer.field_values import (
    HANDLERS,
    MAX_KEYWORD_CHARACTERS,
    Handler,
    Taker,
    free_text_fields,
    short_ways,
)
from indexer.projected_values import ANY_TEXT, Projection
from mappings import Field, fields_where, indexed_fields

HEADING = "_heading"
"""Text column of name, titles and labels, which weigh more."""
HEADING_FIELDS = frozenset(fields_where("heading"))


class _Refused(Exception):
    """The field and why what stands there cannot be indexed. Raised by a walk, caught by `project`."""


def project(document: Mapping[str, Any]) -> Projection:
    """All indexed values of a document. Raises DocumentRejected with the field and the reason."""
    into = Projection()
    try:
        _walk(into, document, _tree())
    except _Refused as refused:
        raise DocumentRejected(str(document.get("id", "?")), str(refused)) from refused.__cause__
    for derive in _derivations():
        derive(into, document)
    _collect_text(into)
    return into


Derivation = Callable[[Projection, Mapping[str, Any]], None]


@cache
def _derivations() -> tuple[Derivation, ...]:
    """What adds the values that no document has and that its other values tell, by the table of fields."""
    derived = [
        _names_derivation(row) if row.indexed_as == "names" else _terms_derivation(row)
        for row in fields_where("indexed_from").values()
    ]
    return (*derived, *(_kind_derivation(row) for row in fields_where("kind_of").values()))


def _names_derivation(row: Field) -> Derivation:
    name, source = row.name, row.indexed_from or ""

    def add_names(into: Projection, _: Mapping[str, Any]) -> None:
        if source in into.flattened:
            into.keywords[name] = list(into.flattened[source])

    return add_names


def _terms_derivation(row: Field) -> Derivation:
    name, source, terms_of = row.name, row.indexed_from or "", _TERMS[row.indexed_as or ""]

    def add_terms(into: Projection, document: Mapping[str, Any]) -> None:
        written = document.get(source)
        if isinstance(written, str) and source in into.keywords and (terms := terms_of(written)):
            into.keywords[name] = list(terms)

    return add_terms


def _kind_derivation(row: Field) -> Derivation:
    name, source = row.name, row.kind_of or ""

    def add_kind(into: Projection, document: Mapping[str, Any]) -> None:
        stated = document.get(source)
        if isinstance(stated, str) and stated:
            into.keywords[name] = [licences.kind(stated)]

    return add_kind


def _natural_terms(written: str) -> Sequence[str]:
    key = natural_key(written)[:MAX_KEYWORD_CHARACTERS]
    return (key,) if key else ()


@lru_cache(maxsize=1_024)
def _version_terms(written: str) -> Sequence[str]:
    key = version_key(written)[:MAX_KEYWORD_CHARACTERS]
    return (key,) if key else ()


def _folder_terms(path: str) -> Sequence[str]:
    return _terms_of_folder(path[: path.rfind("/") + 1])


@lru_cache(maxsize=64)
def _terms_of_folder(folder: str) -> Sequence[str]:
    """Models lie together: the same folder comes again. Few are kept, as each one below another is written whole."""
    return tuple(fold(name) for name in folders_of(folder) if len(name) <= MAX_KEYWORD_CHARACTERS)


@lru_cache(maxsize=1_024)
def _licence_terms(identifier: str) -> Sequence[str]:
    return tuple(dict.fromkeys(fold(name) for name in licences.atoms(identifier)))


_TERMS: Mapping[str, Callable[[str], Sequence[str]]] = {
    "natural": _natural_terms,
    "versions": _version_terms,
    "folders": _folder_terms,
    "licences": _licence_terms,
}
"""The folded values of a field by what its source says. Without "names", which are those of a flattened field."""


@dataclass(slots=True)
class _Place:
    """What stands at one name of a document: a field, an object with fields below it, or both."""

    row: Field | None = None
    handler: Handler | None = None
    name: str = ""
    takers: dict[type, Taker] = field(default_factory=dict)
    below: dict[str, _Place] = field(default_factory=dict)


@cache
def _tree() -> Mapping[str, _Place]:
    """The field table by the parts of its names, so that a document is walked once, by what it holds."""
    root = _Place()
    places = []
    for row in indexed_fields():
        place = root
        for part in row.name.split("."):
            place = place.below.setdefault(part, _Place())
        place.row, place.handler, place.name = row, HANDLERS[row.type], row.name
        places.append(place)
    for place in places:
        if place.row is not None and not place.below:
            place.takers.update(short_ways(place.row, searched=place.name in free_text_fields()))
    return root.below


def _walk(into: Projection, mapping: Mapping[str, Any], places: Mapping[str, _Place]) -> None:
    for name, value in mapping.items():
        place = places.get(name)
        if place is None or value is None:
            continue
        try:
            take = place.takers.get(type(value))
            if take is not None and take(into, value):  # most of what there is
                continue
            if value != "":
                _take_any(into, place, value)
        except (TypeError, ValueError) as error:
            raise _Refused(f"{place.name}: {error}") from error


def _take_any(into: Projection, place: _Place, value: Any) -> None:
    """A value of any type, at a field and at those below it."""
    kind = type(value)
    if place.row is not None:
        values = _values(value, ()) if kind is list or kind is tuple else [value]
        if values:
            _handle(into, place, values)
    if not place.below:
        return
    if kind is dict or isinstance(value, Mapping):
        _walk(into, value, place.below)
    elif kind is list or kind is tuple:
        _walk_list(into, value, place.below, ())


def _walk_list(into: Projection, elements: Any, places: Mapping[str, _Place], path: tuple[str, ...]) -> None:
    """The same for a list of objects: one field has the values of all of them."""
    for name, place in places.items():
        if place.row is not None and (values := _values(elements, (*path, name))):
            _handle(into, place, values)
        if place.below:
            _walk_list(into, elements, place.below, (*path, name))


def _handle(into: Projection, place: _Place, values: list[Any]) -> None:
    row, handler = place.row, place.handler
    if row is None or handler is None:
        return
    try:
        handler(into, row, values)
    except (TypeError, ValueError) as error:
        raise _Refused(f"{row.name}: {error}") from error


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
