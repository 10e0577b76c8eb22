"""From text to tokens with spans. Total and linear: every text has tokens, every character is looked at a few times.

A condition (`name:value`, `name > value`) is one token, because only the scanner sees the spaces around it. Whatever is
not clearly a condition stays a word, exactly as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Protocol

from catalog.query.text.numbers import looks_numeric
from catalog.query.text.worded_signs import WORDED, WORDED_NAMES
from catalog.text.patterns import pattern

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
_WORDED_SIGN = pattern(
    rf"\[(?P<bracketed>{WORDED_NAMES})\]\s*[=:]\s*|[:=](?P<parted>{WORDED_NAMES}):|=(?P<between>{WORDED_NAMES})=(?=\S)"
    rf"|\s+(?:-(?P<dashed>{WORDED_NAMES})|(?P<spaced>{WORDED_NAMES}))\s+(?=[\w.'\"+-])",
    re.IGNORECASE,
)
_SIGNED_NAME = pattern(
    rf"(?P<least>min(?:imum)?)_(?P<of_least>\w+)|(?P<most>max(?:imum)?)_(?P<of_most>\w+)"
    rf"|(?P<base>\w+?)(?:__|_)(?P<sign>{WORDED_NAMES}|min|max)",
    re.IGNORECASE,
)
_SIGNED_WORDS = {
    **dict.fromkeys(("larger", "larger_than", "bigger"), ("size", ">")),
    **dict.fromkeys(("smaller", "smaller_than"), ("size", "<")),
    **dict.fromkeys(("older", "older_than"), ("date", "<")),
    **dict.fromkeys(("newer", "newer_than"), ("date", ">")),
}
"""Names that hold a sign. Source: Gmail, search operators."""
_AGE = pattern(r"\d{1,5}(?:min|h|d|w|mo|m|y)")
_OPERATOR = pattern("|".join(re.escape(operator) for operator in sorted(OPERATORS, key=len, reverse=True)))
_NAME = pattern(
    r"`[^`\n]{1,100}`(?::(?:float|int|string|bool|datetime)(?=\s*[=<>!]))?|_(?:exists|missing)_"
    r"|[^\W\d_][\w.\-/]*(?:`[^`\n]{1,100}`|(?<=\.)\"[^\"\n]{1,100}\")?(?:@(?:\"[^\"\n]{1,200}\"|[\w.\-/]+))*"
)
"""Quotes stand around an odd name alone, behind `metrics.`, or around a data set. Source: MLflow, search syntax of runs."""
_QUOTED_NAME = pattern(r"\"([^\"\n]{1,100})\"\s*(?=[<>=!\u2264\u2265\u2260])")
_NAME_IN_QUOTES = pattern(r"(?<=\.)\"([^\"]*)\"")
_SQL = pattern(
    r"\s+(?:(?P<null>IS\s+(?P<valued>NOT\s+)?(?:NULL|NONE|EMPTY|MISSING|UNSET)\b(?!\s*[:=]))"
    r"|(?P<there>EXISTS(?![\w:(=]))"
    r"|(?P<isnt>IS\s+NOT|ISN['\N{RIGHT SINGLE QUOTATION MARK}]?T|ARE\s+NOT|AREN['\N{RIGHT SINGLE QUOTATION MARK}]?T)\s+(?!IN\b)(?=['\"\w])"
    r"|NOT\s+BETWEEN\s+(?P<low>[^\s()]+)\s+AND\s+(?P<high>[^\s()]+)"
    r"|(?P<lacks>(?:DO(?:ES)?\s+)?NOT\s+|DO(?:ES)?N['\N{RIGHT SINGLE QUOTATION MARK}]?T\s+|!(?==?~))?"
    r"(?P<part>CONTAINS?|STARTS?\s?WITH|BEGINS?\s+WITH|ENDS?\s?WITH|=?~)\s+(?=['\"\w])"
    r"|(?P<unlike>NOT\s+)?I?LIKE\s+(?=['\"\w%*])|(?:IS\s+)?(?P<outside>NOT\s+)?IN\s*(?=[(\[]))"
    r"|=(?:in|(?P<out>out))=(?=[(\[])",
    re.IGNORECASE,
)
"""What follows a name in filters of MLflow, Neptune and Comet and in SQL."""
_ANY_IN_SQL = pattern(r"\\(%)|%")
_MEMBER = pattern(
    r"(?:'(?P<single>[^'\n]{1,100})'|\"(?P<double>[^\"\n]{1,100})\")\s+(?P<outside>not\s+)?in\s+"
    r"(?P<name>[^\W\d_][\w.]*)(?![\w:(])",
    re.IGNORECASE,
)
"""`"prod" in tags`, as in Python and W&B."""
_BRACKETED_RANGE = pattern(
    r"(?P<open>[\[{])\s*(?P<low>[^\s\[\]{}]+)\s+(?:TO|to)\s+(?P<high>[^\s\[\]{}]+)\s*(?P<close>[\]}])"
)
"""`[0.9 TO *]` with, `{0.9 TO 1}` without its ends. Source: Lucene 9, classic query parser, range searches."""
_LEFT_BOUND = pattern(
    r"(?P<number>[12]\d{3}-\d{1,2}(?:-\d{1,2})?|[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>\s?[^\W\d_]{1,10}|\s?%)?"
    r"\s*(?P<sign>[<>]=?|\u2264|\u2265)\s*"
)
_RIGHT_BOUND = pattern(
    r"\s*(?P<sign>[<>]=?|\u2264|\u2265)\s*"
    r"(?P<number>[12]\d{3}-\d{1,2}(?:-\d{1,2})?|[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?(?:%|[^\W\d_]{0,10}))"
)
_UNIT = pattern(r"\s(%|[^\W\d_]{1,10})(?![\w.:=<>@-])")
_THOUSANDS = pattern(r"(?:[ \u00a0\u202f]\d{3})+(?![\w.,])")
_FIRST_END = pattern(r"[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?(?:[^\W\d_]{0,10}|%)")
_TRAILING_UNIT = pattern(r"(?:[^\W\d_]+|%)$")
_ENDS = pattern(r"\.\.|(?<=\d)-(?=[\d.])")
_PLAIN_NUMBER = pattern(r"[<>=]*[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?")
_SPACE = pattern(r"\s+")
_TO_END = pattern(r"\s*(?:\.\.+|\N{HORIZONTAL ELLIPSIS})\s*|\s+(?:-|to|bis|TO)\s+")
"""Between the ends of a range that stand apart: `0.9 .. 1`, `7B - 13B`, `0.9 to 1`."""
_COMMA_RANGE = pattern(
    r"(?P<low>0+,\d+|\d+,\d{1,2})(?:\s*(?:\.\.|-)\s*|\s+(?:to|bis|à|a)\s+)(?P<high>0+,\d+|\d+,\d{1,2})(?![\w.,])"
)
"""`0,9 - 0,96`: a comma between the digits of both ends is theirs, and parts no values. `50,100-200,300` is a list."""
_FURTHER_BOUND = pattern(
    r"(?P<joining>\s*,\s*|\s+(?:(?:and|und|but|AND|&&?|(?P<either>or|oder|OR|\|\|?))\s+)?)(?P<sign>[<>]=?|\u2264|\u2265)\s*(?=v?\d|[.+-])"
)
"""`accuracy > 0.8 and < 0.9`: the second bound has the name of the first."""
_NEARLY = pattern(r"\s*(?P<not>!)?[~\N{ALMOST EQUAL TO}]=?\s*(?=[\d.])")
_NOUN_OF_UNIT = pattern(
    r"\s+(?:tokens?|parameters|params|layers|epochs)(?![\w:=<>@-])(?!\s*(?:[:=<>!~\u2264\u2265]|(?:over|under|above|below|between)\b))"
)
"""Behind a number with its unit; where it is compared itself, it is a name."""
_LEADING_SIGN = pattern(r"[.@$](?=[^\W\d_])")
"""Before names of jq, Datadog and programs."""
_DISTANCE = pattern(r"[~^]\d*(?:\.\d+)?(?=[\s)]|$)")
_WORD_END = pattern(r"[\s()\"\N{LEFT DOUBLE QUOTATION MARK}\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}]")
_VALUE_STOP = pattern(r"[\s,()\]]")
_RANGE = pattern(r"(?:\d+(?:,\d+)+[^\s,]*?|[^\s,]*?)\.\.[^\s,]*")


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


def scan(text: str, names: Names) -> list[Token]:
    """The tokens of `text`."""
    return _Scanner(text, names).tokens()


class _Scanner:
    def __init__(self, text: str, names: Names, *, start: int = 0, level: int = 0) -> None:
        self.text = text
        self.names = names
        self.known = names.known
        self.at = start
        self.level = level

    def tokens(self) -> list[Token]:
        tokens: list[Token] = []
        while True:
            self._skip_space()
            if self.at >= len(self.text):
                return tokens
            tokens += self._group() or [self._token()]
            while further := self._further_bound(tokens[-1]):
                tokens += further

    def _token(self) -> Token:
        letter = self.text[self.at]
        if letter in "\"'" and (member := self._member()) is not None:
            return member
        if letter == '"' and (named := self._quoted_name()) is not None:
            return named
        if letter.isdigit() or letter in "+-.":
            bounded = self._left_bound()
            if bounded is not None:
                return bounded
        if letter in "()":
            self.at += 1
            return Token(
                kind=Kind.OPEN if letter == "(" else Kind.CLOSE, start=self.at - 1, end=self.at, text=letter
            )
        if letter in QUOTES:
            piece, closed = self._quoted()
            distance = _DISTANCE.match(self.text, self.at)
            if distance is not None:
                self.at = distance.end()
            return Token(
                kind=Kind.PHRASE,
                start=piece.start,
                end=self.at,
                text=piece.text,
                operator=distance[0] if distance else "",
                closed=closed,
            )
        if letter == "+" and self._requires():
            self.at += 1  # what is asked for is required here
            return self._token()
        if letter == "~" and self.text[self.at + 1 : self.at + 2] == "(":  # as in pandas
            self.at += 1
            return Token(kind=Kind.NOT, start=self.at - 1, end=self.at, text=letter)
        if letter in "-!" and self._negates():
            self.at += 1
            return Token(kind=Kind.NOT, start=self.at - 1, end=self.at, text=letter)
        return self._checkpoint() or self._condition() or self._word()

    def _checkpoint(self) -> Token | None:
        """`epoch=3-step=1000.ckpt`: a file of weights whose name looks like conditions."""
        named = _CHECKPOINT.match(self.text, self.at)
        if named is None or not _OF_CHECKPOINT.search(named[0]):
            return None
        self.at = named.end()
        return Token(kind=Kind.WORD, start=named.start(), end=named.end(), text=named[0])

    def _requires(self) -> bool:
        """`+bert` and `+license:mit` as in Lucene; a lone plus and `+5` are text."""
        follow = self.text[self.at + 1 : self.at + 2]
        return bool(follow) and (follow.isalpha() or follow in '("')

    def _negates(self) -> bool:
        """A minus or bang right before something that can be negated; `--` and a lone `-` are text."""
        follow = self.text[self.at + 1 : self.at + 2]
        return bool(follow) and not follow.isspace() and follow not in "-!=)"

    def _word(self) -> Token:
        start = self.at
        stop = _WORD_END.search(self.text, start + 1)
        self.at = stop.start() if stop else len(self.text)
        word = self.text[start : self.at]
        kind = {"AND": Kind.AND, "&&": Kind.AND, "OR": Kind.OR, "||": Kind.OR, "|": Kind.OR, "NOT": Kind.NOT}
        return Token(kind=kind.get(word, Kind.WORD), start=start, end=self.at, text=word)

    def _member(self) -> Token | None:
        """`"prod" in tags`: the value stands before the name."""
        match = _MEMBER.match(self.text, self.at)
        if match is None or not self.known(match["name"]):
            return None
        start, self.at = self.at, match.end()
        value = match["single"] or match["double"]
        piece = Piece(text=value, quoted=True, start=start, end=start + len(value) + 2)
        return self._condition_of(
            start, match["name"], match.end("name"), "!=" if match["outside"] else ":", (piece,)
        )

    def _quoted_name(self) -> Token | None:
        """`"avg model score" > 0.5`: a phrase before a sign is a name."""
        named = _QUOTED_NAME.match(self.text, self.at)
        if named is None:
            return None
        operator = _OPERATOR.match(self.text, named.end())
        if operator is None or not self._compares(
            named[1], OPERATORS[operator[0]], operator.end(), spaced=True
        ):
            return None
        return self._compared(named[1], named.end(1) + 1, OPERATORS[operator[0]], operator.end())

    def _left_bound(self) -> Token | None:
        """`0.8 < accuracy < 0.9` and `7B <= params`: the number stands before the name."""
        bound = _LEFT_BOUND.match(self.text, self.at)
        named = _NAME.match(self.text, bound.end()) if bound else None
        if bound is None or named is None or not self.known(_name_of(named)):
            return None
        name, sign = _name_of(named), OPERATORS[bound["sign"]]
        number = bound["number"] + (bound["unit"] or "").strip()
        start, self.at = self.at, named.end()
        other = _RIGHT_BOUND.match(self.text, self.at)
        second = OPERATORS[other["sign"]] if other else ""
        if other is not None and second[0] == sign[0]:
            self.at = other.end()
            last, unit = other["number"], _UNIT.match(self.text, self.at)
            if (
                unit is not None
                and last[-1:].isdigit()
                and unit[1].casefold() in (self.names.units(name) or ())
            ):
                self.at, last = unit.end(), f"{last}{unit[1]}"
            ends = [(number, sign), (last, second)]
            low, high = ends if sign[0] == "<" else ends[::-1]
            number = f"{'>' * (low[1] in _STRICT)}{low[0]}..{'<' * (high[1] in _STRICT)}{high[0]}"
            sign = ":"
        else:
            sign = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}[sign]
        piece = Piece(text=number, quoted=False, start=start, end=self.at)
        return self._condition_of(start, name, named.end(), sign, (piece,))

    def _condition_of(
        self,
        start: int,
        name: str,
        name_end: int,
        sign: str,
        values: tuple[Piece, ...],
        *,
        listed: bool = False,
    ) -> Token:
        return Token(
            kind=Kind.CONDITION,
            start=start,
            end=self.at,
            text=self.text[start : self.at],
            name=name,
            name_end=name_end,
            operator=sign,
            values=values,
            bracketed=listed,
        )

    def _sql(self, named: re.Match[str]) -> Token | None:
        """`license IS NULL`, `name LIKE '%rf%'`, `task NOT IN ('ner', 'qa')`."""
        words = _SQL.match(self.text, named.end())
        name = _name_of(named)
        if words is None or not (self.known(name) or "`" in named[0]):
            return None
        start, self.at = self.at, words.end()
        if words["null"] or words["there"]:
            piece = Piece(text=name, quoted=False, start=start, end=named.end())
            present = words["valued"] or words["there"]
            return self._condition_of(start, "has" if present else "missing", named.end(), ":", (piece,))
        if words["isnt"]:
            self.at = start
            return self._compared(name, named.end(), "!=", words.end())
        if words["low"]:
            text = f"{words['low']}..{words['high']}"
            piece = Piece(text=text, quoted=False, start=words.start("low"), end=words.end())
            return self._condition_of(start, name, named.end(), "!=", (piece,))
        if self.text[self.at] in "([":
            opening = self.text[self.at]
            end = self._closing(self.at)
            pieces = self._listed(self.at + 1, end)
            self.at = min(end + 1, len(self.text))
            sign = "!=" if words["outside"] or words["out"] else ":"
            return (
                self._condition_of(start, name, named.end(), sign, pieces, listed=opening == "[")
                if pieces
                else None
            )
        sign = "!=" if words["unlike"] or words["lacks"] else ":"
        likes = self._patterns(words, name, sign)
        if not likes:
            self.at = start
            return None
        return self._condition_of(start, name, named.end(), sign, likes)

    def _patterns(self, words: re.Match[str], name: str, sign: str) -> tuple[Piece, ...]:
        """The value behind LIKE or contains, and those behind `or`, as patterns."""
        part = (words["part"] or "").casefold()
        head = "*" if part and not part.startswith(("start", "begin")) else ""
        tail = "*" if part and not part.startswith("end") else ""
        likes: list[Piece] = []
        further = self.at
        while further:
            self.at = further
            piece, _ = self._piece(in_brackets=False)
            if piece is None:
                break
            text = f"{head}{_ANY_IN_SQL.sub(lambda sign: sign[1] or '*', piece.text)}{tail}"
            likes.append(replace(piece, text=text, quoted="*" not in text))
            further = self._further_value(name, sign, likes)
        return tuple(likes)

    def _listed(self, start: int, end: int) -> tuple[Piece, ...]:
        """The values between brackets, parted by commas."""
        inside = _Scanner(self.text[:end], self.names, start=start)
        pieces: list[Piece] = []
        while True:
            inside._skip_space()
            if inside.at >= end:
                return tuple(pieces)
            if inside.text[inside.at] == ",":
                inside.at += 1
                continue
            piece, _ = inside._piece(in_brackets=True)
            if piece is not None:
                pieces.append(piece)

    def _closing(self, opening: int) -> int:
        """The place of the bracket that closes the one at `opening`, or the end of the text."""
        pairs = {"(": ")", "[": "]"}
        close, depth, at = pairs[self.text[opening]], 0, opening
        while at < len(self.text):
            letter = self.text[at]
            if letter == '"':
                quoted = self.text.find('"', at + 1)
                at = len(self.text) if quoted < 0 else quoted
            elif letter == self.text[opening]:
                depth += 1
            elif letter == close:
                depth -= 1
                if depth == 0:
                    return at
            at += 1
        return len(self.text)

    def _group(self) -> list[Token]:
        """`license:(mit OR apache-2.0)`: every word in the brackets is a value of the name. Empty when it is none."""
        named = _NAME.match(self.text, self.at)
        if named is None or self.level >= _MAX_GROUPS:
            return []
        name = _name_of(named)
        operator = _GROUP_SIGN.match(self.text, named.end())
        if operator is None or not self.known(name):
            return []
        start, opening = self.at, operator.end() - 1
        end = self._closing(opening)
        inside = _Scanner(self.text[:end], self.names, start=opening + 1, level=self.level + 1).tokens()
        self.at = min(end + 1, len(self.text))
        sign = OPERATORS[operator["sign"]]
        if operator["lacks"] or sign == "!=":  # none of what is in the brackets, whatever joins it
            lacking = Token(kind=Kind.NOT, start=start, end=opening, text=self.text[start:opening])
            return [lacking, *self._of_group(start, opening, end, (name, named.end(), ":"), inside)]
        return self._of_group(start, opening, end, (name, named.end(), sign), inside)

    def _of_group(
        self, start: int, opening: int, end: int, named: tuple[str, int, str], inside: list[Token]
    ) -> list[Token]:
        """The values as one condition where any of them is right, else a condition for each."""
        name, name_end, sign = named
        kinds = {token.kind for token in inside}
        joins = {token.text.casefold() for token in inside} & {"and", "not", "&&"}
        either = Kind.OR in kinds or any(token.text.casefold() == "or" for token in inside)
        listed = either or len(inside) < _SEVERAL or not self.names.running(name)
        if kinds <= {Kind.WORD, Kind.PHRASE, Kind.OR} and listed and not joins:
            pieces = tuple(
                piece
                for token in inside
                if token.kind is not Kind.OR and token.text.casefold() != "or"
                for piece in _pieces_of(token)
            )
            if not any(piece.text[:1] in "<>" for piece in pieces if not piece.quoted):
                return [self._condition_of(start, name, name_end, sign, pieces, listed=True)]
        return self._spread(start, opening, end, named, inside)

    def _spread(
        self, start: int, opening: int, end: int, named: tuple[str, int, str], inside: list[Token]
    ) -> list[Token]:
        """The group as one condition for each of its words."""
        name, name_end, sign = named
        tokens = [Token(kind=Kind.OPEN, start=start, end=opening + 1, text="(")]
        for token in inside:
            if token.kind not in {Kind.WORD, Kind.PHRASE} or token.text in {"and", "or", "not"}:
                tokens.append(token)
                continue
            pieces = _pieces_of(token)
            compared = _OPERATOR.match(token.text) if token.kind is Kind.WORD else None
            own = OPERATORS[compared[0]] if compared and len(pieces) == 1 else sign
            if compared and own != sign:
                pieces = (replace(pieces[0], text=pieces[0].text[compared.end() :]),)
            tokens.append(
                Token(
                    kind=Kind.CONDITION,
                    start=token.start,
                    end=token.end,
                    text=f"{name}{own}{token.text}",
                    name=name,
                    name_end=name_end,
                    operator=own,
                    values=tuple(piece for piece in pieces if piece.text),
                )
            )
        if end < len(self.text):
            tokens.append(Token(kind=Kind.CLOSE, start=end, end=end + 1, text=")"))
        return tokens

    def _condition(self) -> Token | None:
        mark = _LEADING_SIGN.match(self.text, self.at)
        named = _NAME.match(self.text, mark.end() if mark else self.at)
        if named is None or named[0].casefold() in _JOINING or (mark and not self.known(_name_of(named))):
            return None
        asked = self._sql(named) or self._worded(named)
        if asked is not None:
            return asked
        name = _name_of(named)
        gap = _SPACE.match(self.text, named.end())
        nearly = _NEARLY.match(self.text, named.end())
        if nearly is not None and self.names.units(name) is not None:
            return self._compared(name, named.end(), "!=" if nearly["not"] else ":", nearly.end())
        operator = _OPERATOR.match(self.text, gap.end() if gap else named.end())
        if operator is None:
            return None
        sign = OPERATORS[operator[0]]
        if not self._compares(name, sign, operator.end(), spaced=gap is not None):
            return None
        return self._compared(name, named.end(), sign, operator.end())

    def _worded(self, named: re.Match[str]) -> Token | None:
        """`accuracy[gte]=0.9`, `accuracy__gt=0.9`, `accuracy ge 0.9`, `min_accuracy=0.9`: the sign is a word."""
        name = _name_of(named)
        worded = _WORDED_SIGN.match(self.text, named.end())
        if worded is not None and self.known(name):
            word = next(filter(None, worded.groups()))
            sign = WORDED[word.casefold()]
            compares = sign in {"=", "!="} or self.names.units(name) is not None
            if worded["spaced"] is None or (
                compares and looks_numeric(self.text[worded.end() :]) != (sign in {"=", "!="})
            ):
                return self._compared(name, named.end(), sign, worded.end())
        equal = _EQUAL.match(self.text, named.end())
        if equal is None or self.known(name):
            return None
        base, sign = self._signed(name)
        if not base:
            return None
        token = self._compared(base, named.end(), sign, equal.end())
        if base != "date":
            return token
        ages = (
            replace(piece, text=f"-{piece.text}") if _AGE.fullmatch(piece.text) else piece
            for piece in token.values
        )
        return replace(token, values=tuple(ages))

    def _signed(self, name: str) -> tuple[str, str]:
        """The known name in it and the sign that the rest of it means; empty for others."""
        if name.casefold() in _SIGNED_WORDS:
            return _SIGNED_WORDS[name.casefold()]
        match = _SIGNED_NAME.fullmatch(name)
        if match is None:
            return "", ""
        base = match["of_least"] or match["of_most"] or match["base"]
        word = (match["sign"] or "").casefold()
        sign = (
            ">="
            if match["least"] or word == "min"
            else "<="
            if match["most"] or word == "max"
            else WORDED[word]
        )
        return (base, sign) if self.known(base) else ("", "")

    def _further_bound(self, before: Token) -> list[Token]:
        """A second bound of what was compared last, behind the operator between; empty for other words."""
        if before.kind is not Kind.CONDITION or before.operator not in _BOUNDS or len(before.values) != 1:
            return []
        further = _FURTHER_BOUND.match(self.text, self.at)
        if further is None or not self.names.compared(before.name):
            return []
        start, self.at = self.at + len(further["joining"]), further.start("sign")
        either = [
            Token(
                kind=Kind.OR, start=further.start("either"), end=further.end("either"), text=further["either"]
            )
        ]
        bound = replace(
            self._compared(before.name, 0, OPERATORS[further["sign"]], further.end()),
            start=start,
            name_end=start,
            text=self.text[start : self.at],
        )
        return [*either, bound] if further["either"] else [bound]

    def _compared(self, name: str, name_end: int, sign: str, after: int) -> Token:
        """The condition whose sign ends at `after`."""
        start = self.at
        self.at = after
        if sign in {":", "="}:
            apart = self.names.units(name) is not None
            sign = self._second_operator(apart=apart, negates=not apart and name.casefold() != "sort") or sign
        values, bracketed, closed = self._values(name, sign)
        return replace(
            self._condition_of(start, name, name_end, sign, values, listed=bracketed), closed=closed
        )

    def _compares(self, name: str, sign: str, after: int, *, spaced: bool) -> bool:
        follow = self.text[after : after + 1]
        rest = _SPACE.match(self.text, after)
        begin = rest.end() if rest else after
        value = self.text[begin : begin + 40]
        if sign == ":":
            if self.text.startswith(("//", "\\"), after):  # file:///data and C:\models are places
                return False
            if name == "file" and follow == "/":  # file:/data, as Java writes it
                return False
            if spaced:  # `task : ner` as in Kibana, not a colon in prose
                apart = (
                    value[:1] not in {"", ":"} if rest is not None else _BEGINS_VALUE.match(value) is not None
                )
                return apart and name.casefold() not in _PREPOSITIONS and self.known(name)
            if self.known(name):
                return True
            # s3://bucket, C:\models, std::vector, and prose such as "note: this" are words.
            return bool(follow) and not follow.isspace() and follow not in "/\\:)" and len(name) > 1
        if self.known(name):
            return bool(value)
        return looks_numeric(value)

    def _second_operator(self, *, apart: bool, negates: bool) -> str:
        """`params:>7B` as on GitHub; of numbers also `accuracy: > 0.9`; `license:!mit`, `license:NOT mit`."""
        left_out = _NEGATED_VALUE.match(self.text, self.at) or _NEGATED_APART.match(self.text, self.at)
        if negates and left_out is not None and not self._next_condition(left_out.end()):
            self.at = left_out.end()
            return "!="
        nearly = _NEARLY.match(self.text, self.at) if apart else None
        if nearly is not None and not nearly["not"]:
            self.at = nearly.end()  # a number is what rounds to it
            return ""
        gap = _SPACE.match(self.text, self.at) if apart else None
        operator = _OPERATOR.match(self.text, gap.end() if gap else self.at)
        if operator is None or operator[0] == ":":
            return ""
        half_open = _RANGE.match(self.text, operator.end())
        if operator[0] in "><" and half_open and ".." in half_open[0]:
            return ""
        self.at = operator.end()
        return OPERATORS[operator[0]]

    def _values(self, name: str, sign: str) -> tuple[tuple[Piece, ...], bool, bool]:
        """The values, whether brackets or blanks make them a list, and whether all quotes are closed: `6,12 to 24, 48`, `mit or apache-2.0`."""
        values, bracketed, closed = self._series(name, sign)
        pieces = [*values]
        while pieces and not bracketed and (further := self._further_value(name, sign, pieces)):
            self.at = further
            values, _, ended = self._series(name, sign)
            pieces += values
            closed = closed and ended
        bounded = sign in _BOUNDS and len(pieces) == 1 and _FURTHER_BOUND.match(self.text, self.at)
        if pieces and not bracketed and not bounded and self.text[self.at : self.at + 1] == ",":
            self.at += 1
        apart = any(later.start > first.end + 1 for first, later in pairwise(pieces))  # no thousands
        return tuple(_of_one_unit(pieces) if apart else pieces), bracketed or apart, closed

    def _series(self, name: str, sign: str) -> tuple[tuple[Piece, ...], bool, bool]:
        if sign != ":" or self.known(name):
            self._skip_space_before_value()
        between = _BRACKETED_RANGE.match(self.text, self.at)
        if between is not None:
            return (self._between(between),), False, True
        if self.text[self.at : self.at + 1] == "[":
            return self._bracketed()
        units = self.names.units(name)
        spread = self._comma_range(name, units) if units is not None else None
        if spread is not None:
            return (spread,), False, True
        pieces: list[Piece] = []
        closed = True
        while self.at < len(self.text):
            piece, ended = self._piece(in_brackets=False)
            closed = closed and ended
            if piece is not None:
                pieces += _alternatives(self._measured(piece, units)) if self.known(name) else [piece]
            follow = self.text[self.at + 1 : self.at + 2]
            if self.text[self.at : self.at + 1] != "," or not follow or follow in "),":
                break
            if follow.isspace() and (further := self._further_value(name, sign, pieces)):
                self.at = further
                continue
            if follow.isspace():
                break
            if self._next_condition(self.at + 1):
                break
            one_bound = sign in _BOUNDS and len(pieces) == 1 and self.names.compared(name)
            if one_bound and _FURTHER_BOUND.match(self.text, self.at):
                return tuple(pieces), False, closed  # a second bound with a sign of its own
            self.at += 1
        if pieces and units is not None and sign in {":", "=", "!="}:
            pieces[-1] = self._with_end(pieces[-1], units)
        return tuple(pieces), False, closed

    def _further_value(self, name: str, sign: str, before: Sequence[Piece]) -> int:
        """Where the next value stands behind a comma and a blank, or behind or: one that models have, or a number. 0 for others."""
        listed = _NEXT_VALUE.match(self.text, self.at)
        if listed is None or sign in _BOUNDS or not self.known(name):
            return 0
        units = self.names.units(name)
        if units is None:
            holds = self.names.holds(name, listed["value"])
            # "owner isn't ada or bob": where Bob has none, a word of its own would find all models that are not Ada's.
            lacks = sign == "!=" and _LAST_OF_LIST.match(self.text, listed.end()) is not None
            return listed.start("value") if holds or lacks else 0
        number = _NEXT_NUMBER.match(self.text, listed.start("value"))
        unit = _LAST_UNIT.search(before[-1].text) if before else None
        if number is None or unit is None:
            return 0
        apart = _UNIT.match(self.text, number.end()) if not number["unit"] else None
        measured = apart is not None and apart[1].casefold() in units
        end = apart.end() if apart is not None and measured else number.end()
        follow = (apart[1] if apart is not None and measured else number["unit"]).casefold()
        shared = not unit[1] and len(follow) > 1 and follow in units and self.text[self.at] != ","
        about = _ABOUT if self.text[self.at] != "," else _MORE
        if (follow != unit[1].casefold() and not shared) or about.match(self.text, end):
            return 0  # another unit, or what the number is of: another condition
        return listed.start("value")

    def _comma_range(self, name: str, units: Collection[str]) -> Piece | None:
        """The range whose ends have decimal commas, with the unit behind it for both; None for lists and others."""
        spread = _COMMA_RANGE.match(self.text, self.at)
        if spread is None:
            return None
        measured = _UNIT.match(self.text, spread.end())
        unit = measured[1] if measured is not None and measured[1].casefold() in units else ""
        if self.names.whole(name, unit):
            return None
        start, self.at = self.at, measured.end() if measured is not None and unit else spread.end()
        text = "..".join(f"{end}{unit}" for end in spread.group("low", "high"))
        return Piece(text=text, quoted=False, start=start, end=self.at)

    def _with_end(self, piece: Piece, units: Collection[str]) -> Piece:
        """The range of which this is the first end, where its last one stands apart."""
        first = piece.text.rstrip(".")
        if piece.quoted or not _FIRST_END.fullmatch(first):
            return piece
        between = _TO_END.match(self.text, piece.start + len(first) if first != piece.text else self.at)
        if between is None:
            return piece
        if not _FIRST_END.match(self.text, between.end()):
            if not between[0].strip().startswith((".", "\N{HORIZONTAL ELLIPSIS}")):
                return piece
            self.at = between.end()
            return replace(piece, text=f"{first}..*", end=self.at)
        self.at = between.end()
        last, _ = self._piece(in_brackets=False)
        if last is None:
            return piece
        last = self._measured(last, units)
        unit = _TRAILING_UNIT.search(last.text)
        if unit is not None and first[-1:].isdigit():
            first = f"{first}{unit[0]}"
        return replace(piece, text=f"{first}..{last.text}", end=self.at)

    def _between(self, match: re.Match[str]) -> Piece:
        """A range in brackets as the language writes it: `[0.9 TO *]` is `0.9..*`."""
        self.at = match.end()
        low, high = match["low"], match["high"]
        if low == high == "*":
            return Piece(text="*", quoted=False, start=match.start(), end=match.end())
        strict_low, strict_high = match["open"] == "{" and low != "*", match["close"] == "}" and high != "*"
        text = f"{'>' * strict_low}{low}..{'<' * strict_high}{high}"
        return Piece(text=text, quoted=False, start=match.start(), end=match.end())

    def _measured(self, piece: Piece, units: Collection[str] | None) -> Piece:
        """The number with the unit that stands apart from it: `7 B`, `1.5 GB`, `1 000 000`."""
        if units is None or piece.quoted:
            return piece
        if not _PLAIN_NUMBER.fullmatch(_ENDS.split(piece.text)[-1]):
            noun = _NOUN_OF_UNIT.match(self.text, self.at) if piece.text[-1:].isalpha() else None
            if noun is not None and piece.text[:1].isdigit():
                self.at = noun.end()
            return piece
        thousands = _THOUSANDS.match(self.text, self.at)
        if thousands is not None:
            self.at = thousands.end()
        digits = self.text[piece.start : self.at]
        unit = _UNIT.match(self.text, self.at)
        if unit is not None and unit[1].casefold() in units:
            self.at = unit.end()
            digits += unit[1]
        return replace(piece, text="".join(digits.split()), end=self.at)

    def _next_condition(self, start: int) -> bool:
        """`use_case=NLP,precision=FP16`: whether another condition follows the comma."""
        named = _NAME.match(self.text, start)
        operator = _OPERATOR.match(self.text, named.end()) if named else None
        return named is not None and operator is not None and self.known(_name_of(named))

    def _skip_space_before_value(self) -> None:
        """`task: ner` and `accuracy > 0.9`, but not across to the next condition: `task: framework:onnx`."""
        gap = _SPACE.match(self.text, self.at)
        if gap is None:
            return
        named = _NAME.match(self.text, gap.end())
        ahead = _OPERATOR.match(self.text, named.end()) if named else None
        follow = self.text[gap.end() : gap.end() + 1]
        if follow and follow not in "()" and not (named and ahead and self.known(named[0])):
            self.at = gap.end()

    def _bracketed(self) -> tuple[tuple[Piece, ...], bool, bool]:
        self.at += 1
        pieces: list[Piece] = []
        closed = True
        while True:
            self._skip_space()
            if self.at >= len(self.text):
                return tuple(pieces), True, False
            letter = self.text[self.at]
            if letter == "]":
                self.at += 1
                return tuple(pieces), True, closed
            if letter == ",":
                self.at += 1
                continue
            piece, ended = self._piece(in_brackets=True)
            closed = closed and ended
            if piece is not None:
                pieces.append(piece)

    def _piece(self, *, in_brackets: bool) -> tuple[Piece | None, bool]:
        if self.text[self.at : self.at + 1] in {*QUOTES, "'"}:
            return self._quoted()
        start = self.at
        depth = 0
        while (stop := _VALUE_STOP.search(self.text, self.at)) is not None:
            letter = stop[0]
            if letter == "(":
                depth += 1
            elif letter == ")" and depth:
                depth -= 1
            elif not (letter == "]" and not in_brackets) and not (in_brackets and letter == ")"):
                self.at = stop.start()
                break
            self.at = stop.end()
        else:
            self.at = len(self.text)
        if self.at == start and in_brackets:
            self.at += 1  # a stray bracket inside brackets is skipped, so that the scan always moves on
            return None, True
        text = self.text[start : self.at]
        bare = _ESCAPED.sub(r"\1", text)
        return (Piece(text=bare, quoted=bare != text, start=start, end=self.at) if text else None), True

    def _quoted(self) -> tuple[Piece, bool]:
        """Quoted text up to its closing quote or the end; a backslash keeps the next quote or backslash."""
        start = self.at
        closing = QUOTES.get(self.text[start], self.text[start])
        letters: list[str] = []
        self.at += 1
        while self.at < len(self.text):
            letter = self.text[self.at]
            follow = self.text[self.at + 1 : self.at + 2]
            if letter == "\\" and follow and follow in {closing, "\\"}:
                letters.append(follow)
                self.at += 2
                continue
            self.at += 1
            if letter == closing:
                return Piece(text="".join(letters), quoted=True, start=start, end=self.at), True
            letters.append(letter)
        return Piece(text="".join(letters), quoted=True, start=start, end=self.at), False

    def _skip_space(self) -> None:
        gap = _SPACE.match(self.text, self.at)
        if gap:
            self.at = gap.end()


_MAX_GROUPS = 3
_SEVERAL = 2
_PREPOSITIONS = frozenset({"in", "on", "is", "no", "from", "has", "by", "for", "since", "until", "without"})
_JOINING = frozenset({"and", "or", "not"})
_GROUP_SIGN = pattern(r"\s*(?P<sign>:|!=|==?)\s*(?P<lacks>(?:not|NOT)\s+)?\(")
_STRICT = frozenset("<>")
_BOUNDS = frozenset({">", ">=", "<", "<="})
_CHECKPOINT = pattern(r"(?P<name>[\w./=\-]{1,200})(?=\s|$)")
_OF_CHECKPOINT = pattern(r"=\d.*\.(?:ckpt|pth?|bin|safetensors|onnx|gguf|keras|h5)$")
"""Source: PyTorch Lightning, ModelCheckpoint, names of files."""
_NEXT_VALUE = pattern(r"(?:,\s*|\s+(?:or|oder|ou|o)\s+)(?P<value>[\w.+-]*[\w+%])(?=\s|,|\)|$)")
_LAST_OF_LIST = pattern(r"\s*(?:[,)]|$|(?:and|or|und|oder|sort:)\b)")
_NEXT_NUMBER = pattern(
    r"(?:\d[\d.,]*?|\.\d+)(?:[eE][+-]?\d+)?(?P<unit>[^\W\d_]*|%)(?:\.\.[\w.]+)?(?=\s|,|\)|$)"
    r"(?!\s*[<>=])"
)
_MORE = pattern(r"\s+(?!(?:or|oder|ou|o|to|bis)\s|[\w.@]+(?::|[<>=]))[^\W\d_]")
"""A word behind a number of which nobody knows whether it tells what the number is of."""
_ABOUT = pattern(r"\s+(?:[kmgt]i?b|b|bits?|bytes?|tokens?|percent)\b")
_LAST_UNIT = pattern(r"\d([^\W\d_]*|%)$")
_BEGINS_VALUE = pattern(r"[\w\"'(\[<>=.+-]*\w")
"""Behind a colon that stands apart from the name alone, `license :mit`: no emoticon."""
_EQUAL = pattern(r"\s*==?\s*|:\s*(?![/\\])")
_ESCAPED = pattern(r"\\([-+!(){}\[\]^\"~*?:/&|=<>])")
"""A sign that means itself. Source: Lucene 9, classic query parser."""
_NEGATED_APART = pattern(r"\s+(?:(?:not|NOT)\s+|!(?!=)|-(?=[^\W\d_]))(?=[\"'\w])")
_NEGATED_VALUE = pattern(r"(?:!(?!=)|-(?=[^\W\d_])|NOT\s+|not\s+)(?=[\"'\w])")


def _name_of(named: re.Match[str]) -> str:
    if named[0].startswith("`"):
        return named[0][1 : named[0].index("`", 1)]
    return _NAME_IN_QUOTES.sub(r"\1", named[0]).replace("`", "")


def _alternatives(piece: Piece) -> list[Piece]:
    """`pytorch|onnx` as two values; a bar in quotes or at an end is text."""
    if piece.quoted or "|" not in piece.text.strip("|"):
        return [piece]
    return [replace(piece, text=part) for part in piece.text.split("|") if part]


def _of_one_unit(pieces: Sequence[Piece]) -> list[Piece]:
    """`2 or 3 GB`: the unit of the last one is that of those before it that have none."""
    unit = _LAST_UNIT.search(pieces[-1].text)
    if unit is None or not unit[1] or any(piece.quoted for piece in pieces):
        return [*pieces]
    return [
        replace(piece, text=f"{piece.text}{unit[1]}") if piece.text[-1:].isdigit() else piece
        for piece in pieces
    ]


def _pieces_of(token: Token) -> tuple[Piece, ...]:
    """The values that one word in the brackets of a group stands for."""
    if token.kind is Kind.PHRASE:
        return (Piece(text=token.text, quoted=True, start=token.start, end=token.end),)
    parts = [part for part in token.text.split(",") if part]
    return tuple(Piece(text=part, quoted=False, start=token.start, end=token.end) for part in parts)
