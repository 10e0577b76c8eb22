"""The values of a condition as typed: numbers with their units, ranges, lists, quoted text.

Every step leaves `at` behind what it took, and where it was when there was nothing to take.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from catalog.query.text.tokens import OPERATORS, QUOTES, Names, Piece
from catalog.text.patterns import pattern

OPERATOR = pattern("|".join(re.escape(operator) for operator in sorted(OPERATORS, key=len, reverse=True)))
NAME = pattern(
    r"`[^`\n]{1,100}`(?::(?:float|int|string|bool|datetime)(?=\s*[=<>!]))?|_(?:exists|missing)_"
    r"|[^\W\d_][\w.\-/]*(?:`[^`\n]{1,100}`|(?<=\.)\"[^\"\n]{1,100}\")?(?:@(?:\"[^\"\n]{1,200}\"|[\w.\-/]+))*"
)
"""Quotes stand around an odd name alone, behind `metrics.`, or around a data set. Source: MLflow, search syntax of runs."""
NAME_IN_QUOTES = pattern(r"(?<=\.)\"([^\"]*)\"")
_BRACKETED_RANGE = pattern(
    r"(?P<open>[\[{])\s*(?P<low>[^\s\[\]{}]+)\s+(?:TO|to)\s+(?P<high>[^\s\[\]{}]+)\s*(?P<close>[\]}])"
)
"""`[0.9 TO *]` with, `{0.9 TO 1}` without its ends. Source: Lucene 9, classic query parser, range searches."""
UNIT = pattern(r"\s(%|[^\W\d_]{1,12})(?![\w.:=<>@-])")
_THOUSANDS = pattern(r"(?:[ \u00a0\u202f]\d{3})+(?![\w.,])")
_FIRST_END = pattern(r"[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?(?:[^\W\d_]{0,12}|%)")
_TRAILING_UNIT = pattern(r"(?:[^\W\d_]+|%)$")
_ENDS = pattern(r"\.\.|(?<=\d)-(?=[\d.])")
_PLAIN_NUMBER = pattern(r"[<>=]*[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?")
SPACE = pattern(r"\s+")
_TO_END = pattern(r"\s*(?:\.\.+|\N{HORIZONTAL ELLIPSIS})\s*|\s+(?:-|to|bis|TO)\s+")
"""Between the ends of a range that stand apart: `0.9 .. 1`, `7B - 13B`, `0.9 to 1`."""
_COMMA_RANGE = pattern(
    r"(?P<low>0+,\d+|\d+,\d{1,2})(?:\s*(?:\.\.|-)\s*|\s+(?:to|bis|à|a)\s+)(?P<high>0+,\d+|\d+,\d{1,2})(?![\w.,])"
)
"""`0,9 - 0,96`: a comma between the digits of both ends is theirs, and parts no values. `50,100-200,300` is a list."""
FURTHER_BOUND = pattern(
    r"(?P<joining>\s*,\s*|\s+(?:(?:and|und|but|AND|&&?|(?P<either>or|oder|OR|\|\|?))\s*)?)(?P<sign>[<>]=?|\u2264|\u2265)\s*(?=v?\d|[.+-])"
)
"""`accuracy > 0.8 and < 0.9`: the second bound has the name of the first."""
NEARLY = pattern(r"\s*(?P<not>!)?[~\N{ALMOST EQUAL TO}]=?\s*(?=[\d.])")
_NOUN_OF_UNIT = pattern(
    r"\s+(?:tokens?|parameters|params|layers|epochs)(?![\w:=<>@-])(?!\s*(?:[:=<>!~\u2264\u2265]|(?:over|under|above|below|between)\b))"
)
"""Behind a number with its unit; where it is compared itself, it is a name."""
_VALUE_STOP = pattern(r"[\s,()\]]")
_RANGE = pattern(r"(?:\d+(?:,\d+)+[^\s,]*?|[^\s,]*?)\.\.[^\s,]*")
BOUNDS = frozenset({">", ">=", "<", "<="})
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
_ESCAPED = pattern(r"\\([-+!(){}\[\]^\"~*?:/&|=<>])")
"""A sign that means itself. Source: Lucene 9, classic query parser."""
_NEGATED_APART = pattern(r"\s+(?:(?:not|NOT)\s+|!(?!=)|-(?=[^\W\d_]))(?=[\"'\w])")
_NEGATED_VALUE = pattern(r"(?:!(?!=)|-(?=[^\W\d_])|NOT\s+|not\s+)(?=[\"'\w])")


class ValueScanner:
    """A place in the text, and what reads the values of a condition from there on."""

    def __init__(self, text: str, names: Names, *, start: int = 0, level: int = 0) -> None:
        self.text = text
        self.names = names
        self.known = names.known
        self.at = start
        self.level = level

    def _second_operator(self, *, apart: bool, negates: bool) -> str:
        """`params:>7B` as on GitHub; of numbers also `accuracy: > 0.9`; `license:!mit`, `license:NOT mit`."""
        left_out = _NEGATED_VALUE.match(self.text, self.at) or _NEGATED_APART.match(self.text, self.at)
        if negates and left_out is not None and not self._next_condition(left_out.end()):
            self.at = left_out.end()
            return "!="
        nearly = NEARLY.match(self.text, self.at) if apart else None
        if nearly is not None and not nearly["not"]:
            self.at = nearly.end()  # a number is what rounds to it
            return ""
        gap = SPACE.match(self.text, self.at) if apart else None
        operator = OPERATOR.match(self.text, gap.end() if gap else self.at)
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
        bounded = sign in BOUNDS and len(pieces) == 1 and FURTHER_BOUND.match(self.text, self.at)
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
            one_bound = sign in BOUNDS and len(pieces) == 1 and self.names.compared(name)
            if one_bound and FURTHER_BOUND.match(self.text, self.at):
                return tuple(pieces), False, closed  # a second bound with a sign of its own
            self.at += 1
        if pieces and units is not None and sign in {":", "=", "!="}:
            pieces[-1] = self._with_end(pieces[-1], units)
        return tuple(pieces), False, closed

    def _further_value(self, name: str, sign: str, before: Sequence[Piece]) -> int:
        """Where the next value stands behind a comma and a blank, or behind or: one that models have, or a number. 0 for others."""
        listed = _NEXT_VALUE.match(self.text, self.at)
        if listed is None or sign in BOUNDS or not self.known(name):
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
        apart = UNIT.match(self.text, number.end()) if not number["unit"] else None
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
        measured = UNIT.match(self.text, spread.end())
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
        unit = UNIT.match(self.text, self.at)
        if unit is not None and unit[1].casefold() in units:
            self.at = unit.end()
            digits += unit[1]
        return replace(piece, text="".join(digits.split()), end=self.at)

    def _next_condition(self, start: int) -> bool:
        """`use_case=NLP,precision=FP16`: whether another condition follows the comma."""
        named = NAME.match(self.text, start)
        operator = OPERATOR.match(self.text, named.end()) if named else None
        return named is not None and operator is not None and self.known(name_of(named))

    def _skip_space_before_value(self) -> None:
        """`task: ner` and `accuracy > 0.9`, but not across to the next condition: `task: framework:onnx`."""
        gap = SPACE.match(self.text, self.at)
        if gap is None:
            return
        named = NAME.match(self.text, gap.end())
        ahead = OPERATOR.match(self.text, named.end()) if named else None
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
        if (opening := _QUOTED_DATASET.match(text)) is not None:
            self.at = start + opening.end()
            dataset, closed = self._quoted()  # has:f1@"my data"
            return Piece(text=opening[0] + dataset.text, quoted=False, start=start, end=self.at), closed
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
        gap = SPACE.match(self.text, self.at)
        if gap:
            self.at = gap.end()


_QUOTED_DATASET = pattern(r"[\w./\-]+@(?=\")")


def name_of(named: re.Match[str]) -> str:
    if named[0].startswith("`"):
        return named[0][1 : named[0].index("`", 1)]
    return NAME_IN_QUOTES.sub(r"\1", named[0]).replace("`", "")


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
