"""The orders that a page of results offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from catalog.lazy_dataclasses import dataclass
from mappings import fields
from mappings.metrics import find
from webui.headline import metric_label
from webui.text import shown

if TYPE_CHECKING:
    from catalog.search.page_state import SearchPage

METRICS_TO_SORT_BY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SortOption:
    """One order: what the address holds, and what people call it."""

    value: str
    label: str
    selected: bool


def sort_options(page: SearchPage) -> tuple[SortOption, ...]:
    """The usual orders, those by the metrics of the models found, and the present one."""
    words = any(chip.kind == "text" for chip in page.chips)
    table = [
        ("", "Best match" if words else "Newest"),
        *([("-date", "Newest")] if words else []),
        ("date", "Oldest"),
        ("name", "Name"),
        *_metric_orders(page.hits),
        ("-parameters", "Most parameters"),
        ("parameters", "Fewest parameters"),
        ("-size", "Largest"),
        ("size", "Smallest"),
    ]
    if not page.state.sort and any(chip.kind == "sort" for chip in page.chips):
        table = _asked_in_words(page.order, table)
    elif page.state.sort not in {value for value, _ in table}:
        table.append((page.state.sort, _order_label(page.state.sort)))
    return tuple(
        SortOption(value=value, label=label, selected=value == page.state.sort) for value, label in table
    )


def _asked_in_words(order: str, table: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The order that the query itself asks for first, which no parameter has to say; then all others."""
    others = dict([("-date", "Newest"), *(entry for entry in table if entry[0])])
    label = others.pop(order, "") or _order_label(order)
    return [("", label), *others.items()]


def _metric_orders(hits: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    counted: Counter[str] = Counter()
    for document in hits:
        metrics = document.get("metrics")
        counted.update(list(metrics) if isinstance(metrics, Mapping) else [])
    orders = []
    for name, _ in counted.most_common(METRICS_TO_SORT_BY):
        metric = find(name)
        if metric is None or metric.direction is None:
            continue
        sign = "-" if metric.direction == "up" else ""
        orders.append((f"{sign}{name}", f"Best {_lower_first(metric.label)}"))
    return orders


def _lower_first(label: str) -> str:
    return label if label[:2].isupper() or label[1:2].isdigit() else label[:1].lower() + label[1:]


def _order_label(sort: str) -> str:
    first = sort.split(",", maxsplit=1)[0]
    name = first.lstrip("-+")
    row = fields().get(name)
    label = row.label if row else metric_label(name)
    return shown(f"{label}, {'descending' if first.startswith('-') else 'ascending'}", 60)
