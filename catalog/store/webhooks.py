"""Webhooks, each a consumer of revisions with a cursor of its own, and which state of a model each was told of last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.records.webhooks import News, Webhook
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.store.codec import instant, parse_instant, unpack_json
from catalog.store.consumers import Consumer
from catalog.store.database import parts, upsert
from catalog.store.sealing import WEBHOOK, Sealing
from catalog.store.tables import consumers, deliveries, revisions, webhook_states, webhooks

PREFIX = "webhook:"
GONE = "gone"


@dataclass(frozen=True, slots=True)
class ToldState:
    """The state of a model that a webhook knows: None for the document of one that was not there or is gone."""

    revision: int
    document: Mapping[str, Any] | None


UNKNOWN = ToldState(0, None)


def consumer_name(webhook: str) -> str:
    """The name of the consumer that works for this webhook."""
    return f"{PREFIX}{webhook}"


class Webhooks:
    """The webhooks of the catalog."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Webhook]:
        """By name."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(webhooks).order_by(webhooks.c.name)).mappings()
            sealing = Sealing(connection)
            return [_webhook(row, sealing) for row in rows]

    def add(self, webhook: Webhook) -> None:
        """It hears of what happens from now on. Raises UserError if there is one of this name."""
        values = {
            "name": webhook.name,
            "url": webhook.url,
            "events": ",".join(webhook.events),
            "secret": webhook.secret,
            "added_at": instant(datetime.now(UTC)),
        }
        with self._engine.begin() as connection:
            chosen = select(webhooks.c.name).where(webhooks.c.name == webhook.name)
            if connection.execute(chosen).first() is not None:
                raise UserError(f"There is a webhook {webhook.name!r} already.", advice="Remove it first.")
            newest = connection.execute(select(func.coalesce(func.max(revisions.c.serial), 0))).scalar_one()
            values["query"] = Sealing(connection).text(webhook.query, WEBHOOK, webhook.name)
            connection.execute(insert(webhooks).values(**values, since_serial=newest))
            connection.execute(insert(consumers).values(name=consumer_name(webhook.name), position=newest))

    def remove(self, name: str) -> bool:
        """It hears nothing more; False if there is none of this name."""
        consumer = consumer_name(name)
        with self._engine.begin() as connection:
            known = connection.execute(delete(webhooks).where(webhooks.c.name == name)).rowcount
            connection.execute(delete(webhook_states).where(webhook_states.c.webhook == name))
            connection.execute(delete(deliveries).where(deliveries.c.consumer == consumer))
            connection.execute(delete(consumers).where(consumers.c.name == consumer))
        return bool(known)

    def consumer(self, name: str) -> Consumer:
        return Consumer(self._engine, consumer_name(name))

    def known_states(self, name: str, models: Sequence[str]) -> dict[str, ToldState]:
        """What the webhook knows of each of these: what it was told last, else what was there when it was added."""
        states: dict[str, ToldState] = {}
        with self._engine.connect() as connection:
            since = select(webhooks.c.since_serial).where(webhooks.c.name == name)
            serial = connection.execute(since).scalar_one_or_none() or 0
            for part in parts(list(models)):
                states |= _before(connection, part, serial)
                states |= _last_heard(connection, name, part)
        return states

    def note(self, name: str, states: Mapping[str, int]) -> None:
        """The webhook knows these states now (model -> revision)."""
        rows = [{"webhook": name, "model": model, "revision": number} for model, number in states.items()]
        with self._engine.begin() as connection:
            upsert(connection, webhook_states, rows)


def _before(connection: Connection, models: Sequence[str], serial: int) -> dict[str, ToldState]:
    newest = (
        select(revisions.c.model, func.max(revisions.c.serial).label("serial"))
        .where(revisions.c.model.in_(models), revisions.c.serial <= serial)
        .group_by(revisions.c.model)
        .subquery()
    )
    rows = connection.execute(select(revisions).join(newest, newest.c.serial == revisions.c.serial))
    return {row.model: _state(row) for row in rows}


def _last_heard(connection: Connection, name: str, models: Sequence[str]) -> dict[str, ToldState]:
    same = (revisions.c.model == webhook_states.c.model) & (revisions.c.number == webhook_states.c.revision)
    statement = (
        select(revisions)
        .join(webhook_states, same)
        .where(webhook_states.c.webhook == name, webhook_states.c.model.in_(models))
    )
    return {row.model: _state(row) for row in connection.execute(statement)}


def _state(row: Any) -> ToldState:
    document = unpack_json(row.document)
    return ToldState(row.number, None if document.get("status") == GONE else document)


def _webhook(row: Any, sealing: Sealing) -> Webhook:
    """One of which the key is not here has a query that nobody understands, and that says why: nothing is sent."""
    try:
        query = sealing.opened_text(row["query"], WEBHOOK, row["name"])
    except (KeyMissing, SealBroken) as error:
        query = f'unreadable:"{getattr(error, "sentence", error)}"'
    return Webhook(
        name=row["name"],
        url=row["url"],
        query=query,
        events=tuple(News(word) for word in row["events"].split(",") if word),
        secret=row["secret"],
        added_at=parse_instant(row["added_at"]),
    )
