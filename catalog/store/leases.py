"""One process at a time for one task: a lease with a fencing token, taken over only from a holder that is dead or silent."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Engine, select, update
from sqlalchemy.exc import DBAPIError

from catalog.errors import LeaseLost, WriterBusy
from catalog.store.database import has_come, insert_ignoring, let_go
from catalog.store.tables import leases

LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0


class Lease:
    """Held from entering to leaving. A thread renews it; every write transaction checks it by `check`."""

    def __init__(self, engine: Engine, name: str, *, task: str = "is writing to this store") -> None:
        self.name = name
        self._task = task
        self.token = 0
        self._engine = engine
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Raises WriterBusy, which names the holder."""
        with self._engine.begin() as connection:
            self.token = self._take(connection)
        self._thread = threading.Thread(target=self._keep, name=f"lease-{self.name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        let_go()  # the thread may wait for it
        if self._thread is not None:
            self._thread.join()
        with self._engine.begin() as connection:
            connection.execute(update(leases).where(self._mine()).values(expires=0.0))

    def check(self, connection: Connection) -> None:
        """Raises LeaseLost if another process took over: called inside the transaction that it protects."""
        if (
            connection.execute(
                # Whoever would take over waits until this transaction has ended.
                select(leases.c.token).where(leases.c.name == self.name).with_for_update(read=True)
            ).scalar_one_or_none()
            != self.token
        ):
            raise LeaseLost(self.name)

    def _mine(self) -> ColumnElement[bool]:
        return (leases.c.name == self.name) & (leases.c.token == self.token)

    def _take(self, connection: Connection) -> int:
        # Of two that are the first to want it, the second waits here, where there is no row yet to be locked.
        insert_ignoring(connection, leases, [{"name": self.name, "holder": "", "token": 0, "expires": 0.0}])
        row = connection.execute(select(leases).where(leases.c.name == self.name).with_for_update()).one()
        if not has_run_out(row.expires) and not is_dead(row.holder):
            raise WriterBusy(_described(row.holder), task=self._task)
        token = int(row.token) + 1
        values = {"holder": this_process(), "token": token, "expires": time.time() + LEASE_SECONDS}
        connection.execute(update(leases).where(leases.c.name == self.name).values(values))
        return token

    def _keep(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            try:
                with self._engine.begin() as connection:
                    connection.execute(
                        update(leases).where(self._mine()).values(expires=time.time() + LEASE_SECONDS)
                    )
            except DBAPIError:
                continue  # the database is busy: the next round renews, and `check` guards the writes meanwhile


def has_run_out(expires: Any) -> Any:
    """Whether a lease that its holder did not renew since is over: of a number, or of a column of them."""
    return has_come(expires, time.time(), within=LEASE_SECONDS)


def this_process(**more: str) -> str:
    """Who holds what this process holds; `more` tells its holders apart."""
    return json.dumps(
        {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "started": _process_start(os.getpid()),
            **more,
        }
    )


def _described(holder: str) -> str:
    try:
        who = json.loads(holder)
        return f"process {who['pid']} on {who['host']} since {who['since']}"
    except (ValueError, KeyError, TypeError):
        return "a process whose name in the store is damaged"


def is_dead(holder: str) -> bool:
    """True only if the holder was on this host and its process is no more (a reused pid has another start)."""
    try:
        who = json.loads(holder)
        if who["host"] != socket.gethostname():
            return False
        os.kill(who["pid"], 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return False  # nor if its name is damaged: the lease runs out
    return bool(who["started"]) and _process_start(who["pid"]) != who["started"]


def _process_start(pid: int) -> str:
    """Start time in clock ticks since boot, empty where there is no /proc. Source: proc_pid_stat(5), field 22."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""
