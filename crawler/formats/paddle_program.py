"""Paddle programs: the protobuf of Paddle 1 and 2, and the JSON of Paddle 3.

Source: PaddlePaddle/Paddle paddle/fluid/framework/framework.proto;
paddle/fluid/pir/serialize_deserialize/include/schema.h.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass, field
from crawler.formats import dtypes
from crawler.formats.protobuf import BYTES, VARINT, Field, ProtobufWalker, signed

MAX_NAME_BYTES = 1024
MAX_RANK = 64
MAX_BLOCKS = 10_000
MAX_VARIABLES = 500_000
MAX_PORTS = 1_000
PERSISTABLE_KINDS = frozenset(
    {7, 8, 13}
)  # dense tensors, selected rows, tensor arrays; not feed, fetch or raw

DTYPES = {
    0: "BOOL",
    1: "I16",
    2: "I32",
    3: "I64",
    4: "F16",
    5: "F32",
    6: "F64",
    20: "U8",
    21: "I8",
    22: "BF16",
    23: "C64",
    24: "C128",
    32: "F8_E4M3",
    33: "F8_E5M2",
}


@dataclass(frozen=True, slots=True)
class PaddleVariable:
    """One parameter, or a tensor of the program. `elements` is None where a size is not fixed."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    elements: int | None

    def as_port(self) -> dict[str, object]:
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}


@dataclass(slots=True)
class PaddleProgram:
    """What the program says."""

    version: str | None = None
    generation: str = "program"
    operators: Counter[str] = field(default_factory=Counter)
    parameters: list[PaddleVariable] = field(default_factory=list)
    inputs: list[dict[str, object]] = field(default_factory=list)
    outputs: list[dict[str, object]] = field(default_factory=list)
    complete: bool = False


def read_program(walker: ProtobufWalker, program: PaddleProgram) -> None:
    """A ProgramDesc; what an error leaves behind is true, only not all."""
    variables: dict[str, PaddleVariable] = {}
    fed: list[str] = []
    fetched: list[str] = []
    blocks = 0
    for part in walker.fields():
        if part.wire != BYTES:
            continue
        if part.number == 1:
            blocks += 1
            if blocks > MAX_BLOCKS:
                raise LimitExceeded("blocks of a Paddle program", limit=MAX_BLOCKS)
            _read_block(walker, part, program, variables, (fed, fetched))
        elif part.number == 4:
            number = next((f.value for f in walker.fields(part.start, part.end) if f.number == 1), 0)
            program.version = _version(signed(number))
    if not blocks:
        raise Malformed("a Paddle program without a block")
    program.inputs = [variables[name].as_port() for name in fed if name in variables]
    program.outputs = [variables[name].as_port() for name in fetched if name in variables]
    program.complete = True


def _version(number: int) -> str | None:
    """2004001 is 2.4.1; 0 is an unreleased build."""
    return (
        f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}" if 0 < number < 100_000_000 else None
    )


def _messages(walker: ProtobufWalker, message: Field) -> Iterator[Field]:
    return (part for part in walker.fields(message.start, message.end) if part.wire == BYTES)


def _read_block(
    walker: ProtobufWalker,
    block: Field,
    program: PaddleProgram,
    variables: dict[str, PaddleVariable],
    ports: tuple[list[str], list[str]],
) -> None:
    for part in _messages(walker, block):
        if part.number == 3:
            _read_variable(walker, part, program, variables)
        elif part.number == 4:
            _read_operator(walker, part, program, ports)


def _read_variable(
    walker: ProtobufWalker, message: Field, program: PaddleProgram, variables: dict[str, PaddleVariable]
) -> None:
    if len(variables) >= MAX_VARIABLES:
        raise LimitExceeded("variables of a Paddle program", limit=MAX_VARIABLES)
    name, kind, persistable = "", None, False
    for part in walker.fields(message.start, message.end):
        if part.number == 1 and part.wire == BYTES:
            name = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 2 and part.wire == BYTES:
            kind = part
        elif part.number == 3 and part.wire == VARINT:
            persistable = bool(part.value)
    if kind is None:
        return
    number, variable = _typed(walker, kind, name)
    if variable is None:
        return
    variables.setdefault(name, variable)
    if persistable and number in PERSISTABLE_KINDS:
        program.parameters.append(variable)


def _typed(walker: ProtobufWalker, kind: Field, name: str) -> tuple[int, PaddleVariable | None]:
    """The VarType's number, and the tensor it describes: as a dense tensor, or as selected rows."""
    number, variable = -1, None
    for part in walker.fields(kind.start, kind.end):
        if part.number == 1 and part.wire == VARINT:
            number = part.value
        elif part.number == 3 and part.wire == BYTES:
            inner = next((f for f in _messages(walker, part) if f.number == 1), None)
            variable = None if inner is None else _tensor(walker, inner, name)
        elif part.number == 2 and part.wire == BYTES:
            variable = _tensor(walker, part, name)
    return number, variable


def _tensor(walker: ProtobufWalker, message: Field, name: str) -> PaddleVariable:
    dtype, shape = "unknown", list[int]()
    for part in walker.fields(message.start, message.end):
        if part.number == 1 and part.wire == VARINT:
            dtype = DTYPES.get(part.value, f"PADDLE_{part.value}")
        elif part.number == 2:
            shape.extend(signed(size) for size in walker.numbers_of(part, limit=MAX_RANK))
    return variable_of(name, dtype, shape[:MAX_RANK])


def variable_of(name: str, dtype: str, shape: list[int]) -> PaddleVariable:
    sizes = tuple(size if 0 <= size < 2**53 else None for size in shape)
    known = [size for size in sizes if size is not None]
    elements = math.prod(known)
    return PaddleVariable(
        name, dtype, sizes, elements if len(known) == len(sizes) and elements < 2**53 else None
    )


def _read_operator(
    walker: ProtobufWalker, message: Field, program: PaddleProgram, ports: tuple[list[str], list[str]]
) -> None:
    kind, inputs, outputs = "", list[Field](), list[Field]()
    for part in _messages(walker, message):
        if part.number == 1:
            inputs.append(part)
        elif part.number == 2:
            outputs.append(part)
        elif part.number == 3:
            kind = walker.text_of(part, limit=MAX_NAME_BYTES)
    program.operators[kind] += 1
    if kind == "feed" and len(ports[0]) < MAX_PORTS:
        ports[0].extend(_arguments(walker, outputs))
    elif kind == "fetch" and len(ports[1]) < MAX_PORTS:
        ports[1].extend(_arguments(walker, inputs))


def _arguments(walker: ProtobufWalker, entries: list[Field]) -> list[str]:
    """The variables' names in the first entries of an operator's inputs or outputs."""
    arguments = (
        argument for entry in entries[:10] for argument in _messages(walker, entry) if argument.number == 2
    )
    return [walker.text_of(argument, limit=MAX_NAME_BYTES) for argument in islice(arguments, 10)]


def read_json_program(document: Any, program: PaddleProgram) -> None:
    """The intermediate representation of Paddle 3: parameters are operations of their own kind, `p`."""
    code = document.get("base_code") if isinstance(document, Mapping) else None
    if not isinstance(code, Mapping) or code.get("magic") != "pir":
        raise Malformed("not a Paddle program in JSON")
    program.generation = "pir"
    for operation in _operations(document.get("program")):
        _read_operation(operation, program)
    program.complete = True


def _operations(program: Any) -> Iterator[Mapping[str, Any]]:
    """All operations of all blocks, also of regions inside operations, in order."""
    stack: list[Any] = [program]
    while stack:
        holder = stack.pop()
        if not isinstance(holder, Mapping):
            continue
        if "O" in holder or "A" in holder:
            yield holder
        for key in ("ops", "blocks", "regions"):
            children = holder.get(key)
            if isinstance(children, list):
                stack.extend(reversed(children))


def _read_operation(operation: Mapping[str, Any], program: PaddleProgram) -> None:
    kind = str(operation.get("#", ""))[:200]
    outputs = operation.get("O")
    results = [
        item for item in (outputs if isinstance(outputs, list) else [outputs]) if isinstance(item, Mapping)
    ]
    if kind == "p":
        attributes = operation.get("A")
        name = str(attributes[3])[:1000] if isinstance(attributes, list) and len(attributes) > 3 else ""
        for item in results[:1]:
            program.parameters.append(_json_variable(item, name))
        return
    program.operators[kind.partition(".")[2] or kind] += 1
    if kind.endswith(".data") and results:
        variable = _json_variable(results[0], _json_attribute(operation, "name") or "input")
        program.inputs.append(variable.as_port())
    elif kind.endswith(".fetch") and results:
        variable = _json_variable(results[0], _json_attribute(operation, "name") or "output")
        program.outputs.append(variable.as_port())


def _json_variable(result: Mapping[str, Any], name: str) -> PaddleVariable:
    typed = result.get("TT")
    described = typed.get("D") if isinstance(typed, Mapping) else None
    dtype, shape = "unknown", list[int]()
    if isinstance(described, list) and len(described) > 1:
        element = described[0].get("#") if isinstance(described[0], Mapping) else None
        if isinstance(element, str):
            dtype = dtypes.canonical(element.partition("t_")[2] or element)
        if isinstance(described[1], list):
            shape = [size if isinstance(size, int) else -1 for size in described[1]][:MAX_RANK]
    return variable_of(name, dtype, shape)


def _json_attribute(operation: Mapping[str, Any], name: str) -> str | None:
    attributes = operation.get("A")
    for attribute in attributes if isinstance(attributes, list) else ():
        if isinstance(attribute, Mapping) and attribute.get("N") == name:
            value = attribute.get("AT")
            text = value.get("D") if isinstance(value, Mapping) else None
            return text[:1000] if isinstance(text, str) else None
    return None
