"""Which log of revisions an index shows, and up to where: its writer keeps a note of it, where the engine can keep one.

Every engine takes a state of a model only where it shows no newer one. After a restore from a backup the store counts on from
below what the index shows, so that new states would be taken for old ones: such an index is built anew.

The log has one cursor for the index, but an engine that keeps its index in the home has one in each home, homes may share a database,
a home may be restored or copied, and who changes the engine may come back. An index that lacks what went to another is built anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.errors import EngineUnavailable
from catalog.lazy_dataclasses import dataclass
from catalog.search.engine import FollowingWriter, IndexWriter, KnownPlace
from catalog.store.log_position import LogPosition, is_in_log, newest_position

if TYPE_CHECKING:
    from catalog.store.consumers import Consumer
    from catalog.store.store import Store

ANOTHER_INDEX = "another index, of another home or engine, took changes of this catalog; homes on one database need one for all: Elasticsearch"
ANOTHER_LOG = "the index shows another state of the catalog than the store: a backup was restored, or the index was another store's"
FOREIGN = "the index shows another catalog."
TAKE_OVER = "Give each catalog an index of its own (MODELDEX_ELASTICSEARCH_INDEX), or make this one this catalog's: modeldex reindex"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexNote:
    """What is kept with an index: of which catalog it is, what it may show at most, and the cursor up to which it lacks nothing."""

    catalog: str
    most: LogPosition
    complete: int

    def __str__(self) -> str:
        return f"{self.catalog} {self.most.serial} {self.most.digest} {self.complete}"

    @classmethod
    def parse(cls, text: str) -> IndexNote | None:
        """None for what is no note."""
        match text.split():
            case [catalog, serial, digest, complete] if serial.isdecimal() and complete.isdecimal():
                most = LogPosition(serial=int(serial), digest=digest)
                return cls(catalog=catalog, most=most, complete=int(complete))
        return None


def note_of(writer: IndexWriter) -> IndexNote | None:
    """None where none was kept, or none that is understood."""
    text = writer.followed() if isinstance(writer, FollowingWriter) else None
    return None if text is None else IndexNote.parse(text)


def is_of_another_state(store: Store, writer: IndexWriter, note: IndexNote | None) -> str | None:
    """Why the index must be built anew; None when the store's log once stood where the index may have been brought to.

    Raises EngineUnavailable for an index that several write and that shows another catalog: building it anew would take it from that.
    """
    if note is None:
        return None
    if note.catalog != store.birth():
        if isinstance(writer, FollowingWriter) and writer.is_shared:
            raise EngineUnavailable(writer.name, FOREIGN, advice=TAKE_OVER)
        return ANOTHER_LOG
    return None if is_in_log(store.engine, note.most) else ANOTHER_LOG


def takes_its_place(index: Consumer, writer: IndexWriter, note: IndexNote | None) -> str | None:
    """What is claimed from now on comes here. Why this index must be built anew before: others have what it lacks."""
    if not isinstance(writer, FollowingWriter):
        return None
    before = index.place()
    own, is_known = _own_place(writer, before)
    if before != own:
        index.move_to(own)
    index.claims_for = own
    if is_known and (note is None or writer.is_shared):
        return None  # of a shared one it is noted now and then
    if before and (note is None or note.complete < index.position()):
        return ANOTHER_INDEX
    return None


def _own_place(writer: FollowingWriter, noted: str) -> tuple[str, bool]:
    """What the writer's place is called, and whether it is the noted one."""
    if isinstance(writer, KnownPlace) and (same := writer.same_place(noted)) is not None:
        return same, True
    own = writer.place()
    return own, own == noted


def note_ahead(store: Store, writer: IndexWriter, complete: int) -> None:
    """To be called before something is written: the index may show it from then on, whatever ends the writing."""
    newest = newest_position(store.engine)
    if isinstance(writer, FollowingWriter) and newest is not None:
        writer.follow(str(IndexNote(catalog=store.birth(), most=newest, complete=complete)))


def note_complete(store: Store, index: Consumer, writer: IndexWriter) -> None:
    """To be called when everything up to the cursor was written, or a rebuild has it. Nothing if another index took the place."""
    if isinstance(writer, FollowingWriter) and _own_place(writer, noted := index.place())[0] == noted:
        note_ahead(store, writer, index.position())
