"""Facets as the page draws them: links with counts and bars, and histograms of ranges in SVG coordinates."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.query.state import SearchState
from catalog.search.page_state import FacetBucket, FacetView
from catalog.search.selections import NONE
from webui.text import shown
from webui.urls import Addresses

OPTIONS_AT_ONCE = 6
LISTS_FIRST = 3
CHART_WIDTH = 240.0
CHART_HEIGHT = 40.0
SMALLEST_BAR = 1.5
FEWEST_BARS = 8  # a single bar across the whole width looks like a background
LABEL_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetOption:
    """One value: clicking goes to `url`. `share` is its part of the largest count, 0 to 100."""

    value: str
    label: str
    count: int
    count_text: str
    selected: bool
    url: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramBar:
    """One bar in a drawing of CHART_WIDTH by CHART_HEIGHT."""

    x: float
    y: float
    width: float
    height: float
    title: str
    selected: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetPanel:
    """One facet. Terms have options (those shown at once, then the rest), ranges have bars and two bounds."""

    field: str
    parameter: str
    label: str
    kind: str
    active: bool
    options: tuple[FacetOption, ...]
    more_options: tuple[FacetOption, ...]
    other_count: int
    values_url: str
    bars: tuple[HistogramBar, ...]
    low: str
    high: str
    low_hint: str
    high_hint: str
    unit: str


def facet_panels(
    views: tuple[FacetView, ...], state: SearchState, addresses: Addresses
) -> tuple[FacetPanel, ...]:
    """The facets worth showing: one whose only value nobody chose tells nothing."""
    panels = [_panel(view, state, addresses) for view in views]
    return _ordered([panel for panel in panels if _worth_showing(panel)])


def _ordered(panels: list[FacetPanel]) -> tuple[FacetPanel, ...]:
    """Ranges come after the first lists of values, where one sees them without scrolling."""
    ranges = [panel for panel in panels if panel.kind != "terms"]
    lists = [panel for panel in panels if panel.kind == "terms"]
    return (*lists[:LISTS_FIRST], *ranges, *lists[LISTS_FIRST:])


def _worth_showing(panel: FacetPanel) -> bool:
    if panel.active:
        return True
    if panel.kind == "terms":
        return len(panel.options) + len(panel.more_options) > 1
    return len(panel.bars) > 1 or bool(panel.options)


def _panel(view: FacetView, state: SearchState, addresses: Addresses) -> FacetPanel:
    largest = max((bucket.count for bucket in view.buckets), default=0)
    ranged = view.kind != "terms"
    buckets = [bucket for bucket in view.buckets if not ranged or bucket.value == NONE]
    options = [_option(bucket, largest, addresses) for bucket in buckets]
    at_once = [option for index, option in enumerate(options) if index < OPTIONS_AT_ONCE or option.selected]
    bars = [bucket for bucket in view.buckets if ranged and bucket.value != NONE]
    return FacetPanel(
        field=view.field,
        parameter=view.parameter,
        label=view.label,
        kind=view.kind,
        active=any(bucket.selected for bucket in view.buckets) or bool(view.low or view.high),
        options=tuple(at_once),
        more_options=tuple(option for option in options if option not in at_once),
        other_count=view.other_count,
        values_url=addresses.values(view.field, state) if view.other_count and not ranged else "",
        bars=_bars(bars, addresses),
        low=view.low,
        high=view.high,
        low_hint=next((bucket.low for bucket in bars if bucket.low), ""),
        high_hint=bars[-1].high if bars else "",
        unit=view.unit or "",
    )


def _option(bucket: FacetBucket, largest: int, addresses: Addresses) -> FacetOption:
    return FacetOption(
        value=bucket.value,
        label=shown(bucket.label, LABEL_CHARACTERS),
        count=bucket.count,
        count_text=f"{bucket.count:,}",
        selected=bucket.selected,
        url=addresses.search(bucket.toggled),
        share=round(100 * bucket.count / largest, 1) if largest else 0.0,
    )


def _bars(buckets: list[FacetBucket], addresses: Addresses) -> tuple[HistogramBar, ...]:
    largest = max((bucket.count for bucket in buckets), default=0)
    if not buckets or not largest:
        return ()
    step = CHART_WIDTH / max(len(buckets), FEWEST_BARS)
    bars = []
    for index, bucket in enumerate(buckets):
        height = 0.0 if not bucket.count else max(SMALLEST_BAR, CHART_HEIGHT * bucket.count / largest)
        models = "1 model" if bucket.count == 1 else f"{bucket.count:,} models"
        bars.append(
            HistogramBar(
                x=round(index * step, 2),
                y=round(CHART_HEIGHT - height, 2),
                width=round(max(step - 1.5, 1.0), 2),
                height=round(height, 2),
                title=f"{shown(bucket.label, LABEL_CHARACTERS)}: {models}",
                selected=bucket.selected,
                url=addresses.search(bucket.toggled),
            )
        )
    return tuple(bars)
