"""One page of hits in a total order that is exact at its borders.

Tantivy sorts by one column and leaves ties to chance. So: take the best values of the first criterion; whoever shares
a value forms a group; only groups that reach into the page are ordered by the next criterion, the last of which is the
id. A group that is cut off at the end of the page is asked for again by its value, so that no tie is lost or repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tantivy

from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass
from catalog.query.document_values import has_named_number
from catalog.query.nodes import Query
from catalog.query.request import SearchRequest, SortKey
from catalog.query.validate import effective_sort
from indexer.engines.tantivy.questions import number_terms
from indexer.engines.tantivy.schema import (
    ID,
    column,
    decoded_number,
    is_in_tail,
    order_key,
    ordered_keywords,
)
from indexer.engines.tantivy.translate import (
    MUST,
    MUST_NOT,
    SHOULD,
    Translator,
    comparable,
    either,
    every,
    without,
)
from indexer.relevance import Unit, units
from mappings import fields

BEYOND = 16
"""Hits asked for behind the page: where they show that its last value is not shared, nothing is asked again."""
MAX_TEXT_GROUP = 200_000
"""Texts that are looked through when a page goes on after one of them."""


@dataclass(frozen=True, slots=True)
class Found:
    """One hit: where it is, and its values of the criteria that were needed to place it."""

    address: tantivy.DocAddress
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Models that share a value, in order: their number, and their addresses when they are known."""

    value: Any
    count: int
    addresses: tuple[tantivy.DocAddress, ...]


class Criterion(Protocol):
    """One sort key of an open index."""

    def groups(self, query: tantivy.Query, stop: int) -> list[Group]:
        """The first groups that together reach position `stop`. Addresses may be incomplete."""
        ...

    def equal(self, value: Any) -> tantivy.Query: ...

    def after(self, value: Any) -> tantivy.Query:
        """The models that come strictly after this value."""
        ...


class Ordering:
    """The order of one request over one searcher."""

    def __init__(self, searcher: tantivy.Searcher, translator: Translator, request: SearchRequest) -> None:
        self.searcher = searcher
        self.translator = translator
        self.identity = Identity(searcher, translator, ID, descending=False)
        criteria = [self._criterion(key, request.query) for key in deciding_keys(request)]
        self.criteria: list[Criterion] = [*criteria, self.identity]
        self.total = 0

    def window(self, query: tantivy.Query, start: int, stop: int) -> list[Found]:
        """The hits at positions [start, stop)."""
        return self._window(query, self.criteria, start, stop)

    @property
    def counts_all(self) -> bool:
        """Whether `total` is known after `window`.

        Every criterion counts while it sorts, but a long-tail metric's and an ascending score's, which stop before.
        """
        first = self.criteria[0]
        return first.descending if isinstance(first, Score) else not isinstance(first, TailMetric)

    def after(self, position: Sequence[Any]) -> tantivy.Query:
        """The models that come after this position in the order."""
        branches = []
        for at, criterion in enumerate(self.criteria):
            equal = [
                earlier.equal(value) for earlier, value in zip(self.criteria[:at], position, strict=False)
            ]
            branches.append(every([*equal, criterion.after(position[at])]))
        return either(branches)

    def _criterion(self, key: SortKey, query: Query) -> Criterion:
        if key.field == "_score":
            return Score(self.searcher, self.translator, units(query), descending=key.descending)
        if has_named_number(key.field):
            return NamedNumber(self.searcher, self.translator, key.field, descending=key.descending)
        if is_in_tail(key.field):
            return TailMetric(self.searcher, self.translator, key.field, descending=key.descending)
        row = fields().get(key.field)
        make = KeywordColumn if row is not None and row.type in {"keyword", "name"} else NumberColumn
        return make(self.searcher, self.translator, key.field, descending=key.descending)

    def _window(
        self, query: tantivy.Query, criteria: Sequence[Criterion], start: int, stop: int
    ) -> list[Found]:
        if start >= stop:
            return []
        first, *rest = criteria
        places: list[Found] = []
        position = 0
        groups = first.groups(query, stop)
        if first is self.criteria[0]:
            self.total = sum(group.count for group in groups)
        for group in groups:
            begin, end = position, position + group.count
            position = end
            if end <= start:
                continue
            if begin >= stop:
                break
            if not rest or (group.count == len(group.addresses) == 1 == len(rest)):
                members = [Found(address, (group.value,)) for address in group.addresses]
                members = members[max(start - begin, 0) : stop - begin]
            else:
                inner = self._inside(query, first, group, rest, max(start - begin, 0), min(stop, end) - begin)
                members = [Found(place.address, (group.value, *place.values)) for place in inner]
            places += members
        return places

    def _inside(
        self,
        query: tantivy.Query,
        first: Criterion,
        group: Group,
        rest: Sequence[Criterion],
        start: int,
        stop: int,
    ) -> list[Found]:
        """Part of one group of equals, in the order of the remaining criteria."""
        if len(rest) == 1 and len(group.addresses) == group.count:
            named = [(self.searcher.doc(address).get_first(ID) or "", address) for address in group.addresses]
            named.sort(key=lambda pair: str(pair[0]).encode())
            return [Found(address, (name,)) for name, address in named[start:stop]]
        return self._window(every([query, first.equal(group.value)]), rest, start, stop)


class _Column:
    """What number and keyword columns share: the searcher sorts by them."""

    beyond = 0
    """Hits asked for behind the page."""

    def __init__(
        self, searcher: tantivy.Searcher, translator: Translator, field: str, *, descending: bool
    ) -> None:
        self.searcher = searcher
        self.translator = translator
        self.field = field
        self.descending = descending

    def groups(self, query: tantivy.Query, stop: int) -> list[Group]:
        order = tantivy.Order.Desc if self.descending else tantivy.Order.Asc
        answer = self.searcher.search(
            query, stop + self.beyond, order_by_field=column(self.field), order=order
        )
        return _grouped(answer.hits, _total(answer))

    def equal(self, value: Any) -> tantivy.Query:
        return self.translator.equal(self.field, value)

    def _missing(self) -> tantivy.Query:
        return without(self.translator.exists(self.field))


class NumberColumn(_Column):
    """A whole or real number, a date or a boolean."""

    beyond = BEYOND

    def after(self, value: Any) -> tantivy.Query:
        if value is None:
            return tantivy.Query.empty_query()
        ends = (None, value) if self.descending else (value, None)
        beyond = self.translator.between(self.field, *ends, low_open=True, high_open=True)
        return either([beyond, self._missing()])


class KeywordColumn(_Column):
    """A folded text. Going on after a value lists the values that follow; an `.order` column keeps that list short."""

    def after(self, value: Any) -> tantivy.Query:
        if value is None:
            return tantivy.Query.empty_query()
        if self.field not in ordered_keywords():
            return either([self._missing(), self._later(value, tantivy.Query.all_query())])
        order_column, prefix = f"{self.field}.order", order_key(value)
        schema = self.translator.schema
        same = tantivy.Query.term_query(schema, order_column, prefix)
        ends = (0, prefix - 1) if self.descending else (prefix + 1, 2**64 - 1)
        branches = [self._missing(), self._later(value, same)]
        if 0 <= ends[0] <= ends[1] < 2**64:
            branches.append(
                tantivy.Query.range_query(schema, order_column, tantivy.FieldType.Unsigned, *ends)
            )
        return either(branches)

    def _later(self, value: str, among: tantivy.Query) -> tantivy.Query:
        """Models whose text comes after this one; the texts are those of the models in `among`."""
        wanted = {
            "terms": {"field": column(self.field), "size": MAX_TEXT_GROUP, "segment_size": MAX_TEXT_GROUP}
        }
        answer = self.searcher.aggregate(among, {"texts": wanted})["texts"]
        if answer["sum_other_doc_count"]:
            raise RequestRefused(
                "search_after", f"has too many values of {self.field} to go on; sort by name or id."
            )
        mark = value.encode()
        texts = [bucket["key"] for bucket in answer["buckets"]]
        later = [
            text for text in texts if (text.encode() < mark if self.descending else text.encode() > mark)
        ]
        return (
            tantivy.Query.term_set_query(self.translator.schema, column(self.field), later)
            if later
            else either([])
        )


class Identity(KeywordColumn):
    """The id, which every model has and no two share.

    A text is looked up for every hit that is sorted by one (16 us each); the number that its first bytes make is not.
    So the values of its groups are only known where ids begin alike.
    """

    def groups(self, query: tantivy.Query, stop: int) -> list[Group]:
        wanted = stop + BEYOND
        answer = self.searcher.search(query, wanted, order_by_field=f"{ID}.order", order=tantivy.Order.Asc)
        total = _total(answer)
        sure = _grouped(answer.hits, total)
        if total > len(answer.hits):
            sure.pop()
        placed = [placed_group for group in sure for placed_group in self._named(group)]
        if len(placed) < min(stop, total):  # many ids begin alike
            return super().groups(query, stop)
        rest = [Group(None, total - len(placed), ())] if total > len(placed) else []
        return placed + rest

    def _named(self, group: Group) -> list[Group]:
        if group.count == 1:
            return [Group(None, 1, group.addresses)]
        named = [(str(self.searcher.doc(address).get_first(ID)), address) for address in group.addresses]
        named.sort(key=lambda pair: pair[0].encode())
        return [Group(name, 1, (address,)) for name, address in named]


class TailMetric:
    """A metric without a column of its own: its values come from a composite aggregation over the JSON column."""

    def __init__(
        self, searcher: tantivy.Searcher, translator: Translator, field: str, *, descending: bool
    ) -> None:
        self.searcher = searcher
        self.translator = translator
        self.field = field
        self.descending = descending

    def groups(self, query: tantivy.Query, stop: int) -> list[Group]:
        source: dict[str, Any] = {"field": column(self.field), "order": "desc" if self.descending else "asc"}
        source |= {"missing_bucket": True, "missing_order": "last"}
        wanted = {"values": {"composite": {"size": stop, "sources": [{"value": {"terms": source}}]}}}
        buckets = self.searcher.aggregate(query, wanted)["values"]["buckets"]
        return [
            Group(
                None if (value := bucket["key"]["value"]) is None else float(value), bucket["doc_count"], ()
            )
            for bucket in buckets
        ]

    def equal(self, value: Any) -> tantivy.Query:
        return self.translator.equal(self.field, value)

    def after(self, value: Any) -> tantivy.Query:
        if value is None:
            return tantivy.Query.empty_query()
        ends = (None, value) if self.descending else (value, None)
        beyond = self.translator.between(self.field, *ends, low_open=True, high_open=True)
        return either([beyond, self._missing()])

    def _missing(self) -> tantivy.Query:
        return without(self.translator.exists(self.field))


class NamedNumber(TailMetric):
    """A number without a field: its values are terms that order as the numbers do, in a column of all such numbers."""

    def groups(self, query: tantivy.Query, stop: int) -> list[Group]:
        order = {"_key": "desc" if self.descending else "asc"}
        asked = number_terms(self.field, stop, order=order)
        rows = self.searcher.aggregate(query, {"values": asked})["values"]["buckets"]
        groups = [Group(decoded_number(row["key"]), row["doc_count"], ()) for row in rows]
        if sum(group.count for group in groups) < stop:
            lacking = _total(self.searcher.search(every([query, self._missing()]), 1))
            groups += [Group(None, lacking, ())] if lacking else []
        return groups

    def equal(self, value: Any) -> tantivy.Query:
        return self.translator.numbered(self.field, value)

    def _missing(self) -> tantivy.Query:
        return self.translator.numbered(self.field, None)


class Score:
    """The sum of small whole numbers of `indexer.relevance`: "at least n" is a number of clauses that must match."""

    def __init__(
        self, searcher: tantivy.Searcher, translator: Translator, scoring: Sequence[Unit], *, descending: bool
    ) -> None:
        self.searcher = searcher
        self.translator = translator
        self.descending = descending
        self.units = [(weight, translator.query(clause)) for weight, clause in scoring]
        self.best = sum(weight for weight, _ in self.units)

    def groups(self, query: tantivy.Query, stop: int) -> list[Group]:
        if not self.units:
            return [Group(0.0, _total(self.searcher.search(query, 1)), ())]
        if not self.descending:
            return self._ascending(query, stop)
        clauses = [(MUST, tantivy.Query.const_score_query(query, 0.0))]
        clauses += [
            (SHOULD, tantivy.Query.const_score_query(clause, float(weight))) for weight, clause in self.units
        ]
        answer = self.searcher.search(tantivy.Query.boolean_query(clauses), stop + BEYOND)
        return _grouped(answer.hits, _total(answer))

    def _ascending(self, query: tantivy.Query, stop: int) -> list[Group]:
        groups: list[Group] = []
        for score in range(self.best + 1):
            count = _total(self.searcher.search(every([query, self.equal(score)]), 1))
            if count:
                groups.append(Group(float(score), count, ()))
            if sum(group.count for group in groups) >= stop:
                break
        return groups

    def equal(self, value: Any) -> tantivy.Query:
        return tantivy.Query.boolean_query(
            [(MUST, self.at_least(value)), (MUST_NOT, self.at_least(value + 1))]
        )

    def after(self, value: Any) -> tantivy.Query:
        return without(self.at_least(value)) if self.descending else self.at_least(int(value) + 1)

    def at_least(self, score: float) -> tantivy.Query:
        """The models that score this much or more."""
        needed = int(score) if score == int(score) else int(score) + 1
        if needed <= 0:
            return tantivy.Query.all_query()
        if needed > self.best:
            return tantivy.Query.empty_query()
        clauses = [(SHOULD, clause) for weight, clause in self.units for _ in range(weight)]
        return tantivy.Query.boolean_query(clauses, minimum_number_should_match=needed)


def _total(answer: tantivy.SearchResult) -> int:
    return int(answer.count)  # type: ignore[attr-defined]  # missing in the published type stub


def _grouped(hits: Sequence[tuple[Any, tantivy.DocAddress]], total: int) -> list[Group]:
    """Hits in groups of equal value. When there are more hits, the last group is taken to be cut off."""
    groups: list[Group] = []
    start = 0
    for at in range(1, len(hits) + 1):
        if at == len(hits) or hits[at][0] != hits[start][0]:
            groups.append(Group(hits[start][0], at - start, tuple(address for _, address in hits[start:at])))
            start = at
    if total > len(hits) and groups:
        last = groups[-1]
        groups[-1] = Group(last.value, last.count + total - len(hits), last.addresses)
    return groups


def deciding_keys(request: SearchRequest) -> tuple[SortKey, ...]:
    """The sort keys without an id at their end, which clients add so that no two models are equal: every order has it.

    As a key of its own it was looked up for each hit of a page, by a search.
    """
    keys = effective_sort(request)
    return keys[:-1] if keys[-1] == _BY_ID else keys


_BY_ID = SortKey(field="id")


def indexed_position(request: SearchRequest) -> list[Any]:
    """`after` in the form that columns hold: a value for each deciding key, and the id."""
    after = request.after or ()
    keys = [key.field for key in deciding_keys(request)]
    return [*(comparable(name, value) for name, value in zip(keys, after, strict=False)), after[len(keys)]]
