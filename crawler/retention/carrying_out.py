"""A plan carried out and undone: a journal says of every object how far it is, so that whoever was killed goes on."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice

from catalog.errors import ModeldexError, ObjectChanged, SourceError, UserError
from catalog.lazy_dataclasses import dataclass, field
from catalog.recording.joining import settle_joins
from catalog.records import ModelId, SourceId, display_key
from catalog.records.accounts import Happening
from catalog.records.retention import PlannedModel, PlannedObject, StoredPlan
from catalog.retention.plans import APPLIED, APPLYING, LEASE, READY, UNDOING, UNDONE, Planner
from catalog.retention.policy import Deed, Policy, policy_of
from catalog.store.documents import DELETED, LIVE, MISSING, TRASHED
from catalog.store.leases import Lease
from crawler.addresses import open_source
from crawler.retention.door import Door, place_of
from crawler.retention.opening import door_of

MOVING, MOVED, DELETING, GONE, BACKING, BACK = "moving", "moved", "deleting", "deleted", "backing", "back"
LEFT = "left"
AWAY = frozenset({MOVING, MOVED, DELETING, BACKING})
"""States of objects that may not be where they were."""
FORGOTTEN = "it was forgotten meanwhile; the next crawl finds its files"
STATES = {Deed.TRASH: TRASHED, Deed.DELETE: DELETED}
CHANGES_NAMED = 10
PAGE_OBJECTS = 500


class PlanOutdated(UserError):
    """Something is not as it was when the plan was made, so nothing of it is done."""


@dataclass(slots=True, kw_only=True)
class Done:
    """What became of a plan by now, however often it was interrupted. `left` are models of which nothing was done or not all,
    with the reason.
    """

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
    _shared: dict[int, frozenset[ModelId]] = field(default_factory=dict)
    _listed_with: dict[ModelId, set[ModelId]] = field(default_factory=dict)

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
                self._look_for_shared(plan)
                staying = self._staying(stored, policy) if stored.state == APPLYING else {}
                waiting: list[PlannedModel] = []
                for model in store.retention.models(plan, goes=True):
                    if model.state:
                        continue
                    if model.model in staying:
                        self._put_back(plan, model.model)
                        self._leave(stored, model, staying[model.model])
                    elif self._take_own(stored, model, policy.action):
                        if model.model in self._listed_with:
                            waiting.append(model)
                        else:
                            self._end(stored, model, STATES[policy.action])
                self._take_shared(stored, waiting, policy.action)
            done = self._summed(plan, STATES[policy.action], {MOVED, GONE})
            self._settle(plan)
            self._tell(stored, "retention.applied", {"models": done.models, "left": len(done.left)})
            store.retention.note_plan(plan, APPLIED)
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
            with self._sources_to_itself(plan):
                store.retention.note_plan(plan, UNDOING)
                self._look_for_shared(plan)
                left = self._bring_back_shared(plan)
                for model in store.retention.models(plan, goes=True):
                    reason = left.get(model.model) or self._bring_back(stored, model)
                    if reason:
                        left[model.model] = reason
            done = self._summed(plan, BACK, {BACK})
            done.left = {str(model): reason for model, reason in left.items()}
            self._settle(plan)
            self._tell(stored, "retention.undo", {"models": done.models, "left": len(done.left)})
            store.retention.note_plan(plan, APPLIED if left else UNDONE)
            self.planner.follow(self.planner.settings, store)
        return done

    def _summed(self, plan: str, state: str, moved: Container[str]) -> Done:
        """What the journal says of models in this state, and of objects in one of those."""
        done = Done(plan=plan)
        retention = self.planner.store.retention
        chosen, forgotten = set[ModelId](), set[ModelId]()
        for model in retention.models(plan, goes=True):
            if model.note:
                done.left[model.model] = model.note
            if model.state == state:
                chosen.add(model.model)
            if model.note == FORGOTTEN:
                forgotten.add(model.model)
        done.models = len(chosen - forgotten)
        done.bytes = sum(
            int(row.line["freed_bytes"])
            for row in retention.objects(plan)
            if row.model in chosen and row.state in moved
        )
        return done

    def _look_for_shared(self, plan: str) -> None:
        """Notes the objects of the plan that are of several models, by number with these: they go when all of them went.
        Such an object is listed with one of its models.
        """
        retention = self.planner.store.retention
        self._shared.clear()
        self._listed_with.clear()
        rows = retention.objects(plan)
        while page := list(islice(rows, PAGE_OBJECTS)):
            for source in sorted({row.source for row in page}):
                own = [row for row in page if row.source == source]
                owners = retention.owners(source, [row.key for row in own])
                for row in own:
                    users = frozenset(owners.get(row.key, set()) | {row.model})
                    if len(users) == 1:
                        continue
                    self._shared[row.number] = users
                    for user in users:
                        self._listed_with.setdefault(user, set()).add(row.model)

    def _take_shared(self, stored: StoredPlan, waiting: Sequence[PlannedModel], action: Deed) -> None:
        """The objects of several models, last: each only if all of these go, who are told as gone after it."""
        retention, state = self.planner.store.retention, STATES[action]
        ready = {model.model: model for model in waiting}
        gone = {model.model for model in retention.models(stored.id, goes=True) if model.state == state}
        notes: dict[ModelId, str] = {}
        for row in retention.objects(stored.id) if self._shared else ():
            users = self._shared.get(row.number, frozenset())
            if not users or not users <= ready.keys() | gone:
                continue
            try:
                self._take(stored.id, row, action)
            except SourceError as error:
                reason = f"{display_key(row.key)}: {_reason(error)}"
                for user in sorted(users & ready.keys()):
                    if action is Deed.DELETE:
                        notes[user] = reason
                    else:
                        self._put_back(stored.id, user)
                        self._leave(stored, ready.pop(user), reason)
        for model in ready.values():
            self._end(stored, model, state, notes.get(model.model, ""))

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

    def _objects(self, plan: str, model: ModelId) -> list[PlannedObject]:
        """The objects of the plan that make this model, alone or with others."""
        retention = self.planner.store.retention
        listed = sorted({model} | self._listed_with.get(model, set()))
        return [
            row
            for each in listed
            for row in retention.objects(plan, model=each)
            if model in self._shared.get(row.number, {row.model})
        ]

    def _own(self, plan: str, model: ModelId) -> list[PlannedObject]:
        """Those that make no other model."""
        return [row for row in self._objects(plan, model) if row.number not in self._shared]

    def _take_own(self, stored: StoredPlan, model: PlannedModel, action: Deed) -> bool:
        """Whether all that is of this model alone went; if not, it stays."""
        rows = self._own(stored.id, model.model)
        begun = any(row.state for row in rows)
        present = self.planner.store.records.get(model.model)
        if not begun and (present is None or not self._is_as_planned(stored, model, present.revision)):
            self._leave(stored, model, "it changed since the plan was made")
            return False
        try:
            if action is Deed.DELETE:
                self._prepare(stored.id, model.model)
                rows = self._own(stored.id, model.model)
            for row in rows:
                self._take(stored.id, row, action)
        except SourceError as error:
            self._put_back(stored.id, model.model)
            self._leave(stored, model, _reason(error))
            return False
        return True

    def _end(self, stored: StoredPlan, model: PlannedModel, state: str, note: str = "") -> None:
        self._restate(stored, model.model, state)
        self.planner.store.retention.note_model(stored.id, model.number, state, note)

    def _prepare(self, plan: str, model: ModelId) -> None:
        """The objects of a model before the first is deleted for good: in the trash, or each looked at once more."""
        for row in self._objects(plan, model):
            door = self._doors[row.source]
            if row.state in {DELETING, GONE}:
                continue
            if door.bins_first and row.number not in self._shared:
                self._take(plan, row, Deed.TRASH)
            else:
                door.check(row.key, row.evidence)

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
        """A model of which one object cannot go keeps them all, with those that are of others, too. What is deleted by
        then is gone.
        """
        for row in self._moving(plan, model):
            try:
                self._return(plan, row)
            except SourceError:
                continue  # it never left, or stays in the trash, where undo finds it

    def _moving(self, plan: str, model: ModelId) -> list[PlannedObject]:
        """The objects of this model that are not where they were, as far as is known."""
        return [row for row in self._objects(plan, model) if row.state in AWAY]

    def _return(self, plan: str, row: PlannedObject) -> None:
        note = self.planner.store.retention.note_object
        note(plan, row.number, BACKING, row.evidence)
        self.step(row, BACKING)
        self._check_leases()
        self._doors[row.source].bring_back(row.key, place_of(plan, row.key), row.evidence)
        self.step(row, BACK)
        note(plan, row.number, BACK, row.evidence)

    def _bring_back_shared(self, plan: str) -> dict[ModelId, str]:
        """Objects of several models come back first; the models of those that cannot, with the reason."""
        left: dict[ModelId, str] = {}
        for row in self.planner.store.retention.objects(plan) if self._shared else ():
            if row.number not in self._shared or row.state not in AWAY:
                continue
            try:
                self._return(plan, row)
            except SourceError as error:
                left |= dict.fromkeys(self._shared[row.number], _reason(error))
        return left

    def _bring_back(self, stored: StoredPlan, model: PlannedModel) -> str:
        """Why the model cannot come back; empty if it is there."""
        store = self.planner.store
        if model.state == DELETED:
            return "it was deleted for good"
        if model.state == BACK:
            return ""
        away = self._moving(stored.id, model.model)
        try:
            for row in away:
                self._return(stored.id, row)
        except SourceError as error:
            return _reason(error)
        lost = sum(row.state == GONE for row in self._objects(stored.id, model.model))
        if lost:
            return f"files of it were deleted for good: {lost:,}"
        if self._restate(stored, model.model, LIVE) or away or model.state == TRASHED:
            shelved = store.records.shelved_of([model.model]).get(model.model)
            note = "" if shelved is not None and shelved.state == LIVE else FORGOTTEN
            store.retention.note_model(stored.id, model.number, BACK, note)
        return ""

    def _restate(self, stored: StoredPlan, model: ModelId, state: str) -> bool:
        """The record says what became of the files, with one line of the audit; whether it did not before."""
        store, author = self.planner.store, self.planner.author
        with store.records.transaction(
            made_by="retention", author=author, cause=cause_of(stored.id)
        ) as records:
            records.lock([model])
            before = records.state(model)
            if before not in ({TRASHED} if state == LIVE else {LIVE, MISSING}):
                return False
            if state == LIVE:
                records.bring_back([model])
            else:
                records.remove([model], state)
            action, after = f"retention.{state}", {"plan": stored.id}
            records.note(partial(self._happening, action, f"model {model}", before, after))
        return True

    def _leave(self, stored: StoredPlan, model: PlannedModel, reason: str) -> None:
        self.planner.store.retention.note_model(stored.id, model.number, LEFT, reason)

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
