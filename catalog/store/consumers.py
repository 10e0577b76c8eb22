"""Consumers of revisions: the index, and whatever else follows the catalog, each with a cursor of its own.

Revisions are the log. A consumer's cursor says up to which revision it has taken the models up; what it took up and has
not settled is a delivery, claimed by the process that works on it, put off until later, or refused for good.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select, union, update

from catalog.errors import StoreError
from catalog.lazy_dataclasses import dataclass
from catalog.records import ModelId
from catalog.records.record import CLOCKS_DIFFER
from catalog.records.series import LATEST
from catalog.search.engine import INDEX, IndexAction, IndexOutcome
from catalog.store.database import has_come, parts, upsert
from catalog.store.leases import is_dead, this_process
from catalog.store.newest import IS_NEWEST
from catalog.store.revision_log import DEAD, GONE, PENDING, actions_of, newest_serial, states
from catalog.store.tables import consumers, deliveries, records, revisions

CLAIM_SECONDS = 300.0
"""How long a batch may take before another process may work on it, too. Who is known to be dead is not waited for."""
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 300.0
REASON_CHARACTERS = 2000
PAGE = 500
TROUBLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A state of a model that the consumer will never accept, and why."""

    id: ModelId
    revision: int
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How many models a consumer lacks for one reason; `final` when they are not tried again as they are."""

    models: int
    reason: str
    final: bool


class Consumer:
    """One who follows the revisions, and one who works for it: several, in any processes, share the work.

    What is claimed and neither settled nor released comes again with the next claim of the same worker, or to others
    when its process is dead or the claim is too old. No two workers have the same model in their hands.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name
        self._engine = engine
        self.claims_for: str | None = (
            None  # the place that what is claimed goes to; None where there is one alone
        )
        self.damaged: dict[str, str] = {}  # models whose document a rebuild could not read, with the reason
        self._worker = this_process(worker=secrets.token_hex(4))

    def register(self, *, from_now: bool = False) -> None:
        """Makes the consumer known, once: it gets every model there is, or only (`from_now`) what changes from now on."""
        with self._engine.begin() as connection:
            if connection.execute(_position(self.name)).scalar_one_or_none() is None:
                position = newest_serial(connection) if from_now else 0
                connection.execute(insert(consumers).values(name=self.name, position=position))

    def claim(self, limit: int = PAGE) -> list[IndexAction]:
        """The next models to work on, those that have waited longest first, each in its present state. None where another place
        gets them by now.
        """
        with self._engine.begin() as connection:
            position = before = self._locked(connection)
            if self.claims_for is not None and self.claims_for != self._place(connection):
                return []
            rows = self._due(connection, limit)
            while len(rows) < limit and position < (end := newest_serial(connection)):
                position, newer = self._newer(connection, position, end, limit - len(rows))
                rows += newer
            if position != before:
                self._move(connection, position)
            damaged: dict[str, str] = {}
            actions = actions_of(list({row.id: row for row in rows}.values()), damaged, self.name)
            for model, reason in damaged.items():
                self._note(connection, model, reason, state=DEAD, attempts=1)
        return self.claim(limit) if damaged and not actions else actions

    def settle(self, actions: Sequence[IndexAction], outcome: IndexOutcome) -> None:
        """Takes note of what became of a claim. A model that changed meanwhile comes again."""
        sent = {action.id: action for action in sorted(actions, key=lambda action: action.id)}
        done = set(outcome.done).intersection(sent)
        with self._engine.begin() as connection:
            self._locked(connection)
            own = self._own(connection, list(sent))
            current = {
                model: tries for model, (revision, tries) in own.items() if revision <= sent[model].revision
            }
            settled = [{"settled": model} for model in current if model in done]
            if settled:
                connection.execute(delete(deliveries).where(self._is(bindparam("settled"))), settled)
            for model, reason in outcome.rejected.items():
                if model in current:
                    self._note(connection, model, reason, state=DEAD, attempts=current[model] + 1)
            for model, reason in outcome.retry.items():
                if model in current:
                    later = time.time() + _pause(current[model])
                    self._note(connection, model, reason, next_try=later, attempts=current[model] + 1)
            self._free(connection, sorted(own.keys() - current.keys()))
            late = {model: action for model, action in sent.items() if model in done and model not in own}
            self._wait_again(connection, self._overtaken(connection, late))

    def put_off(self, actions: Sequence[IndexAction], reason: str) -> None:
        """None of these could be delivered now, and why."""
        self.settle(actions, IndexOutcome(retry={action.id: reason for action in actions}))

    def release(self) -> None:
        """Whatever this worker has claimed and not settled is free for others at once."""
        with self._engine.begin() as connection:
            self._locked(connection)
            chosen = self._pending() & (deliveries.c.claimed_by == self._worker)
            connection.execute(
                update(deliveries).where(chosen).values(claimed_by=None, claimed_until=None, next_try=0.0)
            )

    def must_be_anew(self) -> bool:
        """Whether what it holds must be made anew, because it holds in clear what is sealed by now."""
        with self._engine.connect() as connection:
            chosen = select(consumers.c.anew).where(consumers.c.name == self.name)
            return bool(connection.execute(chosen).scalar_one_or_none())

    def made_anew(self) -> None:
        """It holds nothing any more of what it held before."""
        with self._engine.begin() as connection:
            connection.execute(update(consumers).where(consumers.c.name == self.name).values(anew=0))

    def position(self) -> int:
        """The cursor: the number in the log of the last revision that was taken up."""
        with self._engine.connect() as connection:
            return int(connection.execute(_position(self.name)).scalar_one_or_none() or 0)

    def place(self) -> str:
        """The place that gets what is delivered, where several could; empty before the first."""
        with self._engine.connect() as connection:
            return self._place(connection)

    def _place(self, connection: Connection) -> str:
        chosen = select(consumers.c.place).where(consumers.c.name == self.name)
        return connection.execute(chosen).scalar_one_or_none() or ""

    def move_to(self, place: str) -> None:
        """What is claimed from now on goes there; who claims for another place gets nothing any more."""
        with self._engine.begin() as connection:
            connection.execute(update(consumers).where(consumers.c.name == self.name).values(place=place))

    def size(self) -> int:
        """How many models wait or are being worked on, dead letters not counted."""
        waiting = union(
            select(revisions.c.model).where(revisions.c.serial > _position(self.name).scalar_subquery()),
            select(deliveries.c.model).where(self._pending()),
        ).subquery()
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(waiting)).scalar_one())

    def retry_now(self) -> None:
        """Everything that was put off is due at once (whoever takes it is back)."""
        put_off = self._pending() & deliveries.c.claimed_by.is_(None) & (deliveries.c.next_try > 0)
        with self._engine.begin() as connection:
            self._locked(connection)
            connection.execute(update(deliveries).where(put_off).values(next_try=0.0))

    def troubles(self, limit: int = TROUBLES) -> list[Trouble]:
        """Why models are not delivered in their present state, the commonest reason first."""
        counted = func.count()
        statement = (
            select(deliveries.c.state, deliveries.c.reason, counted.label("models"))
            .join(records, records.c.id == deliveries.c.model)
            .where(self._current() & deliveries.c.reason.is_not(None))
            .group_by(deliveries.c.state, deliveries.c.reason)
            .order_by(counted.desc(), deliveries.c.state, deliveries.c.reason)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(statement.limit(limit))
            return [Trouble(models=row.models, reason=row.reason, final=row.state == DEAD) for row in rows]

    def dead_letters(self) -> list[DeadLetter]:
        """The models that are refused in their present state."""
        statement = (
            select(deliveries)
            .join(records, records.c.id == deliveries.c.model)
            .where(self._current() & (deliveries.c.state == DEAD))
            .order_by(deliveries.c.model)
        )
        with self._engine.connect() as connection:
            return [
                DeadLetter(
                    id=ModelId(row.model),
                    revision=row.revision,
                    reason=row.reason or "",
                    attempts=row.attempts,
                )
                for row in connection.execute(statement)
            ]

    def all_again(self) -> int:
        """Every model waits, also those that are gone: the other side may hold anything. How many wait now."""
        with self._engine.begin() as connection:
            self._locked(connection)
            connection.execute(delete(deliveries).where(deliveries.c.consumer == self.name))
            self._move(connection, 0)
        return self.size()

    def snapshot(self) -> tuple[Iterable[IndexAction], int]:
        """Every model's present state in id order, for a rebuild, and the watermark to give to `since` afterwards."""
        self.damaged = {}
        with self._engine.connect() as connection:
            watermark = newest_serial(connection)
        return self._all(), watermark

    def since(self, watermark: int) -> Iterator[IndexAction]:
        """The present state of every model that changed after the snapshot; read when it is iterated."""
        while True:
            with self._engine.connect() as connection:
                newer = (
                    select(revisions.c.model, func.max(revisions.c.serial).label("serial"))
                    .where(revisions.c.serial > watermark)
                    .group_by(revisions.c.model)
                    .subquery()
                )
                statement = (
                    states(newer.c.serial).join(newer, newer.c.model == records.c.id).order_by(newer.c.serial)
                )
                rows = list(connection.execute(statement.limit(PAGE)))
                actions = actions_of(rows, self.damaged, self.name)
            yield from actions
            if len(rows) < PAGE:
                return
            watermark = rows[-1].serial

    def rebuilt(self, watermark: int, rejected: Mapping[str, str] | None = None) -> None:
        """Everything up to the watermark is delivered, by a rebuild.

        What it `rejected` (model -> reason) becomes a dead letter, whether it waited or not.
        """
        contained = (
            select(revisions.c.serial)
            .where(revisions.c.model == deliveries.c.model, revisions.c.number == deliveries.c.revision)
            .where(revisions.c.serial <= watermark)
        )
        with self._engine.begin() as connection:
            position = self._locked(connection)
            # Dead letters among them, too: they are delivered now, or rejected once more.
            connection.execute(
                delete(deliveries).where((deliveries.c.consumer == self.name) & contained.exists())
            )
            self._move(connection, max(position, watermark))
            for model, reason in sorted({**(rejected or {}), **self.damaged}.items()):
                self._bury(connection, model, reason, watermark)

    def _locked(self, connection: Connection) -> int:
        """The cursor, with the right to change deliveries until the transaction ends: workers take turns."""
        position = connection.execute(_position(self.name).with_for_update()).scalar_one_or_none()
        if position is None:
            raise StoreError(f"No consumer of the name {self.name!r} is registered.")
        return int(position)

    def _move(self, connection: Connection, position: int) -> None:
        connection.execute(update(consumers).where(consumers.c.name == self.name).values(position=position))

    def _due(self, connection: Connection, limit: int) -> list[Any]:
        """Takes over what nobody works on any more, then what was put off and is due.

        A state that a newer one follows is left: the newer one is ahead of the cursor and takes its place.
        """
        now = time.time()
        forsaken = deliveries.c.claimed_by.in_(self._forsaken(connection, now))
        nobodys = deliveries.c.claimed_by.is_(None)
        due = nobodys & (deliveries.c.next_try <= now)
        # Of a clock that was wrong; asked for apart, so that the index serves both.
        misdated = nobodys & (
            deliveries.c.next_try > now + LONGEST_RETRY_SECONDS + CLOCKS_DIFFER.total_seconds()
        )
        waiting = states().join(deliveries, deliveries.c.model == records.c.id).where(self._current())
        rows: list[Any] = []
        # Each in the order that the database's index has: it need not read all that waits.
        for free in (forsaken, due, misdated):
            chosen = waiting.where(self._pending() & free).order_by(deliveries.c.next_try)
            rows += connection.execute(chosen.limit(limit - len(rows)))
        claim = {"claimed_by": self._worker, "claimed_until": now + CLAIM_SECONDS}
        for part in parts([row.id for row in rows]):
            mine = (deliveries.c.consumer == self.name) & deliveries.c.model.in_(part)
            connection.execute(update(deliveries).where(mine).values(claim))
        return rows

    def _forsaken(self, connection: Connection, now: float) -> list[str]:
        """The workers whose claims are free: those of dead processes, those too old, and one's own."""
        last = func.max(deliveries.c.claimed_until)
        claims = (
            select(deliveries.c.claimed_by, last)
            .where(self._pending() & deliveries.c.claimed_by.is_not(None))
            .group_by(deliveries.c.claimed_by)
        )
        return [
            worker
            for worker, until in connection.execute(claims)
            if worker == self._worker or has_come(until, now, within=CLAIM_SECONDS) or is_dead(worker)
        ]

    def _newer(self, connection: Connection, position: int, end: int, limit: int) -> tuple[int, list[Any]]:
        """Claims what the cursor passes, and how far it comes; a revision that a newer one follows is passed by."""
        statement = (
            states(revisions.c.serial)
            .where(revisions.c.serial > position, revisions.c.serial <= end)
            .order_by(revisions.c.serial)
        )
        rows = list(connection.execute(statement.limit(limit)))
        fresh = {"state": PENDING, "reason": None, "attempts": 0, "next_try": 0.0}
        claim = {"claimed_by": self._worker, "claimed_until": time.time() + CLAIM_SECONDS}
        busy = self._under_way(connection, [row.id for row in rows])
        mine = [row for row in rows if row.id not in busy]
        upsert(connection, deliveries, [{**self._key(row), **fresh, **claim} for row in mine])
        # The newer state of a model that somebody works on comes after that, so that no state overtakes another.
        left = [{**self._key(row), **fresh} for row in rows if row.id in busy]
        upsert(connection, deliveries, left, update=["revision"])
        return (rows[-1].serial if len(rows) == limit else end), mine

    def _key(self, row: Any) -> dict[str, Any]:
        return {"consumer": self.name, "model": row.id, "revision": row.revision}

    def _under_way(self, connection: Connection, models: Sequence[str]) -> set[str]:
        """Those of these that another worker has in its hands."""
        forsaken = self._forsaken(connection, time.time())
        others = (
            self._pending() & deliveries.c.claimed_by.is_not(None) & deliveries.c.claimed_by.not_in(forsaken)
        )
        return {
            model
            for part in parts(models)
            for model in connection.execute(
                select(deliveries.c.model).where(others & deliveries.c.model.in_(part))
            ).scalars()
        }

    def _own(self, connection: Connection, models: Sequence[str]) -> dict[str, tuple[int, int]]:
        """The claims among these that are still this worker's: the newest revision to deliver, the attempts before."""
        own: dict[str, tuple[int, int]] = {}
        columns = (deliveries.c.model, deliveries.c.revision, deliveries.c.attempts)
        for part in parts(models):
            chosen = (
                self._pending() & (deliveries.c.claimed_by == self._worker) & deliveries.c.model.in_(part)
            )
            for row in connection.execute(select(*columns).where(chosen)):
                own[row.model] = row.revision, row.attempts
        return own

    def _note(self, connection: Connection, model: str, reason: str, **values: Any) -> None:
        """What became of a claim that did not succeed; the claim ends."""
        ended = {"claimed_by": None, "claimed_until": None, "reason": str(reason)[:REASON_CHARACTERS]}
        connection.execute(update(deliveries).where(self._is(model)).values(**ended, **values))

    def _overtaken(self, connection: Connection, late: Mapping[str, IndexAction]) -> list[str]:
        """Models that this worker delivered when its claim was another's already, and that stand otherwise by now.

        What was older may have come last. Versions keep an engine from taking an older state, but Elasticsearch forgets the
        version of a deleted document within a minute, and a model that is the latest no more has the same version as before.
        """
        return [
            row.id
            for part in parts(list(late))
            for row in connection.execute(
                select(records.c.id, records.c.revision, records.c.latest).where(records.c.id.in_(part))
            )
            if row.revision > late[row.id].revision or self._is_flagged_otherwise(late[row.id], row)
        ]

    def _is_flagged_otherwise(self, action: IndexAction, row: Any) -> bool:
        if self.name != INDEX or action.document is None:
            return False
        return (LATEST in action.document.get("flags", ())) != bool(row.latest)

    def _free(self, connection: Connection, models: Sequence[str]) -> None:
        """The newer states of these that the cursor passed meanwhile are due, for any worker. What is newer still is ahead
        of the cursor: put here it would be delivered twice, now and when the cursor comes by.
        """
        free = {"reason": None, "attempts": 0, "next_try": 0.0, "claimed_by": None, "claimed_until": None}
        for part in parts(models):
            mine = (deliveries.c.consumer == self.name) & deliveries.c.model.in_(part)
            connection.execute(update(deliveries).where(mine).values(free))

    def _wait_again(self, connection: Connection, models: Sequence[str]) -> None:
        """The present states of these models are due, for any worker."""
        for part in parts(sorted(models)):
            rows = connection.execute(select(records.c.id, records.c.revision).where(records.c.id.in_(part)))
            values = {"state": PENDING, "reason": None, "attempts": 0, "next_try": 0.0}
            free = {**values, "claimed_by": None, "claimed_until": None}
            upsert(connection, deliveries, [{**self._key(row), **free} for row in rows])

    def _bury(self, connection: Connection, model: str, reason: str, watermark: int) -> None:
        """A dead letter for the present state of a model; a newer state that waits is left to its delivery."""
        waiting = connection.execute(select(deliveries.c.model).where(self._is(model))).first()
        chosen = (records.c.id == model) & (revisions.c.serial <= watermark)
        row = connection.execute(select(records.c.revision).join(revisions, IS_NEWEST).where(chosen)).first()
        if waiting is None and row is not None:
            values = {
                "state": DEAD,
                "reason": str(reason)[:REASON_CHARACTERS],
                "attempts": 1,
                "next_try": 0.0,
            }
            connection.execute(
                insert(deliveries).values(consumer=self.name, model=model, revision=row.revision, **values)
            )

    def _all(self) -> Iterator[IndexAction]:
        last = ""
        while True:
            with self._engine.connect() as connection:
                chosen = (records.c.id > last) & (records.c.state != GONE)
                rows = list(connection.execute(states().where(chosen).order_by(records.c.id).limit(PAGE)))
                actions = actions_of(rows, self.damaged, self.name)
            yield from actions
            if len(rows) < PAGE:
                return
            last = rows[-1].id

    def _is(self, model: Any) -> Any:
        return (deliveries.c.consumer == self.name) & (deliveries.c.model == model)

    def _pending(self) -> Any:
        return (deliveries.c.consumer == self.name) & (deliveries.c.state == PENDING)

    def _current(self) -> Any:
        """Deliveries of the present state of their model, in a join with the records."""
        return (deliveries.c.consumer == self.name) & (deliveries.c.revision >= records.c.revision)


def _position(name: str) -> Any:
    return select(consumers.c.position).where(consumers.c.name == name)


def _pause(attempts: int) -> float:
    """Seconds until the next try: twice as long each time, with jitter."""
    longest: float = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(attempts, 20))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
