"""The file of the data keys, each wrapped by the master key: one that is active for each source, and those before it.

It is apart from the store on purpose: a copy of the database holds no key, so what is destroyed here is unreadable in every
copy of the database, too.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.lazy_dataclasses import dataclass, replace
from catalog.sealing.envelope import ID_BYTES, KEY_BYTES, bound, fingerprint, opened, sealed
from catalog.sealing.faults import KeyMissing, KeyUnusable, SealBroken

VERSION = 1
ACTIVE, RETIRED, SHREDDED = "active", "retired", "shredded"
CATALOG = ""
"""In place of a source: the key of what belongs to the catalog as a whole."""
MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """One data key as the file has it. `wrapped` is empty for one that was destroyed; `master` names what wrapped it."""

    id: str
    source: str
    state: str
    created_at: str
    master: str
    wrapped: str

    @property
    def _place(self) -> bytes:
        return bound("data key", self.id, self.source)

    def unwrapped(self, master: bytes) -> bytes:
        """The key itself. Raises KeyMissing if it was destroyed, or wrapped by another master key."""
        if self.state == SHREDDED:
            raise KeyMissing(self.id, reason="was destroyed")
        if self.master != fingerprint(master):
            raise KeyMissing(self.id, reason=f"is wrapped by the master key {self.master}, which is not here")
        try:
            return opened(base64.b64decode(self.wrapped), key=master, place=self._place)
        except (SealBroken, ValueError) as error:
            raise KeyMissing(self.id, reason="is damaged in the keyring") from error

    def wrapped_by(self, master: bytes, key: bytes) -> DataKey:
        """The same key, wrapped by this master key."""
        wrapped = sealed(key, key_id=fingerprint(master), key=master, place=self._place)
        return replace(self, master=fingerprint(master), wrapped=base64.b64encode(wrapped).decode("ascii"))


def new_key(source: str, master: bytes) -> DataKey:
    """A new random data key of this source."""
    row = DataKey(
        id=os.urandom(ID_BYTES).hex(),
        source=source,
        state=ACTIVE,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        master="",
        wrapped="",
    )
    return row.wrapped_by(master, os.urandom(KEY_BYTES))


class Keyring:
    """The file at a path. It is read anew whenever it has changed; who changes it waits for whoever does, too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int, int] | None = None
        self._keys: tuple[DataKey, ...] = ()

    def keys(self) -> tuple[DataKey, ...]:
        """Every key, oldest first; none where there is no file. Raises KeyUnusable."""
        try:
            state = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._keys = None, ()
            return ()
        except OSError as error:
            raise KeyUnusable(f"The keyring {self.path} cannot be read: {error.strerror}.") from error
        stamp = (state.st_mtime_ns, state.st_ino, state.st_size)
        if stamp != self._stamp:
            self._keys = self._read()
            self._stamp = stamp
        return self._keys

    @contextmanager
    def changing(self) -> Iterator[list[DataKey]]:
        """The keys to be changed in place; written when the block ends, all or nothing, and not at all if it raises."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._stamp = None
            keys = list(self.keys())
            yield keys
            self._write(keys)
            self._stamp = None

    def _read(self) -> tuple[DataKey, ...]:
        try:
            try:
                content = self._content()
            except (
                ValueError
            ):  # it was replaced between opening and reading, and what was there is overwritten
                content = self._content()
            if content["version"] != VERSION:
                raise KeyUnusable(f"The keyring {self.path} was written by a newer Modeldex.")
            return tuple(DataKey(**row) for row in content["keys"])
        except OSError as error:
            raise KeyUnusable(f"The keyring {self.path} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise KeyUnusable(
                f"The keyring {self.path} is damaged.", advice="Restore it from its backup."
            ) from error

    def _content(self) -> Any:
        with self.path.open("rb") as file:
            return json.loads(file.read(MAX_BYTES))

    def _write(self, keys: list[DataKey]) -> None:
        """Replaces the file, and overwrites what was in it: a destroyed key must not stay in a free block of the disk."""
        content = json.dumps({"version": VERSION, "keys": [asdict(row) for row in keys]}, indent=1)
        temporary = self.path.with_name(f"{self.path.name}.new")
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.ExitStack() as before:
            old = None
            with contextlib.suppress(FileNotFoundError):
                old = before.enter_context(self.path.open("r+b"))
            temporary.replace(self.path)
            if old is not None:
                old.write(bytes(os.fstat(old.fileno()).st_size))
                old.flush()
                os.fsync(old.fileno())
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
