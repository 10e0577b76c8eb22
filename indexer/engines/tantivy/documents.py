"""From a model's document to the row that Tantivy indexes, in one dict and one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    NUMBERS,
    PRESENT,
    REVISION,
    TAIL,
    build_schema,
    code_name,
    code_number,
    column_codes,
    number_head,
    order_key,
    ordered_keywords,
    text_columns,
)
from indexer.projected_values import Projection
from indexer.projection import project


def make_row(model_id: str, revision: int, document: Mapping[str, Any]) -> tantivy.Document:
    """The indexed and stored form of a document. Raises DocumentRejected."""
    projection = project(document)
    codes = column_codes()
    row: dict[str, Any] = {codes.get(name, name): values for name, values in projection.keywords.items()}
    for name, value in projection.numbers.items():
        row[codes[name]] = value
    for name, leaves in projection.flattened.items():
        row[codes[name]] = [f"{path}={text}" for path, texts in leaves.items() for text in texts]
    if projection.named:
        row[codes[NUMBERS]] = [
            number_head(name) + code_number(value) for name, value in projection.named.items()
        ]
    row[ID] = model_id
    row[REVISION] = revision
    row[DOCUMENT] = encoded(document)
    tail = _add_metrics(row, projection)
    row[f"{ID}.order"] = order_key(model_id)
    for name in ordered_keywords():
        if name in projection.keywords:
            row[f"{name}.order"] = order_key(projection.keywords[name][0])
    for name, for_pieces, for_words in _columns_of_texts():
        if name in projection.texts:
            pieces, more = projection.text(name)
            row[for_pieces] = pieces[0] if len(pieces) == 1 else PHRASE_BREAK.join(pieces)
            if more:
                row[for_words] = more
    row[PRESENT] = " ".join(projection.present)
    row[CODED] = " ".join(_coded(projection, tail))
    return tantivy.Document.from_dict(row, build_schema())


def _add_metrics(row: dict[str, Any], projection: Projection) -> dict[str, float]:
    """The metrics without a column of their own, once all are in the row."""
    tail = {}
    codes = column_codes()
    for slug, value in projection.metrics.items():
        code = codes.get(f"metrics.{slug}")
        if code is None:
            tail[slug] = value
        else:
            row[code] = value
    if tail:
        row[codes[TAIL]] = tail
    return tail


def _coded(projection: Projection, tail: Mapping[str, float]) -> list[str]:
    coded = [code_name(f"metrics.{slug}") + code_number(value) for slug, value in tail.items()]
    for evaluation in projection.evaluations:
        number = evaluation.get("value")
        suffix = code_number(number) if isinstance(number, float) else UNVALUED
        coded += [head + suffix for head in heads(tuple(map(evaluation.get, EVALUATION_PARTS)))]
    return coded


@cache
def _columns_of_texts() -> Sequence[tuple[str, str, str]]:
    """The fields with text, and their two columns."""
    return tuple((name, f"{name}.pieces", f"{name}.words") for name in text_columns())
