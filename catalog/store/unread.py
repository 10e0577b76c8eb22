"""Files of a source that could not be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlalchemy import (
    Engine,
    select,
    text,
)

from catalog.errors import Malformed
from catalog.layouts.names import TEXT_SUFFIXES
from catalog.lazy_dataclasses import dataclass
from catalog.records import Extraction, ObjectKey, Role, SourceId
from catalog.store.documents import LIVE
from catalog.store.entries import Reading
from catalog.store.tables import UNREAD, objects, record_files

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file that could not be read and why. `stray` is what a file of no model said all the same: its role and problems."""

    key: ObjectKey
    reason: str
    reading: Reading
    stray: Extraction | None

    @property
    def is_of_no_model(self) -> bool:
        """Whether it is a text of some other program: nothing in the catalog would know more if it could be read."""
        return (
            self.reading is Reading.FAILED
            and self.stray is not None
            and self.stray.role in {Role.CONFIG, Role.CARD, Role.RUN, Role.AUXILIARY}
            and all(problem.code == Malformed.code for problem in self.stray.problems)
            and self.key.lower().endswith(TEXT_SUFFIXES)
        )


def unread_files(
    engine: Engine,
    source: SourceId,
    extractions: Callable[[Sequence[ObjectKey]], Mapping[ObjectKey, Extraction]],
) -> Iterator[Unread]:
    """Live objects that could not be read, in key order; `extractions` are what files said all the same."""
    bad = text(UNREAD)  # in the words of the index: SQLite does not see through parameters
    same = (record_files.c.source == objects.c.source) & (record_files.c.key == objects.c.key)
    bound = select(record_files.c.key).where(same).exists().label("bound")
    last = b""
    while True:
        chosen = (objects.c.source == source) & (objects.c.state == LIVE) & (objects.c.key > last)
        statement = (
            select(objects.c.key, objects.c.error, objects.c.reading, bound)
            .where(chosen & bad)
            .order_by(objects.c.key)
            .limit(PAGE)
        )
        with engine.connect() as connection:
            rows = list(connection.execute(statement))
        stray = extractions([ObjectKey(os.fsdecode(row.key)) for row in rows if not row.bound])
        for row in rows:
            key = ObjectKey(os.fsdecode(row.key))
            reading = Reading(row.reading)
            yield Unread(key=key, reason=row.error or "", reading=reading, stray=stray.get(key))
        if len(rows) < PAGE:
            return
        last = rows[-1].key
