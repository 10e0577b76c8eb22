"""A plan carried out and undone: a journal says of every object how far it is, so that whoever was killed goes on."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from catalog.errors import ModeldexError, ObjectChanged, SourceError, UserError
from catalog.recording.joining import settle_joins
from catalog.records import ModelId, SourceId, display_key
from catalog.records.accounts import Happening
from catalog.records.retention import PlannedModel, PlannedObject, StoredPlan
from catalog.retention.plans import APPLIED, APPLYING, LEASE, READY, UNDOING, UNDONE, Planner
from catalog.retention.policy import Deed, Policy, policy_of
from catalog.store.documents import DELETED, LIVE, MISSING, TRASHED
from catalog.store.leases import Lease
from crawler.addresses import open_source
from crawler.retention.door import Door, door_of, place_of

MOVING, MOVED, DELETING, GONE, BACKING, BACK = "moving", "moved", "deleting", "deleted", "backing", "back"
LEFT = "left"
STATES = {Deed.TRASH: TRASHED, Deed.DELETE: DELETED}
CHANGES_NAMED = 10
PAGE_OBJECTS = 500


class PlanOutdated(UserError):
    """Something is not as it was when the plan was made, so nothing of it is done."""


@dataclass(slots=True, kw_only=True)
class Done:
    """What became of a plan. `left` are models of which nothing was done, with the reason."""

    plan: str
    models: int = 0
    bytes: int = 0
    left: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Steward:
    """Carries out plans for the author of the planner. `step` is told before each touch of an object."""

    planner: Planner
    origin: str = "command line"
    step: Callable[[PlannedObject, str], None] = lambda _object, _state: None
    _doors: dict[SourceId, Door] = field(default_factory=dict)
    _leases: list[Lease] = field(default_factory=list)

    def apply(self, plan: str, digest: str) -> Done:
        """Does what the plan says, from where it was interrupted. Raises PlanOutdated, UserError, WriterBusy, LeaseLost."""
        store = self.planner.store
        with store.lease(LEASE) as lease:
            self._leases = [lease]
            stored = self._stored(plan)
            policy = policy_of(stored.header["policy"])
            if not hmac.compare_digest(stored.sha256.encode(), digest.strip().lower().encode()):
                raise UserError(
                    "This is not the hash of the plan.", advice=f"See: modeldex retention show {stored.id}"
                )
            if stored.state not in {READY, APPLYING}:
                raise UserError(f"The plan is in the state {stored.state}: there is nothing to be done.")
            with self._sources_to_itself(plan):
                if stored.state == READY:
                    if self.planner.hash_now(stored, policy) != stored.sha256:
                        raise PlanOutdated(
                            "The policy comes to something else by now: models, files or searches changed.",
                            advice="Make a new plan with: modeldex retention plan POLICY",
                        )
                    self._look_at_all(plan)
                    store.retention.note_plan(plan, APPLYING)
                    self._tell(
                        stored, "retention.apply", {"hash": stored.sha256, "models": stored.header["goes"]}
                    )
                staying = self._staying(stored, policy) if stored.state == APPLYING else {}
                done = Done(plan=plan)
                for model in store.retention.models(plan, goes=True):
                    if model.state:
                        continue
                    if model.model in staying:
                        self._put_back(plan, model.model)
                        self._leave(stored, model, staying[model.model], done)
                    else:
                        self._remove(stored, model, policy.action, done)
                store.retention.note_plan(plan, APPLIED)
            self._tell(stored, "retention.applied", {"models": done.models, "left": len(done.left)})
            self._settle(plan)
            self.planner.follow(self.planner.settings, store)
        return done

    def undo(self, plan: str) -> Done:
        """Brings back what is in the trash, files and models, never over something. Raises UserError, WriterBusy."""
        store = self.planner.store
        with store.lease(LEASE) as lease:
            self._leases = [lease]
            stored = self._stored(plan)
            if stored.state not in {APPLYING, APPLIED, UNDOING}:
                raise UserError(f"The plan is in the state {stored.state}: there is nothing to bring back.")
            done = Done(plan=plan)
            with self._sources_to_itself(plan):
                store.retention.note_plan(plan, UNDOING)
                for model in store.retention.models(plan, goes=True):
                    if model.state == DELETED:
                        done.left[model.model] = "it was deleted for good"
                    elif model.state != BACK:
                        self._bring_back(stored, model, done)
                store.retention.note_plan(plan, APPLIED if done.left else UNDONE)
            self._tell(stored, "retention.undo", {"models": done.models, "left": len(done.left)})
            self._settle(plan)
            self.planner.follow(self.planner.settings, store)
        return done

    def _settle(self, plan: str) -> None:
        """Records elsewhere show what is there now."""
        store = self.planner.store
        store.records.settle_copies()
        for source in sorted({row.source for row in store.retention.objects(plan)}):
            settle_joins(store, source, self.planner.settings)

    def _stored(self, plan: str) -> StoredPlan:
        stored = self.planner.store.retention.plan(plan)
        if stored is None:
            raise UserError(f"There is no plan {plan[:40]!r}.", advice="See: modeldex retention list")
        return stored

    @contextmanager
    def _sources_to_itself(self, plan: str) -> Iterator[None]:
        """No crawl of the sources of the plan goes on meanwhile."""
        store = self.planner.store
        wanted = sorted({row.source for row in store.retention.objects(plan)})
        rows = {row.id: row for row in store.sources.all()}
        with ExitStack() as stack:
            for source in wanted:
                self._leases.append(stack.enter_context(store.source_lease(source)))
                row = rows[source]
                self._doors[source] = door_of(open_source(row.address, self.planner.settings, row.definition))
            yield

    def _check_leases(self) -> None:
        """Raises LeaseLost where another process took over."""
        with self.planner.store.engine.begin() as connection:
            for lease in self._leases:
                lease.check(connection)

    def _look_at_all(self, plan: str) -> None:
        """Every object is the one that was planned, or nothing is done at all. Notes what tells each from any other."""
        changed: list[str] = []
        page: list[tuple[int, dict[str, object]]] = []
        retention = self.planner.store.retention
        for row in retention.objects(plan):
            try:
                evidence = self._doors[row.source].look(row.key, row.line["change_token"])
            except SourceError as error:
                changed.append(f"{display_key(row.key)}: {_reason(error)}")
                continue
            page.append((row.number, dict(evidence)))
            if len(page) == PAGE_OBJECTS:
                retention.note_evidence(plan, page)
                page.clear()
        if changed:
            more = f"\n  and {len(changed) - CHANGES_NAMED:,} more" if len(changed) > CHANGES_NAMED else ""
            named = "\n  ".join(changed[:CHANGES_NAMED])
            raise PlanOutdated(
                f"Storage is not as it was when it was crawled, and nothing was touched:\n  {named}{more}",
                advice="Crawl it again, then make a new plan.",
            )
        retention.note_evidence(plan, page)

    def _staying(self, stored: StoredPlan, policy: Policy) -> dict[ModelId, str]:
        """Models that are not wholly moved and stay by now, with the reason: whoever goes on asks the policy again."""
        retention = self.planner.store.retention
        models = list(retention.models(stored.id, goes=True))
        gone = frozenset(model.model for model in models if model.state in set(STATES.values()))
        waiting = [
            model for model in models if not model.state and not self._is_whole(stored.id, model.model)
        ]
        if not waiting:
            return {}
        present = self.planner.verdicts_now(stored, policy, gone)
        staying: dict[ModelId, str] = {}
        for model in waiting:
            revision, verdict = present.get(model.model, (None, None))
            if verdict is None or not self._is_as_planned(stored, model, revision):
                staying[model.model] = "it changed since the plan was made"
            elif not verdict.goes:
                staying[model.model] = verdict.reason
        return staying

    def _is_as_planned(self, stored: StoredPlan, model: PlannedModel, revision: int | None) -> bool:
        """Whether nothing but this plan changed the record since: of copies that go, those that stay are told."""
        later = -1 if revision is None else revision - int(model.line["revision"])
        if later <= 0:
            return later == 0
        states = self.planner.store.records.history(model.model, last=later)
        return all(state.cause == cause_of(stored.id) for state in states)

    def _is_whole(self, plan: str, model: ModelId) -> bool:
        rows = list(self.planner.store.retention.objects(plan, model=model))
        return bool(rows) and all(row.state in {MOVED, GONE} for row in rows)

    def _remove(self, stored: StoredPlan, model: PlannedModel, action: Deed, done: Done) -> None:
        store = self.planner.store
        rows = list(store.retention.objects(stored.id, model=model.model))
        begun = any(row.state for row in rows)
        present = store.records.get(model.model)
        if not begun and (present is None or not self._is_as_planned(stored, model, present.revision)):
            self._leave(stored, model, "it changed since the plan was made", done)
            return
        try:
            if action is Deed.DELETE:
                rows = self._prepared(stored.id, model.model, rows)
            for row in rows:
                self._take(stored.id, row, action)
        except SourceError as error:
            self._put_back(stored.id, model.model)
            self._leave(stored, model, _reason(error), done)
            return
        state = STATES[action]
        self._restate(stored, model.model, state)
        store.retention.note_model(stored.id, model.number, state)
        done.models += 1
        done.bytes += int(model.line["bytes"])

    def _prepared(self, plan: str, model: ModelId, rows: Sequence[PlannedObject]) -> list[PlannedObject]:
        """The objects of a model before the first is deleted for good: in the trash, or each looked at once more."""
        for row in rows:
            door = self._doors[row.source]
            if row.state in {DELETING, GONE}:
                continue
            if door.bins_first:
                self._take(plan, row, Deed.TRASH)
            else:
                door.check(row.key, row.evidence)
        return list(self.planner.store.retention.objects(plan, model=model))

    def _take(self, plan: str, row: PlannedObject, action: Deed) -> None:
        """One object, from wherever it is on its way."""
        if row.state == GONE or (row.state == MOVED and action is Deed.TRASH):
            return
        door, place, note = (
            self._doors[row.source],
            place_of(plan, row.key),
            self.planner.store.retention.note_object,
        )
        begun, ended, touch = (
            (MOVING, MOVED, door.trash) if action is Deed.TRASH else (DELETING, GONE, door.delete)
        )
        note(plan, row.number, begun, row.evidence)
        self.step(row, begun)
        self._check_leases()
        evidence = touch(row.key, place, row.evidence)
        self.step(row, ended)
        note(plan, row.number, ended, evidence)

    def _put_back(self, plan: str, model: ModelId) -> None:
        """A model of which one object cannot go keeps them all. What is deleted by then is gone."""
        for row in self.planner.store.retention.objects(plan, model=model):
            if row.state in {MOVING, MOVED, DELETING, BACKING}:
                try:
                    self._return(plan, row)
                except SourceError:
                    continue  # it never left, or stays in the trash, where undo finds it

    def _return(self, plan: str, row: PlannedObject) -> None:
        note = self.planner.store.retention.note_object
        note(plan, row.number, BACKING, row.evidence)
        self.step(row, BACKING)
        self._check_leases()
        self._doors[row.source].bring_back(row.key, place_of(plan, row.key), row.evidence)
        self.step(row, BACK)
        note(plan, row.number, BACK, row.evidence)

    def _bring_back(self, stored: StoredPlan, model: PlannedModel, done: Done) -> None:
        store = self.planner.store
        rows = [
            row
            for row in store.retention.objects(stored.id, model=model.model)
            if row.state in {MOVING, MOVED, DELETING, BACKING}
        ]
        try:
            for row in rows:
                self._return(stored.id, row)
        except SourceError as error:
            done.left[model.model] = _reason(error)
            return
        lost = sum(row.state == GONE for row in store.retention.objects(stored.id, model=model.model))
        if lost:
            done.left[model.model] = f"files of it were deleted for good: {lost:,}"
            return
        self._restate(stored, model.model, LIVE)
        store.retention.note_model(stored.id, model.number, BACK)
        done.models += bool(rows)
        done.bytes += sum(int(row.line["freed_bytes"]) for row in rows)

    def _restate(self, stored: StoredPlan, model: ModelId, state: str) -> None:
        """The record says what became of the files, with one line of the audit."""
        store, author = self.planner.store, self.planner.author
        with store.records.transaction(
            made_by="retention", author=author, cause=cause_of(stored.id)
        ) as records:
            records.lock([model])
            before = records.state(model)
            if before not in ({TRASHED} if state == LIVE else {LIVE, MISSING}):
                return
            if state == LIVE:
                records.bring_back([model])
            else:
                records.remove([model], state)
            action, after = f"retention.{state}", {"plan": stored.id}
            records.note(partial(self._happening, action, f"model {model}", before, after))

    def _leave(self, stored: StoredPlan, model: PlannedModel, reason: str, done: Done) -> None:
        self.planner.store.retention.note_model(stored.id, model.number, LEFT, reason)
        done.left[model.model] = reason

    def _tell(self, stored: StoredPlan, action: str, after: object) -> None:
        self.planner.store.audit.add(self._happening(action, f"plan {stored.id}", None, after))

    def _happening(self, action: str, resource: str, before: object, after: object) -> Happening:
        return Happening(
            actor=self.planner.author,
            action=action,
            resource=resource,
            origin=self.origin,
            before=before,
            after=after,
        )


def cause_of(plan: str) -> str:
    """As the history has what a plan did."""
    return f"plan {plan}"


def _reason(error: ModeldexError) -> str:
    return "it changed or is not there any more" if isinstance(error, ObjectChanged) else str(error)


__all__ = ["Done", "PlanOutdated", "Steward"]
