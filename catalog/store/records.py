"""Records: the present document of every model with its provenance, its chain of revisions, its standing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, case, func, select, text, update

from catalog.errors import StoreDamaged
from catalog.layouts.steps import STRAY
from catalog.lazy_dataclasses import dataclass
from catalog.records import (
    CardText,
    Document,
    ModelId,
    ObjectKey,
    Revision,
    Role,
    SourceId,
    StoredModel,
    display_key,
)
from catalog.records.disclosure import Disclosure
from catalog.records.health import UnreadFile
from catalog.records.history import ChainFault, VerificationCounts
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.sealing.names import MARK, is_covered, joined
from catalog.sealing.vault import Vault
from catalog.store import members, settling, verification
from catalog.store.attendance import SHELVED, Attendance, Shelved, shelved_row
from catalog.store.batch import RecordBatch
from catalog.store.codec import UNREADABLE, instant, parse_instant, unpack_json
from catalog.store.database import begin_commit, parts
from catalog.store.digests import HEX_CHARACTERS
from catalog.store.documents import DAMAGED_CODE, DELETED, GONE, LIVE, MISSING, NOT_MADE_CODE, TRASHED
from catalog.store.leases import Lease
from catalog.store.newest import present_document, present_or_empty, with_documents
from catalog.store.record_changes import Committed, RecordChange
from catalog.store.runs import seen_at, shown_last_seen
from catalog.store.sealing import RECORD, Sealing, models_with, part_of, vault_behind
from catalog.store.stored_records import unpack_record
from catalog.store.tables import NOT_MADE, record_files, records, revisions, sources
from catalog.terminal import printable

PAGE = 500
REREAD = "Make it anew with: modeldex crawl PATH --reread"
AGAIN = "it is tried again when a file of the source changes, or with --reread"
RETRIED = f"most often memory was used up; {AGAIN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """A source that was crawled, with how many of its models are there and how many are missing."""

    id: SourceId
    uri: str
    live: int
    missing: int


class Records:
    """Reading by anybody, writing under a lease or with locked rows. A revision and its record are one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, model: str) -> StoredModel | None:
        """The model with exactly this id, gone ones included."""
        with self._engine.connect() as connection:
            row = connection.execute(with_documents(records).where(records.c.id == model)).one_or_none()
            return None if row is None else _stored(row, seen_at(connection), vault_behind(connection))

    def disclosed(self, model: str) -> Disclosure | None:
        """The sensitive values of the model with why they are what they are; None of one that has none, or is not there."""
        with self._engine.connect() as connection:
            row = connection.execute(with_documents(records).where(records.c.id == model)).one_or_none()
            part = None if row is None else part_of(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
            if row is None or part is None:
                return None
            sealing = Sealing(connection)
            try:
                record = unpack_record(sealing.opened(row.record, RECORD, row.id))
                document, values = present_or_empty(row), sealing.values(model, part)
                provenance = record.whole_provenance(joined(document, values))
                names = document.get(MARK, ())
                return Disclosure(
                    values=values,
                    provenance={name: known for name, known in provenance.items() if is_covered(name, names)},
                )
            except KeyMissing as error:
                return Disclosure(unreadable=error.sentence)
            except UNREADABLE as error:
                raise _damaged(row, error) from error

    def disclosed_revisions(self, model: str, numbers: Collection[int]) -> dict[int, Disclosure]:
        """The sensitive values of these revisions of the model, by number."""
        disclosed: dict[int, Disclosure] = {}
        with self._engine.connect() as connection:
            sealing = Sealing(connection)
            for page in parts(sorted(numbers)):
                chosen = (revisions.c.model == model) & revisions.c.number.in_(page)
                for row in connection.execute(select(revisions).where(chosen)):
                    if (part := part_of(row._mapping)) is None:  # noqa: SLF001 - as above
                        continue
                    try:
                        disclosed[row.number] = Disclosure(values=sealing.values(model, part))
                    except (KeyMissing, SealBroken) as error:
                        disclosed[row.number] = Disclosure(unreadable=getattr(error, "sentence", str(error)))
        return disclosed

    def with_value(self, field: str, value: Any, *, limit: int) -> list[str]:
        """The models that hold this sensitive value, in id order, up to the limit; as far as the keys are here."""
        with self._engine.connect() as connection:
            return models_with(connection, field, value, limit=limit)

    def sensitive_names(self) -> frozenset[str]:
        """The fields that are sensitive in any source."""
        with self._engine.connect() as connection:
            sealing = Sealing(connection)
            if not sealing.vault.is_set_up:
                return frozenset()
            listed = connection.execute(select(sources.c.id)).scalars().all()
            return frozenset({name for source in listed for name in sealing.names(source)})

    def find(self, prefix: str, *, limit: int = 20) -> list[ModelId]:
        """The ids that begin with `prefix`, or else the models of exactly this name: those that are there, if any is."""
        with self._engine.connect() as connection:
            ids: list[str] = []
            if 0 < len(prefix) <= HEX_CHARACTERS and all(letter in "0123456789abcdef" for letter in prefix):
                first, last = (prefix.ljust(HEX_CHARACTERS, letter) for letter in "0f")
                chosen = (records.c.id >= first) & (records.c.id <= last)
                ids = list(
                    connection.execute(
                        select(records.c.id).where(chosen).order_by(records.c.id).limit(limit)
                    ).scalars()
                )
            for states in (
                (LIVE,),
                (MISSING, TRASHED, DELETED),
            ):  # a model that moved leaves a missing one of the same name
                if not ids and prefix:
                    chosen = (func.lower(records.c.name) == prefix.lower()) & records.c.state.in_(states)
                    ids = list(
                        connection.execute(
                            select(records.c.id).where(chosen).order_by(records.c.id).limit(limit)
                        ).scalars()
                    )
        return [ModelId(model) for model in ids]

    def names_like(self, text: str, *, limit: int = 5) -> list[str]:
        """Names that contain the text, whatever its case, shortest first."""
        chosen = func.lower(records.c.name).contains(text.lower(), autoescape=True) & (
            records.c.state != GONE
        )
        ordered = (
            select(records.c.name)
            .where(chosen)
            .group_by(records.c.name)
            .order_by(func.length(records.c.name), records.c.name)
        )
        with self._engine.connect() as connection:
            return list(connection.execute(ordered.limit(limit)).scalars())

    def iterate(self, damaged: dict[str, StoreDamaged] | None = None) -> Iterator[StoredModel]:
        """Every model but the gone ones, in id order. One that cannot be read is noted in `damaged`; without it, raises
        StoreDamaged.
        """
        last = ""
        while True:
            with self._engine.connect() as connection:
                chosen = (records.c.id > last) & (records.c.state != GONE)
                rows = list(
                    connection.execute(
                        with_documents(records).where(chosen).order_by(records.c.id).limit(PAGE)
                    )
                )
                seen, vault = seen_at(connection), vault_behind(connection)
            for row in rows:
                try:
                    yield _stored(row, seen, vault)
                except StoreDamaged as error:
                    if damaged is None:
                        raise
                    damaged[row.id] = error
            if len(rows) < PAGE:
                return
            last = rows[-1].id

    def count(self) -> int:
        """How many models there are, gone ones not counted."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).where(records.c.state != GONE)).scalar_one())

    def history(self, model: str, *, last: int | None = None) -> list[Revision]:
        """Every revision of the model, or the `last` ones, oldest first."""
        newest_first = select(revisions).where(revisions.c.model == model).order_by(revisions.c.number.desc())
        with self._engine.connect() as connection:
            rows = list(connection.execute(newest_first.limit(last)))
        return [_revision(row) for row in reversed(rows)]

    def revision(self, model: str, number: int) -> Revision | None:
        """The revision of this number; None if there is none."""
        chosen = (revisions.c.model == model) & (revisions.c.number == number)
        with self._engine.connect() as connection:
            row = connection.execute(select(revisions).where(chosen)).one_or_none()
        return None if row is None else _revision(row)

    def verify(self, counts: VerificationCounts) -> Iterator[ChainFault]:
        """What of all chains of revisions is not as it was written."""
        return verification.verify(self._engine, counts)

    def states_at(self, at: datetime) -> Iterator[Revision]:
        """The newest revision of every model that was made by then, in the order of ids."""
        last = ""
        while True:
            newest = (
                select(revisions.c.model, func.max(revisions.c.number).label("number"))
                .where(revisions.c.model > last, revisions.c.made_at <= instant(at))
                .group_by(revisions.c.model)
                .order_by(revisions.c.model)
                .limit(PAGE)
                .subquery()
            )
            same = (revisions.c.model == newest.c.model) & (revisions.c.number == newest.c.number)
            statement = select(revisions).join(newest, same).order_by(revisions.c.model)
            with self._engine.connect() as connection:
                rows = list(connection.execute(statement))
            for row in rows:
                yield _revision(row)
            if len(rows) < PAGE:
                return
            last = rows[-1].model

    def card(self, model: str) -> CardText | None:
        """The card that lies nearest to the model and says something."""
        with self._engine.connect() as connection:
            return members.card(connection, model)

    def shelved(self, source: SourceId) -> dict[ModelId, Shelved]:
        """Every record of a source, without its document."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(*SHELVED).where(records.c.source == source))
            return {ModelId(row.id): shelved_row(row) for row in rows}

    def names_of(self, models: Sequence[ModelId]) -> dict[ModelId, str]:
        """The names of those of these models of which there is a record."""
        columns = records.c.id, records.c.name
        with self._engine.connect() as connection:
            return {
                ModelId(row.id): row.name
                for part in parts(models)
                for row in connection.execute(select(*columns).where(records.c.id.in_(part)))
            }

    def shelved_of(self, models: Sequence[ModelId]) -> dict[ModelId, Shelved]:
        """Those of these models of which there is a record."""
        shelved: dict[ModelId, Shelved] = {}
        with self._engine.connect() as connection:
            for part in parts(models):
                rows = connection.execute(select(*SHELVED).where(records.c.id.in_(part)))
                shelved |= {ModelId(row.id): shelved_row(row) for row in rows}
        return shelved

    def attendance(self, source: SourceId) -> Attendance:
        """Collects which models of the source a run found."""
        return Attendance(self._engine, source)

    def standing(self, source: SourceId) -> Counter[str]:
        """How many records are live, missing, gone; of the live ones, how many are risky, lack a part of their weights,
        and were not seen.
        """
        parts_of = (records.c.risks > 0, records.c.last_seen.is_not(None), records.c.incomplete > 0)
        columns = (records.c.state, *parts_of)
        chosen = select(*columns, func.count()).where(records.c.source == source).group_by(*columns)
        counts: Counter[str] = Counter()
        with self._engine.connect() as connection:
            for state, risky, unseen, incomplete, number in connection.execute(chosen):
                counts[state] += number
                if state == LIVE:
                    counts["risky"] += number * bool(risky)
                    counts["unseen"] += number * bool(unseen)
                    counts["incomplete"] += number * bool(incomplete)
        return counts

    def not_made(self, source: SourceId, limit: int) -> list[UnreadFile]:
        """The live models over which processes died that were to make their records, with the reason."""
        chosen = (records.c.source == source) & (records.c.state == LIVE)
        statement = with_documents(records.c.group_key).where(chosen, text(NOT_MADE))
        with self._engine.connect() as connection:
            rows = connection.execute(statement.order_by(records.c.group_key).limit(limit)).all()
        return [
            UnreadFile(key=display_key(os.fsdecode(row.group_key)), reason=_trouble(present_or_empty(row)))
            for row in rows
        ]

    def beside_strays(self, source: SourceId, limit: int) -> tuple[int, list[ObjectKey]]:
        """How many live models are beside values of steps that no checkpoint there has, and the first of them."""
        is_beside = (
            select(record_files.c.model)
            .where(record_files.c.source == source, record_files.c.subject.startswith(STRAY, autoescape=True))
            .scalar_subquery()
        )
        chosen = (records.c.source == source) & (records.c.state == LIVE) & records.c.id.in_(is_beside)
        first = select(records.c.group_key).where(chosen).order_by(records.c.group_key).limit(limit)
        with self._engine.connect() as connection:
            keys = [ObjectKey(os.fsdecode(key)) for key in connection.execute(first).scalars()]
            number = connection.execute(select(func.count()).where(chosen)).scalar_one() if keys else 0
        return number, keys

    def unseen(self, source: SourceId) -> set[ModelId]:
        """The models that are there for all that is known, and that the last runs could not look at."""
        chosen = (records.c.source == source) & (records.c.state == LIVE) & records.c.last_seen.is_not(None)
        with self._engine.connect() as connection:
            return {
                ModelId(model) for model in connection.execute(select(records.c.id).where(chosen)).scalars()
            }

    def count_live(self, models: Collection[ModelId]) -> int:
        """How many of these models are there."""
        with self._engine.connect() as connection:
            return sum(
                connection.execute(
                    select(func.count()).where(records.c.id.in_(part), records.c.state == LIVE)
                ).scalar_one()
                for part in parts(sorted(models))
            )

    def sources(self) -> list[KnownSource]:
        """Every source that was ever crawled, by address."""
        counts = {state: func.sum(case((records.c.state == state, 1), else_=0)) for state in (LIVE, MISSING)}
        joined = sources.join(records, records.c.source == sources.c.id, isouter=True)
        statement = (
            select(sources.c.id, sources.c.uri, counts[LIVE], counts[MISSING])
            .select_from(joined)
            .group_by(sources.c.id, sources.c.uri)
            .order_by(sources.c.uri)
        )
        with self._engine.connect() as connection:
            return [
                KnownSource(id=SourceId(name), uri=uri, live=int(live), missing=int(missing))
                for name, uri, live, missing in connection.execute(statement)
            ]

    def file_keys(
        self, models: Sequence[ModelId], roles: Collection[Role] | None = None
    ) -> dict[ModelId, tuple[ObjectKey, ...]]:
        """The keys of the files that each record was made of, perhaps in these `roles` alone; a gone one has none."""
        with self._engine.connect() as connection:
            return members.file_keys(connection, models, roles)

    def models_of(self, source: SourceId, keys: Sequence[ObjectKey]) -> list[ModelId]:
        """The models that any of these files makes, in id order."""
        with self._engine.connect() as connection:
            return members.models_of(connection, source, keys)

    def models_below(self, source: SourceId, directory: str) -> list[ModelId]:
        """The models that any file below this directory makes, in id order."""
        with self._engine.connect() as connection:
            return members.models_below(connection, source, directory)

    @contextmanager
    def transaction(
        self,
        *,
        made_by: str,
        author: str = "",
        cause: str = "",
        lease: Lease | None = None,
        seen: datetime | None = None,
    ) -> Iterator[RecordBatch]:
        """Records to be locked and changed together; written when the block ends, and not at all if it raises.

        `made_by`, `author` and `cause` are what their revisions say of it; `seen` is when the listing that shows these
        models began. Raises LeaseLost.
        """
        with begin_commit(self._engine) as connection:
            if lease is not None:
                lease.check(connection)
            now = datetime.now(UTC)
            batch = RecordBatch(connection, now=now, made_by=made_by, author=author, cause=cause, seen=seen)
            yield batch
            batch.settle_copies()
            batch.write()

    def settle_copies(self, *, lease: Lease | None = None) -> None:
        """Every document lists its copies as they are now, also those that a killed process left behind."""
        settling.settle(self._engine, lease=lease)

    def commit(
        self,
        changes: Sequence[RecordChange],
        *,
        lease: Lease,
        made_by: str = "crawl",
        seen: datetime | None = None,
    ) -> Committed:
        """Writes what differs; a record that is as before costs no revision."""
        with self.transaction(made_by=made_by, lease=lease, seen=seen) as batch:
            batch.put(changes)
        self.settle_copies(lease=lease)
        return batch.result

    def mark(
        self,
        states: Mapping[ModelId, str],
        *,
        lease: Lease,
        run: int,
        moved: Mapping[ModelId, ModelId] | None = None,
    ) -> None:
        """The models are now missing or gone; `moved` says where those that moved are."""
        with self.transaction(made_by="crawl", lease=lease) as batch:
            batch.depart(states, run, moved or {})
        self.settle_copies(lease=lease)

    def note_unseen(self, ids: Sequence[ModelId], *, since: datetime | None, lease: Lease) -> None:
        """A run could not look at these: their last sight is the one before it. Raises LeaseLost."""
        with begin_commit(self._engine) as connection:
            lease.check(connection)
            for part in parts(ids):
                chosen = records.c.id.in_(part) & records.c.last_seen.is_(None)
                connection.execute(
                    update(records)
                    .where(chosen)
                    .values(last_seen=records.c.first_seen if since is None else instant(since))
                )

    def note_seen(self, ids: Sequence[ModelId], *, lease: Lease) -> None:
        """These were seen by the latest run after others could not look at them. Raises LeaseLost."""
        with begin_commit(self._engine) as connection:
            lease.check(connection)
            for part in parts(ids):
                connection.execute(update(records).where(records.c.id.in_(part)).values(last_seen=None))


def _trouble(document: Document) -> str:
    """Why there is no whole record, with what to do."""
    problems = document.get("problems") or ()
    for problem in problems:
        if problem.get("code") == DAMAGED_CODE:
            return f"{problem['message']}; {AGAIN}"
        if problem.get("code") == NOT_MADE_CODE:
            return f"{problem['message']}; {RETRIED}"
    return RETRIED


def _stored(row: Any, seen: dict[str, str], vault: Vault) -> StoredModel:
    """Without what is sensitive, and without all provenance where the key is not here."""
    try:
        document = present_document(row)
        document["last_seen"] = shown_last_seen(row, seen, document)
        provenance = unpack_record(vault.open_at(row.record, RECORD, row.id)).whole_provenance(document)
    except KeyMissing:
        provenance = {}
    except (*UNREADABLE, AttributeError) as error:
        raise _damaged(row, error) from error
    if names := document.get(MARK):
        provenance = {name: known for name, known in provenance.items() if not is_covered(name, names)}
    return StoredModel(id=ModelId(row.id), revision=row.revision, document=document, provenance=provenance)


def _damaged(row: Any, error: Exception) -> StoreDamaged:
    what = f"the record of the model {printable(row.name, limit=100)} ({row.id[:12]})"
    return StoreDamaged(what, f"{type(error).__name__}: {error}", REREAD)


def _revision(row: Any) -> Revision:
    return Revision(
        model_id=ModelId(row.model),
        number=row.number,
        sha256=row.sha256,
        parent_sha256=row.parent_sha256,
        made_by=row.made_by,
        made_at=parse_instant(row.made_at),
        document=unpack_json(row.document),
        redacted_sha256=row.redacted_sha256,
        author=row.author,
        cause=row.cause,
        chain_sha256=row.chain_sha256,
    )


__all__ = ["GONE", "LIVE", "MISSING", "Committed", "KnownSource", "RecordChange", "Records", "Shelved"]
