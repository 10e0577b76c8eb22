"""A document made fit for every database, engine and canonical JSON, and its hash."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import rfc8785

from catalog.records import Document
from catalog.text.folding import well_formed

MAX_EXACT_INTEGER = 2**53 - 1
"""Larger integers are not interoperable JSON. Source: RFC 7493, section 2.2."""

STORE_FIELDS = frozenset({"revision", "last_seen"})
"""What the store adds on the way out; no part of a revision, so being seen again is no new state."""


def sanitised(document: Mapping[str, Any]) -> Document:
    """The document with NUL and lone surrogates made visible, NaN left out and integers beyond 2^53 as text.

    PostgreSQL refuses NUL in text, UTF-8 refuses lone surrogates, engines refuse NaN.
    """
    return {_text(key): _clean(value) for key, value in document.items() if not _absent(value)}


def document_sha256(document: Mapping[str, Any]) -> str:
    """SHA-256 over the RFC 8785 form of a sanitised document, without the store's own fields. Source: RFC 8785."""
    content = {key: value for key, value in document.items() if key not in STORE_FIELDS}
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= MAX_EXACT_INTEGER else str(int(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_text(str(key)): _clean(item) for key, item in value.items() if not _absent(item)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item) for item in value]
    return _text(str(value))


def _text(value: str) -> str:
    text = str(value)
    if "\0" in text:
        text = text.replace("\0", "\u2400")
    return well_formed(text)
