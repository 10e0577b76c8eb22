"""What a listing says of one object in storage."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NewType

from catalog.records.values import Value

SourceId = NewType("SourceId", str)
ModelId = NewType("ModelId", str)
ObjectKey = NewType("ObjectKey", str)
"""A '/'-separated name inside its source. Bytes that are not UTF-8 travel as lone surrogates (`os.fsdecode`)."""

MOST_KEY_BYTES = 2_000
"""Of a key that can be kept: PostgreSQL has no index of rows beyond 2,704 bytes, and the source and more stand beside it there.
Keys of buckets end at 1,024; file systems and registries have longer ones.
"""

SAME_BYTES = "bytes:"
"""How a `file_identity` begins that storage gives to equal bytes, whichever objects hold them, and to no others."""


class ObjectMeta(Value, frozen=True, kw_only=True):
    """One object as its listing describes it.

    `change_token` is opaque: equal means unchanged (an ETag with its version, or a file's stat identity).
    `file_identity` is equal for hard links of one file, or for objects that storage proves to be of equal bytes
    (`SAME_BYTES`), None where storage has no such thing.
    `sha256` is set only where storage proves it (never from an ETag).
    """

    source: SourceId
    key: ObjectKey
    size_bytes: int
    change_token: str
    last_modified: datetime | None = None
    version_id: str | None = None
    storage_class: str | None = None
    file_identity: str | None = None
    sha256: str | None = None
    owner: str | None = None


def one_file(identity: str | None) -> str | None:
    """A `file_identity` that all its names share because they are one file; None for one of equal bytes, of which each object
    holds its own.
    """
    return None if identity is None or identity.startswith(SAME_BYTES) else identity


def is_too_long(key: str) -> bool:
    """Whether no catalog keeps an object under this key."""
    # The shorter texts, which are nearly all, need not be encoded: a character has four bytes at most.
    return len(key) > MOST_KEY_BYTES // 4 and len(os.fsencode(key)) > MOST_KEY_BYTES


def may_be_kept(key: str) -> bool:
    """Whether a catalog keeps an object under this key: behind a zero byte it notes what a file says of each of many models."""
    return "\0" not in key and not is_too_long(key)


def display_key(key: str) -> str:
    r"""The key as text that every JSON, page and terminal can hold: undecodable bytes become \xNN."""
    return os.fsencode(key).decode("utf-8", errors="backslashreplace")
