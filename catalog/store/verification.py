"""Every chain of revisions walked from its first to its last, and the present records held against their ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, literal, select, tuple_

from catalog.records.history import ChainFault, VerificationCounts
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.sealing.vault import Vault, commitment_of, part_place
from catalog.store.canonical import document_sha256
from catalog.store.chain import chain_sha256
from catalog.store.codec import UNREADABLE, unpack_json
from catalog.store.sealing import vault_behind
from catalog.store.tables import records, revisions
from catalog.store.view_values import view_values

PAGE = 200
UNREADABLE_HASH = "unreadable"


def verify(engine: Engine, counts: VerificationCounts) -> Iterator[ChainFault]:
    """What is not as it was written, in the order of models and revisions; `counts` says what was looked at.

    Holds one page of revisions at a time, whatever the catalog holds.
    """
    before: Any = None
    vault = vault_behind(engine)
    for row in _revisions(engine):
        is_first = before is None or before.model != row.model
        if is_first and before is not None:
            yield from _end_faults(engine, before)
        counts.models += is_first
        counts.revisions += 1
        yield from _faults(row, None if is_first else before, vault, counts)
        before = row
    if before is not None:
        yield from _end_faults(engine, before)
    yield from _records_without_history(engine)


def _revisions(engine: Engine) -> Iterator[Any]:
    columns = revisions.c.model, revisions.c.number
    place = ("", 0)
    while True:
        newer = tuple_(*columns) > tuple_(
            *(literal(value, column.type) for value, column in zip(place, columns, strict=True))
        )
        statement = select(revisions).where(newer).order_by(revisions.c.model, revisions.c.number)
        with engine.connect() as connection:
            page = list(connection.execute(statement.limit(PAGE)))
        yield from page
        if len(page) < PAGE:
            return
        place = (page[-1].model, page[-1].number)


def _faults(row: Any, before: Any, vault: Vault, counts: VerificationCounts) -> Iterator[ChainFault]:
    number, parent, chain = (
        (0, None, "") if before is None else (before.number, before.sha256, before.chain_sha256)
    )
    if row.number != number + 1:
        yield _fault(row, "number", row.number, number + 1)
    if row.parent_sha256 != parent:
        yield _fault(row, "parent_sha256", row.parent_sha256, parent)
    stored = row.redacted_sha256 or row.sha256
    computed = _document_hash(row.document)
    if computed != stored:
        yield _fault(row, "redacted_sha256" if row.redacted_sha256 else "sha256", stored, computed)
    chained = chain_sha256(
        model=row.model,
        number=row.number,
        sha256=row.sha256,
        parent=chain,
        made_by=row.made_by,
        author=row.author,
        cause=row.cause,
        made_at=row.made_at,
        sealed=row.sealed_sha256,
    )
    if chained != row.chain_sha256:
        yield _fault(row, "chain_sha256", row.chain_sha256, chained)
    yield from _sealed_faults(row, vault, counts)


def _sealed_faults(row: Any, vault: Vault, counts: VerificationCounts) -> Iterator[ChainFault]:
    """Whether what is sealed is what the history is bound to. Where its key is not here nobody can tell."""
    if row.sealed is None:
        if row.sealed_sha256:
            yield _fault(row, "sealed values", "none", row.sealed_sha256)
        return
    try:
        computed = commitment_of(row.model, vault.open(row.sealed, part_place(row.model, row.sealed_sha256)))
    except KeyMissing:
        counts.unreadable += 1
        return
    except SealBroken:
        computed = UNREADABLE_HASH
    if computed != row.sealed_sha256:
        yield _fault(row, "sealed values", row.sealed_sha256, computed)


def _end_faults(engine: Engine, last: Any) -> Iterator[ChainFault]:
    """How the present record differs from the last revision of its model."""
    columns = (
        records.c.revision,
        records.c.sha256,
        records.c.chain_sha256,
        records.c.sealed,
        records.c.sealed_sha256,
        records.c.view_values,
        records.c.source,
        records.c.fingerprint,
    )
    with engine.connect() as connection:
        record = connection.execute(select(*columns).where(records.c.id == last.model)).one_or_none()
    if record is None:
        yield _fault(last, "record", "none", last.number)
        return
    if record.revision != last.number:
        yield _fault(last, "record's revision", record.revision, last.number)
        return
    for name in ("sha256", "chain_sha256", "sealed_sha256"):
        if getattr(record, name) != getattr(last, name):
            yield _fault(last, f"record's {name}", getattr(record, name), getattr(last, name))
    stored, computed = _text_hash(record.view_values), _shown_hash(last.document, record._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    if computed != stored:
        yield _fault(last, "record's document", stored, computed)
    if record.sealed != last.sealed:
        yield _fault(last, "record's sealed values", "others", "those of its last revision")


def _records_without_history(engine: Engine) -> Iterator[ChainFault]:
    missing = ~select(revisions.c.serial).where(revisions.c.model == records.c.id).exists()
    with engine.connect() as connection:
        for row in connection.execute(select(records.c.id, records.c.revision).where(missing)):
            yield ChainFault(model=row.id, number=row.revision, what="revisions", stored="none", computed="")


def _document_hash(data: bytes) -> str:
    try:
        return document_sha256(unpack_json(data))
    except (*UNREADABLE, AttributeError):
        return UNREADABLE_HASH


def _text_hash(text: str) -> str:
    try:
        return document_sha256(json.loads(text))
    except (ValueError, TypeError, AttributeError):
        return UNREADABLE_HASH


def _shown_hash(data: bytes, row: Mapping[Any, Any]) -> str:
    """Of what a record has of a document for the views."""
    try:
        return _text_hash(view_values(unpack_json(data), row))
    except (*UNREADABLE, AttributeError):
        return UNREADABLE_HASH


def _fault(row: Any, what: str, stored: object, computed: object) -> ChainFault:
    return ChainFault(
        model=row.model,
        number=row.number,
        what=what,
        stored="none" if stored is None else str(stored),
        computed="none" if computed is None else str(computed),
    )
