"""Which log of revisions an index shows, and up to where: its writer keeps the position, where the engine can keep one.

Also which index it is that follows: an engine that keeps its index in the home has one in each home, homes may share a database, and
who changes the engine may come back. What one of them takes from the log, the others lack.

Every engine takes a state of a model only where it shows no newer one. After a restore from a backup the store counts on from
below what the index shows, so that new states would be taken for old ones: such an index is built anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.search.engine import FollowingWriter, IndexWriter
from catalog.store.log_position import LogPosition, is_in_log

if TYPE_CHECKING:
    from catalog.store.consumers import Consumer
    from catalog.store.store import Store

UNCERTAIN = "?"
"""The place of what two indexes took in turns: neither is complete."""
ANOTHER_INDEX = "another index, of another home or engine, took changes of this catalog; homes on one database need one for all: Elasticsearch"
ANOTHER_LOG = "the index shows another state of the catalog than the store: a backup was restored, or the index was another store's"


def shows_another_log(store: Store, writer: IndexWriter) -> str | None:
    """Why the index must be built anew; None when the store's log once stood where the index was brought to."""
    noted = writer.followed() if isinstance(writer, FollowingWriter) else None
    position = LogPosition.parse(noted) if noted is not None else None
    return ANOTHER_LOG if position is not None and not is_in_log(store.engine, position) else None


def note_position(writer: IndexWriter, position: LogPosition | None) -> None:
    """To be called when the index was brought up to date from where the log stood before that."""
    if isinstance(writer, FollowingWriter) and position is not None:
        writer.follow(str(position))


def went_to_another_index(index: Consumer, writer: IndexWriter) -> str | None:
    """Why this index must be built anew before it takes single changes: others went elsewhere. It counts as the one that gets
    everything when it is built, not before: a rebuild that fails is tried again.
    """
    own = _place(writer)
    if own is None or (before := index.place()) == own:
        return None
    index.move_to(UNCERTAIN if before else own)
    return ANOTHER_INDEX if before else None


def note_rebuilt(index: Consumer, writer: IndexWriter, position: LogPosition | None) -> None:
    """To be called when the index holds everything up to the position."""
    if (own := _place(writer)) is not None:
        index.move_to(own)
    note_position(writer, position)


def stayed_here(index: Consumer, writer: IndexWriter) -> bool:
    """Whether everything that was delivered since then came here. If not, whoever comes next finds that it did not."""
    own = _place(writer)
    if own is None or index.place() == own:
        return True
    index.move_to(UNCERTAIN)
    return False


def _place(writer: IndexWriter) -> str | None:
    return writer.place() if isinstance(writer, FollowingWriter) else None
