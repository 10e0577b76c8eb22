"""The conductor: one crawl of one source, from its listing to committed records."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import islice, takewhile

from catalog.errors import ModeldexError, PluginUnavailable, SourceError, WriterBusy, described
from catalog.garbage import COLLECTION
from catalog.normalise.values.secrets import masked_text
from catalog.recording.joining import settle_joins
from catalog.recording.making import Task, make
from catalog.recording.recorder import Recorder
from catalog.records import Group, ModelId, Run, RunState, SourceId
from catalog.records.record import WOULD_LOSE
from catalog.sealing.faults import KeyMissing
from catalog.settings import Settings
from catalog.store import Store
from catalog.store.leases import Lease
from catalog.store.record_changes import RecordChange
from catalog.store.records import GONE, LIVE, MISSING
from catalog.store.sightings import Sightings
from catalog.text.folding import well_formed
from crawler.jobs import pool_for
from crawler.pool import Pool
from crawler.processes import SpareHost
from crawler.reader import Budget
from crawler.readers import readers_for
from crawler.registry import Registry
from crawler.settings import FileSettings
from crawler.source import (
    CUT_KEYS,
    Confirming,
    Cuttable,
    Remembering,
    Resumable,
    Source,
    is_ours,
    raised_in_store,
)
from crawler.stages import interim
from crawler.stages.account import AS_BEFORE, NOT_LISTED, Account, CrawlReport, Progress
from crawler.stages.committing import CommittingStage, compared
from crawler.stages.hashing import hash_weights as hash_members
from crawler.stages.judging import Judge, Judgement, note_sight
from crawler.stages.key_sets import KeySet
from crawler.stages.members import KeptFiles, SourceGroups, members_of
from crawler.stages.reading import ReadingStage, absent_and_hidden
from crawler.stages.same_storage import check_same_storage
from crawler.stages.splitting import SourceSplit, Surroundings
from crawler.stages.survey import Survey, owners, sight, survey
from crawler.stages.verdicts import AllVerdicts, Fate

RECIPE = "10"
"""Goes up when grouping or normalising would make other documents of the same readings."""


MOST_RUNS = 200
"""So far back is looked for a crawl that left nothing out; where there was none since, this one does not, either."""
WITNESSES = 8
"""Files of a directory of which one is to be where it was, before the directory is left out."""
SHELVED_AT_ONCE = 500
FEW_DIRECTORIES = 100
MODELS_PER_DIRECTORY = 20
"""Where no more directories than these, or than one for so many models, have changes in them, what is around them is looked
for; where more have, to walk all outlines is faster."""


def recipe_of(registry: Registry) -> str:
    """What the records of a source are made with: other extractors, or another way of grouping, make them anew."""
    return f"{RECIPE}:{registry.fingerprint}"


def file_budget(settings: Settings) -> Budget:
    """What the reading of one file may cost."""
    limits = settings.section(FileSettings)
    return Budget(requests=limits.requests, bytes=limits.bytes, seconds=limits.seconds)


def crawl(
    store: Store,
    source: Source,
    settings: Settings,
    *,
    accept: bool = False,
    reread: bool = False,
    hash_weights: bool = False,
    registry: Registry | None = None,
    spare: SpareHost | None = None,
    watch: Callable[[Progress], None] = lambda _progress: None,
) -> CrawlReport:
    """Brings the records of the source up to date. `accept` lets a run lose more models than the guard allows, as does a held
    run before it that a person accepted, for as many as that one would have lost; `reread` reads every file again,
    `hash_weights` reads weights to their end for hashes of bytes that are not known yet. `spare` is a host for processes,
    which else are started anew. Raises WriterBusy, StoreError, KeyMissing, and SourceError if the root cannot be listed.
    """
    with store.source_lease(source.id) as lease:
        try:
            store.bring_under_key(source.id, lease)
        except KeyMissing as error:
            _fail(store, source.id, source.uri, str(error), lease)
            raise
        run = store.runs.start(source.id, source.uri, lease)
        account = Account(store, run, lease, watch, spent=lambda: getattr(source, "spent", {}))
        registry = registry or Registry.installed()
        with ExitStack() as stack:
            stack.enter_context(COLLECTION.seldom())
            pool = pool_for(source, registry, file_budget(settings), spare)
            if pool is not None:
                stack.enter_context(pool)
            try:
                return _Crawl(store, source, settings, lease, registry, run, account, pool).go(
                    accept=accept, reread=reread, hash_weights=hash_weights
                )
            except (ModeldexError, KeyboardInterrupt):
                raise
            except BaseException as error:
                if is_ours(source) or raised_in_store(error):
                    raise
                raise PluginUnavailable("source", source.id, described(error)) from error


def note_not_begun(store: Store, source: SourceId, uri: str, reason: str) -> None:
    """A failed run of a source that could not even be opened: else its last run would be the good one before. There is none
    while somebody crawls it.
    """
    with suppress(WriterBusy), store.source_lease(source) as lease:
        _fail(store, source, uri, reason, lease)


def _fail(store: Store, source: SourceId, uri: str, reason: str, lease: Lease) -> None:
    account = Account(store, store.runs.start(source, uri, lease), lease, lambda _progress: None)
    account.problem(reason)
    account.finish(RunState.FAILED, store.manifest(source))


class _Crawl:
    def __init__(
        self,
        store: Store,
        source: Source,
        settings: Settings,
        lease: Lease,
        registry: Registry,
        run: Run,
        account: Account,
        pool: Pool | None,
    ) -> None:
        budget = file_budget(settings)
        self._store = store
        self._source = source
        self._settings = settings
        self._lease = lease
        self._registry = registry
        self._run = run
        self._account = account
        self._manifest = store.manifest(source.id)
        self._pool = pool
        readers = readers_for(source, registry, budget, pool)
        self._reading = ReadingStage(source, self._manifest, readers, registry, account, lease)
        self._scopes = self._reading.scopes
        self._recipe = recipe_of(registry)
        self._previous = store.runs.last_finished(source.id)
        self._split = SourceSplit(source.id, self._manifest, store.records, recipe=self._recipe, lease=lease)
        self._looks = interim.InterimLooks()
        self._unhashed = 0
        account.problems += registry.unavailable

    def go(self, *, accept: bool, reread: bool, hash_weights: bool) -> CrawlReport:
        """The numbered list: list, compare, read; hash; judge what is absent; group; normalise; commit; account; join."""
        state, settled = RunState.INTERRUPTED, False
        before, began = self._store.runs.concluded_before(self._run), self._run.started_at
        accepted = math.inf if accept else before.accepted_at(began) if before else 0
        try:
            check_same_storage(self._store, self._source, self._manifest, accepted=accept)
            with self._manifest.sightings() as seen:
                had_objects = self._manifest.has_objects()
                if isinstance(self._source, Cuttable):
                    since = self._previous.started_at if self._previous else None
                    cuts = self._manifest.cuts(CUT_KEYS) if had_objects else []
                    self._source.expect(cuts, since=since)
                if isinstance(self._source, Resumable) and had_objects:
                    self._go_on(self._source)
                if isinstance(self._source, Remembering) and not accept:
                    self._remind(self._source, reread=reread)
                if not had_objects and not self._store.records.standing(self._source.id):
                    self._looks.allow()
                self._list_and_read(seen, reread=reread)
                if isinstance(self._source, Confirming):
                    self._confirm(self._source, seen)
                absent, hidden = absent_and_hidden(seen.unseen(), self._scopes)
                emptied = had_objects and seen.count() == 0 and not self._scopes.failed
            if hash_weights:
                self._hash_weights(absent, hidden)
            settled = self._settle(absent, hidden, accepted=accepted, emptied=emptied, reread=reread)
            state = self._state() if settled else RunState.HELD
            if not settled and before is not None and (lapse := before.lapse_at(began)):
                self._account.problem(lapse)
        except SourceError as error:
            state = RunState.FAILED
            self._account.problem(str(error))
            raise
        finally:
            run = self._account.finish(state, self._manifest)
        if settled:
            settle_joins(self._store, self._source.id, self._settings)
        return self._account.report(run)

    def _remind(self, source: Remembering, *, reread: bool) -> None:
        """Nothing is known where somebody said that what is not there is gone."""
        complete = [] if reread else self._complete_before()
        whole = [run.started_at for run in complete if not run.counts.get(AS_BEFORE)]
        source.remember(
            since=complete[0].started_at if complete else None,
            whole=max(whole, default=None),
            known=partial(self._manifest.some_below, limit=WITNESSES),
        )

    def _complete_before(self) -> list[Run]:
        """The last runs that looked at everything, newest first. What was crawled in another way than now is no reason to leave
        anything out.
        """
        if self._manifest.recipe() != self._recipe:
            return []
        before = self._store.runs.latest(MOST_RUNS, source=self._source.id)
        rows = {row.id: row.updated_at for row in self._store.sources.all()}
        changed_at = rows.get(self._source.id)
        whole_listings = takewhile(_listed_all, (run for run in before if run.id != self._run.id))
        return [
            run
            for run in whole_listings
            if run.state is RunState.COMPLETE and (changed_at is None or run.started_at > changed_at)
        ]

    def _go_on(self, source: Resumable) -> None:
        """With the listing of a run that was cut off; those in between that could not even begin one know of none."""
        runs = (
            run
            for run in self._store.runs.latest(MOST_RUNS, source=self._source.id)
            if run.id != self._run.id
        )
        before = next(
            (run for run in runs if run.listed_to is not None or run.state is not RunState.FAILED), None
        )
        if before is not None and before.listed_to is not None:
            source.go_on(before.listed_to)

    def _list_and_read(self, seen: Sightings, *, reread: bool) -> None:
        for directory in self._reading.pages(seen, reread=reread):
            if self._looks.due():
                self._look(directory)
        self._account.scopes_failed = len(self._scopes.failed)
        for scope, reason in self._scopes.failed:
            self._store.runs.scope_failed(self._run, scope, masked_text(well_formed(reason)))

    def _confirm(self, source: Confirming, seen: Sightings) -> None:
        """A deletion needs evidence: what was not listed is looked at, where the listing had the chance to show it."""
        self._account.note("confirming")
        there = source.still_there(key for key in seen.unseen() if self._scopes.proves_absence(key))
        seen.add(there)
        self._account.counts[NOT_LISTED] = len(there)

    def _look(self, directory: str | None = None) -> None:
        """Records of the models that the listing has left behind, so that a long first crawl shows them meanwhile.

        `directory` is where the listing is; None when it has ended.
        """
        started = time.monotonic()
        parts = SourceGroups(self._source.id, self._manifest)
        self._account.start_writing()
        self._commit(self._looks.left_behind(parts, directory))
        self._account.count_as_new(self._looks.models)
        self._looks.took(time.monotonic() - started)

    def _hash_weights(self, absent: KeySet, hidden: KeySet) -> None:
        members = (member for member in members_of(self._manifest, absent) if member.object.key not in hidden)
        for step in hash_members(self._source, self._manifest, members, lease=self._lease):
            if step.error is not None:
                self._unhashed += 1
                self._account.problem(f"not hashed: {step.error}")
            else:
                self._account.counts["hashed"] += 1
                self._account.counts["bytes_read"] += step.bytes_read
            self._looks.touch(step.key)
            self._account.note("hashing")
            if self._looks.due():
                self._look()

    def _settle(
        self,
        absent: KeySet,
        hidden: KeySet,
        *,
        accepted: float,
        emptied: bool,
        reread: bool,
    ) -> bool:
        """False if the run is held: then no record has changed."""
        before = self._store.records.standing(self._source.id)
        quiet = not absent and not hidden and not before["unseen"] and not before[MISSING]
        if quiet and self._manifest.recipe() == self._recipe:
            self._store.records.settle_copies(lease=self._lease)
            self._account.counts["unchanged"] = before[LIVE]
            return True
        self._account.note("grouping")
        # What a first crawl took for models meanwhile is told from all models alone.
        is_partial = not reread and not self._is_unfinished
        around = self._surroundings(absent, before[LIVE]) if is_partial else None
        parts = self._parts(absent, around)
        seen, judgement = Survey(changed=parts.neighbourhoods), Judgement(verdicts=AllVerdicts())
        if hidden or any(before[state] for state in (LIVE, MISSING, GONE)):
            seen, judgement = self._survey(parts, absent, hidden, around, reread=reread)
        lost = judgement.verdicts.count(Fate.LOST)
        more_than_accepted = lost > accepted
        if more_than_accepted and judgement.needs_a_person(before[LIVE], emptied=emptied):
            self._account.would_lose = self._paths(judgement.verdicts.models(Fate.LOST))
            self._account.counts[WOULD_LOSE] = lost
            if around is not None:
                self._split.restore(absent)
            return False
        if absent:
            self._manifest.mark_missing(absent, lease=self._lease)
        self._account.start_writing(seen.models)
        self._account.counts["unchanged"] = seen.unchanged
        if around is not None:
            self._account.counts["unchanged"] += before[LIVE] - self._store.records.count_live(around.models)
        groups = ([group for part in batch for group in part.groups] for batch in parts.batches(seen.changed))
        written = self._commit(groups, judgement.verdicts, reread=reread)
        self._count(judgement, seen.unchanged + written)
        note_sight(self._store, seen.out_of_sight, seen.unseen, previous=self._previous, lease=self._lease)
        self._manifest.settled(self._recipe, lease=self._lease)
        if around is None:
            self._split.keep()
        return True

    @property
    def _is_unfinished(self) -> bool:
        """Whether the source was never crawled to its end, or records were made before its listing ended."""
        return self._looks.taken or self._previous is None

    def _paths(self, models: Iterator[ModelId]) -> tuple[str, ...]:
        """The places of these models in the source, in order."""
        paths: list[str] = []
        while page := list(islice(models, SHELVED_AT_ONCE)):
            paths += [row.path for row in self._store.records.shelved_of(page).values()]
        return tuple(sorted(paths))

    def _surroundings(self, absent: KeySet, live: int) -> Surroundings | None:
        """What is around the little that changed; None if it is much, or nobody knows what that is."""
        if not self._split.is_made:
            return None
        most = max(FEW_DIRECTORIES, live // MODELS_PER_DIRECTORY)
        directories = self._split.due_directories(absent, most=most)
        if not directories or len(directories) > most:  # or something is behind, and nothing tells where
            return None
        return self._split.around(absent)

    def _parts(self, absent: KeySet, around: Surroundings | None) -> SourceGroups:
        kept = KeptFiles()
        chosen = self._split.make(absent, kept) if around is None else around.neighbourhoods
        return SourceGroups(self._source.id, self._manifest, absent, chosen=chosen, kept=kept)

    def _survey(
        self,
        parts: SourceGroups,
        absent: KeySet,
        hidden: KeySet,
        around: Surroundings | None,
        *,
        reread: bool,
    ) -> tuple[Survey, Judgement]:
        """What is there, and what has become of the records of what is not. Nothing is written."""
        records = self._store.records
        with records.attendance(self._source.id) as attendance:
            seen = survey(parts, records, attendance, self._recipe, hidden=hidden, reread=reread)
            if around is not None:
                out_of_sight, unseen = sight(records, self._source.id, hidden)
                seen.out_of_sight |= out_of_sight - around.models
                seen.unseen |= unseen - around.models
            judge = Judge(
                self._store,
                self._run,
                attendance,
                partial(owners, parts),
                self._scopes,
                absent=absent,
                unfinished=self._is_unfinished,
            )
            return seen, judge.judge(None if around is None else around.models)

    def _commit(
        self, groups: Iterable[Sequence[Group]], verdicts: AllVerdicts | None = None, *, reread: bool = False
    ) -> int:
        """The records of these groups; how many there were."""
        recorder = Recorder(self._store, self._run, self._lease, makers=self._makers)
        writer = CommittingStage(self._source, recorder, self._account, verdicts)
        pairs = (compared(batch, self._store.records, self._recipe) for batch in groups)
        for page, changes in writer.recorded(writer.pages(pairs, reread=reread)):
            writer.write(page, changes)
        writer.depart()
        self._store.records.settle_copies(lease=self._lease)
        return writer.models

    def _makers(self, tasks: Iterable[Task]) -> Iterator[RecordChange]:
        return map(make, tasks) if self._pool is None else self._pool.work(tasks, make)

    def _count(self, judgement: Judgement, models: int) -> None:
        counts, verdicts = self._account.counts, judgement.verdicts
        counts["missing"] += verdicts.count(Fate.LOST)
        counts["moved"] += verdicts.count(Fate.MOVED)
        counts["gone"] += verdicts.count(Fate.GONE) - judgement.mistakes
        if self._looks.taken:
            self._account.count_as_new(models)

    def _state(self) -> RunState:
        incomplete = (
            self._scopes.failed
            or self._store.health.unread_files(self._source.id, 1)
            or self._unhashed
            or self._registry.unavailable
            or self._reading.broken
        )
        return RunState.PARTIAL if incomplete else RunState.COMPLETE


def _listed_all(run: Run) -> bool:
    """Whether the run knew in the end of all that is there, and of all that is not: then what it knows may stand for a listing."""
    return run.state is RunState.COMPLETE or (
        run.state is RunState.PARTIAL and not run.counts.get("scopes_failed")
    )


__all__ = ["CrawlReport", "Progress", "crawl"]
