"""One transaction's worth of records: rows are locked and changed in memory, then written with their revisions."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from catalog.errors import RevisionConflict
from catalog.records import (
    Document,
    Edit,
    Extraction,
    FieldProvenance,
    Group,
    ModelId,
    ObjectKey,
    SourceId,
)
from catalog.records.accounts import Happening
from catalog.records.ties import Ties
from catalog.sealing.faults import KeyMissing
from catalog.store import audit, edits, joins, members, series
from catalog.store.canonical import document_sha256, sanitised
from catalog.store.codec import UNREADABLE, instant, pack_json
from catalog.store.copies import Sharing, alike, listed, prints_of, shared_print, tells
from catalog.store.copies_outside import with_few_others
from catalog.store.database import insert_rows, upsert
from catalog.store.documents import GONE, LIVE, Standing, finish
from catalog.store.edits import NewEdit
from catalog.store.joins import Joined
from catalog.store.locked_records import LockedRecords
from catalog.store.manifest_rows import Share, Shares, shares_among
from catalog.store.newest import present_or_empty, with_documents
from catalog.store.record_changes import Committed, RecordChange
from catalog.store.record_rows import Origin, Row, differ_in_series, next_revision, row_of, standing_of
from catalog.store.revision_log import append, deliver_again
from catalog.store.runs import seen_at
from catalog.store.sealed_parts import SealedParts
from catalog.store.sealing import Sealing
from catalog.store.tables import copies_due, records, revisions
from catalog.store.view_values import view_values

log = logging.getLogger(__name__)


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
        self._origin = Origin(made_by=made_by, author=author, cause=cause, made_at=instant(now))
        self._sealing = Sealing(connection)
        self._locked = LockedRecords(connection, self._sealing)
        self._rows = self._locked.rows
        self._sealed = SealedParts(connection, self._sealing)
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
        self._notes: list[Callable[[], Happening | None]] = []

    def lock(self, models: Iterable[str | None]) -> None:
        """Nobody else writes these records until this transaction ends."""
        self._locked.lock(models)

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
        edits.add(self._connection, new, made_by=self._origin.author, at=self.now, batch=batch)

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
        self._locked.lock(models)
        return models

    def document(self, model: ModelId) -> Document:
        """The document of a locked record as it was when it was locked."""
        return self._locked.stored(model)

    def provenance(self, model: ModelId) -> Mapping[str, FieldProvenance]:
        """Why the values of a locked record are what they are; nothing where that cannot be read."""
        try:
            present = self._revised[model][0] if model in self._revised else self._locked.stored(model)
            return self._locked.record(model).whole_provenance(
                self._sealed.disclosed(self._rows[model], present)
            )
        except (*UNREADABLE, KeyMissing):
            return {}

    def sensitive(self, model: ModelId) -> tuple[str, ...]:
        """The fields of a locked record that not everybody may see."""
        return self._sealing.names(self._rows[model]["source"])

    def disclosed(self, model: ModelId) -> Document:
        """The document of a locked record with its sensitive values, as far as they can be read."""
        return self._sealed.disclosed(self._rows[model], self._locked.stored(model))

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
        self._locked.lock(
            [*(change.record.id for change in changes), *(change.moved_from for change in changes)]
        )
        for change in changes:
            model = change.record.id
            before = self._rows.get(model)
            document = change.packed.content if change.packed else sanitised(change.record.document)
            row = self._row(change, before)
            document = self._sealed.seal(row, before, document)
            if remade and before is not None:
                row.update(standing_of(before))
            earlier = prints_of(before) if before else ()
            if row["state"] == LIVE and (
                before is None
                or before["state"] != LIVE
                or earlier != prints_of(row)
                or self._locked.stored(model).get("uri") != document.get("uri")
            ):
                self._touched[model] = {*earlier, *prints_of(row)}
            if earlier != prints_of(row):
                self._reprinted.add(model)
            if before is None or differ_in_series(before, row):
                self._series.update({row["name"], before["name"] if before else row["name"]})
            self._rows[model] = row
            self._locked.state_content(model, document)
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
        self._locked.lock([*states, *(moved[model] for model in states if model in moved)])
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
        touched, others = with_few_others(self._connection, self._locked, touched)
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

    def _list_copies(self, group: Sequence[str], prints: Mapping[str, Sequence[str]]) -> None:
        shared = shared_print(prints[model] for model in group)
        uris = {
            model: str(self._locked.content(model).get("uri", self._rows[model]["source"])) for model in group
        }
        oldest = listed([self._rows[model] for model in group])
        for model in group:
            copies = tuple(sorted(uris[other] for other in oldest if other != model))
            self.list_copies(model, Sharing(shared, copies))

    def list_copies(self, model: str, sharing: Sharing) -> None:
        """The document of a locked live model lists these copies from now on."""
        if self._restated.get(model) == sharing:
            return
        if self._locked.is_stated(model) or not tells(self._locked.stored(model), sharing):
            self._restate(model, sharing)

    def write(self) -> None:
        """Everything of this batch in the transaction that it was given."""
        rows: list[dict[str, Any]] = []
        again: list[dict[str, Any]] = []
        for model, (document, digest) in self._revised.items():
            row = self._rows[model]
            row["view_values"] = view_values(document, row)
            if digest == row["sha256"] and model not in self._sealed.recommitted:
                # damaged: the same state is written once more, and is no new one
                if not self._locked.stored(model):
                    self._mend(model, document)
                    again.append({"model": model, "revision": row["revision"]})
                continue
            rows.append(next_revision(row, document, digest, self._origin))
            self._locked.state_document(model, document, row["revision"])
            self._dirty.add(model)
        self._expect_latest()
        upsert(self._connection, records, [self._rows[model] for model in sorted(self._dirty)])
        members.write(self._connection, self._files, new=self._new)
        members.drop(self._connection, sorted(self._gone))
        joins.write_ties(self._connection, self._ties, new=self._new)
        joins.note_due(self._connection, self._due, self._ties)
        joins.drop(self._connection, sorted(self._gone))

        self._sealed.write_terms(self._rows, gone=self._gone)
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
        self._locked.state_document(model, document, row["revision"])
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

    def _note_files(self, change: RecordChange) -> None:
        record = change.record
        self._files[record.id] = (
            members.rows_of(record.id, change.group)
            if change.group is not None
            else members.bare_rows(record.id, record.source, record.file_keys)
        )

    def _row(self, change: RecordChange, before: Row | None) -> Row:
        earlier = before or self._rows.get(change.moved_from or "")
        first_seen = earlier["first_seen"] if earlier else self._seen
        return row_of(change, before, first_seen=first_seen, sealing=self._sealing)

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
            moved_path=None if target is None else self._locked.content(target["id"]).get("uri"),
            duplicate_group=duplicate_group,
            copies=copies,
        )
        document = finish(self._locked.content(model), standing)
        digest = document_sha256(document)
        self._revised[model] = document, digest
        return bool(digest != row["sha256"]) or model in self._sealed.recommitted

    def _stored_copies(self, model: str) -> Sharing:
        before = self._locked.stored(model)
        duplicate_group = before.get("duplicate_group")
        if duplicate_group is None or model in self._reprinted:
            return Sharing(None, ())
        own = {before.get("uri"), *self._locked.content(model).get("locations", ())}
        return Sharing(duplicate_group, tuple(uri for uri in before.get("locations", ()) if uri not in own))

    def _sources_seen(self) -> dict[str, str]:
        if self._last_seen is None:
            self._last_seen = seen_at(self._connection)
        return self._last_seen


def _words(row: Any) -> str:
    """All that the document of a row says, in small letters; nothing where it cannot be read."""
    return json.dumps(present_or_empty(row), ensure_ascii=False).casefold()
