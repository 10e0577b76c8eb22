"""What storages send when an object changes, as hints which objects to look at.

Nothing but bucket and key is taken: whether an event comes twice, late or out of order does not matter, because storage
itself is asked. How a key is written depends on who wrote it, and is told by the shape around it, never by a `%` in it.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and ev-events.html;
https://docs.ceph.com/en/latest/radosgw/notifications/; https://cloud.tencent.com/document/product/583/9707;
https://github.com/cloudevents/spec/blob/main/cloudevents/adapters/aws-s3.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass

MAX_HINTS = 10_000
"""A queue's message holds 256 kB at most, and an event several hundred bytes."""
MAX_WRAPPINGS = 4
"""A queue that gets what a topic sends that gets what a bucket says wraps it twice."""
MAX_KEY_BYTES = 1024
RAW_KEYS = frozenset({"ceph:s3", "ceph:rgw"})
"""Event sources that do not encode keys. Ceph RGW 16 to 19 as run; Amazon, MinIO and others encode them like a form."""


@dataclass(frozen=True, slots=True)
class Hint:
    """An object to look at: in a bucket, or in the source of this name."""

    bucket: str
    key: str
    source: str = ""


def hints_of(body: bytes | str) -> tuple[Hint, ...]:
    """Every object that the body speaks of, once each; none for a test event or the greeting of a topic.

    Raises Malformed for what is no event of a storage, LimitExceeded.
    """
    hints: dict[Hint, None] = {}
    for hint in _hints(_parsed(body), MAX_WRAPPINGS):
        hints[hint] = None
        if len(hints) > MAX_HINTS:
            raise LimitExceeded("objects in one event", limit=MAX_HINTS)
    return tuple(hints)


def _parsed(body: bytes | str) -> Any:
    try:
        return json.loads(body)
    except RecursionError as error:
        raise Malformed("the event is nested too deep to be read") from error
    except ValueError as error:
        raise Malformed("the event is not JSON") from error


def _hints(value: Any, wrappings: int) -> Iterator[Hint]:
    """Those of one message, whatever it is wrapped in."""
    if wrappings < 0:
        raise LimitExceeded("messages within messages", limit=MAX_WRAPPINGS)
    if isinstance(value, list):  # a batch of CloudEvents
        for each in value:
            yield from _hints(each, wrappings - 1)
        return
    if not isinstance(value, Mapping):
        raise Malformed("the event is no JSON object")
    if isinstance(value.get("Records"), list):
        for record in value["Records"]:
            yield from _of_record(record, wrappings)
    elif isinstance(value.get("Message"), str) and "Type" in value:
        yield from _of_topic(value, wrappings)
    elif "specversion" in value:
        yield from _of_cloud_event(value, wrappings)
    elif isinstance(value.get("detail"), Mapping):
        yield from _of_event_bridge(value)
    elif isinstance(value.get("keys"), list) and isinstance(value.get("source"), str):
        yield from (Hint("", _key(key), value["source"]) for key in value["keys"])
    elif value.get("Event") != "s3:TestEvent":
        raise Malformed("the event is of a kind that is not known")


def _of_topic(value: Mapping[str, Any], wrappings: int) -> Iterator[Hint]:
    """SNS. A greeting asks to open an address; whoever set the topic up confirms it."""
    if value["Type"] == "Notification":
        yield from _hints(_parsed(value["Message"]), wrappings - 1)
    elif value["Type"] not in {"SubscriptionConfirmation", "UnsubscribeConfirmation"}:
        raise Malformed("the message of the topic is of a kind that is not known")


def _of_record(record: Any, wrappings: int) -> Iterator[Hint]:
    if not isinstance(record, Mapping):
        raise Malformed("a record of the event is no JSON object")
    if isinstance(record.get("s3"), Mapping):
        yield _of_s3(record)
    elif isinstance(record.get("cos"), Mapping):
        yield from _of_cos(record["cos"])
    elif isinstance(record.get("Sns"), Mapping):
        yield from _hints(_parsed(_text(record["Sns"], "Message")), wrappings - 1)
    elif isinstance(record.get("body"), str):
        yield from _hints(_parsed(record["body"]), wrappings - 1)
    else:
        raise Malformed("a record of the event is of a kind that is not known")


def _of_s3(record: Mapping[str, Any]) -> Hint:
    inner = record["s3"]
    bucket, key = _text(_part(inner, "bucket"), "name"), _text(_part(inner, "object"), "key")
    named = record.get("eventSource")
    is_raw = isinstance(named, str) and named in RAW_KEYS
    return Hint(bucket, _key(key if is_raw else unquote_plus(key, errors="surrogateescape")))


def _of_event_bridge(value: Mapping[str, Any]) -> Iterator[Hint]:
    detail = value["detail"]
    yield Hint(_text(_part(detail, "bucket"), "name"), _key(_text(_part(detail, "object"), "key")))


def _of_cos(cos: Mapping[str, Any]) -> Iterator[Hint]:
    """Tencent: `/appid/name/key`. Whether keys are encoded its documents do not say: both readings are looked at."""
    bucket = _part(cos, "cosBucket")
    name, number = _text(bucket, "name"), str(bucket.get("appid", ""))
    full = name if not number or name.endswith(f"-{number}") else f"{name}-{number}"
    path = _text(_part(cos, "cosObject"), "key")
    short = full.removesuffix(f"-{number}") if number else full
    for prefix in (f"/{number}/{full}/", f"/{number}/{short}/"):
        if number and path.startswith(prefix):
            path = path[len(prefix) :]
            break
    for key in dict.fromkeys((path, unquote(path, errors="surrogateescape"))):
        yield Hint(full, _key(key))


def _of_cloud_event(value: Mapping[str, Any], wrappings: int) -> Iterator[Hint]:
    data = value.get("data")
    if isinstance(data, str):
        data = _parsed(data)
    if isinstance(data, Mapping):
        if isinstance(data.get("bucket"), str) and isinstance(data.get("name"), str):  # Google's storage
            yield Hint(data["bucket"], _key(data["name"]))
            return
        if {"s3", "cos"} & data.keys():
            origin = str(value.get("source", "")).split(".", 1)[0]
            yield from _of_record({"eventSource": origin, **data}, wrappings)
            return
        if {"Records", "detail"} & data.keys():
            yield from _hints(data, wrappings - 1)
            return
    yield _of_attributes(value)


def _of_attributes(value: Mapping[str, Any]) -> Hint:
    """Of an event without data: `source` is `aws:s3.REGION.BUCKET`, `subject` the key."""
    origin = str(value.get("source", "")).split(".", 2)
    if origin[0] not in {"aws:s3", *RAW_KEYS} or len(origin) != 3:
        raise Malformed("the CloudEvent says of no object")
    return Hint(origin[2], _key(_text(value, "subject")))


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    if not isinstance(part, Mapping):
        raise Malformed(f"the event has no {name!r}")
    return part


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not text:
        raise Malformed(f"the event has no {name!r}")
    return text


def _key(key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise Malformed("the event names no key")
    if len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise LimitExceeded("bytes of a key in an event", limit=MAX_KEY_BYTES)
    return key
