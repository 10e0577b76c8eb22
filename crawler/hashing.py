"""Hashes of weights: SHA-256 of a file and the digest of its tensors, in one pass with bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from catalog.errors import ExtractError, ObjectChanged
from catalog.lazy_dataclasses import dataclass
from catalog.records import FileStatus, Member, ObjectMeta, Role
from catalog.records.hashes import tensor_digest, tensor_label, tensors_digest
from crawler.formats import safetensors_format
from crawler.reader import WHOLE_FILE_BYTES, Budget, Fetch, RangedReader

CHUNK_BYTES = 4 * 1024 * 1024
_SUMMED_AT_ONCE = 10_000  # a digest takes 300 bytes, a file may hold 500,000 tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """What the bytes of one file proved. `tensors` is None for formats whose tensors have no places of their own."""

    sha256: str
    tensors: str | None = None


class _Place(NamedTuple):
    start: int
    end: int
    label: bytes


def lacks_hashes(member: Member) -> bool:
    """Whether reading the file to its end would prove something: weights, or data that weights name, not yet hashed."""
    extraction, meta = member.extraction, member.object
    if meta.size_bytes == 0:
        return False
    if extraction is None:
        return meta.sha256 is None
    if extraction.role not in {Role.WEIGHTS, Role.DATA} or extraction.status is FileStatus.POINTER:
        return False
    placed = extraction.format == "safetensors" and meta.size_bytes > WHOLE_FILE_BYTES
    return meta.sha256 is None or (placed and extraction.tensors_digest is None)


def hash_file(meta: ObjectMeta, fetch: Fetch, *, format: str | None) -> Hashes:  # noqa: A002 - the document's word
    """Reads the whole file once, 4 MB at a time. Raises SourceError, ObjectChanged."""
    places = _places(meta, fetch) if format == "safetensors" else None
    whole = hashlib.sha256()
    tensors = None if places is None else _TensorHashes(places)
    position = 0
    for chunk in _chunks(meta, fetch):
        whole.update(chunk)
        if tensors is not None:
            tensors.feed(position, memoryview(chunk))
        position += len(chunk)
    return Hashes(sha256=whole.hexdigest(), tensors=None if tensors is None else tensors.digest())


def _chunks(meta: ObjectMeta, fetch: Fetch) -> Iterator[bytes]:
    position = 0
    while position < meta.size_bytes:
        chunk = fetch(position, min(position + CHUNK_BYTES, meta.size_bytes))
        if not chunk:
            raise ObjectChanged(meta.key)
        yield chunk
        position += len(chunk)


def _places(meta: ObjectMeta, fetch: Fetch) -> Sequence[_Place] | None:
    """Where each tensor is, in the order of the file; None unless the header is one that every reader agrees on."""
    reader = RangedReader(meta.key, meta.size_bytes, fetch, budget=Budget())
    try:
        return _places_of(safetensors_format.read_header(reader))
    except ExtractError:
        return None


@safetensors_format.made_once
def _places_of(header: safetensors_format.SafetensorsHeader) -> Sequence[_Place] | None:
    if header.unknown or any(fault.hostile or fault.code == "truncated" for fault in header.faults):
        return None
    base = 8 + header.header_bytes
    return sorted(
        _Place(base + start, base + end, tensor_label(tensor.name, tensor.dtype, tensor.shape))
        for tensor, (start, end) in zip(header.tensors, header.spans, strict=True)
    )


class _TensorHashes:
    """Tensors that follow each other in a file, hashed while its bytes pass by."""

    def __init__(self, places: Sequence[_Place]) -> None:
        self._places = places
        self._next = 0
        self._hasher = hashlib.sha256()
        self._digests: list[int] = []

    def feed(self, position: int, chunk: memoryview) -> None:
        end, places, digests = position + len(chunk), self._places, self._digests
        number = self._next
        while number < len(places):
            start, stop, label = places[number]
            if start >= end and stop > start:
                break
            if position <= start and stop <= end:  # as nearly all: what is begun here ends here
                data = hashlib.sha256(chunk[start - position : stop - position])
            else:
                data = self._hasher
                data.update(chunk[max(0, start - position) : max(0, stop - position)])
                if stop > end:
                    break
                self._hasher = hashlib.sha256()
            digests.append(tensor_digest(label, data.digest()))
            number += 1
        self._next = number
        if len(digests) > _SUMMED_AT_ONCE:
            digests[:] = [sum(digests)]

    def digest(self) -> str:
        for place in self._places[self._next :]:  # empty tensors at the end of the file
            self._digests.append(tensor_digest(place.label, self._hasher.digest()))
            self._hasher = hashlib.sha256()
        self._next = len(self._places)
        return tensors_digest(self._digests)
