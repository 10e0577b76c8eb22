"""From tokens to one query: a Pratt parser in which every mistake has a reading.

OR binds weakest, then AND (written or implied), then NOT. Missing operands, brackets and quotes are forgiven and said.
"""

from __future__ import annotations

from catalog.lazy_dataclasses import dataclass
from catalog.query.nodes import All, And, Match, Or, Phrase, Prefix, Query
from catalog.query.text.conditions import known_target, read_condition, read_unknown
from catalog.query.text.function_words import FUNCTION_WORDS, MODEL_WORDS, OPENING_WORDS, SHORT_WORDS
from catalog.query.text.keywords import SIMILAR, is_regular, regular_left_out, similar_left_out
from catalog.query.text.parse_context import Leaf, Reading, negated
from catalog.query.text.pasted import pasted, registered, tagged
from catalog.query.text.printing import quote
from catalog.query.text.tokens import Kind, Token
from catalog.text.patterns import pattern

MAX_DEPTH = 10
PLAIN_WORD = pattern(r"[A-Za-z0-9.%+]*[A-Za-z0-9][A-Za-z0-9.%+]*")
"""One word without punctuation inside: in quotes it means the same."""
APOSTROPHIZED = pattern(r"[\w.+-]+['\N{RIGHT SINGLE QUOTATION MARK}][\w.+-]*")
"""`d'un`, `ada's`: in quotes it means the same, too, and no rule of sentences parts it."""
_STRIPPED = "-!<>=:~,;.|&'`*?^\\/[]{}"
_SIGNS = ":<>=!\N{GREATER-THAN OR EQUAL TO}\N{LESS-THAN OR EQUAL TO}\N{NOT EQUAL TO}"
_JOINS = {"and": Kind.AND, "or": Kind.OR, "not": Kind.NOT, "vs": Kind.OR, "versus": Kind.OR}
_LEAVING_OUT = frozenset({"no", "without", "w/o", "except", "excluding", "exclude"})
"""Before a condition these leave it out, as `not` does: `no license:gpl`."""
_OPERANDS = frozenset({Kind.CONDITION, Kind.WORD, Kind.PHRASE, Kind.CLOSE})
_OPENING = frozenset({Kind.CONDITION, Kind.WORD, Kind.PHRASE, Kind.OPEN, Kind.NOT})
_MEANING = frozenset({Kind.CONDITION, Kind.WORD, Kind.PHRASE})
_NEARNESS = pattern(r"(?:NEAR|ADJ|WITHIN|XOR)(?:/\d+)?|[WwNn]/\d{1,3}")
_OPERATORS_OF_SQL = frozenset({"RLIKE", "REGEXP", "GLOB", "SIMILAR", "MATCHES", "OVERLAPS", "SOUNDS"})
_APPROXIMATE = pattern(r"[~^]\d\S*")
"""`~1.9` and `^1.9`, as ranges of versions: no rule of numbers took it."""
_BETWEEN_NAMES_AND_VALUES = frozenset(
    (
        "isnt",
        "isn't",
        "arent",
        "aren't",
        "contains",
        "contain",
        "like",
        "ilike",
        "startswith",
        "endswith",
        "exists",
    )
)
"""Words that the scanner would read as operators before what is printed behind them."""
_INNER_STAR = pattern(r".*\w[*].*\w.*|[*]+\w.*|.*\w[?]\w.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A leaf or a group with its place in the text. `leaf.label` reads as `leaf.node` again."""

    leaf: Leaf
    start: int
    end: int


def read_words(tokens: list[Token]) -> list[Token]:
    """The tokens without those that hold nothing to search for, and with lower-case operators between conditions.

    `and`, `or` and `not` are operators in lower case, too, wherever something stands on their sides.
    """
    kept = [token for token in tokens if not _wordless(token)]
    if _asks_for_all(kept):
        return []
    meaning = [token for token in _without_opening(kept) if not is_function_word(token)]
    if len(meaning) < len(kept):
        meaning = [token for token in meaning if not _is_word_of(token, SHORT_WORDS)]
    if any(token.kind in _MEANING and token.text not in _JOINS for token in meaning):
        kept = meaning
    return [_joining(token, kept, index) for index, token in enumerate(kept)]


def _asks_for_all(tokens: list[Token]) -> bool:
    """`all models`, `how many models are there`, `show all`: nothing but words that say nothing, the models among them."""
    shows = any(_is_word_of(token, OPENING_WORDS) for token in tokens)
    subjects = MODEL_WORDS | (_WHOLE if shows else frozenset())
    return (
        len(tokens) > 1
        and any(_is_word_of(token, subjects) for token in tokens)
        and all(_is_word_of(token, FUNCTION_WORDS | OPENING_WORDS | SHORT_WORDS) for token in tokens)
    )


_WHOLE = frozenset({"all", "everything"})


def _without_opening(tokens: list[Token]) -> list[Token]:
    """Without `find me` and `show` at the beginning, where something follows."""
    opened = False
    for place, token in enumerate(tokens):
        if _is_word_of(token, OPENING_WORDS) or _looks_for(tokens, place):
            opened = True
        elif not is_function_word(token) and not _is_word_of(token, SHORT_WORDS):
            return tokens[place:] if opened else tokens
    return tokens


def _looks_for(tokens: list[Token], place: int) -> bool:
    """`looking for`: without its for it may be a part of a name."""
    following = tokens[place + 1 : place + 2]
    return _is_word_of(tokens[place], frozenset({"looking"})) and any(
        _is_word_of(token, frozenset({"for"})) for token in following
    )


def dropped_words(tokens: list[Token], read: list[Token]) -> tuple[str, ...]:
    """The words that say nothing and so are not asked for."""
    places = {token.start for token in read}
    return tuple(
        token.text
        for token in tokens
        if token.kind is Kind.WORD and token.start not in places and not _wordless(token)
    )


def is_function_word(token: Token) -> bool:
    """Whether this is a word of a sentence that no model needs to say."""
    return _is_word_of(token, FUNCTION_WORDS)


def _is_word_of(token: Token, words: frozenset[str]) -> bool:
    return token.kind is Kind.WORD and token.text.casefold().strip(",.?!;") in words


def _wordless(token: Token) -> bool:
    return token.kind in {Kind.WORD, Kind.PHRASE} and not any(letter.isalnum() for letter in token.text)


def _leaves_out(token: Token, tokens: list[Token], index: int) -> bool:
    following = tokens[index + 1].kind if index + 1 < len(tokens) else None
    return (
        token.kind is Kind.WORD
        and token.text.casefold() in _LEAVING_OUT
        and following in {Kind.CONDITION, Kind.OPEN}
        and not (index and tokens[index - 1].kind is Kind.NOT)
    )


def _joining(token: Token, tokens: list[Token], index: int) -> Token:
    kind = _JOINS.get(token.text) if token.kind is Kind.WORD else None
    after = tokens[index + 1].kind if index + 1 < len(tokens) else None
    if _leaves_out(token, tokens, index):
        kind = Kind.NOT
    if kind is None:
        return token
    before = tokens[index - 1].kind if index else None
    if kind is not Kind.NOT and index + 1 < len(tokens) and tokens[index + 1].text == "not":
        after = Kind.NOT
    if kind is not Kind.NOT and Kind.CONDITION in {before, after} and None in {before, after}:
        return Token(
            kind=kind, start=token.start, end=token.end, text=token.text
        )  # nothing to join: it is said
    fits = after in _OPENING and (kind is Kind.NOT or before in _OPERANDS)
    return Token(kind=kind, start=token.start, end=token.end, text=token.text) if fits else token


class Parser:
    """One pass over the tokens. `parts()` gives the conditions that must all hold."""

    def __init__(self, tokens: list[Token], reading: Reading) -> None:
        self.tokens = tokens
        self.reading = reading
        self.at = 0
        self.depth = 0

    def parts(self) -> list[Part]:
        """The top-level conditions. One alternative of several at the top is one part."""
        parts: list[Part] = []
        while self.at < len(self.tokens):
            parts += self._alternatives()
            if self.at < len(self.tokens):  # only a closing bracket stops earlier
                self._stray(self.tokens[self.at])
        return parts

    def _stray(self, token: Token) -> None:
        reading = self.reading
        message = "This bracket was never opened; it is left out."
        reading.problem(
            "stray-bracket",
            message,
            token.start,
            token.end,
            reading.replaced(token.start, token.end, "", "Remove it"),
        )
        self.at += 1

    def _alternatives(self) -> list[Part]:
        """Everything up to a closing bracket or the end: conjuncts, or one part that holds alternatives."""
        options = [self._conjuncts()]
        while self._peek() is Kind.OR:
            token = self.tokens[self.at]
            self.at += 1
            options.append(self._conjuncts())
            if not options[-1] or not options[-2]:
                message = "OR needs a condition on both sides; it is left out."
                self.reading.problem("dangling-operator", message, token.start, token.end)
        options = [option for option in options if option]
        if len(options) < 2:
            return options[0] if options else []
        branches = [conjunction(option) for option in options]
        node = Or(tuple(clause for branch in branches for clause in _flat(branch.leaf.node, Or)))
        label = " OR ".join(branch.leaf.label for branch in branches)
        return [
            _spanning(branches, Leaf(node=node, label=label, explanation=_explanation(branches), loose="or"))
        ]

    def _conjuncts(self) -> list[Part]:
        parts: list[Part] = []
        while (kind := self._peek()) not in {None, Kind.OR, Kind.CLOSE}:
            if kind is Kind.AND:
                token = self.tokens[self.at]
                self.at += 1
                if not parts or self._peek() in {None, Kind.OR, Kind.CLOSE, Kind.AND}:
                    message = "AND needs a condition on both sides; it is left out."
                    self.reading.problem("dangling-operator", message, token.start, token.end)
                continue
            parts += self._operand()
        return parts

    def _peek(self) -> Kind | None:
        return self.tokens[self.at].kind if self.at < len(self.tokens) else None

    def _operand(self) -> list[Part]:
        negations = 0
        first = self.tokens[self.at]
        while self._peek() is Kind.NOT:
            negations += 1
            self.at += 1
        if self._peek() in {None, Kind.OR, Kind.CLOSE, Kind.AND}:
            self.reading.problem(
                "dangling-operator",
                "There is nothing to negate here; it is left out.",
                first.start,
                first.end,
            )
            return []
        parts = self._group() if self._peek() is Kind.OPEN else self._leaf()
        if negations % 2 and parts:
            whole = conjunction(parts)
            return [Part(leaf=negated(whole.leaf), start=first.start, end=whole.end)]
        return parts

    def _group(self) -> list[Part]:
        opening = self.tokens[self.at]
        self.at += 1
        self.depth += 1
        parts = self._too_deep(opening) if self.depth > MAX_DEPTH else self._alternatives()
        self.depth -= 1
        if self._peek() is Kind.CLOSE:
            self.at += 1
        elif self.depth < MAX_DEPTH:
            reading = self.reading
            mended = reading.replaced(len(reading.text), len(reading.text), ")", "Close it at the end")
            reading.problem(
                "open-bracket",
                "This bracket is never closed; it ends with the text.",
                opening.start,
                opening.end,
                mended,
            )
        return parts

    def _too_deep(self, opening: Token) -> list[Part]:
        """Brackets beyond the limit are ignored: their content belongs to the bracket outside. Not recursive."""
        message = f"Brackets may be nested {MAX_DEPTH} deep; this one is ignored."
        self.reading.problem("too-deep", message, opening.start, opening.end)
        inside: list[Part] = []
        level = 1
        while self.at < len(self.tokens):
            kind = self._peek()
            if kind is Kind.CLOSE:
                level -= 1
                if level == 0:
                    break
                self.at += 1
            elif kind is Kind.OPEN:
                level += 1
                self.at += 1
            elif kind in {Kind.WORD, Kind.PHRASE, Kind.CONDITION}:
                inside += self._leaf()
            else:
                self.at += 1
        return inside

    def _leaf(self) -> list[Part]:
        token = self.tokens[self.at]
        self.at += 1
        leaf = self._read(token)
        return [] if leaf is None else [Part(leaf=leaf, start=token.start, end=token.end)]

    def _read(self, token: Token) -> Leaf | None:
        reading = self.reading
        if not token.closed:
            mended = reading.replaced(token.end, token.end, "]" if token.bracketed else '"', "Close it")
            reading.problem(
                "open-quote", "This is never closed; it ends with the text.", token.start, token.end, mended
            )
        if token.kind is Kind.PHRASE:
            if token.operator:
                reading.problem(
                    "unsupported-operator", similar_left_out(token.operator), token.start, token.end
                )
            return phrase(token.text)
        if token.kind is Kind.CONDITION:
            if known_target(token, reading):
                return read_condition(token, reading)
            versioned = registered(token.text, reading) or tagged(token.text)
            if token.name.startswith("git@"):
                versioned = pasted(token.text, reading)
            if versioned is not None:
                return versioned
            read_unknown(token, reading)
        if token.kind is Kind.WORD and (refused := self._refused(token)) is not None:
            return refused.leaf
        bare = token.text.strip(_STRIPPED)
        return pasted(token.text, reading) or (pasted(bare, reading) if bare else None) or word(token.text)

    def _refused(self, token: Token) -> _Refusal | None:
        """Operators of other languages that nothing here answers: each is named, never dropped."""
        text = token.text
        bare = text.rstrip("~^0123456789.") if SIMILAR.fullmatch(text) else ""
        if is_regular(text):
            message, leaf = regular_left_out(text), None
        elif bare:
            message = similar_left_out(text)
            leaf = word(bare) if any(letter.isalnum() for letter in bare) else None
        elif text in _OPERATORS_OF_SQL or _APPROXIMATE.fullmatch(text):
            message, leaf = f"{text} is not understood; it is left out.", None
        elif _NEARNESS.fullmatch(text):
            message, leaf = f"{text} (words near each other) is not understood; it is left out.", None
        elif "://" not in text and _INNER_STAR.fullmatch(text):
            parts = [part for part in text.replace("?", "*").split("*") if any(map(str.isalnum, part))]
            message = f"* and ? stand only at the end of a word here; {text} is read as {' '.join(parts)}."
            leaf = phrase(" ".join(parts))
        else:
            return None
        self.reading.problem("unsupported-operator", message, token.start, token.end)
        return _Refusal(leaf)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What is searched in place of a word with an operator that is not understood."""

    leaf: Leaf | None


def phrase(text: str) -> Leaf:
    """Quoted text: its words in this order. One plain word in quotes is that word, and is never rewritten."""
    text = " ".join(text.split())
    if PLAIN_WORD.fullmatch(text) or APOSTROPHIZED.fullmatch(text):
        return Leaf(node=Match(text), label=quote(text), kind="text")
    return Leaf(node=Phrase(text), label=quote(text), kind="text")


def word(text: str) -> Leaf | None:
    """Free text. `bert*` asks for names that begin so."""
    if any(letter in text for letter in '"[(') or " " in text:
        stripped = " ".join("".join(" " if letter in '"[]()' else letter for letter in text).split())
        return phrase(stripped) if any(letter.isalnum() for letter in stripped) else None
    begins = text.endswith("*")
    typed, text = text, text.strip(_STRIPPED)
    if not any(letter.isalnum() for letter in text):
        return None
    if text != typed and any(sign in text for sign in _SIGNS):
        return phrase(text)  # without what stood before it, it would read as a condition
    if begins and len(text) > 1 and text.isalnum():
        begun = Or((Prefix("name", text), Match(text, ("name",), "prefix")))
        return Leaf(node=begun, label=f"{text}*", explanation="names with a word that begins with this")
    if text.casefold() in {*_JOINS, *FUNCTION_WORDS, *OPENING_WORDS}:
        return phrase(text.lower())
    if text.casefold() in _BETWEEN_NAMES_AND_VALUES:
        return phrase(text)
    return Leaf(node=Match(text), label=text, kind="text")


def conjunction(parts: list[Part]) -> Part:
    """All parts as one."""
    if len(parts) == 1:
        return parts[0]
    node = And(tuple(clause for part in parts for clause in _flat(part.leaf.node, And)))
    label = " ".join(label_of(part, parts) for part in parts)
    return _spanning(parts, Leaf(node=node, label=label, explanation=_explanation(parts), loose="and"))


def joined(parts: list[Part]) -> Query:
    """The query that all parts make."""
    return conjunction(parts).leaf.node if parts else All()


def label_of(part: Part, parts: list[Part]) -> str:
    """The part's text where it stands beside the others: alternatives need brackets there."""
    return f"({part.leaf.label})" if len(parts) > 1 and part.leaf.loose == "or" else part.leaf.label


def _explanation(parts: list[Part]) -> str:
    return "; ".join(dict.fromkeys(part.leaf.explanation for part in parts if part.leaf.explanation))


def _flat(node: Query, kind: type[And | Or]) -> tuple[Query, ...]:
    return node.clauses if isinstance(node, kind) else (node,)


def _spanning(parts: list[Part], leaf: Leaf) -> Part:
    return Part(leaf=leaf, start=parts[0].start, end=max(part.end for part in parts))
