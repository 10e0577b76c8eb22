"""Which extractors may claim a file: one look at its name and first bytes instead of a question to each of them.

An extractor declares its `Signs` beside its `claims`; who declares none is asked about every file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from catalog.contracts import broken
from catalog.lazy_dataclasses import dataclass

MOST_KINDS = 2_000
"""So many kinds of files have their candidates noted: their number is bounded by what is declared, and that by no one."""
_NONE: frozenset[str] = frozenset()
_BLANK = b"\xef\xbb\xbf \t\n\r\x0b\x0c"
"""What may stand before the beginning of a text: blanks and a byte order mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What a file must have one of for an extractor to claim it: of these `names`, of these `suffixes`, each with its dot, of
    these `folders` in its key, or of these `beginnings` of its bytes, behind blanks or not. In names and suffixes, upper and
    lower case are one.

    A file that is claimed without any of them is never offered, so that nobody would know: the suite for extractors looks
    for such files. Of a suffix what is behind its last dot and before a dash counts, of a beginning the first byte: more is
    asked than need be, and never less.
    """

    names: Iterable[str] = ()
    suffixes: Iterable[str] = ()
    folders: Iterable[str] = ()
    beginnings: Iterable[bytes] = ()


def checked_signs(signs: Any) -> Signs | None:
    """What an extractor of another package declares. Raises PromiseBroken: a text in place of a list of texts, whose letters
    would be the signs, or an empty sign would have the extractor never asked about its files.
    """
    if signs is None:
        return None
    if not isinstance(signs, Signs):
        raise broken(signs, "signs", "Signs")
    return Signs(
        names=_each(str, signs.names, "signs.names"),
        suffixes=_each(str, signs.suffixes, "signs.suffixes"),
        folders=_each(str, signs.folders, "signs.folders"),
        beginnings=_each(bytes, signs.beginnings, "signs.beginnings"),
    )


def _each(kind: type[Sign], values: Any, place: str) -> tuple[Sign, ...]:
    promised = f"a list of {kind.__name__}"
    if not isinstance(values, tuple | list | set | frozenset):
        raise broken(values, place, promised)
    for value in values:
        if not isinstance(value, kind) or not value:
            raise broken(value, place, f"{promised}, each with something in it,")
    return tuple(values)


class _Claiming(Protocol):
    @property
    def name(self) -> str: ...


Extractor_ = TypeVar("Extractor_", bound=_Claiming)
Sign = TypeVar("Sign", str, bytes)


_Kind = tuple[str, str, frozenset[str], bytes, bytes]


class Candidates(Generic[Extractor_]):
    """The extractors by their signs, in the order in which they were given."""

    def __init__(self, extractors: Sequence[Extractor_]) -> None:
        self._everybody = tuple(extractors)
        self._anywhere: set[int] = set()
        self._by_name: dict[str, set[int]] = {}
        self._by_suffix: dict[str, set[int]] = {}
        self._by_folder: dict[str, set[int]] = {}
        self._by_beginning: dict[bytes, set[int]] = {}
        self._kinds: dict[_Kind, tuple[Extractor_, ...]] = {}
        for number, extractor in enumerate(self._everybody):
            signs = getattr(extractor, "signs", None)
            if isinstance(signs, Signs):
                self._note(number, signs)
            else:
                self._anywhere.add(number)

    def of(self, key: str, head: bytes) -> tuple[Extractor_, ...]:
        """Those that may claim the file with this key and these first bytes."""
        name = key.rpartition("/")[2]
        if not (name.isascii() and name.isprintable()):
            return (
                self._everybody
            )  # `$` matches before a line's end, and `K` is a letter of some other alphabet, too
        name = name.lower()
        suffix, folders = _suffix_of(name), key.split("/")
        first, bare = head[:1], head.lstrip(_BLANK)[:1]
        kind = (
            name if name in self._by_name else "",
            suffix if suffix in self._by_suffix else "",
            _NONE
            if self._by_folder.keys().isdisjoint(folders)
            else frozenset(self._by_folder.keys() & folders),
            first if first in self._by_beginning else b"",
            bare if bare in self._by_beginning else b"",
        )
        candidates = self._kinds.get(kind)
        if candidates is None:
            if len(self._kinds) >= MOST_KINDS:
                self._kinds.clear()
            candidates = self._kinds[kind] = self._with_signs(*kind)
        return candidates

    def _note(self, number: int, signs: Signs) -> None:
        for name in signs.names:
            self._by_name.setdefault(name.lower(), set()).add(number)
        for suffix in signs.suffixes:
            self._by_suffix.setdefault(_suffix_of(suffix.lower()), set()).add(number)
        for folder in signs.folders:
            self._by_folder.setdefault(folder, set()).add(number)
        for beginning in signs.beginnings:
            self._by_beginning.setdefault(beginning[:1], set()).add(number)

    def _with_signs(
        self, name: str, suffix: str, folders: Iterable[str], first: bytes, bare: bytes
    ) -> tuple[Extractor_, ...]:
        numbers = self._anywhere.union(
            self._by_name.get(name, ()),
            self._by_suffix.get(suffix, ()),
            *(self._by_folder[folder] for folder in folders),
            self._by_beginning.get(first, ()),
            self._by_beginning.get(bare, ()),
        )
        return tuple(self._everybody[number] for number in sorted(numbers))


def _suffix_of(name: str) -> str:
    return name.rpartition(".")[2].partition("-")[0]
