"""The stack, the marks, the frames and the memo of a pickle: what its opcodes move nodes on.

Source: CPython Modules/_pickle.c and Lib/pickle.py `_Unpickler`, whose order of operations this keeps.
"""

from __future__ import annotations

import struct
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from crawler.formats.byte_streams import ByteStream

MAX_OPCODES = 3_000_000
MAX_VALUES = 1_000_000
MAX_INTEGER_DIGITS = 40
HIGHEST_PROTOCOL = 5
NO_FRAME = 1 << 65

_U32, _U64 = (struct.Struct(code) for code in ("<I", "<Q"))


class Stopped(Exception):
    """The STOP opcode."""


class Stack:
    """Of one pickle, one method for each opcode that only moves what is there."""

    def __init__(self, stream: ByteStream) -> None:
        self.protocol = 0
        self.opcodes = 0
        self._stream = stream
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []
        self._held = 0
        self._memo: dict[int, Any] = {}
        self._frame_end = NO_FRAME
        self._has_lying_frame = False

    def _check(self) -> None:
        if self.opcodes > MAX_OPCODES:
            raise LimitExceeded("opcodes of a pickle", limit=MAX_OPCODES, found=self.opcodes)
        values = len(self._stack) + len(self._memo) + self._held + len(self._outer)
        if values > MAX_VALUES:
            raise LimitExceeded(
                "values on the stack and in the memo of a pickle", limit=MAX_VALUES, found=values
            )
        self._stream.check_time()

    def _pop(self) -> Any:
        if not self._stack:
            raise Malformed("a pickle that takes from its empty stack", where=str(self._stream.position))
        return self._stack.pop()

    def _top(self) -> Any:
        if not self._stack:
            raise Malformed("a pickle that looks at its empty stack", where=str(self._stream.position))
        return self._stack[-1]

    def _to_mark(self) -> list[Any]:
        if not self._outer:
            raise Malformed("a pickle without the mark that it needs", where=str(self._stream.position))
        items = self._stack
        self._stack = self._outer.pop()
        self._held -= len(self._stack)
        return items

    def mark(self) -> None:
        self._held += len(self._stack)
        self._outer.append(self._stack)
        self._stack = []

    def pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._to_mark()

    def pop_mark(self) -> None:
        self._to_mark()

    def _push_again(self, value: Any) -> None:
        self._stack.append(value)

    def duplicate(self) -> None:
        self._push_again(self._top())

    def stop(self) -> None:
        if self._has_lying_frame:
            raise Malformed("a frame that ends inside a value", where=str(self._stream.position))
        raise Stopped

    def proto(self) -> None:
        protocol = self._stream.take(1)[0]
        if protocol > HIGHEST_PROTOCOL:
            raise Malformed(f"pickle protocol {protocol}", where=str(self._stream.position))
        self.protocol = max(self.protocol, protocol)

    def frame(self) -> None:
        length = _U64.unpack(self._stream.take(8))[0]
        if self._stream.position < self._frame_end < NO_FRAME:
            self._has_lying_frame = True
        self._frame_end = self._stream.position + length

    def _leave_frame(self) -> None:
        """A frame that ends inside an opcode: CPython's two unpicklers disagree what comes next, and one loses bytes."""
        self._has_lying_frame |= self._stream.position > self._frame_end
        self._frame_end = NO_FRAME

    # Memo

    def put(self) -> None:
        self._memo[self._line_integer()] = self._top()

    def put_1(self) -> None:
        self._memo[self._stream.take(1)[0]] = self._top()

    def put_4(self) -> None:
        self._memo[_U32.unpack(self._stream.take(4))[0]] = self._top()

    def memoize(self) -> None:
        self._memo[len(self._memo)] = self._top()

    def get(self) -> None:
        self._recall(self._line_integer())

    def get_1(self) -> None:
        self._recall(self._stream.take(1)[0])

    def get_4(self) -> None:
        self._recall(_U32.unpack(self._stream.take(4))[0])

    def _recall(self, index: int) -> None:
        if index not in self._memo:
            raise Malformed(f"a pickle that recalls memo entry {index}, which is not there")
        self._push_again(self._memo[index])

    def _line_integer(self) -> int:
        line = self._stream.line(MAX_INTEGER_DIGITS)
        try:
            return int(line)
        except ValueError:
            raise Malformed("a memo index that is no number", where=str(self._stream.position)) from None
