"""One transaction's worth of records: rows are locked and changed in memory, then written with their revisions."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from catalog.errors import RevisionConflict
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import (
    Document,
    Edit,
    Extraction,
    FieldProvenance,
    Group,
    ModelId,
    ModelRecord,
    ObjectKey,
    SourceId,
)
from catalog.records.accounts import Happening
from catalog.records.series import place_in_series
from catalog.records.ties import NO_TIES, Ties
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.sealing.names import MARK, Values, joined, parted
from catalog.store import audit, edits, joins, members, series
from catalog.store.canonical import document_sha256, sanitised
from catalog.store.chain import chain_sha256
from catalog.store.codec import UNREADABLE, instant, pack_json, read_object, unpack_json
from catalog.store.consumers import append, deliver_again
from catalog.store.copies import Sharing, alike, listed, prints_of, shared_print, tells
from catalog.store.database import insert_rows, parts, upsert
from catalog.store.documents import DAMAGED_CODE, GONE, LIVE, Standing, finish
from catalog.store.edits import NewEdit
from catalog.store.joins import Joined
from catalog.store.manifest import Share, Shares, shares_among
from catalog.store.newest import numbered, present_or_empty, with_documents
from catalog.store.runs import seen_at
from catalog.store.sealing import RECORD, Sealing, drop_terms, part_of
from catalog.store.sql_views import views_text
from catalog.store.stored_records import StoredRecord, pack_record, unpack_record
from catalog.store.tables import copies_due, records, revisions

log = logging.getLogger(__name__)

DAMAGED = "its newest revision in the store was damaged; of what it said, this is what is left"

MAX_OTHERS = 100
"""So many models outside a page are looked at to learn which prints they share; then on without those prints."""
FEW_OTHERS = 8
"""So many are brought up to date with the page. More copies than that come page by page, and would change with each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRecord:
    """A record as its row has it, and its document fit for every database."""

    body: bytes
    content: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChange:
    """A record to be committed. `signature` covers all it was made of; `fingerprint` proves equal files of weights and
    `tensors` equal tensors in whatever files (None: no proof), `identity` proves that files moved. `moved_from` is the
    model it was before. `group` are the files it was made of; None knows but their keys. `edit` is the last edit that it
    shows, 0 for none. `ties` are its names in other sources. `packed` is the record as its row has it if another process made it; then `record` has no provenance, and its document is the fit one.
    """

    record: ModelRecord
    signature: str
    fingerprint: str | None = None
    tensors: str | None = None
    identity: str | None = None
    moved_from: ModelId | None = None
    group: Group | None = None
    edit: int = 0
    packed: PackedRecord | None = None
    ties: Ties = NO_TIES


@dataclass(slots=True)
class Committed:
    """What a commit did, by model."""

    new: list[ModelId] = field(default_factory=list)
    changed: list[ModelId] = field(default_factory=list)
    unchanged: list[ModelId] = field(default_factory=list)


class RecordBatch:
    """Records inside one open transaction. Everything that it touches is locked first, all at once and in id order, so
    that two transactions wait for each other and never in a circle.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        now: datetime,
        made_by: str,
        author: str = "",
        cause: str = "",
        seen: datetime | None = None,
    ) -> None:
        self.result = Committed()
        self.now = now
        self._connection = connection
        self._seen = instant(seen or now)
        self._made_by = made_by
        self._author = author
        self._cause = cause
        self._rows: dict[str, dict[str, Any]] = {}
        self._locked: set[str] = set()
        """Models of which the records were locked, if there were any."""
        self._packed: dict[str, bytes] = {}
        """The documents of the locked records as they are stored, until somebody looks at them."""
        self._documents: dict[str, Document] = {}
        self._contents: dict[str, Document] = {}
        self._dirty: set[str] = set()
        self._revised: dict[str, tuple[Document, str]] = {}
        self._restated: dict[str, Sharing] = {}
        """What the finished documents tell of copies."""
        self._reprinted: set[str] = set()
        self._files: dict[ModelId, list[members.Row]] = {}
        self._new: set[ModelId] = set()
        self._gone: set[ModelId] = set()
        self._touched: dict[str, set[str]] = {}
        self._last_seen: dict[str, str] | None = None
        self._series: set[str] = set()
        self._ties: dict[ModelId, Ties] = {}
        self._due: set[ModelId] = set()

        self._sealing = Sealing(connection)
        self._recommitted: set[str] = set()
        self._values: dict[str, Values] = {}
        self._notes: list[Callable[[], Happening | None]] = []

    def lock(self, models: Iterable[str | None]) -> None:
        """Nobody else writes these records until this transaction ends."""
        wanted = sorted({model for model in models if model} - self._locked)
        self._locked.update(wanted)
        for part in parts(wanted):
            chosen = select(records).where(records.c.id.in_(part)).order_by(records.c.id)
            present = []
            for row in self._connection.execute(chosen.with_for_update()):
                self._rows[row.id] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
                present.append(row.id)
            if present:  # asked for when the rows are locked: what was joined with a row before may be no more its newest
                stored = with_documents(records.c.id).where(records.c.id.in_(present))
                self._packed.update({row.id: row.packed for row in self._connection.execute(stored)})

    def state(self, model: ModelId) -> str | None:
        """live, missing or gone; None if there is no such record."""
        return self._rows[model]["state"] if model in self._rows else None

    def moved_to(self, model: ModelId) -> str | None:
        moved: str | None = self._rows[model]["moved_to"]
        return moved

    def signature(self, model: ModelId) -> str:
        signature: str = self._rows[model]["signature"]
        return signature

    def expect(self, model: ModelId, revision: int) -> None:
        """Raises RevisionConflict if the record is at another revision."""
        present = self._rows[model]["revision"]
        if present != revision:
            raise RevisionConflict(model, expected=revision, present=present)

    def groups(self, models: Iterable[ModelId]) -> dict[ModelId, Group]:
        """The groups of locked records with the whole extractions of their files; none where only keys are known."""
        return members.groups(self._connection, [self._rows[model] for model in models])

    def extractions(self, source: SourceId, keys: Iterable[ObjectKey]) -> dict[ObjectKey, Extraction]:
        """What these files say, as this transaction sees it."""
        return members.extractions_of(self._connection, source, keys)

    def shares(self, source: SourceId, wanted: Iterable[Share]) -> Shares:
        """What files that tell of many models say of these of them, as this transaction sees it."""
        return shares_among(self._connection, source, wanted)

    def edits(self, models: Sequence[ModelId]) -> dict[ModelId, tuple[Edit, ...]]:
        """The last edit of each field of these models, cleared ones included."""
        return edits.last_edits(self._connection, models)

    def edit(self, new: Iterable[NewEdit], *, batch: str = "") -> None:
        """The author of this transaction says this of locked models."""
        edits.add(self._connection, new, made_by=self._author, at=self.now, batch=batch)

    def note(self, tell: Callable[[], Happening | None]) -> None:
        """A line of the audit that is there if what it is about is: `tell` is asked after `write`, None for no line."""
        self._notes.append(tell)

    def present(self, model: ModelId) -> int:
        """The revision of a locked record."""
        number: int = self._rows[model]["revision"]
        return number

    def name(self, model: ModelId) -> str:
        """The name of a locked record, which is that of its series."""
        name: str = self._rows[model]["name"]
        return name

    def of_series(self, name: str, *, containing: str, but: Collection[ModelId]) -> list[ModelId]:
        """The live models of this name, in id order and locked, that may hold this word somewhere in their documents."""
        chosen = with_documents(records.c.id).where(records.c.name == name, records.c.state == LIVE)
        rows = self._connection.execute(chosen.order_by(records.c.id))
        word = json.dumps(containing, ensure_ascii=False).casefold()
        models = [ModelId(row.id) for row in rows if row.id not in but and word in _words(row)]
        self.lock(models)
        return models

    def document(self, model: ModelId) -> Document:
        """The document of a locked record as it was when it was locked."""
        return self._stored(model)

    def provenance(self, model: ModelId) -> Mapping[str, FieldProvenance]:
        """Why the values of a locked record are what they are; nothing where that cannot be read."""
        try:
            return self._record(model).provenance
        except (*UNREADABLE, KeyMissing):
            return {}

    def sensitive(self, model: ModelId) -> tuple[str, ...]:
        """The fields of a locked record that not everybody may see."""
        return self._sealing.names(self._rows[model]["source"])

    def disclosed(self, model: ModelId) -> Document:
        """The document of a locked record with its sensitive values, as far as they can be read."""
        document, part = self._stored(model), part_of(self._rows[model])
        if part is None:
            return document
        try:
            return {**joined(document, self._sealing.values(model, part)), MARK: document.get(MARK, [])}
        except KeyMissing:
            return document

    def is_remakable(self, model: ModelId) -> bool:
        """Whether it is known which files make a locked record, and how."""
        return self._rows[model]["grouping"] is not None

    def carry_edits(self, changes: Iterable[RecordChange]) -> None:
        """What persons said of models at their old places is said of them at their new ones."""
        edits.carry(
            self._connection,
            {
                change.record.id: change.moved_from
                for change in changes
                if change.moved_from is not None and self.arrives(change.record.id)
            },
        )

    def arrives(self, model: ModelId) -> bool:
        """Whether the model is not there until now."""
        return self.state(model) != LIVE

    def joined(self, groups: Mapping[ModelId, Group]) -> dict[ModelId, Joined]:
        """What those of these models are joined with that are, as this transaction sees it."""
        return joins.joined(self._connection, groups)

    def join(self, lenders: Mapping[ModelId, Sequence[ModelId]]) -> None:
        """From now on just these models of other sources tell of each of those."""
        joins.keep(self._connection, lenders)

    def put(self, changes: Sequence[RecordChange], *, remade: bool = False, joining: bool = False) -> None:
        """These records are as the changes say: all there, or with their standing as it is if they are `remade`. Unless
        they are just `joining`, models that they are joined with are looked at.
        """
        self.lock([*(change.record.id for change in changes), *(change.moved_from for change in changes)])
        for change in changes:
            model = change.record.id
            before = self._rows.get(model)
            document = change.packed.content if change.packed else sanitised(change.record.document)
            row = self._row(change, before)
            document = self._sealed_apart(row, before, document)
            if remade and before is not None:
                row.update({name: before[name] for name in _STANDING})
            earlier = prints_of(before) if before else ()
            if row["state"] == LIVE and (
                before is None
                or before["state"] != LIVE
                or earlier != prints_of(row)
                or self._stored(model).get("uri") != document.get("uri")
            ):
                self._touched[model] = {*earlier, *prints_of(row)}
            if earlier != prints_of(row):
                self._reprinted.add(model)
            if before is None or any(before[name] != row[name] for name in _IN_SERIES):
                self._series.update({row["name"], before["name"] if before else row["name"]})
            self._rows[model] = row
            self._contents[model] = document
            self._dirty.add(model)
            self._note_files(change)
            if before is None:
                self._new.add(model)
            differs = self._restate(model)
            self._ties[model] = change.ties
            if not joining and (
                differs or remade or before is None or before["signature"] != row["signature"]
            ):
                self._due.add(model)
            if before is None or before["state"] == GONE:
                self.result.new.append(model)
            elif differs:
                self.result.changed.append(model)
            else:
                self.result.unchanged.append(model)

    def depart(self, states: Mapping[ModelId, str], run: int, moved: Mapping[ModelId, ModelId]) -> None:
        """The models are now missing or gone; `moved` says where those that moved are."""
        self.lock([*states, *(moved[model] for model in states if model in moved)])
        for model, state in states.items():
            row = self._rows[model]
            if row["state"] == LIVE:
                row["missing_since"], row["missing_run"] = instant(self.now), run
                row["last_seen"] = (
                    row["last_seen"] or self._sources_seen().get(row["source"]) or row["first_seen"]
                )
                self._touched[model] = set(prints_of(row))
            self._series.add(row["name"])
            self._due.add(model)
            row["state"] = state
            row["moved_to"] = moved.get(model, row["moved_to"])
            if state == GONE:
                self._gone.add(model)
            self._dirty.add(model)
            self._restate(model)

    def remove(self, models: Iterable[ModelId], state: str) -> None:
        """The files of these locked live models were taken out of storage on purpose: TRASHED or DELETED."""
        for model in models:
            row = self._rows[model]
            row["last_seen"] = (
                row["last_seen"] or self._sources_seen().get(row["source"]) or row["first_seen"]
            )
            row["missing_since"], row["missing_run"] = instant(self.now), None
            self._touched[model] = set(prints_of(row))
            self._restand(model, state)

    def bring_back(self, models: Iterable[ModelId]) -> None:
        """The files of these locked models are in their places again."""
        for model in models:
            row = self._rows[model]
            row["missing_since"] = row["missing_run"] = row["last_seen"] = None
            self._touched[model] = set(prints_of(row))
            self._restand(model, LIVE)

    def _restand(self, model: ModelId, state: str) -> None:
        row = self._rows[model]
        self._series.add(row["name"])
        self._due.add(model)
        row["state"] = state
        self._dirty.add(model)
        self._restate(model)

    def settle_copies(self) -> None:
        """Models of this batch know those of their copies that are of this batch, too, and a few others know of them.
        What concerns more is written down for `copies.settle`: a page must not cost all the copies of its models.
        """
        touched = {print_ for own in self._touched.values() for print_ in own}
        if not touched:
            return
        touched, others = self._with_few_others(touched)
        live = {
            model: prints_of(row)
            for model, row in self._rows.items()
            if row["state"] == LIVE and touched.intersection(prints_of(row))
        }
        reached = set(others)
        for group in alike(live):
            if not others.isdisjoint(print_ for model in group for print_ in live[model]):
                reached.update(print_ for model in group for print_ in live[model])
                continue
            self._list_copies(group, live)
        due = [
            {"print": print_, "model": model}
            for model, own in self._touched.items()
            for print_ in sorted(own & reached)
        ]
        insert_rows(self._connection, copies_due, due)

    def _with_few_others(self, touched: set[str]) -> tuple[set[str], set[str]]:
        """The prints that are settled here, and those of them that models outside this batch have, too.

        A few such models are locked and become part of the batch, so that a copy and its original are brought up to date
        in one revision each.
        """
        few = 0
        while others := self._shared_with_others(touched):
            shared = records.c.fingerprint.in_(others) | records.c.tensors.in_(others)
            chosen = shared & (records.c.state == LIVE) & records.c.id.not_in(sorted(self._rows))
            if len(others) > 2 * FEW_OTHERS:
                break
            models = list(
                self._connection.execute(select(records.c.id).where(chosen).limit(FEW_OTHERS + 1)).scalars()
            )
            few += len(models)
            if few > FEW_OTHERS:
                break
            self.lock(models)
            touched = {*touched, *(print_ for model in models for print_ in prints_of(self._rows[model]))}
        return touched, others

    def _list_copies(self, group: Sequence[str], prints: Mapping[str, Sequence[str]]) -> None:
        shared = shared_print(prints[model] for model in group)
        uris = {model: str(self._content(model).get("uri", self._rows[model]["source"])) for model in group}
        oldest = listed([self._rows[model] for model in group])
        for model in group:
            copies = tuple(sorted(uris[other] for other in oldest if other != model))
            self.list_copies(model, Sharing(shared, copies))

    def list_copies(self, model: str, sharing: Sharing) -> None:
        """The document of a locked live model lists these copies from now on."""
        if self._restated.get(model) == sharing:
            return
        if model in self._contents or not tells(self._stored(model), sharing):
            self._restate(model, sharing)

    def _shared_with_others(self, touched: set[str]) -> set[str]:
        """Those of the prints that live models outside this batch have, too."""
        shared: set[str] = set()
        own = sorted(self._rows)
        for part in parts(sorted(touched)):
            unknown = set(part)
            while unknown:
                either = records.c.fingerprint.in_(unknown) | records.c.tensors.in_(unknown)
                chosen = either & (records.c.state == LIVE) & records.c.id.not_in(own)
                statement = select(records.c.fingerprint, records.c.tensors).where(chosen)
                rows = list(self._connection.execute(statement.limit(MAX_OTHERS)))
                known = unknown.intersection(print_ for row in rows for print_ in row)
                shared |= known
                unknown = unknown - known if len(rows) == MAX_OTHERS else set()
        return shared

    def write(self) -> None:
        """Everything of this batch in the transaction that it was given."""
        rows: list[dict[str, Any]] = []
        again: list[dict[str, Any]] = []
        for model, (document, digest) in self._revised.items():
            row = self._rows[model]
            parent, number = row["sha256"], row["revision"] + 1
            row["shown"] = views_text(document)
            if digest == parent and model not in self._recommitted:
                if not self._stored(model):  # damaged: the same state is written once more, and is no new one
                    self._mend(model, document)
                    again.append({"model": model, "revision": row["revision"]})
                continue
            linked = {
                "model": model,
                "number": number,
                "sha256": digest,
                "made_by": self._made_by,
                "author": self._author,
                "cause": self._cause,
                "made_at": instant(self.now),
            }
            commitment = row["sealed_sha256"]
            chained = chain_sha256(**linked, parent=row["chain_sha256"], sealed=commitment)
            row.update(sha256=digest, revision=number, chain_sha256=chained)
            self._documents[model] = numbered(document, number)
            rows.append(
                {
                    **linked,
                    "parent_sha256": parent or None,
                    "chain_sha256": chained,
                    "document": pack_json(document),
                    "sealed": row["sealed"],
                    "sealed_sha256": commitment,
                }
            )
            self._dirty.add(model)
        self._expect_latest()
        upsert(self._connection, records, [self._rows[model] for model in sorted(self._dirty)])
        members.write(self._connection, self._files, new=self._new)
        members.drop(self._connection, sorted(self._gone))
        joins.write_ties(self._connection, self._ties, new=self._new)
        joins.note_due(self._connection, self._due, self._ties)
        joins.drop(self._connection, sorted(self._gone))

        self._write_terms()
        append(self._connection, rows)
        deliver_again(self._connection, again)
        series.settle(self._connection, self._series, revised={row["model"] for row in rows})
        for tell in self._notes:
            if (happening := tell()) is not None:
                audit.append(self._connection, happening)

    def _mend(self, model: str, document: Document) -> None:
        """The newest revision, whose document is damaged, has this one from now on."""
        row = self._rows[model]
        newest = (revisions.c.model == model) & (revisions.c.number == row["revision"])
        self._connection.execute(update(revisions).where(newest).values(document=pack_json(document)))
        self._documents[model] = numbered(document, row["revision"])
        self._dirty.add(model)

    def _expect_latest(self) -> None:
        """New models are written as the latest of their names where none of this batch stands behind them: mostly there are
        no others, and then `series.settle`, which looks at all, has nothing to write.
        """
        last: dict[str, str] = {}
        for row in self._rows.values():
            if row["state"] == LIVE:
                last[row["name"]] = max(last.get(row["name"], ""), row["series_place"])
        for model in self._new:
            row = self._rows[model]
            row["latest"] = int(row["state"] == LIVE and row["series_place"] == last[row["name"]])

    def revision(self, model: ModelId) -> int:
        """The number of the record's present revision; after `write` that which this batch made."""
        number: int = self._rows[model]["revision"]
        return number

    def _write_terms(self) -> None:
        by_source: dict[str, dict[str, Values]] = {}
        for model, values in self._values.items():
            by_source.setdefault(self._rows[model]["source"], {})[model] = values
        for source, models in by_source.items():
            self._sealing.note_terms(source, models)
        drop_terms(self._connection, self._gone)

    def _sealed_apart(
        self, row: dict[str, Any], before: dict[str, Any] | None, document: Document
    ) -> Document:
        """The document without what is sensitive, which goes into the row. Values that are as they were stay sealed as
        they are.
        """
        model, source = row["id"], row["source"]
        names = self._sealing.names(source)
        earlier = None if before is None else part_of(before)
        if not names:
            row["sealed"], row["sealed_sha256"] = None, ""
            if earlier is not None:
                self._values[model] = {}
                self._recommitted.add(model)
            return document
        document, values = parted(document, names)
        if earlier is not None and self._sealing.is_present(source, earlier.data):
            try:
                if self._sealing.values(model, earlier) == values:
                    row["sealed"], row["sealed_sha256"] = earlier.data, earlier.commitment
                    return document
            except (
                SealBroken
            ):  # it is no more what was sealed: the values of now replace it, in a revision of its own
                log.warning("the sealed values of a model were damaged model=%s", model)
        part = self._sealing.part(source, model, values)
        row["sealed"], row["sealed_sha256"] = part.data, part.commitment
        self._values[model] = values
        self._recommitted.add(model)
        return document

    def _record(self, model: str) -> StoredRecord:
        """Raises UNREADABLE, KeyMissing."""
        row = self._rows[model]
        return unpack_record(self._sealing.opened(row["record"], RECORD, model))

    def _note_files(self, change: RecordChange) -> None:
        record = change.record
        self._files[record.id] = (
            members.rows_of(record.id, change.group)
            if change.group is not None
            else members.bare_rows(record.id, record.source, record.file_keys)
        )

    def _row(self, change: RecordChange, before: dict[str, Any] | None) -> dict[str, Any]:
        record = change.record
        earlier = self._rows.get(change.moved_from or "")
        first_seen = before["first_seen"] if before else (earlier["first_seen"] if earlier else self._seen)
        return {
            "id": record.id,
            "source": record.source,
            "group_key": os.fsencode(record.group_key),
            "state": LIVE,
            "name": sanitised({"name": record.document.get("name") or record.group_key})["name"],
            "revision": before["revision"] if before else 0,
            "sha256": before["sha256"] if before else "",
            "chain_sha256": before["chain_sha256"] if before else "",
            "signature": change.signature,
            "fingerprint": change.fingerprint,
            "tensors": change.tensors and f"tensors:{change.tensors}",
            "identity": change.identity,
            "risks": len(record.document.get("risks", ())),
            "incomplete": int(record.document.get("complete") is False),
            "series_place": place_in_series(record.document),
            "latest": before["latest"] if before else 0,
            "first_seen": first_seen,
            "last_seen": None,
            "missing_since": None,
            "missing_run": None,
            "moved_to": None,
            "record": self._sealing.packed(
                record.source,
                change.packed.body if change.packed else pack_record(record, sanitised(record.document)),
                RECORD,
                record.id,
            ),
            "shown": before["shown"] if before else "{}",
            "grouping": None if change.group is None else members.grouping_of(change.group),
            "sealed": None,
            "sealed_sha256": "",
        }

    def _restate(self, model: str, sharing: Sharing | None = None) -> bool:
        """Whether the finished document is another one than the stored. `sharing` None leaves the copies as they are."""
        row = self._rows[model]
        target = self._rows.get(row["moved_to"] or "")
        self._restated[model] = sharing = sharing or self._stored_copies(model)
        duplicate_group, copies = sharing
        standing = Standing(
            state=row["state"],
            first_seen=f"{row['first_seen'][:23]}Z",
            moved_to=row["moved_to"],
            moved_path=None if target is None else self._content(target["id"]).get("uri"),
            duplicate_group=duplicate_group,
            copies=copies,
        )
        document = finish(self._content(model), standing)
        digest = document_sha256(document)
        self._revised[model] = document, digest
        return bool(digest != row["sha256"]) or model in self._recommitted

    def _stored_copies(self, model: str) -> Sharing:
        before = self._stored(model)
        duplicate_group = before.get("duplicate_group")
        if duplicate_group is None or model in self._reprinted:
            return Sharing(None, ())
        own = {before.get("uri"), *self._content(model).get("locations", ())}
        return Sharing(duplicate_group, tuple(uri for uri in before.get("locations", ()) if uri not in own))

    def _content(self, model: str) -> Document:
        if model not in self._contents:
            stored = self._stored(model)
            names = stored.get(MARK, ()) if stored else self._sealing.names(self._rows[model]["source"])
            content = self._kept(model, stored) if stored else self._rescued(model)
            self._contents[model], _ = parted(content, names)
        return self._contents[model]

    def _kept(self, model: str, stored: Document) -> Document:
        """What files and persons say, whose finished document is this one."""
        try:
            return self._record(model).content(stored)
        except (*UNREADABLE, KeyMissing):  # the last document that was made of it stands for its content
            return sanitised(stored)

    def _rescued(self, model: str) -> Document:
        """What is left of a model whose newest revision is damaged: all of it where an earlier version wrote the record, else what
        views show, which says so. Where the files are, the record is made anew.
        """
        row = self._rows[model]
        log.warning("the newest revision of a model is damaged model=%s", model)
        row["signature"] = ""
        beside = {"id": model, "name": row["name"], "source": row["source"]}  # the views have them of the row
        content = self._kept(model, beside | read_object(row["shown"]))
        if not self._is_whole(model):
            problem = {"code": DAMAGED_CODE, "message": DAMAGED}
            content["problems"] = [*content.get("problems", ()), problem]
        return content

    def _is_whole(self, model: str) -> bool:
        """Whether the record itself has the whole content, as earlier versions wrote it."""
        try:
            return bool(self._record(model).document)
        except (*UNREADABLE, KeyMissing):
            return False

    def _stored(self, model: str) -> Document:
        """The document as it is stored; empty where it cannot be read, and so differs from whatever is made now."""
        if model in self._packed:
            try:
                document = unpack_json(self._packed.pop(model))
                self._documents[model] = numbered(document, self._rows[model]["revision"])
            except UNREADABLE:
                self._documents[model] = {}
        return self._documents.get(model, {})

    def _sources_seen(self) -> dict[str, str]:
        if self._last_seen is None:
            self._last_seen = seen_at(self._connection)
        return self._last_seen


def _words(row: Any) -> str:
    """All that the document of a row says, in small letters; nothing where it cannot be read."""
    return json.dumps(present_or_empty(row), ensure_ascii=False).casefold()


_IN_SERIES = ("name", "state", "series_place")
_STANDING = ("state", "first_seen", "last_seen", "missing_since", "missing_run", "moved_to")
