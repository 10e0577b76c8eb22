"""Which files make which model: rows of `record_files`, and the group of one model as they and the manifest have it."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from sqlalchemy import Connection, delete, func, select, true

from catalog.lazy_dataclasses import replace
from catalog.records import (
    CardText,
    Extraction,
    Group,
    Member,
    ModelId,
    ObjectKey,
    ObjectMeta,
    Place,
    Role,
    SourceId,
    display_key,
    is_unread,
    unread,
)
from catalog.records.extraction import UNREAD
from catalog.store.database import insert_rows, parts
from catalog.store.documents import MISSING
from catalog.store.entries import with_digest
from catalog.store.manifest_rows import (
    Share,
    Shares,
    extraction_of,
    meta_of,
    opened_body,
    outline_of,
    shares_among,
)
from catalog.store.sealing import Sealing
from catalog.store.shares import drop_shares, may_have_shares
from catalog.store.tables import extractions, objects, record_files

Row = dict[str, Any]
_QUOTED = "\x01"
_NOT_KEPT = re.compile(f"[{_QUOTED}\ud800-\udfff]")
_OF_ONE_MODEL = frozenset({Role.CARD, Role.CONFIG, Role.RUN})
"""What such a file says is about a model. Grouping makes it auxiliary where that is another one."""
CARDS_LOOKED_AT = 8
NAMED, PLACED = 1, 2
"""What of a group follows from its key (`usual` in what the store keeps of it): the name, and where a person finds it."""
Places = dict[str, set[bytes]]
"""Keys by their source."""


def grouping_of(group: Group) -> str:
    """What the store keeps of a group beside its files and its key, as JSON: of a name and a place that follow from the key no more
    than that.
    """
    place, usual = group.place, _usual_place(group.source, group.key)
    is_named_so = group.name_hint == _usual_name(group.key)
    known: dict[str, Any] = {
        "kind": group.kind,
        "name": None if is_named_so else group.name_hint,
        "version": group.version_hint,
        "owner": group.owner_hint,
        "orphan": group.orphan,
        "copies": group.copies,
    }
    if place != usual and place is not None:
        known |= {
            "path": place.path,
            "uri": place.uri,
            "locations": place.locations != (place.uri,) and place.locations,
        }
    known["usual"] = NAMED * is_named_so + PLACED * (place == usual)
    return json.dumps({name: value for name, value in known.items() if value}, separators=(",", ":"))


def _usual_name(key: str) -> str:
    return key.rpartition("/")[2]


def _usual_place(source: SourceId, key: str) -> Place:
    path = display_key(ObjectKey(key))
    uri = f"{source}/{path}"
    return Place(path=path, uri=uri, locations=(uri,))


def _kept(subject: str) -> str:
    """The subject as a database's text can hold it: from the first of its bytes that are no UTF-8 on in percent notation. Folders
    in it have such names where their keys do.
    """
    other = _NOT_KEPT.search(subject)
    if other is None:
        return subject
    return f"{subject[: other.start()]}{_QUOTED}{quote_from_bytes(os.fsencode(subject[other.start() :]))}"


def _subject(kept: str) -> str:
    plain, _, quoted = kept.partition(_QUOTED)
    return plain + os.fsdecode(unquote_to_bytes(quoted))


def rows_of(model: ModelId, group: Group) -> list[Row]:
    """The rows that say which files make the model. What one file says of one subject is in a group once, whichever ways led to
    it.
    """
    members = {(member.object.key, member.subject): member for member in reversed(group.members)}
    return [
        {
            "model": model,
            "key": os.fsencode(key),
            "subject": _kept(subject or ""),
            "source": group.source,
            "role": _role_of(member.extraction),
            "distance": member.distance,
            "sha256": member.promised_sha256,
        }
        for (key, subject), member in reversed(members.items())
    ]


def _role_of(extraction: Extraction | None) -> str | None:
    """What is in a group for being there alone has a role of its own: the manifest may well say what it says."""
    if extraction is None:
        return None
    return UNREAD if is_unread(extraction) else extraction.role.value


def bare_rows(model: ModelId, source: SourceId, keys: Iterable[ObjectKey]) -> list[Row]:
    """The same where nothing but the keys is known."""
    return [
        {
            "model": model,
            "key": os.fsencode(key),
            "subject": "",
            "source": source,
            "role": None,
            "distance": 0,
            "sha256": None,
        }
        for key in dict.fromkeys(keys)
    ]


def write(connection: Connection, files: Mapping[ModelId, Sequence[Row]], *, new: Iterable[ModelId]) -> None:
    """These models are made of just these files; of `new` ones nothing was written before."""
    known = _rows(connection, sorted(files.keys() - set(new)))
    changed = {
        model: rows
        for model, rows in files.items()
        if sorted(map(_ordered, known.get(model, ()))) != sorted(map(_ordered, rows))
    }
    for part in parts(sorted(changed.keys() & known.keys())):
        connection.execute(delete(record_files).where(record_files.c.model.in_(part)))
    added = [row for rows in changed.values() for row in rows]
    insert_rows(connection, record_files, added)


def file_keys(
    connection: Connection, models: Sequence[ModelId], roles: Collection[Role] | None = None
) -> dict[ModelId, tuple[ObjectKey, ...]]:
    """The keys of the files that each model is made of, in order; of these `roles` alone, and with them what is in the model
    because another file names it as its data.
    """
    columns = record_files.c.model, record_files.c.key
    by_model: dict[ModelId, set[bytes]] = defaultdict(set)
    role = record_files.c.role
    chosen = true() if roles is None else role.is_(None) | role.in_([wanted.value for wanted in roles])
    for part in parts(models):
        for row in connection.execute(select(*columns).where(record_files.c.model.in_(part), chosen)):
            by_model[ModelId(row.model)].add(row.key)
    return {
        model: tuple(ObjectKey(os.fsdecode(key)) for key in sorted(keys)) for model, keys in by_model.items()
    }


def card(connection: Connection, model: str) -> CardText | None:
    """The text of the card that lies nearest to the model, if any card says something. Raises KeyMissing."""
    body = (extractions.c.source == record_files.c.source) & (extractions.c.key == record_files.c.key)
    chosen = (
        select(record_files.c.key, record_files.c.source, extractions.c.body)
        .join(extractions, body)
        .where(record_files.c.model == model, record_files.c.role == Role.CARD.value)
        .order_by(func.abs(record_files.c.distance), record_files.c.key)
        .limit(CARDS_LOOKED_AT)
    )
    sealing = Sealing(connection)
    for row in connection.execute(chosen):
        key = ObjectKey(os.fsdecode(row.key))
        packed = opened_body(sealing, row.source, row.key, row.body)
        for seen in extraction_of(key, packed).observations:
            if seen.field == "all_text" and isinstance(seen.raw, str) and seen.raw.strip():
                return CardText(key=key, text=seen.raw)
    return None


def models_of(connection: Connection, source: SourceId, keys: Sequence[ObjectKey]) -> list[ModelId]:
    """The models that any of these files makes, in id order."""
    models: set[str] = set()
    for part in parts([os.fsencode(key) for key in keys]):
        chosen = (record_files.c.source == source) & record_files.c.key.in_(part)
        models.update(connection.execute(select(record_files.c.model).where(chosen)).scalars())
    return [ModelId(model) for model in sorted(models)]


def models_below(connection: Connection, source: SourceId, directory: str) -> list[ModelId]:
    """The models that any file below this directory makes, in id order."""
    first = os.fsencode(f"{directory}/") if directory else b""
    chosen = (record_files.c.source == source) & (record_files.c.key >= first)
    if first:
        chosen &= record_files.c.key < first[:-1] + b"0"
    models = connection.execute(select(record_files.c.model).where(chosen).distinct()).scalars()
    return [ModelId(model) for model in sorted(models)]


def groups(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> dict[ModelId, Group]:
    """The groups of these rows of `records` with the whole extractions of their files, as the manifest has them now.

    A record of which only the file keys are known has none.
    """
    known = {ModelId(row["id"]): row for row in rows if row["grouping"] is not None}
    files = _rows(connection, sorted(known))
    places = _places(row for own in files.values() for row in own)
    metas, bodies = _metas(connection, places), _bodies(connection, places)
    shares = _shares(connection, (row for own in files.values() for row in own), bodies)
    return {
        model: _group(row, [_member(file, metas, bodies, shares) for file in files.get(model, ())])
        for model, row in known.items()
    }


def extractions_of(
    connection: Connection, source: SourceId, keys: Iterable[ObjectKey]
) -> dict[ObjectKey, Extraction]:
    """The whole extractions of these files."""
    bodies = _bodies(connection, {source: set(map(os.fsencode, keys))})
    return {ObjectKey(os.fsdecode(key)): extraction for (_, key), extraction in bodies.items()}


def drop(connection: Connection, models: Sequence[ModelId]) -> None:
    """These models are gone: no file makes them any more, and missing files that make no other leave the manifest."""
    files = _rows(connection, models)
    for part in parts(models):
        connection.execute(delete(record_files).where(record_files.c.model.in_(part)))
    for source, keys in _places(row for own in files.values() for row in own).items():
        for page in parts(sorted(keys)):
            _drop_missing(connection, source, page)


def _drop_missing(connection: Connection, source: str, keys: Sequence[bytes]) -> None:
    elsewhere = (record_files.c.source == objects.c.source) & (record_files.c.key == objects.c.key)
    missing = (objects.c.source == source) & objects.c.key.in_(keys) & (objects.c.state == MISSING)
    chosen = select(objects.c.key).where(missing & ~select(record_files.c.key).where(elsewhere).exists())
    dropped = list(connection.execute(chosen).scalars())
    drop_shares(connection, source, dropped)
    for table in (objects, extractions) if dropped else ():
        connection.execute(delete(table).where((table.c.source == source) & table.c.key.in_(dropped)))


def _places(rows: Iterable[Row]) -> Places:
    places: Places = defaultdict(set)
    for row in rows:
        places[row["source"]].add(row["key"])
    return places


def _rows(connection: Connection, models: Sequence[ModelId]) -> dict[ModelId, list[Row]]:
    by_model: dict[ModelId, list[Row]] = defaultdict(list)
    for part in parts(models):
        statement = select(record_files).where(record_files.c.model.in_(part))
        for row in connection.execute(
            statement.order_by(record_files.c.model, record_files.c.key, record_files.c.subject)
        ):
            by_model[ModelId(row.model)].append(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it
    return by_model


def _ordered(row: Row) -> tuple[Any, ...]:
    return row["key"], row["subject"], row["source"], row["role"] or "", row["distance"], row["sha256"] or ""


def _metas(connection: Connection, places: Places) -> dict[tuple[str, bytes], ObjectMeta]:
    columns = [column for column in objects.c if column.name != "outline"]
    return {
        (row.source, row.key): meta_of(row)
        for source, keys in places.items()
        for part in parts(sorted(keys))
        for row in connection.execute(
            select(*columns).where((objects.c.source == source) & objects.c.key.in_(part))
        )
    }


def _bodies(connection: Connection, places: Places) -> dict[tuple[str, bytes], Extraction]:
    sealing = Sealing(connection)
    same = (objects.c.source == extractions.c.source) & (objects.c.key == extractions.c.key)
    statement = select(extractions, objects.c.outline, objects.c.reading).outerjoin(objects, same)
    return {
        (row.source, row.key): with_digest(
            extraction_of(
                ObjectKey(os.fsdecode(row.key)), opened_body(sealing, row.source, row.key, row.body)
            ),
            outline_of(row, sealing.vault),
        )
        for source, keys in places.items()
        for part in parts(sorted(keys))
        for row in connection.execute(
            statement.where((extractions.c.source == source) & extractions.c.key.in_(part))
        )
    }


def _shares(
    connection: Connection, files: Iterable[Row], bodies: Mapping[tuple[str, bytes], Extraction]
) -> dict[str, Shares]:
    """By source, what files that tell of many models say of those of these; a file of few has no rows, and is not asked for."""
    split = {place for place, extraction in bodies.items() if may_have_shares(extraction)}
    by_source: dict[str, set[Share]] = defaultdict(set)
    for row in files:
        if row["subject"] and (row["source"], row["key"]) in split:
            by_source[row["source"]].add((ObjectKey(os.fsdecode(row["key"])), _subject(row["subject"])))
    return {
        source: shares_among(connection, SourceId(source), sorted(wanted))
        for source, wanted in by_source.items()
    }


def _member(
    file: Row,
    metas: Mapping[tuple[str, bytes], ObjectMeta],
    bodies: Mapping[tuple[str, bytes], Extraction],
    shares: Mapping[str, Shares],
) -> Member | None:
    place = file["source"], file["key"]
    meta, extraction = metas.get(place), bodies.get(place)
    if meta is None:
        return None
    if file["sha256"] is not None:
        meta = replace(meta, sha256=file["sha256"])
    if file["role"] is None:
        extraction = None
    elif _is_unread(file["role"], extraction):
        extraction = unread(meta.key)
    elif extraction is not None:
        own = shares.get(file["source"], {}).get(meta.key, {}).get(_subject(file["subject"]), ())
        observations = (*extraction.observations, *own)
        extraction = replace(extraction, observations=observations, role=Role(file["role"]))
    return Member(
        object=meta,
        extraction=extraction,
        subject=_subject(file["subject"]) or None,
        distance=file["distance"],
        promised_sha256=file["sha256"],
    )


def _is_unread(role: str, extraction: Extraction | None) -> bool:
    """Whether the file is in the group for being there alone: nobody reads it, or what it says is about another model, as its place
    or its name says.
    """
    if role == UNREAD:
        return True
    # As earlier versions wrote it of whatever is there alone, licence texts of others among them, which are read.
    return role == Role.AUXILIARY and (extraction is None or extraction.role in _OF_ONE_MODEL)


def _group(row: Mapping[str, Any], members: Iterable[Member | None]) -> Group:
    known = json.loads(row["grouping"])
    key, usual = os.fsdecode(row["group_key"]), known.get("usual", 0)
    place = _usual_place(row["source"], key) if usual & PLACED else None
    if "uri" in known:
        locations = tuple(known.get("locations") or (known["uri"],))
        place = Place(path=known["path"], uri=known["uri"], locations=locations)
    return Group(
        source=SourceId(row["source"]),
        key=key,
        kind=known["kind"],
        members=tuple(member for member in members if member is not None),
        name_hint=_usual_name(key) if usual & NAMED else known.get("name"),
        version_hint=known.get("version"),
        owner_hint=known.get("owner"),
        orphan=known.get("orphan", False),
        copies=tuple(map(ObjectKey, known.get("copies", ()))),
        place=place,
    )
