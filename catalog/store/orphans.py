"""Objects filed under their hashes that no repository names, judged only where repositories were looked at whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, func, select, text

from catalog.layouts.content_addressed import content_key
from catalog.records import Group, ModelId, SourceId
from catalog.store.database import parts
from catalog.store.documents import LIVE
from catalog.store.split import tie_id
from catalog.store.tables import (
    UNREAD,
    model_ties,
    objects,
    records,
    runs,
    sources,
    split_ties,
)

STORED = (b"md5:", b"md5;")
"""Between these lie the ties of objects that are filed under their hashes."""
REPOSITORY = (b"subject:dvc:", b"subject:dvc;")
"""Between these lie the ties of outputs that files of DVC name: a source that has one is a repository."""
COMPLETE = "complete"
SELECTING = ("include", "exclude")
"""Options of a source that may leave out files of DVC."""
NAMING = (b".dvc", b"dvc.lock", b"dvc.yaml", b".dir")
"""How files of DVC end by which objects are named."""
JUDGE = 2
"""In place of `is_named`: no tie of a model, but what orphans were judged by, by the hash of a source's id."""


def judges_of(connection: Connection, changed: SourceId) -> dict[str, bytes]:
    repositories, stores = _repositories(connection), _sources_with(connection, STORED, is_named=0)
    known = judged_by(connection)
    judges: dict[str, bytes] = {}
    for source in sorted(repositories | stores):
        is_repository = source in repositories
        state = known.get(judge_of(source), b"")[2:]
        if source == changed or not state:
            state = hashlib.sha256(_names_in(connection, source, repositories)).hexdigest().encode()
        is_whole = _is_whole(connection, source, is_repository=is_repository)
        judges[judge_of(source)] = f"{is_whole:d}{is_repository:d}".encode() + state
    return judges


def judge_of(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def _repositories(connection: Connection) -> set[str]:
    """The sources in which files of DVC name outputs, those included of which that is being written anew."""
    known = {name for name, state in judged_by(connection).items() if state[1:2] == b"1"}
    unsplit = connection.execute(select(sources.c.id).where(sources.c.split == "")).scalars()
    return _sources_with(connection, REPOSITORY) | {source for source in unsplit if judge_of(source) in known}


def judged_by(connection: Connection) -> dict[str, bytes]:
    statement = select(model_ties.c.model, model_ties.c.tie).where(
        model_ties.c.tie >= b"0", model_ties.c.tie < b"2", model_ties.c.is_named == JUDGE
    )
    return {row.model: bytes(row.tie) for row in connection.execute(statement)}


def _names_in(connection: Connection, source: str, repositories: Collection[str]) -> bytes:
    """The objects that a source names by its files of DVC, and the repositories that name some of its own."""
    first, last = STORED
    named = [*sorted(_naming_any(connection, source, repositories))]
    if source in repositories:
        chosen = (split_ties.c.source == source) & (split_ties.c.tie >= first) & (split_ties.c.tie < last)
        ties = select(split_ties.c.tie).where(chosen, split_ties.c.is_named == 1).distinct()
        named += sorted(bytes(tie).decode() for tie in connection.execute(ties).scalars())
    return "\0".join(named).encode("utf-8", "surrogatepass")


def _naming_any(connection: Connection, store: str, repositories: Collection[str]) -> set[str]:
    """Those of these other sources that name the bytes of at least some model that this one stores."""
    first, last = STORED
    naming: set[str] = set()
    for source in sorted(set(repositories) - {store}):
        statement = (
            select(split_ties.c.tie)
            .join(model_ties, (model_ties.c.tie == split_ties.c.tie) & (model_ties.c.is_named == 0))
            .join(records, records.c.id == model_ties.c.model)
            .where(
                records.c.source == store,
                records.c.state == LIVE,
                split_ties.c.source == source,
                split_ties.c.tie >= first,
                split_ties.c.tie < last,
                split_ties.c.is_named == 1,
            )
        )
        if connection.execute(statement.limit(1)).first() is not None:
            naming.add(source)
    return naming


def _sources_with(connection: Connection, bounds: tuple[bytes, bytes], *, is_named: int = 1) -> set[str]:
    """The sources with ties between these, but the forgotten: one look into the index for each source."""
    first, last = bounds
    having: set[str] = set()
    for source in connection.execute(select(sources.c.id)).scalars().all():
        chosen = (split_ties.c.source == source) & (split_ties.c.tie >= first) & (split_ties.c.tie < last)
        statement = select(split_ties.c.tie).where(chosen, split_ties.c.is_named == is_named)
        if connection.execute(statement.limit(1)).first() is not None:
            having.add(source)
    return having


def stored_as(group: Group) -> set[bytes]:
    """The names of its bytes, of a model that need not be written yet."""
    contents = (content_key(member.object.key) for member in group.members)
    return {tie_id(content) for content in contents if content is not None}


def orphans_of(
    connection: Connection, homes: Mapping[ModelId, str], ties: Mapping[ModelId, set[bytes]]
) -> dict[ModelId, bool]:
    """Whether no repository names the bytes of these models, each taken for an orphan by its own source; nobody is where
    its own source or a repository was not looked at whole, or where none names any object of its source.
    """
    if not homes:
        return {}
    repositories = _repositories(connection)
    wanted = sorted({tie for own in ties.values() for tie in own})
    named = {source: _named_by(connection, source, wanted) for source in sorted(repositories)}
    stores = set(homes.values())
    unfinished = {
        source
        for source in repositories | stores
        if not _is_whole(connection, source, is_repository=source in repositories)
    }
    is_judged = {
        store: unfinished.isdisjoint({store, *repositories})
        and (store in repositories or bool(_naming_any(connection, store, repositories)))
        for store in stores
    }
    judged: dict[ModelId, bool] = {}
    for model, own in homes.items():
        others = [named[source] for source in named if source != own]
        judged[model] = is_judged[own] and all(names.isdisjoint(ties.get(model, ())) for names in others)
    return judged


def _named_by(connection: Connection, source: str, ties: Sequence[bytes]) -> set[bytes]:
    """Those of the ties that files of this source name."""
    named: set[bytes] = set()
    for part in parts(ties):
        chosen = (split_ties.c.source == source) & split_ties.c.tie.in_(part) & (split_ties.c.is_named == 1)
        named.update(
            bytes(tie) for tie in connection.execute(select(split_ties.c.tie).where(chosen)).scalars()
        )
    return named


def _is_whole(connection: Connection, source: str, *, is_repository: bool) -> bool:
    """Whether the last run of a source that ended ended well, and every file of DVC in it could be read. A repository
    must have left out none on purpose either, and is not whole while its names are written anew.
    """
    finished = (runs.c.source == source) & runs.c.finished_at.is_not(None)
    last = select(func.max(runs.c.id)).where(finished).scalar_subquery()
    if connection.execute(select(runs.c.state).where(runs.c.id == last)).scalar() != COMPLETE:
        return False
    chosen = select(sources.c.options, sources.c.split).where(sources.c.id == source)
    for row in connection.execute(chosen) if is_repository else ():
        if not row.split or any(json.loads(row.options).get(name) for name in SELECTING):
            return False
    unread = select(objects.c.key).where(objects.c.source == source, objects.c.state == LIVE, text(UNREAD))
    return not any(bytes(key).endswith(NAMING) for key in connection.execute(unread).scalars())
