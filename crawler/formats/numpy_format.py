"""The header of a NumPy array file: shape and dtype, and whether a pickle follows.

Source: NumPy `numpy/lib/format.py`, format versions 1.0 to 3.0.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass
from crawler.formats.dtypes import of_numpy
from crawler.formats.pickle_arrays import shape_of

MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 64 * 1024
_LONG = re.compile(r"(\d)L\b")  # Python 2 wrote shapes as (3L, 4L)
_SIZE = re.compile(r"(\d{1,9})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class NpyHeader:
    """One array: its elements begin at `data_offset`. With `has_objects` a pickle begins there."""

    shape: tuple[int, ...]
    dtype: str
    item_bytes: int | None
    fortran_order: bool
    data_offset: int
    has_objects: bool

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int | None:
        return None if self.item_bytes is None else self.item_bytes * self.elements


def header_bytes(start: bytes) -> int:
    """How many bytes the whole header has, from its first 12. Raises Malformed, LimitExceeded."""
    if start[:6] != MAGIC or len(start) < 12:
        raise Malformed("not a NumPy array file")
    length = int.from_bytes(start[8:10], "little") + 10
    if start[6] >= 2:
        length = int.from_bytes(start[8:12], "little") + 12
    if start[6] not in {1, 2, 3}:
        raise Malformed(f"a NumPy array file of version {start[6]}")
    if length > MAX_HEADER_BYTES:
        raise LimitExceeded("bytes of a NumPy header", limit=MAX_HEADER_BYTES, found=length)
    return length


def parse_header(data: bytes) -> NpyHeader:
    """The header out of its `header_bytes` bytes. Raises Malformed, LimitExceeded."""
    length = header_bytes(data)
    if len(data) < length:
        raise Malformed("a NumPy header that is cut off")
    text = data[12 if data[6] >= 2 else 10 : length].decode(
        "utf-8" if data[6] == 3 else "latin-1", errors="replace"
    )
    fields = _literal(text)
    shape = shape_of(fields.get("shape"))
    if shape is None or "descr" not in fields:
        raise Malformed("a NumPy header without a possible shape and dtype")
    dtype, item_bytes, has_objects = _described(fields["descr"])
    return NpyHeader(
        shape=shape,
        dtype=dtype,
        item_bytes=item_bytes,
        fortran_order=fields.get("fortran_order") is True,
        data_offset=length,
        has_objects=has_objects,
    )


def _literal(text: str) -> dict[Any, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in a hostile header
            value = ast.literal_eval(_LONG.sub(r"\1", text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise Malformed(f"a NumPy header that is no Python literal: {type(error).__name__}") from None
    if not isinstance(value, dict):
        raise Malformed("a NumPy header that is no dictionary")
    return value


def _described(descr: Any) -> tuple[str, int | None, bool]:
    """Dtype, bytes of an element, and whether it holds objects."""
    if isinstance(descr, str):
        code = descr.lstrip("<>|=")
        return of_numpy(descr), _item_bytes(code), code.startswith("O")
    total, objects, known = 0, False, True
    waiting: list[Any] = list(descr) if isinstance(descr, list) else [None]
    looked = 0
    while waiting and looked < 10_000:  # a structured dtype is a list of (name, dtype, shape)
        field = waiting.pop()
        looked += 1
        kind = field[1] if isinstance(field, tuple) and len(field) >= 2 else None
        if isinstance(kind, list):
            waiting.extend(kind)
            continue
        code = kind.lstrip("<>|=") if isinstance(kind, str) else ""
        size = _item_bytes(code)
        shape = shape_of(field[2]) if isinstance(field, tuple) and len(field) == 3 else ()
        objects = objects or code.startswith("O")
        known = known and size is not None and shape is not None
        total += (size or 0) * math.prod(shape or ())
    return "STRUCT", total if known else None, objects or not known


def _item_bytes(code: str) -> int | None:
    match = _SIZE.search(code)
    if match is None:
        return 1 if code in {"?", "b", "B"} else None
    return int(match[1]) * (4 if code[:1] == "U" else 1)
