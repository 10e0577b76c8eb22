"""What of a store is sensitive, on its way into the tables and out of them.

A source that calls a field sensitive has its readings, the provenance of its records and its edits sealed as a whole. Of
documents the values alone are taken out (`sealed`), so that what is left can be read, indexed and asked for in SQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine, delete, select

from catalog.sealing import envelope
from catalog.sealing.faults import SealBroken
from catalog.sealing.keyring import CATALOG
from catalog.sealing.names import Values
from catalog.sealing.terms import term_text, terms_of
from catalog.sealing.vault import (
    PLAIN,
    SealedPart,
    Vault,
    commitment_of,
    new_part_content,
    part_place,
    values_of,
)
from catalog.store.canonical import canonical
from catalog.store.database import insert_ignoring, parts
from catalog.store.tables import sealed_terms, sources

VAULT = "modeldex_vault"
"""The option of engines and their connections that holds the vault."""
EXTRACTION, OUTLINE, RECORD, EDIT, SEARCH, LOOK = "extraction", "outline", "record", "edit", "search", "look"
WEBHOOK, PLAN = "webhook", "plan"
"""Kinds of places that values are sealed for."""
SEALED_TEXT = "sealed:"
"""How a sealed text begins in a column of texts."""


def furnish(engine: Engine, vault: Vault) -> None:
    """From now on all that goes through this engine is sealed and opened with these keys."""
    engine.update_execution_options(**{VAULT: vault})


def vault_behind(place: Connection | Engine) -> Vault:
    """The vault of a connection or engine; one that seals nothing, where it was given none."""
    vault: Vault = place.get_execution_options().get(VAULT, PLAIN)
    return vault


class Sealing:
    """Sealing and opening for one connection, with what each source calls sensitive."""

    def __init__(self, connection: Connection) -> None:
        self.vault = vault_behind(connection)
        self._connection = connection
        self._names: dict[str, tuple[str, ...]] = {}

    @cached_property
    def _is_set_up(self) -> bool:
        """Asked once: the answer is a look at the file of the keys, and one of these is of one transaction."""
        return self.vault.is_set_up

    def names(self, source: str) -> tuple[str, ...]:
        """The fields that are sealed in this source; none while no key is set up."""
        if not self._is_set_up:
            return ()
        if source not in self._names:
            chosen = select(sources.c.options).where(sources.c.id == source)
            options = json.loads(self._connection.execute(chosen).scalar_one_or_none() or "{}")
            self._names[source] = self.vault.names(options.get("sensitive", ()))
        return self._names[source]

    def active_id(self, source: str) -> str | None:
        """The id of the key that seals what is new of the source; None where there is none."""
        row = self.vault.active_key(source)
        return None if row is None else row.id

    def is_beyond(self, source: str) -> bool:
        """Whether the source goes on with a key that is here, so that what is under another one, which is not, is as good
        as damaged. Raises KeyMissing where it has none: then it is to stay as it is.
        """
        return bool(self.vault.sealing_key(source))

    def packed(self, source: str, data: bytes, *place: str | bytes) -> bytes:
        """Packed bytes as they are stored: sealed for their place where the source has sensitive fields."""
        return self.vault.seal(source, data, envelope.bound(*place)) if self.names(source) else data

    def opened(self, data: bytes, *place: str | bytes) -> bytes:
        """Packed bytes of a place, sealed or not. Raises KeyMissing, SealBroken."""
        return self.vault.open_at(data, *place)

    def part(self, source: str, model: str, values: Values) -> SealedPart:
        """The sensitive values of a new state of a model, sealed."""
        content, commitment = new_part_content(model, canonical(values))
        return SealedPart(self.vault.seal(source, content, part_place(model, commitment)), commitment)

    def values(self, model: str, part: SealedPart) -> Values:
        """The sensitive values of a state. Raises KeyMissing, SealBroken."""
        return values_of(self._content(model, part))

    def resealed(self, source: str, model: str, part: SealedPart) -> SealedPart:
        """The same values under the source's present key: what the history is bound to stays."""
        content = self._content(model, part)
        return SealedPart(
            self.vault.seal(source, content, part_place(model, part.commitment)), part.commitment
        )

    def is_present(self, source: str, data: bytes) -> bool:
        """Whether stored bytes are kept as what is new of the source would be."""
        if not self.names(source):
            return not envelope.is_sealed(data)
        return envelope.is_sealed(data) and envelope.key_id_of(data) == self.vault.sealing_key(source)

    def note_terms(self, source: str, models: dict[str, Values]) -> None:
        """These models are found by just these values from now on."""
        for page in parts(sorted(models)):
            self._connection.execute(delete(sealed_terms).where(sealed_terms.c.model.in_(page)))
        if not self.names(source):
            return
        key = self.vault.key(self.vault.sealing_key(source))
        rows = [
            {"token": token, "model": model}
            for model, values in models.items()
            for token in {envelope.token(key, field, text) for field, text in terms_of(values)}
        ]
        insert_ignoring(self._connection, sealed_terms, rows)

    def text(self, text: str, *place: str | bytes) -> str:
        """A text that may quote sensitive values, as it is stored."""
        if not self.vault.is_set_up:
            return text
        sealed = self.vault.seal(CATALOG, text.encode("utf-8", "surrogatepass"), envelope.bound(*place))
        return SEALED_TEXT + sealed.hex()

    def opened_text(self, text: str, *place: str | bytes) -> str:
        """The text that was stored. Raises KeyMissing, SealBroken."""
        if not text.startswith(SEALED_TEXT):
            return text
        return self.opened(bytes.fromhex(text.removeprefix(SEALED_TEXT)), *place).decode(
            "utf-8", "surrogatepass"
        )

    def _content(self, model: str, part: SealedPart) -> bytes:
        content = self.vault.open(part.data, part_place(model, part.commitment))
        if commitment_of(model, content) != part.commitment:
            raise SealBroken("the sealed part of a model")
        return content


def models_with(connection: Connection, field: str, value: Any, *, limit: int) -> list[str]:
    """The models that hold this sensitive value, in id order, up to the limit; as far as the keys are here."""
    text = term_text(value)
    if text is None:
        return []
    tokens = list(vault_behind(connection).tokens(field, text))
    models: set[str] = set()
    for page in parts(tokens):
        chosen = (
            select(sealed_terms.c.model).where(sealed_terms.c.token.in_(page)).order_by(sealed_terms.c.model)
        )
        models.update(connection.execute(chosen.limit(limit)).scalars())
    return sorted(models)[:limit]


def part_of(row: Any) -> SealedPart | None:
    """The sealed part of a row of `records` or `revisions`; None where nothing of it is sensitive."""
    return None if row["sealed"] is None else SealedPart(row["sealed"], row["sealed_sha256"])


def drop_terms(connection: Connection, models: Iterable[str]) -> None:
    """These models are found by no sensitive value any more."""
    for page in parts(sorted(models)):
        connection.execute(delete(sealed_terms).where(sealed_terms.c.model.in_(page)))
