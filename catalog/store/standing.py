"""A store that stays open from one look at it to the next: to open it costs more than what is looked at every moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from catalog.errors import StoreError
from catalog.settings import Settings
from catalog.store.database import WRITES_NOTHING
from catalog.store.schema import VERSIONS, version_of
from catalog.store.store import Store, open_store


class StandingStore:
    """Opens the store when it is wanted first, after an error, and where another one stands in its place or a later version
    of Modeldex has written it. For one thread.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: Store | None = None
        self._file: tuple[int, int] | None = None

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """The store. What a database says when it fails is raised as a StoreError. Raises StoreTooNew, StoreError."""
        store = self._current()
        try:
            yield store
        except BaseException as error:
            self.close()
            fault = store.fault(error)
            if fault is not None:
                raise fault from error
            raise

    def close(self) -> None:
        """Leaves the store; the next look opens it again."""
        if self._store is not None:
            self._store.close()
        self._store = None

    def _current(self) -> Store:
        if self._store is not None and not self._is_the_same(self._store):
            self.close()
        if self._store is None:
            self._store = open_store(self._settings, write=True)
            self._file = self._identity()
        return self._store

    def _is_the_same(self, store: Store) -> bool:
        if self._identity() != self._file:
            return False
        try:
            with store.engine.connect().execution_options(**{WRITES_NOTHING: True}) as connection:
                return version_of(connection) == VERSIONS[-1]
        except (SQLAlchemyError, StoreError):  # opening it again says what is wrong
            return False

    def _identity(self) -> tuple[int, int] | None:
        """Of the file of an embedded store; None for a server."""
        try:
            stat = os.stat(self._settings.home / "store.sqlite3")  # noqa: PTH116 - asked several times a second
        except OSError:
            return None
        return stat.st_dev, stat.st_ino


__all__ = ["StandingStore"]
