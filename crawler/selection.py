"""Which objects of a source are crawled: patterns of keys to include and to exclude.

A pattern with a `/` begins at the root of the source (`runs/*/checkpoints`), one without it means a name at any depth
(`*.bin`, `tmp`). `*` and `?` stand for letters of one name, `[ab]` for one of several, `**` for any number of directories.
What matches a directory means all below it. An object is crawled if some `include` matches it, or none is given, and no
`exclude` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from functools import cached_property
from typing import Protocol, Self, runtime_checkable

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass
from catalog.records import ObjectKey, ObjectMeta
from crawler.source import Listed, Source, head_of, steps

MAX_PATTERN_CHARACTERS = 1_000
MAX_PATTERNS = 500
ANY_DIRECTORIES = "**"


class Pattern:
    """One pattern, matched in time that is linear in the number of names in a key."""

    def __init__(self, text: str) -> None:
        self.text = text
        names = text.strip("/").split("/")
        if "/" not in text.rstrip("/"):
            names = [ANY_DIRECTORIES, *names]
        self._steps = [None if name == ANY_DIRECTORIES else re.compile(translate(name)) for name in names]

    def matches(self, key: str) -> bool:
        """Whether the pattern means the object or directory, or one that it lies in."""
        return self._walk(key)[0]

    def may_match_below(self, directory: str) -> bool:
        """Whether some key below the directory can match."""
        matched, places = self._walk(directory)
        return matched or bool(places)

    def _walk(self, key: str) -> tuple[bool, set[int]]:
        """The steps that may come next once these names are consumed: a finite automaton, so that no pattern explodes."""
        end = len(self._steps)
        places = self._widened({0})
        for name in key.split("/"):
            following = set()
            for place in places:
                step = self._steps[place]
                if step is None:
                    following.add(place)
                elif step.match(name):
                    following.add(place + 1)
            places = self._widened(following)
            if end in places:
                return True, places
        return False, places

    def _widened(self, places: set[int]) -> set[int]:
        """With the steps that `**` reaches when it stands for no directory."""
        for place in sorted(places):
            while place < len(self._steps) and self._steps[place] is None:
                place += 1  # noqa: PLW2901 - walks on from each place
                places.add(place)
        return places


EXCLUDED = "excluded by"
NOT_INCLUDED = "matches no pattern to include"
NOTHING_BELOW = "no pattern to include matches below it"


def is_selected_away(reason: str) -> bool:
    """Whether something is left out because the patterns of its source say so: nobody needs to be told."""
    return reason.startswith(EXCLUDED) or reason in {NOT_INCLUDED, NOTHING_BELOW}


@dataclass(frozen=True)
class Selection:
    """What of a source is crawled."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)

    @cached_property
    def _including(self) -> list[Pattern]:
        return [Pattern(text) for text in self.include]

    @cached_property
    def _excluding(self) -> list[Pattern]:
        return [Pattern(text) for text in self.exclude]

    def left_out(self, key: str) -> str | None:
        """Why the object is not crawled; None if it is."""
        for pattern in self._excluding:
            if pattern.matches(key):
                return f"{EXCLUDED} {pattern.text}"
        if self._including and not any(pattern.matches(key) for pattern in self._including):
            return NOT_INCLUDED
        return None

    def pruned(self, directory: str) -> str | None:
        """Why nothing below the directory can be crawled; None if something may."""
        for pattern in self._excluding:
            if pattern.matches(directory):
                return f"{EXCLUDED} {pattern.text}"
        if self._including and not any(pattern.may_match_below(directory) for pattern in self._including):
            return NOTHING_BELOW
        return None


@runtime_checkable
class Selective(Protocol):
    """A source that leaves out by itself what is not selected, so that it need not list it."""

    def selecting(self, selection: Selection) -> Self: ...


class SelectedSource:
    """A source seen through a selection, for one that cannot leave out anything by itself."""

    def __init__(self, source: Source, selection: Selection) -> None:
        self.id, self.uri = source.id, source.uri
        self.selected, self._selection = source, selection

    def list(self) -> Iterator[Listed]:
        """The listing without what is left out; it is told as skipped."""
        for step in steps(self.selected):
            if step.scope and self._selection.pruned(step.scope):
                continue  # also what went wrong there: nobody asked for it
            reasons = {meta.key: self._selection.left_out(meta.key) for meta in step.objects}
            yield Listed(
                scope=step.scope,
                objects=tuple(meta for meta in step.objects if reasons[meta.key] is None),
                complete=step.complete,
                error=step.error,
                skipped=(*step.skipped, *((key, why) for key, why in reasons.items() if why is not None)),
            )

    def head(self, key: ObjectKey) -> ObjectMeta | None:
        return None if self._selection.left_out(key) else head_of(self.selected, key)

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        return self.selected.read(meta, start, end)

    def uri_of(self, key: ObjectKey) -> str:
        return self.selected.uri_of(key)


def selected(source: Source, selection: Selection) -> Source:
    """The source without what is not selected."""
    if not selection:
        return source
    if isinstance(source, Selective):
        return source.selecting(selection)
    return SelectedSource(source, selection)


def checked_patterns(patterns: Sequence[str], *, what: str) -> tuple[str, ...]:
    """The patterns, if each can match something. Raises UserError."""
    if len(patterns) > MAX_PATTERNS:
        raise UserError(f"{what}: at most {MAX_PATTERNS} patterns, not {len(patterns):,}.")
    for text in patterns:
        names = text.strip("/").split("/")
        if not text.strip("/") or len(text) > MAX_PATTERN_CHARACTERS or "\0" in text:
            raise UserError(f"{what}: a pattern has 1 to {MAX_PATTERN_CHARACTERS:,} characters.")
        if {"", ".", ".."} & set(names):
            raise UserError(
                f"{what}: the pattern {text!r} matches nothing.",
                advice="Write it as the path below the root of the source, without . and .. in it.",
            )
    return tuple(dict.fromkeys(patterns))
