"""From query nodes to Tantivy queries. Text from people becomes terms, never query syntax."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import tantivy

from catalog.errors import RequestRefused
from catalog.query.document_values import (
    has_named_number,
    is_leaf,
    is_metric_on_dataset,
    is_ordered_text,
    numeral,
)
from catalog.query.instants import milliseconds
from catalog.query.nodes import (
    All,
    And,
    Exists,
    Match,
    Nested,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Query,
    Range,
    Term,
    Terms,
    Wildcard,
)
from indexer.analysis import fold, phrase_words, query_words
from indexer.engines.tantivy.codes import UNVALUED, evaluation_key, has_own_exists
from indexer.engines.tantivy.schema import (
    CODED,
    NUMBERS,
    PRESENT,
    code_name,
    code_number,
    column,
    is_in_tail,
    number_head,
    term_prefix,
)
from indexer.engines.tantivy.text_order import before, like
from indexer.field_values import MAX_KEYWORD_CHARACTERS, leaf_text
from indexer.projected_values import ANY_TEXT
from mappings import fields

if TYPE_CHECKING:
    from indexer.engines.tantivy.evaluations import Alternative

MUST, SHOULD, MUST_NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot
_FLOAT, _INTEGER = tantivy.FieldType.Float, tantivy.FieldType.Integer
MOST_LOOKED_UP, MOST_LACKED = 20, 1_000
"""Values of one clause of which it is looked up whether any model has them, and of all clauses that are remembered."""
MIN_LONG, MAX_LONG = -(2**63), 2**63 - 1


ALL = tantivy.Query.all_query()
"""Every model: the one query of which it is known without asking how many satisfy it."""


def every(clauses: Sequence[tantivy.Query]) -> tantivy.Query:
    """All of the clauses; all models when there is none."""
    clauses = [clause for clause in clauses if clause is not ALL]
    if len(clauses) == 1:
        return clauses[0]
    if not clauses:
        return ALL
    return tantivy.Query.boolean_query([(MUST, clause) for clause in clauses])


def count_of(searcher: tantivy.Searcher, query: tantivy.Query) -> int:
    """How many models satisfy the query."""
    if query is ALL:
        return int(searcher.num_docs)
    return int(searcher.search(query, 1).count)  # type: ignore[attr-defined]  # missing in the type stub


def either(clauses: Sequence[tantivy.Query]) -> tantivy.Query:
    """One of the clauses; no model when there is none."""
    if len(clauses) == 1:
        return clauses[0]
    if not clauses:
        return tantivy.Query.empty_query()
    return tantivy.Query.boolean_query([(SHOULD, clause) for clause in clauses])


def without(clause: tantivy.Query, *, among: tantivy.Query | None = None) -> tantivy.Query:
    """What does not satisfy the clause."""
    among = ALL if among is None else among
    return tantivy.Query.boolean_query([(MUST, among), (MUST_NOT, clause)])


class Translator:
    """Makes the queries of one open index."""

    def __init__(self, index: tantivy.Index) -> None:
        self.index = index
        self.schema = index.schema
        self._searcher = index.searcher()
        self._lacked: dict[tuple[str, str], bool] = {}

    def query(self, query: Query) -> tantivy.Query:
        """The models that satisfy the query."""
        match query:
            case All():
                return ALL
            case Nothing():
                return tantivy.Query.empty_query()
            case And(clauses):
                return every([self.query(clause) for clause in clauses if not self._is_of_all(clause)])
            case Or(clauses):
                return either([self.query(clause) for clause in clauses])
            case Not(clause):
                return ALL if self._is_of_all(query) else without(self.query(clause))
            case Term(name, value):
                return self._holding(name, value)
            case Terms(name, values):
                return self._terms(name, [comparable(name, value) for value in values])
            case Range():
                return self._range(query)
            case Exists(name):
                return self.exists(name)
            case Prefix(name, value):
                return self.prefix(name, value)
            case Wildcard(name, value):
                return self._looking_like(name, value)
            case Match() | Phrase():
                return self._text(query)
            case Nested(_, inner):
                from indexer.engines.tantivy.evaluations import alternatives  # noqa: PLC0415 - few searches ask

                return either([self._evaluation(alternative) for alternative in alternatives(inner)])

    def _is_of_all(self, query: Query) -> bool:
        """Whether a clause only leaves out models with values that none here has, such as those that are not there any more.

        Every search has that one, and to look each model up in it takes a fifth of the time of a page of all models.
        """
        match query:
            case Not(Terms(name, values)) if len(values) <= MOST_LOOKED_UP:
                row = fields().get(name)
                return (
                    row is not None
                    and row.type == "keyword"
                    and all(isinstance(value, str) and self._is_lacked(name, value) for value in values)
                )
        return False

    def _is_lacked(self, name: str, value: str) -> bool:
        known = self._lacked.get((name, value))
        if known is None:
            known = not self._searcher.doc_freq(column(name), fold(value))
            if len(self._lacked) < MOST_LACKED:
                self._lacked[name, value] = known
        return known

    def equal(self, name: str, value: Any) -> tantivy.Query:
        """The models whose column holds this value (in its indexed form); None means models without it."""
        if value is None:
            return without(self.exists(name))
        code = column(name)
        if is_in_tail(name):
            return self._term(CODED, code_name(name) + code_number(value))
        if is_leaf(name):
            return self._leaf(name, value)
        if is_metric_on_dataset(name):
            return self.numbered(name, value)
        if isinstance(value, (int, float)):
            return self.between(name, value, value)
        return self._term(code, value)

    def numbered(self, name: str, value: float | None) -> tantivy.Query:
        """The models whose number without a field is this one; None means models without it."""
        if value is None:
            return without(self.between(name, None, None))
        return self._term(column(NUMBERS), number_head(name) + code_number(value))

    def _leaf(self, name: str, value: Any) -> tantivy.Query:
        if isinstance(value, str):
            return self._term(column(name), term_prefix(name) + value)
        text = str(leaf_text(value))
        written, number = self._term(column(name), term_prefix(name) + text), numeral(text)
        return written if number is None else either([written, self.numbered(name, number)])

    def _holding(self, name: str, value: Any) -> tantivy.Query:
        """The models with a value that a person asks for; none for one that no column holds, such as an empty text."""
        indexed = comparable(name, value)
        return tantivy.Query.empty_query() if indexed is None else self.equal(name, indexed)

    def exists(self, name: str) -> tantivy.Query:
        if name == "id":
            return ALL
        if is_metric_on_dataset(name):
            return self.between(name, None, None)
        return tantivy.Query.exists_query(column(name)) if has_own_exists(name) else self._term(PRESENT, name)

    def prefix(self, name: str, value: str) -> tantivy.Query:
        folded = fold(value)
        if not folded:
            return self.exists(name)
        if len(folded) > MAX_KEYWORD_CHARACTERS:
            return tantivy.Query.empty_query()
        # An edit distance of zero with an open end is a prefix; no pattern syntax is involved.
        if is_leaf(name):
            folded = term_prefix(name) + folded
        return tantivy.Query.fuzzy_term_query(self.schema, column(name), folded, 0, prefix=True)

    def _looking_like(self, name: str, pattern: str) -> tantivy.Query:
        try:
            return tantivy.Query.regex_query(self.schema, column(name), like(fold(pattern)))
        except (
            ValueError
        ) as error:  # few patterns within the bounds: long ones of the same letters over and over
            raise RequestRefused(
                name, "is a pattern that takes too much to look for; make it shorter."
            ) from error

    def between(
        self,
        name: str,
        low: float | None,
        high: float | None,
        *,
        low_open: bool = False,
        high_open: bool = False,
    ) -> tantivy.Query:
        """The models whose number lies in the interval; None is open-ended."""
        code = column(name)
        ends = (-math.inf if low is None else low, math.inf if high is None else high)
        if has_named_number(name):
            return self._coded_range(
                number_head(name), *ends, low_open=low_open, high_open=high_open, among=column(NUMBERS)
            )
        if is_in_tail(name):
            return self._coded_range(code_name(name), *ends, low_open=low_open, high_open=high_open)
        row = fields().get(name)
        if row is None or row.type == "double":
            return self._column_range(code, _FLOAT, low, high, low_open=low_open, high_open=high_open)
        whole_low, whole_high = _whole_bounds(low, high, low_open=low_open, high_open=high_open)
        if whole_low > whole_high:
            return tantivy.Query.empty_query()
        return self._column_range(code, _INTEGER, whole_low, whole_high)

    def _column_range(
        self,
        code: str,
        kind: tantivy.FieldType,
        low: float | None,
        high: float | None,
        *,
        low_open: bool = False,
        high_open: bool = False,
    ) -> tantivy.Query:
        if low is None and high is None:
            return tantivy.Query.exists_query(code)
        if kind is _FLOAT:
            low, high = (None if bound is None else float(bound) for bound in (low, high))
        return tantivy.Query.range_query(
            self.schema, code, kind, low, high, low is None or not low_open, high is None or not high_open
        )

    def _coded_range(
        self,
        head: str,
        low: float,
        high: float,
        *,
        low_open: bool = False,
        high_open: bool = False,
        among: str = CODED,
    ) -> tantivy.Query:
        """A range of terms made of hex digits: with `_evaluation`, all that goes through Tantivy's parser."""
        if low > high:
            return tantivy.Query.empty_query()
        opening, closing = "{" if low_open else "[", "}" if high_open else "]"
        return self.index.parse_query(
            f"{among}:{opening}{head}{code_number(low)} TO {head}{code_number(high)}{closing}"
        )

    def _evaluation(self, wanted: Alternative) -> tantivy.Query:
        head = code_name(evaluation_key(wanted.equal))
        if not wanted.valued:
            return self.index.parse_query(f"{CODED}:[{head} TO {head}{UNVALUED}]")
        return self._coded_range(
            head, wanted.low, wanted.high, low_open=wanted.low_open, high_open=wanted.high_open
        )

    def _term(self, code: str, value: Any) -> tantivy.Query:
        return tantivy.Query.term_query(self.schema, code, value, index_option="basic")

    def _begun(self, code: str, beginning: str) -> tantivy.Query:
        return tantivy.Query.fuzzy_term_query(self.schema, code, beginning, 0, prefix=True)

    def _terms(self, name: str, values: Iterable[Any]) -> tantivy.Query:
        distinct = [value for value in dict.fromkeys(values) if value is not None]
        if distinct and all(isinstance(value, str) for value in distinct) and not is_leaf(name):
            return tantivy.Query.term_set_query(self.schema, column(name), distinct)
        return either([self.equal(name, value) for value in distinct])

    def _range(self, query: Range) -> tantivy.Query:
        if is_ordered_text(query.field):
            return self._range_of_texts(query)
        clauses = []
        for low, strict in ((query.gte, False), (query.gt, True)):
            if low is not None:
                clauses.append(self.between(query.field, comparable(query.field, low), None, low_open=strict))
        for high, strict in ((query.lte, False), (query.lt, True)):
            if high is not None:
                clauses.append(
                    self.between(query.field, None, comparable(query.field, high), high_open=strict)
                )
        if (
            len(clauses) == 2
            and (query.gte is None) != (query.gt is None)
            and (query.lte is None) != (query.lt is None)
        ):
            low = query.gt if query.gte is None else query.gte
            high = query.lt if query.lte is None else query.lte
            ends = (comparable(query.field, low), comparable(query.field, high))
            return self.between(query.field, *ends, low_open=query.gte is None, high_open=query.lte is None)
        if not clauses and has_named_number(query.field):
            return self.between(query.field, None, None)
        return every(clauses) if clauses else self.exists(query.field)

    def _range_of_texts(self, query: Range) -> tantivy.Query:
        """Tantivy has no ranges of texts: those before an end are looked for, and left out where it is the lower one."""
        clauses = [(MUST, self.exists(query.field))]
        ends = (
            (MUST_NOT, query.gt, True),
            (MUST_NOT, query.gte, False),
            (MUST, query.lt, False),
            (MUST, query.lte, True),
        )
        for occur, end, included in ends:
            if end is not None:
                expression = before(comparable(query.field, end), included=included)
                clauses.append(
                    (occur, tantivy.Query.regex_query(self.schema, column(query.field), expression))
                )
        return tantivy.Query.boolean_query(clauses)

    def _text(self, query: Match | Phrase) -> tantivy.Query:
        names = query.fields or (ANY_TEXT,)
        columns = [name for name in names if is_text_column(name)]
        whole = [self._holding(name, query.text) for name in names if name not in columns]
        return either(
            [
                *whole,
                self._phrase(columns, query.text)
                if isinstance(query, Phrase)
                else self._words(columns, query),
            ]
        )

    def _words(self, columns: Sequence[str], query: Match) -> tantivy.Query:
        asked = self._begun if query.operator == "prefix" else self._term
        clauses = [
            either([asked(f"{name}.{part}", word) for name in columns for part in ("pieces", "words")])
            for word in query_words(query.text)
        ]
        if not clauses or not columns:
            return tantivy.Query.empty_query()
        return either(clauses) if query.operator == "or" else every(clauses)

    def _phrase(self, columns: Sequence[str], text: str) -> tantivy.Query:
        pieces: list[str | tuple[int, str]] = list(phrase_words(text))
        if not pieces:
            return tantivy.Query.empty_query()
        if len(pieces) == 1:  # Tantivy's phrase needs two words
            return either([self._term(f"{name}.pieces", pieces[0]) for name in columns])
        return either([tantivy.Query.phrase_query(self.schema, f"{name}.pieces", pieces) for name in columns])


def comparable(name: str, value: Any) -> Any:
    """A query's value as its column holds it."""
    if isinstance(value, datetime):
        return milliseconds(value)
    if is_leaf(name) and (isinstance(value, str | bool) or leaf_text(value) is None):
        return leaf_text(value)
    if isinstance(value, bool):
        return int(value)
    return fold(value) if isinstance(value, str) else value


def is_text_column(name: str) -> bool:
    """Whether words are looked up in this field; every other field compares its whole value."""
    row = fields().get(name)
    return name.startswith("_") or (row is not None and row.type in {"text", "name"})


def _whole_bounds(
    low: float | None, high: float | None, *, low_open: bool, high_open: bool
) -> tuple[int, int]:
    """The whole numbers inside the interval, both ends included."""
    first, last = MIN_LONG, MAX_LONG
    if low is not None:
        first = math.floor(low) + 1 if low_open else math.ceil(low)
    if high is not None:
        last = math.ceil(high) - 1 if high_open else math.floor(high)
    return max(first, MIN_LONG), min(last, MAX_LONG)
