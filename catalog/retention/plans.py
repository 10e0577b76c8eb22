"""Plans: made by a policy, kept with their hash, and made again to see whether anything is different by now."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes

from catalog.access.saved_searches import SavedSearches, state_of
from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.query.nodes import All
from catalog.query.state import SearchState
from catalog.records import ModelId, SourceId
from catalog.retention.desk import check_sees_all
from catalog.retention.disk_names import EntryAt, nothing_known
from catalog.retention.planning import Looked, PlannedFile, Planning, Verdict, instant_text
from catalog.retention.policy import Deed, Policy
from catalog.search.sealed import blind_field
from catalog.store.canonical import canonical, sanitised
from catalog.store.codec import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog.access.catalog import Catalog
    from catalog.records.retention import StoredPlan
    from catalog.settings import Settings
    from catalog.store import Store
    from catalog.store.retention import PlanWriter

FORMAT = 2
"""Of what is hashed."""
LEASE = "retention"
"""Of whoever writes or carries out plans."""
READY, REPORTED, APPLYING, APPLIED, UNDOING, UNDONE = (
    "ready",
    "report",
    "applying",
    "applied",
    "undoing",
    "undone",
)
WRITABLE, DELETABLE = "writable", "deletable"
Follow = Callable[["Settings", "Store"], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Makes plans for one principal, who sees everything: a plan of a part would take what others need for useless. `entry` tells
    what a directory has under a name.
    """

    settings: Settings
    catalog: Catalog
    store: Store
    author: str
    follow: Follow
    entry: EntryAt = nothing_known

    def make(self, policy: Policy, *, at: datetime) -> StoredPlan:
        """The plan as it was stored. Raises NotAllowed, UserError, WriterBusy."""
        plan = secrets.token_hex(6)
        planning = self._planning(policy, at)
        with self.store.lease(LEASE):
            writer = self.store.retention.writer(plan)
            header, digest = written(planning, self.author, writer)
            state = REPORTED if policy.action is Deed.REPORT else READY
            writer.header(canonical(header).decode(), digest, made_at=at, state=state)
        stored = self.store.retention.plan(plan)
        assert stored is not None  # just written
        return stored

    def hash_now(self, stored: StoredPlan, policy: Policy) -> str:
        """What the same policy comes to now by the clock of the plan."""
        at = parse_instant(stored.header["clock"])
        return written(self._planning(policy, at), stored.header["by"], None)[1]

    def verdicts_now(
        self, stored: StoredPlan, policy: Policy, gone: frozenset[ModelId]
    ) -> dict[ModelId, tuple[int, Verdict]]:
        """What the policy says of each model now, with its revision, after those that are gone went by this plan."""
        at = parse_instant(stored.header["clock"])
        planning = self._planning(policy, at, gone)
        return {looked.id: (looked.revision, verdict) for looked, verdict in planning.models()}

    def _planning(self, policy: Policy, at: datetime, gone: frozenset[ModelId] = frozenset()) -> Planning:
        check_sees_all(self.catalog)
        index = self.follow(self.settings, self.store)
        if index is not None and not index.is_current:
            raise UserError("The index is behind the catalog, so nobody knows what the search finds.")
        planning = Planning(
            policy=policy,
            now=at,
            matched=dict(self._ids(SearchState(text=policy.models), "models")),
            protected=self._protected(policy),
            undeclared=undeclared(self.store, policy.action),
            store=self.store.retention,
            gone=gone,
            entry=self.entry,
        )
        planning.decide()
        return planning

    def _protected(self, policy: Policy) -> dict[str, str]:
        protected: dict[str, str] = {}
        searches = [  # a plan's lines are kept in clear, and a search may quote what is sensitive
            (SearchState(text=text), f"search {number} of the policy keeps it")
            for number, text in enumerate(policy.queries, 1)
        ]
        saved = SavedSearches(self.settings, self.catalog.principal.id)
        searches += [
            (state_of(saved.named(name)), f"the saved search {name!r} keeps it") for name in policy.saved
        ]
        for state, reason in searches:
            for model, _ in self._ids(state, "protect"):
                protected.setdefault(model, reason)
        return protected

    def _check_sees(self, state: SearchState, where: str) -> None:
        """Raises UserError for a search that overlooks models because of what is sensitive of them."""
        names = self.store.records.sensitive_names()
        if not names:
            return
        request = self.catalog.request(state)
        asked = (request.query, *request.selections.values(), request.post_filter or All())
        field = next(filter(None, (blind_field(query, names) for query in asked)), None)
        if field is not None:
            raise UserError(
                f"{where}: {field} is sensitive in some source, and of that a search sees whole values alone: it would overlook models.",
                advice=f"Write {field}:VALUE, or what tells the models otherwise; words are looked for in every field. No plan was made.",
            )

    def _ids(self, state: SearchState, where: str) -> Iterator[tuple[str, int]]:
        sentences = self.catalog.not_understood(state)
        if sentences:
            raise UserError(f"{where}: {' '.join(sentences)}", advice="No plan was made.")
        self._check_sees(state, where)
        for document in self.catalog.export(state):
            yield str(document["id"]), int(document.get("revision", 0))


def undeclared(store: Store, action: Deed) -> Callable[[SourceId], str | None]:
    """What says why files of a source must not be touched; None where somebody declared that they may."""
    option = DELETABLE if action is Deed.DELETE else WRITABLE
    declared = {row.id for row in store.sources.all() if row.definition.options.get(option)}
    return lambda source: None if source in declared else f"its source is not declared {option}"


def written(planning: Planning, author: str, writer: PlanWriter | None) -> tuple[dict[str, Any], str]:
    """Header and SHA-256 of a decided plan, whose lines go to the writer: over the canonical JSON (RFC 8785) of
    `{"files": [...], "models": [...], "plan": {...}}`, which is never in memory as a whole.
    """
    digest = hashlib.sha256(b'{"files":[')
    files: Counter[str] = Counter()
    freed: Counter[str] = Counter()
    for number, planned in enumerate(planning.files()):
        line = canonical(file_line(planned))
        digest.update(b"," + line if number else line)
        files[planned.file.model] += 1
        freed[planned.file.model] += planned.freed_bytes
        if writer is not None:
            writer.object(planned.file, line.decode())
    digest.update(b'],"models":[')
    rules: Counter[str] = Counter()
    for number, (looked, verdict) in enumerate(planning.models()):
        line = canonical(_model_line(looked, verdict, files[looked.id], freed[looked.id]))
        digest.update(b"," + line if number else line)
        rules[verdict.rule] += 1
        if writer is not None:
            writer.model(looked.id, line.decode(), goes=verdict.goes)
    header = {
        "format": FORMAT,
        "by": author,
        "clock": instant_text(planning.now),
        "policy": sanitised(planning.policy.as_json()),
        "models": rules.total(),
        "goes": rules["none"],
        "files": files.total(),
        "bytes": freed.total(),
        "rules": dict(rules),
    }
    digest.update(b'],"plan":' + canonical(header) + b"}")
    return header, digest.hexdigest()


def file_line(planned: PlannedFile) -> dict[str, Any]:
    """One object of a plan: percent signs stand for whatever of its key is no plain letter."""
    own = planned.file
    return {
        "model": own.model,
        "source": own.source,
        "key": quote_from_bytes(os.fsencode(own.key)),
        "size_bytes": own.size_bytes,
        "freed_bytes": planned.freed_bytes,
        "change_token": own.change_token,
    }


def _model_line(looked: Looked, verdict: Verdict, files: int, freed: int) -> Mapping[str, Any]:
    return sanitised(
        {
            "id": looked.id,
            "name": looked.name,
            "version": looked.version,
            "source": looked.source,
            "revision": looked.revision,
            "goes": verdict.goes,
            "rule": verdict.rule,
            "reason": verdict.reason,
            "files": files,
            "bytes": freed,
        }
    )
