"""The stack machine of `pickles`: one method per opcode, all of them building nodes.

Source: CPython Modules/_pickle.c `load` and Lib/pickle.py `_Unpickler`, whose order of operations this keeps.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from catalog.errors import LimitExceeded, Malformed, Unsupported
from catalog.lazy_dataclasses import dataclass
from crawler.formats.byte_streams import ByteStream
from crawler.formats.pickle_arrays import (
    is_array_wrapper,
    is_exact_wrapper,
    is_wrapper_class,
    joblib_array,
    mentions_wrapper,
)
from crawler.formats.pickle_literals import (
    COMPUTED,
    MAY_HIDE_A_PICKLE,
    decoded,
    described,
    hidden_pickle,
    unescaped,
)
from crawler.formats.pickle_nodes import Array, Call, Clipped, Dict, Global, Opaque, Persistent, Set

MAX_OPCODES = 3_000_000
MAX_VALUES = 1_000_000
MAX_LITERAL_BYTES = 64 * 1024
MAX_LINE_BYTES = 64 * 1024
MAX_NAME_CHARACTERS = 1_000
MAX_INTEGER_BYTES = 64
MAX_INTEGER_DIGITS = 40
MAX_IMPORTS = 10_000
MAX_COMPUTED = 100
MAX_LITERALS_SCANNED = 64
MAX_ARGUMENTS_LOOKED_AT = 200
HIGHEST_PROTOCOL = 5
TICK_OPCODES = 16_384
NO_FRAME = 1 << 65

_CONSTRUCTORS = frozenset(
    {"copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__", "copy_reg.__newobj__"}
)
_GETATTR = frozenset({"builtins.getattr", "__builtin__.getattr"})
_REBUILD_FROM_TYPE = frozenset({"torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type"})
_ARRAY_MAKERS = frozenset(
    {"dill._dill._create_array", "dill.dill._create_array", "jax._src.array._reconstruct_array"}
)
"""They call the first argument with the second and set the third as the state of what comes out.

Source: uqfoundation/dill dill/_dill.py; jax-ml/jax jax/_src/array.py.
"""
_KEEP_THEIR_ARGUMENTS = _GETATTR | {
    *("functools.partial", "collections.defaultdict", "numpy.vectorize"),
    *("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"),
}
"""They do not call what they are given, not while the file is loaded."""
_MAKE_EMPTY = ("newObj",)
"""Beside Cython's `__pyx_unpickle_…`, functions that make an empty object of the class that they are given."""
_CLASS_OF_INSTANCE = "__class__"

_U16, _U32, _I32, _U64, _F64 = (struct.Struct(code) for code in ("<H", "<I", "<i", "<Q", ">d"))


@dataclass(slots=True, eq=False, repr=False)
class Import:
    """One name that a loader would import, and what it would do with it.

    `called`: with arguments, or by something that it is handed to. `filled`: called with texts, or with what only the
    loader knows. `made`: an empty object of the class, without a call. `changed`: something is set on it.
    """

    module: str
    name: str
    called: bool = False
    filled: bool = False
    made: bool = False
    changed: bool = False

    @property
    def full(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False, repr=False)
class Access:
    """One attribute that a loader would take from something with `getattr`, and whether it would call it."""

    owner: Any
    name: str
    described: str
    called: bool = False


class Stopped(Exception):
    """The STOP opcode."""


class Machine:
    """Runs one pickle. What was found so far stays readable when `run` raises."""

    def __init__(self, stream: ByteStream, *, arrays: bool) -> None:
        self.protocol = 0
        self.opcodes = 0
        self.imports: dict[str, Import] = {}
        self.computed: list[str] = []
        self.accesses: list[Access] = []
        self.inexact = False
        """Whether an array in the stream is announced in a way in which joblib does not announce it."""
        self.arrays: list[Array] = []
        self.literals: list[bytes] = []
        self._stream = stream
        self._joblib = arrays
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []
        self._held = 0
        self._memo: dict[int, Any] = {}
        self._pending: list[tuple[Array, list[Any], list[list[Any]], dict[int, Any]]] = []
        self._access_of: dict[int, Access] = {}
        self._handed: list[tuple[Any, bool]] = []
        self._is_anything_called = False
        self._frame_end = NO_FRAME
        self._has_lying_frame = False
        self._knows_wrapper = False
        self._wrapper_classes = 0  # on the stack by import or recall, less those that made an array's wrapper

    def run(self) -> Any:
        """The pickled value as nodes. Raises Malformed, LimitExceeded."""
        try:
            return self._run()
        finally:
            self._settle()

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

    # Stack

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

    def duplicate(self) -> None:
        self._push_again(self._top())

    def _push_again(self, value: Any) -> None:
        self._wrapper_classes += self._joblib and is_wrapper_class(value)
        self._stack.append(value)

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
        _add_pairs(pairs, items)
        self._stack.append(pairs)

    def empty_set(self) -> None:
        self._stack.append(Set())

    def frozen_set(self) -> None:
        items = self._to_mark()
        self._stack.append(Set(items))

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
            self._changes(target)

    def set_item(self) -> None:
        value = self._pop()
        key = self._pop()
        self._set_pairs(self._top(), [key, value])

    def set_items(self) -> None:
        items = self._to_mark()
        self._set_pairs(self._top(), items)

    def _set_pairs(self, target: Any, items: list[Any]) -> None:
        if type(target) is Dict:
            _add_pairs(target, items)
        elif type(target) is Call:
            if target.pairs is None:
                target.pairs = Dict()
            _add_pairs(target.pairs, items)
        else:
            self._changes(target)

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
        if type(module) is not str or type(name) is not str:
            module, name = COMPUTED, COMPUTED
        if len(module) > MAX_NAME_CHARACTERS or len(name) > MAX_NAME_CHARACTERS:
            module, name = module[:MAX_NAME_CHARACTERS], name[:MAX_NAME_CHARACTERS]
        imported = Global(module, name)
        if imported.full not in self.imports:
            if len(self.imports) >= MAX_IMPORTS:
                raise LimitExceeded("names imported by a pickle", limit=MAX_IMPORTS)
            self.imports[imported.full] = Import(module, name)
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
        self.imports[callee.full].made = True
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
            self.imports[callee.full].called = True
            if _is_plain_construction(args):
                self._make(args[0])
                return
            callee, args = args[0], args[1:]  # what protocols 0 and 1 write for NEWOBJ
        call = Call(callee, args, keywords)
        self._note_call(callee, args, keywords)
        if type(callee) is Global and callee.full in _GETATTR and _is_access(args):
            access = Access(args[0], args[1], described(call))
            self.accesses.append(access)
            self._access_of[id(call)] = access
        elif type(callee) is Global and callee.full in _REBUILD_FROM_TYPE and type(args) is tuple and args:
            self._note_call(args[0], args[2] if len(args) > 2 else ())  # torch calls the first with the third
        elif (
            type(callee) is Global and callee.full in _ARRAY_MAKERS and type(args) is tuple and len(args) > 2
        ):
            self._note_call(args[0], args[1])
            call = Call(args[0], args[1])
            call.state = args[2]
        self._stack.append(call)

    def _note_call(self, callee: Any, args: Any, keywords: Any = None) -> None:
        if type(callee) is Global:
            target = self.imports[callee.full]
            target.called = True
            target.filled = target.filled or _says_more_than_numbers(args) or keywords is not None
        elif (access := self._access_of.get(id(callee))) is not None:
            access.called = True
            self._note_computed(access.described)
        else:
            self._note_computed(described(callee))
        if type(args) is not tuple:
            self._is_anything_called = True  # what the arguments are, only the loader knows
        if not (type(callee) is Global and callee.full in _KEEP_THEIR_ARGUMENTS):
            fills = not _makes_empty(callee)
            self._handed.extend(((args, fills), (keywords, fills)))

    def _note_computed(self, callee: str) -> None:
        if len(self.computed) < MAX_COMPUTED:
            self.computed.append(callee)

    def _settle(self) -> None:
        """What was handed to calls may be called by them, however deep it lies in their arguments, and with whatever else
        they were handed.
        """
        seen: set[tuple[int, bool]] = set()
        while self._handed:
            node, fills = self._handed.pop()
            if type(node) is Global:
                target = self.imports[node.full]
                target.called, target.filled = True, target.filled or fills
            if (id(node), fills) in seen or type(node) not in {tuple, list, Dict, Set, Call}:
                continue
            seen.add((id(node), fills))
            if type(node) is Call:
                if (access := self._access_of.get(id(node))) is not None:
                    access.called = True
                elif node.name in _KEEP_THEIR_ARGUMENTS and not node.name.endswith("._reconstruct"):
                    self._handed.extend(((node.args, fills), (node.state, fills)))
                continue
            parts = (
                (*node.keys, *node.values)
                if type(node) is Dict
                else node.items
                if type(node) is Set
                else node
            )
            self._handed.extend((part, fills) for part in parts)
        if self._is_anything_called:
            for target in self.imports.values():
                target.called = target.filled = True
        if self._joblib and self._wrapper_classes:
            self.inexact = True

    def build(self) -> None:
        state = self._pop()
        target = self._top()
        if type(target) is Call:
            is_second = target.state is not None
            target.state = state
            self._note_other_class(state)
            announces = self._knows_wrapper and (is_array_wrapper(target) or mentions_wrapper(target))
            if self._joblib and announces:
                if is_second or not is_exact_wrapper(target):
                    self.inexact = True
                    raise Unsupported("an array announced in a way in which joblib does not announce it")
                self._read_array(target)
        else:
            self._changes(target)

    def _note_other_class(self, state: Any) -> None:
        """Slots are set one by one, and one may be the class itself: what the object does from then on is another's."""
        slots = state[1] if type(state) is tuple and len(state) == 2 else None
        if type(slots) is not Dict or _CLASS_OF_INSTANCE not in slots:
            return
        other = slots.get(_CLASS_OF_INSTANCE)
        if type(other) is Global:
            self.imports[other.full].called = self.imports[other.full].filled = True
        else:
            self._note_computed(described(other))

    def _changes(self, target: Any) -> None:
        """Something is set on what is no new object: on a module, a class or a function that was imported."""
        if type(target) is Global:
            self.imports[target.full].changed = True

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


def _makes_empty(callee: Any) -> bool:
    return type(callee) is Global and (
        callee.name.startswith("__pyx_unpickle_") or callee.name in _MAKE_EMPTY
    )


def _is_plain_construction(args: tuple[Any, ...]) -> bool:
    """`copyreg._reconstructor(cls, object, None)` and `copyreg.__newobj__(cls)`: an empty object."""
    if type(args[0]) is not Global:
        return False
    if len(args) == 1:
        return True
    base = args[1]
    plain = type(base) is Global and base.full in {"builtins.object", "__builtin__.object"}
    return plain and args[2:] == (None,)


def _is_access(args: Any) -> bool:
    return (
        type(args) is tuple
        and len(args) == 2
        and type(args[0]) in {Global, Call, Array}
        and type(args[1]) is str
    )


def _says_more_than_numbers(args: Any) -> bool:
    """Whether arguments hold a text, bytes, or something that is computed."""
    waiting, looked_at = [args], 0
    while waiting:
        node = waiting.pop()
        looked_at += 1
        if looked_at > MAX_ARGUMENTS_LOOKED_AT:
            return True
        kind = type(node)
        if kind is tuple or kind is list:
            waiting.extend(node[:MAX_ARGUMENTS_LOOKED_AT])
        elif kind not in {int, float, bool, type(None), Global, Array} and not _is_array(node):
            return True
    return False


def _is_array(node: Any) -> bool:
    return type(node) is Call and node.name.endswith(
        ("multiarray._reconstruct", "multiarray.scalar", "numpy.dtype")
    )


def _add_pairs(target: Dict, items: list[Any]) -> None:
    if len(items) % 2:
        raise Malformed("a dictionary with a key that has no value")
    for position in range(0, len(items), 2):
        target.add(items[position], items[position + 1])


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
