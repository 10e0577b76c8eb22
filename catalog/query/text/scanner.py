"""From text to tokens with spans. Total and linear: every text has tokens, every character is looked at a few times.

A condition (`name:value`, `name > value`) is one token, because only the scanner sees the spaces around it. Whatever is
not clearly a condition stays a word, exactly as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from catalog.query.text.numbers import looks_numeric
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
    "!=": "!=",
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
_OPERATOR = pattern("|".join(re.escape(operator) for operator in sorted(OPERATORS, key=len, reverse=True)))
_NAME = pattern(
    r"`[^`\n]{1,100}`|[^\W\d_][\w.\-/]*(?:`[^`\n]{1,100}`)?(?:@(?:\"[^\"\n]{1,200}\"|[\w.\-/]+))*"
)
_SPACE = pattern(r"\s+")
_WORD_END = pattern(r"[\s()\"\N{LEFT DOUBLE QUOTATION MARK}\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}]")
_VALUE_STOP = pattern(r"[\s,()\]]")
_RANGE = pattern(r"[^\s,]*\.\.[^\s,]*")


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


def scan(text: str, known: Callable[[str], bool]) -> list[Token]:
    """The tokens of `text`. `known` says whether a name is one of ours: it decides where a spaced operator compares."""
    return _Scanner(text, known).tokens()


class _Scanner:
    def __init__(self, text: str, known: Callable[[str], bool]) -> None:
        self.text = text
        self.known = known
        self.at = 0

    def tokens(self) -> list[Token]:
        tokens: list[Token] = []
        while True:
            self._skip_space()
            if self.at >= len(self.text):
                return tokens
            tokens.append(self._token())

    def _token(self) -> Token:
        letter = self.text[self.at]
        if letter in "()":
            self.at += 1
            return Token(
                kind=Kind.OPEN if letter == "(" else Kind.CLOSE, start=self.at - 1, end=self.at, text=letter
            )
        if letter in QUOTES:
            piece, closed = self._quoted()
            return Token(kind=Kind.PHRASE, start=piece.start, end=piece.end, text=piece.text, closed=closed)
        if letter in "-!" and self._negates():
            self.at += 1
            return Token(kind=Kind.NOT, start=self.at - 1, end=self.at, text=letter)
        return self._condition() or self._word()

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

    def _condition(self) -> Token | None:
        named = _NAME.match(self.text, self.at)
        if named is None:
            return None
        name = named[0].replace("`", "")
        gap = _SPACE.match(self.text, named.end())
        operator = _OPERATOR.match(self.text, gap.end() if gap else named.end())
        if operator is None:
            return None
        sign = OPERATORS[operator[0]]
        if not self._compares(name, sign, operator.end(), spaced=gap is not None):
            return None
        start = self.at
        self.at = operator.end()
        if sign == ":":
            sign = self._second_operator() or sign
        values, bracketed, closed = self._values(name, sign)
        return Token(
            kind=Kind.CONDITION,
            start=start,
            end=self.at,
            text=self.text[start : self.at],
            name=name,
            name_end=named.end(),
            operator=sign,
            values=values,
            bracketed=bracketed,
            closed=closed,
        )

    def _compares(self, name: str, sign: str, after: int, *, spaced: bool) -> bool:
        follow = self.text[after : after + 1]
        rest = _SPACE.match(self.text, after)
        begin = rest.end() if rest else after
        value = self.text[begin : begin + 40]
        if sign == ":":
            if spaced:
                return False
            if self.known(name):
                return True
            # s3://bucket, C:\models, std::vector, and prose such as "note: this" are words.
            return bool(follow) and not follow.isspace() and follow not in "/\\:)" and len(name) > 1
        if self.known(name):
            return bool(value)
        return looks_numeric(value)

    def _second_operator(self) -> str:
        """`params:>7B` as on GitHub."""
        operator = _OPERATOR.match(self.text, self.at)
        if operator is None or operator[0] == ":":
            return ""
        half_open = _RANGE.match(self.text, operator.end())
        if operator[0] in "><" and half_open and ".." in half_open[0]:
            return ""
        self.at = operator.end()
        return OPERATORS[operator[0]]

    def _values(self, name: str, sign: str) -> tuple[tuple[Piece, ...], bool, bool]:
        if sign != ":" or self.known(name):
            self._skip_space_before_value()
        if self.text[self.at : self.at + 1] == "[":
            return self._bracketed()
        pieces: list[Piece] = []
        closed = True
        while self.at < len(self.text):
            piece, ended = self._piece(in_brackets=False)
            closed = closed and ended
            if piece is not None:
                pieces.append(piece)
            follow = self.text[self.at + 1 : self.at + 2]
            if self.text[self.at : self.at + 1] != "," or not follow or follow.isspace() or follow in "),":
                break
            self.at += 1
        if pieces and self.text[self.at : self.at + 1] == ",":
            self.at += 1
        return tuple(pieces), False, closed

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
        return (Piece(text=text, quoted=False, start=start, end=self.at) if text else None), True

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
