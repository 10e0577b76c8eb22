"""A pickle read symbolically: its opcodes move nodes on a stack, and nothing is imported or called.

The machine follows CPython's unpickler opcode by opcode, so that it sees what a loader would see. It records every name a
loader would import, which of them it would call, and every call whose target is computed. A pickle that breaks off keeps
what was found before: a loader would have run that too.

Bounds: 64 MB of opcodes and literals, 3 million opcodes, 1 million values on stack and in memo, 64 kB kept of a literal,
64 pickles a file, nested pickles 3 deep.
Source: CPython Modules/_pickle.c and Lib/pickletools.py; joblib joblib/numpy_pickle.py for arrays inside the stream.
"""

from __future__ import annotations

from typing import Any

from catalog.errors import ExtractError
from catalog.lazy_dataclasses import dataclass, field
from crawler.formats.byte_streams import BytesStream, ByteStream
from crawler.formats.pickle_calls import Access, Import
from crawler.formats.pickle_machine import Machine, is_opcode
from crawler.formats.pickle_nodes import Array

MAX_PICKLES = 64
MAX_NESTED = 32
MAX_NESTING = 3
HIGHEST_PROTOCOL = 5


@dataclass(slots=True, eq=False, repr=False)
class Pickle:
    """What one pickle says. `error` is why its reading ended before STOP; `value` is then None, and `bottom` what was
    deepest on the stack.

    `more` is, of the last pickle that was read, where bytes begin that were not read as pickles. `inexact`: arrays of
    joblib are announced otherwise than joblib does it. `computed` describes calls of something that is not a plain name. `nested` are pickles found inside literals: inert
    until something loads them.
    """

    value: Any = None
    start: int = 0
    end: int = 0
    protocol: int = 0
    opcodes: int = 0
    imports: dict[str, Import] = field(default_factory=dict)
    computed: list[str] = field(default_factory=list)
    nested: list[Pickle] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    inexact: bool = False
    more: int | None = None
    error: ExtractError | None = None
    bottom: Any = None


def read_pickle(stream: ByteStream, *, arrays: bool = False) -> Pickle:
    """One pickle from the stream's position to its STOP. `arrays`: joblib's arrays stand inside the stream.

    Never raises ExtractError: what broke the reading is the result's `error`.
    """
    pickle, literals = _read(stream, arrays=arrays)
    waiting = [(pickle, literal, 1) for literal in literals]
    nested = 0
    while waiting and nested < MAX_NESTED:
        outer, literal, depth = waiting.pop()
        inner, literals = _read(BytesStream(literal, tick=stream.check_time), arrays=False)
        if inner.error is not None and not inner.imports:
            continue
        nested += 1
        outer.nested.append(inner)
        if depth < MAX_NESTING:
            waiting.extend((inner, literal, depth + 1) for literal in literals)
    return pickle


def _read(stream: ByteStream, *, arrays: bool) -> tuple[Pickle, list[bytes]]:
    pickle = Pickle(start=stream.position)
    machine = Machine(stream, arrays=arrays)
    try:
        pickle.value = machine.run()
    except ExtractError as error:
        pickle.error = error
        pickle.bottom = machine.bottom()
    pickle.end = stream.position
    pickle.protocol = machine.protocol
    pickle.opcodes = machine.opcodes
    pickle.imports = machine.calls.imports
    pickle.computed = machine.calls.computed
    pickle.arrays = machine.arrays
    pickle.accesses = machine.calls.accesses
    pickle.inexact = machine.inexact
    return pickle, machine.literals


def read_pickles(stream: ByteStream, *, arrays: bool = False, limit: int = MAX_PICKLES) -> list[Pickle]:
    """The pickles that stand one after another, until the data end or are something else."""
    pickles: list[Pickle] = []
    while len(pickles) < limit:
        pickle = read_pickle(stream, arrays=arrays)
        if pickles and pickle.error is not None and not pickle.imports:
            pickles[-1].more = pickle.start  # what follows the last STOP is no pickle
            return pickles
        pickles.append(pickle)
        if pickle.error is not None or _ended(stream):
            return pickles
    pickles[-1].more = pickles[-1].end
    return pickles


def _ended(stream: ByteStream) -> bool:
    try:
        return stream.at_end()
    except ExtractError:
        return True


BEGINNINGS = tuple(bytes([code]) for code in range(256) if is_opcode(code))


def may_begin(head: bytes) -> bool:
    """Whether the first byte is an opcode at all; most files that are no pickles have none there."""
    return bool(head) and is_opcode(head[0])


def looks_like_pickle(head: bytes) -> bool:
    """Whether first bytes may begin a pickle: a PROTO opcode, or an opcode with which older protocols begin."""
    if head[:1] == b"\x80":
        return len(head) > 2 and head[1] <= HIGHEST_PROTOCOL
    return len(head) > 1 and head[:1] in {b"(", b"c", b"}", b"]", b")"}
