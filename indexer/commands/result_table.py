"""The rows of a search's table: which columns, and which metric stands in the fourth."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog.terminal import absence, count_text, named_apart, printable, size_text, table
from catalog.text.apart import apart
from mappings.metrics import metrics

if TYPE_CHECKING:
    from catalog.search.page_state import SearchPage

Document = Mapping[str, Any]
_ID_CHARACTERS = 12


def lines(page: SearchPage) -> list[str]:
    """The hits as lines: on a terminal a table that fits, elsewhere whole values between tabs."""
    metric = next((name for chip in page.chips for name in chip.metrics), None)
    head = ["NAME", "TASK", "FRAMEWORK", (metric or "metric").upper(), "PARAMS", "SIZE", "DATE", "ID"]
    rows = [
        _row(document, apart_by, metric)
        for document, apart_by in zip(page.hits, apart(page.hits), strict=True)
    ]
    if sys.stdout.isatty():
        return table(head, rows)
    return ["\t".join(printable(cell) for cell in row) for row in (head, *rows)]


def _row(document: Document, apart_by: str, metric: str | None) -> list[str]:
    name = str(document.get("name") or document.get("path") or "")
    return [
        f"{name}{named_apart(apart_by)}{absence(document)}",
        str(document.get("task") or ""),
        str(document.get("framework") or ""),
        _metric(document, metric),
        count_text(document.get("parameters")),
        size_text(document.get("size_bytes")),
        str(document.get("best_date") or "")[:10],
        str(document.get("id", ""))[:_ID_CHARACTERS],
    ]


def _metric(document: Document, metric: str | None) -> str:
    """The asked metric, or the best known of those that the model has."""
    values = document.get("metrics")
    if not isinstance(values, Mapping) or not values:
        return ""
    if metric is not None:
        return f"{values[metric]:.4g}" if metric in values else ""
    name = next((known for known in metrics() if known in values), min(values))
    return f"{name} {values[name]:.4g}"
