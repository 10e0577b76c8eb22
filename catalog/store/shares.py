"""Files that tell of many models (a tracker's database): what they say of each is a row of its own.

So a run that changed costs one row, and a record is made of what is said of its own run. The rows stand in the table of
extractions, behind the file that they belong to: its key, a zero byte that is in no name of a file, the subject's hash and
the digest of what is said of it, so that a row is either as it was or another one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select

from catalog.lazy_dataclasses import replace
from catalog.records import Extraction, Observation
from catalog.store.codec import pack
from catalog.store.database import parts
from catalog.store.sealing import EXTRACTION, Sealing
from catalog.store.tables import extractions

MIN_SUBJECTS = 64
"""A file that tells of fewer is one row: to read it whole costs less than to look for its rows."""
ROWS_AT_ONCE = 500
_MARK, _AFTER = b"\0", b"\1"
_HASH_BYTES = 16
_BEHIND = (
    (extractions.c.source == bindparam("place"))
    & (extractions.c.key > bindparam("first"))
    & (extractions.c.key < bindparam("end"))
)
_KNOWN = select(extractions.c.key).where(_BEHIND)
_DROP = delete(extractions).where(_BEHIND)
"""Compiled once for all files: a forgotten directory has many."""


def is_share(key: bytes) -> bool:
    """Whether a row of the table holds what a file says of one subject."""
    return _MARK in key


def may_have_shares(extraction: Extraction) -> bool:
    """Whether rows behind the file belong to what it says; those behind one of few subjects are of an earlier reading."""
    return len(extraction.subjects) >= MIN_SUBJECTS


def share_name(subject: str, digest: str, number: int = 0) -> bytes:
    """The row of what is said of a subject, behind its file's key; there may be several, by their number."""
    return _MARK + _hash(subject) + bytes.fromhex(digest)[:_HASH_BYTES] + number.to_bytes(2, "big")


def split(extraction: Extraction) -> tuple[Extraction, Mapping[bytes, bytes]]:
    """What the file says of itself, and packed, by the names of their rows, what it says of its subjects."""
    digests = {subject.id: subject.digest for subject in extraction.subjects if subject.digest}
    if len(digests) < MIN_SUBJECTS:
        return extraction, {}
    by_subject: dict[str, list[Observation]] = defaultdict(list)
    rest: list[Observation] = []
    for seen in extraction.observations:
        (by_subject[seen.subject] if seen.subject in digests else rest).append(seen)
    shares = {
        share_name(subject, digests[subject] or ""): packed_share(extraction, own)
        for subject, own in by_subject.items()
    }
    return replace(extraction, observations=tuple(rest)), shares


def packed_share(extraction: Extraction, observations: Iterable[Observation]) -> bytes:
    """What is said of one subject: an extraction with nothing else in it."""
    alone = replace(extraction, observations=tuple(observations), subjects=(), join_keys=(), references=())
    return pack(replace(alone, tensors=None, risks=(), problems=()))


def replace_shares(
    connection: Connection, sealing: Sealing, source: str, key: bytes, shares: Mapping[bytes, bytes]
) -> int:
    """The file has just these rows behind it; those that it had are not written again. How many were written or dropped."""
    known = set(connection.execute(_KNOWN, _behind(source, key)).scalars())
    wanted = {key + name: body for name, body in shares.items()}
    for part in parts(sorted(known - wanted.keys())):
        connection.execute(
            delete(extractions).where((extractions.c.source == source) & extractions.c.key.in_(part))
        )
    new = sorted(wanted.keys() - known)
    for start in range(0, len(new), ROWS_AT_ONCE):
        rows = [
            {
                "source": source,
                "key": row,
                "body": sealing.packed(source, wanted[row], EXTRACTION, source, row),
            }
            for row in new[start : start + ROWS_AT_ONCE]
        ]
        connection.execute(insert(extractions), rows)
    return len(new) + len(known - wanted.keys())


def drop_shares(connection: Connection, source: str, keys: Iterable[bytes]) -> None:
    """These files have no rows behind them any more."""
    rows = [_behind(source, key) for key in keys]
    if rows:
        connection.execute(_DROP, rows)


def shares_of(
    connection: Connection, source: str, wanted: Iterable[tuple[bytes, str]]
) -> Iterator[tuple[bytes, str, bytes, bytes]]:
    """Key, subject, and a row's own key and body of what these files say of these subjects; nothing where a file is one row."""
    for key, subject in wanted:
        first = key + _MARK + _hash(subject)
        chosen = (extractions.c.source == source) & (extractions.c.key > first)
        chosen &= extractions.c.key < first + b"\xff" * (_HASH_BYTES + 3)
        for row in connection.execute(select(extractions.c.key, extractions.c.body).where(chosen)):
            yield key, subject, row.key, row.body


def _behind(source: str, key: bytes) -> dict[str, str | bytes]:
    return {"place": source, "first": key + _MARK, "end": key + _AFTER}


def _hash(subject: str) -> bytes:
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).digest()[:_HASH_BYTES]
