"""The outbox: which models an engine does not show in their present state yet. Written with the record, in one transaction."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, and_, bindparam, delete, func, insert, select, update

from catalog.records import ModelId
from catalog.search.engine import IndexAction, IndexOutcome
from catalog.store.canonical import sanitised
from catalog.store.database import upsert
from catalog.store.runs import seen_at
from catalog.store.tables import outbox, records, revisions

GONE = "gone"
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 300.0
PAGE = 500
TROUBLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A state of a model that the engine will never accept, and why."""

    id: ModelId
    revision: int
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How many models the index lacks for one reason; `final` when they are not tried again as they are."""

    models: int
    reason: str
    final: bool


class Outbox:
    """One row per model whose newest revision is not indexed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pending(self, limit: int = PAGE) -> list[IndexAction]:
        """The next actions that are due, those that have waited longest first; each carries the model's present state."""
        due = (outbox.c.state == "pending") & (outbox.c.next_try <= time.time())
        # In the order that the database's index has: sorting by more would read all that waits, each time.
        statement = (
            _actions().join(outbox, outbox.c.model == records.c.id).where(due).order_by(outbox.c.next_try)
        )
        with self._engine.connect() as connection:
            return _built(connection, connection.execute(statement.limit(limit)))

    def settle(self, actions: Sequence[IndexAction], outcome: IndexOutcome) -> None:
        """Takes note of what the engine did. A model that changed meanwhile stays pending."""
        sent = {action.id: action.revision for action in actions}
        done = [
            {"sent_model": model, "sent_revision": sent[model]} for model in outcome.done if model in sent
        ]
        with self._engine.begin() as connection:
            if done:
                connection.execute(_SETTLED, done)
            for model, reason in outcome.rejected.items():
                values = {"state": "dead", "reason": str(reason)[:2000], "attempts": outbox.c.attempts + 1}
                connection.execute(update(outbox).where(_is(model, sent.get(model, 0))).values(**values))
            for model, reason in outcome.retry.items():
                _put_off(connection, model, sent.get(model, 0), str(reason)[:2000])

    def size(self) -> int:
        """How many models wait, dead letters not counted."""
        with self._engine.connect() as connection:
            return int(
                connection.execute(select(func.count()).where(outbox.c.state == "pending")).scalar_one()
            )

    def retry_now(self) -> None:
        """Everything that waits is due at once (the engine is back)."""
        put_off = (outbox.c.state == "pending") & (outbox.c.next_try > 0)
        with self._engine.begin() as connection:
            connection.execute(update(outbox).where(put_off).values(next_try=0.0))

    def put_off(self, actions: Sequence[IndexAction], reason: str) -> None:
        """The engine took none of these, and says why."""
        self.settle(actions, IndexOutcome(retry={action.id: reason for action in actions}))

    def troubles(self, limit: int = TROUBLES) -> list[Trouble]:
        """Why models are not in the index in their present state, the commonest reason first."""
        counted = func.count()
        statement = (
            select(outbox.c.state, outbox.c.reason, counted.label("models"))
            .where(outbox.c.reason.is_not(None))
            .group_by(outbox.c.state, outbox.c.reason)
            .order_by(counted.desc(), outbox.c.state, outbox.c.reason)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(statement.limit(limit))
            return [Trouble(models=row.models, reason=row.reason, final=row.state == "dead") for row in rows]

    def all_again(self) -> int:
        """Every model waits, also those that are gone: the index may hold anything. How many wait now."""
        last = ""
        while True:
            with self._engine.begin() as connection:
                chosen = select(records.c.id, records.c.revision).where(records.c.id > last)
                rows = list(connection.execute(chosen.order_by(records.c.id).limit(PAGE)))
                enqueue(connection, [(row.id, row.revision) for row in rows])
            if len(rows) < PAGE:
                return self.size()
            last = rows[-1].id

    def dead_letters(self) -> list[DeadLetter]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(outbox).where(outbox.c.state == "dead").order_by(outbox.c.model))
            return [
                DeadLetter(
                    id=ModelId(row.model),
                    revision=row.revision,
                    reason=row.reason or "",
                    attempts=row.attempts,
                )
                for row in rows
            ]

    def snapshot(self) -> tuple[Iterable[IndexAction], int]:
        """Every model's present state in id order, for a rebuild, and the watermark to give to `since` afterwards."""
        with self._engine.connect() as connection:
            watermark = int(
                connection.execute(select(func.coalesce(func.max(revisions.c.serial), 0))).scalar_one()
            )
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
                    _actions(newer.c.serial)
                    .join(newer, newer.c.model == records.c.id)
                    .order_by(newer.c.serial)
                )
                rows = list(connection.execute(statement.limit(PAGE)))
                actions = _built(connection, rows)
            yield from actions
            if len(rows) < PAGE:
                return
            watermark = rows[-1].serial

    def rebuilt(self, watermark: int, rejected: Mapping[str, str] | None = None) -> None:
        """A rebuilt index holds everything up to the watermark: those rows need no drain any more.

        What it `rejected` (model -> reason) becomes a dead letter, whether it waited or not.
        """
        held = select(revisions.c.model, func.max(revisions.c.number).label("number")).where(
            revisions.c.serial <= watermark
        )
        held_rows = held.group_by(revisions.c.model).subquery()
        settled = select(outbox.c.model).join(
            held_rows, and_(held_rows.c.model == outbox.c.model, outbox.c.revision <= held_rows.c.number)
        )
        with self._engine.begin() as connection:
            # Dead letters among them, too: the new index either holds those models now or rejects them once more.
            connection.execute(delete(outbox).where(outbox.c.model.in_(settled.scalar_subquery())))
            for model, reason in (rejected or {}).items():
                _bury(connection, model, reason)

    def _all(self) -> Iterator[IndexAction]:
        last = ""
        while True:
            with self._engine.connect() as connection:
                chosen = (records.c.id > last) & (records.c.state != GONE)
                rows = list(connection.execute(_actions().where(chosen).order_by(records.c.id).limit(PAGE)))
                actions = _built(connection, rows)
            yield from actions
            if len(rows) < PAGE:
                return
            last = rows[-1].id


def enqueue(connection: Connection, changed: Sequence[tuple[str, int]]) -> None:
    """These models have a new revision; part of the transaction that writes them."""
    upsert(
        connection,
        outbox,
        [
            {
                "model": model,
                "revision": revision,
                "state": "pending",
                "reason": None,
                "attempts": 0,
                "next_try": 0.0,
            }
            for model, revision in changed
        ],
    )


def _bury(connection: Connection, model: str, reason: str) -> None:
    """A dead letter for the present state of a model; a newer state that waits is left to its drain."""
    waiting = connection.execute(select(outbox.c.model).where(outbox.c.model == model)).first()
    row = connection.execute(select(records.c.revision).where(records.c.id == model)).first()
    if waiting is None and row is not None:
        values = {"model": model, "revision": row.revision, "state": "dead", "reason": str(reason)[:2000]}
        connection.execute(insert(outbox).values(**values, attempts=1, next_try=0.0))


def _actions(*more: Any) -> Any:
    columns = (
        records.c.id,
        records.c.source,
        records.c.revision,
        records.c.state,
        records.c.last_seen,
        records.c.document,
    )
    return select(*columns, *more)


def _built(connection: Connection, rows: Iterable[Any]) -> list[IndexAction]:
    seen = seen_at(connection)
    return [IndexAction(id=row.id, revision=row.revision, document=_document(row, seen)) for row in rows]


def _document(row: Any, seen: dict[str, str]) -> dict[str, Any] | None:
    if row.state == GONE:
        return None
    document = _read(row.document)
    document["last_seen"] = shown_last_seen(row, seen)
    return document


def _read(text: str) -> dict[str, Any]:
    """A stored document. It was sanitised when it was written; what a strict parser does not take is sanitised again."""
    import orjson  # noqa: PLC0415 - 20 ms that only the writing side needs

    try:
        document: dict[str, Any] = orjson.loads(text)
    except ValueError:
        document = sanitised(json.loads(text))
    return document


def shown_last_seen(row: Any, seen: dict[str, str]) -> str:
    """When a crawl last saw the model, to the millisecond as every other date of a document."""
    at: str = row.last_seen or seen.get(row.source) or json.loads(row.document)["first_seen"]
    return at if len(at) <= 24 else f"{at[:23]}Z"


_SETTLED = delete(outbox).where(
    (outbox.c.model == bindparam("sent_model")) & (outbox.c.revision <= bindparam("sent_revision"))
)


def _is(model: str, revision: int) -> Any:
    return (outbox.c.model == model) & (outbox.c.revision <= revision)


def _put_off(connection: Connection, model: str, revision: int, reason: str) -> None:
    attempts = connection.execute(select(outbox.c.attempts).where(_is(model, revision))).scalar_one_or_none()
    if attempts is None:
        return
    wait = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(attempts, 20)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
    values = {"attempts": attempts + 1, "reason": reason, "next_try": time.time() + wait}
    connection.execute(update(outbox).where(_is(model, revision)).values(**values))
