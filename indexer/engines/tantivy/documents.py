"""From a model's document to the row that Tantivy indexes, in one dict and one call."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from itertools import combinations
from typing import Any

import tantivy

from indexer.engines.tantivy.schema import (
    CODED,
    DOCUMENT,
    ID,
    PRESENT,
    REVISION,
    TAIL,
    build_schema,
    code_name,
    code_number,
    column_codes,
    metric_columns,
    order_key,
    ordered_keywords,
    text_columns,
)
from indexer.projection import Projection, project
from mappings import fields

PHRASE_BREAK = " ¶ "
"""Stands between the values of a list, so that no phrase reaches across. The analyzer never makes this word."""
EVALUATION_SETS = ("metric", "dataset", "split")
"""Conditions on one evaluation that are answered in any combination, together with a range of its value."""
EVALUATION_SINGLES = ("raw_name", "source", "unit")
"""Conditions that are answered alone, together with a range of the value."""
UNVALUED = "g"
"""Stands for the value of an evaluation without one: after all numbers, which are hex digits."""
_PARTS = (*EVALUATION_SETS, *EVALUATION_SINGLES)


def make_row(model_id: str, revision: int, document: Mapping[str, Any]) -> tantivy.Document:
    """The indexed and stored form of a document. Raises DocumentRejected."""
    held = project(document)
    codes = column_codes()
    row: dict[str, Any] = {codes.get(name, name): values for name, values in held.keywords.items()}
    row |= {codes[name]: value for name, value in held.numbers.items() if name in codes}
    for name, leaves in held.flattened.items():
        row[codes[name]] = [f"{path}={text}" for path, texts in leaves.items() for text in texts]
    row[ID] = model_id
    row[REVISION] = revision
    row[DOCUMENT] = encode(document)
    tail = _add_metrics(row, held)
    row[f"{ID}.order"] = order_key(model_id)
    for name in ordered_keywords():
        if name in held.keywords:
            row[f"{name}.order"] = order_key(held.keywords[name][0])
    for name in text_columns():
        if name in held.texts:
            pieces, more = held.text(name)
            row[f"{name}.pieces"] = PHRASE_BREAK.join(pieces)
            if more:
                row[f"{name}.words"] = more
    row[PRESENT] = " ".join(held.present)
    row[CODED] = " ".join(_coded(held, tail))
    return tantivy.Document.from_dict(row, build_schema())


def _add_metrics(row: dict[str, Any], held: Projection) -> dict[str, float]:
    """The metrics without a column of their own, once all are in the row."""
    tail = {}
    codes = column_codes()
    for slug, value in held.metrics.items():
        code = codes.get(f"metrics.{slug}")
        if code is None:
            tail[slug] = value
        else:
            row[code] = value
    if tail:
        row[codes[TAIL]] = tail
    return tail


def encode(document: Mapping[str, Any]) -> bytes:
    """The document as JSON. Numbers that JSON does not know become null."""
    try:
        return _encode(document).encode("ascii")
    except ValueError:
        return _encode(_finite(document)).encode("ascii")


_encode = json.JSONEncoder(allow_nan=False, default=str, separators=(",", ":")).encode


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(element) for element in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@cache
def _columns_with_own_exists() -> frozenset[str]:
    """Fields whose fast column says whether they exist; all others are named in `_present`."""
    kinds = {"keyword", "name", "long", "double", "date", "boolean"}
    own = {row.name for row in fields().values() if row.type in kinds}
    return frozenset(own | {f"metrics.{slug}" for slug in metric_columns()})


def has_own_exists(name: str) -> bool:
    return name in _columns_with_own_exists()


def _coded(held: Projection, tail: Mapping[str, float]) -> list[str]:
    found = [code_name(f"metrics.{slug}") + code_number(value) for slug, value in tail.items()]
    for evaluation in held.evaluations:
        number = evaluation.get("value")
        suffix = code_number(number) if isinstance(number, float) else UNVALUED
        found += [head + suffix for head in _heads(tuple(map(evaluation.get, _PARTS)))]
    return found


@lru_cache(maxsize=20_000)
def _heads(values: tuple[Any, ...]) -> tuple[str, ...]:
    """The codes of every set of conditions that an evaluation with these parts satisfies."""
    held = {name: value for name, value in zip(_PARTS, values, strict=True) if value is not None}
    sets = [name for name in EVALUATION_SETS if name in held]
    chosen: list[tuple[str, ...]] = [
        names for size in range(len(sets) + 1) for names in combinations(sets, size)
    ]
    chosen += [(name,) for name in EVALUATION_SINGLES if name in held]
    return tuple(code_name(evaluation_key({name: held[name] for name in names})) for names in chosen)


def evaluation_key(conditions: Mapping[str, str]) -> str:
    """The text whose code stands for these conditions on one evaluation."""
    return "\x1f".join(["evaluations", *(f"{name}={conditions[name]}" for name in sorted(conditions))])


def answerable(names: Sequence[str]) -> bool:
    """Whether conditions on these parts of one evaluation, taken together, have a code."""
    return set(names) <= set(EVALUATION_SETS) or (len(names) == 1 and names[0] in EVALUATION_SINGLES)
