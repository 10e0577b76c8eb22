"""The state of a search as its URL holds it, and the conditions that were understood of it."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.lazy_dataclasses import dataclass, field, replace

PAGE_SIZE = 20


LIST, TABLE, PLOT = "list", "table", "plot"
VIEWS = (LIST, TABLE, PLOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultView:
    """How results are shown: a list, a table of these columns, or a plot of `y` over `x`. Empty parts are the usual ones.

    Columns and axes go by the names of fields, metrics (`f1`, `f1@conll2003`) and hyper-parameters. `dataset` is the one
    on which a plotted metric was measured, and `color` the field by which points are coloured.
    """

    kind: str = LIST
    columns: tuple[str, ...] = ()
    x: str = ""
    y: str = ""
    color: str = ""
    dataset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """What the URL says. `selections`: facet field -> chosen values as text; a range facet holds one `low..high`,
    and the value `(none)` means models without the field.
    """

    text: str = ""
    selections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = ""  # `-accuracy,name`; empty is best match, or newest when there is no text
    page: int = 1
    size: int = PAGE_SIZE
    view: ResultView = ResultView()

    def with_values(self, field: str, values: tuple[str, ...]) -> SearchState:
        """The state with these values of the facet chosen, on its first page."""
        selections = {name: chosen for name, chosen in self.selections.items() if name != field}
        if values:
            selections[field] = values
        return replace(self, selections=selections, page=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One understood condition: what was typed or clicked, how it is read, the state without it, and what it is about."""

    label: str  # canonical: `accuracy > 0.9`
    explanation: str  # `trained or created from 1 Jan 2024 (UTC)`; empty when the label says it all
    kind: str  # text | condition | selection | sort | rewritten | literal (undoes the reading of a sentence)
    without: SearchState
    metrics: tuple[str, ...] = ()  # slugs that the condition or order names
    words: tuple[str, ...] = ()  # looked for in any text
