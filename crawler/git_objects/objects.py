"""Objects of a repository by their hashes, out of packs and loose files: no more is unpacked than each says beforehand, and no more than is allowed.

Source: https://git-scm.com/docs/gitformat-pack. The indexes of packs are read by dulwich; what is unpacked, is unpacked here,
since dulwich unpacks whatever a stream holds.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from catalog.errors import LimitExceeded, Malformed, ObjectUnreadable
from crawler.git_objects.sizes import (
    MAX_DELTAS,
    OFFSET_DELTA,
    REFERENCE_DELTA,
    Declared,
    loose_size,
    number_at,
    object_head,
    packed_size,
)

MAX_STORES = 32
"""Of one repository: its own and those that it borrows from (`objects/info/alternates`)."""
MAX_LIST_BYTES = 64 * 1024
KINDS = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_NUMBERS = {kind: number for number, kind in KINDS.items()}


class Bounds:
    """The directories that a repository may lie in: its own, and those that somebody allowed."""

    def __init__(self, root: Path, outside: Sequence[str]) -> None:
        self._root = root
        self._places = (root.resolve(), *(Path(place).resolve() for place in outside if place))

    def inside(self, path: Path) -> Path:
        """The path with its links followed. Raises ObjectUnreadable where it leads elsewhere."""
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise ObjectUnreadable(str(self._root), "a path of the repository leads nowhere") from error
        if not any(resolved.is_relative_to(place) for place in self._places):
            reason = (
                f"it leads out of its directory, to {resolved}; the source's option `outside` allows that"
            )
            raise ObjectUnreadable(str(self._root), reason)
        return resolved


class Objects:
    """The objects of a repository's store, and of those that it borrows from."""

    def __init__(self, store: Any, bounds: Bounds) -> None:
        self._bounds = bounds
        self._stores: list[Any] = []
        self._add(store)

    def close(self) -> None:
        for store in self._stores[1:]:
            store.close()

    def declared(self, object_id: bytes) -> Declared:
        """How long an object says that it is. Raises Malformed."""
        try:
            path, offset = self._place(object_id)
            return loose_size(path) if offset is None else packed_size(path, offset)
        except OSError as error:
            raise Malformed(f"an object that cannot be read: {type(error).__name__}") from None

    def read(self, object_id: bytes, most: int, most_below: int) -> tuple[int, bytes]:
        """Kind and bytes, of at most `most`, and made from nothing of more than `most_below`. Raises LimitExceeded, Malformed."""
        try:
            kind, data = self._unpacked(object_id, most_below)
        except OSError as error:
            raise Malformed(f"an object that cannot be read: {type(error).__name__}") from None
        if len(data) > most:
            raise LimitExceeded("bytes of an object of the repository", limit=most, found=len(data))
        digest = hashlib.sha1(b"%s %d\0" % (KINDS[kind], len(data)), usedforsecurity=False)
        digest.update(data)
        if digest.hexdigest().encode() != object_id:
            raise Malformed("an object whose bytes have another hash than its name")
        return kind, data

    def _unpacked(self, object_id: bytes, most: int) -> tuple[int, bytes]:
        path, offset = self._place(object_id)
        deltas: list[tuple[Path, int, int]] = []
        while offset is not None:  # heads alone, before anything is unpacked
            with path.open("rb") as file:
                kind, size, base = object_head(file, offset)
                start = file.tell()
                name = b""
                if kind == REFERENCE_DELTA:
                    file.seek(start - 20)
                    name = file.read(20).hex().encode()
            _bounded(size, most)
            if kind not in {OFFSET_DELTA, REFERENCE_DELTA}:
                if kind not in KINDS:
                    raise Malformed(f"an object of an unknown kind: {kind}")
                data = _inflated(path, start, size)
                break
            deltas.append((path, start, size))
            if len(deltas) > MAX_DELTAS:
                raise Malformed(f"a chain of more than {MAX_DELTAS} deltas")
            if base is None:
                path, offset = self._place(name)
            elif 0 < base < offset:
                offset -= base
            else:
                raise Malformed("a delta of what lies before its pack")
        else:
            kind, data = _loose(path, most)
        for place, start, size in reversed(deltas):
            data = _applied(data, _inflated(place, start, size), most)
        return kind, data

    def _place(self, object_id: bytes) -> tuple[Path, int | None]:
        """The pack and where in it the object is, or its own file."""
        name = object_id.decode("ascii")
        for store in self._stores:
            for pack in store.packs:
                try:
                    offset = pack.index.object_offset(object_id)
                except KeyError:
                    continue
                return self._bounds.inside(Path(pack.data.path)), offset
            loose = Path(store.path) / name[:2] / name[2:]
            if loose.exists():
                return self._bounds.inside(loose), None
        raise Malformed(f"the repository lacks its object {name[:12]}")

    def _add(self, store: Any) -> None:
        from dulwich.object_store import DiskObjectStore  # noqa: PLC0415 - an extra, and a second to import

        waiting, known = [store], set()
        while waiting:
            store = waiting.pop(0)
            place = self._bounds.inside(Path(store.path))
            if place in known:
                continue
            known.add(place)
            self._stores.append(store)
            if len(self._stores) > MAX_STORES:
                raise LimitExceeded("repositories that a repository borrows from", limit=MAX_STORES)
            waiting += [DiskObjectStore(str(self._bounds.inside(lent))) for lent in _lenders(place)]


def _lenders(place: Path) -> Iterator[Path]:
    try:
        with (place / "info" / "alternates").open("rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
    except FileNotFoundError:
        return
    if len(data) > MAX_LIST_BYTES:
        raise LimitExceeded("bytes of a list of repositories", limit=MAX_LIST_BYTES)
    for line in data.split(b"\n"):
        if line and not line.startswith(b"#") and b"\0" not in line:
            yield place / line.decode("utf-8", "surrogateescape")


def _bounded(size: int, most: int) -> None:
    if size > most:
        raise LimitExceeded("bytes of an object of the repository", limit=most, found=size)


def _inflated(path: Path, start: int, size: int) -> bytes:
    """Exactly as many bytes as the object says: one more is a fault."""
    inflate, parts, rest = zlib.decompressobj(), [], size + 1
    with path.open("rb") as file:
        file.seek(start)
        while rest > 0 and not inflate.eof and (block := file.read(65536)):
            try:
                part = inflate.decompress(block, rest)
            except zlib.error as error:
                raise Malformed(f"an object that does not unpack: {error}") from None
            parts.append(part)
            rest -= len(part)
    data = b"".join(parts)
    if len(data) != size:
        raise Malformed("an object of another length than it says")
    return data


def _loose(path: Path, most: int) -> tuple[int, bytes]:
    declared = loose_size(path).size
    _bounded(declared, most)
    with path.open("rb") as file:
        head, _, _ = zlib.decompressobj().decompress(file.read(4096), 64).partition(b"\0")
    data = _inflated(path, 0, len(head) + 1 + declared)
    return _NUMBERS[head.partition(b" ")[0]], data[len(head) + 1 :]


def _applied(base: bytes, delta: bytes, most: int) -> bytes:
    source, position = number_at(delta, 0)
    size, position = number_at(delta, position)
    if source != len(base):
        raise Malformed("a delta of something of another length")
    _bounded(size, most)
    result = bytearray()
    try:
        while position < len(delta):
            order = delta[position]
            position += 1
            if order & 0x80:
                start = length = 0
                for bit in range(7):
                    if order & 1 << bit:
                        if bit < 4:
                            start |= delta[position] << 8 * bit
                        else:
                            length |= delta[position] << 8 * (bit - 4)
                        position += 1
                part = base[start : start + (length or 0x10000)]
            else:
                part = delta[position : position + order]
                position += order
            if not part or len(result) + len(part) > size:
                raise Malformed("a delta that makes another length than it says")
            result += part
    except IndexError:
        raise Malformed("a delta that ends in an order") from None
    if len(result) != size:
        raise Malformed("a delta that makes another length than it says")
    return bytes(result)
