"""A read-through cache of whole answers, by what they depend on: the search, the state of the index, and who asks.

Whoever can write to the cache can make it lie, so nothing in it is believed. A value is sealed with HMAC-SHA256 over the
key it stands under, the moment until which it counts, and its content: a value of somebody else, of another key, of before,
or changed by a bit is a miss. Keys are HMACs too, so that their names tell no search. What the values say is not hidden
from who reads the cache.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import struct
import threading
import time
from collections.abc import Callable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram

from catalog.lazy_dataclasses import dataclass

PREFIX = b"modeldex:1:"
"""The number changes when values are written in another way."""
MEDIA_TYPES = ("text/html", "application/json")
SEAL_BYTES = 32
_HEAD = struct.Struct(">QBB")
MOST_TAG_BYTES = 255
OVERHEAD_BYTES = SEAL_BYTES + _HEAD.size
CLOCKS_APART_SECONDS = 60
"""What the clocks of two servers may differ by."""
FIRST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 5.0
"""So that a cache that is back is used soon; one request in so many seconds waits for one that is not."""
LOOK_UP_SECONDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)

log = logging.getLogger(__name__)


class ShelfFault(Exception):
    """The shelf could not be asked; the sentence says why. With `passing` it answers, but did not do this."""

    def __init__(self, sentence: str, *, passing: bool = False) -> None:
        super().__init__(sentence)
        self.passing = passing


class Shelf(Protocol):
    """Where sealed values lie for a while. Both raise ShelfFault, after a bounded time."""

    def get(self, key: bytes, most_bytes: int) -> bytes:
        """The value, cut off behind that many bytes; nothing if there is none."""
        ...

    def put(self, key: bytes, value: bytes, seconds: int) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, of its headers the ETag alone: at most 255 ASCII characters."""

    media_type: str
    body: bytes
    tag: str


class AnswerCache:
    """Safe to share between threads. Never raises: what cannot be had is a miss, what cannot be kept is not kept."""

    def __init__(
        self,
        shelf: Shelf,
        *,
        secret: str,
        catalog: str,
        keep_seconds: int,
        value_bytes: int,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`catalog` names the catalog, so that two with one secret share nothing."""
        self._shelf = shelf
        self._secret = hashlib.sha256(f"modeldex cache\0{catalog}\0{secret}".encode()).digest()
        self._keep_seconds = keep_seconds
        self._value_bytes = value_bytes
        self._clock = clock
        self._rest = _Rest()
        self._reads = Counter(
            "modeldex_cache_reads",
            "Answers that were looked for in the cache: hit, miss, refused (not sealed by us), failed, resting.",
            ("outcome",),
            registry=registry,
        )
        self._writes = Counter(
            "modeldex_cache_writes",
            "Answers that were to be kept in the cache: kept, too_long, failed, resting.",
            ("outcome",),
            registry=registry,
        )
        self._seconds = Histogram(
            "modeldex_cache_read_seconds",
            "Seconds that a look into the cache took.",
            buckets=LOOK_UP_SECONDS,
            registry=registry,
        )

    def get(self, state: str) -> Answer | None:
        """The answer that was kept for this state of all that it depends on."""
        asked_at = self._rest.over()
        if asked_at is None:
            self._reads.labels("resting").inc()
            return None
        key = self._key(state)
        try:
            with self._seconds.time():
                value = self._shelf.get(key, self._value_bytes + OVERHEAD_BYTES + MOST_TAG_BYTES)
        except ShelfFault as fault:
            self._failed(fault, self._reads)
            return None
        self._rest.end(asked_at)
        answer = self._opened(key, value) if value else None
        self._reads.labels("hit" if answer else "refused" if value else "miss").inc()
        return answer

    def put(self, state: str, answer: Answer) -> None:
        """Keeps an answer for this state, if it is not too long."""
        if len(answer.body) > self._value_bytes or answer.media_type not in MEDIA_TYPES:
            self._writes.labels("too_long").inc()
            return
        if self._rest.over() is None:
            self._writes.labels("resting").inc()
            return
        key = self._key(state)
        try:
            self._shelf.put(key, self._sealed(key, answer), self._keep_seconds)
        except ShelfFault as fault:
            self._failed(fault, self._writes)
            return
        self._writes.labels("kept").inc()

    def close(self) -> None:
        self._shelf.close()

    def _failed(self, fault: ShelfFault, counter: Counter) -> None:
        counter.labels("failed").inc()
        if not fault.passing:
            self._rest.begin(str(fault))

    def _key(self, state: str) -> bytes:
        name = hmac.digest(self._secret, b"key\0" + state.encode("utf-8", "surrogatepass"), "sha256")
        return PREFIX + name.hex().encode()

    def _sealed(self, key: bytes, answer: Answer) -> bytes:
        until = int(self._clock()) + self._keep_seconds
        tag = answer.tag.encode("ascii")
        content = _HEAD.pack(until, MEDIA_TYPES.index(answer.media_type), len(tag)) + tag + answer.body
        return self._seal(key, content) + content

    def _opened(self, key: bytes, value: bytes) -> Answer | None:
        """The answer in a value; None for one that this catalog did not seal for this key, or that is over."""
        seal, content = value[:SEAL_BYTES], value[SEAL_BYTES:]
        if len(value) < OVERHEAD_BYTES or not hmac.compare_digest(seal, self._seal(key, content)):
            return None
        until, kind, tag_length = _HEAD.unpack_from(content)
        left = until - self._clock()
        if not 0 < left <= self._keep_seconds + CLOCKS_APART_SECONDS:
            return None
        body = _HEAD.size + tag_length
        return Answer(
            media_type=MEDIA_TYPES[kind], body=content[body:], tag=content[_HEAD.size : body].decode("ascii")
        )

    def _seal(self, key: bytes, content: bytes) -> bytes:
        return hmac.digest(self._secret, b"value\0" + key + b"\0" + content, "sha256")


class _Rest:
    """After a fault nobody asks for a while, twice as long each time; then one asks, and the others wait for how it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._length = 0.0
        self._faults = 0

    def over(self) -> int | None:
        """How many faults there were, where the shelf may be asked now; None where it rests."""
        if not self._length:
            return self._faults
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                return None
            self._until = now + self._length  # this one asks, the others go on resting
            return self._faults

    def begin(self, reason: str) -> None:
        with self._lock:
            if not self._length:
                log.warning("the cache of answers is not used for now: %s", reason)
            self._length = min(self._length * 2, LONGEST_REST_SECONDS) or FIRST_REST_SECONDS
            self._until = time.monotonic() + self._length
            self._faults += 1

    def end(self, faults: int) -> None:
        """The shelf answered who asked after so many faults. What was asked before the last of them says nothing of now."""
        if not self._length:
            return
        with self._lock:
            if faults != self._faults or not self._length:
                return
            self._length = self._until = 0.0
        log.warning("the cache of answers is used again")
