"""What a run may conclude from what it did not see: missing, moved, gone, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from catalog.records import Group, ModelId, ObjectKey, model_id
from catalog.store.records import LIVE, MISSING, Shelved
from crawler.fingerprints import WEIGHTS, contents, identity
from crawler.grouping.draft import name_of, upwards

GUARD_MODELS = 50
GUARD_SHARE = 0.10
GRACE = timedelta(hours=1)


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

    def too_many(self, live: int) -> bool:
        """Whether so much would be lost that a person has to look first."""
        return len(self.lost) > max(GUARD_MODELS, GUARD_SHARE * live)


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
    run: int,
    now: datetime,
) -> list[ModelId]:
    """Missing records that a later run, an hour or more after the first, again proves absent: they are gone."""
    return [
        row.id
        for row in shelved
        if row.state == MISSING
        and row.missing_since is not None
        and (row.missing_run or 0) < run
        and now - row.missing_since >= GRACE
        and file_keys.get(row.id)
        and all(scopes.proves_absence(key) for key in file_keys[row.id])
    ]


def _owners(present: Mapping[ModelId, Group]) -> dict[ObjectKey, ModelId]:
    return {
        member.object.key: model
        for model, group in present.items()
        for member in group.members
        if member.extraction is None or member.extraction.role in WEIGHTS
    }


def _index(pairs: Iterable[tuple[str | None, ModelId]]) -> dict[str, list[ModelId]]:
    found: dict[str, list[ModelId]] = {}
    for print_, model in pairs:
        if print_ is not None:
            found.setdefault(print_, []).append(model)
    return found


def _most_alike(path: str, candidates: Sequence[ModelId], present: Mapping[ModelId, Group]) -> ModelId | None:
    """The one candidate, or the one that kept its name; several that did not are no proof of where it went."""
    if len(candidates) == 1:
        return candidates[0]
    same = [model for model in candidates if name_of(present[model].key) == name_of(path)]
    return same[0] if len(same) == 1 else None
