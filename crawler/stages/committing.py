"""Groups to records, page by page: each page with the models that left for one of it, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from catalog.recording import prints
from catalog.recording.places import place_of
from catalog.recording.recorder import Departures, FreshGroup, Recorder
from catalog.records import Group, ModelId
from catalog.store.attendance import Shelved
from catalog.store.batch import Committed, RecordChange
from catalog.store.documents import GONE, LIVE, MISSING
from catalog.store.records import Records
from crawler.source import Source
from crawler.stages.judging import Verdicts

PAGE_MODELS = 100

Compared = tuple[FreshGroup, Shelved | None]
"""A group and the record that there is of it."""


class Tally(Protocol):
    """Who counts what a run or an event wrote."""

    counts: Counter[str]

    def note(self) -> None: ...


class CommittingStage:
    """Writes what a run found and judged."""

    def __init__(self, source: Source, recorder: Recorder, account: Tally, verdicts: Verdicts) -> None:
        self.origins = verdicts.origins()
        self.models = 0
        """How many were looked at."""
        self._source = source
        self._recorder = recorder
        self._account = account
        self._replacing = verdicts.replacing()
        self._whither = {**verdicts.moved, **verdicts.superseded}
        self._states = {
            **dict.fromkeys([*verdicts.lost, *verdicts.moved], MISSING),
            **dict.fromkeys([*verdicts.gone, *verdicts.superseded], GONE),
        }
        self._leaving_for: dict[ModelId, list[ModelId]] = {}
        for model, target in self._whither.items():
            self._leaving_for.setdefault(target, []).append(model)

    def pages(self, batches: Iterable[Iterable[Compared]], *, reread: bool) -> Iterator[list[FreshGroup]]:
        """The groups of which other records would be made than those that are live; all of them with `reread`."""
        page: list[FreshGroup] = []
        for pairs in batches:
            for fresh, row in pairs:
                self.models += 1
                if is_current(fresh, row) and not reread:
                    self._account.counts["unchanged"] += 1
                else:
                    page.append(fresh)
                if len(page) >= PAGE_MODELS:
                    yield page
                    page = []
        if page:
            yield page

    def recorded(
        self, pages: Iterable[Sequence[FreshGroup]]
    ) -> Iterator[tuple[Sequence[FreshGroup], list[RecordChange]]]:
        """Each page with the records of its models."""
        placed = ([fresh.at(place_of(fresh.group, self._source.uri_of)) for fresh in page] for page in pages)
        return self._recorder.changes(placed, self.origins)

    def write(self, page: Sequence[FreshGroup], changes: Sequence[RecordChange]) -> Committed:
        """The records of a page, together with the departure of those that are now part of it: one transaction."""
        leaving = [model for fresh in page for model in self._leaving_for.pop(fresh.model, ())]
        done = self._recorder.record(
            page, changes, origins=self.origins, departures=self._departures(leaving)
        )
        counts = self._account.counts
        counts["new"] += sum(model not in self.origins for model in done.new)
        counts["changed"] += len(done.changed) + len(self._replacing.intersection(done.new))
        counts["unchanged"] += len(done.unchanged)
        self._account.note()
        return done

    def depart(self) -> None:
        """Those that are lost or gone, and those that left for a model that is as it was."""
        rest = list(self._states)
        for start in range(0, len(rest), PAGE_MODELS):
            self._recorder.depart(self._departures(rest[start : start + PAGE_MODELS]))

    def _departures(self, models: Sequence[ModelId]) -> Departures:
        states = {model: self._states.pop(model) for model in list(models)}
        return Departures(
            states=states,
            moved={model: self._whither[model] for model in states if model in self._whither},
        )


def compared(groups: Sequence[Group], records: Records, recipe: str) -> Iterator[Compared]:
    """Each of the groups with its record."""
    fresh = [FreshGroup(group=group, signature=prints.signature(group, recipe)) for group in groups]
    known = records.shelved_of([arrival.model for arrival in fresh])
    return ((arrival, known.get(arrival.model)) for arrival in fresh)


def is_current(fresh: FreshGroup, row: Shelved | None) -> bool:
    """Whether the live record was made of just this."""
    return row is not None and row.state == LIVE and row.signature == fresh.signature
