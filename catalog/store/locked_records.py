"""Records that one transaction has locked: their rows, and their documents as they are stored."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from catalog.records import Document
from catalog.sealing.faults import KeyMissing
from catalog.sealing.names import MARK, parted
from catalog.store.canonical import sanitised
from catalog.store.codec import UNREADABLE, unpack_json
from catalog.store.database import parts
from catalog.store.documents import DAMAGED_CODE
from catalog.store.newest import numbered, with_documents
from catalog.store.sealing import RECORD, Sealing
from catalog.store.stored_records import StoredRecord, unpack_record
from catalog.store.tables import records
from catalog.store.view_values import shown_document

log = logging.getLogger(__name__)

DAMAGED = "its newest revision in the store was damaged; of what it said, this is what is left"


class LockedRecords:
    """The records that nobody else writes until a transaction ends. Their `rows` are changed here and written by who owns
    them; a document is looked at only when somebody asks for it.
    """

    def __init__(self, connection: Connection, sealing: Sealing) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._connection = connection
        self._sealing = sealing
        self._locked: set[str] = set()
        """Models of which the records were locked, if there were any."""
        self._packed: dict[str, bytes] = {}
        """The documents of the locked records as they are stored, until somebody looks at them."""
        self._documents: dict[str, Document] = {}
        self._contents: dict[str, Document] = {}

    def lock(self, models: Iterable[str | None]) -> None:
        """Nobody else writes these records until this transaction ends."""
        wanted = sorted({model for model in models if model} - self._locked)
        self._locked.update(wanted)
        for part in parts(wanted):
            chosen = select(records).where(records.c.id.in_(part)).order_by(records.c.id)
            present = []
            for row in self._connection.execute(chosen.with_for_update()):
                self.rows[row.id] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
                present.append(row.id)
            if present:  # asked for when the rows are locked: what was joined with a row before may be no more its newest
                stored = with_documents(records.c.id).where(records.c.id.in_(present))
                self._packed.update({row.id: row.packed for row in self._connection.execute(stored)})

    def record(self, model: str) -> StoredRecord:
        """Raises UNREADABLE, KeyMissing."""
        row = self.rows[model]
        return unpack_record(self._sealing.opened(row["record"], RECORD, model))

    def content(self, model: str) -> Document:
        """What files and persons say of a model, without what is sensitive and what its standing adds."""
        if model not in self._contents:
            stored = self.stored(model)
            names = stored.get(MARK, ()) if stored else self._sealing.names(self.rows[model]["source"])
            content = self._kept(model, stored) if stored else self._rescued(model)
            self._contents[model], _ = parted(content, names)
        return self._contents[model]

    def _kept(self, model: str, stored: Document) -> Document:
        """What files and persons say, whose finished document is this one."""
        try:
            return self.record(model).content(stored)
        except (*UNREADABLE, KeyMissing):  # the last document that was made of it stands for its content
            return sanitised(stored)

    def _rescued(self, model: str) -> Document:
        """What is left of a model whose newest revision is damaged: all of it where an earlier version wrote the record, else what
        views show, which says so. Where the files are, the record is made anew.
        """
        row = self.rows[model]
        log.warning("the newest revision of a model is damaged model=%s", model)
        row["signature"] = ""
        beside = {"id": model, "name": row["name"], "source": row["source"]}  # the views have them of the row
        content = self._kept(model, beside | shown_document(row["view_values"], row))
        if not self._is_whole(model):
            problem = {"code": DAMAGED_CODE, "message": DAMAGED}
            content["problems"] = [*content.get("problems", ()), problem]
        return content

    def _is_whole(self, model: str) -> bool:
        """Whether the record itself has the whole content, as earlier versions wrote it."""
        try:
            return bool(self.record(model).document)
        except (*UNREADABLE, KeyMissing):
            return False

    def stored(self, model: str) -> Document:
        """The document as it is stored; empty where it cannot be read, and so differs from whatever is made now."""
        if model in self._packed:
            try:
                document = unpack_json(self._packed.pop(model))
                self._documents[model] = numbered(document, self.rows[model]["revision"])
            except UNREADABLE:
                self._documents[model] = {}
        return self._documents.get(model, {})

    def state_content(self, model: str, content: Document) -> None:
        """From now on this is the content of a model."""
        self._contents[model] = content

    def is_stated(self, model: str) -> bool:
        """Whether the content of a model was looked at or stated here."""
        return model in self._contents

    def state_document(self, model: str, document: Document, number: int) -> None:
        """From now on this is the stored document of a model, of its revision `number`."""
        self._documents[model] = numbered(document, number)
