"""One state of an index within a scope: requests that ask within it, and answers that say nothing of what is outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from catalog.errors import RequestRefused
from catalog.query.nodes import (
    And,
    Exists,
    Match,
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
from catalog.query.ordered_terms import ordered_terms
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    FilterAgg,
    FiltersAgg,
    MetricAgg,
    MissingAgg,
    SearchRequest,
    SearchResult,
    SortKey,
    TermsAgg,
)
from catalog.query.subjects import scores
from catalog.query.validate import MAX_BUCKETS, MAX_VALUES, validate
from catalog.records.series import LATEST, flagged_as_latest, latest_of
from catalog.search.absent_models import HIDDEN
from catalog.search.scoped_documents import (
    COPY,
    ELSEWHERE,
    EXTRA,
    FLAGS,
    GROUP,
    MOVED,
    PLACES,
    URI,
    elsewhere,
    moved_to,
    with_elsewhere,
    without_hidden,
)
from catalog.text.absence import ABSENT
from catalog.text.folding import fold
from catalog.text.wildcards import looks_like
from mappings.flags import flags

ID, NAME, PROBLEMS, MOVED_TO = "id", "name", "problems", "extra.moved_to"
_OF_OTHERS = frozenset({MOVED_TO, *(f"{EXTRA}.{name}" for name in ELSEWHERE)})
_PER_LOOKUP = 500
_PER_PAGE = 1_000
PER_PART = 200
_GROUPS = "groups within the scope"
_COPIES, _OTHERS = "copies", "others"
"""Our own names in counts of groups; they are taken out of the answer again."""
_NOT_AS_A_WHOLE = "cannot be asked for as a whole in a part of the catalog; name one of its values."
_BY_ID = (SortKey(field=ID),)
Answering = Callable[[SearchRequest], SearchResult]


class ScopeView:
    """One state of the index within a scope."""

    def __init__(
        self,
        answering: Answering,
        scope: Query,
        remembered: Callable[[str, Callable[[], frozenset[str]]], frozenset[str]] | None = None,
    ) -> None:
        self._answering = answering
        self._remembered = remembered
        # Twice negated, a clause selects and earns no score, so the order of hits is that of the query alone.
        self._scope = Not(Not(scope)) if scores(scope) else scope
        self._known: dict[str, frozenset[str]] = {}

    def within(self, request: SearchRequest) -> SearchRequest:
        """The same request among the models of the scope. Raises RequestRefused for what every engine refuses."""
        validate(request)
        for key in request.sort:
            if key.field in {GROUP, *_OF_OTHERS}:
                raise RequestRefused(key.field, "cannot be sorted by in a part of the catalog.")
        return replace(
            request,
            query=self._joined(self._asked(request.query)),
            selections={name: self._asked(clause) for name, clause in request.selections.items()},
            post_filter=None if request.post_filter is None else self._asked(request.post_filter),
            aggregations=self._counted(request.aggregations),
        )

    def search(self, request: SearchRequest) -> SearchResult:
        result = self._answering(self.within(request))
        documents = self.shown([hit.document for hit in result.hits])
        hits = tuple(
            replace(hit, document=dict(document))
            for hit, document in zip(result.hits, documents, strict=True)
        )
        return replace(
            result, hits=hits, aggregations=self._answers(request.aggregations, result.aggregations)
        )

    def get(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        documents: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(ids), _PER_LOOKUP):
            part = tuple(ids[start : start + _PER_LOOKUP])
            request = SearchRequest(query=Terms(ID, part), sort=_BY_ID, size=len(part))
            documents |= {hit.id: hit.document for hit in self.search(request).hits if hit.id in part}
        return documents

    def redacted(self, documents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The documents, their copies, where they moved and what they are joined with cut to what is visible."""
        places = self._visible_places(documents)
        targets = self._visible(ID, {target for document in documents if (target := moved_to(document))})
        joined = self._visible(URI, {place for document in documents for place in elsewhere(document)})
        return [without_hidden(with_elsewhere(document, joined), places, targets) for document in documents]

    def shown(self, documents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Documents of the index, redacted, with the flag of those that are the latest of what is visible."""
        cut = self.redacted(documents)
        if not any(_may_become_latest(document) for document in documents):
            return cut
        return [
            flagged_as_latest(document) if document.get(ID) in self._also_latest() else document
            for document in cut
        ]

    def _visible_places(self, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        asked = {
            str(place)
            for document in documents
            if fold(str(document.get(GROUP, ""))) in self._copied(document)
            for place in document.get(PLACES, ())
        }
        return self._visible(URI, asked)

    def _copied(self, document: Mapping[str, Any]) -> frozenset[str]:
        return self._shared() if document.get(GROUP) else frozenset()

    def _visible(self, field: str, values: set[str]) -> frozenset[str]:
        """Those of the values that a visible model has."""
        ordered, visible = sorted(values), set[str]()
        for start in range(0, len(ordered), _PER_LOOKUP):
            part = tuple(ordered[start : start + _PER_LOOKUP])
            query = self._joined(Terms(field, part))
            request = SearchRequest(query=query, sort=_BY_ID, size=_PER_LOOKUP)
            visible |= {str(hit.document.get(field)) for hit in self._answering(request).hits}
        return frozenset(visible & values)

    def _once(self, what: str, counted: Callable[[], frozenset[str]]) -> frozenset[str]:
        if what not in self._known:
            self._known[what] = counted() if self._remembered is None else self._remembered(what, counted)
        return self._known[what]

    def _shared(self) -> frozenset[str]:
        """The groups of copies of which at least two are visible, folded as engines count them."""
        return self._once(COPY, self._counted_groups)

    def _also_latest(self) -> frozenset[str]:
        """The models that are the latest of their name as nothing that is later is visible."""
        return self._once(LATEST, self._found_latest)

    def _moved_alone(self) -> frozenset[str]:
        """The models of which nothing is known to be wrong but that they moved to where it is not visible."""
        return self._once(MOVED, self._found_moved_alone)

    def _found_moved_alone(self) -> frozenset[str]:
        moved = self._every(Term(FLAGS, MOVED))
        return frozenset(
            str(cut[ID])
            for part in iter(lambda: list(islice(moved, PER_PART)), [])
            for cut in self.redacted(part)
            if not cut.get(PROBLEMS)
        )

    def _found_latest(self) -> frozenset[str]:
        names = _parts(sorted(self._headless()), _PER_LOOKUP)
        return latest_of(
            document for part in names for document in self._every(And((Terms(NAME, part), HIDDEN)))
        )

    def _headless(self) -> frozenset[str]:
        """The names of which models are visible and a latest is not, folded as engines count them: of names that differ by
        case alone each has its own.
        """
        headless, flagged = set[str](), Term(FLAGS, LATEST)
        passed: tuple[str, ...] = ()
        while len(passed) <= MAX_VALUES - MAX_BUCKETS:
            later = (
                And((HIDDEN, Not(flagged), Not(Terms(NAME, passed))))
                if passed
                else And((HIDDEN, Not(flagged)))
            )
            names, others = self._names(self._joined(later))
            if names:
                latest = And((flagged, Terms(NAME, tuple(names))))
                visible = self._names(self._joined(latest))[0]
                headless |= {
                    name for name, count in self._names(latest)[0].items() if count > visible.get(name, 0)
                }
            if not others:
                break
            passed += tuple(names)
        return frozenset(headless)

    def _names(self, query: Query) -> tuple[dict[str, int], int]:
        """The names of the models that the query finds with their numbers, and of how many models the names are left out."""
        aggregations = {NAME: TermsAgg(field=NAME, size=MAX_BUCKETS)}
        request = SearchRequest(query=query, size=0, aggregations=aggregations)
        answer = self._answering(request).aggregations[NAME]
        return {str(bucket.key): bucket.count for bucket in answer.buckets}, answer.other_count

    def _every(self, query: Query) -> Iterator[Mapping[str, Any]]:
        """The documents of all visible models that the query finds."""
        request = SearchRequest(query=self._joined(query), sort=_BY_ID, size=_PER_PAGE)
        while hits := self._answering(request).hits:
            yield from (hit.document for hit in hits)
            if len(hits) < _PER_PAGE:
                return
            request = replace(request, after=hits[-1].sort)

    def _counted_groups(self) -> frozenset[str]:
        groups = TermsAgg(field=GROUP, size=MAX_BUCKETS, min_doc_count=2)
        request = SearchRequest(query=self._scope, size=0, aggregations={GROUP: groups})
        return frozenset(str(bucket.key) for bucket in self._answering(request).aggregations[GROUP].buckets)

    def _joined(self, query: Query) -> Query:
        clauses = query.clauses if isinstance(query, And) else (query,)
        return And((*clauses, self._scope))

    def _is_copy(self) -> Query:
        groups = tuple(sorted(self._shared()))
        return Terms(GROUP, groups) if groups else Nothing()

    def _is_latest(self) -> Query:
        also = sorted(self._also_latest())
        return Or((Term(FLAGS, LATEST), *(Terms(ID, part) for part in _parts(also, MAX_VALUES))))

    def _asked(self, query: Query) -> Query:
        """The query with every clause about other models saying what it says inside the scope."""
        match query:
            case And(clauses):
                return And(tuple(self._asked(clause) for clause in clauses))
            case Or(clauses):
                return Or(tuple(self._asked(clause) for clause in clauses))
            case Not(clause):
                return Not(self._asked(clause))
            case Match(_, names) | Phrase(_, names) if names:
                return self._asked_text(query)
            case Range() if query.field in _OF_OTHERS:
                return Nothing()
            case Term(field) | Terms(field) | Prefix(field) | Wildcard(field) | Exists(field):
                return self._asked_leaf(query, field)
        return query

    def _asked_text(self, query: Match | Phrase) -> Query:
        apart = [name for name in query.fields if name in {GROUP, FLAGS}]
        rest = dict.fromkeys(
            URI if name == PLACES else name
            for name in query.fields
            if name not in {GROUP, FLAGS, *_OF_OTHERS}
        )
        clauses: list[Query] = [replace(query, fields=tuple(rest))] if rest else []
        clauses += [
            self._asked_leaf(Term(name, query.text), name) for name in apart
        ]  # whole values, no words
        return clauses[0] if len(clauses) == 1 else Or(tuple(clauses)) if clauses else Nothing()

    def _asked_leaf(self, query: Term | Terms | Prefix | Wildcard | Exists, field: str) -> Query:
        if field == PLACES:
            return _about(query, URI)
        if field == GROUP:
            return And((query, self._is_copy()))
        if field in _OF_OTHERS:
            return Nothing()
        if field == EXTRA:
            raise RequestRefused(EXTRA, _NOT_AS_A_WHOLE)
        if field == FLAGS:
            return self._asked_flag(query)
        if field == PROBLEMS:
            unseen = sorted(self._moved_alone())
            return And((query, *(Not(Terms(ID, part)) for part in _parts(unseen, MAX_VALUES))))
        return query

    def _asked_flag(self, query: Term | Terms | Prefix | Wildcard | Exists) -> Query:
        match query:
            case Term(_, value):
                return self._flagged((value,))
            case Terms(_, values):
                return self._flagged(values)
            case Prefix(_, beginning):
                return self._flagged([name for name in flags() if name.startswith(fold(beginning))])
            case Wildcard(_, form):
                return self._flagged([name for name in flags() if looks_like(name, form)])
            case Exists():
                return self._flagged(list(flags()))

    def _flagged(self, values: Sequence[Any]) -> Query:
        folded = [fold(str(value)) for value in values]
        told_anew = {COPY, LATEST, MOVED}
        own = tuple(value for value, flag in zip(values, folded, strict=True) if flag not in told_anew)
        clauses: list[Query] = [Terms(FLAGS, own)] if own else []
        if COPY in folded:
            clauses.append(self._is_copy())
        if LATEST in folded:
            clauses.append(self._is_latest())
        return Or(tuple(clauses)) if clauses else Nothing()

    def _counted(self, aggregations: Mapping[str, Aggregation]) -> dict[str, Aggregation]:
        return {name: self._counted_one(asked) for name, asked in aggregations.items()}

    def _counted_one(self, asked: Any) -> Aggregation:
        if getattr(asked, "aggs", None):
            asked = replace(asked, aggs=self._counted(asked.aggs))
        field = getattr(asked, "field", "")
        if field in _OF_OTHERS:
            raise RequestRefused(field, "cannot be counted in a part of the catalog.")
        if field == EXTRA:
            raise RequestRefused(field, _NOT_AS_A_WHOLE)
        match asked:
            case FilterAgg():
                return replace(asked, query=self._asked(asked.query))
            case FiltersAgg():
                filters = {name: self._asked(query) for name, query in asked.filters.items()}
                return replace(asked, filters=filters)
            case MetricAgg(kind=kind, field=field) if field in {GROUP, FLAGS}:
                reason = f"cannot be counted by {kind} in a part of the catalog; use terms."
                raise RequestRefused(field, reason)
            case MissingAgg(field=field) if field in {GROUP, FLAGS, PROBLEMS}:
                return FilterAgg(query=Not(self._asked(Exists(field))), aggs=asked.aggs)
            case TermsAgg(field=field) if field == FLAGS:
                return FiltersAgg(filters=self._each_flag(asked), aggs=asked.aggs)
            case TermsAgg(field=field) if field == GROUP:
                groups = replace(asked, missing=None)
                if asked.missing is None:
                    return FiltersAgg(filters={_COPIES: self._is_copy()}, aggs={_GROUPS: groups})
                apart = {_COPIES: self._is_copy(), _OTHERS: Not(self._is_copy())}
                return FiltersAgg(filters=apart, aggs={**asked.aggs, _GROUPS: groups})
            case TermsAgg(field=field) | MetricAgg(field=field) | MissingAgg(field=field) if field == PLACES:
                return replace(asked, field=URI)
        counted: Aggregation = asked
        return counted

    def _each_flag(self, asked: TermsAgg) -> dict[str, Query]:
        """What each bucket of a count of flags holds: where models are counted by what is said of them in the scope."""
        each = {name: self._flagged((name,)) for name in flags() if name != MOVED}
        if asked.missing is not None:
            key, bare = fold(str(asked.missing)), Not(self._flagged(list(flags())))
            each[key] = Or((each[key], bare)) if key in each else bare
        beginning = fold(asked.prefix or "")
        return {name: query for name, query in each.items() if name.startswith(beginning)}

    def _answers(
        self, asked: Mapping[str, Aggregation], answers: Mapping[str, AggregationResult]
    ) -> dict[str, AggregationResult]:
        return {name: self._answer(asked[name], answer) for name, answer in answers.items()}

    def _answer(self, asked: Aggregation, answer: AggregationResult) -> AggregationResult:
        if isinstance(asked, TermsAgg) and asked.field == FLAGS:
            answer = ordered_terms(asked, [replace(bucket, name=None) for bucket in answer.buckets])
        elif isinstance(asked, TermsAgg) and asked.field == GROUP:
            answer = _groups_and_others(asked, answer)
        below: Mapping[str, Aggregation] = getattr(asked, "aggs", {})
        return replace(
            answer,
            buckets=tuple(
                replace(bucket, aggregations=self._answers(below, bucket.aggregations))
                for bucket in answer.buckets
            ),
            aggregations=self._answers(below, answer.aggregations),
        )


def _groups_and_others(asked: TermsAgg, answer: AggregationResult) -> AggregationResult:
    """The visible groups of copies, and under the key for models without a group those that are in none of them."""
    counted = {bucket.key: bucket for bucket in answer.buckets}
    groups = counted[_COPIES].aggregations[_GROUPS]
    if _OTHERS not in counted:
        return groups
    own = {name: each for name, each in counted[_OTHERS].aggregations.items() if name != _GROUPS}
    others = replace(counted[_OTHERS], key=asked.missing, name=None, aggregations=own)
    ordered = ordered_terms(asked, [*groups.buckets, others])
    return replace(ordered, other_count=ordered.other_count + groups.other_count)


def _parts(values: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(values), size):
        yield tuple(values[start : start + size])


def _may_become_latest(document: Mapping[str, Any]) -> bool:
    return LATEST not in document.get(FLAGS, ()) and document.get("status") not in ABSENT


def _about(query: Term | Terms | Prefix | Wildcard | Exists, field: str) -> Query:
    return replace(query, field=field)
