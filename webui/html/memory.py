"""Whether a model fits: memory at several lengths of context, and how it is worked out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass
from catalog.records import FieldProvenance
from webui.documents import number_at
from webui.numbers import Figure, size
from webui.text import shown

CONTEXTS = (2_048, 8_192, 32_768, 131_072, 1_048_576)
GIVEN_AT = 8_192
"""Tokens at which the document's own number is given; see its field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRow:
    """Memory at one length of context."""

    tokens: str
    memory: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the model takes when it is loaded as stored; `formulas` say how that is known."""

    total: Figure
    note: str
    rows: tuple[MemoryRow, ...]
    formulas: tuple[str, ...]


def memory_of(document: Mapping[str, Any], known: Mapping[str, FieldProvenance]) -> Memory | None:
    """The model's memory, where its weights are known."""
    total, per_token = (number_at(document, name) for name in ("memory_bytes", "kv_bytes_per_token"))
    if total is None:
        return None
    longest = number_at(document, "context_length") or GIVEN_AT
    given_at = min(GIVEN_AT, longest)
    rows = []
    if per_token:
        weights = total - per_token * given_at
        lengths = [tokens for tokens in CONTEXTS if tokens < longest] + [longest]
        rows = [
            MemoryRow(tokens=f"{int(tokens):,}", memory=size(weights + per_token * tokens))
            for tokens in lengths
        ]
    return Memory(
        total=size(total),
        note=f"with {int(given_at):,} tokens of context" if per_token else "weights alone",
        rows=tuple(rows),
        formulas=tuple(_formulas(known)),
    )


def _formulas(known: Mapping[str, FieldProvenance]) -> list[str]:
    """The document's number first, then what a token takes."""
    texts = []
    for name, word in (("memory_bytes", ""), ("kv_bytes_per_token", "Per token: ")):
        provenance = known.get(name)
        if provenance is not None and provenance.winners:
            texts.append(f"{word}{shown(provenance.winners[0].observation.raw, 200)}")
    return texts
