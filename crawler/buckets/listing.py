"""The listing of a bucket: in ranges of keys that are asked for at once, handed out in the order of the keys.

A page has a thousand keys, and pages follow each other one by one; so a listing takes as long as its longest range. The
keys of the last listing cut it into ranges of equal size, the first one is cut where directories begin. A range that breaks
off says nothing against the others: then the directories that it touches are told apart from those that it does not.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Protocol

from catalog.errors import ListingIncomplete, SourceError
from catalog.lazy_dataclasses import dataclass, field, replace
from crawler.buckets.objects import ObjectRow
from crawler.buckets.pages import Page
from crawler.buckets.spending import NothingMoreAsked

PAGE_KEYS = 1000
"""The most that a page holds. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
PAGES_AHEAD = 8
"""Of one range, while those before it are handed out: 1,000 keys take 1 MB."""
MOST_EMPTY_PAGES = 1000
"""In a row. A storage may look through many deleted keys for one page. Source: Ceph RGW, `rgw_list_bucket_min_readahead`."""
MORE_SOMEHOW = "the storage says that there is more, and not how to ask for it"
MOST_RANGES = 64
MOST_PAGES_OF_DIRECTORIES = 10
DEEPEST = 3
"""So many levels are looked at for where to cut, and for what a range that broke off has touched."""


class KeysInNoOrder(ListingIncomplete):
    """The storage does not begin where it is asked to, or gives keys in no order: it is listed in one, from its first page."""

    def __init__(self, place: str) -> None:
        super().__init__(place, "the storage repeats its keys, or gives them in no order")


class Bucket(Protocol):
    """What a listing needs of a bucket. Raises SourceError for what cannot be listed."""

    def page(
        self, prefix: str, *, after: str = "", token: str | None = None, directories: bool = False
    ) -> Page: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRange:
    """Keys after `after`, up to and with `until` (empty: to the end)."""

    after: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A step of the listing: objects, or how a directory ended. Directories end with `/`, the root is empty."""

    directory: str = ""
    contents: Sequence[ObjectRow] = ()
    complete: bool = False
    error: SourceError | None = None


@dataclass(slots=True)
class _Broken:
    """Ranges that broke off, each from the last key that was seen, with the reason."""

    ranges: list[tuple[KeyRange, SourceError]] = field(default_factory=list)

    def touching(self, directory: str) -> list[tuple[KeyRange, SourceError]]:
        end = _after_all(directory)
        return [
            (span, error)
            for span, error in self.ranges
            if (not span.until or span.until > directory) and (not end or span.after < end)
        ]

    def covering(self, key: str) -> SourceError | None:
        for span, error in self.ranges:
            if span.after < key and (not span.until or key <= span.until):
                return error
        return None


def list_bucket(
    bucket: Bucket,
    prefix: str,
    *,
    first: Page | None,
    cuts: Sequence[str],
    workers: int,
    is_ordered: bool,
    begin: str = "",
) -> Iterator[Part]:
    """Everything below the prefix. `first` is its first page if that is known already, `cuts` are keys at which it may be
    cut, in order. What lies after the key `begin` comes first, and what lies before it last: killed again and again, or
    with a budget of fewer requests than it has pages, each crawl goes on from where the one before it ended. The last part
    says how the root ended. Raises SourceError if not even the first page can be had.
    """
    page = first or bucket.page(prefix)
    if not page.has_more:
        yield Part(contents=page.contents, complete=True)
        return
    if not is_ordered:
        yield from _in_one(bucket, prefix, page)
        return
    broken = _Broken()
    ranges = _from(begin, _ranges(cuts or _directories_to_cut_at(bucket, prefix)))
    try:
        yield from _in_ranges(bucket, prefix, ranges, workers, broken)
    except KeysInNoOrder:
        yield from _in_one(bucket, prefix, page)
        return
    if broken.ranges:
        yield from _account(bucket, prefix, prefix, broken, DEEPEST)
    else:
        yield Part(complete=True)


def _in_one(bucket: Bucket, prefix: str, page: Page) -> Iterator[Part]:
    """Page after page, for storages that keep no order of keys."""
    yield Part(contents=page.contents)
    tokens = {page.next}
    try:
        while page.has_more:
            if page.next is None:
                raise ListingIncomplete(prefix, MORE_SOMEHOW)
            page = bucket.page(prefix, token=page.next)
            if page.next is not None and page.next in tokens:
                raise KeysInNoOrder(prefix)
            tokens.add(page.next)
            yield Part(contents=page.contents)
    except SourceError as error:
        yield Part(error=error)
        return
    yield Part(complete=True)


def _ranges(cuts: Sequence[str]) -> list[KeyRange]:
    edges = ["", *dict.fromkeys(cuts), ""]
    return [KeyRange(after=after, until=until) for after, until in itertools.pairwise(edges)]


def _from(begin: str, ranges: Sequence[KeyRange]) -> list[KeyRange]:
    """All of the ranges, from this key on and then around to it."""
    if not begin:
        return list(ranges)
    number = next(n for n, span in enumerate(ranges) if not span.until or begin < span.until)
    around = ranges[number]
    first, last = replace(around, after=begin), replace(around, until=begin)
    before = [*ranges[:number], last] if around.after < begin else ranges[:number]
    return [first, *ranges[number + 1 :], *before]


def _directories_to_cut_at(bucket: Bucket, prefix: str) -> list[str]:
    """Where directories begin, at the first level that has several. No reason to fail: then nothing is cut."""
    try:
        for _ in range(DEEPEST):
            page = bucket.page(prefix, directories=True)
            if len(page.prefixes) != 1 or page.contents or page.has_more:
                step = -(-len(page.prefixes) // MOST_RANGES) or 1
                return sorted(page.prefixes)[::step]
            (prefix,) = page.prefixes
    except SourceError:
        return []
    return []


def _in_ranges(
    bucket: Bucket, prefix: str, ranges: Sequence[KeyRange], workers: int, broken: _Broken
) -> Iterator[Part]:
    """The pages of all ranges, in order, of which some are asked for ahead."""
    stop = threading.Event()
    todo = iter(ranges)
    with ThreadPoolExecutor(workers, thread_name_prefix="listing") as pool:
        under_way = [_Ahead(bucket, prefix, span, stop) for span in itertools.islice(todo, 2 * workers)]
        try:
            for ahead in under_way:
                pool.submit(ahead.run)
            while under_way:
                ahead = under_way.pop(0)
                with closing(ahead.pages()) as pages:
                    for page in pages:
                        yield Part(contents=page)
                if isinstance(ahead.error, KeysInNoOrder):
                    raise ahead.error
                if ahead.error is not None:
                    broken.ranges.append((replace(ahead.span, after=ahead.last), ahead.error))
                if isinstance(ahead.error, NothingMoreAsked):
                    # What others had ahead is listed again: the last key handed out is one up to which nothing is left out.
                    rest = itertools.chain((other.span for other in under_way), todo)
                    broken.ranges += [(span, ahead.error) for span in rest]
                    return
                for span in itertools.islice(todo, 1):
                    under_way.append(_Ahead(bucket, prefix, span, stop))
                    pool.submit(under_way[-1].run)
        finally:
            stop.set()


class _Ahead:
    """One range, whose pages a thread fetches while another takes them."""

    def __init__(self, bucket: Bucket, prefix: str, span: KeyRange, stop: threading.Event) -> None:
        self.span = span
        self.last = span.after
        self.error: SourceError | None = None
        self._bucket = bucket
        self._prefix = prefix
        self._stop = stop
        self._pages: queue.Queue[Sequence[ObjectRow] | None] = queue.Queue(PAGES_AHEAD)

    def run(self) -> None:
        try:
            for contents in self._fetched():
                self._hand_over(contents)
        except SourceError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - a thread that dies silently would leave the other waiting
            self.error = ListingIncomplete(self._prefix, f"{type(error).__name__}: {error}")
        finally:
            self._hand_over(None)

    def pages(self) -> Generator[Sequence[ObjectRow]]:
        while (contents := self._pages.get()) is not None:
            yield contents

    def _fetched(self) -> Iterator[Sequence[ObjectRow]]:
        page = self._bucket.page(self._prefix, after=self.span.after)
        empty = 0
        while True:
            contents = _up_to(page.contents, self.span.until)
            if contents:
                self._check_order(contents)
                self.last = contents[-1].key
                yield contents
            at_end = len(contents) < len(page.contents) or (contents and self.last == self.span.until)
            if not page.has_more or at_end or self._stop.is_set():
                return
            empty = 0 if contents else empty + 1
            if empty > MOST_EMPTY_PAGES:
                raise ListingIncomplete(self._prefix, "the storage sends one empty page after the other")
            page = self._following(page)

    def _check_order(self, contents: Sequence[ObjectRow]) -> None:
        before = self.last
        for row in contents:
            if row.key <= before:
                raise KeysInNoOrder(self._prefix)
            before = row.key

    def _following(self, page: Page) -> Page:
        """By the token of the storage; by the last key where there is none, or it is no longer taken."""
        if page.next is not None:
            try:
                return self._bucket.page(self._prefix, token=page.next)
            except NothingMoreAsked:
                raise
            except SourceError:
                if not self.last:
                    raise
        elif not page.contents:
            raise ListingIncomplete(self._prefix, MORE_SOMEHOW)
        return self._bucket.page(self._prefix, after=self.last)

    def _hand_over(self, contents: Sequence[ObjectRow] | None) -> None:
        while not self._stop.is_set():
            try:
                self._pages.put(contents, timeout=0.2)
            except queue.Full:
                continue
            return


def _up_to(contents: Sequence[ObjectRow], until: str) -> Sequence[ObjectRow]:
    if not until or not contents or contents[-1].key <= until:
        return contents
    return [row for row in contents if row.key <= until]


def _account(bucket: Bucket, prefix: str, directory: str, broken: _Broken, levels: int) -> Iterator[Part]:
    """How a directory ended in which ranges broke off: what is directly in it is listed again, and each directory in it
    is complete, broken off, or looked at in the same way. Where that fails, too, the whole directory has failed.
    """
    touching = broken.touching(directory)
    name = directory[len(prefix) :]
    if not touching:
        return  # the directory around it answers for it
    reason = touching[0][1]
    inside = None if levels == 0 or isinstance(reason, NothingMoreAsked) else _level(bucket, directory)
    if inside is None:
        sentence = reason.reason if isinstance(reason, ListingIncomplete) else str(reason)
        yield Part(directory=name, error=ListingIncomplete(name.removesuffix("/") or prefix, sentence))
        return
    contents, directories = inside
    # What was listed before the range broke off has been handed out already.
    yield Part(directory=name, contents=[row for row in contents if broken.covering(row.key)])
    for deeper in directories:
        yield from _account(bucket, prefix, deeper, broken, levels - 1)
    yield Part(directory=name, complete=True)


def _level(bucket: Bucket, directory: str) -> tuple[list[ObjectRow], list[str]] | None:
    """The objects and the directories directly in a directory; None if there are too many, or they cannot be listed."""
    contents: list[ObjectRow] = []
    directories: list[str] = []
    where: dict[str, str] = {}
    try:
        for _ in range(MOST_PAGES_OF_DIRECTORIES):
            page = bucket.page(directory, directories=True, **where)
            contents += page.contents
            directories += page.prefixes
            if not page.has_more:
                return contents, directories
            if page.next is None and not page.marker:
                return None
            where = {"after": page.marker} if page.next is None else {"token": page.next}
    except SourceError:
        return None
    return None


def _after_all(directory: str) -> str:
    """The first text after all keys of the directory; empty for the root."""
    return f"{directory[:-1]}0" if directory else ""  # `0` follows `/`
