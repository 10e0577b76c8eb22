"""What a run may conclude from what it did not see: missing, moved, gone, or nothing at all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from catalog.lazy_dataclasses import dataclass
from catalog.recording.prints import WEIGHTS, same_files
from catalog.records import Group, Member, ModelId, ObjectKey, Run
from catalog.store import Store
from catalog.store.attendance import Attendance, Attendee, Shelved
from catalog.store.leases import Lease
from catalog.store.manifest import Manifest
from catalog.store.records import LIVE, MISSING, Records
from catalog.store.runs import PastListing
from crawler.grouping.draft import upwards
from crawler.stages import interim
from crawler.stages.arrivals import Arrivals
from crawler.stages.verdicts import AllVerdicts, Fate, Verdicts

PAGE_MODELS = 500
CLAIMS_AT_ONCE = 100
GRACE = timedelta(hours=1)
LONGEST_TRUSTED = timedelta(days=1)
"""Between two runs. More may be a clock that was wrong at one of them, and counts as half of the grace."""


class Scopes:
    """Which scopes a run listed to their end.

    A scope that ended where the one around it had ended before says nothing that this does not say: it is not kept, so that
    a source of many directories takes no memory for them. Should the one around it fail later all the same, what is below it
    counts as not looked at.
    """

    def __init__(self) -> None:
        self._ended: dict[str, bool] = {}
        self.failed: list[tuple[str, str]] = []
        self.broken_off = False

    def ended(self, scope: str) -> None:
        if scope in self._ended or not self._is_listed(upwards(scope)):
            self._ended[scope] = True

    def failed_with(self, scope: str, reason: str) -> None:
        self._ended[scope] = False
        self.failed.append((scope, reason))

    def broke_off(self, reason: str) -> None:
        """The listing itself ended before its time."""
        self.broken_off = True
        self.failed.append(("", reason))

    def proves_absence(self, key: str) -> bool:
        """Whether the innermost listed scope around the key was listed to its end: one that failed protects all below."""
        return not self.broken_off and self._is_listed(upwards(key.rpartition("/")[0]))

    def _is_listed(self, scopes: Iterable[str]) -> bool:
        """Whether the innermost of these scopes, from the inside out, that was listed was listed to its end."""
        return next((self._ended[scope] for scope in scopes if scope in self._ended), False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a run concludes of the records of its source. `mistakes` counts the gone ones that never were models."""

    verdicts: AllVerdicts
    mistakes: int = 0

    def needs_a_person(self, live: int, *, emptied: bool) -> bool:
        """Whether so much would be lost that nothing may change by itself."""
        return self.verdicts.too_many(live) or bool(emptied and self.verdicts.count(Fate.LOST))


Owners = Callable[[Iterable[ObjectKey], AbstractSet[ObjectKey]], Mapping[ObjectKey, ModelId]]
"""The models that are there and have these files, by key; the second ones were weights of what is not there."""


class Judge:
    """Judges the records of a source page by page. `unfinished`: it was never crawled to its end, so that a record may be an
    interim one that never was a model.
    """

    def __init__(
        self,
        store: Store,
        run: Run,
        attendance: Attendance,
        owners: Owners,
        scopes: Scopes,
        *,
        absent: Collection[ObjectKey],
        unfinished: bool,
    ) -> None:
        self._store = store
        self._run = run
        self._attendance = attendance
        self._owners = owners
        self._scopes = scopes
        self._absent = absent
        self._unfinished = unfinished
        self._manifest = store.manifest(run.source)
        self._arrivals = Arrivals(attendance.sharing, attendance.give_away)
        self._mistakes = 0

    def judge(self, among: Collection[ModelId] | None) -> Judgement:
        """What became of every record of the source, or of those `among` which alone anything can have changed."""
        present, past = self._first_look(among)
        verdicts = AllVerdicts()
        for page in self._pages(among):
            verdicts.take(self._judged(page, present, past))
        return Judgement(verdicts=verdicts, mistakes=self._mistakes)

    def _pages(self, among: Collection[ModelId] | None) -> Iterator[list[Shelved]]:
        absentees = self._attendance.vanished() if among is None else self._attendance.vanished_of(among)
        while page := list(islice(absentees, PAGE_MODELS)):
            yield page

    def _first_look(
        self, among: Collection[ModelId] | None
    ) -> tuple[Mapping[ObjectKey, ModelId], Sequence[PastListing]]:
        """Which models have now the files of such as are not there, and the listings since the first of these went missing."""
        there: set[ObjectKey] = set()
        weights: set[ObjectKey] = set()
        missed_by: set[int] = set()
        for page in self._pages(among):
            missed_by |= {row.missing_run or 0 for row in page if row.state == MISSING}
            files = self._store.records.file_keys([row.id for row in page if row.state == LIVE])
            vanished, _ = self._vanished(page, files)
            present = {key for row in vanished for key in files.get(row.id, ()) if key not in self._absent}
            if present:
                there |= present
                former = former_weights(self._store.records, vanished)
                weights |= present.intersection(key for keys in former.values() for key in keys)
        past = self._store.runs.listings_after(self._run.source, min(missed_by)) if missed_by else []
        return self._owners(there, weights) if there else {}, past

    def _judged(
        self, page: Sequence[Shelved], present: Mapping[ObjectKey, ModelId], past: Sequence[PastListing]
    ) -> Verdicts:
        records, manifest = self._store.records, self._manifest
        file_keys = records.file_keys([row.id for row in page])
        vanished, mistakes = self._vanished(page, file_keys)
        proven = partial(prove_moves, manifest, file_keys)
        verdicts = judge_vanished(vanished, file_keys, present, self._arrivals, proven)
        set_aside(verdicts, former_weights(records, vanished), manifest, self._absent)
        verdicts.gone += judge_missing(page, file_keys, self._scopes, run=self._run, past=past)
        verdicts.gone += sorted(mistakes)
        self._mistakes += len(mistakes)
        return verdicts

    def _vanished(
        self, page: Sequence[Shelved], file_keys: Mapping[ModelId, Sequence[ObjectKey]]
    ) -> tuple[list[Shelved], set[ModelId]]:
        """The live records of the page that were models, and those that never were any."""
        live = [row for row in page if row.state == LIVE]
        mistakes: set[ModelId] = set()
        if self._unfinished:
            mistakes = interim.mistakes([row.id for row in live], file_keys, self._manifest, self._absent)
        return [row for row in live if row.id not in mistakes], mistakes


def former_weights(records: Records, vanished: Iterable[Shelved]) -> Mapping[ModelId, Sequence[ObjectKey]]:
    """The files that were the weights of each of these models."""
    return records.file_keys([row.id for row in vanished], WEIGHTS)


def set_aside(
    verdicts: Verdicts,
    weights: Mapping[ModelId, Sequence[ObjectKey]],
    manifest: Manifest,
    absent: Collection[ObjectKey],
) -> None:
    """Lost models whose weights all lie where they were and hold tensors as before are gone at once: what groups files knows
    better than it did, and takes them for a trainer's state. Nothing is missing.
    """
    lost = [
        model
        for model in verdicts.lost
        if weights.get(model) and not any(key in absent for key in weights[model])
    ]
    entries = manifest.entries(sorted({key for model in lost for key in weights[model]}))
    kept = {
        key
        for key, entry in entries.items()
        if entry.state == LIVE and entry.outline is not None and entry.outline.role in WEIGHTS
    }
    aside = {model for model in lost if kept.issuperset(weights[model])}
    verdicts.lost = [model for model in verdicts.lost if model not in aside]
    verdicts.gone += sorted(aside)


def note_sight(
    store: Store,
    out_of_sight: set[ModelId],
    unseen: set[ModelId],
    *,
    previous: Run | None,
    lease: Lease,
) -> None:
    """Models all of whose files are where this run could not look keep the date of their last sight. `unseen` are those
    that are there, and that an earlier run could not look at.
    """
    since = previous.started_at if previous else None
    if out_of_sight - unseen:
        store.records.note_unseen(sorted(out_of_sight - unseen), since=since, lease=lease)
    if unseen - out_of_sight:
        store.records.note_seen(sorted(unseen - out_of_sight), lease=lease)


def is_hidden(group: Group, hidden: Collection[ObjectKey]) -> bool:
    """Whether all files of the model are where a run could not look."""
    return bool(hidden and group.members) and all(member.object.key in hidden for member in group.members)


def judge_vanished(
    vanished: Sequence[Shelved],
    file_keys: Mapping[ModelId, Sequence[ObjectKey]],
    owners: Mapping[ObjectKey, ModelId],
    arrivals: Arrivals,
    proven: Callable[[Sequence[tuple[ModelId, Attendee]]], Iterable[ModelId]],
) -> Verdicts:
    """Every live record whose model is not there: superseded if its files are now part of another model, moved if they
    are provably elsewhere, else lost. `proven` are those that the files of a model with the same inodes show as moved.
    """
    verdicts = Verdicts()
    rest: list[Shelved] = []
    for row in vanished:
        owner = next((owners[key] for key in file_keys.get(row.id, ()) if key in owners), None)
        if owner is None:
            rest.append(row)
        else:
            verdicts.superseded[row.id] = owner
    if not rest:
        return verdicts
    arrivals.look_for(rest)
    claims: list[tuple[ModelId, Attendee]] = []
    for row in rest:
        target, certain = arrivals.take(row)
        if target is None:
            continue
        if certain:
            verdicts.moved[row.id] = target.id
        else:
            claims.append((row.id, target))
    accepted = set(proven(claims))
    verdicts.moved |= {model: target.id for model, target in claims if model in accepted}
    verdicts.lost += [row.id for row in rest if row.id not in verdicts.moved]
    return verdicts


def prove_moves(
    manifest: Manifest,
    file_keys: Mapping[ModelId, Sequence[ObjectKey]],
    claims: Sequence[tuple[ModelId, Attendee]],
) -> Iterator[ModelId]:
    """Those of the models whose files say the same as the files with their inodes say now: an inode is given again as
    soon as its file is deleted, and size and time can be equal, too.
    """
    for start in range(0, len(claims), CLAIMS_AT_ONCE):
        page = claims[start : start + CLAIMS_AT_ONCE]
        keys = {key for model, target in page for key in (*file_keys.get(model, ()), *target.weights)}
        metas = {key: entry.object for key, entry in manifest.entries(sorted(keys)).items()}
        extractions = manifest.extractions(sorted(keys))

        def files(keys: Iterable[ObjectKey]) -> list[Member]:
            return [
                Member(object=metas[key], extraction=extractions.get(key))  # noqa: B023 - called in this turn of the loop only
                for key in keys
                if key in metas  # noqa: B023 - the same
            ]

        for model, target in page:
            if same_files(files(file_keys.get(model, ())), files(target.weights)):
                yield model


def judge_missing(
    shelved: Iterable[Shelved],
    file_keys: Mapping[ModelId, Sequence[ObjectKey]],
    scopes: Scopes,
    *,
    run: Run,
    past: Sequence[PastListing],
) -> list[ModelId]:
    """Missing records that are gone: after the run that missed them, an earlier one and this one proved again that they
    are absent, and an hour or more went by. The clock alone proves nothing: it may have been wrong once.
    """
    return [
        row.id
        for row in shelved
        if row.state == MISSING
        and row.missing_since is not None
        and file_keys.get(row.id)
        and all(scopes.proves_absence(key) for key in file_keys[row.id])
        and (proofs := _proofs(row, file_keys[row.id], past))
        and trusted_time([row.missing_since, *proofs, run.started_at]) >= GRACE
    ]


def trusted_time(instants: Sequence[datetime]) -> timedelta:
    """How long this took, told by runs in the order in which they happened, one of whose clocks may have been wrong."""
    total = timedelta()
    for earlier, later in itertools.pairwise(instants):
        gap = later - earlier
        total += GRACE / 2 if gap > LONGEST_TRUSTED else max(gap, timedelta())
    return total


def _proofs(row: Shelved, keys: Sequence[ObjectKey], past: Sequence[PastListing]) -> list[datetime]:
    """When runs after the one that missed the record showed again that its files are absent."""
    return [
        listing.started_at
        for listing in past
        if listing.run > (row.missing_run or 0)
        and all(listing.proves_absence(upwards(key.rpartition("/")[0])) for key in keys)
    ]
