"""The models that were not there before, as places to which records may have moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

from catalog.recording.prints import is_proof
from catalog.records import ModelId
from catalog.store.attendance import Attendee, Shelved
from crawler.grouping.draft import name_of

FEW_MODELS = 8
"""So many that share a print are asked for again by each page that wants them; more are kept."""

Sharing = Callable[[AbstractSet[str], AbstractSet[str]], Iterable[Attendee]]
"""The arrivals that have one of these identities, or one of these contents and were not given away."""


class _Pool:
    """Models that share a print and that no record moved to yet, by what they are called."""

    def __init__(self) -> None:
        self.free: dict[ModelId, Attendee] = {}
        self.models = 0
        """How many there were, those that were given away among them."""
        self._names: dict[str, dict[ModelId, None]] = {}

    def add(self, model: Attendee) -> None:
        self.models += 1
        if model.given_away:
            return
        self.free[model.id] = model
        self._names.setdefault(name_of(model.path), {})[model.id] = None

    def drop(self, model: Attendee) -> None:
        self.free.pop(model.id, None)
        self._names.get(name_of(model.path), {}).pop(model.id, None)

    def most_alike(self, path: str) -> Attendee | None:
        """The one candidate, or the one that kept its name; several that did not are no proof of where it went."""
        if len(self.free) == 1:
            return next(iter(self.free.values()))
        same = self._names.get(name_of(path), {})
        return self.free[next(iter(same))] if len(same) == 1 else None


class Arrivals:
    """Where records may have moved to, page by page; each model is given away once, at a cost that does not grow with its
    copies. In memory are those that a page asks for, and those of which there are many alike.
    """

    def __init__(
        self, sharing: Sharing, give_away: Callable[[Sequence[ModelId]], None] = lambda _models: None
    ) -> None:
        self._sharing = sharing
        self._give_away = give_away
        self._given: list[ModelId] = []
        self._by_identity: dict[str, _Pool] = {}
        self._by_contents: dict[str, _Pool] = {}

    def look_for(self, rows: Iterable[Shelved]) -> None:
        """Has at hand whatever these records may have moved to."""
        self._shed()
        rows = list(rows)
        identities = {row.identity for row in rows if row.identity} - self._by_identity.keys()
        fingerprints = {row.fingerprint for row in rows if row.fingerprint and is_proof(row.fingerprint)}
        fingerprints -= self._by_contents.keys()
        for model in self._sharing(identities, fingerprints):
            if model.identity in identities:
                self._by_identity.setdefault(model.identity or "", _Pool()).add(model)
            if model.contents in fingerprints:
                self._by_contents.setdefault(model.contents or "", _Pool()).add(model)

    def take(self, row: Shelved) -> tuple[Attendee | None, bool]:
        """The model that the record, one of those looked for, may be now, and whether its bytes prove it."""
        identical = self._by_identity.get(row.identity or "")
        pool = identical or self._by_contents.get(row.fingerprint or "")
        target = None if pool is None else pool.most_alike(row.path)
        if target is None:
            return None, False
        self._given.append(target.id)
        for other in (
            self._by_identity.get(target.identity or ""),
            self._by_contents.get(target.contents or ""),
        ):
            if other is not None:
                other.drop(target)
        return target, target.contents is not None and target.contents == row.fingerprint and is_proof(
            target.contents
        )

    def _shed(self) -> None:
        self._give_away(self._given)
        self._given = []
        self._by_identity = _many(self._by_identity)
        self._by_contents = _many(self._by_contents)


def _many(pools: dict[str, _Pool]) -> dict[str, _Pool]:
    return {print_: pool for print_, pool in pools.items() if pool.models > FEW_MODELS}
