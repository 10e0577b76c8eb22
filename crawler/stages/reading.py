"""List the source, compare each object with the manifest, read what changed, page by page."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from catalog.errors import ObjectUnreadable, SourceError, described
from catalog.records import ObjectKey, ObjectMeta
from catalog.store.documents import LIVE
from catalog.store.entries import Entry, Standing
from catalog.store.leases import Lease
from catalog.store.manifest import Manifest
from catalog.store.sightings import Sightings
from crawler.outcomes import COULD_NOT_OPEN, NOT_OPENED, NOT_RESTORED
from crawler.readers import Readers, ReadObject
from crawler.reading import most_looked_at
from crawler.registry import Registry
from crawler.source import Resumable, Source, head_of, listing
from crawler.stages.account import AS_BEFORE, Account
from crawler.stages.judging import Scopes
from crawler.stages.key_sets import KeySet

BATCH_OBJECTS = 500
PAGE_OBJECTS = 200
PAGE_SECONDS = 2.0
LEFT = frozenset({NOT_OPENED, NOT_RESTORED})
"""How an object was read that was not opened: it is told as long as it is so."""
UNOPENED = "not opened because of its name"


class ReadingStage:
    """The listing of one run and what it reads."""

    def __init__(
        self,
        source: Source,
        manifest: Manifest,
        readers: Readers,
        registry: Registry,
        account: Account,
        lease: Lease,
    ) -> None:
        self.scopes = Scopes()
        self.broken: set[str] = set()
        """Extractors that broke while they looked at a file."""
        self._source = source
        self._manifest = manifest
        self._readers = readers
        self._registry = registry
        self._account = account
        self._lease = lease
        self._looks_left = most_looked_at(source)
        """So many files that earlier runs left unopened this one goes on with."""
        self._is_resumable = isinstance(source, Resumable) and getattr(source, "is_resumable", True)
        self._given = 0
        self._written = 0
        self._batches: deque[tuple[int, ObjectKey]] = deque()
        """The last key of each batch that is under way, with how many objects were given to readers up to it."""

    def pages(self, seen: Sightings, *, reread: bool) -> Iterator[str]:
        """Reads and writes page by page; after each, the directory at which the listing is."""
        page: list[ReadObject] = []
        written = time.monotonic()
        try:
            with closing(self._readers.read(self._changed(seen, reread=reread))) as objects:
                for read in objects:
                    page.append(read)
                    self._count(read)
                    if len(page) >= PAGE_OBJECTS or time.monotonic() - written > PAGE_SECONDS:
                        self._write(page)
                        yield read.packed.entry.object.key.rpartition("/")[0]
                        written = time.monotonic()
        except KeyboardInterrupt:
            self._write(page)  # what was read until the crawl was told to end is not read again
            raise
        self._write(page)
        if not self.scopes.failed:
            self._account.listed_to = None

    def _changed(self, seen: Sightings, *, reread: bool) -> Iterator[tuple[ObjectMeta, Entry | None]]:
        """The listed objects that are not as the manifest has them."""
        for batch in batches(self._steps(seen)):
            seen.add(meta.key for meta in batch)
            self._account.counts["objects"] += len(batch)
            standings = {} if reread else self._manifest.standings([meta.key for meta in batch])
            changed = [
                meta
                for meta in batch
                if not is_current(meta, standings.get(meta.key), self._registry)
                and not self._is_left(meta, standings.get(meta.key))
            ]
            asked = [meta.key for meta in changed if reread or meta.key in standings]
            known = self._manifest.entries(asked) if asked else {}
            self._given += len(changed)
            if self._is_resumable:
                self._batches.append((self._given, batch[-1].key))
            for meta in changed:
                yield meta, known.get(meta.key)
            self._note_place()
            self._account.note()

    def _is_left(self, meta: ObjectMeta, before: Standing | None) -> bool:
        """Whether the object is one that earlier runs left unopened, and this run does, too, which is told again."""
        if before is None or not is_as_left(meta, before):
            return False
        if self._goes_on_with(before.signature):
            self._looks_left -= 1
            return False
        self._account.skip(((meta.key, UNOPENED),))
        return True

    def _goes_on_with(self, signature: str) -> bool:
        """Whether what was left so is looked at in this run, as far as it is not told yet."""
        return signature not in LEFT or (signature == NOT_OPENED and self._looks_left > 0)

    def _steps(self, seen: Sightings) -> Iterator[Sequence[ObjectMeta]]:
        """The batches of the listing; how its scopes ended is noted on the way."""
        try:
            for step in listing(self._source):
                self._account.skip(step.skipped)
                if step.error is not None:
                    self.scopes.failed_with(step.scope, str(step.error))
                    self._account.problem(str(step.error))
                elif step.complete:
                    self.scopes.ended(step.scope)
                yield step.objects
                if step.as_before:
                    yield from self._as_before(step.scope, seen)
        except ObjectUnreadable:
            raise  # the root itself: there is nothing to go on with
        except SourceError as error:
            self._broke_off(str(error))
        except Exception as error:  # noqa: BLE001 - a stranger's source that breaks has not shown that anything is absent
            self._broke_off(f"the listing broke off: {described(error)}")

    def _as_before(self, directory: str, seen: Sightings) -> Iterator[list[ObjectMeta]]:
        """All below a directory in which nothing changed is there; what would be read in another way now is looked at."""
        for page in self._manifest.live_below(directory):
            again = {
                key
                for key, before in page.items()
                if not self._registry.still_holds(key, before.reading, before.signature)
            }
            left = {key for key in again if not self._goes_on_with(page[key].signature)}
            self._account.skip(tuple((key, UNOPENED) for key in sorted(left)))
            again -= left
            changed: list[ObjectMeta] = []
            for key in sorted(again):
                try:
                    meta = head_of(self._source, key)
                except SourceError:  # what is known of it stays, and with it why it could not be read
                    again.discard(key)
                    continue
                changed += [meta] if meta is not None else []
            seen.add(page.keys() - again)
            self._account.counts["objects"] += len(page) - len(again)
            self._account.counts[AS_BEFORE] += len(page) - len(again)
            yield changed

    def _broke_off(self, reason: str) -> None:
        self.scopes.broke_off(reason)
        self._account.problem(reason)

    def _count(self, read: ReadObject) -> None:
        self._account.counts["opened"] += read.opened
        self._account.counts["bytes_read"] += read.bytes_read
        if read.packed.entry.signature in {*LEFT, COULD_NOT_OPEN}:
            self._account.skip(((read.packed.entry.object.key, UNOPENED),))
        for name, sentence in read.broken.items():
            if name not in self.broken:
                self.broken.add(name)
                self._account.problem(sentence)
        self._account.note("reading")

    def _write(self, page: list[ReadObject]) -> None:
        if not page:
            return
        self._manifest.put_packed([read.packed for read in page], lease=self._lease)
        self._written += len(page)
        page.clear()
        self._note_place()
        self._account.keep()

    def _note_place(self) -> None:
        """The last batch of which everything is written: a crawl that is killed now goes on behind it."""
        while self._batches and self._batches[0][0] <= self._written:
            self._account.listed_to = self._batches.popleft()[1]


def is_current(meta: ObjectMeta, before: Standing | None, registry: Registry) -> bool:
    """Whether the listed object is as the manifest has it, and would be read as it was."""
    return (
        before is not None
        and before.state == LIVE
        and before.change_token == meta.change_token
        and registry.still_holds(meta.key, before.reading, before.signature)
    )


def is_as_left(meta: ObjectMeta, before: Standing) -> bool:
    """Whether the listed object is one that an earlier run left unopened, and unchanged since."""
    return before.state == LIVE and before.change_token == meta.change_token and before.signature in LEFT


def absent_and_hidden(unseen: Iterable[ObjectKey], scopes: Scopes) -> tuple[KeySet, KeySet]:
    """Of what the listing did not show, in key order: what is provably not there, and what it could not look at."""
    absent, hidden = KeySet(), KeySet()
    for key in unseen:
        (absent if scopes.proves_absence(key) else hidden).append(key)
    return absent, hidden


def batches(steps: Iterable[Sequence[ObjectMeta]]) -> Iterator[list[ObjectMeta]]:
    """Many small directories as few large batches: each costs a query and a transaction."""
    batch: list[ObjectMeta] = []
    for step in steps:
        batch.extend(step)
        if len(batch) >= BATCH_OBJECTS:
            yield batch
            batch = []
    if batch:
        yield batch
