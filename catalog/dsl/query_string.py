"""The text of `query_string`, in the language of the search box; words side by side are all wanted, or with `or` one of them.

Under `default_operator: or` what stands side by side is joined as Elasticsearch joins it: one of the words and conditions
is enough, none of those behind a minus may hold, and `bert-large` is bert or large. A text in which it could mean something
else (AND, OR or brackets beside words without an operator, `+word`, sentences) is refused.

Source: Lucene 9.12, queryparser/classic/QueryParserBase, addClause.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from catalog import plugins
from catalog.dsl.dates import is_utc
from catalog.dsl.values import text_of
from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import replace
from catalog.query.nodes import And, Match, Not, Or, Query
from catalog.query.subjects import compares_dates, comparisons
from catalog.query.text.conditions import KnownNames
from catalog.query.text.parse_context import Reading
from catalog.query.text.parser import read_words
from catalog.query.text.scanner import scan
from catalog.query.text.search_text import ParsedQuery, parse
from catalog.query.text.tokens import Kind, Token
from catalog.query.text.typography import plain_signs

_OPERANDS = frozenset({Kind.WORD, Kind.PHRASE, Kind.CONDITION})
_BEGINS, _ENDS = _OPERANDS | {Kind.OPEN, Kind.NOT}, _OPERANDS | {Kind.CLOSE}
_JOINED = frozenset({Kind.AND, Kind.OR, Kind.OPEN, Kind.CLOSE})


def read_query_string(parts: Mapping[str, Any]) -> Query:
    """The nodes of such a text. Raises RequestRefused for what is not understood, and for an order or a limit in it."""
    text = text_of(parts.get("query"), "query_string")
    operator = str(parts.get("default_operator", "and")).lower()
    if operator not in {"and", "or"}:
        raise RequestRefused("default_operator", "is and or or.")
    understood = parse(text)
    for problem in understood.problems:
        if not problem.understood:
            raise RequestRefused("query_string", f"is not understood: {problem.reason}")
    if understood.sort or understood.limit is not None:
        raise RequestRefused("query_string", "holds an order or a limit; use sort and size.")
    query = understood.query if operator == "and" else _one_of(text, understood)
    if not is_utc(parts.get("time_zone", "UTC")) and compares_dates(query):
        raise RequestRefused(
            "time_zone", "dates in query_string are UTC here; write the zone behind the date."
        )
    # Names of sources are the search box's: here every model would be of another source.
    for source, is_beginning in comparisons(query, "source"):
        begins = is_beginning and any(
            f"{scheme}://".startswith(source.casefold()) for scheme in plugins.names("source")
        )
        if "://" not in source and not begins:
            raise RequestRefused("query_string", f"names sources by their addresses, not {source!r}.")
    return query


def _one_of(text: str, understood: ParsedQuery) -> Query:
    """The query where words side by side are alternatives."""
    if understood.dropped:
        words = ", ".join(understood.dropped)
        raise RequestRefused(
            "default_operator",
            f"is or, and {words!r:.100} is not searched for here; leave it out, or quote it.",
        )
    typed = plain_signs(text)
    tokens = read_words(scan(typed, KnownNames(Reading(text=typed, now=datetime.now(UTC)))))
    if not any(_stands_alone(*pair) for pair in pairwise(tokens)):
        return _by_any_word(understood.query)
    kinds = {token.kind for token in tokens}
    conditions = [condition.node for condition in understood.conditions]
    wanted = [node for node in conditions if not isinstance(node, Not)]
    excluded = [node for node in conditions if isinstance(node, Not)]
    if (
        understood.rewritten
        or kinds & _JOINED
        or len(conditions) != sum(token.kind in _OPERANDS for token in tokens)
        or len(excluded) != sum(token.kind is Kind.NOT for token in tokens)
        or any(_is_required(typed, token) for token in tokens)
    ):
        reason = "is or, and the text has more than words and conditions side by side; write AND or OR between all of them."
        raise RequestRefused("default_operator", reason)
    some = [wanted[0] if len(wanted) == 1 else Or(tuple(wanted))] if wanted else []
    return _by_any_word(And((*some, *excluded)) if excluded else some[0])


def _stands_alone(token: Token, following: Token) -> bool:
    """Whether there is no operator between two operands."""
    return token.kind in _ENDS and following.kind in _BEGINS


def _is_required(text: str, token: Token) -> bool:
    return token.start > 0 and text[token.start - 1] == "+"


def _by_any_word(query: Query) -> Query:
    """The query in which a text of several words needs one of them, as `bert-large` is one."""
    match query:
        case And(clauses=clauses):
            return And(tuple(map(_by_any_word, clauses)))
        case Or(clauses=clauses):
            return Or(tuple(map(_by_any_word, clauses)))
        case Not(clause=clause):
            return Not(_by_any_word(clause))
        case Match():
            return replace(query, operator="or")
    return query
