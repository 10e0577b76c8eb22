"""The values that opcodes of a pickle push: numbers, texts, bytes and containers.

Source: CPython Modules/_pickle.c and Lib/pickle.py `_Unpickler`, whose order of operations this keeps.
"""

from __future__ import annotations

import struct
from typing import Any

from catalog.errors import Malformed
from crawler.formats.byte_streams import ByteStream
from crawler.formats.pickle_literals import MAY_HIDE_A_PICKLE, decoded, hidden_pickle, unescaped
from crawler.formats.pickle_nodes import Clipped, Dict, Set
from crawler.formats.pickle_stack import MAX_INTEGER_DIGITS, Stack

MAX_LITERAL_BYTES = 64 * 1024
MAX_LINE_BYTES = 64 * 1024
MAX_INTEGER_BYTES = 64
MAX_LITERALS_SCANNED = 64

_U16, _U32, _I32, _U64, _F64 = (struct.Struct(code) for code in ("<H", "<I", "<i", "<Q", ">d"))


class ValueStack(Stack):
    """The stack with a method for each opcode that pushes a new value. `literals` are those that hide a pickle."""

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(stream)
        self.literals: list[bytes] = []

    # Plain values

    def none(self) -> None:
        self._stack.append(None)

    def true(self) -> None:
        self._stack.append(True)

    def false(self) -> None:
        self._stack.append(False)

    def int_line(self) -> None:
        line = self._stream.line(MAX_LINE_BYTES)
        if line in {b"00", b"01"}:
            self._stack.append(line == b"01")
        else:
            self._decimal(line)

    def long_line(self) -> None:
        self._decimal(self._stream.line(MAX_LINE_BYTES).rstrip(b"L"))

    def _decimal(self, line: bytes) -> None:
        if len(line) > MAX_INTEGER_DIGITS:
            self._stack.append(Clipped("int", line[:MAX_INTEGER_DIGITS], len(line), self._stream.position))
            return
        try:
            self._stack.append(int(line, 0))
        except ValueError:
            try:
                self._stack.append(int(line))
            except ValueError:
                raise Malformed("a number that is none", where=str(self._stream.position)) from None

    def int_1(self) -> None:
        self._stack.append(self._stream.take(1)[0])

    def int_2(self) -> None:
        self._stack.append(_U16.unpack(self._stream.take(2))[0])

    def int_4(self) -> None:
        self._stack.append(_I32.unpack(self._stream.take(4))[0])

    def long_1(self) -> None:
        self._long(self._stream.take(1)[0])

    def long_4(self) -> None:
        length = _I32.unpack(self._stream.take(4))[0]
        if length < 0:
            raise Malformed("a number of negative length", where=str(self._stream.position))
        self._long(length)

    def _long(self, length: int) -> None:
        if length <= MAX_INTEGER_BYTES:
            self._stack.append(int.from_bytes(self._stream.take(length), "little", signed=True))
            return
        self._stack.append(self._clipped("int", length, MAX_INTEGER_BYTES))

    def float_line(self) -> None:
        line = self._stream.line(MAX_LINE_BYTES)
        try:
            self._stack.append(float(line[:100]))
        except ValueError:
            raise Malformed("a number that is none", where=str(self._stream.position)) from None

    def float_8(self) -> None:
        self._stack.append(_F64.unpack(self._stream.take(8))[0])

    # Texts and bytes

    def text_1(self) -> None:
        self._text(self._stream.take(1)[0])

    def text_4(self) -> None:
        self._text(_U32.unpack(self._stream.take(4))[0])

    def text_8(self) -> None:
        self._text(_U64.unpack(self._stream.take(8))[0])

    def text_line(self) -> None:
        line = self._stream.line(MAX_LINE_BYTES)
        text = line.decode("raw-unicode-escape", errors="replace")
        self._stack.append(text.encode("utf-8", errors="replace").decode("utf-8"))

    def _text(self, length: int) -> None:
        if length > MAX_LITERAL_BYTES:
            clipped = self._clipped("str", length, MAX_LITERAL_BYTES)
            self._scan_later(clipped.head)
            self._stack.append(clipped)
            return
        raw = self._stream.take(length)
        self._scan_later(raw)
        self._stack.append(decoded(raw))

    def string_line(self) -> None:
        line = self._stream.line(MAX_LINE_BYTES).strip()
        if len(line) < 2 or line[:1] not in {b"'", b'"'} or line[-1:] != line[:1]:
            raise Malformed("a quoted text without its quotes", where=str(self._stream.position))
        self._stack.append(unescaped(line[1:-1]))

    def string_1(self) -> None:
        self._bytes(self._stream.take(1)[0], text=True)

    def string_4(self) -> None:
        length = _I32.unpack(self._stream.take(4))[0]
        if length < 0:
            raise Malformed("a text of negative length", where=str(self._stream.position))
        self._bytes(length, text=True)

    def bytes_1(self) -> None:
        self._bytes(self._stream.take(1)[0])

    def bytes_4(self) -> None:
        self._bytes(_U32.unpack(self._stream.take(4))[0])

    def bytes_8(self) -> None:
        self._bytes(_U64.unpack(self._stream.take(8))[0])

    def _bytes(self, length: int, *, text: bool = False) -> None:
        if length > MAX_LITERAL_BYTES:
            clipped = self._clipped("str" if text else "bytes", length, MAX_LITERAL_BYTES)
            self._scan_later(clipped.head)
            self._stack.append(clipped)
            return
        raw = self._stream.take(length)
        self._scan_later(raw)
        self._stack.append(raw.decode("latin-1") if text else raw)

    def _clipped(self, kind: str, length: int, keep: int) -> Clipped:
        offset = self._stream.position
        head = self._stream.take_up_to(min(length, keep))
        self._stream.skip(length - len(head))
        return Clipped(kind, head, length, offset)

    def _scan_later(self, raw: bytes) -> None:
        """Remembers a literal that hides a pickle: something may load it."""
        if raw[:1] in MAY_HIDE_A_PICKLE and len(self.literals) < MAX_LITERALS_SCANNED:
            hidden = hidden_pickle(raw)
            if hidden:
                self.literals.append(hidden)

    # Containers

    def empty_tuple(self) -> None:
        self._stack.append(())

    def tuple_1(self) -> None:
        self._stack.append((self._pop(),))

    def tuple_2(self) -> None:
        second = self._pop()
        self._stack.append((self._pop(), second))

    def tuple_3(self) -> None:
        third = self._pop()
        second = self._pop()
        self._stack.append((self._pop(), second, third))

    def tuple_mark(self) -> None:
        items = tuple(self._to_mark())
        self._stack.append(items)

    def empty_list(self) -> None:
        self._stack.append([])

    def list_mark(self) -> None:
        items = self._to_mark()
        self._stack.append(items)

    def empty_dict(self) -> None:
        self._stack.append(Dict())

    def dict_mark(self) -> None:
        items = self._to_mark()
        pairs = Dict()
        add_pairs(pairs, items)
        self._stack.append(pairs)

    def empty_set(self) -> None:
        self._stack.append(Set())

    def frozen_set(self) -> None:
        items = self._to_mark()
        self._stack.append(Set(items))


def add_pairs(target: Dict, items: list[Any]) -> None:
    if len(items) % 2:
        raise Malformed("a dictionary with a key that has no value")
    for position in range(0, len(items), 2):
        target.add(items[position], items[position + 1])
