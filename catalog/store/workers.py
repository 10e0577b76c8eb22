"""Which workers are alive: each holds a lease of its own while it runs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, delete, select

from catalog.lazy_dataclasses import dataclass
from catalog.records.objects import SourceId
from catalog.store.leases import Lease, has_run_out, is_dead
from catalog.store.tables import leases

WORKER = "worker:"
SCHEDULE = "schedule:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWorker:
    """A process that crawls what is due, as it describes itself. `since` is for people."""

    host: str
    pid: int
    since: str


class Workers:
    """The workers of this store, whatever machine they run on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def announced(self) -> Iterator[None]:
        """Whoever entered is a worker until the block ends; one that dies is no worker any more within a lease."""
        lease = Lease(self._engine, f"{WORKER}{secrets.token_hex(8)}")
        with lease:
            self._clear()
            yield
        self._clear()

    def alive(self) -> list[LiveWorker]:
        """The workers that run now."""
        chosen = leases.c.name.startswith(WORKER, autoescape=True) & ~has_run_out(leases.c.expires)
        with self._engine.connect() as connection:
            holders = list(connection.execute(select(leases.c.holder).where(chosen)).scalars())
        described = (json.loads(holder) for holder in holders if not is_dead(holder))
        return [LiveWorker(host=each["host"], pid=each["pid"], since=each["since"]) for each in described]

    def turn(self, source: SourceId) -> Lease:
        """The right to start the crawl of this source that is due; entering raises WriterBusy while another worker has it."""
        return Lease(self._engine, f"{SCHEDULE}{source}", task="crawls this source")

    def is_crawled(self, source: SourceId) -> bool:
        """Whether some process is writing the models of this source now."""
        statement = select(leases.c.holder).where(
            (leases.c.name == f"source:{source}") & ~has_run_out(leases.c.expires)
        )
        with self._engine.connect() as connection:
            holder = connection.execute(statement).scalar_one_or_none()
        return holder is not None and not is_dead(holder)

    def _clear(self) -> None:
        """Names are drawn for one process each: those of workers that ended are of no use."""
        ended = leases.c.name.startswith(WORKER, autoescape=True) & has_run_out(leases.c.expires)
        with self._engine.begin() as connection:
            connection.execute(delete(leases).where(ended))
