"""What a loader would import and call while it runs a pickle, told from the nodes that are handed to each other."""

from __future__ import annotations

from typing import Any

from catalog.errors import LimitExceeded
from catalog.lazy_dataclasses import dataclass
from crawler.formats.pickle_literals import COMPUTED, described
from crawler.formats.pickle_nodes import Array, Call, Dict, Global, Set

MAX_NAME_CHARACTERS = 1_000
MAX_IMPORTS = 10_000
MAX_COMPUTED = 100
MAX_ARGUMENTS_LOOKED_AT = 200

_GETATTR = frozenset({"builtins.getattr", "__builtin__.getattr"})
_KEEP_THEIR_ARGUMENTS = _GETATTR | {
    *("functools.partial", "collections.defaultdict", "numpy.vectorize"),
    *("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"),
}
"""They do not call what they are given, not while the file is loaded."""
_MAKE_EMPTY = ("newObj",)
"""Beside Cython's `__pyx_unpickle_…`, functions that make an empty object of the class that they are given."""
_CLASS_OF_INSTANCE = "__class__"


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


class Calls:
    """Of one pickle, as far as it was run. What was handed to calls counts once they are settled."""

    def __init__(self) -> None:
        self.imports: dict[str, Import] = {}
        self.computed: list[str] = []
        """Calls of something that is not a plain name."""
        self.accesses: list[Access] = []
        self._access_of: dict[int, Access] = {}
        self._handed: list[tuple[Any, bool]] = []
        self._is_anything_called = False

    def note_import(self, module: Any, name: Any) -> Global:
        """The name that a loader would import."""
        if type(module) is not str or type(name) is not str:
            module, name = COMPUTED, COMPUTED
        if len(module) > MAX_NAME_CHARACTERS or len(name) > MAX_NAME_CHARACTERS:
            module, name = module[:MAX_NAME_CHARACTERS], name[:MAX_NAME_CHARACTERS]
        imported = Global(module, name)
        if imported.full not in self.imports:
            if len(self.imports) >= MAX_IMPORTS:
                raise LimitExceeded("names imported by a pickle", limit=MAX_IMPORTS)
            self.imports[imported.full] = Import(module, name)
        return imported

    def note_call(self, callee: Any, args: Any, keywords: Any = None) -> None:
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

    def note_access(self, call: Call) -> None:
        """A call of `getattr`, if it is one of a plain name."""
        callee, args = call.callee, call.args
        if type(callee) is Global and callee.full in _GETATTR and _is_access(args):
            access = Access(args[0], args[1], described(call))
            self.accesses.append(access)
            self._access_of[id(call)] = access

    def note_change(self, target: Any) -> None:
        """Something is set on what is no new object: on a module, a class or a function that was imported."""
        if type(target) is Global:
            self.imports[target.full].changed = True

    def note_other_class(self, state: Any) -> None:
        """Slots are set one by one, and one may be the class itself: what the object does from then on is another's."""
        slots = state[1] if type(state) is tuple and len(state) == 2 else None
        if type(slots) is not Dict or _CLASS_OF_INSTANCE not in slots:
            return
        other = slots.get(_CLASS_OF_INSTANCE)
        if type(other) is Global:
            self.imports[other.full].called = self.imports[other.full].filled = True
        else:
            self._note_computed(described(other))

    def _note_computed(self, callee: str) -> None:
        if len(self.computed) < MAX_COMPUTED:
            self.computed.append(callee)

    def settle(self) -> None:
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


def _makes_empty(callee: Any) -> bool:
    return type(callee) is Global and (
        callee.name.startswith("__pyx_unpickle_") or callee.name in _MAKE_EMPTY
    )


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
