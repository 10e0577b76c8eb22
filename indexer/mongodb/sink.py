"""Keeps a collection of MongoDB as the catalog is: one document for each model, for whoever asks there.

One more consumer of revisions, with a cursor for each place it writes to. Of two states of a model the newer stays, in
whatever order they come: a state replaces only older ones, and is written at most once more after a fault. Every document
says of which catalog it is: revisions of two catalogs cannot be compared, so a document of another catalog is replaced, and
is never deleted. Nothing else in the collection is touched.
Source: https://www.mongodb.com/docs/manual/reference/limits/ (16 MiB, 100 levels, names of fields).
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from catalog.errors import UserError
from catalog.exports.withheld import without
from catalog.lazy_dataclasses import dataclass
from catalog.search.engine import IndexAction, IndexOutcome
from indexer.mongodb.connection import connected, fault_of
from indexer.settings import MongodbSettings
from mappings import fields

if TYPE_CHECKING:
    from catalog.settings import Settings
    from catalog.store import Store

BATCH = 200
MAX_BYTES = 16 * 1024 * 1024 - 16 * 1024
"""What MongoDB takes as one document, with room for the command around it."""
MAX_DEPTH = 60
"""Far from the 100 levels of MongoDB; what lies deeper is kept as text."""
MAX_NAME_BYTES = 1024
LARGEST_WHOLE = 2**63 - 1
DUPLICATE = 11_000
OF_ONE_DOCUMENT = frozenset({2, 52, 57, 121, 10_334, DUPLICATE})
"""BadValue, DollarPrefixedFieldName, DottedFieldName, DocumentValidationFailure, BSONObjectTooLarge: never accepted as they
are. Source: MongoDB, src/mongo/base/error_codes.yml.
"""
REASON_CHARACTERS = 300

CATALOG = "catalog"
"""The field of a document that says which catalog wrote it."""

log = logging.getLogger(__name__)


def tell(settings: Settings, store: Store, *, anew: bool = False) -> int:
    """Writes what waits, until MongoDB cannot be reached; how many models it took. Does nothing without a collection.

    With `anew` whatever the collection has of these models is replaced, also states that are newer by their revision, as
    a catalog finds them that was restored from a backup.
    """
    chosen = settings.section(MongodbSettings)
    if not (chosen.url and chosen.collection):
        return 0
    consumer = store.consumer(consumer_of(chosen))
    consumer.register()
    actions, taken, refused = consumer.claim(BATCH), 0, dict[str, str]()
    if not actions:
        return 0
    hidden = {str(row.id): row.definition.sensitive for row in store.sources.all()}
    catalog = store.birth()
    try:
        client = connected(chosen)
    except UserError as error:
        consumer.put_off(actions, str(error))
        log.warning("mongodb waits reason=%s", error)
        return 0
    with client:
        collection = client[chosen.database][chosen.collection]
        while actions:
            outcome = write(collection, actions, hidden, catalog=catalog, anew=anew)
            consumer.settle(actions, outcome)
            taken += len(outcome.done)
            refused |= outcome.rejected
            if outcome.retry:
                log.warning("mongodb waits reason=%s", next(iter(outcome.retry.values())))
                break
            actions = consumer.claim(BATCH)
    if refused:
        log.warning("mongodb refused models=%s reason=%s", len(refused), next(iter(refused.values())))
    return taken


def consumer_of(chosen: MongodbSettings) -> str:
    """The name of the cursor: another server or collection is another one, which gets every model from the first on."""
    place = f"{chosen.url.rpartition('@')[2]}\0{chosen.database}\0{chosen.collection}"
    return f"mongodb-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def write(
    collection: Any,
    actions: Sequence[IndexAction],
    hidden: Mapping[str, Sequence[str]] | None = None,
    *,
    catalog: str = "",
    anew: bool = False,
) -> IndexOutcome:
    """What became of these states of a catalog. One that cannot be a document of MongoDB costs itself alone. States that
    are newer in the collection stay, unless it is written `anew`; the log tells how many.
    """
    from bson import encode  # noqa: PLC0415 - an extra
    from bson.errors import BSONError  # noqa: PLC0415
    from pymongo.errors import PyMongoError  # noqa: PLC0415

    documents: dict[str, dict[str, Any] | None] = {}
    rejected: dict[str, str] = {}
    for action in actions:
        try:
            document = (
                None if action.document is None else document_of(action, hidden or {}) | {CATALOG: catalog}
            )
            if document is not None and (size := len(encode(document))) > MAX_BYTES:
                rejected[action.id] = f"has {size:,} bytes, and MongoDB takes {MAX_BYTES:,}"
                continue
        except (BSONError, OverflowError) as error:
            rejected[action.id] = f"cannot be a document of MongoDB ({type(error).__name__})"
            continue
        documents[action.id] = document
    wanted = [action for action in actions if action.id in documents]
    retry: dict[str, str] = {}
    place = _Place(collection, catalog, anew=anew)
    try:
        for action, fault in place.written(wanted, documents) if wanted else ():
            if fault.get("code") in OF_ONE_DOCUMENT:
                rejected[action.id] = f"MongoDB refuses it: {str(fault.get('errmsg'))[:REASON_CHARACTERS]}"
            else:
                retry[action.id] = f"MongoDB could not write it now (code {fault.get('code')})."
    except (PyMongoError, OSError) as error:
        reason = fault_of(error)
        retry |= {action.id: reason for action in wanted if action.id not in rejected}
    done = [action.id for action in wanted if action.id not in rejected and action.id not in retry]
    return IndexOutcome(done=done, rejected=rejected, retry=retry)


@dataclass(frozen=True, slots=True)
class _Place:
    """The collection, and whose documents are older there than those of the catalog that writes."""

    collection: Any
    catalog: str
    _: KW_ONLY
    anew: bool

    def written(
        self, actions: Sequence[IndexAction], documents: Mapping[str, dict[str, Any] | None]
    ) -> Iterator[tuple[IndexAction, Mapping[str, Any]]]:
        """Writes them, and yields those that were not written with what MongoDB says of each. Raises PyMongoError."""
        from pymongo import DeleteOne, InsertOne, ReplaceOne  # noqa: PLC0415 - an extra
        from pymongo.errors import BulkWriteError  # noqa: PLC0415

        ids = [action.id for action in actions]
        shown = {"_id": 1, "revision": 1, CATALOG: 1}
        present = {row["_id"]: row for row in self.collection.find({"_id": {"$in": ids}}, shown)}
        self._tell_newer(actions, present)
        requests: list[Any] = []
        for action in actions:
            document = documents[action.id]
            if document is None:
                requests.append(DeleteOne(self._own(action)))
            elif action.id in present:
                requests.append(ReplaceOne(self._older(action), document))
            else:
                requests.append(InsertOne(document))
        try:
            self.collection.bulk_write(requests, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            if details.get("writeConcernErrors") or not details.get("writeErrors"):
                raise
            for fault in details["writeErrors"]:
                action = actions[fault["index"]]
                if fault.get("code") != DUPLICATE or not self._replaced(action, documents[action.id]):
                    yield action, fault

    def _replaced(self, action: IndexAction, document: dict[str, Any] | None) -> bool:
        """Whether the model, which somebody else has written since, is there in this state or a newer one."""
        from pymongo.errors import DuplicateKeyError  # noqa: PLC0415 - an extra

        try:
            if self.collection.replace_one(self._older(action), document).matched_count:
                return True
        except DuplicateKeyError:  # by another unique index, which somebody has put on the collection
            return False
        return self.collection.find_one({"_id": action.id}, {"_id": 1}) is not None

    def _older(self, action: IndexAction) -> dict[str, Any]:
        if self.anew:
            return {"_id": action.id}
        older = {"revision": {"$lt": action.revision}}
        return {"_id": action.id, "$or": [older, {CATALOG: {"$ne": self.catalog}}]}

    def _own(self, action: IndexAction) -> dict[str, Any]:
        state = {} if self.anew else {"revision": {"$lte": action.revision}}
        return {"_id": action.id, CATALOG: self.catalog, **state}

    def _tell_newer(self, actions: Sequence[IndexAction], present: Mapping[str, Mapping[str, Any]]) -> None:
        """The log tells what is kept, newer by its revision, and what is of another catalog and of models that are gone."""
        rows = [(action, present[action.id]) for action in actions if action.id in present]
        own = [(action, row) for action, row in rows if row.get(CATALOG) == self.catalog]
        newer = 0 if self.anew else sum(_revision(row) > action.revision for action, row in own)
        if newer:
            log.warning(
                "mongodb has newer states, which stay: models=%d; modeldex mongodb push --again", newer
            )
        others = sum(action.document is None and row.get(CATALOG) != self.catalog for action, row in rows)
        if others:
            log.warning(
                "mongodb keeps models that are gone, as another catalog wrote them: models=%d", others
            )


def _revision(row: Mapping[str, Any]) -> float:
    number = row.get("revision")
    return number if isinstance(number, int | float) else -1


def document_of(action: IndexAction, hidden: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The document as MongoDB has it: dates as dates, names of fields as it takes them, what is not for all left out."""
    assert action.document is not None
    shown = without(action.document, hidden.get(str(action.document.get("source")), ()))
    table = fields()
    body = {
        name: _dated(value) if (row := table.get(name)) is not None and row.type == "date" else value
        for name, value in shown.items()
    }
    plain: dict[str, Any] = _plain(body, 1)
    return plain | {"_id": action.id, "revision": action.revision}


def name_of(name: str) -> str:
    """A name that every MongoDB takes and every query can say: its dots and a dollar in front become full-width ones."""
    usual = name.replace("\0", "\ufffd").replace(".", "\uff0e").encode("utf-8", "replace")[:MAX_NAME_BYTES]
    text = usual.decode("utf-8", "ignore") or "_"
    return f"\uff04{text[1:]}" if text.startswith("$") else text


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        if depth > MAX_DEPTH:
            return _text(value)
        return {name_of(str(name)): _plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return _text(value) if depth > MAX_DEPTH else [_plain(inner, depth + 1) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # some that speak MongoDB's protocol end the connection over it
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        return float(value) if abs(value) < 10**308 else str(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _text(value: Any) -> str:
    return str(value)[:MAX_NAME_BYTES]


def _dated(value: Any) -> Any:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
