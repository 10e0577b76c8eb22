"""The text of a search box, a URL, the command line or a saved search as one query. Total: every text has a reading."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import Query
from catalog.query.problems import QueryProblem
from catalog.query.request import SortKey
from catalog.query.text.conditions import KnownNames
from catalog.query.text.lone_signs import tell_lone_signs, tell_signs_alone
from catalog.query.text.parse_context import Reading
from catalog.query.text.parser import Parser, Part, dropped_words, joined, label_of, read_words
from catalog.query.text.rewriting import Rewriting
from catalog.query.text.scanner import scan
from catalog.query.text.sentences import as_words, rewrite
from catalog.query.text.sorting import print_sort, read_limit, read_sort
from catalog.query.text.targets import Vocabulary, resolve
from catalog.query.text.tokens import MAX_TERMS, MAX_WORDS, Kind, Piece, Token
from catalog.query.text.typography import plain_signs
from catalog.query.text.wrappings import bare_filter, is_wrapped
from catalog.text.patterns import pattern
from mappings import fields

MAX_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One of the conditions that must all hold. `label` is its canonical text, `text[start:end]` what was typed.

    Kinds: text (free words), condition, rewritten (read out of a sentence).
    """

    label: str
    explanation: str
    kind: str
    start: int
    end: int
    node: Query


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedQuery:
    """How a text was understood. `canonical` reads as the same query and order again; a limit is no part of either.

    `rewritten` is the text after sentences became conditions, empty when there were none; `literal` is a text that
    searches the words of such sentences as they stand.
    """

    query: Query
    conditions: tuple[Condition, ...]
    problems: tuple[QueryProblem, ...]
    sort: tuple[SortKey, ...]
    canonical: str
    limit: int | None = None  # how many are asked for, of those found
    rewritten: str = ""
    literal: str = ""
    dropped: tuple[str, ...] = ()  # words that are not asked for, since they say nothing

    @property
    def whole(self) -> str:
        """The canonical text and the limit: what is to be kept of a search that is asked again."""
        return self.canonical if self.limit is None else f"{self.canonical} limit:{self.limit}".lstrip()


def parse(text: str, *, vocabulary: Vocabulary | None = None, now: datetime | None = None) -> ParsedQuery:
    """The query that `text` asks, with every doubt as a problem with its place and a way to mend it. Never raises.

    Bounds: the first 2,000 characters and 100 terms count, sentences within the first 300 words; brackets may be nested 10 deep.
    """
    typed = plain_signs(text[:MAX_CHARACTERS])
    reading = Reading(text=typed, now=now or datetime.now(UTC), vocabulary=vocabulary)
    if len(text) > MAX_CHARACTERS:
        message = f"Only the first {MAX_CHARACTERS:,} characters are read."
        reading.problem("too-long", message, MAX_CHARACTERS, len(text))
    written, ordering = _sql_ordering(bare_filter(reading))
    rewriting = rewrite(written, reading)
    understood = _Pieces(rewriting, reading, ordering)
    parts, sort, limit = understood.read()
    labels = [label_of(part, parts) for part in parts]
    canonical = " ".join((*labels, *ordering_text(sort)))
    again = replace(reading, problems=[])  # what is wrong was told of the text as it was typed
    if (
        reading.named
        or rewrite(canonical, again).changed
        or _PARTED_NUMBER.search(canonical) is not None
        or _joins(canonical, reading)
        or _last_ordering(canonical)[1]
        or is_wrapped(canonical, reading)
    ):
        canonical = as_words(canonical, again)
    return ParsedQuery(
        query=joined(parts),
        conditions=tuple(
            _condition(part, label, rewriting) for part, label in zip(parts, labels, strict=True)
        ),
        problems=tuple(sorted(reading.problems, key=lambda problem: (problem.start, problem.end))),
        sort=sort,
        limit=limit,
        canonical=canonical,
        rewritten=rewriting.text if rewriting.changed else "",
        literal=as_words(reading.text, reading) if rewriting.changed or understood.dropped else "",
        dropped=understood.dropped,
    )


def ordering_text(sort: tuple[SortKey, ...], limit: int | None = None) -> tuple[str, ...]:
    """The order and the limit as a query says them."""
    ordered = (f"sort:{print_sort(sort)}",) if sort else ()
    return ordered if limit is None else (*ordered, f"limit:{limit}")


_SQL_ORDERING = pattern(
    r"\s*(?:\border\s+by\s+(?P<keys>[\w.,`\"\s-]+?(?:\s+(?:asc|desc))?))?(?:\s*\blimit\s+(?P<limit>\d{1,6}))?\s*$",
    re.IGNORECASE,
)
_ORDER_ALONE = pattern(
    r"\s*(?:order_by\s*=\s*)?\[?\s*[\"']?(?P<name>[\w.@]+)\s+(?P<direction>asc|desc)(?:ending)?[\"']?\s*\]?\s*",
    re.IGNORECASE,
)
_SQL_KEY = pattern(r"(?P<name>.+?)(?:\s+(?P<direction>asc|desc))?", re.IGNORECASE)


def _sql_ordering(text: str) -> tuple[str, tuple[Token, ...]]:
    """A filter without `ORDER BY f1 DESC LIMIT 5` at its end, however often it stands there, and that order. Source:
    MLflow, order_by of runs.
    """
    ordering: tuple[Token, ...] = ()
    text, last = _last_ordering(text)
    while last:
        ordering += last
        text, last = _last_ordering(text)
    return text, ordering


def _last_ordering(text: str) -> tuple[str, tuple[Token, ...]]:
    folded = text.casefold()
    start = folded.rfind("order by ")
    if start < 0:
        start = folded.rfind("limit ")
        if start > 0 and not text[start - 1].isspace():
            start = -1
    alone = _ORDER_ALONE.fullmatch(text)
    if alone is not None:
        piece = Piece(
            text=f"{alone['name']}-{alone['direction'].lower()}", quoted=False, start=0, end=len(text)
        )
        return "", (_ordering_token("sort", (piece,), 0, len(text)),)
    match = _SQL_ORDERING.match(text, start) if start >= 0 else None
    if match is None or not (match["keys"] or match["limit"]):
        return text, ()
    pieces = []
    for part in match["keys"].split(",") if match["keys"] else ():
        key = _SQL_KEY.fullmatch(part.strip())
        if key is None or (not key["direction"] and "," not in match["keys"] and "ORDER BY" not in text):
            return text, ()
        ending = f"-{key['direction'].lower()}" if key["direction"] else ""
        name = key["name"].replace("`", "").replace('"', "").strip()
        pieces.append(Piece(text=f"{name}{ending}", quoted=False, start=start, end=len(text)))
    tokens = [_ordering_token("sort", tuple(pieces), start, len(text))] if pieces else []
    if match["limit"]:
        limit = Piece(text=match["limit"], quoted=False, start=match.start("limit"), end=match.end("limit"))
        tokens.append(_ordering_token("limit", (limit,), start, len(text)))
    return text[:start].rstrip(), tuple(tokens)


_ALL_TEXT = frozenset({"readme", "card"})
"""Places of words that are no field of their own here."""


def _place_of_words(token: Token) -> str | None:
    """The field that `in:name` speaks of. Source: GitHub, searching for repositories."""
    if token.kind is not Kind.CONDITION or token.name.casefold() != "in" or len(token.values) != 1:
        return None
    place = token.values[0].text.casefold()
    if place in _ALL_TEXT:
        return "description"
    paths = [target.path for target in resolve(place)]
    rows = [fields()[path] for path in paths if path in fields()]
    return next((row.name for row in rows if row.text_order is not None or row.words), None)


def _within(tokens: list[Token]) -> list[Token]:
    """`bert in:name`: the words as conditions on that field."""
    scopes = [(token, name) for token in tokens if (name := _place_of_words(token)) is not None]
    if len(scopes) != 1 or not any(token.kind in _WORDS for token in tokens):
        return tokens
    scope, name = scopes[0]
    return [_placed_in(name, token) for token in tokens if token is not scope]


_WORDS = frozenset({Kind.WORD, Kind.PHRASE})


def _placed_in(name: str, token: Token) -> Token:
    if token.kind not in _WORDS or token.text in {"and", "or", "not"}:
        return token
    piece = Piece(text=token.text, quoted=token.kind is Kind.PHRASE, start=token.start, end=token.end)
    return replace(token, kind=Kind.CONDITION, name=name, name_end=token.start, operator=":", values=(piece,))


def _ordering_token(name: str, values: tuple[Piece, ...], start: int, end: int) -> Token:
    return Token(kind=Kind.CONDITION, start=start, end=end, name=name, operator=":", values=values)


_PARTED_NUMBER = pattern(r"[:<>=]\S*\d \d{3}(?!\S)")
"""A word of three digits behind a number: read again where the metric is known, both would be one number."""


def _joins(canonical: str, reading: Reading) -> bool:
    """True when a word `and`, `or` or `not` would read as an operator in its new neighbourhood."""
    tokens = read_words(scan(canonical, KnownNames(reading)))
    return any(token.text.islower() and token.kind in {Kind.AND, Kind.OR, Kind.NOT} for token in tokens)


def _condition(part: Part, label: str, rewriting: Rewriting) -> Condition:
    rewritten = any(start <= part.start < end for start, end in rewriting.spans)
    kind = "rewritten" if rewritten else part.leaf.kind
    return Condition(
        label=label,
        explanation=part.leaf.explanation,
        kind=kind,
        start=part.start,
        end=part.end,
        node=part.leaf.node,
    )


class _Pieces:
    """Scans the rewritten text and gives every token its place in the text that was typed."""

    def __init__(self, rewriting: Rewriting, reading: Reading, ordering: tuple[Token, ...] = ()) -> None:
        self.ordering = ordering
        self.dropped: tuple[str, ...] = ()
        self.rewriting = rewriting
        self.reading = reading

    def read(self) -> tuple[list[Part], tuple[SortKey, ...], int | None]:
        reading = self.reading
        tokens = [self._placed(token) for token in scan(self.rewriting.text, KnownNames(reading))]
        if len(tokens) > MAX_TERMS:
            message = f"Only the first {MAX_TERMS} terms are read."
            reading.problem("too-many-terms", message, tokens[MAX_TERMS].start, tokens[-1].end)
            tokens = tokens[:MAX_TERMS]
        elif self.rewriting.unread:
            message = f"Only the first {MAX_WORDS} words are read as a sentence."
            reading.problem("too-many-terms", message, self.rewriting.unread, len(reading.text))
        apart = {
            name: [
                token for token in tokens if token.kind is Kind.CONDITION and token.name.casefold() == name
            ]
            for name in ("sort", "limit")
        }
        orders = [token for listed in apart.values() for token in listed]
        rest = [token for token in tokens if token not in orders] if orders else tokens
        sorts = [*apart["sort"], *(token for token in self.ordering if token.name == "sort")]
        limits = [*apart["limit"], *(token for token in self.ordering if token.name == "limit")]
        tell_lone_signs(rest, reading)
        read = read_words(_within(rest))
        self.dropped = dropped_words(rest, read)
        parts = Parser(read, reading).parts()
        if not parts and not self.rewriting.changed:
            tell_signs_alone([*sorts, *limits], reading)
        return parts, read_sort(sorts, reading), read_limit(limits, reading)

    def _placed(self, token: Token) -> Token:
        if not self.rewriting.changed:
            return token
        return self.rewriting.placed(token)
