"""The parts of a search that a page shows one by one, each with what the search is without it."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.lazy_dataclasses import replace
from catalog.query.request import SortKey
from catalog.query.state import Chip
from catalog.query.subjects import METRICS, metrics_of, words_of
from catalog.query.text.sorting import print_sort
from catalog.search.selections import selected_label, toggled
from catalog.search.understood import UnderstoodSearch, sorted_metrics
from mappings import fields


def chips_of(search: UnderstoodSearch) -> tuple[Chip, ...]:
    """Its conditions, selections, order and limit; last the way back to the words, where they were read as something else."""
    return (*_conditions(search), *_selections(search), *_ordering(search), *_literal(search))


def _conditions(search: UnderstoodSearch) -> Iterator[Chip]:
    for index, condition in enumerate(search.parsed.conditions):
        yield Chip(
            label=condition.label,
            explanation=condition.explanation,
            kind=condition.kind,
            without=search.without_condition(index),
            metrics=metrics_of(condition.node),
            words=words_of(condition.node),
        )


def _selections(search: UnderstoodSearch) -> Iterator[Chip]:
    for field, values in search.state.selections.items():
        for value in values:
            yield Chip(
                label=selected_label(field, value),
                explanation="",
                kind="selection",
                without=toggled(search.state, field, value),
                metrics=(field.removeprefix(METRICS),) if field.startswith(METRICS) else (),
            )


def _ordering(search: UnderstoodSearch) -> Iterator[Chip]:
    limit = search.parsed.limit
    # an unknown order is a notice, and best match stays
    if search.sort and (search.state.sort or search.parsed.sort):
        yield Chip(
            label=f"sort:{print_sort(search.sort)}",
            explanation=_order(search.sort),
            kind="sort",
            without=search.without_sort(),
            metrics=sorted_metrics(search.sort),
        )
    if limit is not None:
        yield Chip(
            label=f"limit:{limit}",
            explanation=f"the first {limit:,}",
            kind="limit",
            without=search.without_limit(),
        )


def _literal(search: UnderstoodSearch) -> Iterator[Chip]:
    parsed = search.parsed
    if parsed.rewritten:
        label, explanation = "search these words instead", f"understood as {parsed.canonical}"
    elif parsed.dropped:
        label, explanation = "search every word", f"without {', '.join(dict.fromkeys(parsed.dropped))}"
    else:
        return
    without = replace(search.state, text=parsed.literal, page=1)
    yield Chip(label=label, explanation=explanation, kind="literal", without=without)


def _order(sort: tuple[SortKey, ...]) -> str:
    key = sort[0]
    if key.field == "_score":
        return "best match first"
    row = fields().get(key.field)
    if row is not None and row.type == "date":
        return "newest first" if key.descending else "oldest first"
    return "highest first" if key.descending else "lowest first"
