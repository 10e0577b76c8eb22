"""Groups to records, page by page: each page with the models that left for one of it, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from catalog.lazy_dataclasses import replace
from catalog.recording import prints
from catalog.recording.places import place_of
from catalog.recording.recorder import Departures, FreshGroup, Recorder
from catalog.records import Group
from catalog.store.attendance import Shelved
from catalog.store.documents import GONE, LIVE, MISSING
from catalog.store.record_changes import Committed, RecordChange
from catalog.store.records import Records
from crawler.source import Source
from crawler.stages.verdicts import AllVerdicts, Fate, Verdict

PAGE_MODELS = 100

Compared = tuple[FreshGroup, Shelved | None]
"""A group and the record that there is of it."""


class Tally(Protocol):
    """Who counts what a run or an event wrote."""

    counts: Counter[str]

    def note(self) -> None: ...


class CommittingStage:
    """Writes what a run found and judged."""

    def __init__(
        self, source: Source, recorder: Recorder, account: Tally, verdicts: AllVerdicts | None = None
    ) -> None:
        self.models = 0
        """How many were looked at."""
        self._source = source
        self._recorder = recorder
        self._account = account
        self._verdicts = verdicts or AllVerdicts()

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
        return self._recorder.changes(map(self._placed, pages))

    def write(self, page: Sequence[FreshGroup], changes: Sequence[RecordChange]) -> Committed:
        """The records of a page, together with the departure of those that are now part of it: one transaction."""
        models = [fresh.model for fresh in page]
        leaving = self._verdicts.leaving_for(models)
        done = self._recorder.record(page, changes, departures=_departures(leaving))
        self._verdicts.depart(leaving)
        origins = self._verdicts.origins(models)
        replacing = [
            model for model in done.new if model in origins and origins[model].fate is not Fate.MOVED
        ]
        counts = self._account.counts
        counts["new"] += sum(model not in origins for model in done.new)
        counts["changed"] += len(done.changed) + len(replacing)
        counts["unchanged"] += len(done.unchanged)
        self._account.note()
        return done

    def depart(self) -> None:
        """Those that are lost or gone, and those that left for a model that is as it was."""
        staying = self._verdicts.staying()
        while page := list(islice(staying, PAGE_MODELS)):
            self._recorder.depart(_departures(page))
            self._verdicts.depart(page)

    def _placed(self, page: Sequence[FreshGroup]) -> list[FreshGroup]:
        """The page with where a person finds each, and what it was before."""
        origins = self._verdicts.origins(fresh.model for fresh in page)
        return [
            replace(
                fresh.at(place_of(fresh.group, self._source.uri_of)),
                origin=origins[fresh.model].model if fresh.model in origins else None,
            )
            for fresh in page
        ]


def _departures(verdicts: Sequence[Verdict]) -> Departures:
    return Departures(
        states={
            verdict.model: MISSING if verdict.fate in {Fate.LOST, Fate.MOVED} else GONE
            for verdict in verdicts
        },
        moved={verdict.model: verdict.target for verdict in verdicts if verdict.target is not None},
    )


def compared(groups: Sequence[Group], records: Records, recipe: str) -> Iterator[Compared]:
    """Each of the groups with its record."""
    fresh = [FreshGroup(group=group, signature=prints.signature(group, recipe)) for group in groups]
    known = records.shelved_of([arrival.model for arrival in fresh])
    return ((arrival, known.get(arrival.model)) for arrival in fresh)


def is_current(fresh: FreshGroup, row: Shelved | None) -> bool:
    """Whether the live record was made of just this."""
    return row is not None and row.state == LIVE and row.signature == fresh.signature
