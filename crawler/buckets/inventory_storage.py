"""The bucket that inventories are written to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.errors import ListingIncomplete
from crawler.buckets.faults import FAULTS, fault_of
from crawler.buckets.listing import MORE_SOMEHOW, PAGE_KEYS
from crawler.buckets.pager import Pager
from crawler.buckets.spending import Spending


class CountedStream:
    """A body whose bytes are counted while they are read."""

    def __init__(self, body: Any, key: str, spending: Spending) -> None:
        self._body = body
        self._key = key
        self._spending = spending

    def read(self, length: int) -> bytes:
        self._spending.check()
        try:
            data: bytes = self._body.read(length)
        except FAULTS as error:
            raise ListingIncomplete(self._key, fault_of(error).sentence) from error
        self._spending.receive(len(data))
        return data

    def close(self) -> None:
        self._body.close()


class InventoryBucket:
    """Its objects, through a client of boto3."""

    def __init__(self, client: Any, bucket: str, spending: Spending, *, attempts: int) -> None:
        self._client = client
        self._bucket = bucket
        self._spending = spending
        self._pager = Pager(client, bucket, spending, attempts=attempts)

    def stream(self, key: str) -> CountedStream:
        """The object's bytes from the first. Raises ListingIncomplete, NothingMoreAsked."""
        self._spending.check()
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        except FAULTS as error:
            raise ListingIncomplete(f"s3://{self._bucket}/{key}", fault_of(error).sentence) from error
        return CountedStream(body, key, self._spending)

    def folders(self, prefix: str) -> Sequence[str]:
        """The folders directly in this one. Raises ListingIncomplete, NothingMoreAsked."""
        prefixes: list[str] = []
        where: dict[str, str] = {}
        try:
            while True:
                page = self._pager.page(prefix, keys=PAGE_KEYS, directories=True, **where)
                prefixes += page.prefixes
                if not page.has_more:
                    return prefixes
                where = {"token": page.next} if page.next else {"after": page.marker}
                if not any(where.values()):
                    raise ListingIncomplete(prefix, MORE_SOMEHOW)
        except FAULTS as error:
            raise ListingIncomplete(f"s3://{self._bucket}/{prefix}", fault_of(error).sentence) from error
