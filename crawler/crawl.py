"""The conductor: one crawl of one source, from its listing to committed records."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from catalog.errors import ObjectUnreadable, SourceError
from catalog.records import (
    Group,
    Member,
    ModelId,
    ObjectKey,
    ObjectMeta,
    Run,
    RunState,
    display_key,
    model_id,
)
from catalog.settings import Settings
from catalog.store import Store
from catalog.store.leases import Lease
from catalog.store.manifest import Entry, Manifest, Sightings
from catalog.store.records import GONE, LIVE, MISSING, RecordChange
from catalog.text.folding import well_formed
from crawler import early, fingerprints
from crawler.grouping.groups import group
from crawler.hashing_run import hash_weights
from crawler.reader import Budget
from crawler.reading import ObjectReader, Outcome, Registry
from crawler.reconciliation import Scopes, Verdicts, judge_missing, judge_vanished
from crawler.source import Source
from crawler.whole_readings import WholeReadings

BATCH_OBJECTS = 500
PAGE_OBJECTS = 200
PAGE_SECONDS = 2.0
PAGE_MODELS = 100
RECIPE = "2"
"""Goes up when grouping or normalising would make other documents of the same readings."""


WRITTEN = ("new", "changed", "unchanged")
"""What writing records counts; together the models that are done."""

COUNTED = (
    "models",
    "new",
    "changed",
    "unchanged",
    "moved",
    "missing",
    "gone",
    "failed",
    "risks",
    "objects",
    "opened",
    "bytes_read",
    "hashed",
    "missing_total",
    "scopes_failed",
    "would_lose",
)
"""What every report counts; models and files unless the name says otherwise."""


@dataclass(slots=True)
class Progress:
    """What a terminal may show while a crawl runs."""

    phase: str = "listing"
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlReport:
    """How a crawl ended. `unread` names files that could not be read and why, `skipped` what was left out on purpose."""

    run: Run
    counts: dict[str, int]
    unread: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    would_lose: tuple[str, ...] = ()


def crawl(
    store: Store,
    source: Source,
    settings: Settings,
    *,
    accept: bool = False,
    reread: bool = False,
    hash_weights: bool = False,
    registry: Registry | None = None,
    watch: Callable[[Progress], None] = lambda _progress: None,
) -> CrawlReport:
    """Brings the records of the source up to date. `accept` lets a run lose more models than the guard allows,
    `reread` reads every file again, `hash_weights` reads weights to their end for hashes of bytes that are not known
    yet. Raises WriterBusy, StoreError, and SourceError if the root cannot be listed.
    """
    with store.source_lease(source.id) as lease:
        return _Crawl(store, source, settings, lease, registry or Registry.installed(), watch).go(
            accept=accept, reread=reread, hash_weights=hash_weights
        )


class _Crawl:
    def __init__(
        self,
        store: Store,
        source: Source,
        settings: Settings,
        lease: Lease,
        registry: Registry,
        watch: Callable[[Progress], None],
    ) -> None:
        self._store = store
        self._source = source
        self._lease = lease
        self._registry = registry
        self._manifest: Manifest = store.manifest(source.id)
        self._readings = WholeReadings(self._manifest)
        budget = Budget(
            requests=settings.file_requests, bytes=settings.file_bytes, seconds=settings.file_seconds
        )
        self._reader = ObjectReader(source, registry, budget)
        self._scopes = Scopes()
        self._progress = Progress()
        self._counts = self._progress.counts
        self._watch = watch
        self._problems: list[str] = list(registry.unavailable)
        self._skipped: list[tuple[str, str]] = []
        self._lost: tuple[str, ...] = ()
        self._unhashed = 0
        self._early = early.EarlyLooks()
        self._recipe = f"{RECIPE}:{registry.fingerprint}"
        self._previous = store.runs.last_finished(source.id)
        self._superseding: set[ModelId] = set()

    def go(self, *, accept: bool, reread: bool, hash_weights: bool) -> CrawlReport:
        """The numbered list: list, diff, read, judge what is absent, group, normalise, commit."""
        run = self._store.runs.start(self._source.id, self._source.uri, self._lease)
        state = RunState.INTERRUPTED
        try:
            with self._manifest.sightings() as seen:
                had_objects = bool(sum(self._manifest.counts().values()))
                if not had_objects and not self._store.records.shelved(self._source.id):
                    self._early.allow()
                self._list_and_read(run, seen, reread=reread)
                unseen = list(seen.unseen())
                emptied = had_objects and seen.count() == 0 and not self._scopes.failed
            absent = [key for key in unseen if self._scopes.proves_absence(key)]
            hidden = set(unseen) - set(absent)
            if hash_weights:
                self._hash_weights(run, set(unseen))
            if not self._settle(run, absent, hidden, accept=accept, emptied=emptied, reread=reread):
                state = RunState.HELD
            else:
                state = self._state()
        except SourceError:
            state = RunState.FAILED
            raise
        finally:
            self._problems += [said for said in self._registry.unavailable if said not in self._problems]
            self._count_up()
            run = self._store.runs.finish(
                run, state, {name: self._counts[name] for name in COUNTED}, self._problems
            )
        return CrawlReport(
            run=run,
            counts=dict(run.counts),
            unread=tuple((display_key(key), reason) for key, reason in self._manifest.unread(200)),
            problems=tuple(self._problems),
            skipped=tuple((display_key(key), reason) for key, reason in self._skipped),
            would_lose=self._lost,
        )

    # 1. list, 2. diff against the manifest, 3. read what changed, page by page

    def _list_and_read(self, run: Run, seen: Sightings, *, reread: bool) -> None:
        page: list[Outcome] = []
        written = time.monotonic()
        for meta, before in self._changed(seen, reread=reread):
            page.append(self._read(meta, before))
            if len(page) >= PAGE_OBJECTS or time.monotonic() - written > PAGE_SECONDS:
                self._write(page)
                if self._early.due():
                    self._look_early(run, meta.key.rpartition("/")[0])
                written = time.monotonic()
        self._write(page)

    def _changed(self, seen: Sightings, *, reread: bool) -> Iterator[tuple[ObjectMeta, Entry | None]]:
        """The listed objects that are not as the manifest has them."""
        for batch in _batches(self._steps()):
            seen.add(meta.key for meta in batch)
            known = self._manifest.entries([meta.key for meta in batch])
            self._counts["objects"] += len(batch)
            for meta in batch:
                before = known.get(meta.key)
                if reread or not self._is_current(meta, before):
                    yield meta, before
            self._watch(self._progress)

    def _steps(self) -> Iterator[tuple[ObjectMeta, ...]]:
        """The batches of the listing; how its scopes ended is noted on the way."""
        try:
            for step in self._source.list():
                self._skipped.extend(step.skipped[: max(0, 1000 - len(self._skipped))])
                if step.error is not None:
                    self._scopes.failed_with(step.scope, str(step.error))
                    self._problems.append(well_formed(str(step.error)))
                elif step.complete:
                    self._scopes.ended(step.scope)
                yield step.objects
        except ObjectUnreadable:
            raise  # the root itself: there is nothing to go on with
        except SourceError as error:
            self._broke_off(str(error))
        except Exception as error:  # noqa: BLE001 - a stranger's source that breaks has not shown that anything is absent
            self._broke_off(f"the listing broke off: {type(error).__name__}: {error}")

    def _broke_off(self, reason: str) -> None:
        self._scopes.broken_off = True
        self._scopes.failed.append(("", reason))
        self._problems.append(well_formed(reason))

    def _is_current(self, meta: ObjectMeta, before: Entry | None) -> bool:
        return (
            before is not None
            and before.state == LIVE
            and before.object.change_token == meta.change_token
            and self._registry.still_holds(before)
        )

    def _read(self, meta: ObjectMeta, before: Entry | None) -> Outcome:
        outcome = self._reader.read(meta, before)
        self._counts["opened"] += outcome.opened
        self._counts["bytes_read"] += outcome.bytes_read
        self._progress.phase = "reading"
        self._watch(self._progress)
        return outcome

    def _write(self, page: list[Outcome]) -> None:
        self._manifest.put([(outcome.entry, outcome.extraction) for outcome in page], lease=self._lease)
        page.clear()

    def _look_early(self, run: Run, directory: str | None = None) -> None:
        """Records of the models that the listing has left behind, so that a long first crawl shows them meanwhile.

        `directory` is where the listing is; None when it has ended.
        """
        started = time.monotonic()
        groups = group(self._source.id, self._members(set()))
        if directory is not None:
            groups = early.finished(groups, directory)
        shelved = self._store.records.shelved(self._source.id)
        known = {model: row.signature for model, row in shelved.items()}
        self._commit(run, groups, known, self._recipe, Verdicts())
        self._count_as_new(groups)
        self._readings = WholeReadings(self._manifest)  # what is hashed from here on says more
        self._early.took(time.monotonic() - started)

    def _count_as_new(self, groups: Sequence[Group]) -> None:
        """Whatever a first crawl did in several steps, to its reader all is new."""
        for name in WRITTEN:
            self._counts[name] = 0
        self._counts["new"] = len(groups)

    def _hash_weights(self, run: Run, unseen: set[ObjectKey]) -> None:
        for step in hash_weights(self._source, self._manifest, self._members(unseen), lease=self._lease):
            if step.error is not None:
                self._unhashed += 1
                self._problems.append(well_formed(f"not hashed: {step.error}"))
            else:
                self._counts["hashed"] += 1
                self._counts["bytes_read"] += step.bytes_read
            self._progress.phase = "hashing"
            self._watch(self._progress)
            if self._early.due():
                self._look_early(run)

    # 4. judge what is absent, 5. group, 6. normalise, 7. commit

    def _settle(
        self,
        run: Run,
        absent: Sequence[ObjectKey],
        hidden: set[ObjectKey],
        *,
        accept: bool,
        emptied: bool,
        reread: bool,
    ) -> bool:
        """False if the run is held: then no record has changed."""
        before = self._store.records.standing(self._source.id)
        quiet = not absent and not hidden and not before["unseen"] and not before[MISSING]
        if quiet and self._manifest.recipe() == self._recipe:
            self._counts["unchanged"] = before[LIVE]
            return True
        self._progress.phase = "grouping"
        self._watch(self._progress)
        groups = group(self._source.id, self._members(set(absent)))
        shelved = self._store.records.shelved(self._source.id)
        ids = {model_id(made.source, made.key) for made in groups}
        absentees = [model for model in shelved if model not in ids]
        file_keys = {
            model: tuple(map(ObjectKey, keys))
            for model, keys in self._store.records.file_keys(absentees).items()
        }
        mistakes: set[ModelId] = set()
        if self._early.taken or self._previous is None:
            live = [model for model in absentees if shelved[model].state == LIVE]
            mistakes = early.mistakes(live, file_keys, self._manifest, set(absent))
        founded = {model: row for model, row in shelved.items() if model not in mistakes}
        verdicts = judge_vanished(groups, founded, file_keys)
        if not accept and (verdicts.too_many(before[LIVE]) or (emptied and verdicts.lost)):
            self._lost = tuple(sorted(shelved[model].path for model in verdicts.lost))
            self._counts["would_lose"] = len(verdicts.lost)
            return False
        verdicts.gone += judge_missing(
            [shelved[model] for model in absentees], file_keys, self._scopes, run=run.id, now=run.started_at
        )
        verdicts.gone += sorted(mistakes)
        if absent:
            self._manifest.mark_missing(absent, lease=self._lease)
        self._commit(
            run,
            groups,
            {} if reread else {model: row.signature for model, row in shelved.items() if row.state == LIVE},
            self._recipe,
            verdicts,
        )
        self._mark(run, verdicts)
        self._counts["gone"] -= len(mistakes)
        if self._early.taken:
            self._count_as_new(groups)
        self._note_sight(groups, hidden, {model for model, row in shelved.items() if row.unseen})
        for model in verdicts.gone:
            self._manifest.forget(file_keys.get(model, ()), lease=self._lease)
        self._manifest.settled(self._recipe, lease=self._lease)
        return True

    def _members(self, absent: set[ObjectKey]) -> list[Member]:
        """The files that say something about models, and those that they name as their data."""
        entries = [entry for entry in self._manifest.models_files() if entry.object.key not in absent]
        members = [Member(object=entry.object, extraction=entry.outline) for entry in entries]
        known = {member.object.key for member in members}
        named = {key for member in members for key in _referenced(member)} - known - absent
        data = [entry for entry in self._manifest.entries(sorted(named)).values() if entry.state == LIVE]
        return members + [
            Member(object=entry.object, extraction=None) for entry in data if entry.outline is None
        ]

    def _commit(
        self, run: Run, groups: Sequence[Group], before: dict[ModelId, str], recipe: str, verdicts: Verdicts
    ) -> None:
        self._progress.phase = "normalising"
        origins = {new: old for old, new in {**verdicts.superseded, **verdicts.moved}.items()}
        self._superseding = set(verdicts.superseded.values()) - set(verdicts.moved.values())
        page: list[tuple[Group, str]] = []
        for name in WRITTEN:
            self._counts[name] = 0  # an early look counted them, too
        self._counts["groups"] = len(groups)
        for made in groups:
            model, signature = model_id(made.source, made.key), fingerprints.signature(made, recipe)
            if before.get(model) == signature:
                self._counts["unchanged"] += 1
            else:
                page.append((made, signature))
            if len(page) >= PAGE_MODELS:
                self._commit_page(run, page, origins)
        self._commit_page(run, page, origins)

    def _commit_page(self, run: Run, page: list[tuple[Group, str]], origins: dict[ModelId, ModelId]) -> None:
        if not page:
            return
        groups = self._readings.filled(made for made, _ in page)
        signatures = [signature for _, signature in page]
        changes = [
            self._change(run, made, signature, origins)
            for made, signature in zip(groups, signatures, strict=True)
        ]
        done = self._store.records.commit(changes, lease=self._lease, seen=run.started_at)
        self._counts["new"] += sum(model not in origins for model in done.new)
        self._counts["changed"] += len(done.changed) + len(self._superseding.intersection(done.new))
        self._counts["unchanged"] += len(done.unchanged)
        page.clear()
        self._watch(self._progress)

    def _change(self, run: Run, made: Group, signature: str, origins: dict[ModelId, ModelId]) -> RecordChange:
        from catalog.normalise.record import normalise  # noqa: PLC0415 - a crawl that finds nothing new needs no normaliser

        record = normalise(made, now=run.started_at)
        document = record.document
        return RecordChange(
            record=replace(record, document=_placed(self._source, made, document)),
            signature=signature,
            fingerprint=document.get("content_hash") or fingerprints.contents(made),
            tensors=document.get("tensors_hash"),
            identity=fingerprints.identity(made),
            moved_from=origins.get(record.id),
        )

    def _mark(self, run: Run, verdicts: Verdicts) -> None:
        states = dict.fromkeys([*verdicts.lost, *verdicts.moved], MISSING)
        states |= dict.fromkeys([*verdicts.gone, *verdicts.superseded], GONE)
        if states:
            where = {**verdicts.moved, **verdicts.superseded}
            self._store.records.mark(states, lease=self._lease, run=run.id, moved=where)
        self._counts["missing"] += len(verdicts.lost)
        self._counts["moved"] += len(verdicts.moved)
        self._counts["gone"] += len(verdicts.gone)

    def _note_sight(self, groups: Sequence[Group], hidden: set[ObjectKey], unseen: set[ModelId]) -> None:
        """Models all of whose files are where this run could not look keep the date of their last sight."""
        out_of_sight = {
            model_id(made.source, made.key)
            for made in groups
            if hidden and made.members and all(member.object.key in hidden for member in made.members)
        }
        since = self._previous.started_at if self._previous else None
        if out_of_sight - unseen:
            self._store.records.note_unseen(sorted(out_of_sight - unseen), since=since, lease=self._lease)
        present = {model_id(made.source, made.key) for made in groups}
        if unseen & present - out_of_sight:
            self._store.records.note_seen(sorted(unseen & present - out_of_sight), lease=self._lease)

    # 8. account

    def _count_up(self) -> None:
        readings = self._manifest.counts()
        standing = self._store.records.standing(self._source.id)
        self._counts["failed"] = readings.get("failed", 0) + readings.get("retry", 0)
        self._counts["models"] = standing[LIVE]
        self._counts["missing_total"] = standing[MISSING]
        self._counts["risks"] = standing["risky"]
        self._counts["scopes_failed"] = len(self._scopes.failed)

    def _state(self) -> RunState:
        readings = self._manifest.counts()
        unread = readings.get("failed", 0) + readings.get("retry", 0)
        incomplete = self._scopes.failed or unread or self._unhashed or self._registry.unavailable
        return RunState.PARTIAL if incomplete else RunState.COMPLETE


def _batches(steps: Iterable[Sequence[ObjectMeta]]) -> Iterator[list[ObjectMeta]]:
    """Many small directories as few large batches: each costs a query and a transaction."""
    batch: list[ObjectMeta] = []
    for step in steps:
        batch.extend(step)
        if len(batch) >= BATCH_OBJECTS:
            yield batch
            batch = []
    if batch:
        yield batch


def _referenced(member: Member) -> Iterator[ObjectKey]:
    folder = member.object.key.rpartition("/")[0]
    for reference in member.extraction.references if member.extraction else ():
        yield ObjectKey(f"{folder}/{reference.name}" if folder else reference.name)


def _placed(source: Source, made: Group, document: dict[str, object]) -> dict[str, object]:
    """The document with the place where a person finds the model: its one file, or its directory."""
    files = [member.object.key for member in made.members if fingerprints.is_weights_file(member)]
    if made.kind == "file" and len(files) == 1:
        key = files[0]
    elif made.kind == "run":
        key = _shared_file(made) or ObjectKey(made.key.partition("#")[0])
    elif made.kind in {"file", "shards"}:
        key = ObjectKey(made.key.rpartition("/")[0] or ".")
    elif made.kind == "directory" and files and made.key != "." and not files[0].startswith(f"{made.key}/"):
        key = ObjectKey(
            "/".join(files[0].split("/")[: made.key.count("/") + 1])
        )  # a package, whose suffix the key leaves out
    else:
        key = ObjectKey(made.key)
    uri = source.uri_of(ObjectKey("" if key == "." else key))
    locations = [uri, *map(source.uri_of, made.copies)]
    return {**document, "path": display_key(key), "uri": uri, "locations": locations}


def _shared_file(made: Group) -> ObjectKey | None:
    """The one file that tells of this run and of others: a tracker's database."""
    if len({member.object.key for member in made.members}) != 1:
        return None
    (first, *_) = made.members
    shared = first.extraction is not None and len({subject.id for subject in first.extraction.subjects}) > 1
    return first.object.key if shared else None
