"""The text of `simple_query_string`: words, "phrases", +and, |or, -not, (brackets), and word* on keyword fields.

Read from left to right as Elasticsearch reads it: `+` and `|` bind equally, an operator without its partner and a
bracket or quote without its end mean nothing, and `bert -large` under the default operator `or` finds what has bert, or
has no large.

Source: Lucene 9.12, queryparser/simple/SimpleQueryParser.
"""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass, field
from catalog.query.nodes import And, Match, Not, Nothing, Or, Phrase, Prefix, Query
from catalog.query.validate import resolve

MAX_LEVELS = 12
"""Brackets within brackets, and changes between + and |, each of which is a level of its own."""
SHORTEST_BEGINNING, LONGEST_BEGINNING = 2, 256
_SPACE = " \t\r\n"
_ENDS = f'"|+(){_SPACE}'
_PART = "simple_query_string"


def read_words(text: str, fields: tuple[str, ...], *, default: str) -> Query:
    """The nodes of such a text; `default` joins words that stand side by side.

    Raises RequestRefused for `~`, for `*` behind a word of running text, and for more than 12 levels.
    """
    reading = _Reading(text, fields, default, _brackets(text))
    query = reading.read(0, len(text), level=1)
    return Nothing("no words") if query is None else query


def _brackets(text: str) -> Mapping[int, int]:
    """Where each bracket that has an end ends."""
    pairs: dict[int, int] = {}
    open_ones: list[int] = []
    escaped = False
    for at, letter in enumerate(text):
        if escaped or letter == "\\":
            escaped = not escaped
        elif letter == "(":
            open_ones.append(at)
        elif letter == ")" and open_ones:
            pairs[open_ones.pop()] = at
    return pairs


@dataclass(slots=True)
class _Tree:
    """What was read of one bracket: a clause, or clauses under one operator."""

    default: str
    level: int
    top: Query | None = None
    operator: str | None = None
    joined_by: str | None = None

    def joins(self, operator: str) -> None:
        if self.operator is None and self.top is not None:
            self.operator = operator

    def add(self, clause: Query | None, *, negated: bool) -> None:
        operator, self.operator = self.operator or self.default, None
        if clause is None:
            return
        clause = Not(clause) if negated else clause
        if self.top is None:
            self.top = clause
            return
        kind = And if operator == "and" else Or
        clauses = (
            self.top.clauses if operator == self.joined_by and isinstance(self.top, And | Or) else (self.top,)
        )
        if operator != self.joined_by:
            self.level += 1
            _shallow(self.level)
        self.top, self.joined_by = kind((*clauses, clause)), operator


@dataclass(slots=True)
class _Reading:
    text: str
    fields: tuple[str, ...]
    default: str
    brackets: Mapping[int, int] = field(default_factory=dict)

    def read(self, at: int, end: int, *, level: int) -> Query | None:
        _shallow(level)
        tree = _Tree(self.default, level)
        minus = 0
        while at < end:
            letter = self.text[at]
            if letter == "-":
                minus, at = minus + 1, at + 1
                continue
            if letter == "(" and self.brackets.get(at, end) < end:
                close = self.brackets[at]
                inner = self.read(at + 1, close, level=tree.level + 1)
                tree.add(inner, negated=minus % 2 == 1)
                at = close + 1
            elif letter == '"':
                at = self._phrase(at + 1, end, tree, negated=minus % 2 == 1)
            elif letter in "+|":
                tree.joins("and" if letter == "+" else "or")
                at += 1
            elif letter in _ENDS:
                at += 1
            else:
                at = self._word(at, end, tree, negated=minus % 2 == 1)
            minus = 0
        return tree.top

    def _phrase(self, start: int, end: int, tree: _Tree, *, negated: bool) -> int:
        """Reads to the closing quote; the place behind it, or the start when there is none."""
        characters: list[str] = []
        at = start
        while at < end and self.text[at] != '"':
            at += self.text[at] == "\\" and at + 1 < end
            characters.append(self.text[at])
            at += 1
        if at >= end:
            return start
        self._plain(at + 1, end)
        phrase = "".join(characters)
        tree.add(Phrase(phrase, self.fields) if _has_words(phrase) else None, negated=negated)
        return at + 1

    def _word(self, start: int, end: int, tree: _Tree, *, negated: bool) -> int:
        characters: list[str] = []
        at, begins = start, False
        while at < end and self.text[at] not in _ENDS:
            if characters:
                self._plain(at, end)
            begins = self.text[at] == "*"
            at += self.text[at] == "\\" and at + 1 < end
            characters.append(self.text[at])
            at += 1
        word = "".join(characters)
        if begins and len(word) > 1:
            tree.add(self._beginning(word[:-1]), negated=negated)
        else:
            tree.add(Match(word, self.fields) if _has_words(word) else None, negated=negated)
        return at

    def _plain(self, at: int, end: int) -> None:
        if at < end and self.text[at] == "~":
            raise RequestRefused("~", f"is not allowed in {_PART}; write a backslash before it to find it.")

    def _beginning(self, text: str) -> Query:
        """Running text is found by whole words, so that only a keyword has a beginning."""
        if not SHORTEST_BEGINNING <= len(text) <= LONGEST_BEGINNING:
            reason = f"needs {SHORTEST_BEGINNING} to {LONGEST_BEGINNING} characters before it."
            raise RequestRefused("*", reason)
        if not self.fields or any(resolve(name).type not in {"keyword", "name"} for name in self.fields):
            raise RequestRefused(
                "*", "finds the beginning of keywords; name such fields, as in fields: [name]."
            )
        starts = tuple(Prefix(name, text) for name in self.fields)
        return starts[0] if len(starts) == 1 else Or(starts)


def _has_words(text: str) -> bool:
    """Punctuation alone asks for nothing; symbols such as emoji are words."""
    return any(letter.isalnum() or letter >= "\u2600" for letter in text)


def _shallow(level: int) -> None:
    if level > MAX_LEVELS:
        raise RequestRefused(_PART, f"is nested more than {MAX_LEVELS} levels deep.")
