"""Runs: one row per crawl of one source, with the scopes that could not be listed."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, insert, select, update

from catalog.errors import NotAcceptable
from catalog.lazy_dataclasses import dataclass, replace
from catalog.records import ObjectKey, Run, RunState, SourceId
from catalog.records.objects import is_too_long
from catalog.records.record import ACCEPTED, ACCEPTED_AT
from catalog.store.codec import instant, parse_instant, read_object
from catalog.store.database import upsert
from catalog.store.leases import Lease
from catalog.store.tables import runs, scopes, sources

MAX_PROBLEMS = 200
FINISHED = (RunState.COMPLETE.value, RunState.PARTIAL.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastListing:
    """What an earlier run may testify: when it began, and where it could not look (None: that is not known)."""

    run: int
    started_at: datetime
    failed_scopes: frozenset[str] | None

    def proves_absence(self, scopes: Iterable[str]) -> bool:
        """Whether it listed what is inside all these scopes to its end."""
        return self.failed_scopes is not None and self.failed_scopes.isdisjoint(scopes)


class Runs:
    """The history of crawls."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest(self, limit: int = 20, *, source: SourceId | None = None) -> list[Run]:
        """The newest runs, newest first."""
        statement = select(runs).order_by(runs.c.id.desc()).limit(limit)
        if source is not None:
            statement = statement.where(runs.c.source == source)
        with self._engine.connect() as connection:
            return [_run(row) for row in connection.execute(statement)]

    def get(self, number: int) -> Run | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(runs).where(runs.c.id == number)).one_or_none()
            return None if row is None else _run(row)

    def last_finished(self, source: SourceId) -> Run | None:
        """The newest run that looked at the whole source; None if none ever did."""
        return self._last(source, FINISHED)

    def last_in(self, source: SourceId, state: RunState) -> Run | None:
        """The newest run of the source that is or ended in this state."""
        return self._last(source, (state.value,))

    def _last(self, source: SourceId, states: Sequence[str]) -> Run | None:
        chosen = (runs.c.source == source) & runs.c.state.in_(states)
        with self._engine.connect() as connection:
            row = connection.execute(select(runs).where(chosen).order_by(runs.c.id.desc()).limit(1)).first()
            return None if row is None else _run(row)

    def start(self, source: SourceId, uri: str, lease: Lease) -> Run:
        """A new running run. Whoever holds the lease of a source is its only writer: its other running rows are of dead owners."""
        now = instant(datetime.now(UTC))
        with self._engine.begin() as connection:
            lease.check(connection)
            connection.execute(
                update(runs)
                .where((runs.c.source == source) & (runs.c.state == RunState.RUNNING))
                .values(state=RunState.INTERRUPTED, finished_at=now)
            )
            known = connection.execute(select(sources.c.asked_at).where(sources.c.id == source)).one_or_none()
            if known is None:
                connection.execute(insert(sources).values(id=source, uri=uri, added_at=now, recipe=""))
            elif known.asked_at is not None:
                connection.execute(update(sources).where(sources.c.id == source).values(asked_at=None))
            values = {
                "source": source,
                "started_at": now,
                "state": RunState.RUNNING.value,
                "token": lease.token,
            }
            insertion = connection.execute(insert(runs).values(**values, counts="{}", problems="[]"))
            number = insertion.inserted_primary_key[0] if insertion.inserted_primary_key else 0
            return _run(connection.execute(select(runs).where(runs.c.id == number)).one())

    def accept(self, number: int) -> Run | None:
        """The held run, with the mark that the next crawl of its source may lose as many models, if it begins in time; None if
        there is no such run.

        Raises NotAcceptable if it is not held, or not the last of its source.
        """
        with self._engine.begin() as connection:
            row = connection.execute(select(runs).where(runs.c.id == number)).one_or_none()
            if row is None:
                return None
            if row.state != RunState.HELD:
                raise NotAcceptable(f"Run {number} is {row.state}, and not held: there is nothing to accept.")
            of_source = select(runs).where(runs.c.source == row.source).order_by(runs.c.id.desc()).limit(1)
            newest = connection.execute(of_source).one()
            if newest.id != number:
                raise NotAcceptable(
                    f"Run {number} is not the last of its source: run {newest.id} is, and is {newest.state}.",
                    advice=f"See: modeldex runs show {newest.id}",
                )
            run = _run(row)
            now = int(datetime.now(UTC).timestamp())
            counts = {**run.counts, ACCEPTED: run.would_lose, ACCEPTED_AT: now}
            connection.execute(update(runs).where(runs.c.id == number).values(counts=json.dumps(counts)))
            return replace(run, counts=counts)

    def take_back(self, number: int) -> bool:
        """The held run is as it was before somebody accepted it. False where a crawl has begun since, which may go by that."""
        with self._engine.begin() as connection:
            row = connection.execute(select(runs).where(runs.c.id == number)).one_or_none()
            if row is None:
                return False
            later = select(runs.c.id).where((runs.c.source == row.source) & (runs.c.id > number)).limit(1)
            if connection.execute(later).first() is not None:
                return False
            counts = {
                name: count for name, count in _run(row).counts.items() if name not in {ACCEPTED, ACCEPTED_AT}
            }
            connection.execute(update(runs).where(runs.c.id == number).values(counts=json.dumps(counts)))
            return True

    def concluded_before(self, run: Run) -> Run | None:
        """The run before this one, which a person may have accepted. One that was killed or told to end in between is none:
        it has concluded nothing.
        """
        chosen = (runs.c.source == run.source) & (runs.c.id < run.id) & (runs.c.state != RunState.INTERRUPTED)
        with self._engine.connect() as connection:
            row = connection.execute(select(runs).where(chosen).order_by(runs.c.id.desc()).limit(1)).first()
        return None if row is None else _run(row)

    def scope_failed(self, run: Run, scope: str, error: str) -> None:
        """One whose name is too long is noted as the scope around it: what lies there is protected, too."""
        while is_too_long(scope):
            scope = scope.rpartition("/")[0]
        with self._engine.begin() as connection:
            upsert(connection, scopes, [{"run": run.id, "scope": os.fsencode(scope), "error": error}])

    def note_counts(
        self, run: Run, counts: Mapping[str, int], *, lease: Lease, listed_to: ObjectKey | None = None
    ) -> None:
        """How far a running run is. Raises LeaseLost."""
        with self._engine.begin() as connection:
            lease.check(connection)
            chosen = update(runs).where(runs.c.id == run.id)
            connection.execute(
                chosen.values(counts=json.dumps(dict(counts)), listed_to=_packed_key(listed_to))
            )

    def listings_after(self, source: SourceId, run: int) -> list[PastListing]:
        """The finished runs of the source after this one, oldest first."""
        chosen = (runs.c.source == source) & runs.c.state.in_(FINISHED) & (runs.c.id > run)
        failed: dict[int, set[str]] = defaultdict(set)
        with self._engine.connect() as connection:
            rows = list(connection.execute(select(runs).where(chosen).order_by(runs.c.id)))
            joined = select(scopes).join(runs, runs.c.id == scopes.c.run).where(chosen)
            for row in connection.execute(joined):
                failed[row.run].add(os.fsdecode(row.scope))
        return [
            PastListing(
                run=row.id,
                started_at=parse_instant(row.started_at),
                # An older version counted the scopes that failed, and did not write down which.
                failed_scopes=None
                if read_object(row.counts).get("scopes_failed") and row.id not in failed
                else frozenset(failed[row.id]),
            )
            for row in rows
        ]

    def finish(
        self,
        run: Run,
        state: RunState,
        counts: Mapping[str, int],
        problems: Sequence[str],
        *,
        listed_to: ObjectKey | None = None,
    ) -> Run:
        """The run as it ended. `listed_to` is where the next one goes on; None if the listing came to its end."""
        kept = [*problems[:MAX_PROBLEMS]]
        if len(problems) > MAX_PROBLEMS:
            kept.append(f"and {len(problems) - MAX_PROBLEMS} more")
        with self._engine.begin() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.id == run.id)
                .values(
                    state=state.value,
                    finished_at=instant(datetime.now(UTC)),
                    counts=json.dumps(dict(counts)),
                    problems=json.dumps(kept),
                    listed_to=_packed_key(listed_to),
                )
            )
            return _run(connection.execute(select(runs).where(runs.c.id == run.id)).one())


def seen_at(connection: Any) -> dict[str, str]:
    """When each source was last crawled to its end: the last sight of every record that a run did not miss."""
    newest = select(func.max(runs.c.id)).where(runs.c.state.in_(FINISHED)).group_by(runs.c.source)
    statement = select(runs.c.source, runs.c.started_at).where(runs.c.id.in_(newest))
    return {row[0]: row[1] for row in connection.execute(statement)}


def shown_last_seen(row: Any, seen: dict[str, str], document: Mapping[str, Any]) -> str:
    """When a crawl last saw the model, to the millisecond as every other date of a document."""
    at: str = row.last_seen or seen.get(row.source) or document["first_seen"]
    return at if len(at) <= 24 else f"{at[:23]}Z"


def _problems(text: str) -> tuple[str, ...]:
    """A run's account that cannot be read is no reason to refuse the next run."""
    try:
        return tuple(json.loads(text))
    except (ValueError, TypeError):
        return ("the account of this run is damaged",)


def _packed_key(key: ObjectKey | None) -> bytes | None:
    return None if key is None else os.fsencode(key)


def _run(row: Any) -> Run:
    return Run(
        id=row.id,
        source=SourceId(row.source),
        started_at=parse_instant(row.started_at),
        finished_at=parse_instant(row.finished_at) if row.finished_at else None,
        state=RunState(row.state),
        counts=read_object(row.counts),
        problems=_problems(row.problems),
        listed_to=None if row.listed_to is None else ObjectKey(os.fsdecode(row.listed_to)),
    )
