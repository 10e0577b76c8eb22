"""Facets: which aggregations they need, and what is shown of the answers.

A facet with a selection keeps its alternatives: the engine computes an aggregation that is named like a selection
without that selection. All facets of a page are part of its one request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from catalog.lazy_dataclasses import dataclass
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
    SearchResult,
    TermsAgg,
)
from catalog.query.state import SearchState
from catalog.query.text.numbers import format_number
from catalog.search.histogram_edges import edges
from catalog.search.page_state import FacetBucket, FacetView
from catalog.search.parameters import parameter_of
from catalog.search.selections import (
    NONE,
    holds_words,
    is_chosen,
    selection_query,
    switched,
    target_of,
    value_label,
)
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


def aggregations(
    state: SearchState, names: Iterable[str], whole: WholeCatalog, *, with_ends: bool = True
) -> dict[str, Aggregation]:
    """The aggregations of these facets. Names of selected facets carry everything below them."""
    wanted: dict[str, Aggregation] = {}
    for name in names:
        wanted |= asked_of(state, name, whole, with_ends=with_ends)
    return wanted


def asked_of(
    state: SearchState, name: str, whole: WholeCatalog, *, with_ends: bool = True
) -> Mapping[str, Aggregation]:
    """The aggregations of one facet; `with_ends` of a range with the least and the greatest value, too."""
    if name in state.selections:
        return {name: FilterAgg(query=All(), aggs=_parts(name, state.selections[name], whole))}
    return whole.kept(("parts", name, with_ends), lambda: _unselected_parts(name, whole, with_ends=with_ends))


def _unselected_parts(name: str, whole: WholeCatalog, *, with_ends: bool) -> Mapping[str, Aggregation]:
    parts = _parts(name, (), whole)
    if not with_ends and _RANGES in parts:
        parts.pop(_STATS, None)  # bars hold every model that has a value, so they are enough
    return {f"{name}#{part}": aggregation for part, aggregation in parts.items()}


def kind_of(name: str, chosen: Iterable[str] = ()) -> str:
    """terms, range or date: how a facet is shown. A hyper-parameter of which words are chosen has values, others a range."""
    row = fields().get(name)
    if row is None:
        return "terms" if holds_words(name, chosen) else "range"
    return row.facet or ("date" if row.type == "date" else "range" if row.numeric else "terms")


def _parts(name: str, chosen: tuple[str, ...], whole: WholeCatalog) -> dict[str, Aggregation]:
    kind = kind_of(name, chosen)
    if kind == "terms":
        parts: dict[str, Aggregation] = {_TOP: TermsAgg(field=name, size=TERMS_SHOWN)}
        if _many(name) and not whole.is_everywhere(name):
            parts[_NONE] = MissingAgg(field=name)
        for index, value in enumerate(choice for choice in chosen if choice != NONE):
            query, _ = selection_query(name, (value,))
            parts[f"chosen{index}"] = FilterAgg(query=query or Term(name, value))
        return parts
    if kind == "date":
        periods = _scale(name, whole)
        if not periods:
            return {_RANGES: DateHistogramAgg(field=name, calendar_interval="month", min_doc_count=1)}
        return {_RANGES: RangeAgg(field=name, ranges=tuple(bar.range for bar in periods))}
    parts = {_STATS: MetricAgg(kind="stats", field=name)}
    if bars := _scale(name, whole):
        parts[_RANGES] = RangeAgg(field=name, ranges=tuple(bar.range for bar in bars))
    return parts


def _many(name: str) -> bool:
    row = fields().get(name)
    return row is not None and row.list


def _missing(name: str, parts: Mapping[str, AggregationResult], total: int) -> int:
    """How many models have no value: where each has at most one, those that are in no bucket."""
    if _NONE in parts:
        return parts[_NONE].count or 0
    if _many(name):
        return 0
    if _STATS in parts:
        return max(0, total - int(parts[_STATS].values.get("count") or 0))
    counted = parts.get(_TOP) or parts.get(_RANGES) or AggregationResult()
    return max(0, total - sum(bucket.count for bucket in counted.buckets) - counted.other_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """One bar of a histogram: what is counted for it, what the address holds of it, and its bounds as text."""

    range: RangeBucket
    value: str
    label: str
    low: str
    high: str


def _scale(name: str, whole: WholeCatalog) -> tuple[_Bar, ...]:
    """The bars of a number or a date. They are those of the whole catalog and stay where they are while one clicks."""
    dated = kind_of(name) == "date"
    return whole.kept(("scale", name), lambda: (_periods_of if dated else _bars_of)(name, whole))


def _bars_of(name: str, whole: WholeCatalog) -> tuple[_Bar, ...]:
    span = whole.span(name)
    if span is None:
        return ()
    starts = edges(name, span)
    row = fields().get(name)
    unit = row.unit if row else None
    bars = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        low, high = format_number(start, unit), "" if end is None else format_number(end, unit)
        bars.append(
            _Bar(
                range=RangeBucket(key=f"{start}", start=start, end=end),
                value=f"{low}..<{high}" if high else f"{low}..*",
                label=f"{low} to {high}" if high else f"from {low}",
                low=low,
                high=high,
            )
        )
    return tuple(bars)


def _periods_of(name: str, whole: WholeCatalog) -> tuple[_Bar, ...]:
    """Months while those of the catalog are few, else years; the empty ones between them too.

    The first and the last are open, so that each model with a date is counted in one of them.
    """
    periods = _periods(whole.months(name))
    starts = [_start_of(period) for period in periods]
    ends = [*starts[1:], None]
    return tuple(
        _bar_of(period, start if place else None, end)
        for place, (period, start, end) in enumerate(zip(periods, starts, ends, strict=True))
    )


def _bar_of(period: str, start: datetime | None = None, end: datetime | None = None) -> _Bar:
    bounds = RangeBucket(key=period, start=start, end=end)
    return _Bar(range=bounds, value=period, label=period, low=period, high=period)


def _start_of(period: str) -> datetime:
    year, _, month = period.partition("-")
    return datetime(int(year), int(month or 1), 1, tzinfo=UTC)


def own(answers: Mapping[str, AggregationResult]) -> dict[str, dict[str, AggregationResult]]:
    """The answers about each facet of which nothing is chosen, by the facet and its part."""
    by_facet: dict[str, dict[str, AggregationResult]] = {}
    for key, answer in answers.items():
        name, mark, part = key.rpartition("#")
        if mark:
            by_facet.setdefault(name, {})[part] = answer
    return by_facet


def is_reported(metric: str, result: SearchResult) -> bool:
    """Whether the facet of a metric counted any model. False, too, where it was not asked for."""
    counted = result.aggregations.get(f"{metric}#{_RANGES}")
    return counted is not None and any(bucket.count for bucket in counted.buckets)


def views(
    state: SearchState,
    names: Iterable[str],
    answers: Mapping[str, AggregationResult],
    total: int,
    whole: WholeCatalog,
) -> tuple[FacetView, ...]:
    """The facets in their order. None of them is left out, whatever was found."""
    by_facet = own(answers)
    return tuple(
        _view(state, name, answers[name].aggregations, answers[name].count or 0, whole)
        if name in state.selections
        else _view(state, name, by_facet.get(name, {}), total, whole)
        for name in names
    )


def _view(
    state: SearchState, name: str, parts: Mapping[str, AggregationResult], total: int, whole: WholeCatalog
) -> FacetView:
    view = _terms_view if kind_of(name, state.selections.get(name, ())) == "terms" else _range_view
    return view(state, name, parts, _missing(name, parts, total), whole)


def _terms_view(
    state: SearchState, name: str, parts: Mapping[str, AggregationResult], missing: int, whole: WholeCatalog
) -> FacetView:
    """The values with their counts, those of the catalog that nothing has here at 0; `(none)` last.

    The chosen ones come first, then the most frequent here. Where the catalog has few, each knows its `place`, which
    no condition changes.
    """
    chosen = state.selections.get(name, ())
    top = parts.get(_TOP, AggregationResult())
    counts = {value_text(bucket): bucket.count for bucket in top.buckets}
    known = {fold(value): value for value in counts}
    for index, value in enumerate(value for value in chosen if value != NONE):
        answer = parts.get(f"chosen{index}")
        if known.setdefault(fold(value), value) == value:
            counts.setdefault(value, (answer.count or 0) if answer else 0)
    other_count = top.other_count - sum(counts.values()) + sum(bucket.count for bucket in top.buckets)
    of_catalog = whole.places(name)
    absent = [(folded, value) for folded, value in of_catalog.items() if folded not in known]
    for folded, value in absent[: max(0, TERMS_SHOWN - len(counts))]:
        known[folded], counts[value] = value, 0
    places = whole.kept(("order", name), lambda: _order_of(name, whole))
    buckets = [
        facet_bucket(name, value, counts[value], chosen, places.get(folded, len(places)))
        for folded, value in known.items()
    ]
    if chosen:
        buckets.sort(key=lambda bucket: not bucket.selected)
    if missing or NONE in chosen or whole.lacks(name):
        buckets.append(facet_bucket(name, NONE, missing, chosen))
    row = fields().get(name)
    return FacetView(
        field=name,
        parameter=parameter_of(name),
        label=row.label if row else name,
        kind="terms",
        state=state,
        buckets=tuple(buckets),
        other_count=max(0, other_count),
        folded=row is not None and row.folded,
    )


def _order_of(name: str, whole: WholeCatalog) -> Mapping[str, int]:
    """The place of each folded value of a field of which the catalog has few."""
    return {folded: place for place, folded in enumerate(whole.places(name))} if whole.listed(name) else {}


def facet_bucket(name: str, value: str, count: int, chosen: tuple[str, ...], place: int = 0) -> FacetBucket:
    """One value of a field, where these are the chosen ones."""
    return FacetBucket(
        value=value,
        label=value_label(value, name),
        count=count,
        selected=is_chosen(value, chosen),
        after=switched(chosen, value),
        place=place,
    )


def _range_view(
    state: SearchState, name: str, parts: Mapping[str, AggregationResult], missing: int, whole: WholeCatalog
) -> FacetView:
    kind = kind_of(name)
    chosen = state.selections.get(name, ())
    low, high = _chosen_ends(chosen)
    stats = parts.get(_STATS, AggregationResult()).values
    answers = parts.get(_RANGES, AggregationResult()).buckets
    if scale := _scale(name, whole):
        buckets = [_ranged(bar, answer.count, chosen) for bar, answer in zip(scale, answers, strict=False)]
    else:
        buckets = _found_periods(answers, chosen)
    if missing or NONE in chosen or whole.lacks(name):
        buckets.append(facet_bucket(name, NONE, missing, chosen))
    target = target_of(name)
    row = fields().get(name)
    return FacetView(
        field=name,
        parameter=parameter_of(name),
        label=target.label if target else name,
        kind=kind,
        state=state,
        buckets=tuple(buckets),
        low=low,
        high=high,
        minimum=stats.get("min"),
        maximum=stats.get("max"),
        unit=target.unit if target else None,
        folded=row is not None and row.folded,
    )


def _chosen_ends(chosen: tuple[str, ...]) -> tuple[str, str]:
    for value in chosen:
        low, dots, high = value.partition("..")
        if dots:
            return low.strip("*>="), high.strip("*<=")
    plain = [value for value in chosen if value != NONE]
    return (plain[0], plain[0]) if plain else ("", "")


def _found_periods(months: Sequence[Bucket], chosen: tuple[str, ...]) -> list[FacetBucket]:
    """The periods of a date that is no usual facet: between those of the models found."""
    dated = [(bar.key, bar.count) for bar in months if isinstance(bar.key, datetime) and bar.count]
    if not dated:
        return []
    moments = [moment for moment, _ in dated]
    counts: dict[str, int] = dict.fromkeys(_periods(moments), 0)
    yearly = _months_between(moments[0], moments[-1]) > _MOST_MONTHS
    for moment, count in dated:
        counts[_period(moment, yearly=yearly)] += count
    return [_ranged(_bar_of(period), count, chosen) for period, count in counts.items()]


def _periods(months: Sequence[datetime]) -> list[str]:
    """Every year or month from the first to the last; those alone that have models where all would be too many."""
    if not months:
        return []
    first, last = months[0], months[-1]
    if _months_between(first, last) <= _MOST_MONTHS:
        numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        return [f"{month // 12:04}-{month % 12 + 1:02}" for month in numbers]
    if last.year - first.year < _MOST_PERIODS:
        return [f"{year:04}" for year in range(first.year, last.year + 1)]
    return list(dict.fromkeys(_period(month, yearly=True) for month in months))


def _months_between(first: datetime, last: datetime) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _period(moment: datetime, *, yearly: bool) -> str:
    return f"{moment.year:04}" if yearly else f"{moment.year:04}-{moment.month:02}"


def _ranged(bar: _Bar, count: int, chosen: tuple[str, ...]) -> FacetBucket:
    """One bar of a histogram. A range facet holds one range, so clicking another bar replaces it."""
    selected = bar.value in chosen
    return FacetBucket(
        value=bar.value,
        label=bar.label,
        count=count,
        selected=selected,
        after=() if selected else (bar.value,),
        low=bar.low,
        high=bar.high,
    )
