"""Facets: which aggregations they need, and what is shown of the answers.

A facet with a selection keeps its alternatives: the engine computes an aggregation that is named like a selection
without that selection. All facets of a page are part of its one request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from catalog.query.document_values import is_leaf
from catalog.query.nodes import All, Term
from catalog.query.request import (
    Aggregation,
    AggregationResult,
    Bucket,
    DateHistogramAgg,
    FilterAgg,
    MetricAgg,
    MissingAgg,
    RangeAgg,
    RangeBucket,
    TermsAgg,
)
from catalog.query.state import SearchState
from catalog.query.text.numbers import format_number
from catalog.search.page_state import FacetBucket, FacetView
from catalog.search.parameters import parameter_of
from catalog.search.selections import NONE, chosen_values, selection_query, target_of, toggled, value_label
from mappings import facet_fields, fields
from mappings.metrics import find

TERMS_SHOWN = 10
_STATS, _RANGES, _NONE, _TOP = "stats", "ranges", "none", "top"
_MONTHS_APART_FOR_YEARS = 36
_BOUNDED_BUCKETS = 20


def wanted(state: SearchState, metrics: Iterable[str]) -> list[str]:
    """The fields whose facets a page shows: the table's, those of these metrics, and every one with a selection."""
    shown = [field.name for field in facet_fields()]
    return list(dict.fromkeys((*shown, *metrics, *state.selections)))


def aggregations(state: SearchState, names: Iterable[str]) -> dict[str, Aggregation]:
    """The aggregations of these facets. Names of selected facets carry everything below them."""
    wanted: dict[str, Aggregation] = {}
    for name in names:
        parts = _parts(name, state.selections.get(name, ()))
        if name in state.selections:
            wanted[name] = FilterAgg(query=All(), aggs=parts)
        else:
            wanted |= {f"{name}#{part}": aggregation for part, aggregation in parts.items()}
    return wanted


def kind_of(name: str) -> str:
    """terms, range or date: how a facet is shown."""
    row = fields().get(name)
    if row is None:
        return "range"
    return row.facet or ("date" if row.type == "date" else "range" if row.numeric else "terms")


def _parts(name: str, chosen: tuple[str, ...]) -> dict[str, Aggregation]:
    kind = kind_of(name)
    if kind == "terms":
        parts: dict[str, Aggregation] = {_TOP: TermsAgg(field=name, size=TERMS_SHOWN)}
        if _many(name):
            parts[_NONE] = MissingAgg(field=name)
        for index, value in enumerate(choice for choice in chosen if choice != NONE):
            query, _ = selection_query(name, (value,))
            parts[f"chosen{index}"] = FilterAgg(query=query or Term(name, value))
        return parts
    if kind == "date":
        return {_RANGES: DateHistogramAgg(field=name, calendar_interval="month", min_doc_count=1)}
    parts = {_STATS: MetricAgg(kind="stats", field=name)}
    edges = _edges(name)
    if edges:
        parts[_RANGES] = RangeAgg(field=name, ranges=_ranges(edges))
    return parts


def _many(name: str) -> bool:
    row = fields().get(name)
    return row is not None and row.list


def _missing(parts: Mapping[str, AggregationResult], total: int) -> int:
    """How many models have no value: where each has at most one, those that are in no bucket."""
    if _NONE in parts:
        return parts[_NONE].count or 0
    if _STATS in parts:
        return max(0, total - int(parts[_STATS].values.get("count") or 0))
    counted = parts.get(_TOP) or parts.get(_RANGES) or AggregationResult()
    return max(0, total - sum(bucket.count for bucket in counted.buckets) - counted.other_count)


def _edges(name: str) -> Sequence[float]:
    """Where the bars of a histogram part. Fixed edges need no second request and are the same on every engine."""
    row = fields().get(name)
    if row is None:
        if is_leaf(name):
            return [0.0, *(float(f"{digit}e{power}") for power in range(-8, 6) for digit in (1, 2, 5))]
        metric = find(name.removeprefix("metrics.").partition("@")[0])
        if metric is None or not metric.bounded:
            return ()
        return [index / _BOUNDED_BUCKETS for index in range(_BOUNDED_BUCKETS)]
    if row.unit == "fraction":
        return [index / _BOUNDED_BUCKETS for index in range(_BOUNDED_BUCKETS)]
    first, last = (0, 13) if row.type == "long" else (-8, 6)
    return [float(f"{digit}e{power}") for power in range(first, last) for digit in (1, 2, 5)]


def _ranges(edges: Sequence[float]) -> tuple[RangeBucket, ...]:
    whole = [int(edge) if float(edge).is_integer() else edge for edge in edges]
    pairs = zip(whole, [*whole[1:], None], strict=True)
    return tuple(RangeBucket(key=f"{low}", start=low, end=high) for low, high in pairs)


def views(
    state: SearchState, names: Iterable[str], answers: Mapping[str, AggregationResult], total: int
) -> tuple[FacetView, ...]:
    """The facets that have something to choose, in their order."""
    facets = []
    for name in names:
        chosen = name in state.selections
        parts = answers[name].aggregations if chosen else _own(name, answers)
        scope = (answers[name].count or 0) if chosen else total
        view = _view(state, name, parts, scope)
        if view is not None:
            facets.append(view)
    return tuple(facets)


def _own(name: str, answers: Mapping[str, AggregationResult]) -> dict[str, AggregationResult]:
    prefix = f"{name}#"
    return {key.removeprefix(prefix): answer for key, answer in answers.items() if key.startswith(prefix)}


def _view(
    state: SearchState, name: str, parts: Mapping[str, AggregationResult], total: int
) -> FacetView | None:
    kind = kind_of(name)
    missing = _missing(parts, total)
    if kind == "terms":
        view = _terms_view(state, name, parts, missing)
    else:
        view = _range_view(state, name, kind, parts, missing)
    if name in state.selections:
        return view
    return view if _useful(view) else None


def _useful(view: FacetView) -> bool:
    """One bucket offers no choice; a range of one number neither, unless some models lack it."""
    known = [bucket for bucket in view.buckets if bucket.value != NONE]
    if view.kind == "terms":
        return bool(known) and len(view.buckets) > 1
    return bool(known) or view.minimum is not None


def _terms_view(
    state: SearchState, name: str, parts: Mapping[str, AggregationResult], missing: int
) -> FacetView:
    """The values with their counts: chosen ones first, even at 0, then the most frequent; `(none)` last."""
    chosen = chosen_values(state.selections, name)
    top = parts.get(_TOP, AggregationResult())
    counts = {_value(bucket): bucket.count for bucket in top.buckets}
    wanted_values = [value for value in state.selections.get(name, ()) if value != NONE]
    for index, value in enumerate(wanted_values):
        answer = parts.get(f"chosen{index}")
        known = next((stored for stored in counts if stored.casefold() == value.casefold()), None)
        if known is None:
            counts[value] = (answer.count or 0) if answer else 0
    buckets = [_bucket(state, name, value, count) for value, count in counts.items()]
    buckets.sort(key=lambda bucket: not bucket.selected)
    if missing or NONE in chosen:
        buckets.append(_bucket(state, name, NONE, missing))
    row = fields().get(name)
    shown_extra = sum(bucket.count for bucket in buckets if bucket.value != NONE) - sum(
        b.count for b in top.buckets
    )
    return FacetView(
        field=name,
        parameter=parameter_of(name),
        label=row.label if row else name,
        kind="terms",
        buckets=tuple(buckets),
        other_count=max(0, top.other_count - shown_extra),
    )


def _value(bucket: Bucket) -> str:
    if isinstance(bucket.key, bool):
        return "true" if bucket.key else "false"
    if isinstance(bucket.key, float) and bucket.key.is_integer():
        return str(int(bucket.key))
    return str(bucket.key)


def _bucket(state: SearchState, name: str, value: str, count: int) -> FacetBucket:
    chosen = value.casefold() in chosen_values(state.selections, name)
    return FacetBucket(
        value=value,
        label=value_label(value),
        count=count,
        selected=chosen,
        toggled=toggled(state, name, value),
    )


def _range_view(
    state: SearchState, name: str, kind: str, parts: Mapping[str, AggregationResult], missing: int
) -> FacetView:
    chosen = state.selections.get(name, ())
    low, high = _chosen_ends(chosen)
    stats = parts.get(_STATS, AggregationResult()).values
    bars = parts.get(_RANGES, AggregationResult()).buckets
    buckets = _date_buckets(state, name, bars) if kind == "date" else _number_buckets(state, name, bars)
    if missing or NONE in chosen:
        buckets.append(_bucket(state, name, NONE, missing))
    target = target_of(name)
    return FacetView(
        field=name,
        parameter=parameter_of(name),
        label=target.label if target else name,
        kind=kind,
        buckets=tuple(buckets),
        low=low,
        high=high,
        minimum=stats.get("min"),
        maximum=stats.get("max"),
        unit=target.unit if target else None,
    )


def _chosen_ends(chosen: tuple[str, ...]) -> tuple[str, str]:
    for value in chosen:
        low, dots, high = value.partition("..")
        if dots:
            return low.strip("*>="), high.strip("*<=")
    plain = [value for value in chosen if value != NONE]
    return (plain[0], plain[0]) if plain else ("", "")


def _number_buckets(state: SearchState, name: str, bars: Sequence[Bucket]) -> list[FacetBucket]:
    """The bars from the first to the last that holds a model; empty ones between them show the gap."""
    filled = [index for index, bar in enumerate(bars) if bar.count]
    if not filled:
        return []
    row = fields().get(name)
    unit = row.unit if row else None
    buckets = []
    for bar in bars[filled[0] : filled[-1] + 1]:
        low = format_number(bar.start, unit)
        high = "" if bar.end is None else format_number(bar.end, unit)
        value = f"{low}..<{high}" if high else f"{low}..*"
        label = f"{low} to {high}" if high else f"from {low}"
        buckets.append(replace(_ranged(state, name, value, label, bar.count), low=low, high=high))
    return buckets


def _date_buckets(state: SearchState, name: str, bars: Sequence[Bucket]) -> list[FacetBucket]:
    """Months while they are few, else years."""
    dated = [(bar.key, bar.count) for bar in bars if isinstance(bar.key, datetime) and bar.count]
    if not dated:
        return []
    first, last = dated[0][0], dated[-1][0]
    months = (last.year - first.year) * 12 + last.month - first.month
    counts: dict[str, int] = {}
    for moment, count in dated:
        text = f"{moment:%Y}" if months > _MONTHS_APART_FOR_YEARS else f"{moment:%Y-%m}"
        counts[text] = counts.get(text, 0) + count
    return [_ranged(state, name, value, value, count) for value, count in counts.items()]


def _ranged(state: SearchState, name: str, value: str, label: str, count: int) -> FacetBucket:
    """One bar of a histogram. A range facet holds one range, so clicking another bar replaces it."""
    chosen = value in state.selections.get(name, ())
    others = {key: values for key, values in state.selections.items() if key != name}
    selections = others if chosen else {**others, name: (value,)}
    after = replace(state, selections=selections, page=1)
    return FacetBucket(value=value, label=label, count=count, selected=chosen, toggled=after)
