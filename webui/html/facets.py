"""Facets as the page draws them: checkboxes with counts and bars, and histograms of ranges in SVG coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter

from catalog.lazy_dataclasses import dataclass
from catalog.query.state import SearchState
from catalog.search.page_state import FacetBucket, FacetView
from catalog.search.selections import NONE
from webui.numbers import bound
from webui.text import shown
from webui.urls import Addresses, FacetAddresses

OPTIONS_AT_ONCE = 6
CHART_WIDTH = 240.0
CHART_HEIGHT = 40.0
SMALLEST_BAR = 1.5
FEWEST_BARS = 8  # a single bar across the whole width looks like a background
FEWEST_FOR_THREE_TICKS = 5
LABEL_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetOption:
    """One value, a checkbox that the form sends; `url` is the page with it switched. `share` is its part of the largest count, 0 to 100.

    `idle`: nothing here has it and it is not chosen, so choosing it would change nothing.
    """

    value: str
    sent: str  # the same as the address spells it
    label: str
    count: int
    count_text: str
    selected: bool
    idle: bool
    url: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramBar:
    """One bar in a drawing of CHART_WIDTH by CHART_HEIGHT, and the bounds that a brush over it sets.

    `url` is empty where it would lead to nothing. One bar of a histogram is reached with Tab, the others with arrows.
    """

    x: float
    y: float
    width: float
    height: float
    title: str
    selected: bool
    url: str
    low: str
    high: str
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetPanel:
    """One facet. Terms have options (those shown at once, then the rest), ranges have bars, ticks and two bounds."""

    field: str
    parameter: str
    label: str
    kind: str
    active: bool
    folded: bool
    typed: bool  # its choice stands in the text: what switches it is a link, a form would send both
    options: tuple[FacetOption, ...]
    more_options: tuple[FacetOption, ...]
    other_count: int
    values_url: str
    bars: tuple[HistogramBar, ...]
    ticks: tuple[str, ...]
    low: str
    high: str
    low_hint: str
    high_hint: str
    unit: str

    @property
    def leads_somewhere(self) -> bool:
        """Whether a choice in it is made, or could be and finds anything."""
        options = (*self.options, *self.more_options)
        return self.active or any(not option.idle for option in options) or any(bar.url for bar in self.bars)


def facet_panels(
    views: tuple[FacetView, ...], state: SearchState, addresses: Addresses
) -> tuple[FacetPanel, ...]:
    """Every facet of the answer, in its order."""
    return tuple(_panel(view, state, addresses) for view in views)


def _panel(view: FacetView, state: SearchState, addresses: Addresses) -> FacetPanel:
    ranged = view.kind != "terms"
    holding = [bucket for bucket in view.buckets if bucket.value != NONE]
    lacking = [bucket for bucket in view.buckets if bucket.value == NONE]
    largest = max([bucket.count for bucket in holding], default=0)
    bars = holding if ranged else []
    # Few values stay where they are while one clicks.
    buckets = lacking if ranged else [*sorted(holding, key=_BY_PLACE), *lacking]
    spellings = {value.casefold(): value for value in state.selections.get(view.field, ())}
    places = addresses.of_facet(view)
    options = [_option(bucket, largest, places, spellings) for bucket in buckets]
    at_once = [option for index, option in enumerate(options) if index < OPTIONS_AT_ONCE or option.selected]
    others = [option for option in options[OPTIONS_AT_ONCE:] if not option.selected]
    high_hint = bound(bars[-1].high) if bars else ""
    active = any(bucket.selected for bucket in view.buckets) or bool(view.low or view.high)
    return FacetPanel(
        field=view.field,
        parameter=view.parameter,
        label=view.label,
        kind=view.kind,
        active=active,
        folded=view.folded and not active,
        typed=view.typed,
        options=tuple(at_once),
        more_options=tuple(others),
        other_count=view.other_count,
        values_url=addresses.values(view.field, state) if view.other_count and not ranged else "",
        bars=_bars(bars, largest, places),
        ticks=_ticks(bars, view.unit),
        low=view.low,
        high=view.high,
        low_hint=bound(next((bucket.low for bucket in bars if bucket.low), "")) if high_hint else "",
        high_hint=high_hint,
        unit=view.unit or "",
    )


_BY_PLACE = attrgetter("place")


def _option(
    bucket: FacetBucket, largest: int, places: FacetAddresses, spellings: Mapping[str, str]
) -> FacetOption:
    return FacetOption(
        value=bucket.value,
        sent=spellings.get(bucket.value.casefold(), bucket.value) if spellings else bucket.value,
        label=shown(bucket.label, LABEL_CHARACTERS),
        count=bucket.count,
        count_text=f"{bucket.count:,}",
        selected=bucket.selected,
        idle=not bucket.count and not bucket.selected,
        url=places.search(bucket.after),
        share=min(100.0, round(100 * bucket.count / largest, 1)) if largest and bucket.value != NONE else 0.0,
    )


def _ticks(bars: list[FacetBucket], unit: str | None) -> tuple[str, ...]:
    """What stands below the first, the middle and the last bar; the last one of numbers has no end."""
    if not bars:
        return ()
    last = _tick(bars[-1].low, unit) + ("" if bars[-1].high else "+")
    if len(bars) == 1:
        return (last,)
    middle = (_tick(bars[len(bars) // 2].low, unit),) if len(bars) >= FEWEST_FOR_THREE_TICKS else ()
    return (_tick(bars[0].low, unit), *middle, last)


def _tick(low: str, unit: str | None) -> str:
    """A bound as people read it: 500 B of 500 bytes, 200 kB of 200kB, 10,499 of 10499 parameters."""
    text = bound(low)
    if unit == "count" and text.isdecimal():
        return f"{int(text):,}"
    if unit != "bytes":
        return text
    number = text.rstrip("kMGTPEB")
    return f"{number} {text[len(number) :] or 'B'}"


def _bars(buckets: list[FacetBucket], largest: int, places: FacetAddresses) -> tuple[HistogramBar, ...]:
    start = next((at for at, bucket in enumerate(buckets) if bucket.selected), None)
    if start is None:
        start = next((at for at, bucket in enumerate(buckets) if bucket.count), 0)
    drawn = _drawing(len(buckets))
    bars = []
    for index, (x, bucket) in enumerate(zip(drawn.xs, buckets, strict=True)):
        count = bucket.count
        height = max(SMALLEST_BAR, CHART_HEIGHT * count / largest) if count else 0.0
        models = "1 model" if count == 1 else f"{count:,} models"
        bars.append(
            HistogramBar(
                x=x,
                y=round(CHART_HEIGHT - height, 2) if count else CHART_HEIGHT,
                width=drawn.width,
                height=round(height, 2) if count else 0.0,
                title=f"{shown(bucket.label, LABEL_CHARACTERS)}: {models}",
                selected=bucket.selected,
                url=places.search(bucket.after) if count or bucket.selected else "",
                low=bucket.low,
                high=bucket.high,
                first=index == start,
            )
        )
    return tuple(bars)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Where the bars of a histogram stand, and how wide they are."""

    xs: tuple[float, ...]
    width: float


@lru_cache(maxsize=256)
def _drawing(number: int) -> _Drawing:
    step = CHART_WIDTH / max(number, FEWEST_BARS)
    return _Drawing(tuple(round(index * step, 2) for index in range(number)), round(max(step - 1.5, 1.0), 2))
