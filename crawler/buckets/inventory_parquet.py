"""The rows of an inventory in Parquet: keys stand there as they are, and names of columns are their own.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html, "Inventory manifest", and
storage-inventory.html, "Key name"
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any

from catalog.errors import ListingIncomplete
from crawler.buckets.objects import ObjectRow

MAX_FILE_BYTES = 4 * 1024**3
"""Of one part of an inventory: its end says where everything lies, so that it is put on disk first. Amazon's have some 100 MB."""
CHUNK_BYTES = 1024 * 1024
BATCH_ROWS = 1000
NEEDED = ("key", "size")
COLUMNS = (*NEEDED, "e_tag", "last_modified_date", "storage_class", "is_latest", "is_delete_marker")


def parquet_rows(file: str, read: Callable[[int], bytes]) -> Iterator[list[ObjectRow]]:
    """The objects as they are now, some at a time. Raises ListingIncomplete."""
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ListingIncomplete(
            file,
            "inventories in Parquet are read by pyarrow. Install it with: pip install 'modeldex[parquet]'",
        ) from error
    with _on_disk(file, read) as stored:
        try:
            table = parquet.ParquetFile(stored)
            columns = [name for name in COLUMNS if name in table.schema_arrow.names]
            missing = [name for name in NEEDED if name not in columns]
            if missing:
                raise ListingIncomplete(
                    file,
                    f"the inventory lacks {' and '.join(missing)}. Add it to what the inventory lists",
                )
            for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                yield [row for values in batch.to_pylist() if (row := _row(file, values)) is not None]
        except (ArrowException, OSError) as error:
            raise ListingIncomplete(file, f"a file of the inventory is damaged: {error}") from error


@contextmanager
def _on_disk(file: str, read: Callable[[int], bytes]) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as stored:
        while data := read(CHUNK_BYTES):
            if stored.tell() + len(data) > MAX_FILE_BYTES:
                raise ListingIncomplete(
                    file, f"a file of the inventory has more than {MAX_FILE_BYTES:,} bytes"
                )
            stored.write(data)
        stored.seek(0)
        yield stored


def _row(file: str, values: dict[str, Any]) -> ObjectRow | None:
    """One object as it is now; None for older versions and for what was deleted."""
    if values.get("is_latest") is False or values.get("is_delete_marker"):
        return None
    key, size_bytes, moment = _text(values["key"]), values["size"], values.get("last_modified_date")
    if not key or not isinstance(size_bytes, int):
        raise ListingIncomplete(file, "a row of the inventory is damaged")
    if isinstance(moment, datetime) and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return ObjectRow(
        key=key,
        size_bytes=size_bytes,
        etag=_text(values.get("e_tag")),
        last_modified=moment if isinstance(moment, datetime) else None,
        storage_class=_text(values.get("storage_class")) or None,
    )


def _text(value: Any) -> str:
    """Columns are texts, or the bytes of texts where the file does not say that they are."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value or "")
