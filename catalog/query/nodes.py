"""The query as a closed union of frozen nodes. Engines translate nodes and never see text.

Field names are document fields (`mappings.fields()`), `metrics.<slug>`, `hyperparameters.<slug>`, `extra.<slug>` or
`evaluations.<metric|value|dataset|split|raw_name|source>` inside `Nested`. Values have the field's type: str for
keywords and text, int or float for numbers, bool, and aware UTC `datetime` for dates.
Keyword comparison ignores case on every engine (values are folded with `str.casefold` at index and query time).
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from catalog.lazy_dataclasses import dataclass

Value: TypeAlias = str | int | float | bool | datetime
Bound: TypeAlias = str | int | float | datetime


@dataclass(frozen=True, slots=True)
class All:
    """Every model."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No model; `reason` is shown."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class And:
    clauses: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    clauses: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Not:
    clause: Query


@dataclass(frozen=True, slots=True)
class Term:
    """The field holds exactly this value (keywords: ignoring case; lists: any element)."""

    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class Terms:
    """The field holds one of these values."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The field's value lies between the bounds that are given. Models without the field never match."""

    field: str
    gt: Bound | None = None
    gte: Bound | None = None
    lt: Bound | None = None
    lte: Bound | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """The field has a value."""

    field: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """A keyword value begins with this text, ignoring case."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A keyword value as a whole looks like this text, ignoring case: `*` stands for any characters, `?` for one."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Match:
    """The analysed words of `text` appear: all of them (`operator="and"`) or any ("or"), in any of `fields`. With "prefix" words
    that begin so are enough.

    No fields means the default text fields, where a word in the name weighs most.
    """

    text: str
    fields: tuple[str, ...] = ()
    operator: str = "and"


@dataclass(frozen=True, slots=True)
class Phrase:
    """The analysed words of `text` appear next to each other, in this order."""

    text: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Nested:
    """One element of the list `path` satisfies the whole `query` (fields are `path.name`)."""

    path: str
    query: Query


Query: TypeAlias = (
    All
    | Nothing
    | And
    | Or
    | Not
    | Term
    | Terms
    | Range
    | Exists
    | Prefix
    | Wildcard
    | Match
    | Phrase
    | Nested
)
