"""What an event says of a few objects, checked against storage, and the models that they make brought up to date.

An event is a hint: each object is looked at again, and what storage says counts. Objects that are what they were, with other
bytes, cost their own models alone; where files came, went or changed what they are, their neighbourhoods are grouped anew
(`crawler.stages.splitting`). All outlines of the source are walked only where nobody has split it yet: the last crawl was
an earlier version's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from catalog.errors import ModeldexError, SourceError
from catalog.layouts.content_addressed import content_key
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.recording.joining import settle_joins
from catalog.recording.recorder import Recorder
from catalog.recording.remake import remake
from catalog.records import Extraction, ModelId, ObjectKey, ObjectMeta, Run
from catalog.records.objects import may_be_kept
from catalog.settings import Settings
from catalog.store import Store
from catalog.store.documents import LIVE
from catalog.store.entries import Entry, PackedEntry, Reading, packed_entry
from catalog.store.leases import Lease
from catalog.store.manifest import Manifest
from catalog.store.spans import Span
from crawler.crawl import file_budget, recipe_of
from crawler.grouping.draft import directory_of, joined, upwards
from crawler.grouping.neighbourhoods import is_blob
from crawler.promises import installed
from crawler.reading import ObjectReader
from crawler.registry import Registry
from crawler.source import Source, head_of
from crawler.stages.arrivals import Arrivals
from crawler.stages.committing import CommittingStage, Compared, compared
from crawler.stages.judging import former_weights, judge_vanished, prove_moves, set_aside
from crawler.stages.members import SourceGroups
from crawler.stages.reading import is_current
from crawler.stages.splitting import SourceSplit
from crawler.stages.survey import attendee, owners_among
from crawler.stages.verdicts import AllVerdicts, Fate

WITNESSES = 5
MOST_UNASKED = 3
"""So many objects in a row of which storage says nothing: then it is asked for no other of the same events."""
MAX_LEVELS_NAMED = 4
"""So many directories up a file may name another one as its data."""


class CrawlNeeded(ModeldexError):
    """An event cannot be taken by itself; a crawl of the source takes what it says."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}. Crawl it with: modeldex crawl {source}")


@dataclass(slots=True, kw_only=True)
class EventReport:
    """What came of some events. `counts` are of models (new, changed, missing, moved), `models` those whose records are other
    than before, `unread` objects that are there and could not be read, `unasked` those of which storage says nothing now; both
    with the reason.
    """

    looked_at: int = 0
    read: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    models: list[ModelId] = field(default_factory=list)
    unread: dict[ObjectKey, str] = field(default_factory=dict)
    unasked: dict[ObjectKey, str] = field(default_factory=dict)

    def note(self) -> None:
        """Events are too short for a progress line."""


def take_events(
    store: Store,
    source: Source,
    settings: Settings,
    keys: Iterable[ObjectKey],
    *,
    registry: Registry | None = None,
) -> EventReport:
    """Brings the models of these objects up to date, and no others. Taking an event twice, late or out of order does no
    harm. When this returns, everything is committed.

    Raises CrawlNeeded where only a crawl can tell what is true: before the first one, after one that was cut off, for
    another version of Modeldex, and where nothing at all seems to be left of the source. Raises WriterBusy while the
    source is crawled, and SourceError if storage says nothing of any of them: then the event is to be kept. Where it says
    nothing of some, the others are taken.
    """
    registry = registry or Registry.installed()
    with store.source_lease(source.id) as lease:
        return _Events(store, source, settings, registry, lease).take(list(dict.fromkeys(keys)))


@dataclass(slots=True)
class _Looks:
    """What storage says now of the objects that are other than the manifest has them."""

    packed: list[PackedEntry] = field(default_factory=list)
    read: list[ObjectKey] = field(default_factory=list)
    absent: list[ObjectKey] = field(default_factory=list)
    regrouped: list[ObjectKey] = field(default_factory=list)
    """Those that may now belong to other models than before."""


class _Events:
    """Some events of one source."""

    def __init__(
        self, store: Store, source: Source, settings: Settings, registry: Registry, lease: Lease
    ) -> None:
        self._store = store
        self._source = source
        self._settings = settings
        self._registry = registry
        self._lease = lease
        self._manifest: Manifest = store.manifest(source.id)
        self._reader = ObjectReader(source, registry, file_budget(settings))
        self._recipe = recipe_of(registry)
        self._split = SourceSplit(source.id, self._manifest, store.records, recipe=self._recipe, lease=lease)
        self._run = self._last_run()
        self.report = EventReport()

    def take(self, keys: Sequence[ObjectKey]) -> EventReport:
        looks = self._look(keys)
        if not looks.packed and not looks.absent:
            return self.report
        if looks.absent:
            self._check_that_storage_is_there(looks.absent)
        if looks.regrouped and not self._split.is_made:
            # Once, for a source of which only an earlier version knows: as long as nothing of it has changed.
            self._split.make()
            self._split.keep()
        self._manifest.put_packed(looks.packed, lease=self._lease)
        self._manifest.mark_missing(looks.absent, lease=self._lease)
        settled = self._regroup() if looks.regrouped else set()
        self._remake(looks.read, settled)
        self._manifest.settled(self._recipe, lease=self._lease)
        settle_joins(self._store, self._source.id, self._settings)
        return self.report

    def _last_run(self) -> Run:
        """The run whose successors may prove that what is missing is gone."""
        previous = self._store.runs.last_finished(self._source.id)
        if previous is None:
            raise CrawlNeeded(self._source.uri, "it was never crawled to its end")
        if self._manifest.recipe() != self._recipe:
            raise CrawlNeeded(self._source.uri, "its last crawl was cut off, or made by another version")
        return replace(previous, started_at=datetime.now(UTC))

    def _look(self, keys: Sequence[ObjectKey]) -> _Looks:
        looks = _Looks()
        keys = [key for key in keys if may_be_kept(key)]  # as no crawl takes them
        known = self._manifest.entries(keys)
        for key, meta in self._heads(keys):
            before = known.get(key)
            self.report.looked_at += 1
            if meta is None:
                if before is not None and before.state == LIVE:
                    looks.absent.append(key)
                    if before.outline is not None or self._store.records.models_of(self._source.id, [key]):
                        looks.regrouped.append(key)
                continue
            if before is not None and is_current(meta, before.standing, self._registry):
                continue
            outcome = self._reader.read(meta, before)
            self.report.read += outcome.opened
            if outcome.entry.reading in {Reading.FAILED, Reading.RETRY} and outcome.entry.error:
                self.report.unread[key] = outcome.entry.error
            looks.packed.append(packed_entry(outcome.entry, outcome.extraction, shares=outcome.shares))
            looks.read.append(key)
            if not self._belongs_as_before(before, outcome.entry) or self._is_new_part(before, outcome.entry):
                looks.regrouped.append(key)
        return looks

    def _heads(self, keys: Sequence[ObjectKey]) -> Iterator[tuple[ObjectKey, ObjectMeta | None]]:
        """What storage says of each. One that is forbidden holds up no other; a storage that is away is not asked for all."""
        in_a_row = 0
        for number, key in enumerate(keys):
            try:
                meta = head_of(self._source, key)
            except SourceError as error:
                in_a_row += 1
                self.report.unasked[key] = str(error)
                if len(self.report.unasked) == len(keys) or in_a_row == number + 1 == MOST_UNASKED:
                    raise
                if in_a_row == MOST_UNASKED:
                    self.report.unasked |= dict.fromkeys(keys[number + 1 :], str(error))
                    return
                continue
            in_a_row = 0
            yield key, meta

    def _belongs_as_before(self, before: Entry | None, now: Entry) -> bool:
        """Whether grouping sees the same file as before, although it may say something else."""
        if before is None or before.state != LIVE:
            return now.outline is None
        if _essence(before.outline) != _essence(now.outline) or content_key(now.object.key) is not None:
            return False
        old, new = before.object, now.object
        if is_blob(new.key) or self._manifest.has_other_names((old, new)):
            return False
        return old.sha256 == new.sha256 or not self._manifest.has_readings_of(self._registry.naming_hashes)

    def _is_new_part(self, before: Entry | None, now: Entry) -> bool:
        """Whether a file that nobody reads comes to a model: into a directory that is one, or as the data that a file of
        the model names.
        """
        if now.outline is not None or (before is not None and before.state == LIVE):
            return False
        key, names = now.object.key, installed()
        above = list(upwards(directory_of(key)))
        marks = [ObjectKey(joined(place, mark)) for place in above for mark in sorted(names.container_files)]
        if names.may_be_in_container(key) or any(
            entry.state == LIVE and entry.outline is not None
            for entry in self._manifest.entries(marks).values()
        ):
            return True
        spans = [Span(directory=place, deep=False) for place in self._lending(above[:MAX_LEVELS_NAMED])]
        return any(
            joined(directory_of(entry.object.key), reference.name) == key
            for entry in self._manifest.models_files_in(spans)
            for reference in (entry.outline.references if entry.outline is not None else ())
        )

    def _lending(self, directories: Sequence[str]) -> Sequence[str]:
        """Those of the directories whose files may name others as their data. Beside the rest of them many may lie."""
        if not self._split.is_made:
            return directories
        rows = self._manifest.split.directories(directories)
        return [path for path in directories if path in rows and rows[path].lends]

    def _check_that_storage_is_there(self, absent: Sequence[ObjectKey]) -> None:
        """A directory that is not mounted says of every file that it is not there."""
        for key in self._manifest.some_keys(WITNESSES, without=absent):
            if head_of(self._source, key) is not None:
                return
        raise CrawlNeeded(self._source.uri, "nothing of it seems to be there any more")

    def _remake(self, keys: Sequence[ObjectKey], settled: Collection[ModelId]) -> None:
        """Models of which a file says something else, and that are otherwise as before, but for the settled ones: a tracker's
        database that is written anew with one run more tells of thousands, and says the same of all others.
        """
        models = [
            model for model in self._store.records.models_of(self._source.id, keys) if model not in settled
        ]
        rows = self._store.records.shelved_of(models)
        live = [model for model in models if rows[model].state == LIVE]
        done = remake(self._store, live, cause="event", recipe=self._recipe)
        self.report.models += done.changed
        self.report.counts["changed"] += len(done.changed)

    def _regroup(self) -> set[ModelId]:
        """Groups anew what is around the files that came, went or changed what they are; the models whose records are true
        of it now.
        """
        records = self._store.records
        around = self._split.around()
        parts = SourceGroups(self._source.id, self._manifest, chosen=around.neighbourhoods)
        groups = [group for batch in parts.batches() for part in batch for group in part.groups]
        pairs = list(compared(groups, records, self._recipe))
        verdicts = self._judge(around.models, pairs)
        recorder = Recorder(self._store, self._run, self._lease, cause="event")
        writer = CommittingStage(self._source, recorder, self.report, verdicts)
        for page, changes in writer.recorded(writer.pages([pairs], reread=False)):
            done = writer.write(page, changes)
            self.report.models += [*done.new, *done.changed]
        writer.depart()
        records.settle_copies(lease=self._lease)
        self.report.counts["missing"] += verdicts.count(Fate.LOST)
        self.report.counts["moved"] += verdicts.count(Fate.MOVED)
        self.report.models += verdicts.models()
        return {fresh.model for fresh, _ in pairs} | set(self.report.models)

    def _judge(self, models: Iterable[ModelId], pairs: Sequence[Compared]) -> AllVerdicts:
        """What became of the models that are not there any more."""
        records = self._store.records
        present = {fresh.model for fresh, _ in pairs}
        rows = records.shelved_of(sorted(set(models) - present))
        vanished = [row for row in rows.values() if row.state == LIVE]
        if not vanished:
            return AllVerdicts()
        file_keys = records.file_keys([row.id for row in vanished])
        weights = former_weights(records, vanished)
        owners = owners_among(
            ((fresh.model, fresh.group) for fresh, _ in pairs),
            {key for keys in file_keys.values() for key in keys},
            {key for keys in weights.values() for key in keys},
        )
        arrivals = [attendee(fresh, row) for fresh, row in pairs if row is None or row.state != LIVE]
        proven = partial(prove_moves, self._manifest, file_keys)
        verdicts = judge_vanished(vanished, file_keys, owners, Arrivals(lambda *_: arrivals), proven)
        set_aside(verdicts, weights, self._manifest, frozenset())
        return AllVerdicts(verdicts)


def _essence(outline: Extraction | None) -> Extraction | None:
    """What grouping looks at in an outline: not how much was read, nor which bytes the tensors have."""
    return None if outline is None else replace(outline, bytes_read=0, requests=0, tensors_digest=None)
