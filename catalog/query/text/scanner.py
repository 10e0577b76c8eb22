"""From text to tokens with spans. Total and linear: every text has tokens, every character is looked at a few times.

A condition (`name:value`, `name > value`) is one token, because only the scanner sees the spaces around it. Whatever is
not clearly a condition stays a word, exactly as it was typed.
"""

from __future__ import annotations

import re
from dataclasses import replace

from catalog.query.text.numbers import looks_numeric
from catalog.query.text.tokens import OPERATORS, QUOTES, Kind, Names, Piece, Token
from catalog.query.text.value_scanner import (
    BOUNDS,
    FURTHER_BOUND,
    NAME,
    NEARLY,
    OPERATOR,
    SPACE,
    UNIT,
    ValueScanner,
    name_of,
)
from catalog.query.text.worded_signs import WORDED, WORDED_NAMES
from catalog.text.patterns import pattern

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
_QUOTED_NAME = pattern(r"\"([^\"\n]{1,100})\"\s*(?=[<>=!\u2264\u2265\u2260])")
_SQL = pattern(
    r"\s+(?:(?P<null>IS\s+(?P<valued>NOT\s+)?(?:NULL|NONE|EMPTY|MISSING|UNSET)\b(?!\s*[:=]))"
    r"|(?P<there>EXISTS(?![\w:(=]))"
    r"|(?P<isnt>IS\s+NOT|ISN['\N{RIGHT SINGLE QUOTATION MARK}]?T|ARE\s+NOT|AREN['\N{RIGHT SINGLE QUOTATION MARK}]?T)\s+(?!IN\b)(?=['\"\w])"
    r"|NOT\s+BETWEEN\s+(?P<low>[^\s()]+)\s+AND\s+(?P<high>[^\s()]+)"
    r"|(?P<lacks>(?:DO(?:ES)?\s+)?NOT\s+|DO(?:ES)?N['\N{RIGHT SINGLE QUOTATION MARK}]?T\s+|!(?==?~))?"
    r"(?P<part>CONTAINS?|STARTS?\s?WITH|BEGINS?\s+WITH|ENDS?\s?WITH|=?~)\s+(?=['\"\w])"
    r"|(?P<unlike>NOT\s+)?I?LIKE\s+(?=['\"\w%*])|(?:IS\s+)?(?P<outside>NOT\s+)?(?:IN|\u2208)\s*(?=[(\[])|(?:WITHIN|BETWEEN)\s*(?=\[))"
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
_LEFT_BOUND = pattern(
    r"(?P<number>[12]\d{3}-\d{1,2}(?:-\d{1,2})?|[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>\s?[^\W\d_]{1,12}|\s?%)?"
    r"\s*(?P<sign>[<>]=?|\u2264|\u2265)\s*"
)
_RIGHT_BOUND = pattern(
    r"\s*(?P<sign>[<>]=?|\u2264|\u2265)\s*"
    r"(?P<number>[12]\d{3}-\d{1,2}(?:-\d{1,2})?|[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d+)?(?:%|[^\W\d_]{0,12}))"
)
_LEADING_SIGN = pattern(r"[.@$](?=[^\W\d_])")
"""Before names of jq, Datadog and programs."""
_DISTANCE = pattern(r"[~^]\d*(?:\.\d+)?(?=[\s)]|$)")
_WORD_END = pattern(r"[\s()\"\N{LEFT DOUBLE QUOTATION MARK}\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}]")
_MAX_GROUPS = 3
_SEVERAL = 2
_PREPOSITIONS = frozenset({"in", "on", "is", "no", "from", "has", "by", "for", "since", "until", "without"})
_JOINING = frozenset({"and", "or", "not"})
_GROUP_SIGN = pattern(r"\s*(?P<sign>:|!=|==?)\s*(?P<lacks>(?:not|NOT)\s+)?\(")
_STRICT = frozenset("<>")
_CHECKPOINT = pattern(r"(?P<name>[\w./=\-]{1,200})(?=\s|$)")
_OF_CHECKPOINT = pattern(r"=\d.*\.(?:ckpt|pth?|bin|safetensors|onnx|gguf|keras|h5)$")
"""Source: PyTorch Lightning, ModelCheckpoint, names of files."""
_BEGINS_VALUE = pattern(r"[\w\"'(\[<>=.+-]*\w")
"""Behind a colon that stands apart from the name alone, `license :mit`: no emoticon."""
_EQUAL = pattern(r"\s*==?\s*|:\s*(?![/\\])")


def scan(text: str, names: Names) -> list[Token]:
    """The tokens of `text`."""
    return Scanner(text, names).tokens()


class Scanner(ValueScanner):
    """The tokens from a place in the text on."""

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
        operator = OPERATOR.match(self.text, named.end())
        if operator is None or not self._compares(
            named[1], OPERATORS[operator[0]], operator.end(), spaced=True
        ):
            return None
        return self._compared(named[1], named.end(1) + 1, OPERATORS[operator[0]], operator.end())

    def _left_bound(self) -> Token | None:
        """`0.8 < accuracy < 0.9` and `7B <= params`: the number stands before the name."""
        bound = _LEFT_BOUND.match(self.text, self.at)
        named = NAME.match(self.text, bound.end()) if bound else None
        if bound is None or named is None or not self.known(name_of(named)):
            return None
        name, sign = name_of(named), OPERATORS[bound["sign"]]
        number = bound["number"] + (bound["unit"] or "").strip()
        start, self.at = self.at, named.end()
        other = _RIGHT_BOUND.match(self.text, self.at)
        second = OPERATORS[other["sign"]] if other else ""
        if other is not None and second[0] == sign[0]:
            self.at = other.end()
            last, unit = other["number"], UNIT.match(self.text, self.at)
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
        name = name_of(named)
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
        inside = Scanner(self.text[:end], self.names, start=start)
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
                pieces.append(piece if piece.quoted else replace(piece, text=piece.text.removesuffix(";")))

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
        named = NAME.match(self.text, self.at)
        if named is None or self.level >= _MAX_GROUPS:
            return []
        name = name_of(named)
        operator = _GROUP_SIGN.match(self.text, named.end())
        if operator is None or not self.known(name):
            return []
        start, opening = self.at, operator.end() - 1
        end = self._closing(opening)
        inside = Scanner(self.text[:end], self.names, start=opening + 1, level=self.level + 1).tokens()
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
            compared = OPERATOR.match(token.text) if token.kind is Kind.WORD else None
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
        named = NAME.match(self.text, mark.end() if mark else self.at)
        if named is None or named[0].casefold() in _JOINING or (mark and not self.known(name_of(named))):
            return None
        asked = self._sql(named) or self._worded(named)
        if asked is not None:
            return asked
        name = name_of(named)
        gap = SPACE.match(self.text, named.end())
        nearly = NEARLY.match(self.text, named.end())
        if nearly is not None and self.names.units(name) is not None:
            return self._compared(name, named.end(), "!=" if nearly["not"] else ":", nearly.end())
        operator = OPERATOR.match(self.text, gap.end() if gap else named.end())
        if operator is None:
            return None
        sign = OPERATORS[operator[0]]
        if not self._compares(name, sign, operator.end(), spaced=gap is not None):
            return None
        return self._compared(name, named.end(), sign, operator.end())

    def _worded(self, named: re.Match[str]) -> Token | None:
        """`accuracy[gte]=0.9`, `accuracy__gt=0.9`, `accuracy ge 0.9`, `min_accuracy=0.9`: the sign is a word."""
        name = name_of(named)
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
        if before.kind is not Kind.CONDITION or before.operator not in BOUNDS or len(before.values) != 1:
            return []
        further = FURTHER_BOUND.match(self.text, self.at)
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
        rest = SPACE.match(self.text, after)
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


def _pieces_of(token: Token) -> tuple[Piece, ...]:
    """The values that one word in the brackets of a group stands for."""
    if token.kind is Kind.PHRASE:
        return (Piece(text=token.text, quoted=True, start=token.start, end=token.end),)
    parts = [part for part in token.text.split(",") if part]
    return tuple(Piece(text=part, quoted=False, start=token.start, end=token.end) for part in parts)
