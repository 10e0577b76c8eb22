"""What a run may conclude from what it did not see: missing, moved, gone, or nothing at all."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from catalog.recording.prints import WEIGHTS, contents, identity
from catalog.records import Group, ModelId, ObjectKey, Run, model_id
from catalog.store import Store
from catalog.store.leases import Lease
from catalog.store.records import LIVE, MISSING, Shelved
from catalog.store.runs import PastListing
from crawler.grouping.draft import name_of, upwards
from crawler.stages import interim

GUARD_MODELS = 50
GUARD_SHARE = 0.10
GRACE = timedelta(hours=1)
LONGEST_TRUSTED = timedelta(days=1)
"""Between two runs. More may be a clock that was wrong at one of them, and counts as half of the grace."""


class Scopes:
    """Which scopes a run listed to their end."""

    def __init__(self) -> None:
        self._ended: dict[str, bool] = {}
        self.failed: list[tuple[str, str]] = []
        self.broken_off = False

    def ended(self, scope: str) -> None:
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
        if self.broken_off:
            return False
        for scope in upwards(key.rpartition("/")[0]):
            if scope in self._ended:
                return self._ended[scope]
        return False


@dataclass(slots=True)
class Verdicts:
    """What becomes of records whose group is not there any more."""

    lost: list[ModelId] = field(default_factory=list)
    moved: dict[ModelId, ModelId] = field(default_factory=dict)
    superseded: dict[ModelId, ModelId] = field(default_factory=dict)
    gone: list[ModelId] = field(default_factory=list)

    def origins(self) -> dict[ModelId, ModelId]:
        """New model -> the one that it was before."""
        return {new: old for old, new in {**self.superseded, **self.moved}.items()}

    def replacing(self) -> set[ModelId]:
        """Models that took in others where they are: they changed, rather than that they are new."""
        return set(self.superseded.values()) - set(self.moved.values())

    def too_many(self, live: int) -> bool:
        """Whether so much would be lost that a person has to look first."""
        return len(self.lost) > max(GUARD_MODELS, GUARD_SHARE * live)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a run concludes of the records of its source, and what they were before."""

    verdicts: Verdicts
    shelved: Mapping[ModelId, Shelved]
    mistakes: frozenset[ModelId]

    def needs_a_person(self, live: int, *, emptied: bool) -> bool:
        """Whether so much would be lost that nothing may change by itself."""
        return self.verdicts.too_many(live) or bool(emptied and self.verdicts.lost)

    def paths_lost(self) -> tuple[str, ...]:
        return tuple(sorted(self.shelved[model].path for model in self.verdicts.lost))

    def signatures(self) -> dict[ModelId, str]:
        """What the live records were made of."""
        return {model: row.signature for model, row in self.shelved.items() if row.state == LIVE}

    def unseen(self) -> set[ModelId]:
        """Those that an earlier run could not look at."""
        return {model for model, row in self.shelved.items() if row.unseen}


def judge(
    store: Store,
    run: Run,
    groups: Sequence[Group],
    scopes: Scopes,
    *,
    absent: set[ObjectKey],
    unfinished: bool,
) -> Judgement:
    """What became of every record of the source. `unfinished`: it was never crawled to its end, so that a record may be
    an interim one that never was a model.
    """
    shelved = store.records.shelved(run.source)
    ids = {model_id(group.source, group.key) for group in groups}
    absentees = [row for model, row in shelved.items() if model not in ids]
    file_keys = store.records.file_keys([row.id for row in absentees])
    mistakes: set[ModelId] = set()
    if unfinished:
        live = [row.id for row in absentees if row.state == LIVE]
        mistakes = interim.mistakes(live, file_keys, store.manifest(run.source), absent)
    founded = {model: row for model, row in shelved.items() if model not in mistakes}
    verdicts = judge_vanished(groups, founded, file_keys)
    missing = [row for row in absentees if row.state == MISSING]
    if missing:
        first = min(row.missing_run or 0 for row in missing)
        past = store.runs.listings_after(run.source, first)
        verdicts.gone += judge_missing(missing, file_keys, scopes, run=run, past=past)
    verdicts.gone += sorted(mistakes)
    return Judgement(verdicts=verdicts, shelved=shelved, mistakes=frozenset(mistakes))


def note_sight(
    store: Store,
    groups: Sequence[Group],
    hidden: set[ObjectKey],
    unseen: set[ModelId],
    *,
    previous: Run | None,
    lease: Lease,
) -> None:
    """Models all of whose files are where this run could not look keep the date of their last sight."""
    out_of_sight = {
        model_id(group.source, group.key)
        for group in groups
        if hidden and group.members and all(member.object.key in hidden for member in group.members)
    }
    since = previous.started_at if previous else None
    if out_of_sight - unseen:
        store.records.note_unseen(sorted(out_of_sight - unseen), since=since, lease=lease)
    present = {model_id(group.source, group.key) for group in groups}
    if unseen & present - out_of_sight:
        store.records.note_seen(sorted(unseen & present - out_of_sight), lease=lease)


def judge_vanished(
    groups: Sequence[Group],
    shelved: Mapping[ModelId, Shelved],
    file_keys: Mapping[ModelId, Sequence[ObjectKey]],
) -> Verdicts:
    """Every live record without a group: moved if its files are provably elsewhere, superseded if they are now part
    of another model, else lost.
    """
    verdicts = Verdicts()
    present = {model_id(group.source, group.key): group for group in groups}
    vanished = [row for model, row in shelved.items() if row.state == LIVE and model not in present]
    if not vanished:
        return verdicts
    owners = _owners(present)
    arrivals = {
        model: group
        for model, group in present.items()
        if model not in shelved or shelved[model].state != LIVE
    }
    by_identity = _index((identity(group), model) for model, group in arrivals.items())
    by_contents = _index((contents(group), model) for model, group in arrivals.items())
    for row in vanished:
        owner = next((owners[key] for key in file_keys.get(row.id, ()) if key in owners), None)
        if owner is not None:
            verdicts.superseded[row.id] = owner
            continue
        taken = set(verdicts.moved.values())
        candidates = by_identity.get(row.identity or "", []) or by_contents.get(row.fingerprint or "", [])
        free = [model for model in candidates if model not in taken]
        target = _most_alike(row.path, free, present)
        if target is None:
            verdicts.lost.append(row.id)
        else:
            verdicts.moved[row.id] = target
    return verdicts


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


def _owners(present: Mapping[ModelId, Group]) -> dict[ObjectKey, ModelId]:
    return {
        member.object.key: model
        for model, group in present.items()
        for member in group.members
        if member.extraction is None or member.extraction.role in WEIGHTS
    }


def _index(pairs: Iterable[tuple[str | None, ModelId]]) -> dict[str, list[ModelId]]:
    by_print: dict[str, list[ModelId]] = {}
    for print_, model in pairs:
        if print_ is not None:
            by_print.setdefault(print_, []).append(model)
    return by_print


def _most_alike(path: str, candidates: Sequence[ModelId], present: Mapping[ModelId, Group]) -> ModelId | None:
    """The one candidate, or the one that kept its name; several that did not are no proof of where it went."""
    if len(candidates) == 1:
        return candidates[0]
    same = [model for model in candidates if name_of(present[model].key) == name_of(path)]
    return same[0] if len(same) == 1 else None
