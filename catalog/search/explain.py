"""Why a search finds nothing: what each condition costs, how near the catalog comes, and which words nobody uses.

One request answers all of it: a filter aggregation per condition holds everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from catalog.lazy_dataclasses import dataclass
from catalog.query.nodes import All, And, Match, Query, Range
from catalog.query.problems import QueryProblem, Suggestion
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    FilterAgg,
    MetricAgg,
    MissingAgg,
    SearchRequest,
    TermsAgg,
)
from catalog.query.state import SearchState
from catalog.query.text.numbers import format_number
from catalog.query.text.pasted import last_name
from catalog.query.text.printing import name_of
from catalog.query.text.targets import Vocabulary, metric_target
from catalog.search.engine import SearchEngine
from catalog.search.page_state import EmptyReason
from catalog.text.patterns import pattern
from catalog.text.spelling import nearest
from mappings import fields

MAX_CONDITIONS = 20
MIN_TOGETHER, MAX_TOGETHER = 3, 8
"""Conditions of which several are left out at once: of two, without one is the other; of eight there are 70 halves."""
PARTS_SHOWN = 3
_PASTED = pattern(r"(?:[\w.+\-]+:/{0,3}|~)?[\w.\-@+/\\]*[/\\][\w.\-]*\w[\w.\-]*/?")
_BEGUN = pattern(r"[^\W_]{3,40}")
NAMES_COMPARED = 1_000
_ALONE, _WITHOUT, _NAMES = "alone", "without", "names"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One condition or selection, what the search would be without it, and the words it looks for, if any."""

    label: str
    node: Query
    without: SearchState
    start: int = 0
    end: int = 0


def explain(
    engine: SearchEngine, restrictions: Sequence[Restriction], text: str, vocabulary: Vocabulary
) -> tuple[tuple[EmptyReason, ...], tuple[QueryProblem, ...]]:
    """The reasons, the most promising first, and a problem for every word that no model has."""
    every = restrictions
    restrictions = restrictions[:MAX_CONDITIONS]
    aggregations: dict[str, Aggregation] = {}
    for index, restriction in enumerate(restrictions):
        rest = [other.node for place, other in enumerate(every) if place != index]
        query: Query = And(tuple(rest)) if rest else All()
        aggregations[f"{_WITHOUT}{index}"] = FilterAgg(query=query, aggs=_nearness(restriction.node))
        if isinstance(restriction.node, Match):
            aggregations[f"{_ALONE}{index}"] = FilterAgg(query=restriction.node)
    if any(isinstance(restriction.node, Match) for restriction in restrictions):
        aggregations[_NAMES] = TermsAgg(field="name", size=NAMES_COMPARED)
    answers = engine.search(SearchRequest(size=0, aggregations=aggregations)).aggregations
    reasons = [
        _reason(restriction, answers[f"{_WITHOUT}{index}"]) for index, restriction in enumerate(restrictions)
    ]
    return (
        tuple(sorted(reasons, key=lambda reason: -reason.without_count)),
        tuple(_unknown_words(restrictions, answers, text, vocabulary)),
    )


def largest_parts(
    engine: SearchEngine,
    restrictions: Sequence[Restriction],
    without: Callable[[Sequence[int]], SearchState],
) -> tuple[EmptyReason, ...]:
    """The largest parts of a search that find something, the fullest first, where leaving out one condition is not enough.

    `without` is the search without some of the restrictions. Bounds: MAX_TOGETHER.
    """
    if not MIN_TOGETHER <= len(restrictions) <= MAX_TOGETHER:
        return ()
    for left_out in range(2, len(restrictions)):
        groups = list(combinations(range(len(restrictions)), left_out))
        parts: dict[str, Aggregation] = {}
        for number, group in enumerate(groups):
            kept = tuple(each.node for place, each in enumerate(restrictions) if place not in group)
            parts[str(number)] = FilterAgg(query=And(kept))
        answers = engine.search(SearchRequest(size=0, aggregations=parts)).aggregations
        counted = [(answers[str(number)].count or 0, group) for number, group in enumerate(groups)]
        fullest = sorted((part for part in counted if part[0]), key=lambda part: -part[0])
        if fullest:
            return tuple(
                EmptyReason(
                    label=", ".join(restrictions[place].label for place in group),
                    without_count=count,
                    without=without(group),
                    conditions=left_out,
                )
                for count, group in fullest[:PARTS_SHOWN]
            )
    return ()


def _nearness(node: Query) -> dict[str, Aggregation]:
    """For a threshold: the best value among the other models, and how many of them have none."""
    if not isinstance(node, Range) or not _numeric(node.field):
        return {"missing": MissingAgg(field=node.field)} if isinstance(node, Range) else {}
    return {
        "stats": MetricAgg(kind="stats", field=node.field),
        "missing": MissingAgg(field=node.field),
    }


def _numeric(field: str) -> bool:
    row = fields().get(field)
    return field.startswith("metrics.") or (row is not None and row.numeric)


def _reason(restriction: Restriction, answer: AggregationResult) -> EmptyReason:
    count = answer.count or 0
    detail = (
        _detail(restriction.node, count, answer.aggregations) if isinstance(restriction.node, Range) else ""
    )
    return EmptyReason(
        label=restriction.label, without_count=count, without=restriction.without, detail=detail
    )


def _detail(node: Range, count: int, parts: Mapping[str, AggregationResult]) -> str:
    """`best accuracy here is 0.887; 21 of 37 report none`."""
    facts = []
    name = name_of(node.field)
    values = parts["stats"].values if "stats" in parts else {}
    low, high = values.get("min"), values.get("max")
    row = fields().get(node.field)
    unit = row.unit if row else None
    if high is not None and low is not None:
        asked_low = node.gt if node.gt is not None else node.gte
        asked_high = node.lt if node.lt is not None else node.lte
        metric = node.field.startswith("metrics.")
        if isinstance(asked_low, int | float) and high <= asked_low:
            facts.append(f"{'best' if metric else 'largest'} {name} here is {_number(high, unit)}")
        elif isinstance(asked_high, int | float) and low >= asked_high:
            facts.append(f"{'lowest' if metric else 'smallest'} {name} here is {_number(low, unit)}")
        else:
            facts.append(f"{name} here is between {_number(low, unit)} and {_number(high, unit)}")
    missing = parts["missing"].count if "missing" in parts else None
    if count and missing:
        facts.append(
            f"{missing:,} of {count:,} report none" if missing < count else f"none of {count:,} reports it"
        )
    return "; ".join(facts)


def _number(value: float, unit: str | None) -> str:
    return format_number(float(f"{value:.4g}"), unit)


def _unknown_words(
    restrictions: Sequence[Restriction],
    answers: Mapping[str, AggregationResult],
    text: str,
    vocabulary: Vocabulary,
) -> list[QueryProblem]:
    problems = []
    words: dict[str, int] | None = None
    for index, restriction in enumerate(restrictions):
        if _PASTED.fullmatch(restriction.label) and not isinstance(restriction.node, Match | Range):
            problems.append(_unknown_place(restriction, text))
        alone = answers.get(f"{_ALONE}{index}")
        if alone is None or alone.count or not isinstance(restriction.node, Match):
            continue
        words = _known_words(answers.get(_NAMES), vocabulary) if words is None else words
        problems.append(_unknown_word(restriction, words, text))
    return problems


def _unknown_place(restriction: Restriction, text: str) -> QueryProblem:
    """A hub name or path that no model has: its last part may be the name of one."""
    last = last_name(restriction.label)
    start, end = restriction.start, restriction.end
    return QueryProblem(
        code="unknown-word",
        message=f"No model is called {restriction.label} or stored there. Did you mean {last}?",
        start=start,
        end=end,
        suggestions=(Suggestion(label=last, text=f"{text[:start]}{last}{text[end:]}"),),
    )


def _unknown_word(restriction: Restriction, words: Mapping[str, int], text: str) -> QueryProblem:
    assert isinstance(restriction.node, Match)  # the caller asked only for words
    word = restriction.node.text
    close = nearest(word, words, counts=words)
    start, end = restriction.start, restriction.end
    if _BEGUN.fullmatch(word) and any(known.startswith(word.casefold()) for known in words):
        close = [f"{word}*", *close]
    metric = metric_target(word)
    if metric is not None and not metric.nested:
        close = [f"has:{metric.name}", *close]
    offered = tuple(Suggestion(label=near, text=f"{text[:start]}{near}{text[end:]}") for near in close)
    ask = f" Did you mean {close[0]}?" if close else ""
    return QueryProblem(
        code="unknown-word", message=f"No model says {word}.{ask}", start=start, end=end, suggestions=offered
    )


def _known_words(names: AggregationResult | None, vocabulary: Vocabulary) -> dict[str, int]:
    """Words of names and facet values with how many models have them."""
    counts: dict[str, int] = {}
    listed = [(str(bucket.key), bucket.count) for bucket in (names.buckets if names else ())]
    for values in vocabulary.values.values():
        listed += values.items()
    for value, count in listed:
        for word in value.casefold().replace("/", " ").replace("_", " ").replace("-", " ").split():
            if len(word) > 2 and not word.isdigit():
                counts[word] = counts.get(word, 0) + count
    return counts
