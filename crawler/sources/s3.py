"""A bucket that speaks S3, or a directory of one: listed in parts, read by ranges of exactly the object that was listed."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

from catalog.errors import ListingIncomplete, ObjectChanged, ObjectUnreadable, SourceError, UserError
from catalog.records import ObjectKey, ObjectMeta, SourceId
from catalog.settings import Settings
from crawler.buckets import inventory
from crawler.buckets.address import parse_address, parse_object
from crawler.buckets.client import access_of, connect
from crawler.buckets.faults import (
    FAULTS,
    TRANSPORT,
    Kind,
    fault_of,
    is_encryption_refusal,
    object_error,
    root_error,
)
from crawler.buckets.inventory_storage import InventoryBucket
from crawler.buckets.listing import PAGE_KEYS, Part, list_bucket
from crawler.buckets.objects import ObjectRow, OpenBucket, bare_etag, etag_of, meta_of
from crawler.buckets.pager import Pager
from crawler.buckets.pages import Page
from crawler.buckets.settings import S3Options
from crawler.buckets.signed_reads import SignedReads
from crawler.buckets.spending import NothingMoreAsked, Spending
from crawler.buckets.tails import Tails
from crawler.selection import Selection
from crawler.source import Listed
from crawler.unfinished import (
    OF_ANOTHER_PROGRAM,
    UNFINISHED,
    are_of_another_program,
    directory_of_another_program,
    is_inside_git,
    is_unfinished,
)

LISTING_WORKERS = 8
MOST_SKIPPED_BYTES = 8 * 1024 * 1024
"""So much of a body is read past where a storage ignores ranges; what lies behind it is not had from there."""
MOST_LOOKED_FOR = 10_000
"""Of what was not listed. Where more is missing, the word of the listing counts: a person is asked then."""
FIRST_PAUSE_SECONDS = 0.2
"""Before an answer that broke off is asked for again: a random time up to this, which doubles."""
SAME_SECOND = timedelta(seconds=2)
"""Times of objects count whole seconds. What is as old when a crawl begins is not written again under the same one."""
MOST_OTHER_ETAGS = 100_000
CONTENT_RANGE = re.compile(r"bytes (\d{1,20})-\d{1,20}/(\d{1,20}|\*)")
UNORDERED = "--x-s3"
"""How names of directory buckets end. Source: docs.aws.amazon.com, "Differences for directory buckets"."""


class S3Source:
    """The objects of a bucket whose keys begin with the prefix of the address; keys are given without it."""

    Options: ClassVar[type[S3Options]] = S3Options
    page_keys: ClassVar[int] = PAGE_KEYS

    def __init__(self, address: str, settings: Settings, options: S3Options | None = None) -> None:
        self._address = parse_address(address)
        self.uri = self._address.uri
        self.id = SourceId(self.uri)
        access = access_of(settings, options or S3Options()).of_bucket(self._address.bucket)
        self.concurrency = access.concurrency
        self.spending = Spending(access.limits)
        self._attempts = access.attempts
        self._encryption = access.encryption
        self._selection = Selection()
        self._cuts: Sequence[str] = ()
        self._since: datetime | None = None
        self._begin = ""
        self._inventory = (options or S3Options()).inventory
        if self._inventory:
            parse_object(self._inventory, what="The option inventory")
        self._first: Page | None = None
        self._kept_directory = ""
        self._told_directory = ""
        self._opened_at = datetime.now(UTC)
        self._etags: dict[tuple[str, str], str] = {}
        try:
            self._client = connect(access, self.spending)
        except FAULTS as error:
            raise root_error(self.uri, error) from error
        self._pager = Pager(self._client, self._address.bucket, self.spending, attempts=access.attempts)
        self._reads = SignedReads(self._client, self.spending)
        self._tails = Tails(self._get, access.concurrency)

    @staticmethod
    def check_address(address: str) -> None:
        """Raises UserError for an address that names no bucket."""
        parse_address(address)

    @property
    def endpoint(self) -> str:
        """Where the storage answers."""
        return str(self._client.meta.endpoint_url)

    @property
    def spent(self) -> Mapping[str, int]:
        """What was asked of the storage so far."""
        return {"requests": self.spending.requests, "bytes_received": self.spending.bytes}

    @property
    def bucket(self) -> OpenBucket:
        """What whoever may write here needs of it."""

        def token(key: ObjectKey, answer: Any) -> str:
            return meta_of(self.id, _row(key, answer), key).change_token

        return OpenBucket(
            client=self._client,
            name=self._address.bucket,
            prefix=self._address.prefix,
            encryption=self._encryption,
            token=token,
        )

    def selecting(self, selection: Selection) -> Self:
        """The same bucket without what is not selected."""
        self._selection = selection
        return self

    def check(self, *, is_new: bool) -> None:
        """Whether the bucket can be listed, and if it is new, whether there is such a prefix. Raises UserError, SourceError."""
        try:
            self._first = self._page(self._address.prefix)
        except FAULTS as error:
            raise root_error(self.uri, error) from error
        if is_new and self._address.prefix and not self._first.contents and not self._first.has_more:
            raise UserError(
                f"There is nothing below {self.uri}.",
                advice="Check the prefix; a single object is crawled with the directory that it is in.",
            )

    def expect(self, cuts: Sequence[ObjectKey], *, since: datetime | None) -> None:
        """Keys that cut the last listing into parts of about equal size, and when the last complete crawl began."""
        self._since = since
        self._cuts = [f"{self._address.prefix}{key}" for key in cuts]

    @property
    def is_resumable(self) -> bool:
        """Whether the listing can begin at any key: neither an inventory nor a bucket without an order of keys can."""
        return not self._inventory and not self._address.bucket.endswith(UNORDERED)

    def go_on(self, after: ObjectKey) -> None:
        """The listing begins after this key, and ends with what lies before it."""
        self._begin = f"{self._address.prefix}{after}"

    def list(self) -> Iterator[Listed]:
        """Everything below the root. What is listed in one is complete or not as a whole, unless a part of it breaks off:
        then each directory is told that it touches. Raises UserError, SourceError if the root cannot be listed.
        """
        if self._inventory:
            yield from self._list_inventory()
            return
        if self._first is None:
            self.check(is_new=False)
        first, self._first = self._first, None
        begin, self._begin = self._begin, ""
        if not begin and self._since is None and self._cuts:
            begin = self._cuts[
                -1
            ]  # of a bucket that was never listed to its end, what nobody knows comes first
        parts = list_bucket(
            self,
            self._address.prefix,
            first=first,
            cuts=self._cuts,
            # Of few requests none goes to what lies behind a range that is not listed to its end.
            workers=1 if self.spending.limits.requests else min(LISTING_WORKERS, self.concurrency),
            is_ordered=not self._address.bucket.endswith(UNORDERED),
            begin=begin,
        )
        for part in parts:
            yield self._listed(part)

    def _list_inventory(self) -> Iterator[Listed]:
        """What an inventory says. Raises ListingIncomplete where it says nothing that is newer than the catalog."""
        bucket, key = parse_object(self._inventory, what="The option inventory")
        storage = InventoryBucket(self._client, bucket, self.spending, attempts=self._attempts)
        key = inventory.newest_manifest(storage, key)
        manifest = inventory.parse_manifest(key, inventory.read_whole(storage.stream(key), key=key))
        inventory.check_fresh(manifest, key=key, bucket=self._address.bucket, since=self._since)
        for rows in inventory.rows(storage, manifest, self._address.prefix):
            yield self._sorted_out(rows, scope="")
        yield Listed(scope="", complete=True)

    def still_there(self, keys: Iterable[ObjectKey]) -> set[ObjectKey]:
        """Of what was not listed, what is there all the same: storages left keys out of whole listings that were being
        written to, or cut where a key had a blank or a sign. What an inventory does not show may be newer than it; there
        what cannot be looked at counts as there, too, as a listing's word counts where nothing speaks against it.
        """
        wanted = list(itertools.islice(keys, MOST_LOOKED_FOR))
        if not wanted:
            return set()
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix="heads") as pool:
            return {key for key, there in zip(wanted, pool.map(self._is_there, wanted), strict=True) if there}

    def _is_there(self, key: ObjectKey) -> bool:
        if self._left_out(key) is not None:  # also what lies below another program's directory
            return False
        try:
            return self.head(key) is not None
        except NothingMoreAsked:
            return True  # the next crawl looks
        except SourceError:
            return bool(self._inventory)

    def head(self, key: ObjectKey) -> ObjectMeta | None:
        """The object as it is now; None if there is none. Raises AccessDenied, ObjectUnreadable."""
        if not key or key.endswith("/") or self._left_out(key):
            return None
        try:
            self.spending.check()
            answer = self._encrypted(self._client.head_object, self._place(key))
        except FAULTS as error:
            if fault_of(error).kind is Kind.ABSENT:
                return None
            raise self._failed(key, error) from error
        if answer.get("ContentLength") is None:
            raise ObjectUnreadable(key, "the storage does not say how long it is")
        return meta_of(self.id, _row(key, answer), key)

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """The bytes, if the object is still the one that was listed. Of an archive its end comes with its beginning."""
        end = min(end, meta.size_bytes)
        if start >= end:
            return self._nothing_of(meta)
        kept = self._tails.kept(meta, start, end)
        if kept is not None:
            return kept
        if start == 0:
            self._tails.begin(meta, after=end)
        return self._get(meta, start, end)

    def uri_of(self, key: ObjectKey) -> str:
        return self._address.uri_of(key)

    def _failed(self, key: ObjectKey, error: Exception) -> SourceError:
        """The error of one object. Where all others would meet it, too, nothing more is asked."""
        if not isinstance(error, SourceError) and (fault := fault_of(error)).lasting:
            self.spending.refuse(fault.sentence)
        return object_error(key, error)

    def page(
        self, prefix: str, *, after: str = "", token: str | None = None, directories: bool = False
    ) -> Page:
        """One page of keys with the prefix. Raises SourceError."""
        try:
            return self._page(prefix, after=after, token=token, directories=directories)
        except FAULTS as error:
            place, fault = prefix[len(self._address.prefix) :] or self.uri, fault_of(error)
            if fault.lasting:
                self.spending.refuse(fault.sentence)
            raise ListingIncomplete(place, fault.sentence) from error

    def _page(
        self, prefix: str, *, after: str = "", token: str | None = None, directories: bool = False
    ) -> Page:
        keys = self.page_keys
        return self._pager.page(prefix, keys=keys, after=after, token=token, directories=directories)

    def _listed(self, part: Part) -> Listed:
        listed = self._sorted_out(part.contents, scope=part.directory.removesuffix("/"))
        return replace(listed, complete=part.complete, error=part.error)

    def _sorted_out(self, rows: Iterable[ObjectRow], *, scope: str) -> Listed:
        """The objects that are crawled, under their keys below the prefix, and what is left out."""
        objects: list[ObjectMeta] = []
        skipped: list[tuple[str, str]] = []
        length = len(self._address.prefix)
        for row in rows:
            key = row.key[length:]
            if not key or key.endswith("/"):
                if row.size_bytes:
                    skipped.append((key, "its name is that of a directory"))
                continue  # what consoles write to show an empty directory
            reason = self._left_out(key)
            if reason is None:
                objects.append(meta_of(self.id, row, key))
            elif reason:
                skipped.append((key, reason))
            elif (other := directory_of_another_program(key)) and other != self._told_directory:
                self._told_directory = other
                skipped.append((other, OF_ANOTHER_PROGRAM))
        return Listed(scope=scope, objects=tuple(objects), skipped=tuple(skipped))

    def _left_out(self, key: str) -> str | None:
        """Why an object is not crawled; an empty text where its directory is told of, or nobody need be told."""
        directory, _, name = key.rpartition("/")
        if is_unfinished(name):
            return UNFINISHED
        if directory != self._kept_directory:  # a listing goes through them one after the other
            if are_of_another_program(directory.split("/")):
                return ""
            self._kept_directory = directory
        if ".git/" in key and is_inside_git(key):
            return ""
        return self._selection.left_out(key) if self._selection else None

    def _place(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._address.bucket, "Key": f"{self._address.prefix}{key}"}

    def _nothing_of(self, meta: ObjectMeta) -> bytes:
        if not meta.size_bytes and self.head(meta.key) != meta:
            raise ObjectChanged(meta.key)
        return b""

    def _get(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """Bytes [start, end). An answer that breaks off is asked for again. Raises SourceError."""
        for attempt in range(1, self._attempts + 1):
            try:
                self.spending.check()
                return self._get_once(meta, start, end)
            except TRANSPORT as error:
                if attempt == self._attempts:
                    raise object_error(meta.key, error) from error
                time.sleep(random.uniform(0, FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311 - spreads retries, guards nothing
            except FAULTS as error:
                raise self._failed(meta.key, error) from error
        raise ObjectUnreadable(meta.key, "it was not asked for")

    def _get_once(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        known = self._etags.get((meta.key, meta.change_token))
        try:
            return self._get_tagged(meta, start, end, known or etag_of(meta))
        except ObjectChanged:
            etag = None if known else self._etag_beside_the_listing(meta)
            if etag is None:
                raise
        if len(self._etags) < MOST_OTHER_ETAGS:
            self._etags[meta.key, meta.change_token] = etag
        return self._get_tagged(meta, start, end, etag)

    def _etag_beside_the_listing(self, meta: ObjectMeta) -> str | None:
        """Some storages list other ETags than they answer with (for encrypted objects, for those of several parts). The
        object is the one that was listed if its size and time are: no other can have been written at that time.
        """
        written = meta.last_modified
        if written is None or written > self._opened_at - SAME_SECOND:
            return None
        now = self.head(meta.key)
        is_same = now is not None and (now.size_bytes, now.last_modified) == (meta.size_bytes, written)
        return etag_of(now) if now is not None and is_same and etag_of(now) != etag_of(meta) else None

    def _get_tagged(self, meta: ObjectMeta, start: int, end: int, etag: str) -> bytes:
        place = {**self._place(meta.key), "Range": f"bytes={start}-{end - 1}"}
        if etag:
            place["IfMatch"] = f'"{etag}"'
        try:
            get = self._client.get_object if self._encryption else self._reads.get
            answer = self._encrypted(get, place)
        except FAULTS as error:  # boto3 has asked again
            raise self._failed(meta.key, error) from error
        body = answer["Body"]
        try:
            if etag and bare_etag(answer.get("ETag", "")) not in {etag, ""}:
                raise ObjectChanged(meta.key)  # a storage that does not heed If-Match
            return self._read_body(meta, answer, start, end)
        finally:
            body.close()

    def _read_body(self, meta: ObjectMeta, answer: Any, start: int, end: int) -> bytes:
        body, status = answer["Body"], answer["ResponseMetadata"]["HTTPStatusCode"]
        if status == 206:
            first, total = _range_of(answer)
            if total not in {None, meta.size_bytes}:
                raise ObjectChanged(meta.key)
            if first not in {None, start}:
                raise ObjectUnreadable(meta.key, "the storage answered with another range than was asked for")
        elif answer.get("ContentLength") not in {None, meta.size_bytes}:
            raise ObjectChanged(meta.key)
        elif start > MOST_SKIPPED_BYTES:
            raise ObjectUnreadable(
                meta.key, "the storage ignores ranges, and would send the object from its beginning"
            )
        elif start:
            self._take(body, start)
        return self._take(body, end - start)

    def _take(self, body: Any, length: int) -> bytes:
        data: bytes = body.read(length)
        self.spending.receive(len(data))
        if len(data) != length:
            raise OSError(f"the answer ended after {len(data):,} of {length:,} bytes")
        return data

    def _encrypted(self, ask: Any, place: Mapping[str, Any]) -> Any:
        """The answer. A bucket may hold objects with and without encryption by a key of its owner."""
        if not self._encryption:
            return ask(**place)
        try:
            return ask(**place, **self._encryption)
        except FAULTS as error:
            if not is_encryption_refusal(error):
                raise
        return ask(**place)


def _row(key: str, answer: Any) -> ObjectRow:
    return ObjectRow(
        key=key,
        size_bytes=answer["ContentLength"],
        etag=answer.get("ETag", ""),
        last_modified=answer.get("LastModified"),
        storage_class=answer.get("StorageClass"),
    )


def _range_of(answer: Any) -> tuple[int | None, int | None]:
    """The first byte and the size of the whole object in `bytes 0-9/100`; None for what the storage does not say."""
    match = CONTENT_RANGE.match(answer.get("ContentRange", ""))
    if match is None:
        return None, None
    return int(match[1]), int(match[2]) if match[2].isdecimal() else None
