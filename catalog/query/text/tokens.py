"""What a scanned text is made of: tokens with their spans, and the values of conditions."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Protocol

from catalog.lazy_dataclasses import dataclass

MAX_TERMS = 100
"""Of one text: what stands behind them is told to be left out."""
MAX_WORDS = 300
"""Of one text that may be of a sentence: the words behind them stand for themselves."""

QUOTES = {
    '"': '"',
    "\N{LEFT DOUBLE QUOTATION MARK}": "\N{RIGHT DOUBLE QUOTATION MARK}",
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}",
}
OPERATORS = {
    ":": ":",
    "=": "=",
    "==": "=",
    "===": "=",
    "!=": "!=",
    "!==": "!=",
    "<>": "!=",
    ">": ">",
    ">=": ">=",
    "=>": ">=",
    "<": "<",
    "<=": "<=",
    "=<": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{NOT EQUAL TO}": "!=",
}


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    PHRASE = "phrase"
    CONDITION = "condition"
    OPEN = "("
    CLOSE = ")"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One value of a condition as typed; quoted text is taken as it is."""

    text: str
    quoted: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token over text[start:end]. Conditions have a name, an operator and the values in their order."""

    kind: Kind
    start: int
    end: int
    text: str = ""
    name: str = ""
    name_end: int = 0
    operator: str = ""
    values: tuple[Piece, ...] = ()
    bracketed: bool = False
    closed: bool = True


class Names(Protocol):
    """What the scanner must know of names: it decides where a spaced operator compares."""

    def known(self, name: str) -> bool:
        """Whether a condition may start with it."""
        ...

    def units(self, name: str) -> Collection[str] | None:
        """The units that its numbers may have, in lower case; None for a name of no numbers."""
        ...

    def holds(self, name: str, value: str) -> bool:
        """Whether models have this value under this name."""
        ...

    def whole(self, name: str, unit: str) -> bool:
        """Whether the numbers of the name in this unit are whole, so that a comma parts values."""
        ...

    def compared(self, name: str) -> bool:
        """Whether the values of the name have an order: numbers, dates and versions."""
        ...

    def running(self, name: str) -> bool:
        """Whether the name is of running text, of which several words are all asked for."""
        ...
