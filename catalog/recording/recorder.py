"""The groups of a crawl to committed records, page by page. Needs no more of a source than the page in hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.recording.changes import last_of
from catalog.recording.lending import NOTHING, Borrowed, borrowed
from catalog.recording.making import Task, make, make_of_filled
from catalog.recording.whole_extractions import Reading, WholeExtractions, filled, read_shares
from catalog.records import Edit, Group, ModelId, ObjectKey, Place, Run, is_unread, model_id
from catalog.store import Store
from catalog.store.batch import RecordBatch
from catalog.store.leases import Lease
from catalog.store.record_changes import Committed, RecordChange


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshGroup:
    """A group whose record is not made of it yet, with outlines in place of whole extractions. `signature` says of what
    the record will be made, `origin` which model it was before.
    """

    group: Group
    signature: str
    origin: ModelId | None = None

    @property
    def model(self) -> ModelId:
        return model_id(self.group.source, self.group.key)

    def at(self, place: Place) -> FreshGroup:
        """The same, and where a person finds it."""
        return replace(self, group=replace(self.group, place=place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Models that are not there any more: their states from now on, and where those that moved are."""

    states: Mapping[ModelId, str] = field(default_factory=dict)
    moved: Mapping[ModelId, ModelId] = field(default_factory=dict)


def one_after_the_other(tasks: Iterable[Task]) -> Iterator[RecordChange]:
    """The records, made here."""
    return map(make, tasks)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A page, and what others may make of it, by the number in the page."""

    page: Sequence[FreshGroup]
    edits: Mapping[ModelId, Sequence[Edit]]
    lent: Mapping[ModelId, Borrowed]
    tasks: Mapping[int, Task]


class Recorder:
    """Commits what one run of one source found. `makers` make records of what they are asked, in order, perhaps many at
    once.
    """

    def __init__(
        self,
        store: Store,
        run: Run,
        lease: Lease,
        *,
        cause: str = "",
        makers: Callable[[Iterable[Task]], Iterator[RecordChange]] = one_after_the_other,
    ) -> None:
        self._store = store
        self._run = run
        self._lease = lease
        self._cause = cause or f"run {run.id}"
        self._makers = makers
        self._manifest = store.manifest(run.source)
        self._whole = WholeExtractions(self._manifest)

    def changes(
        self, pages: Iterable[Sequence[FreshGroup]]
    ) -> Iterator[tuple[Sequence[FreshGroup], list[RecordChange]]]:
        """Each page with the records to be committed. Pages are taken as far ahead as makers take tasks."""
        plans: deque[_Plan] = deque()
        done = self._makers(self._tasks(pages, plans))
        ahead: deque[RecordChange] = deque()
        while True:
            if not plans:
                ahead += islice(done, 1)
            if not plans:
                return
            plan = plans.popleft()
            ahead += islice(done, max(0, len(plan.tasks) - len(ahead)))
            records = {number: ahead.popleft() for number in plan.tasks}
            yield plan.page, self._completed(plan, records)

    def _tasks(self, pages: Iterable[Sequence[FreshGroup]], plans: deque[_Plan]) -> Iterator[Task]:
        for page in pages:
            edits = self._store.edits.of([fresh.model for fresh in page])
            lent = borrowed(self._store.joins.of({fresh.model: fresh.group for fresh in page}))
            bodies = self._manifest.bodies(
                sorted({key for fresh in page if not _is_shared(fresh.group) for key in _keys(fresh.group)})
            )
            tasks = {
                number: Task(
                    group=fresh.group,
                    bodies={key: bodies[key] for key in _keys(fresh.group)},
                    signature=fresh.signature,
                    edits=edits.get(fresh.model, ()),
                    now=self._run.started_at,
                    moved_from=fresh.origin,
                    lent=lent.get(fresh.model, NOTHING),
                )
                for number, fresh in enumerate(page)
                if not _is_shared(fresh.group) and all(key in bodies for key in _keys(fresh.group))
            }
            plans.append(_Plan(page, edits, lent, tasks))
            yield from tasks.values()

    def _completed(self, plan: _Plan, records: Mapping[int, RecordChange]) -> list[RecordChange]:
        """The changes of the whole page. What the page before had, too, is not read again: a file with thousands of runs
        is in each of their groups.
        """
        rest = [fresh for number, fresh in enumerate(plan.page) if number not in records]
        groups = iter(self._whole.filled(fresh.group for fresh in rest))
        return [
            replace(records[number], group=fresh.group)
            if number in records
            else self._change(replace(fresh, group=next(groups)), plan.edits, plan.lent)
            for number, fresh in enumerate(plan.page)
        ]

    def record(
        self,
        page: Sequence[FreshGroup],
        changes: Sequence[RecordChange],
        *,
        departures: Departures,
    ) -> Committed:
        """These models are as the changes say, and those that left for them are not at their old places any more: both
        or nothing.
        """
        models = [fresh.model for fresh in page]
        with self._store.records.transaction(
            made_by="crawl", cause=self._cause, lease=self._lease, seen=self._run.started_at
        ) as batch:
            batch.lock(
                [
                    *models,
                    *(fresh.origin for fresh in page),
                    *departures.states,
                    *departures.moved.values(),
                ]
            )
            batch.carry_edits(changes)
            batch.put(self._with_latest_edits(batch, page, changes))
            batch.depart(departures.states, self._run.id, departures.moved)
        return batch.result

    def depart(self, departures: Departures) -> None:
        """These models are not there any more."""
        with self._store.records.transaction(made_by="crawl", cause=self._cause, lease=self._lease) as batch:
            batch.depart(departures.states, self._run.id, departures.moved)

    def _with_latest_edits(
        self,
        batch: RecordBatch,
        page: Sequence[FreshGroup],
        changes: Sequence[RecordChange],
    ) -> list[RecordChange]:
        """Somebody may have edited a model while it was normalised; no edit may be lost."""
        edits = batch.edits([change.record.id for change in changes])
        late = {
            number
            for number, change in enumerate(changes)
            if change.edit != last_of(edits.get(change.record.id, ()))
        }
        lent = borrowed(batch.joined({page[number].model: page[number].group for number in late}))
        keys = {key for number in late for key in _keys(page[number].group)}
        extractions = batch.extractions(self._run.source, keys) if keys else {}
        readings = {key: Reading(extraction) for key, extraction in extractions.items()}
        groups = (page[number].group for number in late)
        read_shares(readings, groups, partial(batch.shares, self._run.source))
        return [
            self._change(replace(fresh, group=filled(fresh.group, readings)), edits, lent)
            if number in late
            else change
            for number, (fresh, change) in enumerate(zip(page, changes, strict=True))
        ]

    def _change(
        self,
        fresh: FreshGroup,
        edits: Mapping[ModelId, Sequence[Edit]],
        lent: Mapping[ModelId, Borrowed],
    ) -> RecordChange:
        task = Task(
            group=fresh.group,
            bodies={},
            signature=fresh.signature,
            edits=edits.get(fresh.model, ()),
            now=self._run.started_at,
            moved_from=fresh.origin,
            lent=lent.get(fresh.model, NOTHING),
        )
        return make_of_filled(task)


def _is_shared(group: Group) -> bool:
    """Whether a file of it tells of more models: what it says is read once for all of them."""
    return any(member.subject is not None for member in group.members)


def _keys(group: Group) -> list[ObjectKey]:
    """The files of which whole extractions are wanted."""
    return [
        member.object.key
        for member in group.members
        if member.extraction is not None and not is_unread(member.extraction)
    ]
