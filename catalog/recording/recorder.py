"""The groups of a crawl to committed records, page by page. Needs no more of a source than the page in hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog.recording.changes import change_of, last_of
from catalog.recording.whole_extractions import WholeExtractions
from catalog.records import Edit, Group, ModelId, Place, Run, model_id
from catalog.store import Store
from catalog.store.batch import Committed, RecordBatch, RecordChange
from catalog.store.leases import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshGroup:
    """A group whose record is not made of it yet, with outlines in place of whole extractions. `signature` says of what
    the record will be made.
    """

    group: Group
    signature: str

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


class Recorder:
    """Commits what one run of one source found."""

    def __init__(self, store: Store, run: Run, lease: Lease, *, cause: str = "") -> None:
        self._store = store
        self._run = run
        self._lease = lease
        self._cause = cause or f"run {run.id}"
        self._whole = WholeExtractions(store.manifest(run.source))

    def record(
        self,
        page: Sequence[FreshGroup],
        *,
        origins: Mapping[ModelId, ModelId],
        departures: Departures,
    ) -> Committed:
        """These models are as the groups say, and those that left for them are not at their old places any more: both
        or nothing. `origins` says which model each was before.
        """
        models = [fresh.model for fresh in page]
        groups = self._whole.filled(fresh.group for fresh in page)
        edits = self._store.edits.of(models)
        changes = [
            self._change(replace(fresh, group=group), edits, origins)
            for fresh, group in zip(page, groups, strict=True)
        ]
        with self._store.records.transaction(
            made_by="crawl", cause=self._cause, lease=self._lease, seen=self._run.started_at
        ) as batch:
            batch.lock(
                [
                    *models,
                    *(origins.get(model) for model in models),
                    *departures.states,
                    *departures.moved.values(),
                ]
            )
            batch.carry_edits(changes)
            batch.put(self._with_latest_edits(batch, changes, groups, origins))
            batch.depart(departures.states, self._run.id, departures.moved)
        return batch.result

    def depart(self, departures: Departures) -> None:
        """These models are not there any more."""
        with self._store.records.transaction(made_by="crawl", cause=self._cause, lease=self._lease) as batch:
            batch.depart(departures.states, self._run.id, departures.moved)

    def _with_latest_edits(
        self,
        batch: RecordBatch,
        changes: Sequence[RecordChange],
        groups: Sequence[Group],
        origins: Mapping[ModelId, ModelId],
    ) -> list[RecordChange]:
        """Somebody may have edited a model while it was normalised; no edit may be lost."""
        edits = batch.edits([change.record.id for change in changes])
        return [
            change
            if change.edit == last_of(edits.get(change.record.id, ()))
            else self._change(FreshGroup(group=group, signature=change.signature), edits, origins)
            for change, group in zip(changes, groups, strict=True)
        ]

    def _change(
        self,
        fresh: FreshGroup,
        edits: Mapping[ModelId, Sequence[Edit]],
        origins: Mapping[ModelId, ModelId],
    ) -> RecordChange:
        return change_of(
            fresh.group,
            signature=fresh.signature,
            edits=edits.get(fresh.model, ()),
            now=self._run.started_at,
            moved_from=origins.get(fresh.model),
        )
