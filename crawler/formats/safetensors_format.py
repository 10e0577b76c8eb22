"""The header of a safetensors file: names, dtypes, shapes and places of tensors, and a map of text.

A file that the reference reader refuses is still described as far as it can be, with every fault named.

Source: huggingface/safetensors README.md (format) and safetensors/src/tensor.rs (`Metadata::validate`).
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any, TypeVar

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass, field
from catalog.records import TensorInfo
from crawler.formats import dtypes, jsons
from crawler.reader import RangedReader

MAX_HEADER_BYTES = 32 * 1024 * 1024  # the format allows 100 MB; 200,000 tensors take 27 MB
MAX_TENSORS = 500_000
MAX_RANK = 16
MAX_DIMENSION = 2**53
MAX_ELEMENTS = 2**63 - 1
MAX_NAME_CHARACTERS = 4096
READ_STEP_BYTES = 8 * 1024 * 1024
REMEMBERED_BYTES = 1024 * 1024
REMEMBERED_HEADERS = 4

T = TypeVar("T")

_LIMITS = jsons.JsonLimits(size_bytes=MAX_HEADER_BYTES, depth=16, nodes=MAX_TENSORS * 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something in a header that the format forbids. `hostile` marks what no writer does by accident."""

    code: str
    message: str
    hostile: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class SafetensorsHeader:
    """What a header says, which nobody changes: files with equal headers share one. `unknown` tensors have entries that cannot be true and are not counted.

    `spans` are the places of `tensors`, one each, in bytes after the header. `data_bytes` is where the last tensor ends: more than the file has means that it is cut off.
    """

    metadata: Mapping[str, str] = field(default_factory=dict)
    tensors: list[TensorInfo] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    unknown: int = 0
    header_bytes: int = 0
    data_bytes: int = 0
    faults: list[Fault] = field(default_factory=list)


def claims_head(head: bytes, size_known: int | None = None) -> bool:
    """Whether the first bytes look like a header: a length that is possible, then an object."""
    if len(head) < 9:
        return False
    (length,) = struct.unpack_from("<Q", head)
    fits = size_known is None or length <= size_known - 8
    return 2 <= length <= 100_000_000 and fits and head[8:9] == b"{"


def read_header(reader: RangedReader) -> SafetensorsHeader:
    """The header of a file, in one request, or two when it is longer than the first read.

    Raises Malformed, LimitExceeded.
    """
    (length,) = struct.unpack("<Q", reader.take(0, 8))
    if length > MAX_HEADER_BYTES:
        raise LimitExceeded("bytes of a safetensors header", limit=MAX_HEADER_BYTES, found=length)
    if length > reader.size_bytes - 8:
        raise Malformed(f"the header says it is {length} bytes long, the file has {reader.size_bytes}")
    steps = range(8, 8 + length, READ_STEP_BYTES)
    data = b"".join(reader.take(start, min(start + READ_STEP_BYTES, 8 + length)) for start in steps)
    if len(data) > REMEMBERED_BYTES:
        return parse_header(data, file_bytes=reader.size_bytes)
    return _remembered(data, reader.size_bytes)


@lru_cache(maxsize=REMEMBERED_HEADERS)
def _remembered(data: bytes, file_bytes: int) -> SafetensorsHeader:
    """A file is read for what its header says, and then for the bytes of its tensors: the header is parsed once. So it is
    for all checkpoints of one run, whose headers are equal.
    """
    return parse_header(data, file_bytes=file_bytes)


def made_once(derive: Callable[[SafetensorsHeader], T]) -> Callable[[SafetensorsHeader], T]:
    """`derive`, which makes something of a header, asked once for each header that is remembered."""
    remembered = lru_cache(maxsize=REMEMBERED_HEADERS)(derive)

    @wraps(derive)
    def derived(header: SafetensorsHeader) -> T:
        return derive(header) if header.header_bytes > REMEMBERED_BYTES else remembered(header)

    return derived


def parse_header(data: bytes, *, file_bytes: int | None = None) -> SafetensorsHeader:
    """What the JSON of a header says; `file_bytes` lets the places of tensors be checked against the file."""
    header = SafetensorsHeader(header_bytes=len(data))
    value = jsons.load_text(_text(data, header), limits=_LIMITS)
    if not isinstance(value, jsons.JsonObject):
        raise Malformed("the safetensors header is not an object")
    for name in value.duplicates:
        header.faults.append(
            Fault(code="duplicate-tensor", message=f"{name[:200]!r} stands twice", hostile=True)
        )
    if len(value) > MAX_TENSORS:
        raise LimitExceeded("tensors of a safetensors file", limit=MAX_TENSORS, found=len(value))
    header.metadata = _metadata(value.pop("__metadata__", None), header)
    spans = [span for name, entry in value.items() if (span := _tensor(name, entry, header)) is not None]
    _check_tiling(sorted(spans), header, file_bytes)
    return header


def _text(data: bytes, header: SafetensorsHeader) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        header.faults.append(Fault(code="invalid-utf-8", message=f"header byte {error.start} is not UTF-8"))
        return data.decode(errors="replace")


def _metadata(value: Any, header: SafetensorsHeader) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        header.faults.append(Fault(code="metadata-not-text", message="__metadata__ is not an object"))
        return {}
    kept = {key: item for key, item in value.items() if isinstance(item, str)}
    for key in list(itertools.islice((key for key in value if key not in kept), 20)):
        message = f"__metadata__ value of {key[:200]!r} is not text"
        header.faults.append(Fault(code="metadata-not-text", message=message))
    return kept | {
        key: str(item) for key, item in value.items() if isinstance(item, (int, float)) and key not in kept
    }


def _tensor(name: str, entry: Any, header: SafetensorsHeader) -> tuple[int, int] | None:
    """Adds the tensor, or the fault that keeps it from being counted; its span where it has one."""
    try:
        dtype, shape, start, end = _entry(entry)
    except ValueError as error:
        header.unknown += 1
        header.faults.append(Fault(code="tensor-entry", message=f"{name[:200]!r}: {error}", hostile=True))
        return None
    elements = math.prod(shape)
    if elements > MAX_ELEMENTS or len(name) > MAX_NAME_CHARACTERS:
        header.unknown += 1
        header.faults.append(
            Fault(code="limit-exceeded", message=f"{name[:200]!r}: too large to be true", hostile=True)
        )
        return None
    expected = dtypes.size_bytes(dtype, elements)
    if expected is None:
        header.faults.append(
            Fault(code="unknown-dtype", message=f"{name[:200]!r} has the unknown dtype {dtype}")
        )
    elif expected != end - start:
        header.unknown += 1
        message = f"{name[:200]!r}: {dtype} {list(shape)} needs {expected} bytes, has {end - start}"
        header.faults.append(Fault(code="tensor-size", message=message, hostile=True))
        return start, end
    header.tensors.append(
        TensorInfo(name=name, dtype=dtype, shape=shape, elements=elements, bytes=end - start)
    )
    header.spans.append((start, end))
    return start, end


def _entry(entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    if type(entry) is not jsons.JsonObject:
        raise ValueError("its entry is not an object")
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or not dtype:
        raise ValueError("its dtype is not text")
    if not isinstance(shape, list) or len(shape) > MAX_RANK or not all(map(_is_dimension, shape)):
        raise ValueError("its shape is not a list of sizes")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_dimension, offsets)):
        raise ValueError("its data_offsets are not two positions")
    if offsets[0] > offsets[1]:
        raise ValueError("its data ends before it starts")
    return dtypes.canonical(dtype), tuple(shape), offsets[0], offsets[1]


def _is_dimension(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_DIMENSION


def _check_tiling(spans: list[tuple[int, int]], header: SafetensorsHeader, file_bytes: int | None) -> None:
    """Tensors follow each other without a gap and end with the file."""
    for code, message in itertools.islice(_tiling_faults(spans), 5):
        header.faults.append(Fault(code=code, message=message, hostile=True))
    header.data_bytes = spans[-1][1] if spans else 0
    if file_bytes is None:
        return
    available = file_bytes - 8 - header.header_bytes
    if header.data_bytes > available:
        message = f"tensors need {header.data_bytes:,} bytes, the file has {available:,}: it is cut off"
        header.faults.append(Fault(code="truncated", message=message))
    elif header.data_bytes < available:
        message = f"{available - header.data_bytes:,} bytes after the last tensor belong to none"
        header.faults.append(Fault(code="trailing-bytes", message=message, hostile=True))


def _tiling_faults(spans: list[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    reached = 0
    for start, end in spans:
        if start < reached:
            yield "offsets-overlap", f"bytes {start} to {min(reached, end)} belong to two tensors"
        elif start > reached:
            yield "offsets-hole", f"bytes {reached} to {start} belong to no tensor"
        reached = max(reached, end)
