"""Which tables of a Hive Metastore the models were trained on: read from it, and kept as statements of it.

A model's data sets and data sources are names of tables, or places that lie in theirs. What a table is like is kept beside the
models, so that a table that grows makes no new revisions of them. A table that is dropped stays known, as it was: what was
trained on it still was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from catalog.access.edits_in_force import edits_in_force
from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.query.nodes import And, Exists, Not, Or, Terms
from catalog.query.request import SearchRequest
from catalog.recording.remake import remake_in, why_not_remakable
from catalog.recording.statements import spoken_of, state
from catalog.records import Edit, ModelId
from catalog.records.data_tables import AUTHOR, FORMER_AUTHOR, SAYING, TABLES, DataTable
from catalog.store.edits import NewEdit
from catalog.text.absence import ABSENT
from indexer.hive.connection import AnswerTooLong, Metastore, MetastoreFault, Refused
from indexer.hive.facts import kept_table, table_of
from indexer.hive.names import place, places_around, table_name
from indexer.pulling import Pull
from indexer.settings import HiveSettings

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.settings import Settings
    from catalog.store import Store

MAX_VALUES = 1_000
"""Data sets and sources of one model that are looked at."""
CAUSE = "told by the Hive Metastore"
MAX_LISTED = 50_000
"""Tables whose places are compared, which are all of the databases that are looked at."""


@dataclass(slots=True, kw_only=True)
class Pulled(Pull):
    """What a reading did. `missing` are tables that the Metastore had once, `by_persons` models whose tables somebody set."""

    tables: int = 0
    missing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Wanted:
    """What models say they were trained on, and the tables that files and persons name themselves."""

    values: dict[ModelId, tuple[str, ...]] = field(default_factory=dict)
    named: dict[ModelId, tuple[str, ...]] = field(default_factory=dict)

    def names(self) -> set[str]:
        """All names of tables that a value may be."""
        every = (*self.values.values(), *self.named.values())
        return {name for values in every for value in values if (name := _full_name(value)) is not None}

    def places(self) -> bool:
        return any(place(value) for values in self.values.values() for value in values)


def pull(settings: Settings, store: Store, catalog: Catalog) -> Pulled:
    """Reads the Metastore, then changes what the catalog says by it. Nothing is changed if it cannot be read to the end.

    Raises UserError for one that is not named or cannot be read.
    """
    chosen = settings.section(HiveSettings)
    if not chosen.addresses():
        raise UserError("No Hive Metastore is named.", advice="Set hive.url to thrift://HOST:9083.")
    pulled, now = Pulled(), datetime.now(UTC)
    _sign_anew(store)
    before = spoken_of(store, AUTHOR)
    wanted = _wanted(store, catalog)
    away = _completed(wanted, store, before)
    remembered = {table.name: table for table in store.data_tables.all()}
    try:
        with Metastore(chosen) as metastore:
            tables, unsure = _Reading(metastore, chosen, pulled, now).tables(wanted)
    except (MetastoreFault, Refused, AnswerTooLong) as error:
        reason = str(error) or "The Hive Metastore says more than is read at once."
        raise UserError(reason, advice="Nothing was changed. Try again: modeldex hive pull") from error
    unsure |= _not_looked_at(remembered, chosen)
    known = {**_as_remembered(remembered, tables, unsure, now), **tables}
    claims = dict(_claims(wanted, known))
    used = {name for names in claims.values() for name in names}
    pulled.missing = sorted(name for name in used if known[name].missing_since)
    pulled.tables, pulled.models = len(used), len(claims)
    kept = used | {name for model in away for name in wanted.named[model] if name in known}
    store.data_tables.put(
        (kept_table(known[name]) for name in sorted(kept)), forgotten=sorted(remembered.keys() - kept)
    )
    for model in sorted({*claims, *before} - away):
        _apply(store, model, claims.get(model, ()), pulled)
    return pulled


def _sign_anew(store: Store) -> None:
    """What an earlier version said under a name that a person may have stands under the one of this module from now on. It is in
    no batch, and what a person of that name sets is in one.
    """
    by_model = store.edits.of(store.edits.by(FORMER_AUTHOR))
    for model in sorted(model for model, edits in by_model.items() if any(map(_is_formerly_ours, edits))):
        with store.records.transaction(made_by="report", author=AUTHOR, cause=CAUSE) as records:
            records.lock([model])
            edit = next(filter(_is_formerly_ours, records.edits([model]).get(model, ())), None)
            if edit is not None and why_not_remakable(records, model) is None:
                signed = NewEdit(
                    model=model, field=TABLES, state=edit.state, before=edit.state, overrides=edit.overrides
                )
                records.edit([signed])
                remake_in(records, [model])


def _is_formerly_ours(edit: Edit) -> bool:
    is_ours = edit.field == TABLES and edit.made_by == FORMER_AUTHOR and not edit.batch
    return is_ours and not edit.state.is_none


def _wanted(store: Store, catalog: Catalog) -> _Wanted:
    speaks = Or((*(Exists(name) for name in SAYING), Exists(TABLES)))
    request = SearchRequest(query=And((speaks, Not(Terms("status", ABSENT)))), size=0)
    wanted = _Wanted()
    for document in catalog.scan(request):
        _add(wanted, store, ModelId(str(document["id"])), document)
    return wanted


def _add(wanted: _Wanted, store: Store, model: ModelId, document: Mapping[str, Any]) -> None:
    values = (str(value) for name in SAYING for value in _listed(document.get(name)))
    wanted.values[model] = tuple(dict.fromkeys(islice(values, MAX_VALUES)))
    if document.get(TABLES):
        wanted.named[model] = _named(store, model)


def _completed(wanted: _Wanted, store: Store, before: set[ModelId]) -> set[ModelId]:
    """Of the models that were told of before, those that are not there now: they keep what they are told to be trained on. One
    that the index does not have yet is looked at, too.
    """
    away = set()
    for model in sorted(before - wanted.values.keys()):
        stored = store.records.get(model)
        if stored is None or stored.document.get("status") in ABSENT:
            away.add(model)
            wanted.named[model] = _told_of(store, model)
        else:
            _add(wanted, store, model, stored.document)
    return away


def _told_of(store: Store, model: ModelId) -> tuple[str, ...]:
    """The tables that this module said of the model."""
    edits = store.edits.of([model]).get(model, ())
    values = (edit.state.value for edit in edits if edit.field == TABLES and edit.made_by == AUTHOR)
    return tuple(str(name) for value in values for name in _listed(value))


def _named(store: Store, model: ModelId) -> tuple[str, ...]:
    """The tables that somebody else than this module says, in files or by hand."""
    stored = store.records.get(model)
    if stored is None:
        return ()
    own = next(
        (
            edit
            for edit in edits_in_force(stored.provenance)
            if edit.field == TABLES and edit.made_by == AUTHOR
        ),
        None,
    )
    names = stored.document.get(TABLES) if own is None else own.files_say
    return tuple(str(name) for name in islice(_listed(names), MAX_VALUES))


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of a Metastore."""

    metastore: Metastore
    chosen: HiveSettings
    pulled: Pulled
    now: datetime

    def tables(self, wanted: _Wanted) -> tuple[dict[str, DataTable], set[str]]:
        """The tables that are there of those wanted, and the names of those that could not be looked at. Raises
        MetastoreFault, Refused, AnswerTooLong.
        """
        databases = self._databases()
        by_database: dict[str, set[str]] = defaultdict(set)
        for name in wanted.names():
            database, _, table = name.partition(".")
            if database in databases:
                by_database[database].add(table)
        unsure: set[str] = set()
        places = self._places(databases, unsure) if wanted.places() else {}
        for values in wanted.values.values():
            for value in values:
                for name in _at(places, value):
                    database, _, table = name.partition(".")
                    by_database[database].add(table)
        tables = {
            table.name: table
            for database, names in sorted(by_database.items())
            for table in self._described(database, sorted(names), unsure)
        }
        return tables, unsure

    def _databases(self) -> set[str]:
        there = {name.lower() for name in self.metastore.databases()}
        chosen = {name.lower() for name in self.chosen.databases}
        for name in sorted(chosen - there):
            self.pulled.tell(
                f"The Hive Metastore has no database {name}, which the setting hive.databases names."
            )
        return there & chosen if chosen else there

    def _places(self, databases: Iterable[str], unsure: set[str]) -> dict[str, list[str]]:
        """Each place at which tables lie, with their names."""
        places: dict[str, list[str]] = defaultdict(list)
        listed = 0
        for database in sorted(databases):
            names = self.metastore.table_names(database)
            listed += len(names)
            if listed > MAX_LISTED:
                raise Refused(
                    f"The Hive Metastore has more than {MAX_LISTED:,} tables; name the databases of yours in hive.databases."
                )
            for table in self.metastore.tables(database, names, self._refused(unsure)):
                here = place(str(getattr(table.sd, "location", None) or ""))
                if here is not None:
                    places[here].append(f"{table.dbName}.{table.tableName}".lower())
        return places

    def _described(self, database: str, names: list[str], unsure: set[str]) -> Iterator[DataTable]:
        for table in self.metastore.tables(database, names, self._refused(unsure)):
            partitions = None
            if table.partitionKeys:
                try:
                    partitions = self.metastore.partitions(str(table.dbName), str(table.tableName))
                except (Refused, AnswerTooLong) as error:
                    reason = str(error) or "they are too long"
                    self.pulled.tell(
                        f"The partitions of {database}.{table.tableName} were not read: {reason}."
                    )
            yield table_of(table, partitions, self.now)

    def _refused(self, unsure: set[str]) -> Any:
        def refused(name: str, reason: str) -> None:
            if name.lower() not in unsure:
                unsure.add(name.lower())
                self.pulled.tell(f"The table {name} was not read: {reason.rstrip('.')}.")

        return refused


def _as_remembered(
    remembered: Mapping[str, DataTable], tables: Mapping[str, DataTable], unsure: set[str], now: datetime
) -> dict[str, DataTable]:
    """Tables that were there once and are not now, since when; those that could not be looked at, as they were."""
    moment = now.isoformat(timespec="seconds")
    return {
        name: table if name in unsure else replace(table, missing_since=table.missing_since or moment)
        for name, table in remembered.items()
        if name not in tables
    }


def _not_looked_at(remembered: Iterable[str], chosen: HiveSettings) -> set[str]:
    """Tables of databases that the settings name no more: they may be there as well as not."""
    looked_at = {name.lower() for name in chosen.databases}
    return {name for name in remembered if looked_at and name.partition(".")[0] not in looked_at}


def _claims(wanted: _Wanted, known: Mapping[str, DataTable]) -> Iterator[tuple[ModelId, tuple[str, ...]]]:
    """The tables of each model that has any."""
    places: dict[str, list[str]] = defaultdict(list)
    for table in known.values():
        here = place(table.location)
        if here is not None:
            places[here].append(table.name)
    for model, values in wanted.values.items():
        names: dict[str, None] = {}
        for value in (*values, *wanted.named.get(model, ())):
            name = _full_name(value)
            if name is not None and name in known:
                names[name] = None
            names |= dict.fromkeys(_at(places, value))
        if names:
            yield model, tuple(sorted(names))


def _at(places: Mapping[str, list[str]], value: str) -> list[str]:
    """The tables that the value lies in: those of the nearest place, all that lie there."""
    return next((places[around] for around in places_around(value) if around in places), [])


def _full_name(value: str) -> str | None:
    parts = table_name(value)
    return None if parts is None else ".".join(parts)


def _apply(store: Store, model: ModelId, names: tuple[str, ...], pulled: Pulled) -> None:
    values = {TABLES: list(names)} if names else {}
    stated = state(store, model, values, author=AUTHOR, cause=CAUSE)
    pulled.by_persons += stated.by_persons
    pulled.changed += stated.changed
    pulled.taken_back += stated.taken_back
    if stated.refusal:
        pulled.tell(f"The model {model[:12]} cannot take what it was trained on: {stated.refusal}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
