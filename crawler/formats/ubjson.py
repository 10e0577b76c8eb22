"""Universal Binary JSON as XGBoost writes it: long typed arrays are counted, not read.

Source: ubjson.org/type-reference (big-endian numbers, optimised containers with `$` type and `#` count).
"""

from __future__ import annotations

import struct
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass

MAX_DEPTH = 64
MAX_NODES = 1_000_000
MAX_KEY_BYTES = 4096
MAX_TEXT_BYTES = 1024 * 1024
KEPT_ELEMENTS = 1024
"""Arrays longer than this are given as `Skipped`; feature names and class lists of most models are shorter."""

_NUMBERS = {code: struct.Struct(">" + letter) for code, letter in zip(b"iUIlLdD", "bBhiqfd", strict=True)}
_WORDS = {ord("Z"): None, ord("T"): True, ord("F"): False}


@dataclass(frozen=True, slots=True)
class Skipped:
    """An array that was not built: how many elements it has."""

    elements: int


class _EndOfDataError(Exception):
    """The bytes end within a value."""


def load(data: bytes, *, truncated: bool = False) -> Any:
    """The value of one document. With `truncated`, what the bytes hold of it up to where they end.

    Raises Malformed, LimitExceeded.
    """
    parser = _Parser(data)
    try:
        return parser.parse()
    except _EndOfDataError:
        if truncated and parser.root is not None:
            return parser.root
        raise Malformed("UBJSON is cut off", where=f"byte {parser.at}") from None


@dataclass(slots=True)
class _Container:
    value: dict[str, Any] | list[Any]
    kind: int | None  # the element type of an optimised container
    left: int | None  # elements still to come, None when a bracket ends it


class _Parser:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self.root: Any = None
        self._nodes = 0
        self._stack: list[_Container] = []

    def parse(self) -> Any:
        opened, value = self._value(self._byte())
        if not opened:
            return value
        while self._stack:
            self._step(self._stack[-1])
        return self.root

    def _step(self, container: _Container) -> None:
        """One member of the innermost container, or its end."""
        if container.left == 0:
            self._stack.pop()
            return
        if container.left is None and self._peek() == ord("}" if isinstance(container.value, dict) else "]"):
            self.at += 1
            self._stack.pop()
            return
        if container.left is not None:
            container.left -= 1
        members = container.value
        if isinstance(members, dict):
            key = self._key()
            members[key] = self._member(container)
        else:
            value = self._member(container)
            if len(members) < KEPT_ELEMENTS:
                members.append(value)

    def _member(self, container: _Container) -> Any:
        """The value at hand. A container comes back empty and is filled by the steps that follow."""
        return self._value(container.kind if container.kind is not None else self._byte())[1]

    def _value(self, marker: int) -> tuple[bool, Any]:
        """A scalar, or a container that has been opened and put on the stack."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise LimitExceeded("values of a UBJSON document", limit=MAX_NODES)
        if marker in _NUMBERS:
            return False, self._number(marker)
        if marker in _WORDS:
            return False, _WORDS[marker]
        if marker in b"SH":
            return False, self._text(MAX_TEXT_BYTES)
        if marker == ord("C"):
            return False, chr(self._byte())
        if marker == ord("{"):
            return self._open({})
        if marker == ord("["):
            return self._open([])
        if marker == ord("N"):
            return self._value(self._byte()) if self._peek() != ord("N") else (False, None)
        raise Malformed(f"UBJSON type {chr(marker)!r}", where=f"byte {self.at - 1}")

    def _open(self, value: dict[str, Any] | list[Any]) -> tuple[bool, Any]:
        if len(self._stack) >= MAX_DEPTH:
            raise LimitExceeded("depth of a UBJSON document", limit=MAX_DEPTH)
        kind, count = None, None
        if self._peek() == ord("$"):
            self.at += 1
            kind = self._byte()
        if self._peek() == ord("#"):
            self.at += 1
            count = self._length()
        elif kind is not None:
            raise Malformed("a typed UBJSON container without a count", where=f"byte {self.at}")
        if isinstance(value, list) and kind is not None and kind in _NUMBERS and count is not None:
            return self._numbers(kind, count)
        if kind is not None and kind in _WORDS and count is not None:
            return False, Skipped(count)
        self._stack.append(_Container(value, kind, count))
        if self.root is None:
            self.root = value
        return True, value

    def _numbers(self, kind: int, count: int) -> tuple[bool, Any]:
        """A typed array of numbers: read when it is short, else hopped over."""
        scalar = _NUMBERS[kind]
        end = self.at + count * scalar.size
        if end > len(self._data):
            self.at = len(self._data)
            raise _EndOfDataError
        start, self.at = self.at, end
        if count > KEPT_ELEMENTS:
            return False, Skipped(count)
        return False, list(struct.unpack(f">{count}{scalar.format[1:]}", self._data[start:end]))

    def _number(self, marker: int) -> int | float:
        scalar = _NUMBERS[marker]
        value: int | float = scalar.unpack(self._take(scalar.size))[0]
        return value

    def _length(self) -> int:
        marker = self._byte()
        if marker not in b"iUIlL":
            raise Malformed("a UBJSON length that is no integer", where=f"byte {self.at - 1}")
        length = int(self._number(marker))
        if length < 0:
            raise Malformed(f"a UBJSON length of {length}", where=f"byte {self.at}")
        return length

    def _key(self) -> str:
        return self._text(MAX_KEY_BYTES)

    def _text(self, limit: int) -> str:
        length = self._length()
        if length > limit:
            raise LimitExceeded("bytes of a UBJSON text", limit=limit, found=length)
        return self._take(length).decode("utf-8", errors="replace")

    def _take(self, length: int) -> bytes:
        if self.at + length > len(self._data):
            raise _EndOfDataError
        self.at += length
        return self._data[self.at - length : self.at]

    def _byte(self) -> int:
        return self._take(1)[0]

    def _peek(self) -> int:
        if self.at >= len(self._data):
            raise _EndOfDataError
        return self._data[self.at]
