"""The door for storage: list it whole or say that the listing broke, look at one object, read ranges of it.

A new storage is one file in `crawler/sources/` and one line in `catalog/plugins.py`, under the scheme of its addresses;
what the line names is called with the address as it was typed and the settings. What it has as `check_address` is asked by whoever crawls
later whether an address can be one. If it has an attribute `Options`, a
frozen dataclass of `catalog.settings.setting` fields, these are what a person may set for one source, and it is called
with them, too; a secret one is given as a reference and arrives as what it refers to. The suite to subclass is
`catalog.testing.sources.SourceSuite`.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from catalog.contracts import only_errors, taken, taken_type
from catalog.errors import (
    ListingIncomplete,
    ModeldexError,
    ObjectUnreadable,
    PromiseBroken,
    SourceError,
    described,
)
from catalog.lazy_dataclasses import dataclass, replace
from catalog.records import ObjectKey, ObjectMeta, SourceId
from catalog.records.objects import MOST_KEY_BYTES, is_too_long, may_be_kept

CUT_KEYS = 5_000
"""Objects of the last listing in one part of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One step of a listing: a batch of objects of one scope (a directory or prefix), or how the scope ended.

    A scope is complete only if its listing reached the end with no error; `error` says why it did not. `skipped` holds
    what was left out on purpose with the reason (links that leave the root, temporary files). `as_before` says that nothing
    in the scope or below it changed since the last complete listing: then its objects are not told, and are there all the same.
    """

    scope: str
    objects: tuple[ObjectMeta, ...] = ()
    complete: bool = False
    error: SourceError | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    as_before: bool = False


TOO_LONG = f"its name has more than {MOST_KEY_BYTES:,} bytes"
ZERO_BYTE = "its name has a zero byte"
ZERO_SHOWN = r"\x00"
_SHA256 = re.compile("[0-9a-f]{64}")
_ENDED = object()
SHOWN_CHARACTERS = 200
"""Of a name that is too long."""


class Source(Protocol):
    """One storage location. `id` is stable and shown, `uri` is the root.

    Two attributes may say how objects are best read: `concurrency`, how many reads the storage answers at once (1 where it
    is left out; threads then read), and `is_read_in_processes`, whether the source is picklable and its reading costs this
    machine's processors more than waiting (False where it is left out). A third, `spent`, what was asked of the storage
    so far, as numbers by name: `requests`, `bytes_received`. A fourth, `endpoint`, where the storage answers if the address
    does not say it: another one there is noticed before what was crawled seems to be missing.
    """

    id: SourceId
    uri: str

    def list(self) -> Iterator[Listed]:
        """Everything below the root, scope by scope. Errors are values in the steps; only a root that cannot be listed raises."""
        ...

    def head(self, key: ObjectKey) -> ObjectMeta | None:
        """The object as it is now; None only if storage says that it does not exist."""
        ...

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """Bytes [start, end) of exactly the listed object. Raises ObjectChanged, ObjectUnreadable, AccessDenied."""
        ...

    def uri_of(self, key: ObjectKey) -> str:
        """The object's own URI, for people."""
        ...


def listing(source: Source) -> Iterator[Listed]:
    """The listing of any source, as it is crawled: objects whose keys cannot be kept are left out and told as skipped. Raises
    SourceError, also for what a source of another package raises or says that is none of a listing.
    """
    try:
        yield from _kept(source)
    except PromiseBroken as error:
        raise ListingIncomplete(source.uri, str(error)) from error
    except ModeldexError:
        raise
    except Exception as error:
        raise ListingIncomplete(source.uri, described(error)) from error


def _kept(source: Source) -> Iterator[Listed]:
    for step in steps(source):
        left = tuple(_left_out(meta.key) for meta in step.objects if not may_be_kept(meta.key))
        if left:
            kept = tuple(meta for meta in step.objects if may_be_kept(meta.key))
            yield replace(step, objects=kept, skipped=(*step.skipped, *left))
        else:
            yield step


def steps(source: Source) -> Iterator[Listed]:
    """The listing as the source tells it; of one of another package each step is what was promised. Raises PromiseBroken."""
    if is_ours(source):
        yield from source.list()
        return
    with only_errors():
        rest = iter(taken_type(Iterable, source.list(), "listing"))
    while (step := _next(rest)) is not _ENDED:
        checked = taken(Listed, step)
        for number, meta in enumerate(checked.objects):
            _check(meta, source, f"objects[{number}].")
        yield checked


def _next(rest: Iterator[object]) -> object:
    """The next step. Nothing is yielded in here: that a crawl wants no more is no error of the source's."""
    with only_errors():
        return next(rest, _ENDED)


def head_of(source: Source, key: ObjectKey) -> ObjectMeta | None:
    """The object as it is now. Raises SourceError, also for whatever a source of another package raises or says instead."""
    try:
        with only_errors():
            meta = source.head(key)
        if meta is not None and not is_ours(source):
            meta = taken(ObjectMeta, meta)
            _check(meta, source, "")
    except SourceError:
        raise
    except Exception as error:
        raise ObjectUnreadable(key, described(error)) from error
    return meta


def is_ours(source: Source) -> bool:
    """Whether its types are held by the checker, also where it is seen through a selection."""
    return type(getattr(source, "selected", source)).__module__.startswith("crawler.")


def raised_in_store(error: BaseException) -> bool:
    """Whether the store was at work when that was raised: then no source is to blame."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("catalog.store") for frame, _ in frames)


def _check(meta: ObjectMeta, source: Source, place: str) -> None:
    if meta.source != source.id:
        raise PromiseBroken(repr(meta.source)[:SHOWN_CHARACTERS], f"{place}source", f"{source.id!r}")
    if meta.sha256 is not None and not _SHA256.fullmatch(meta.sha256):
        raise PromiseBroken(repr(meta.sha256)[:SHOWN_CHARACTERS], f"{place}sha256", "64 hexadecimal digits")


def _left_out(key: str) -> tuple[str, str]:
    """A key as it may be shown, and why no object is kept under it."""
    if is_too_long(key):
        return f"{key[:SHOWN_CHARACTERS]}…".replace("\0", ZERO_SHOWN), TOO_LONG
    return key.replace("\0", ZERO_SHOWN), ZERO_BYTE


@runtime_checkable
class Checkable(Protocol):
    """A source that can say before a crawl whether it can be listed: a bucket that is not there leaves nothing behind."""

    def check(self, *, is_new: bool) -> None:
        """`is_new` says that it was never crawled. Raises UserError, SourceError."""
        ...


@runtime_checkable
class Cuttable(Protocol):
    """A source whose listing goes faster in parts that are listed at once."""

    def expect(self, cuts: Sequence[ObjectKey], *, since: datetime | None) -> None:
        """Keys that cut the last listing into parts of about equal size (`CUT_KEYS`), in order, and when the last crawl
        began that looked at all (None: there was none); called before `list`.
        """
        ...


@runtime_checkable
class Resumable(Protocol):
    """A source whose listing can begin at any key. Where only some of a kind can (a bucket that is listed by an inventory
    has an order of its own), the attribute `is_resumable` says so; of others no run says behind which key the next goes on.
    """

    def go_on(self, after: ObjectKey) -> None:
        """The next listing begins after this key, up to which one came that was cut off, and ends with what lies before it;
        called before `list`. It is whole all the same: what was listed before is no evidence of what is there now.
        """
        ...


def no_objects(_directory: str) -> Iterable[ObjectMeta]:
    """Nothing is known below any directory."""
    return ()


@runtime_checkable
class Remembering(Protocol):
    """A source that makes use of what earlier crawls saw: one whose storage knows when something below a directory changed
    last does not list those where nothing did, and a directory that lost all it had may be one where nothing is mounted.
    """

    def remember(
        self,
        *,
        since: datetime | None,
        whole: datetime | None,
        known: Callable[[str], Iterable[ObjectMeta]] = no_objects,
    ) -> None:
        """When the last complete crawl began, and the last one of these that left out nothing; None where there was none,
        or it counts no more. `known` gives some objects that are known below a directory: whether it is still the directory that was
        listed there shows in them. Called before `list`; without it everything is listed.
        """
        ...


@runtime_checkable
class Confirming(Protocol):
    """A source whose listing may be of yesterday, or leave something out, and which can look at single objects as they are
    now. It is asked once the listing has ended.
    """

    def still_there(self, keys: Iterable[ObjectKey]) -> set[ObjectKey]:
        """Of these keys, which were not listed, those that are there, or cannot be looked at."""
        ...
