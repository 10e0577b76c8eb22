"""Keeps a collection of MongoDB as the catalog is: one document for each model, for whoever asks there.

One more consumer of revisions, with a cursor for each place it writes to. Of two states of a model the newer stays, in
whatever order they come: a state replaces only older ones, and is written at most once more after a fault. Nothing else in
the collection is touched.
Source: https://www.mongodb.com/docs/manual/reference/limits/ (16 MiB, 100 levels, names of fields).
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from catalog.errors import UserError
from catalog.exports.withheld import without
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

log = logging.getLogger(__name__)


def tell(settings: Settings, store: Store) -> int:
    """Writes what waits, until MongoDB cannot be reached; how many models it took. Does nothing without a collection."""
    chosen = settings.section(MongodbSettings)
    if not (chosen.url and chosen.collection):
        return 0
    consumer = store.consumer(consumer_of(chosen))
    consumer.register()
    hidden = {str(row.id): row.definition.sensitive for row in store.sources.all()}
    taken = 0
    try:
        client = connected(chosen)
    except UserError as error:
        consumer.put_off(consumer.claim(BATCH), str(error))
        log.warning("mongodb waits reason=%s", error)
        return 0
    with client:
        collection = client[chosen.database][chosen.collection]
        while actions := consumer.claim(BATCH):
            outcome = write(collection, actions, hidden)
            consumer.settle(actions, outcome)
            taken += len(outcome.done)
            if outcome.retry:
                log.warning("mongodb waits reason=%s", next(iter(outcome.retry.values())))
                break
    return taken


def consumer_of(chosen: MongodbSettings) -> str:
    """The name of the cursor: another server or collection is another one, which gets every model from the first on."""
    place = f"{chosen.url.rpartition('@')[2]}\0{chosen.database}\0{chosen.collection}"
    return f"mongodb-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def write(
    collection: Any, actions: Sequence[IndexAction], hidden: Mapping[str, Sequence[str]] | None = None
) -> IndexOutcome:
    """What became of these states. One that cannot be a document of MongoDB costs itself alone."""
    from bson import encode  # noqa: PLC0415 - an extra
    from bson.errors import BSONError  # noqa: PLC0415
    from pymongo.errors import PyMongoError  # noqa: PLC0415

    documents: dict[str, dict[str, Any] | None] = {}
    rejected: dict[str, str] = {}
    for action in actions:
        try:
            document = None if action.document is None else document_of(action, hidden or {})
            if document is not None and (size := len(encode(document))) > MAX_BYTES:
                rejected[action.id] = f"has {size:,} bytes, and MongoDB takes {MAX_BYTES:,}"
                continue
        except (BSONError, OverflowError) as error:
            rejected[action.id] = f"cannot be a document of MongoDB ({type(error).__name__})"
            continue
        documents[action.id] = document
    wanted = [action for action in actions if action.id in documents]
    try:
        _write(collection, wanted, documents)
    except (PyMongoError, OSError) as error:
        reason = fault_of(error)
        return IndexOutcome(rejected=rejected, retry={action.id: reason for action in wanted})
    return IndexOutcome(done=[action.id for action in wanted], rejected=rejected)


def _write(
    collection: Any, actions: Sequence[IndexAction], documents: Mapping[str, dict[str, Any] | None]
) -> None:
    """Raises PyMongoError. Whoever wrote the same model meanwhile has written it, and only an older state is replaced."""
    from pymongo import DeleteOne, InsertOne, ReplaceOne  # noqa: PLC0415 - an extra
    from pymongo.errors import BulkWriteError  # noqa: PLC0415

    present = {
        row["_id"] for row in collection.find({"_id": {"$in": [each.id for each in actions]}}, {"_id": 1})
    }
    requests: list[Any] = []
    for action in actions:
        document, older = documents[action.id], {"_id": action.id, "revision": {"$lt": action.revision}}
        if document is None:
            requests.append(DeleteOne({"_id": action.id, "revision": {"$lte": action.revision}}))
        elif action.id in present:
            requests.append(ReplaceOne(older, document))
        else:
            requests.append(InsertOne(document))
    try:
        collection.bulk_write(requests, ordered=False)
    except BulkWriteError as error:
        faults = (error.details or {}).get("writeErrors", [])
        if not faults or any(fault.get("code") != DUPLICATE for fault in faults):
            raise
        again = [actions[fault["index"]] for fault in faults]
        for action in again:
            newer = {"_id": action.id, "revision": {"$lt": action.revision}}
            collection.replace_one(newer, documents[action.id])


def document_of(action: IndexAction, hidden: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The document as MongoDB has it: dates as dates, names of fields as it takes them, what is not for all left out."""
    assert action.document is not None
    shown = without(action.document, hidden.get(str(action.document.get("source")), ()))
    table = fields()
    body = {
        name: _dated(value) if (row := table.get(name)) is not None and row.type == "date" else value
        for name, value in shown.items()
    }
    return _plain(body, 1) | {"_id": action.id, "revision": action.revision}


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
