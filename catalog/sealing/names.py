"""Names of sensitive fields, and documents taken apart by them.

A name is that of a field, of all fields below it (`training`), or of one value of those that take any name
(`extra.cost_centre`, `hyperparameters.lr`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from catalog.errors import UserError
from catalog.query.document_values import key_slug
from catalog.text.spelling import nearest
from mappings import Field, fields, fields_where

MARK = "hidden_fields"
"""What a document says in place of sensitive values: the names, whether there are values or not."""
PROBLEMS = "problems"
EXTRA, REFUSED = "extra", "refused"
SHORTEST_QUOTE = 4
"""Characters of a value that a problem may quote; shorter ones are words of any sentence."""
OPEN_ENDED = frozenset({"flattened", "metrics"})
PROSE = "all_text"
"""The text of cards and of everything that is searched by words: nobody can tell what it gives away."""

Values = dict[str, Any]
"""Sensitive values: under the name of a field its value, under a dotted name the part of its first field that was taken."""


def checked_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once. Raises UserError for one that is no field, and for one that the catalog itself goes by."""
    checked = tuple(dict.fromkeys(names))
    for name in checked:
        if not _is_known(name):
            close = nearest(name, fields(), limit=1)
            raise UserError(
                f"There is no field {name!r} that could be sensitive.",
                advice=f"Did you mean {close[0]!r}?" if close else "The fields are listed in docs/fields.md.",
            )
        if _is_relied_on(name):
            raise UserError(
                f"{name!r} cannot be sensitive: the catalog itself goes by it.",
                advice="docs/security.md says which fields can be.",
            )
    return checked


def covering(names: Iterable[str]) -> tuple[str, ...]:
    """These names with those of the fields that say the same in other words, in order; empty for none."""
    named = set(names)
    return tuple(sorted({*named, *told_with(named), PROSE})) if named else ()


def told_with(names: Iterable[str]) -> set[str]:
    """The fields that say the same as some of these in other words."""
    return {other for name in names for other in _told_with(name)}


@cache
def marked_names() -> tuple[str, ...]:
    """The fields that the table calls sensitive."""
    return tuple(fields_where("sensitive"))


def is_covered(field: str, names: Iterable[str]) -> bool:
    """Whether the values of this field or leaf lie within one of the names."""
    return any(field == name or field.startswith(f"{name}.") for name in names)


def parted(document: Mapping[str, Any], names: Iterable[str]) -> tuple[dict[str, Any], Values]:
    """The document without the values of these names, which it lists instead, and those values.

    What of its problems quotes a field that is taken out goes with it.
    """
    listed = sorted(names)
    if not listed:
        return dict(document), {}
    kept, values = dict(document), dict[str, Any]()
    for name in listed:
        _take(kept, name, values)
    if isinstance(extra := kept.get(EXTRA), Mapping) and EXTRA not in listed:
        refused = {key: extra[key] for key in extra if _is_refused_value(str(key), listed)}
        if refused:
            values[f"{EXTRA}.{REFUSED}"] = refused
            kept[EXTRA] = {key: value for key, value in extra.items() if key not in refused}
            if not kept[EXTRA]:
                del kept[EXTRA]
    words = (*_labels(listed), *(f"'{name}" for name in listed), *_texts(values.values()))
    quoting = [row for row in kept.get(PROBLEMS, ()) if _quotes(row, words)]
    if quoting:
        values[PROBLEMS] = quoting
        kept[PROBLEMS] = [row for row in kept[PROBLEMS] if row not in quoting]
        if not kept[PROBLEMS]:
            del kept[PROBLEMS]
    kept[MARK] = listed
    return kept, values


def joined(document: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """The document with the values that `parted` took out of it."""
    whole = {name: value for name, value in document.items() if name != MARK}
    for name, value in values.items():
        head, _, rest = name.partition(".")
        if name == PROBLEMS:
            whole[PROBLEMS] = [*whole.get(PROBLEMS, ()), *value]
        elif not rest:
            whole[head] = value
        else:
            whole[head] = _overlaid(whole.get(head), value)
    return whole


def taken_apart(mapping: Mapping[str, Any], name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mapping without what stands under this dotted name, in one key or in several, however it is spelled; and that,
    in its place.
    """
    whole = [key for key in mapping if name in (key, key_slug(key))]
    if whole:
        kept = {key: value for key, value in mapping.items() if key not in whole}
        return kept, {key: mapping[key] for key in whole}
    head, _, rest = name.partition(".")
    outer, taken = dict(mapping), dict[str, Any]()
    for key in [key for key in mapping if rest and head in (key, key_slug(key))]:
        if not isinstance(inner := mapping[key], Mapping):
            continue
        remaining, below = taken_apart(inner, rest)
        if below:
            taken[key] = below
            outer[key] = remaining
            if not remaining:
                del outer[key]
    return outer, taken


def _is_known(name: str) -> bool:
    if name in fields() or any(field.startswith(f"{name}.") for field in fields()):
        return True
    head, _, rest = name.partition(".")
    row = fields().get(head)
    return bool(rest) and row is not None and row.type in OPEN_ENDED


def _is_relied_on(name: str) -> bool:
    return any(
        row.relied_on or (row.rule == "derived" and not row.told_with and row.name != PROSE)
        for row in _rows_within(name)
    )


def _rows_within(name: str) -> list[Field]:
    """The field of this name, and those below it."""
    return [row for field, row in fields().items() if field == name or field.startswith(f"{name}.")]


def _rows_around(name: str) -> list[Field]:
    """The field of which this is one value, if it takes any name."""
    row = fields().get(name.partition(".")[0])
    return [row] if row is not None and row.type in OPEN_ENDED else []


@cache
def _told_with(name: str) -> frozenset[str]:
    """What says the same as this name: whichever of two fields names the other, and the kind of a value with the value."""
    within, around = _rows_within(name), _rows_around(name)
    own = {row.name for row in within}
    forward = {other for row in (*within, *around) for other in row.told_with}
    back = {field for field, row in fields().items() if own.intersection((*row.told_with, row.kind_of))}
    return frozenset(forward | back | {other for row in around for other in _settings_like(row.name, name)})


def _settings_like(free: str, name: str) -> Iterator[str]:
    """The field that a free setting is put to, whatever it is called (`lr`), and each name that is put there."""
    from catalog.normalise.gathering import setting_field, setting_names  # noqa: PLC0415 - most names are no settings

    target = setting_field(name.removeprefix(f"{free}."))
    if target is not None and free in fields()[target].told_with:
        yield target
        yield from (f"{free}.{spelling}" for spelling in setting_names(target))


def _take(kept: dict[str, Any], name: str, values: Values) -> None:
    head, _, rest = name.partition(".")
    if head not in kept:
        return
    if not rest:
        values[head] = kept.pop(head)
        return
    inner = kept[head]
    if isinstance(inner, Mapping):
        remaining, taken = taken_apart(inner, rest)
        if taken:
            values[name] = taken
            kept[head] = remaining
            if not remaining:
                del kept[head]
    else:  # in a list, what is left of its elements would tell how many there are
        values[head] = kept.pop(head)


def _overlaid(mapping: Any, part: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with what was taken out of it."""
    whole = dict(mapping) if isinstance(mapping, Mapping) else {}
    for key, value in part.items():
        inner = whole.get(key)
        whole[key] = (
            _overlaid(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
        )
    return whole


def _is_refused_value(key: str, names: Iterable[str]) -> bool:
    """Whether a free value is one that its field refused: it stands there under the name of the field."""
    return any(key_slug(key) == slug or key_slug(key).startswith(f"{slug}_") for slug in map(key_slug, names))


def _labels(names: Iterable[str]) -> Iterator[str]:
    return (f"{row.label}:" for field, row in fields().items() if is_covered(field, names))


def _texts(values: Iterable[Any]) -> Iterator[str]:
    """Every text of some length within these values."""
    for value in values:
        if isinstance(value, str):
            if len(value) >= SHORTEST_QUOTE:
                yield value
        elif isinstance(value, Mapping):
            yield from _texts(value.values())
        elif isinstance(value, list | tuple):
            yield from _texts(value)


def _quotes(problem: Any, words: Iterable[str]) -> bool:
    message = str(problem.get("message", "")) if isinstance(problem, Mapping) else ""
    return any(word in message for word in words)
