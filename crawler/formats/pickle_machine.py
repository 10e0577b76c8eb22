"""The stack machine of `pickles`: one method per opcode, all of them building nodes.

Those that move what is there are in `pickle_stack`, those that push new values in `pickle_value_stack`; what imports, calls or
changes something is here, and what a loader would do then is noted in `pickle_calls`.

Source: CPython Modules/_pickle.c `load` and Lib/pickle.py `_Unpickler`, whose order of operations this keeps.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from catalog.errors import LimitExceeded, Malformed, Unsupported
from crawler.formats.byte_streams import ByteStream
from crawler.formats.pickle_arrays import (
    is_array_wrapper,
    is_exact_wrapper,
    is_wrapper_class,
    joblib_array,
    mentions_wrapper,
)
from crawler.formats.pickle_calls import Calls
from crawler.formats.pickle_literals import decoded
from crawler.formats.pickle_nodes import Array, Call, Dict, Global, Opaque, Persistent, Set
from crawler.formats.pickle_stack import Stopped
from crawler.formats.pickle_value_stack import MAX_LINE_BYTES, ValueStack, add_pairs

TICK_OPCODES = 16_384

_CONSTRUCTORS = frozenset(
    {"copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__", "copy_reg.__newobj__"}
)
_REBUILD_FROM_TYPE = frozenset({"torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type"})
_ARRAY_MAKERS = frozenset(
    {"dill._dill._create_array", "dill.dill._create_array", "jax._src.array._reconstruct_array"}
)
"""They call the first argument with the second and set the third as the state of what comes out.

Source: uqfoundation/dill dill/_dill.py; jax-ml/jax jax/_src/array.py.
"""

_U16, _I32 = struct.Struct("<H"), struct.Struct("<i")


class Machine(ValueStack):
    """Runs one pickle. What was found so far stays readable when `run` raises."""

    def __init__(self, stream: ByteStream, *, arrays: bool) -> None:
        super().__init__(stream)
        self.calls = Calls()
        self.inexact = False
        """Whether an array in the stream is announced in a way in which joblib does not announce it."""
        self.arrays: list[Array] = []
        self._joblib = arrays
        self._pending: list[tuple[Array, list[Any], list[list[Any]], dict[int, Any]]] = []
        self._knows_wrapper = False
        self._wrapper_classes = 0  # on the stack by import or recall, less those that made an array's wrapper

    def run(self) -> Any:
        """The pickled value as nodes. Raises Malformed, LimitExceeded."""
        try:
            return self._run()
        finally:
            self.calls.settle()
            if self._joblib and self._wrapper_classes:
                self.inexact = True

    def _run(self) -> Any:
        stream, table = self._stream, _TABLE
        while True:
            if stream.position >= self._frame_end:
                self._leave_frame()
            if stream.index < len(stream.buffer):
                code = stream.buffer[stream.index]
                stream.index += 1
            else:
                code = stream.take(1)[0]
            method = table[code]
            if method is None:
                raise Malformed(f"no pickle opcode: {code:#04x}", where=str(stream.position - 1))
            self.opcodes += 1
            if not self.opcodes % TICK_OPCODES:
                self._check()
            try:
                method(self)
            except Stopped:
                value = self._pop()
                if not self._pending:
                    return value
                self._resume(value)

    def bottom(self) -> Any:
        """What lies deepest on the stack: of a pickle that broke off, usually the object it was building."""
        inner, outer = (
            (self._pending[0][1], self._pending[0][2]) if self._pending else (self._stack, self._outer)
        )
        return next((stack[0] for stack in (*outer, inner) if stack), None)

    def _push_again(self, value: Any) -> None:
        self._wrapper_classes += self._joblib and is_wrapper_class(value)
        self._stack.append(value)

    # What is added to what is there

    def append(self) -> None:
        item = self._pop()
        self._extend(self._top(), [item])

    def appends(self) -> None:
        items = self._to_mark()
        self._extend(self._top(), items)

    def add_items(self) -> None:
        items = self._to_mark()
        self._extend(self._top(), items)

    def _extend(self, target: Any, items: list[Any]) -> None:
        if type(target) is list:
            target.extend(items)
        elif type(target) is Set:
            target.items.extend(items)
        elif type(target) is Call:
            if target.items is None:
                target.items = []
            target.items.extend(items)
        else:
            self.calls.note_change(target)

    def set_item(self) -> None:
        value = self._pop()
        key = self._pop()
        self._set_pairs(self._top(), [key, value])

    def set_items(self) -> None:
        items = self._to_mark()
        self._set_pairs(self._top(), items)

    def _set_pairs(self, target: Any, items: list[Any]) -> None:
        if type(target) is Dict:
            add_pairs(target, items)
        elif type(target) is Call:
            if target.pairs is None:
                target.pairs = Dict()
            add_pairs(target.pairs, items)
        else:
            self.calls.note_change(target)

    # Imports and calls

    def global_line(self) -> None:
        module = decoded(self._stream.line(MAX_LINE_BYTES))
        name = decoded(self._stream.line(MAX_LINE_BYTES))
        self._stack.append(self._import(module, name))

    def stack_global(self) -> None:
        name = self._pop()
        module = self._pop()
        self._stack.append(self._import(module, name))

    def extension_1(self) -> None:
        self._extension(self._stream.take(1)[0])

    def extension_2(self) -> None:
        self._extension(_U16.unpack(self._stream.take(2))[0])

    def extension_4(self) -> None:
        self._extension(_I32.unpack(self._stream.take(4))[0])

    def _extension(self, code: int) -> None:
        self._stack.append(self._import("<extension>", str(code)))

    def _import(self, module: Any, name: Any) -> Global:
        imported = self.calls.note_import(module, name)
        self._wrapper_classes += self._joblib and is_wrapper_class(imported)
        self._knows_wrapper = self._knows_wrapper or is_wrapper_class(imported)
        return imported

    def reduce(self) -> None:
        args = self._pop()
        self._call(self._pop(), args)

    def new_object(self) -> None:
        args = self._pop()
        callee = self._pop()
        if type(callee) is Global and type(args) is tuple and not args:
            self._make(callee)
        else:
            self._call(callee, args)

    def _make(self, callee: Global) -> None:
        """An empty object: `cls.__new__(cls)`, which fails for what is no class."""
        self.calls.imports[callee.full].made = True
        self._wrapper_classes -= self._joblib and is_wrapper_class(callee)
        self._stack.append(Call(callee, ()))

    def new_object_keywords(self) -> None:
        keywords = self._pop()
        args = self._pop()
        self._call(self._pop(), args, keywords)

    def obj(self) -> None:
        items = self._to_mark()
        if not items:
            raise Malformed("an object without its class", where=str(self._stream.position))
        self._call(items[0], tuple(items[1:]))

    def inst(self) -> None:
        module = decoded(self._stream.line(MAX_LINE_BYTES))
        name = decoded(self._stream.line(MAX_LINE_BYTES))
        args = tuple(self._to_mark())
        self._call(self._import(module, name), args)

    def _call(self, callee: Any, args: Any, keywords: Any = None) -> None:
        if type(callee) is Global and callee.full in _CONSTRUCTORS and type(args) is tuple and len(args) > 0:
            self.calls.imports[callee.full].called = True
            if _is_plain_construction(args):
                self._make(args[0])
                return
            callee, args = args[0], args[1:]  # what protocols 0 and 1 write for NEWOBJ
        call = Call(callee, args, keywords)
        self.calls.note_call(callee, args, keywords)
        self.calls.note_access(call)
        name = callee.full if type(callee) is Global and type(args) is tuple else ""
        if name in _REBUILD_FROM_TYPE and args:
            self.calls.note_call(
                args[0], args[2] if len(args) > 2 else ()
            )  # torch calls the first with the third
        elif name in _ARRAY_MAKERS and len(args) > 2:
            self.calls.note_call(args[0], args[1])
            call = Call(args[0], args[1])
            call.state = args[2]
        self._stack.append(call)

    def build(self) -> None:
        state = self._pop()
        target = self._top()
        if type(target) is Call:
            is_second = target.state is not None
            target.state = state
            self.calls.note_other_class(state)
            announces = self._knows_wrapper and (is_array_wrapper(target) or mentions_wrapper(target))
            if self._joblib and announces:
                if is_second or not is_exact_wrapper(target):
                    self.inexact = True
                    raise Unsupported("an array announced in a way in which joblib does not announce it")
                self._read_array(target)
        else:
            self.calls.note_change(target)

    def persistent_line(self) -> None:
        self._stack.append(Persistent(decoded(self._stream.line(MAX_LINE_BYTES))))

    def persistent(self) -> None:
        identity = self._pop()
        is_module = type(identity) is tuple and len(identity) > 1 and identity[0] in ("module", b"module")
        # torch takes the class out of what it wrote with the class's source beside it
        self._stack.append(identity[1] if is_module else Persistent(identity))

    def next_buffer(self) -> None:
        self._stack.append(Opaque("buffer"))

    def read_only_buffer(self) -> None:
        self._top()

    # Arrays inside the stream

    def _read_array(self, wrapper: Call) -> None:
        if self._stream.position >= self._frame_end:
            self._leave_frame()  # joblib ends the frame before it writes the array
        array = joblib_array(wrapper, self._stream)
        self.arrays.append(array)
        self._stack[-1] = array
        if array.dtype == "OBJECT":  # a whole pickle follows, with its own stack and memo
            if len(self._pending) >= 64:
                raise LimitExceeded("arrays of objects inside each other", limit=64)
            self._pending.append((array, self._stack, self._outer, self._memo))
            self._held += len(self._stack) + len(self._memo)
            self._stack, self._outer, self._memo = [], [], {}
            self._joblib = False  # joblib reads it with pickle.load

    def _resume(self, value: Any) -> None:
        array, self._stack, self._outer, self._memo = self._pending.pop()
        self._held -= len(self._stack) + len(self._memo)
        array.value = value
        self._joblib = not self._pending


def _is_plain_construction(args: tuple[Any, ...]) -> bool:
    """`copyreg._reconstructor(cls, object, None)` and `copyreg.__newobj__(cls)`: an empty object."""
    if type(args[0]) is not Global:
        return False
    if len(args) == 1:
        return True
    base = args[1]
    plain = type(base) is Global and base.full in {"builtins.object", "__builtin__.object"}
    return plain and args[2:] == (None,)


_METHODS: dict[bytes, Callable[[Machine], None]] = {
    b"(": Machine.mark,
    b".": Machine.stop,
    b"0": Machine.pop,
    b"1": Machine.pop_mark,
    b"2": Machine.duplicate,
    b"F": Machine.float_line,
    b"I": Machine.int_line,
    b"J": Machine.int_4,
    b"K": Machine.int_1,
    b"L": Machine.long_line,
    b"M": Machine.int_2,
    b"N": Machine.none,
    b"P": Machine.persistent_line,
    b"Q": Machine.persistent,
    b"R": Machine.reduce,
    b"S": Machine.string_line,
    b"T": Machine.string_4,
    b"U": Machine.string_1,
    b"V": Machine.text_line,
    b"X": Machine.text_4,
    b"a": Machine.append,
    b"b": Machine.build,
    b"c": Machine.global_line,
    b"d": Machine.dict_mark,
    b"}": Machine.empty_dict,
    b"e": Machine.appends,
    b"g": Machine.get,
    b"h": Machine.get_1,
    b"i": Machine.inst,
    b"j": Machine.get_4,
    b"l": Machine.list_mark,
    b"]": Machine.empty_list,
    b"o": Machine.obj,
    b"p": Machine.put,
    b"q": Machine.put_1,
    b"r": Machine.put_4,
    b"s": Machine.set_item,
    b"t": Machine.tuple_mark,
    b")": Machine.empty_tuple,
    b"u": Machine.set_items,
    b"G": Machine.float_8,
    b"\x80": Machine.proto,
    b"\x81": Machine.new_object,
    b"\x82": Machine.extension_1,
    b"\x83": Machine.extension_2,
    b"\x84": Machine.extension_4,
    b"\x85": Machine.tuple_1,
    b"\x86": Machine.tuple_2,
    b"\x87": Machine.tuple_3,
    b"\x88": Machine.true,
    b"\x89": Machine.false,
    b"\x8a": Machine.long_1,
    b"\x8b": Machine.long_4,
    b"B": Machine.bytes_4,
    b"C": Machine.bytes_1,
    b"\x8c": Machine.text_1,
    b"\x8d": Machine.text_8,
    b"\x8e": Machine.bytes_8,
    b"\x8f": Machine.empty_set,
    b"\x90": Machine.add_items,
    b"\x91": Machine.frozen_set,
    b"\x92": Machine.new_object_keywords,
    b"\x93": Machine.stack_global,
    b"\x94": Machine.memoize,
    b"\x95": Machine.frame,
    b"\x96": Machine.bytes_8,
    b"\x97": Machine.next_buffer,
    b"\x98": Machine.read_only_buffer,
}
_TABLE: list[Callable[[Machine], None] | None] = [_METHODS.get(bytes([code])) for code in range(256)]


def is_opcode(code: int) -> bool:
    """Whether a pickle may have this byte where an opcode is due."""
    return _TABLE[code] is not None
