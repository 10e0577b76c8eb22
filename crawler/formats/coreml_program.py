"""The constants of a Core ML program (ML Program, MIL): shapes and types, values where they are stored or packed.

Source: apple/coremltools mlmodel/format/MIL.proto; coremltools "Optimizing models" for the `constexpr_` operators.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from catalog.errors import LimitExceeded
from catalog.lazy_dataclasses import dataclass, field, replace
from crawler.formats.protobuf import BYTES, VARINT, Field, ProtobufWalker

MAX_NAME_BYTES = 1024
MAX_DEPTH = 64
MAX_RANK = 64
MAX_TENSORS = 500_000
MAX_BLOB_FILES = 1_000
MAX_COMPRESSIONS = 100

DTYPES = {
    1: "BOOL",
    2: "STR",
    10: "F16",
    11: "F32",
    12: "F64",
    13: "BF16",
    21: "I8",
    22: "I16",
    23: "I32",
    24: "I64",
    25: "I4",
    31: "U8",
    32: "U16",
    33: "U32",
    34: "U64",
    35: "U4",
    36: "U2",
    37: "U1",
    38: "U6",
    39: "U3",
    40: "F8_E4M3",
    41: "F8_E5M2",
}

_NARROW = frozenset({"I8", "I4", "U8", "U6", "U4", "U3", "U2", "U1", "F8_E4M3", "F8_E5M2"})
"""Types in which weights are kept until an operator makes floats of them."""
_PACKED_VALUES = ("quantized_data", "indices", "data", "nonzero_data")
_TABLE = "lut"


@dataclass(frozen=True, slots=True)
class CoreTensor:
    """One array of weights. `compressed` marks values that another operator unpacks."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    bytes: int | None
    compressed: bool = False


@dataclass(slots=True)
class CoreProgram:
    """What a program holds: constants, names of the files with their values, how many operations."""

    tensors: list[CoreTensor] = field(default_factory=list)
    blob_files: set[str] = field(default_factory=set)
    operations: int = 0
    compressions: set[tuple[str, str]] = field(
        default_factory=set
    )  # how weights are packed, and into which type


def messages(walker: ProtobufWalker, message: Field) -> Iterator[Field]:
    """The length-delimited fields of a message."""
    return (part for part in walker.fields(message.start, message.end) if part.wire == BYTES)


def read_program(walker: ProtobufWalker, body: Field, program: CoreProgram) -> None:
    """The constants of all functions and blocks, on an explicit stack."""
    blocks = [(block, 1) for block in _function_blocks(walker, body)]
    packed: set[str] = set()
    while blocks:
        block, depth = blocks.pop()
        if depth > MAX_DEPTH:
            raise LimitExceeded("nested Core ML blocks", limit=MAX_DEPTH)
        for part in messages(walker, block):
            if part.number != 3:
                continue
            inner, tensor = _read_operation(walker, part, packed, program)
            blocks += [(nested, depth + 1) for nested in inner]
            if tensor is not None:
                if len(program.tensors) >= MAX_TENSORS:
                    raise LimitExceeded("tensors of a Core ML model", limit=MAX_TENSORS)
                program.tensors.append(tensor)
    program.tensors = [replace(tensor, compressed=tensor.name in packed) for tensor in program.tensors]


def _function_blocks(walker: ProtobufWalker, body: Field) -> Iterator[Field]:
    for entry in messages(walker, body):
        for function in messages(walker, entry) if entry.number == 2 else ():
            for part in messages(walker, function) if function.number == 2 else ():
                for block in messages(walker, part) if part.number == 3 else ():
                    if block.number == 2:
                        yield block


def _read_operation(
    walker: ProtobufWalker, operation: Field, packed: set[str], program: CoreProgram
) -> tuple[list[Field], CoreTensor | None]:
    kind, name, shape = "", "", None
    blocks, inputs, values = list[Field](), list[Field](), list[Field]()
    for part in messages(walker, operation):
        if part.number == 1:
            kind = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 2:
            inputs.append(part)
        elif part.number == 3 and not name:
            name, shape = _named_type(walker, part)
        elif part.number == 4:
            blocks.append(part)
        elif part.number == 5:
            values.append(part)
    program.operations += 1
    if kind == "const":
        return blocks, _constant(walker, name, shape, values, program)
    if kind.startswith("constexpr_"):
        packed.update(_argument_names(walker, inputs))
        packing = _packed_type(walker, [*values, *inputs])
        if len(program.compressions) < MAX_COMPRESSIONS:
            program.compressions.add((kind.removeprefix("constexpr_"), packing))
        for value in values:
            _constant(walker, name, None, [value], program)  # its blob files belong to the model
        stored = packing if packing in _NARROW else None
        return blocks, _of_type(name, (stored, shape[1]) if stored and shape else shape, None)
    return blocks, None


def _packed_type(walker: ProtobufWalker, entries: list[Field]) -> str:
    """The element type of the packed values, empty where they are another operation's result."""
    typed: dict[str, tuple[str, tuple[int, ...]]] = {}
    for entry in entries:
        parts = {part.number: part for part in messages(walker, entry)}
        name = walker.text_of(parts[1], limit=MAX_NAME_BYTES) if parts.keys() >= {1, 2} else ""
        if name in {*_PACKED_VALUES, _TABLE}:
            types = (_value_type(walker, value) for value in _values(walker, parts[2]))
            typed.setdefault(name, next((each for each in types if each is not None), ("", ())))
    name = next((name for name in _PACKED_VALUES if name in typed), "")
    dtype = typed[name][0] if name else ""
    if name == "indices" and dtype == "U8":  # packed into bytes before there were narrower types
        return _type_of_indices(typed.get(_TABLE, ("", ()))[1])
    return dtype


def _type_of_indices(table: tuple[int, ...]) -> str:
    """The type that counts a table's entries, of which the older operator has one dimension."""
    entries = table[0] if len(table) == 1 else 0
    bits = entries.bit_length() - 1
    return f"U{bits}" if entries == 1 << max(bits, 0) and f"U{bits}" in _NARROW else ""


def _value_type(walker: ProtobufWalker, value: Field) -> tuple[str, tuple[int, ...]] | None:
    typed = next((part for part in messages(walker, value) if part.number == 2), None)
    tensors = messages(walker, typed) if typed is not None else ()
    tensor = next((part for part in tensors if part.number == 1), None)
    return None if tensor is None else _tensor_type(walker, tensor)


def _values(walker: ProtobufWalker, holder: Field) -> Iterator[Field]:
    """The Value itself, and the values that are bound in an Argument."""
    yield holder
    for binding in messages(walker, holder):
        if binding.number == 1:
            yield from (part for part in messages(walker, binding) if part.number == 2)


def _constant(
    walker: ProtobufWalker,
    name: str,
    shape: tuple[str, tuple[int, ...]] | None,
    values: list[Field],
    program: CoreProgram,
) -> CoreTensor | None:
    """A constant with its blob file or immediate value; scalars are parameters of operators, not weights."""
    stored = None
    for entry in values:
        value = next((part for part in messages(walker, entry) if part.number == 2), None)
        for part in messages(walker, value) if value is not None else ():
            if part.number == 5:
                file = next((f for f in messages(walker, part) if f.number == 1), None)
                if file is not None and len(program.blob_files) < MAX_BLOB_FILES:
                    program.blob_files.add(walker.text_of(file, limit=MAX_NAME_BYTES))
                stored = 0
            elif part.number == 3:
                stored = part.end - part.start
    tensor = _of_type(name, shape, stored)
    return tensor if tensor is not None and tensor.shape else None


def _of_type(name: str, typed: tuple[str, tuple[int, ...]] | None, stored: int | None) -> CoreTensor | None:
    if typed is None:
        return None
    dtype, shape = typed
    elements = math.prod(shape)
    if min(shape, default=0) < 0 or elements >= 2**53:
        return None
    return CoreTensor(name, dtype, shape, elements, stored)


def _argument_names(walker: ProtobufWalker, inputs: list[Field]) -> Iterator[str]:
    for entry in inputs:
        for argument in messages(walker, entry):
            for binding in messages(walker, argument) if argument.number == 2 else ():
                for part in messages(walker, binding) if binding.number == 1 else ():
                    if part.number == 1:
                        yield walker.text_of(part, limit=MAX_NAME_BYTES)


def _named_type(walker: ProtobufWalker, message: Field) -> tuple[str, tuple[str, tuple[int, ...]] | None]:
    name, typed = "", None
    for part in messages(walker, message):
        if part.number == 1:
            name = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 2:
            for tensor in messages(walker, part):
                if tensor.number == 1:
                    typed = _tensor_type(walker, tensor)
    return name, typed


def _tensor_type(walker: ProtobufWalker, message: Field) -> tuple[str, tuple[int, ...]]:
    dtype, shape = "unknown", list[int]()
    for part in walker.fields(message.start, message.end):
        if part.number == 1 and part.wire == VARINT:
            dtype = DTYPES.get(part.value, f"COREML_{part.value}")
        elif part.number == 3 and part.wire == BYTES and len(shape) < MAX_RANK:
            size = -1
            for dimension in messages(walker, part):
                if dimension.number == 1:
                    constant = next(
                        (f for f in walker.fields(dimension.start, dimension.end) if f.number == 1), None
                    )
                    size = 0 if constant is None else constant.value
            shape.append(size)
    return dtype, tuple(shape)
