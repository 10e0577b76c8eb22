"""A tree of document fields as people write it in a sidecar: nested or dotted, checked against the field table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field as field_default
from functools import cache, lru_cache
from typing import Any

from catalog.lazy_dataclasses import dataclass, replace
from catalog.text.spelling import nearest
from mappings import Field, fields

MAX_LEVELS = 6
MAX_ENTRIES = 5_000
REMEMBERED = 4_096
"""Names come from files: there is no end of them."""
WHOLE = frozenset({"object", "flattened", "metrics", "nested"})
"""Types of fields whose value is taken as a whole, whatever it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value: the field it belongs to, or None when there is none."""

    name: str
    value: Any
    path: tuple[str, ...]
    field: Field | None
    beside: Mapping[str, Any] = field_default(
        default_factory=dict
    )  # the other keys of the same item of a list


def walk(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Every value of the tree that belongs to a field, and every key that belongs to none."""
    for key, value in tree.items():
        here = (*path, str(key))
        name = ".".join(here)
        field = find(name)
        group = _is_group(name) and len(here) < MAX_LEVELS and not (field and field.type in WHOLE)
        if group and isinstance(value, Mapping):
            yield from walk(value, here)
        elif group and isinstance(value, list):
            for number, item in enumerate(value[:MAX_ENTRIES]):
                yield from _group_item(item, here, number)
        elif field is not None:
            yield Entry(name=field.name, value=value, path=here, field=field)
        else:
            yield Entry(name=name, value=value, path=here, field=None)


def _group_item(item: Any, path: tuple[str, ...], number: int) -> Iterator[Entry]:
    """One of several: `base_model: [org/a, {id: org/b, relation: merge}]`."""
    where = (*path, str(number))
    if isinstance(item, Mapping):
        for entry in walk(item, path):
            yield replace(entry, path=(*where, *entry.path[len(path) :]), beside=item)
        return
    field = find(".".join((*path, "id"))) or find(".".join(path))
    yield Entry(name=field.name if field else ".".join(path), value=item, path=where, field=field)


@lru_cache(maxsize=REMEMBERED)
def find(name: str) -> Field | None:
    """The field of this name: its dotted name, an alias, or the part of a group that an alias names (`base_model`)."""
    table = fields()
    if name in table:
        return table[name]
    field = _aliases().get(name.lower().replace("-", "_"))
    group, dot, last = name.rpartition(".")
    if field is None and dot:  # training: {lr: 0.1}
        field = _aliases().get(last.lower().replace("-", "_"))
        return field if field is not None and field.name.startswith(f"{group}.") else None
    return field


def nearest_field(name: str) -> str | None:
    """The field that was probably meant."""
    close = nearest(name, [*fields(), *_aliases()], limit=1)
    if not close:
        return None
    return close[0] if close[0] in fields() else _aliases()[close[0]].name


@cache
def _aliases() -> Mapping[str, Field]:
    names: dict[str, Field] = {}
    for field in fields().values():
        for alias in field.aliases:
            names.setdefault(alias, field)
    return names


@lru_cache(maxsize=REMEMBERED)
def _is_group(prefix: str) -> bool:
    return any(name.startswith(prefix + ".") for name in fields())
