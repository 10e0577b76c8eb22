"""Models of different sources that have to do with each other: by which names, which are joined, and what is to be settled.

A model holds the names of its own bytes; files elsewhere name them. Whoever names lends what they say to whoever holds.
"""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select, update

from catalog.lazy_dataclasses import dataclass
from catalog.records import Group, ModelId, SourceId
from catalog.records.ties import LOCATION, Ties
from catalog.store import members
from catalog.store.database import begin_commit, insert_rows, parts, upsert
from catalog.store.documents import LIVE
from catalog.store.leases import Lease
from catalog.store.newest import present_or_empty, with_documents
from catalog.store.orphans import JUDGE, STORED, judge_of, judged_by, judges_of, orphans_of, stored_as
from catalog.store.sealing import vault_behind
from catalog.store.split import tie_id
from catalog.store.tables import (
    joins,
    joins_due,
    model_ties,
    records,
    sources,
    split_ties,
)

MAX_LENDERS = 20
"""So many models elsewhere tell of one, the first by their ids."""
MAX_BORROWERS = 1_000
"""So many hold one name: thousands of copies of one file are not all told of."""
MAX_STORED_AT = 20
PAGE_DUE = 200
NOTE_BITS = 62
"""Of the number by which one note is told from every other of the same model, earlier ones that are settled included."""
FORGOTTEN = b"0"
PAGE_JUDGED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Lender:
    """A model of another source, with whole extractions."""

    model: ModelId
    uri: str
    name: str
    version: str
    source: SourceId
    group: Group
    by_address: bool = False
    """Whether it knows the model by its address alone: anybody may write an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What a model is joined with: those that tell of it, and where those are that it tells of. `is_orphan` says whether
    no repository names its bytes; None where that is not known, or not asked.
    """

    lenders: tuple[Lender, ...] = ()
    stored_at: tuple[str, ...] = ()
    is_orphan: bool | None = None


class Joins:
    """Reading by anybody; rows are written with the records that they are about."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, groups: Mapping[ModelId, Group]) -> dict[ModelId, Joined]:
        """What those of these models are joined with that are joined at all, or are taken for orphans by their own source."""
        with self._engine.connect() as connection:
            return joined(connection, groups)

    def due(self) -> dict[ModelId, int]:
        """Some of the models to be settled, each with the number of the last note of it."""
        statement = select(joins_due).order_by(joins_due.c.model).limit(PAGE_DUE)
        with self._engine.connect() as connection:
            return {ModelId(row.model): row.changes for row in connection.execute(statement)}

    def forget(self, source: SourceId, *, lease: Lease) -> None:
        """No file of this source names anything, until it is crawled again. Raises LeaseLost."""
        with self._engine.begin() as connection:
            lease.check(connection)
            connection.execute(delete(split_ties).where(split_ties.c.source == source))
            judge = (model_ties.c.model == judge_of(source)) & (model_ties.c.is_named == JUDGE)
            connection.execute(update(model_ties).where(judge).values(tie=FORGOTTEN))

    def settled(self, due: Mapping[ModelId, int]) -> None:
        """These need no look any more, unless they changed meanwhile."""
        by_changes: dict[int, list[str]] = defaultdict(list)
        for model, changes in due.items():
            by_changes[changes].append(model)
        with self._engine.begin() as connection:
            for changes, models in by_changes.items():
                unchanged = joins_due.c.model.in_(models) & (joins_due.c.changes == changes)
                connection.execute(delete(joins_due).where(unchanged))

    def reached(self, models: Collection[ModelId]) -> list[ModelId]:
        """The models that these are, tell of, or told of before, and that hold something, or of which others told before."""
        with self._engine.connect() as connection:
            known = _joined_with(connection, sorted(models))
            named = [tie for own in _ties(connection, sorted(models), is_named=True).values() for tie in own]
            holding = _having(connection, sorted(set(named)), is_named=False, most=MAX_BORROWERS)
            near = {*models, *known, *(model for own in holding.values() for model, _ in own)}
            holders = _ties(connection, sorted(near), is_named=False).keys()
            borrowing = _present(connection, sorted(near)).keys()
            return sorted(ModelId(model) for model in near if model in holders or model in borrowing)

    def lenders(self, models: Sequence[ModelId]) -> dict[ModelId, tuple[ModelId, ...]]:
        """Who tells of each of these models, as names have it now."""
        with self._engine.connect() as connection:
            return _lenders(connection, models)

    def present(self, models: Sequence[ModelId]) -> dict[ModelId, tuple[ModelId, ...]]:
        """Who tells of each of these models, as their records show it."""
        with self._engine.connect() as connection:
            return _present(connection, models)

    def borrowers(self, limit: int) -> list[ModelId]:
        """Some of the models of which others tell, as records show it."""
        statement = select(joins.c.borrower).distinct().order_by(joins.c.borrower).limit(limit)
        with self._engine.connect() as connection:
            return [ModelId(model) for model in connection.execute(statement).scalars()]

    def judges(self, source: SourceId) -> dict[str, bytes]:
        """What orphans are judged by now, by repository and by store of objects: whether each was looked at whole, and,
        as `source` changed, which objects that one names, or which repositories name some of its own.
        """
        with self._engine.connect() as connection:
            return judges_of(connection, source)

    def judged_by(self) -> dict[str, bytes]:
        """The same as the flags of records were last judged by."""
        with self._engine.connect() as connection:
            return judged_by(connection)

    def keep_judges(self, judges: Mapping[str, bytes]) -> None:
        """The flags of all records are judged by these. Crawls of several sources may end at once: one after the other."""
        rows = [{"model": name, "tie": state, "is_named": JUDGE} for name, state in judges.items()]
        with begin_commit(self._engine) as connection:
            connection.execute(delete(model_ties).where(model_ties.c.model.in_(judged_by(connection))))
            insert_rows(connection, model_ties, rows)

    def misjudged(self) -> Iterator[list[ModelId]]:
        """Pages of live models whose records say of their being orphans something else than repositories do now."""
        first, last = STORED
        chosen = (model_ties.c.tie >= first) & (model_ties.c.tie < last) & (model_ties.c.is_named == 0)
        with self._engine.connect() as connection:
            stored = sorted(connection.execute(select(model_ties.c.model).where(chosen).distinct()).scalars())
        for page in range(0, len(stored), PAGE_JUDGED):
            with self._engine.connect() as connection:
                rows = _rows(connection, stored[page : page + PAGE_JUDGED])
                flagged = {
                    model: "orphan" in (present_or_empty(row).get("flags") or ())
                    for model, row in rows.items()
                    if row.state == LIVE and json.loads(row.grouping or "{}").get("orphan")
                }
                homes = {model: rows[model].source for model in flagged}
                judged = orphans_of(connection, homes, _ties(connection, sorted(flagged), is_named=False))
            if wrong := sorted(
                model for model, flag in flagged.items() if flag is not bool(judged.get(model))
            ):
                yield wrong


def joined(connection: Connection, groups: Mapping[ModelId, Group]) -> dict[ModelId, Joined]:
    """As `Joins.of`, as this transaction sees it."""
    present = _present(connection, sorted(groups))
    lent = _lent(connection, sorted(groups))
    doubtful = {model: group for model, group in groups.items() if group.orphan}
    orphans = orphans_of(
        connection,
        {model: group.source for model, group in doubtful.items()},
        {model: stored_as(group) for model, group in doubtful.items()},
    )
    lenders = _rows(connection, {lender for own in present.values() for lender in own})
    owned = _ties(connection, sorted(present), is_named=False)
    named = _ties(connection, sorted(lenders), is_named=True)
    terms = _Terms(connection)
    open_rows = [row for row in lenders.values() if terms.lends(row.source)]
    grouped = members.groups(connection, [dict(row._mapping) for row in open_rows])  # noqa: SLF001 - SQLAlchemy's public name for it
    documents = {row.id: present_or_empty(row) for row in open_rows}
    return {
        model: Joined(
            lenders=tuple(
                Lender(
                    model=ModelId(lender),
                    uri=str(documents[lender].get("uri", "")),
                    name=lenders[lender].name,
                    version=str(documents[lender].get("version", "")),
                    source=SourceId(lenders[lender].source),
                    group=grouped[lender],
                    by_address=all(
                        tie.startswith(LOCATION.encode())
                        for tie in owned.get(model, set()) & named.get(lender, set())
                    ),
                )
                for lender in present.get(model, ())
                if lender in grouped and terms.borrows(group.source)
            ),
            stored_at=lent.get(model, ()),
            is_orphan=orphans.get(model, False) if group.orphan else None,
        )
        for model, group in groups.items()
        if model in present or model in lent or group.orphan
    }


def write_ties(connection: Connection, ties: Mapping[ModelId, Ties], *, new: Collection[ModelId]) -> None:
    """These models have just these ties; of `new` ones nothing was written before."""
    rows = {
        model: {(tie_id(tie), flag) for flag, own in ((1, each.named), (0, each.owned)) for tie in own}
        for model, each in ties.items()
    }
    before: dict[str, set[tuple[bytes, int]]] = defaultdict(set)
    for part in parts(sorted(rows.keys() - set(new))):
        for row in connection.execute(select(model_ties).where(model_ties.c.model.in_(part))):
            before[row.model].add((bytes(row.tie), row.is_named))
    changed = {model: own for model, own in rows.items() if own != before.get(model, set())}
    for part in parts(sorted(changed.keys() & before.keys())):
        connection.execute(delete(model_ties).where(model_ties.c.model.in_(part)))
    added = [
        {"model": model, "tie": tie, "is_named": flag}
        for model, own in changed.items()
        for tie, flag in sorted(own)
    ]
    insert_rows(connection, model_ties, added)


def drop(connection: Connection, models: Sequence[ModelId]) -> None:
    """These models are gone, and have no names. Who told of them is known until that is settled."""
    for part in parts(models):
        connection.execute(delete(model_ties).where(model_ties.c.model.in_(part)))


def note_due(connection: Connection, models: Iterable[ModelId], ties: Mapping[ModelId, Ties]) -> None:
    """Of these models, which came, left, or say something else, those that have to do with others: that tell of some, or of
    which some tell, now or before. `ties` were just written, and those of the gone are not yet dropped.
    """
    wanted = sorted(set(models))
    owners: dict[bytes, list[ModelId]] = defaultdict(list)
    due: set[ModelId] = set()
    for model in wanted:
        if model in ties:  # as written a moment ago: nothing is read of a first crawl's
            due.update([model] if ties[model].named else ())
            for tie in ties[model].owned:
                owners[tie_id(tie)].append(model)
    for part in parts([model for model in wanted if model not in ties]):
        for row in connection.execute(select(model_ties).where(model_ties.c.model.in_(part))):
            if row.is_named == 1:
                due.add(ModelId(row.model))
            elif row.is_named == 0:
                owners[bytes(row.tie)].append(ModelId(row.model))
    joined_pairs = select(joins.c.borrower, joins.c.lender)
    for part in parts(wanted):
        chosen = joins.c.borrower.in_(part) | joins.c.lender.in_(part)
        for pair in connection.execute(joined_pairs.where(chosen)):
            due.update(ModelId(model) for model in pair if model in part)
    named = _having(connection, sorted(owners), is_named=True, most=1)
    due.update(model for tie in named for model in owners[tie])
    _add_due(connection, due)


def note_source(connection: Connection, source: str) -> None:
    """What the source lends or borrows changed: all of its models that have to do with others are due."""
    models = set(
        connection.execute(
            select(model_ties.c.model)
            .join(records, records.c.id == model_ties.c.model)
            .where(records.c.source == source)
            .distinct()
        ).scalars()
    )
    for column in (joins.c.borrower, joins.c.lender):
        chosen = select(column).join(records, records.c.id == column).where(records.c.source == source)
        models.update(connection.execute(chosen).scalars())
    _add_due(connection, map(ModelId, models))


def _add_due(connection: Connection, models: Iterable[ModelId]) -> None:
    for part in parts(sorted(models)):
        rows = [{"model": model, "changes": secrets.randbits(NOTE_BITS)} for model in part]
        upsert(connection, joins_due, rows)


def keep(connection: Connection, lenders: Mapping[ModelId, Sequence[ModelId]]) -> None:
    """From now on just these tell of each of these models."""
    for part in parts(sorted(lenders)):
        connection.execute(delete(joins).where(joins.c.borrower.in_(part)))
    insert_rows(
        connection,
        joins,
        [{"borrower": model, "lender": lender} for model, own in lenders.items() for lender in own],
    )


class _Terms:
    """What sources said of lending and borrowing."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(select(sources.c.id, sources.c.options, sources.c.sealing)).all()
        self._options: dict[str, dict[str, Any]] = {row.id: json.loads(row.options or "{}") for row in rows}
        self._sealed = {row.id for row in rows if row.sealing}
        self._vault = vault_behind(connection)

    def lends(self, source: str) -> bool:
        """Not where it calls a field sensitive, with a key or without, or holds sealed values yet: those must not stand in
        clear in another.
        """
        return source not in self._sealed and not self._vault.called(
            self._options.get(source, {}).get("sensitive", ())
        )

    def borrows(self, source: str | None) -> bool:
        return bool(self._options.get(source or "", {}).get("borrow", True))


def _present(connection: Connection, models: Sequence[ModelId]) -> dict[ModelId, tuple[ModelId, ...]]:
    present: dict[ModelId, list[ModelId]] = defaultdict(list)
    for part in parts(models):
        statement = select(joins).where(joins.c.borrower.in_(part)).order_by(joins.c.lender)
        for row in connection.execute(statement):
            present[ModelId(row.borrower)].append(ModelId(row.lender))
    return {model: tuple(own) for model, own in present.items()}


def _lent(connection: Connection, models: Sequence[ModelId]) -> dict[ModelId, tuple[str, ...]]:
    """Where those are that each of these models tells of."""
    places: dict[ModelId, list[str]] = defaultdict(list)
    for part in parts(models):
        statement = (
            with_documents(joins.c.lender)
            .join(joins, joins.c.borrower == records.c.id)
            .where(joins.c.lender.in_(part), records.c.state == LIVE)
            .order_by(joins.c.borrower)
        )
        for row in connection.execute(statement):
            own = places[ModelId(row.lender)]
            if len(own) < MAX_STORED_AT:
                own.append(str(present_or_empty(row).get("uri", "")))
    return {model: tuple(own) for model, own in places.items()}


def _joined_with(connection: Connection, models: Sequence[ModelId]) -> set[ModelId]:
    """The models that these tell of, as records show it."""
    reached: set[ModelId] = set()
    for part in parts(models):
        chosen = joins.c.lender.in_(part)
        reached.update(map(ModelId, connection.execute(select(joins.c.borrower).where(chosen)).scalars()))
    return reached


def _lenders(connection: Connection, models: Sequence[ModelId]) -> dict[ModelId, tuple[ModelId, ...]]:
    owned, named = _ties(connection, models, is_named=False), _ties(connection, models, is_named=True)
    wanted = {model: own - named.get(model, set()) for model, own in owned.items()}
    ties = sorted({tie for own in wanted.values() for tie in own})
    naming = _having(connection, ties, is_named=True, most=MAX_LENDERS)
    home = {model: row.source for model, row in _rows(connection, wanted).items()}
    terms = _Terms(connection)
    lenders: dict[ModelId, tuple[ModelId, ...]] = {}
    for model, own in wanted.items():
        others = {
            other
            for tie in own
            for other, source in naming.get(tie, ())
            if source != home.get(model) and terms.lends(source) and terms.borrows(home.get(model))
        }
        lenders[model] = tuple(sorted(others)[:MAX_LENDERS])
    return lenders


def _ties(connection: Connection, models: Sequence[str], *, is_named: bool) -> dict[ModelId, set[bytes]]:
    ties: dict[ModelId, set[bytes]] = defaultdict(set)
    for part in parts(models):
        chosen = model_ties.c.model.in_(part) & (model_ties.c.is_named == int(is_named))
        for row in connection.execute(select(model_ties.c.model, model_ties.c.tie).where(chosen)):
            ties[ModelId(row.model)].add(bytes(row.tie))
    return ties


def _having(
    connection: Connection, ties: Sequence[bytes], *, is_named: bool, most: int
) -> dict[bytes, list[tuple[ModelId, str]]]:
    """The live models with each of these ties, and their sources; the first `most` by id."""
    models: dict[bytes, list[tuple[ModelId, str]]] = defaultdict(list)
    for part in parts(ties):
        statement = (
            select(model_ties.c.tie, model_ties.c.model, records.c.source)
            .join(records, records.c.id == model_ties.c.model)
            .where(
                model_ties.c.tie.in_(part),
                model_ties.c.is_named == int(is_named),
                records.c.state == LIVE,
            )
            .order_by(model_ties.c.tie, model_ties.c.model)
        )
        for row in connection.execute(statement):
            own = models[bytes(row.tie)]
            if len(own) < most:
                own.append((ModelId(row.model), row.source))
    return models


def _rows(connection: Connection, models: Iterable[ModelId]) -> dict[ModelId, Row[Any]]:
    columns = (
        records.c.id,
        records.c.source,
        records.c.group_key,
        records.c.state,
        records.c.name,
        records.c.grouping,
    )
    rows: dict[ModelId, Row[Any]] = {}
    for part in parts(sorted(models)):
        for row in connection.execute(with_documents(*columns).where(records.c.id.in_(part))):
            rows[ModelId(row.id)] = row
    return rows
