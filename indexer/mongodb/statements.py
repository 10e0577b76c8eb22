"""What the documents of a collection say of models that the catalog has: joined by address or SHA-256, kept as statements.

What a document says is kept as an edit whose author is the collection: it wins over files, gives way to persons, and shows
where it came from. It stands as long as the document says it: what a document says no more, or a document that is not there
any more, is taken back. A document that fits no model waits: the next reading looks again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from catalog.errors import EditRefused, UserError
from catalog.lazy_dataclasses import dataclass
from catalog.query.nodes import And, Not, Or, Terms
from catalog.query.request import SearchRequest
from catalog.recording.field_changes import changes_of, checked_changes, usual_name
from catalog.recording.field_changes import why_not as why_not_set
from catalog.recording.metric_edits import field_of
from catalog.recording.statements import spoken_of, state
from catalog.records import ModelId
from catalog.text.absence import ABSENT
from catalog.text.slugs import slug
from indexer.mongodb.connection import connected, fault_of
from indexer.pulling import Pull
from indexer.settings import MongodbSettings
from mappings import fields
from mappings import metrics as metric_table

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.settings import Settings
    from catalog.store import Store

PAGE = 50
MAX_DOCUMENTS = 200_000
MAX_DOCUMENT_BYTES = 64 * 1024
MAX_VALUES = 500
MAX_LEVELS = 8
"""What lies deeper is kept as text."""
MAX_TEXT = 1_000
MODELS_OF_ONE = 100
"""Models that one document may speak of: copies of the same weights. More say that the address or the digest is none."""
ADDRESSES, DIGESTS = ("uri", "model_uri", "path"), ("sha256", "content_hash")
OWN = frozenset({"_id", *ADDRESSES, *DIGESTS})
MAPS = ("fields", "params", "hyperparameters", "metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one document says, and of which models."""

    name: str
    addresses: tuple[str, ...]
    digests: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Joined(Pull):
    """What a reading did. `alone` counts documents that fit no model; `by_persons` fields that somebody set otherwise."""

    documents: int = 0
    alone: int = 0


def pull(settings: Settings, store: Store, catalog: Catalog, *, accept_empty: bool = False) -> Joined:
    """Reads the whole collection, then changes what the catalog says by it. Nothing is changed if it cannot be read whole.

    Raises UserError for a collection that is not named, cannot be read, or is empty though it said something before.
    """
    chosen = settings.section(MongodbSettings)
    if not (chosen.url and chosen.said_in):
        raise UserError(
            "No collection is named that says more of models.", advice="Set mongodb.url and mongodb.said_in."
        )
    author, joined = f"mongodb:{chosen.database}.{chosen.said_in}", Joined()
    statements = _read(chosen, joined)
    before = spoken_of(store, author)
    if before and not joined.documents and not accept_empty:
        raise UserError(
            f"The collection {chosen.database}.{chosen.said_in} is empty, and it spoke of {len(before):,} models before.",
            advice="If that is right: modeldex mongodb pull --accept-empty",
        )
    claims: dict[ModelId, dict[str, Any]] = defaultdict(dict)
    for statement, models in _matched(catalog, statements):
        joined.alone += not models
        for model in models:
            _merge(claims[model], statement, joined)
    joined.models = len(claims)
    for model in sorted({*claims, *before}):
        _apply(store, model, claims.get(model, {}), author, joined)
    return joined


def _read(chosen: MongodbSettings, joined: Joined) -> list[Statement]:
    client = connected(chosen)
    from bson.codec_options import CodecOptions  # noqa: PLC0415 - where there is a client, there is this
    from bson.errors import BSONError  # noqa: PLC0415
    from bson.raw_bson import RawBSONDocument  # noqa: PLC0415
    from pymongo.errors import PyMongoError  # noqa: PLC0415

    statements = []
    with client:
        options = CodecOptions(document_class=RawBSONDocument)
        collection = client[chosen.database].get_collection(chosen.said_in, codec_options=options)
        try:
            for raw in collection.find({}, batch_size=PAGE):
                joined.documents += 1
                if joined.documents > MAX_DOCUMENTS:
                    raise UserError(f"The collection has more than {MAX_DOCUMENTS:,} documents.")
                statement = _statement(raw.raw, joined)
                if statement is not None:
                    statements.append(statement)
        except (PyMongoError, BSONError, OSError) as error:
            raise UserError(
                fault_of(error), advice="Nothing was changed. Try again: modeldex mongodb pull"
            ) from error
    return sorted(statements, key=lambda statement: statement.name)


def _statement(raw: bytes, joined: Joined) -> Statement | None:
    """What a document says; None with a sentence for one that cannot say anything."""
    from bson import decode  # noqa: PLC0415 - an extra
    from bson.errors import BSONError  # noqa: PLC0415

    if len(raw) > MAX_DOCUMENT_BYTES:
        joined.tell(f"A document has {len(raw):,} bytes, {MAX_DOCUMENT_BYTES:,} at most are read.")
        return None
    try:
        return _stated(decode(raw), joined)
    except (BSONError, RecursionError, OverflowError, TypeError, ValueError):
        joined.tell(
            f"The document {_name_in(raw, joined.documents)} cannot be read: it holds a date outside of the years 1 to"
            " 9999, text that is not UTF-8, too many levels, or no BSON."
        )
        return None


def _name_in(raw: bytes, number: int) -> str:
    """The name of a document that cannot be read, as far as its name can be; its number in the reading otherwise."""
    from bson import CodecOptions, DatetimeConversion, decode  # noqa: PLC0415 - an extra
    from bson.errors import BSONError  # noqa: PLC0415

    lenient: CodecOptions[Mapping[str, Any]] = CodecOptions(
        datetime_conversion=DatetimeConversion.DATETIME_AUTO, unicode_decode_error_handler="replace"
    )
    try:
        return _name_of(decode(raw, lenient))
    except (BSONError, RecursionError, OverflowError, TypeError, ValueError):
        return f"read as number {number:,}"


def _name_of(document: Mapping[str, Any]) -> str:
    return str(document.get("_id"))[:100]


def _stated(document: Mapping[str, Any], joined: Joined) -> Statement | None:
    name = _name_of(document)
    addresses = tuple(_texts(document, ADDRESSES))
    digests = tuple(text.lower().removeprefix("sha256:") for text in _texts(document, DIGESTS))
    if not (addresses or digests):
        joined.tell(
            f"The document {name} names no model: it has none of {', '.join((*ADDRESSES, *DIGESTS))}."
        )
        return None
    values = dict(islice(_values(document, name, joined), MAX_VALUES + 1))
    if len(values) > MAX_VALUES:
        joined.tell(f"The document {name} says more than {MAX_VALUES} things of a model.")
        return None
    return Statement(name=name, addresses=addresses, digests=digests, values=values)


def _texts(document: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    for name in names:
        text = document.get(name)
        if isinstance(text, str) and 0 < len(text) <= 4096:
            yield text.rstrip("/") or text


def _values(document: Mapping[str, Any], name: str, joined: Joined) -> Iterator[tuple[str, Any]]:
    """The fields that a document says and that can be set; it is told which cannot."""
    inner = {key: document[key] for key in MAPS if isinstance(document.get(key), dict)}
    outer = {key: value for key, value in document.items() if key not in OWN and key not in inner}
    for key, value in (*outer.items(), *inner.get("fields", {}).items()):
        yield from _checked(_field(key), value, name, joined)
    for key, value in inner.get("metrics", {}).items():
        yield from _checked(field_of(key), value, name, joined)
    for block in ("params", "hyperparameters"):
        for key, value in _flat(inner.get(block, {}), "", 1):
            yield from _checked(f"hyperparameters.{key}", value, name, joined)


def _field(key: str) -> str:
    if key in fields():
        return key
    return field_of(key) if metric_table.find(slug(key)) is not None else f"extra.{key}"


def _checked(field_name: str, value: Any, name: str, joined: Joined) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if isinstance(value, dict) and field_name.startswith("extra."):
        for key, inner in _flat(value, f"{field_name}.", 1):
            yield from _checked(key, inner, name, joined)
        return
    value = _plain(value)
    try:
        reason = why_not_set(field_name)
        if reason is None:
            checked_changes(changes_of({field_name: value}))
    except EditRefused as error:
        reason = "; ".join(error.reasons)
    if reason is None:
        yield usual_name(field_name), value
    else:
        joined.tell(f"The document {name}: {reason}.")


def _flat(values: Mapping[str, Any], above: str, level: int) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and level < MAX_LEVELS:
            yield from _flat(value, f"{above}{key}.", level + 1)
        else:
            yield f"{above}{key}", str(value)[:MAX_TEXT] if isinstance(value, dict) else _plain(value)


def _plain(value: Any, level: int = 1) -> Any:
    """A value as JSON would have it: of MongoDB's own kinds their text."""
    if isinstance(value, list):
        return str(value)[:MAX_TEXT] if level > MAX_LEVELS else [_plain(inner, level + 1) for inner in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, bool | int | float):
        return value if type(value) in {bool, int, float} else int(value)
    return str(value)


def _matched(catalog: Catalog, statements: Sequence[Statement]) -> Iterator[tuple[Statement, list[ModelId]]]:
    for start in range(0, len(statements), PAGE):
        page = statements[start : start + PAGE]
        models = _models_of(catalog, page)
        for statement in page:
            ids = dict.fromkeys(
                model for key in (*statement.addresses, *statement.digests) for model in models.get(key, ())
            )
            yield statement, list(ids)


def _models_of(catalog: Catalog, page: Sequence[Statement]) -> dict[str, list[ModelId]]:
    """The models that are there, by each address and digest of a page."""
    addresses = tuple(dict.fromkeys(text for statement in page for text in statement.addresses))
    digests = tuple(dict.fromkeys(text for statement in page for text in statement.digests))
    places = [row.name for row in fields().values() if row.place]
    anywhere = Or((*(Terms(name, addresses) for name in places), Terms("content_hash", digests)))
    request = SearchRequest(query=And((anywhere, Not(Terms("status", ABSENT)))), size=0)
    models: dict[str, list[ModelId]] = defaultdict(list)
    limit = len(page) * MODELS_OF_ONE
    for document in islice(catalog.scan(request), limit):
        keys = {str(document.get("content_hash", ""))}
        for name in places:
            value = document.get(name)
            keys |= {str(text).rstrip("/") for text in (value if isinstance(value, list) else [value])}
        for key in keys.intersection({*addresses, *digests}):
            models[key].append(ModelId(str(document["id"])))
    return models


def _merge(claims: dict[str, Any], statement: Statement, joined: Joined) -> None:
    """Of two documents that say different things of a model, the one whose name comes first is believed."""
    for name, value in statement.values.items():
        if claims.setdefault(name, value) != value:
            joined.tell(f"The document {statement.name} says another {name} of a model than one before it.")


def _apply(store: Store, model: ModelId, claims: Mapping[str, Any], author: str, joined: Joined) -> None:
    stated = state(store, model, claims, author=author, cause="told by a document of MongoDB")
    joined.by_persons += stated.by_persons
    joined.changed += stated.changed
    joined.taken_back += stated.taken_back
    if stated.refusal:
        joined.tell(f"The model {model[:12]} cannot take what is said of it: {stated.refusal}")
