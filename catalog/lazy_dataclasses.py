"""Dataclasses as Python makes them, but that their methods are made when they are first called.

Python writes six methods for each frozen dataclass and compiles each by itself: 0.5 ms a class, and the start of a command
defines 130 to 290 of them, most of which it never makes a value of. Here a class takes 0.05 ms, its constructor is written
when its first value is made, and the other methods are the same for all classes. Source: Lib/dataclasses.py of Python 3.11.

Values of frozen ones are constructed, compared, pickled, unpickled and replaced in half of the time or less, too: Python's
own look up the class, the slot and the right to write it for each field (4.8 µs for an extraction of 17 fields, 1.8 here).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, field, fields
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

Copier = Callable[[Any], Any]
Setters = Mapping[str, Callable[[Any, Any], None]]

_FROZEN: set[type[Any]] = set()
"""The frozen classes of this kind: whoever copies one knows that all of its fields are slots, which its constructor fills as they
are given."""
_INITVAR = "_FIELD_INITVAR"
"""What `dataclasses` calls a parameter of the constructor that is no field."""

if TYPE_CHECKING:  # the checker knows the fields of what these make and replace
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - given on by this name
    from dataclasses import replace as replace  # noqa: PLC0414 - given on by this name
else:

    def dataclass(*, slots=False, frozen=False, kw_only=False, eq=True, repr=True, **options):  # noqa: A002, ANN001, ANN003, ANN201 - as above
        """The same as `dataclasses.dataclass`; a class without slots, with an order, or of another dataclass is Python's own."""

        def completed(kind):  # noqa: ANN001, ANN202 - as above
            if not slots or options or any(map(dataclasses.is_dataclass, kind.__mro__[1:])):
                whole = dataclasses.dataclass(
                    slots=slots, frozen=frozen, kw_only=kw_only, eq=eq, repr=repr, **options
                )
                return whole(kind)
            own = dict(vars(kind))
            kind.__doc__ = kind.__doc__ or kind.__name__  # else Python puts a signature into words, 0.2 ms
            bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(kind)
            if any(str(row._field_type) == _INITVAR for row in bare.__dataclass_fields__.values()):  # noqa: SLF001 - else it is lost
                raise TypeError(f"{kind.__qualname__} has an InitVar, which only dataclasses of Python take")
            _give_methods(bare, own, frozen=frozen, eq=eq, shows=repr)
            return bare

        return completed

    def replace(value, /, **changes):  # noqa: ANN001, ANN003, ANN201 - as above
        """The same as `dataclasses.replace`: 1.3 in place of 2.9 µs for an observation, of which a model takes dozens."""
        kind = type(value)
        if kind not in _FROZEN:
            # Structs (`catalog.records.values`) have their own.
            return getattr(kind, "__replace__", dataclasses.replace)(value, **changes)
        copy, setters = _copier(kind)
        if not changes.keys() <= setters.keys():
            return dataclasses.replace(value, **changes)  # which says what is wrong with them
        replaced = copy(value)
        for name, item in changes.items():
            setters[name](replaced, item)
        return replaced


def _give_methods(kind: type[Any], own: Mapping[str, Any], *, frozen: bool, eq: bool, shows: bool) -> None:
    """What the class does not define by itself; `own` is what it does."""
    parameters = kind.__dataclass_params__
    parameters.init, parameters.repr, parameters.eq, parameters.frozen = True, shows, eq, frozen
    methods: dict[str, Any] = {"__init__": _first_constructor(kind)}
    if shows:
        methods["__repr__"] = _representation
    if eq:
        compared = _values_of([row.name for row in fields(kind) if row.compare])
        hashed = _values_of([row.name for row in fields(kind) if _is_hashed(row)])
        methods |= {"__eq__": _equality(compared), "__hash__": _hash(hashed) if frozen else None}
    if frozen:
        methods |= _frozen(kind) | _pickling(kind)
        if _is_filled_as_given(kind, own):
            _FROZEN.add(kind)
    for name, method in methods.items():
        # Python itself takes the hash from a class that says when its values are equal.
        if name not in own or (name == "__hash__" and own[name] is None and "__eq__" in own):
            setattr(kind, name, method)


def _is_hashed(row: Field[Any]) -> bool:
    return row.compare if row.hash is None else row.hash


def _is_filled_as_given(kind: type[Any], own: Mapping[str, Any]) -> bool:
    """Whether a copy with other values is what the constructor would make of them."""
    has_own = "__init__" in own or hasattr(kind, "__post_init__")
    return not has_own and all(row.init for row in fields(kind))


def _first_constructor(kind: type[Any]) -> Callable[..., None]:
    """Makes room for the true one when the first value is made."""

    def __init__(self: Any, *arguments: Any, **values: Any) -> None:  # noqa: N807 - what it is
        kind.__init__ = _constructor(kind)
        kind.__init__(self, *arguments, **values)

    return __init__


def _constructor(kind: type[Any]) -> Callable[..., None]:
    """Writes frozen values by their slots: nothing else may."""
    is_frozen = kind.__dataclass_params__.frozen
    names: dict[str, Any] = {"MISSING": MISSING}
    statements = list(_statements(kind, names, is_frozen=is_frozen))
    if hasattr(kind, "__post_init__"):
        statements.append("self.__post_init__()")
    rows = [row for row in fields(kind) if row.init]
    positional = [_parameter(row) for row in rows if not row.kw_only]
    keywords = [_parameter(row) for row in rows if row.kw_only]
    parameters = ", ".join(["self", *positional, *(["*", *keywords] if keywords else [])])
    body = "\n    ".join(statements or ["pass"])
    exec(f"def __init__({parameters}):\n    {body}", names)  # noqa: S102 - names of fields and nothing else, as dataclasses do it
    constructor: Callable[..., None] = names["__init__"]
    constructor.__qualname__, constructor.__module__ = f"{kind.__qualname__}.__init__", kind.__module__
    constructor.__annotations__ = {row.name: row.type for row in rows} | {"return": None}
    return constructor


def _parameter(row: Field[Any]) -> str:
    if row.default is not MISSING:
        return f"{row.name}=default_{row.name}"
    return row.name if row.default_factory is MISSING else f"{row.name}=MISSING"


def _statements(kind: type[Any], names: dict[str, Any], *, is_frozen: bool) -> Iterator[str]:
    """What the constructor does with each field; `names` gets what that speaks of."""
    for row in fields(kind):
        name, value = row.name, row.name
        if row.default is not MISSING:
            names[f"default_{name}"] = row.default
            value = name if row.init else f"default_{name}"
        elif row.default_factory is not MISSING:
            names[f"new_{name}"] = row.default_factory
            value = f"new_{name}() if {name} is MISSING else {name}" if row.init else f"new_{name}()"
        elif not row.init:
            continue
        names[f"set_{name}"] = getattr(kind, name).__set__
        yield f"set_{name}(self, {value})" if is_frozen else f"self.{name} = {value}"


@recursive_repr()
def _representation(self: Any) -> str:
    values = (f"{row.name}={getattr(self, row.name)!r}" for row in fields(self) if row.repr)
    return f"{type(self).__qualname__}({', '.join(values)})"


def _values_of(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of these fields, none and a single one included."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _equality(compared: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any, Any], Any]:
    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807 - what it is
        return compared(self) == compared(other) if type(other) is type(self) else NotImplemented

    return __eq__


def _hash(compared: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], int]:
    def __hash__(self: Any) -> int:  # noqa: N807 - what it is
        return hash(compared(self))

    return __hash__


def _frozen(kind: type[Any]) -> dict[str, Any]:
    names = frozenset(row.name for row in fields(kind))

    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807 - what it is
        if type(self) is kind or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        object.__setattr__(self, name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807 - what it is
        if type(self) is kind or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        object.__delattr__(self, name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


def _pickling(kind: type[Any]) -> dict[str, Any]:
    names = [row.name for row in fields(kind)]
    setters = tuple(getattr(kind, name).__set__ for name in names)
    values = _values_of(names)

    def state(self: Any) -> Sequence[Any]:
        if type(self) is kind:
            return values(self)
        return [getattr(self, row.name) for row in fields(self)]  # a dataclass made of this one may have more

    def restore(self: Any, state: Sequence[Any]) -> None:
        if type(self) is kind:
            for write, value in zip(setters, state, strict=True):
                write(self, value)
            return
        for row, value in zip(fields(self), state, strict=True):
            object.__setattr__(self, row.name, value)

    return {"__getstate__": state, "__setstate__": restore}


@cache
def _copier(kind: type[Any]) -> tuple[Copier, Setters]:
    """What copies a value of this type, and what sets a field of the copy."""
    setters = {row.name: getattr(kind, row.name).__set__ for row in fields(kind)}
    names: dict[str, Any] = {"new": kind.__new__, "kind": kind}
    names |= {f"set_{name}": write for name, write in setters.items()}
    statements = [f"    set_{name}(copied, self.{name})" for name in setters]
    text = "\n".join(["def copy(self):", "    copied = new(kind)", *statements, "    return copied"])
    exec(text, names)  # noqa: S102 - names of fields and nothing else, as above
    return names["copy"], setters


__all__ = ["dataclass", "field", "fields", "replace"]
