"""The index schema, made from the field table, and which column answers for which field.

Columns have short codes (`column`): Tantivy compresses the list of their names once it is longer than 2 kB, and then
opens a column in 22 us instead of 4, for each column and segment of a search. Text has two columns that were analysed in Python: `.pieces`
in their order, for words and phrases, and `.words` for what it is found by besides. Dates are milliseconds, booleans 0 or 1: plain integers sort,
count and compare alike on every engine. Canonical metrics have a column each; all others share a JSON column (`tail`,
to sort and count) and coded terms (`_coded`, to compare), because JSON paths take no range in tantivy-py 0.27.
Numbers that have a name but no field (hyper-parameters, metrics on one data set) are terms of one column, `_numbers`: the
code of the name, then digits that order as the numbers do. However many names there are, it is one column.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache, lru_cache
from zlib import adler32, crc32

import tantivy

from catalog.query.document_values import is_leaf, is_metric_on_dataset
from catalog.text.folding import fold
from indexer.projection import HEADING
from mappings import indexed_fields
from mappings.metrics import metrics

ID, DOCUMENT, REVISION, PRESENT, CODED, TAIL = "id", "_document", "_revision", "_present", "_coded", "tail"
NUMBERS = "_numbers"
VERSION: str = tantivy.__version__  # type: ignore[attr-defined]  # missing in the published type stub
LAYOUT = 9
"""Raised when the columns of the same field table change, or what stands in them (9: what is built of a version)."""


@cache
def metric_columns() -> frozenset[str]:
    """The metrics with a column of their own."""
    return frozenset(metrics())


@cache
def text_columns() -> tuple[str, ...]:
    return (*(row.name for row in indexed_fields() if row.type in {"text", "name"}), HEADING)


@cache
def ordered_keywords() -> frozenset[str]:
    """Keywords with a value per model, mostly: an `.order` column holds where each one lies, to go on from."""
    return frozenset({ID, *(row.name for row in indexed_fields() if row.type == "name")})


@cache
def build_schema() -> tantivy.Schema:
    """The schema of a new index."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(ID, stored=True, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_bytes_field(DOCUMENT, stored=True)
    builder.add_integer_field(REVISION, fast=True)
    builder.add_text_field(PRESENT, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field(CODED, tokenizer_name="whitespace", index_option="basic")
    builder.add_json_field(column_codes()[TAIL], fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(column(NUMBERS), fast=True, tokenizer_name="raw", index_option="basic")
    for row in indexed_fields():
        if row.name != ID and row.type in {"keyword", "name"}:
            builder.add_text_field(column(row.name), fast=True, tokenizer_name="raw", index_option="basic")
        elif row.type in {"long", "date", "boolean"}:
            builder.add_integer_field(column(row.name), fast=True)
        elif row.type == "double":
            builder.add_float_field(column(row.name), fast=True)
        elif row.type == "flattened":  # one column of `path=value`, however many paths there are
            builder.add_text_field(column(row.name), fast=True, tokenizer_name="raw", index_option="basic")
    for name in sorted(ordered_keywords()):
        builder.add_unsigned_field(f"{name}.order", fast=True, indexed=True)
    for slug in sorted(metric_columns()):
        builder.add_float_field(column(f"metrics.{slug}"), fast=True)
    for name in text_columns():
        builder.add_text_field(f"{name}.words", tokenizer_name="whitespace", index_option="basic")
        builder.add_text_field(f"{name}.pieces", tokenizer_name="whitespace", index_option="position")
    return builder.build()


@cache
def schema_hash() -> str:
    """Changes whenever an index must be built anew."""
    parts = [str(LAYOUT), VERSION.rpartition(".")[0]]
    parts += [f"{row.name}:{row.type}:{row.list}:{row.facet}:{row.group}" for row in indexed_fields()]
    parts += sorted(metric_columns())
    text = "\n".join(parts).encode()  # checksums, because hashlib takes 3 ms to import
    return f"{crc32(text):08x}{adler32(text) & 0xFFFF:04x}"


@cache
def column_codes() -> Mapping[str, str]:
    """The columns with a short code, by field: all that are sorted by and counted, except the id."""
    kinds = {"keyword", "name", "long", "date", "boolean", "double", "flattened"}
    names = [row.name for row in indexed_fields() if row.type in kinds and row.name != ID]
    names += [TAIL, NUMBERS, *(f"metrics.{slug}" for slug in metric_columns())]
    return {name: f"c{at:03x}" for at, name in enumerate(sorted(names))}


def column(name: str) -> str:
    """The column that holds the field `name`."""
    code = column_codes().get(name)
    if code is not None:
        return code
    if is_metric_on_dataset(name):
        return column_codes()[NUMBERS]
    root, _, rest = name.partition(".")
    if root == "metrics":
        return f"{column_codes()[TAIL]}.{rest}"
    return column_codes()[root] if is_leaf(name) else name


def is_in_tail(name: str) -> bool:
    """Whether this is a metric without a column of its own."""
    return name.startswith("metrics.") and name not in column_codes() and not is_metric_on_dataset(name)


def term_prefix(name: str) -> str:
    """What the terms of this name begin with in a column that it shares with others; empty for a column of its own."""
    if is_metric_on_dataset(name):
        return number_head(name)
    return f"{name.partition('.')[2]}=" if is_leaf(name) else ""


def number_head(name: str) -> str:
    """What the terms of a number without a field begin with in `_numbers`."""
    return code_name(fold(name))


def order_key(text: str) -> int:
    """The first eight bytes as a number: orders texts as their UTF-8 does, except equal beginnings."""
    return int.from_bytes(text.encode("utf-8")[:8].ljust(8, b"\0"), "big")


@lru_cache(maxsize=4_096)
def code_name(text: str) -> str:
    """The head of a coded term: 16 hex digits for any text."""
    import hashlib  # noqa: PLC0415 - 3 ms that few searches need

    return hashlib.blake2b(text.encode("utf-8"), digest_size=8).hexdigest()


@lru_cache(maxsize=4_096)
def code_number(value: float) -> str:
    """Sixteen hex digits that order as the numbers do. Source: IEEE 754-2019, 5.10 totalOrder."""
    bits: int = struct.unpack(">Q", struct.pack(">d", value + 0.0))[0]
    bits = bits ^ 0xFFFFFFFFFFFFFFFF if bits >> 63 else bits | (1 << 63)
    return f"{bits:016x}"


def decoded_number(term: str) -> float:
    """The number at the end of a coded term."""
    bits = int(term[-16:], 16)
    bits ^= (1 << 63) if bits >> 63 else 0xFFFFFFFFFFFFFFFF
    value: float = struct.unpack(">d", struct.pack(">Q", bits))[0]
    return value
