"""Pages of a bucket as its storage gives them: by ListObjectsV2, or by ListObjects where it knows no other."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from catalog.errors import ListingIncomplete, Malformed
from crawler.buckets.faults import FAULTS, NOT_S3, is_not_implemented
from crawler.buckets.listing import KeysInNoOrder
from crawler.buckets.pages import Page, parse_page
from crawler.buckets.spending import Spending

LISTINGS = ("ListObjectsV2", "ListObjects")
BODY = "ModeldexBody"
NOTHING = b"<ListBucketResult/>"
FIRST_PAUSE_SECONDS = 0.2
"""Before a page that broke off is asked for again: a random time up to this, which doubles."""


def keep_listings(client: Any) -> None:
    """From now on answers of this client to requests for listings are not parsed, but kept as they came."""
    for (
        operation
    ) in LISTINGS:  # with `*`, before the handler of botocore that makes 500 of what it cannot parse
        client.meta.events.register_first(f"before-parse.*.{operation}", _keep)


def _keep(response_dict: Any, customized_response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict["status_code"] == 200:
        customized_response_dict[BODY] = response_dict["body"]
        response_dict["body"] = NOTHING


class Pager:
    """Asks for pages of one bucket. Threads may share it."""

    def __init__(self, client: Any, bucket: str, spending: Spending, *, attempts: int) -> None:
        self._client = client
        self._bucket = bucket
        self._spending = spending
        self._attempts = attempts
        self._by_marker = False

    def page(
        self, prefix: str, *, keys: int, after: str = "", token: str | None = None, directories: bool = False
    ) -> Page:
        """At most so many keys with the prefix, after a key or a token. Raises one of `FAULTS`, KeysInNoOrder, NothingMoreAsked."""
        asked = {"Bucket": self._bucket, "Prefix": prefix, "MaxKeys": keys}
        if directories:
            asked["Delimiter"] = "/"
        page = self._page(asked, after, token)
        if not all(row.key.startswith(prefix) for row in page.contents):
            raise ListingIncomplete(prefix or self._bucket, "the storage lists keys that were not asked for")
        if _is_ignored(after, page):
            raise KeysInNoOrder(prefix or self._bucket)
        return page

    def _page(self, asked: dict[str, Any], after: str, token: str | None) -> Page:
        if self._by_marker:
            return self._first_version(asked, token or after)
        more = {"StartAfter": after, "ContinuationToken": token}
        given = {name: value for name, value in more.items() if value}
        try:
            page = self._asked(self._client.list_objects_v2, {**asked, **given})
        except FAULTS as error:
            if token or not is_not_implemented(error):
                raise
            self._by_marker = True
            return self._first_version(asked, after)
        if _is_ignored(after, page) or (page.is_first_version and (page.has_more or after)):
            other = self._first_version(asked, after)
            if not _is_ignored(after, other):
                self._by_marker = True
                return other
        return page

    def _first_version(self, asked: dict[str, Any], after: str) -> Page:
        """Without tokens: what follows is asked for by the last key, or by a common prefix."""
        given = {"Marker": after} if after else {}
        page = self._asked(self._client.list_objects, {**asked, **given})
        names = [row.key for row in page.contents[-1:]] + list(page.prefixes[-1:])
        return replace(page, next=None, marker=page.marker or max(names, default=""))

    def _asked(self, ask: Callable[..., Any], given: dict[str, Any]) -> Page:
        """An answer of which a part is missing, and an error under 200, may be whole the next time."""
        for attempt in range(1, self._attempts + 1):
            self._spending.check()
            body: bytes = ask(**given)[BODY]
            try:
                return parse_page(body)
            except Malformed as error:
                if attempt >= self._attempts:
                    if b"ListBucketResult" not in body and b"<Error" not in body:
                        raise Malformed(NOT_S3.sentence) from error
                    raise
            time.sleep(random.uniform(0, FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311 - spreads retries, guards nothing
        raise Malformed("it was not asked")


def _is_ignored(after: str, page: Page) -> bool:
    """Whether the storage began before the key after which it was asked to begin."""
    return bool(after and page.contents and page.contents[0].key <= after)
