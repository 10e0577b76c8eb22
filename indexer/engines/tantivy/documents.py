"""From a model's document to the row that Tantivy indexes, in one dict and one call."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import tantivy

from indexer.analysis import PHRASE_BREAK
from indexer.encoding import encoded
from indexer.engines.tantivy.codes import EVALUATION_PARTS, UNVALUED, heads
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
    order_key,
    ordered_keywords,
    text_columns,
)
from indexer.projection import Projection, project


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
    row[DOCUMENT] = encoded(document)
    tail = _add_metrics(row, held)
    row[f"{ID}.order"] = order_key(model_id)
    for name in ordered_keywords():
        if name in held.keywords:
            row[f"{name}.order"] = order_key(held.keywords[name][0])
    columns = _columns_of_texts()
    for name in held.texts:
        if name in columns:
            for_pieces, for_words = columns[name]
            pieces, more = held.text(name)
            row[for_pieces] = PHRASE_BREAK.join(pieces)
            if more:
                row[for_words] = more
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


def _coded(held: Projection, tail: Mapping[str, float]) -> list[str]:
    found = [code_name(f"metrics.{slug}") + code_number(value) for slug, value in tail.items()]
    for evaluation in held.evaluations:
        number = evaluation.get("value")
        suffix = code_number(number) if isinstance(number, float) else UNVALUED
        found += [head + suffix for head in heads(tuple(map(evaluation.get, EVALUATION_PARTS)))]
    return found


@cache
def _columns_of_texts() -> Mapping[str, tuple[str, str]]:
    return {name: (f"{name}.pieces", f"{name}.words") for name in text_columns()}
