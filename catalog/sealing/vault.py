"""What a store asks of keys: to seal what is sensitive, to open what was sealed, to look values up without opening them."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass, replace
from catalog.sealing import envelope
from catalog.sealing.faults import KeyMissing
from catalog.sealing.keyring import ACTIVE, CATALOG, RETIRED, SHREDDED, DataKey, Keyring, new_key
from catalog.sealing.names import covering, marked_names
from catalog.sealing.settings import EncryptionSettings

if TYPE_CHECKING:
    from catalog.settings import Settings

KEYRING_FILE = "keyring.json"
SALT_BYTES = 32
MARK_PREFIX = "sealed:"
NO_ADVICE = "The values stay as they are until encryption.key names it again"


class Vault:
    """The keys of one catalog. Without any key set up it seals nothing, and all is as if it were not there.

    Safe to share between threads. `is_set_up` is also true where keys were used once and none is named any more: then
    nothing that is sensitive is written, in whatever form.
    """

    def __init__(self, settings: EncryptionSettings, home: Path | None) -> None:
        self._settings = settings
        path = Path(settings.keyring).expanduser() if settings.keyring else None
        if path is None and home is not None:
            path = home / KEYRING_FILE
        self._ring = None if path is None else Keyring(path)
        self._master: bytes | None = None
        self._unwrapped: dict[str, bytes] = {}
        self._lock = threading.Lock()

    @property
    def is_set_up(self) -> bool:
        return bool(self._settings.key) or bool(self.rows())

    def rows(self) -> tuple[DataKey, ...]:
        """Every data key that there is or was."""
        return () if self._ring is None else self._ring.keys()

    def names(self, own: Iterable[str] = ()) -> tuple[str, ...]:
        """The fields that are sensitive in a source that calls its `own` so; none while no key is set up."""
        return self.called(own) if self.is_set_up else ()

    def called(self, own: Iterable[str] = ()) -> tuple[str, ...]:
        """The fields that are called sensitive in such a source, whether or not there is a key to seal them with."""
        return covering({*marked_names(), *self._settings.sensitive, *own})

    def active_key(self, source: str) -> DataKey | None:
        """The key that seals what is new of a source; None where it has none yet."""
        return next(
            (row for row in reversed(self.rows()) if row.source == source and row.state == ACTIVE), None
        )

    def sealing_key(self, source: str) -> str:
        """The id of the key that seals what is new of a source, which is made where it never had one.

        Raises KeyMissing where its key is lost or was destroyed: what comes next must not look as if it were the first.
        """
        row = self.active_key(source)
        if row is None:
            known = [row for row in self.rows() if row.source == source]
            if known:
                raise self._without_key(known[-1])
            row = self.create(source)
        self._key(row)
        return row.id

    def create(self, source: str) -> DataKey:
        """A new active key of the source; the one before it only opens from now on."""
        master = self.master()
        with self._changing() as keys:
            keys[:] = [
                replace(row, state=RETIRED) if row.source == source and row.state == ACTIVE else row
                for row in keys
            ]
            row = new_key(source, master)
            keys.append(row)
        return row

    def shred(self, source: str) -> list[str]:
        """Destroys every key of the source; the ids of those that there were."""
        with self._changing() as keys:
            gone = [row.id for row in keys if row.source == source and row.state != SHREDDED]
            keys[:] = [
                replace(row, state=SHREDDED, wrapped="", master="") if row.id in gone else row for row in keys
            ]
        with self._lock:
            for key in gone:
                self._unwrapped.pop(key, None)
        return gone

    def forget(self, ids: Iterable[str]) -> None:
        """Drops retired keys under which nothing is sealed any more."""
        dropped = set(ids)
        with self._changing() as keys:
            keys[:] = [row for row in keys if not (row.id in dropped and row.state == RETIRED)]

    def rewrap(self) -> tuple[int, list[str]]:
        """Wraps every key by the present master key that the previous one wrapped: how many, and those it cannot."""
        master = self.master()
        previous = self._read(self._settings.previous_key, "encryption.previous_key")
        rewrapped, left = 0, list[str]()
        with self._changing() as keys:
            for place, row in enumerate(keys):
                if row.state == SHREDDED or row.master == envelope.fingerprint(master):
                    continue
                try:
                    keys[place] = row.wrapped_by(master, row.unwrapped(previous))
                    rewrapped += 1
                except KeyMissing:
                    left.append(row.id)
        return rewrapped, left

    def seal(self, source: str, data: bytes, place: bytes) -> bytes:
        """The bytes under the source's active key. Raises KeyMissing, UserError."""
        identifier = self.sealing_key(source)
        return envelope.sealed(data, key_id=identifier, key=self.key(identifier), place=place)

    def open(self, data: bytes, place: bytes) -> bytes:
        """What was sealed for this place; bytes that are not sealed as they are. Raises KeyMissing, SealBroken."""
        if not envelope.is_sealed(data):
            return data
        return envelope.opened(data, key=self.key(envelope.key_id_of(data)), place=place)

    def open_at(self, data: bytes, *place: str | bytes) -> bytes:
        """As `open`, of what belongs to these parts of a place, which are put together for what is sealed alone."""
        return self.open(data, envelope.bound(*place)) if envelope.is_sealed(data) else data

    def key(self, identifier: str) -> bytes:
        """Raises KeyMissing."""
        for row in self.rows():
            if row.id == identifier:
                return self._key(row)
        raise KeyMissing(identifier, advice=NO_ADVICE)

    def tokens(self, field: str, text: str) -> Iterator[bytes]:
        """What may stand for this value of this field in any source of which the key is here."""
        for row in self.rows():
            try:
                yield envelope.token(self._key(row), field, text)
            except KeyMissing:
                continue

    def mark(self, field: str, value: object) -> str:
        """What the audit tells in place of a sensitive value: equal for equal values, as long as the catalog's key is one."""
        text = json.dumps(value, sort_keys=True, default=str)
        return f"{MARK_PREFIX}{envelope.token(self.key(self.sealing_key(CATALOG)), field, text).hex()}"

    def reads(self, row: DataKey) -> bool:
        """Whether what this key sealed can be read now."""
        try:
            self._key(row)
        except KeyMissing:
            return False
        return True

    def master(self) -> bytes:
        """The master key. Raises UserError where none is set up, or where it is not."""
        if not self._settings.key:
            keys = self.rows()
            raise KeyMissing(
                keys[-1].id if keys else "?", advice="No master key is set up: encryption.key names none"
            )
        return self._read(self._settings.key, "encryption.key")

    def _key(self, row: DataKey) -> bytes:
        with self._lock:
            known = self._unwrapped.get(row.id)
        if known is not None and row.state != SHREDDED:
            return known
        if row.state == SHREDDED:
            raise self._without_key(row)
        try:
            key = row.unwrapped(self._present_master(row))
        except KeyMissing as error:
            raise KeyMissing(row.id, advice=f"{error.sentence}. {NO_ADVICE}") from error
        except UserError as error:
            raise KeyMissing(row.id, advice=f"{error.message} {NO_ADVICE}") from error
        with self._lock:
            self._unwrapped[row.id] = key
        return key

    def _present_master(self, row: DataKey) -> bytes:
        """The master key, read again where another one than the known has wrapped this key."""
        with self._lock:
            if self._master is None or row.master != envelope.fingerprint(self._master):
                self._master = self.master()
            return self._master

    def _without_key(self, row: DataKey) -> KeyMissing:
        reason = "was destroyed" if row.state == SHREDDED else "is not here"
        return KeyMissing(
            row.id,
            reason=reason,
            advice=f"To begin anew: modeldex keys create {row.source}" if row.source else "",
        )

    def _read(self, reference: str, what: str) -> bytes:
        from catalog.sealing.master_key import read_master_key  # noqa: PLC0415 - it runs processes

        return read_master_key(reference, what=what, seconds=self._settings.command_seconds)

    def _changing(self) -> AbstractContextManager[list[DataKey]]:
        assert self._ring is not None, "a vault without a home has no keys"
        return self._ring.changing()


def is_mark(value: object) -> bool:
    """Whether the audit has this in place of sensitive values."""
    if isinstance(value, dict):
        return all(map(is_mark, value.values()))
    return isinstance(value, str) and value.startswith(MARK_PREFIX)


@dataclass(frozen=True, slots=True)
class SealedPart:
    """The sensitive values of one state of a model: sealed, and what binds the history to them.

    `commitment` is SHA-256 over a random salt and the values: it fixes them and tells nothing of them, and stays the same
    when the values are sealed under another key.
    """

    data: bytes
    commitment: str


def part_place(model: str, commitment: str) -> bytes:
    """Where the values of a state of a model belong: the same for its record and its revisions."""
    return envelope.bound("values", model, commitment)


def new_part_content(model: str, canonical: bytes) -> tuple[bytes, str]:
    """What is to be sealed of values in their canonical form, and their commitment."""
    content = os.urandom(SALT_BYTES) + canonical
    return content, commitment_of(model, content)


def commitment_of(model: str, content: bytes) -> str:
    """The commitment to what was sealed of a model."""
    return hashlib.sha256(envelope.bound("values", model, content)).hexdigest()


def values_of(content: bytes) -> dict[str, object]:
    """The values in what was sealed."""
    values: dict[str, object] = json.loads(content[SALT_BYTES:])
    return values


PLAIN = Vault(EncryptionSettings(), None)
"""Where no key is set up."""


def vault_of(settings: Settings) -> Vault:
    """The vault of these settings, one for the whole process."""
    return _vault(settings.section(EncryptionSettings), settings.home)


@lru_cache(maxsize=64)
def _vault(section: EncryptionSettings, home: Path) -> Vault:
    return Vault(section, home)


__all__ = [
    "PLAIN",
    "SealedPart",
    "Vault",
    "commitment_of",
    "is_mark",
    "new_part_content",
    "part_place",
    "values_of",
    "vault_of",
]
