"""The writing side: one process holds the lock, every `write` is one durable commit, a rebuild is a swap of pointers."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import tantivy

from catalog.errors import DocumentRejected, EngineUnavailable
from catalog.search.engine import IndexAction, IndexOutcome
from catalog.settings import Settings
from indexer.engines.tantivy.documents import make_row
from indexer.engines.tantivy.engine import open_index
from indexer.engines.tantivy.heaps import give_back, share_heaps
from indexer.engines.tantivy.integrity import damage
from indexer.engines.tantivy.location import (
    NAME,
    REINDEX,
    IndexHome,
    IndexUnreadable,
    follow,
    followed,
    share,
    written_by_this_schema,
)
from indexer.engines.tantivy.schema import ID, REVISION, build_schema

WRITE_HEAP_BYTES = 64 * 1024 * 1024
REBUILD_HEAP_BYTES = 256 * 1024 * 1024
REBUILD_THREADS = 2
FULL_DISK = "Free space in the home folder; what was not indexed is kept for the next try."


class TantivyWriter:
    """Writes the index below `settings.index_path`. Raises EngineUnavailable when another process does."""

    name = NAME
    is_shared = False

    def __init__(self, settings: Settings) -> None:
        share_heaps()  # before the threads of the writer start
        give_back()  # what a crawl left free between two steps of the index is not there beside what this one takes
        self.home = IndexHome(settings.index_path)
        self._lock = self.home.lock()
        self._index: tantivy.Index | None = None
        self._writer: tantivy.IndexWriter | None = None
        self._deleted: dict[str, int] = {}

    @property
    def needs_rebuild(self) -> str | None:
        """Why the index must be built from the store before it takes single changes; None when it is fine."""
        try:
            path = self.home.current()
        except IndexUnreadable:
            raise
        except EngineUnavailable as error:
            return error.reason.rstrip(".")
        if path is None:
            return "there is no index yet"
        if not written_by_this_schema(path):
            return "the index was made by another version of Modeldex"
        return damage(path)

    @property
    def documents(self) -> int:
        """How many models the index holds."""
        path = self.home.current()
        return 0 if path is None else int(open_index(path).searcher().num_docs)

    def place(self) -> str:
        """Which of the indexes it is that several homes may have of one catalog. Raises EngineUnavailable."""
        try:
            return self.home.identity()
        except OSError as error:
            reason = f"{self.home.root} cannot be written: {error.strerror}."
            raise EngineUnavailable(NAME, reason, advice=FULL_DISK) from error

    def followed(self) -> str | None:
        """What was noted of the index; None where nothing was."""
        try:
            path = self.home.current()
        except EngineUnavailable:  # a damaged pointer: `needs_rebuild` says so
            return None
        return None if path is None else followed(path)

    def follow(self, position: str) -> None:
        """Keep this with the current index. A full disk takes it the next time."""
        path = self.home.current()
        if path is not None and followed(path) != position:
            with contextlib.suppress(OSError):
                follow(path, position)

    def write(self, actions: Sequence[IndexAction]) -> IndexOutcome:
        writer, known = self._open(), self._revisions([action.id for action in actions])
        load = _Load(writer, known, self._deleted)
        try:
            for action in actions:
                load.apply(action)
            writer.commit()
            self._share()
        except (ValueError, OSError) as error:
            self._abandon()
            reason = f"the index could not be written ({error}). {FULL_DISK}"
            return IndexOutcome(rejected=load.rejected, retry=dict.fromkeys(load.done, reason))
        return IndexOutcome(done=load.done, rejected=load.rejected)

    def refresh(self) -> None:
        """Readers notice a commit by themselves; nothing is held back."""

    def rebuild(
        self, documents: Iterable[IndexAction], *, catch_up: Iterable[IndexAction] = ()
    ) -> IndexOutcome:
        path = self.home.fresh()
        try:
            outcome = self._load(path, documents, catch_up)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        self._abandon()
        self._deleted.clear()
        self.home.swap(path)
        self.home.sweep()
        return outcome

    def roll_back(self) -> None:
        """Make the index from before the last rebuild current again. Changes since then must be indexed anew."""
        before = self.home.previous()
        if before is None or not before.exists():
            raise EngineUnavailable(NAME, "there is no earlier index to go back to.", advice=REINDEX)
        self._abandon()
        self.home.swap(before)

    def forget_earlier(self) -> None:
        """Removes every index but the current one."""
        self.home.forget_previous()
        self.home.sweep()

    def close(self) -> None:
        self._abandon()
        self._lock.close()
        give_back()  # a crawl opens a writer for each step of the index, and goes on without one

    def _open(self) -> tantivy.IndexWriter:
        if self._writer is not None:
            return self._writer
        path = self.home.current()
        if path is None:
            path = self.home.fresh()
            tantivy.Index(build_schema(), str(path))
            self.home.swap(path)
        elif not written_by_this_schema(path):
            raise EngineUnavailable(
                NAME, "the index was made by another version of Modeldex.", advice=REINDEX
            )
        self._index = open_index(path)
        try:
            self._writer = self._index.writer(WRITE_HEAP_BYTES, 1)
        except ValueError as error:
            raise EngineUnavailable(
                NAME, f"the index cannot be written ({error}).", advice=REINDEX
            ) from error
        return self._writer

    def _abandon(self) -> None:
        if self._writer is not None:
            _give_up(self._writer)
        self._writer = self._index = None
        self._share()

    def _share(self) -> None:
        with contextlib.suppress(EngineUnavailable):  # a damaged pointer: whoever reads it says so
            path = self.home.current()
            if path is not None:
                share(path)

    def _revisions(self, ids: Sequence[str]) -> dict[str, int]:
        """The revisions that the index holds of these models."""
        index = self._index
        if index is None or not ids:
            return {}
        index.reload()
        searcher = index.searcher()
        if not searcher.num_docs:
            return {}
        answer = searcher.search(
            tantivy.Query.term_set_query(index.schema, ID, list(ids)), len(ids), count=False
        )
        addresses = [address for _, address in answer.hits]
        revisions = searcher.fast_field_values(REVISION, addresses)
        return {
            str(searcher.doc(address).get_first(ID)): int(revision or 0)
            for address, revision in zip(addresses, revisions, strict=True)
        }

    def _load(
        self, path: Path, documents: Iterable[IndexAction], catch_up: Iterable[IndexAction]
    ) -> IndexOutcome:
        index = tantivy.Index(build_schema(), str(path))
        writer = index.writer(REBUILD_HEAP_BYTES, REBUILD_THREADS)
        load = _Load(writer, {}, {})
        try:
            for action in documents:
                load.add(action)
            writer.commit()
            self._check(index, len(load.done))
            caught = _Load(writer, {}, {})
            for action in catch_up:
                caught.apply(action)
            writer.commit()
            writer.wait_merging_threads()
            share(path)
        except (ValueError, OSError) as error:
            _give_up(writer)
            raise EngineUnavailable(
                NAME, f"the new index could not be written ({error}).", advice=FULL_DISK
            ) from error
        except BaseException:
            _give_up(writer)  # else its threads write on into a folder that is being removed
            raise
        return IndexOutcome(done=[*load.done, *caught.done], rejected={**load.rejected, **caught.rejected})

    @staticmethod
    def _check(index: tantivy.Index, expected: int) -> None:
        index.reload()
        documents = index.searcher().num_docs
        if documents != expected:
            raise EngineUnavailable(
                NAME,
                f"the new index holds {documents:,} models where {expected:,} were written.",
                advice=REINDEX,
            )


def _give_up(writer: tantivy.IndexWriter) -> None:
    """Leave what is not committed, and wait until none of the writer's threads writes any more."""
    with contextlib.suppress(ValueError, OSError):
        writer.rollback()
    with contextlib.suppress(ValueError, OSError):
        writer.wait_merging_threads()


class _Load:
    """Actions on their way into one commit."""

    def __init__(self, writer: tantivy.IndexWriter, known: dict[str, int], deleted: dict[str, int]) -> None:
        self.writer = writer
        self.known = known
        self.deleted = deleted
        self.done: list[str] = []
        self.rejected: dict[str, str] = {}

    def apply(self, action: IndexAction) -> None:
        """Replace or delete, unless the index holds a newer revision."""
        if max(self.known.get(action.id, -1), self.deleted.get(action.id, -1)) > action.revision:
            self.done.append(action.id)
            return
        if action.document is None:
            self.writer.delete_documents_by_term(ID, action.id)
            self.known.pop(action.id, None)
            self.deleted[action.id] = action.revision
            self.done.append(action.id)
            return
        self.add(action, replace=True)

    def add(self, action: IndexAction, *, replace: bool = False) -> None:
        if action.document is None:
            return
        try:
            row = make_row(action.id, action.revision, action.document)
        except DocumentRejected as error:
            self.rejected[action.id] = error.reason
            return
        if replace:
            self.writer.delete_documents_by_term(ID, action.id)
        self.writer.add_document(row)
        self.known[action.id] = action.revision
        self.done.append(action.id)
