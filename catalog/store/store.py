"""The store as its users hold it: records, runs, sources, consumers, manifest and leases over one database."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from catalog.errors import NotStorable, StoreDamaged, StoreError
from catalog.records import SourceId, display_key
from catalog.sealing.vault import Vault, vault_of
from catalog.settings import Settings
from catalog.settings.core import DatabaseSettings
from catalog.store.accounts import Accounts
from catalog.store.audit import Audit
from catalog.store.consumers import Consumer
from catalog.store.data_tables import DataTables
from catalog.store.database import BUSY_TIMEOUT_MS, is_read_only, open_database
from catalog.store.edits import Edits
from catalog.store.event_hints import EventHints
from catalog.store.faults import BACKUP, advice, sentence, store_fault, unusable
from catalog.store.health import Health
from catalog.store.joins import Joins
from catalog.store.leases import Lease
from catalog.store.manifest import Manifest
from catalog.store.records import Records
from catalog.store.retention import Retention
from catalog.store.runs import Runs
from catalog.store.saved_searches import SavedSearches
from catalog.store.schema import prepare
from catalog.store.sealing import furnish, vault_behind
from catalog.store.sources import Sources
from catalog.store.tables import revisions
from catalog.store.webhooks import Webhooks
from catalog.store.workers import Workers

if TYPE_CHECKING:
    from catalog.store.resealing import Progress, ResealReport


class Store:
    """An open store; a context manager. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.records = Records(engine)
        self.runs = Runs(engine)
        self.sources = Sources(engine)
        self._consumers: dict[str, Consumer] = {}
        self.edits = Edits(engine)
        self.joins = Joins(engine)
        self.searches = SavedSearches(engine)
        self.workers = Workers(engine)
        self.event_hints = EventHints(engine)
        self.webhooks = Webhooks(engine)
        self.accounts = Accounts(engine)
        self.audit = Audit(engine)
        self.retention = Retention(engine)
        self.data_tables = DataTables(engine)
        self.health = Health(engine)

    @property
    def engine(self) -> Engine:
        """The database itself, for what is done to all of it."""
        return self._engine

    def manifest(self, source: SourceId) -> Manifest:
        return Manifest(self._engine, source)

    def consumer(self, name: str) -> Consumer:
        """The consumer of this name, of which this open store is one worker."""
        return self._consumers.setdefault(name, Consumer(self._engine, name))

    def lease(self, name: str) -> Lease:
        """The lease of this name, to be entered; entering raises WriterBusy while another process holds it."""
        return Lease(self._engine, name)

    def source_lease(self, source: SourceId) -> Lease:
        """The right to change what is known of this source; other sources have theirs."""
        return Lease(self._engine, f"source:{source}", task=f"is writing the models of {display_key(source)}")

    def birth(self) -> str:
        """What tells this catalog from every other, also where their models are the same: a digest of its first revision,
        which stays what it is in copies and backups. Empty before it.
        """
        columns = (revisions.c.model, revisions.c.made_at)
        with self._engine.connect() as connection:
            row = connection.execute(select(*columns).order_by(revisions.c.serial).limit(1)).one_or_none()
        return "" if row is None else hashlib.sha256("\0".join(row).encode()).hexdigest()[:16]

    @property
    def vault(self) -> Vault:
        """The keys of what is sensitive."""
        return vault_behind(self._engine)

    def bring_under_key(
        self, source: SourceId, lease: Lease, progress: Progress = lambda _report: None
    ) -> ResealReport:
        """All that is stored of the source is sealed as it should be now. Raises KeyMissing, LeaseLost."""
        from catalog.store.resealing import ResealReport, is_due, reseal  # noqa: PLC0415 - where nothing is sealed

        if not self.vault.is_set_up or not is_due(self._engine, source):
            return ResealReport()
        return reseal(self._engine, source, lease=lease, progress=progress)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A database that fails while it is used (full disk, damaged page, lost server) is told as a StoreError."""
        self.close()
        fault = self.fault(error)
        if fault is not None:
            raise fault from error

    def fault(self, error: BaseException | None) -> StoreError | NotStorable | None:
        """The error in the store's own words, if it is the store's; for whoever does not leave it by a `with`."""
        return store_fault(error, str(self._engine.url))


def open_store(settings: Settings, *, write: bool) -> Store:
    """The store of these settings, created or brought up to date if need be. Raises StoreTooNew, StoreError."""
    _check_file(settings)
    engine = open_database(settings.store_url, write=write, pool=settings.section(DatabaseSettings))
    furnish(engine, vault_of(settings))
    try:
        prepare(engine)
    except DBAPIError as error:
        engine.dispose()
        what_to_do = (
            " Make its folder writable, or use another --home." if is_read_only(error) else advice(error)
        )
        raise unusable(
            error, f"The store {engine.url} cannot be opened: {sentence(error)}.{what_to_do}"
        ) from error
    except (
        SQLAlchemyError,
        UnicodeDecodeError,
    ) as error:  # the driver cannot even read what SQLite says of a garbled name
        engine.dispose()
        raise StoreDamaged(f"the store {engine.url}", f"{error}", BACKUP) from error
    except BaseException:
        engine.dispose()
        raise
    return Store(engine)


def is_begun(settings: Settings) -> bool:
    """Whether something may be known here: opening the store would not make the first of a home."""
    return bool(settings.section(DatabaseSettings).url) or _file_of(settings).exists()


def _file_of(settings: Settings) -> Path:
    return settings.home / "store.sqlite3"


def _check_file(settings: Settings) -> None:
    """SQLite takes an empty file for a new database. Raises StoreDamaged for one that was cut to nothing."""
    path = _file_of(settings)
    if settings.section(DatabaseSettings).url or not path.exists() or path.stat().st_size:
        return
    is_new = time.time() - path.stat().st_mtime < BUSY_TIMEOUT_MS / 1000  # another process may be making it
    if not is_new or (settings.index_path / "CURRENT").exists():
        raise StoreDamaged(
            f"the store {path}", "the file is empty", f"{BACKUP} To begin anew here, delete the file."
        )
