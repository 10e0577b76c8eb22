"""Facets: which aggregations they need, and what is shown of the answers.

A facet with a selection keeps its alternatives: the engine computes an aggregation that is named like a selection
without that selection. All facets of a page are part of its one request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

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
from catalog.search.histogram_edges import edges
from catalog.search.page_state import FacetBucket, FacetView
from catalog.search.parameters import parameter_of
from catalog.search.selections import NONE, chosen_values, selection_query, target_of, toggled, value_label
from catalog.search.whole import VALUES_KEPT, WholeCatalog, value_text
from catalog.text.folding import fold
from mappings import facet_fields, fields

TERMS_SHOWN = VALUES_KEPT
_STATS, _RANGES, _NONE, _TOP = "stats", "ranges", "none", "top"
_MOST_MONTHS = 36
_MOST_PERIODS = 60
_BEFORE_METRICS = 1
"""Metrics stand behind the facet of this order: what a model does comes before how well."""


def wanted(state: SearchState, metrics: Iterable[str], whole: WholeCatalog) -> list[str]:
    """The fields whose facets a page shows: the table's of which any model has something, those of these metrics, and
    every one with a selection. Their order depends on nothing that is asked.
    """
    usual = [row for row in facet_fields() if whole.holds(row.name)]
    first = [row.name for row in usual if (row.facet_order or 0) <= _BEFORE_METRICS]
    rest = [row.name for row in usual if row.name not in first]
    chosen = [name for name in state.selections if not _is_text(name)]
    return list(dict.fromkeys((*first, *metrics, *rest, *chosen)))


def _is_text(name: str) -> bool:
    """Whether the field has words and no values, so that nothing of it can be counted."""
    row = fields().get(name)
    return row is not None and row.type == "text"


def aggregations(state: SearchState, names: Iterable[str], whole: WholeCatalog) -> dict[str, Aggregation]:
    """The aggregations of these facets. Names of selected facets carry everything below them."""
    wanted: dict[str, Aggregation] = {}
    for name in names:
        parts = _parts(name, state.selections.get(name, ()), whole)
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


def _parts(name: str, chosen: tuple[str, ...], whole: WholeCatalog) -> dict[str, Aggregation]:
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
    span = whole.span(name)
    if span is not None:
        parts[_RANGES] = RangeAgg(field=name, ranges=_ranges(edges(name, span)))
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


def _ranges(starts: Sequence[float]) -> tuple[RangeBucket, ...]:
    pairs = zip(starts, [*starts[1:], None], strict=True)
    return tuple(RangeBucket(key=f"{low}", start=low, end=high) for low, high in pairs)


def views(
    state: SearchState,
    names: Iterable[str],
    answers: Mapping[str, AggregationResult],
    total: int,
    whole: WholeCatalog,
) -> tuple[FacetView, ...]:
    """The facets in their order. None of them is left out, whatever was found."""
    return tuple(_view(state, name, answers, total, whole) for name in names)


def _own(name: str, answers: Mapping[str, AggregationResult]) -> dict[str, AggregationResult]:
    prefix = f"{name}#"
    return {key.removeprefix(prefix): answer for key, answer in answers.items() if key.startswith(prefix)}


def _view(
    state: SearchState,
    name: str,
    answers: Mapping[str, AggregationResult],
    total: int,
    whole: WholeCatalog,
) -> FacetView:
    chosen = name in state.selections
    parts = answers[name].aggregations if chosen else _own(name, answers)
    missing = _missing(parts, (answers[name].count or 0) if chosen else total)
    row = fields().get(name)
    view = _terms_view if kind_of(name) == "terms" else _range_view
    shown = view(state, name, parts, missing, whole)
    return replace(shown, folded=row is not None and row.folded)


def _terms_view(
    state: SearchState, name: str, parts: Mapping[str, AggregationResult], missing: int, whole: WholeCatalog
) -> FacetView:
    """The values with their counts, those of the catalog that nothing has here at 0; `(none)` last.

    The chosen ones come first, then the most frequent here. Where the catalog has few, each knows its `place`, which
    no condition changes.
    """
    chosen = chosen_values(state.selections, name)
    top = parts.get(_TOP, AggregationResult())
    counts = {value_text(bucket): bucket.count for bucket in top.buckets}
    wanted_values = [value for value in state.selections.get(name, ()) if value != NONE]
    known = {fold(value) for value in counts}
    for index, value in enumerate(wanted_values):
        answer = parts.get(f"chosen{index}")
        if fold(value) not in known:
            counts[value] = (answer.count or 0) if answer else 0
            known.add(fold(value))
    of_catalog = whole.values(name)
    absent = [value for value in of_catalog if fold(value) not in known]
    counts |= dict.fromkeys(absent[: max(0, TERMS_SHOWN - len(counts))], 0)
    buckets = [_bucket(state, name, value, count) for value, count in counts.items()]
    if whole.listed(name):
        places = {fold(value): place for place, value in enumerate(of_catalog)}
        buckets = [replace(bucket, place=places.get(fold(bucket.value), len(places))) for bucket in buckets]
    buckets.sort(key=lambda bucket: not bucket.selected)
    if missing or NONE in chosen or whole.lacks(name):
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


def _bucket(state: SearchState, name: str, value: str, count: int) -> FacetBucket:
    chosen = value.casefold() in chosen_values(state.selections, name)
    return FacetBucket(
        value=value,
        label=value_label(value, name),
        count=count,
        selected=chosen,
        toggled=toggled(state, name, value),
    )


def _range_view(
    state: SearchState, name: str, parts: Mapping[str, AggregationResult], missing: int, whole: WholeCatalog
) -> FacetView:
    kind = kind_of(name)
    chosen = state.selections.get(name, ())
    low, high = _chosen_ends(chosen)
    stats = parts.get(_STATS, AggregationResult()).values
    bars = parts.get(_RANGES, AggregationResult()).buckets
    buckets = (
        _date_buckets(state, name, bars, whole) if kind == "date" else _number_buckets(state, name, bars)
    )
    if missing or NONE in chosen or whole.lacks(name):
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
    """All bars, also the empty ones: the scale is that of the catalog and stays as it is."""
    row = fields().get(name)
    unit = row.unit if row else None
    buckets = []
    for bar in bars:
        low = format_number(bar.start, unit)
        high = "" if bar.end is None else format_number(bar.end, unit)
        value = f"{low}..<{high}" if high else f"{low}..*"
        label = f"{low} to {high}" if high else f"from {low}"
        buckets.append(replace(_ranged(state, name, value, label, bar.count), low=low, high=high))
    return buckets


def _date_buckets(
    state: SearchState, name: str, bars: Sequence[Bucket], whole: WholeCatalog
) -> list[FacetBucket]:
    """Months while those of the catalog are few, else years; the empty ones between them too."""
    dated = [(bar.key, bar.count) for bar in bars if isinstance(bar.key, datetime) and bar.count]
    months = whole.months(name) or tuple(moment for moment, _ in dated)
    if not months:
        return []
    counts: dict[str, int] = dict.fromkeys(_periods(months), 0)
    yearly = _months_between(months[0], months[-1]) > _MOST_MONTHS
    for moment, count in dated:
        text = _period(moment, yearly=yearly)
        counts[text] = counts.get(text, 0) + count
    buckets = [_ranged(state, name, value, value, counts[value]) for value in sorted(counts)]
    return [replace(bucket, low=bucket.value, high=bucket.value) for bucket in buckets]


def _periods(months: Sequence[datetime]) -> Iterable[str]:
    """Every year or month from the first to the last; those alone that have models where all would be too many."""
    first, last = months[0], months[-1]
    if _months_between(first, last) <= _MOST_MONTHS:
        for month in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
            yield f"{month // 12:04}-{month % 12 + 1:02}"
    elif last.year - first.year < _MOST_PERIODS:
        yield from (f"{year:04}" for year in range(first.year, last.year + 1))
    else:
        yield from (_period(month, yearly=True) for month in months)


def _months_between(first: datetime, last: datetime) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _period(moment: datetime, *, yearly: bool) -> str:
    return f"{moment.year:04}" if yearly else f"{moment.year:04}-{moment.month:02}"


def _ranged(state: SearchState, name: str, value: str, label: str, count: int) -> FacetBucket:
    """One bar of a histogram. A range facet holds one range, so clicking another bar replaces it."""
    chosen = value in state.selections.get(name, ())
    others = {key: values for key, values in state.selections.items() if key != name}
    selections = others if chosen else {**others, name: (value,)}
    after = replace(state, selections=selections, page=1)
    return FacetBucket(value=value, label=label, count=count, selected=chosen, toggled=after)
