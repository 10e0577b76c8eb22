"""Searches that people keep: their names, and what each reader saw of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Engine, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from catalog.errors import StoreDamaged, UserError
from catalog.records.searches import Look, SavedSearch, SearchId
from catalog.sealing.envelope import bound
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.sealing.keyring import CATALOG
from catalog.store.codec import UNREADABLE, instant, pack_json, parse_instant, unpack_json
from catalog.store.database import upsert
from catalog.store.sealing import LOOK, SEARCH, Sealing, vault_behind
from catalog.store.tables import saved_looks, saved_searches

MAX_SEARCHES = 1_000
"""Of one owner."""


class SavedSearches:
    """Each reader sees their own searches and those that others share; only the owner changes one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def visible(self, reader: str) -> list[SavedSearch]:
        """The reader's own, then those that others share, each by name."""
        chosen = select(saved_searches).where(_visible_to(reader))
        with self._engine.connect() as connection:
            sealing = Sealing(connection)
            rows = [_search(row, sealing) for row in connection.execute(chosen)]
        return sorted(rows, key=lambda row: (row.owner != reader, row.name.casefold(), row.id))

    def get(self, search: str, reader: str) -> SavedSearch | None:
        """The search of this id, if the reader may see it."""
        chosen = select(saved_searches).where(saved_searches.c.id == search, _visible_to(reader))
        with self._engine.connect() as connection:
            row = connection.execute(chosen).one_or_none()
            return None if row is None else _search(row, Sealing(connection))

    def add(self, *, owner: str, name: str, slug: str, query: str, schema_version: int) -> SavedSearch:
        """A new search of this owner. Raises UserError where the name is taken or there are too many."""
        now = instant(datetime.now(UTC))
        row = {
            "id": secrets.token_hex(8),
            "owner": owner,
            "name": name,
            "slug": slug,
            "query": "",
            "schema_version": schema_version,
            "shared": 0,
            "created_at": now,
            "updated_at": now,
        }
        counted = select(func.count()).where(saved_searches.c.owner == owner)
        try:
            with self._engine.begin() as connection:
                if connection.execute(counted).scalar_one() >= MAX_SEARCHES:
                    raise UserError(
                        f"{MAX_SEARCHES:,} searches are saved already.", advice="Remove some of them first."
                    )
                row["query"] = Sealing(connection).text(query, SEARCH, str(row["id"]))
                connection.execute(insert(saved_searches), [row])
        except IntegrityError as error:
            raise _taken(name) from error
        saved = self.get(str(row["id"]), owner)
        assert saved is not None  # it was written above
        return saved

    def change(
        self, search: SearchId, owner: str, values: Mapping[str, Any], *, as_of: datetime | None = None
    ) -> bool:
        """Sets these columns of the owner's search; False if there is none, or none that was last changed at `as_of`.

        Raises UserError where the name is taken.
        """
        chosen = (saved_searches.c.id == search) & (saved_searches.c.owner == owner)
        if as_of is not None:
            chosen &= saved_searches.c.updated_at == instant(as_of)
        changed = {**values, "updated_at": instant(datetime.now(UTC))}
        try:
            with self._engine.begin() as connection:
                if "query" in changed:
                    changed["query"] = Sealing(connection).text(changed["query"], SEARCH, search)
                return connection.execute(update(saved_searches).where(chosen).values(changed)).rowcount > 0
        except IntegrityError as error:
            raise _taken(str(values.get("name"))) from error

    def remove(self, search: SearchId, owner: str) -> bool:
        """The owner's search is gone with everything seen of it; False if there was none."""
        chosen = (saved_searches.c.id == search) & (saved_searches.c.owner == owner)
        with self._engine.begin() as connection:
            removed = connection.execute(delete(saved_searches).where(chosen)).rowcount > 0
            if removed:
                connection.execute(delete(saved_looks).where(saved_looks.c.search == search))
        return removed

    def look(self, search: SearchId, reader: str) -> Look | None:
        """What the reader saw last. Raises StoreDamaged."""
        chosen = select(saved_looks).where(saved_looks.c.search == search, saved_looks.c.reader == reader)
        with self._engine.connect() as connection:
            row = connection.execute(chosen).one_or_none()
            vault = vault_behind(connection)
        if row is None:
            return None
        try:
            seen = vault.open_at(row.seen, LOOK, row.search, row.reader)
            return Look(looked_at=parse_instant(row.looked_at), seen=unpack_json(seen))
        except UNREADABLE as error:
            advice = "Look at the saved search again and mark it as seen."
            raise StoreDamaged("what was seen of a saved search", str(error), advice) from error

    def note_look(self, search: SearchId, reader: str, seen: Mapping[str, Any]) -> None:
        """What the reader has seen now."""
        row = {
            "search": search,
            "reader": reader,
            "looked_at": instant(datetime.now(UTC)),
            "seen": pack_json(dict(seen)),
        }
        with self._engine.begin() as connection:
            vault = vault_behind(connection)
            if vault.is_set_up:
                row["seen"] = vault.seal(CATALOG, pack_json(dict(seen)), bound(LOOK, search, reader))
            upsert(connection, saved_looks, [row])


def _visible_to(reader: str) -> Any:
    return or_(saved_searches.c.owner == reader, saved_searches.c.shared != 0)


def _taken(name: str) -> UserError:
    return UserError(
        f"A search is saved under the name {name!r} already.",
        advice="Choose another name, or change that one.",
    )


def _search(row: Any, sealing: Sealing) -> SavedSearch:
    """One of which the key is not here finds nothing, and says why."""
    try:
        query = sealing.opened_text(row.query, SEARCH, row.id)
    except (KeyMissing, SealBroken) as error:
        query = urlencode({"q": f'"{getattr(error, "sentence", error)}"'})
    return SavedSearch(
        id=SearchId(row.id),
        owner=row.owner,
        name=row.name,
        slug=row.slug,
        query=query,
        schema_version=row.schema_version,
        shared=bool(row.shared),
        created_at=parse_instant(row.created_at),
        updated_at=parse_instant(row.updated_at),
    )
