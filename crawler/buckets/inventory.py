"""An inventory of a bucket in place of its listing: for hundreds of millions of keys, which nobody lists every night.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html;
https://www.tencentcloud.com/document/product/436/30622
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import unquote_plus

import orjson

from catalog.errors import ListingIncomplete
from catalog.lazy_dataclasses import dataclass
from crawler.buckets.inventory_parquet import parquet_rows
from crawler.buckets.objects import ObjectRow

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
MAX_LINE_CHARACTERS = 64 * 1024
BATCH_ROWS = 1000
CSV, PARQUET = "CSV", "PARQUET"
DATED_FOLDER = re.compile(r".*/(?:\d{4}-\d\d-\d\dT\d\d-\d\dZ|\d{8,14})/")
"""Folders of inventories by their dates: of Amazon `2024-01-31T00-00Z`, of COS `20240131000000`."""
_NEEDED = ("Key", "Size")
_MILLISECONDS = 10**11
"""Amazon gives the time of creation in thousandths of a second, COS in seconds; seconds reach this in the year 5138."""


class InventoryStorage(Protocol):
    """What reading an inventory needs of the bucket that it lies in. Raises SourceError."""

    def stream(self, key: str) -> Any: ...

    def folders(self, prefix: str) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The manifest of one inventory: what it lists, when it was made, and the files with the rows."""

    bucket: str
    made_at: datetime
    format: str
    columns: tuple[str, ...]
    files: tuple[str, ...]


def newest_manifest(storage: InventoryStorage, key: str) -> str:
    """The key of the manifest: the one given, or that of the newest inventory in this folder. Raises ListingIncomplete."""
    if key.endswith(".json"):
        return key
    dated = [folder for folder in storage.folders(f"{key}/") if DATED_FOLDER.fullmatch(folder)]
    if not dated:
        raise ListingIncomplete(
            key, "it holds no inventory. Name its manifest.json, or the folder of those by date"
        )
    return f"{max(dated)}{MANIFEST}"


def parse_manifest(key: str, data: bytes) -> Inventory:
    """Raises ListingIncomplete for what is no manifest, and for formats that are not read."""
    try:
        manifest = orjson.loads(data)
        written = str(manifest["fileFormat"])
        schema = str(manifest["fileSchema"])
        stamp = int(manifest["creationTimestamp"])
        files = tuple(str(file["key"]) for file in manifest["files"])
        bucket = str(manifest["sourceBucket"])
    except (ValueError, KeyError, TypeError) as error:
        raise ListingIncomplete(
            key, f"it is no manifest of an inventory ({type(error).__name__}: {error})"
        ) from error
    if written.upper() not in {CSV, PARQUET}:
        raise ListingIncomplete(
            key, f"inventories in {written[:20]} are not read. Set its format to CSV or Parquet"
        )
    columns = tuple(name.strip() for name in schema.split(","))
    missing = [name for name in _NEEDED if name not in columns]
    if missing and written.upper() == CSV:  # a file in Parquet says itself what it has
        raise ListingIncomplete(
            key, f"the inventory lacks {' and '.join(missing)}. Add it to what the inventory lists"
        )
    seconds = stamp / 1000 if stamp > _MILLISECONDS else stamp
    return Inventory(
        bucket=bucket,
        made_at=datetime.fromtimestamp(seconds, UTC),
        format=written.upper(),
        columns=columns,
        files=files,
    )


def check_fresh(inventory: Inventory, *, key: str, bucket: str, since: datetime | None) -> None:
    """Raises ListingIncomplete for an inventory of another bucket, or one that is older than what the catalog knows."""
    if inventory.bucket != bucket:
        raise ListingIncomplete(key, f"it is an inventory of the bucket {inventory.bucket[:100]}")
    if since is not None and inventory.made_at < since:
        raise ListingIncomplete(
            key,
            f"the inventory of {inventory.made_at:%Y-%m-%d %H:%M} UTC is older than the last complete crawl. "
            "The next one is taken when it is there",
        )


def rows(storage: InventoryStorage, inventory: Inventory, prefix: str) -> Iterator[list[ObjectRow]]:
    """The objects below the prefix, file by file, some thousand at a time. Raises SourceError for a file that breaks off."""
    batch: list[ObjectRow] = []
    for file in inventory.files:
        with closing(storage.stream(file)) as body:
            for row in _rows_of(inventory, file, body.read):
                if row.key.startswith(prefix):
                    batch.append(row)
                if len(batch) >= BATCH_ROWS:
                    yield batch
                    batch = []
    yield batch


def _rows_of(inventory: Inventory, file: str, read: Callable[[int], bytes]) -> Iterator[ObjectRow]:
    if inventory.format == PARQUET:
        for rows in parquet_rows(file, read):
            yield from rows
        return
    for values in csv.reader(_lines(file, read)):
        row = _row(file, dict(zip(inventory.columns, values, strict=False)))
        if row is not None:
            yield row


def _lines(file: str, read: Callable[[int], bytes]) -> Iterator[str]:
    """The lines of a file that may be packed with gzip, in bounded memory."""
    rest = b""
    for data in _unpacked(file, read):
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > MAX_LINE_CHARACTERS:
            raise ListingIncomplete(file, f"a line has more than {MAX_LINE_CHARACTERS:,} bytes")
        yield from (line.decode("utf-8", "surrogateescape") for line in lines)
    if rest:
        yield rest.decode("utf-8", "surrogateescape")


def _unpacked(file: str, read: Callable[[int], bytes]) -> Iterator[bytes]:
    first = read(CHUNK_BYTES)
    if not first.startswith(b"\x1f\x8b"):
        while first:
            yield first
            first = read(CHUNK_BYTES)
        return
    unpacker = zlib.decompressobj(wbits=31)
    data = first
    while data or unpacker.unconsumed_tail:
        try:
            yield unpacker.decompress(unpacker.unconsumed_tail or data, CHUNK_BYTES)
        except zlib.error as error:
            raise ListingIncomplete(file, f"a file of the inventory is damaged: {error}") from error
        if unpacker.eof and (unpacker.unused_data or data):
            data = unpacker.unused_data or read(CHUNK_BYTES)
            if not data:
                return
            unpacker = zlib.decompressobj(wbits=31)
        elif not unpacker.unconsumed_tail:
            data = read(CHUNK_BYTES)
    if not unpacker.eof:
        raise ListingIncomplete(file, "a file of the inventory ends too early")


def _row(file: str, values: Mapping[str, str]) -> ObjectRow | None:
    """One object as it is now; None for older versions and for what was deleted."""
    if (
        values.get("IsLatest", "true").lower() == "false"
        or values.get("IsDeleteMarker", "").lower() == "true"
    ):
        return None
    try:
        size_bytes = int(values["Size"])
        key = unquote_plus(values["Key"], errors="strict")
    except (KeyError, ValueError) as error:
        raise ListingIncomplete(
            file, f"a row of the inventory is damaged ({type(error).__name__})"
        ) from error
    return ObjectRow(
        key=key,
        size_bytes=size_bytes,
        etag=values.get("ETag", ""),
        last_modified=_moment(values.get("LastModifiedDate", "")),
        storage_class=values.get("StorageClass") or None,
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_whole(stream: Any, *, key: str) -> bytes:
    """The bytes of a manifest. Raises ListingIncomplete for one that is too long."""
    with closing(stream) as body:
        data = io.BytesIO(body.read(MAX_MANIFEST_BYTES + 1)).getvalue()
    if len(data) > MAX_MANIFEST_BYTES:
        raise ListingIncomplete(key, f"it has more than {MAX_MANIFEST_BYTES:,} bytes")
    return data
