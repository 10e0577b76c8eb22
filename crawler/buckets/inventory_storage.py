"""The bucket that inventories are written to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.errors import ListingIncomplete
from crawler.buckets.faults import FAULTS, fault_of
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

    def __init__(self, client: Any, bucket: str, spending: Spending) -> None:
        self._client = client
        self._bucket = bucket
        self._spending = spending

    def stream(self, key: str) -> CountedStream:
        """The object's bytes from the first. Raises ListingIncomplete, BudgetSpent."""
        self._spending.check()
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        except FAULTS as error:
            raise ListingIncomplete(f"s3://{self._bucket}/{key}", fault_of(error).sentence) from error
        return CountedStream(body, key, self._spending)

    def folders(self, prefix: str) -> Sequence[str]:
        """The folders directly in this one. Raises ListingIncomplete, BudgetSpent."""
        self._spending.check()
        prefixes: list[str] = []
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            for page in pages:
                prefixes += [row["Prefix"] for row in page.get("CommonPrefixes", ())]
        except FAULTS as error:
            raise ListingIncomplete(f"s3://{self._bucket}/{prefix}", fault_of(error).sentence) from error
        return prefixes
