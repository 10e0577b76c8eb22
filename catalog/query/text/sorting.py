"""`sort:accuracy`: best first; `sort:-size`: descending; `sort:size-asc` and `sort:size-desc` as on GitHub.

Without a sign the order is the one people mean: metrics best first by their direction, dates newest first, everything
else ascending.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from catalog.query.problems import Suggestion
from catalog.query.request import MAX_RESULT_WINDOW, SortKey
from catalog.query.text.parse_context import Reading
from catalog.query.text.printing import name_of, quoted
from catalog.query.text.targets import column_field, only_shown, resolve, suggestions, why_only_shown
from catalog.query.text.tokens import Kind, Piece, Token
from catalog.text.slugs import slug
from mappings import fields, fields_where
from mappings.metrics import LOWER_COSTS, LOWER_IS_BETTER, find

MAX_SORT_KEYS = 5


def read_sort(tokens: Iterable[Token], reading: Reading) -> tuple[SortKey, ...]:
    """The sort keys in their order; what cannot be sorted by becomes a problem."""
    keys: dict[str, SortKey] = {}
    for token in tokens:
        if not token.values:
            reading.problem("no-value", "sort: needs a field, such as sort:accuracy.", token.start, token.end)
        for piece in token.values:
            key = _key(piece, reading)
            if key is not None:
                keys.setdefault(key.field, key)
    return tuple(keys.values())[:MAX_SORT_KEYS]


def read_limit(tokens: Iterable[Token], reading: Reading) -> int | None:
    """How many models are asked for, the fewest where several are; None without a limit."""
    limits = []
    for token in tokens:
        text = token.values[0].text if len(token.values) == 1 and token.operator in {":", "="} else ""
        if text.isascii() and text.isdigit() and 0 < int(text[:10]) <= MAX_RESULT_WINDOW:
            limits.append(int(text))
            continue
        message = f"limit: needs one whole number from 1 to {MAX_RESULT_WINDOW:,}; it is left out."
        reading.problem("not-a-limit", message, token.start, token.end)
    return min(limits, default=None)


def parse_sort(text: str, reading: Reading) -> tuple[SortKey, ...]:
    """The sort keys of `-accuracy,name`, the way a URL holds them."""
    pieces, start = [], 0
    for part in text[:1000].split(","):
        stripped = part.strip()
        if stripped:
            pieces.append(Piece(text=stripped, quoted=False, start=start, end=start + len(part)))
        start += len(part) + 1
    if not pieces:
        return ()
    return read_sort([Token(kind=Kind.CONDITION, start=0, end=len(text), values=tuple(pieces))], reading)


def _key(piece: Piece, reading: Reading) -> SortKey | None:
    text = piece.text.strip().strip('"')
    descending: bool | None = None
    if text[:1] in {"-", "+"}:
        descending, text = text[0] == "-", text[1:]
    for ending, value in (("-asc", False), ("-desc", True), (":asc", False), (":desc", True)):
        if text.casefold().endswith(ending):
            descending, text = value, text[: -len(ending)]
    if slug(text) in {"score", "relevance", "best_match"} or text == "_score":
        return SortKey(field="_score", descending=True)
    # `sort:precision` and `sort:loss` mean the metric: nobody sorts by the name of a dtype or loss function.
    field = column_field(text, reading.vocabulary)
    if field is None and (beyond := reading.parameter(text)):
        field = beyond[0].path
    if field is None:
        _not_sortable(text, piece, reading)
        return None
    descending = natural_direction(field) if descending is None else descending
    row = fields().get(field)
    ordered_by = row.ordered_by if row is not None else None
    return SortKey(field=ordered_by or field, descending=descending)


def _not_sortable(name: str, piece: Piece, reading: Reading) -> None:
    known = resolve(name)
    if known and known[0].nested:
        message = (
            f"Sorting by {known[0].label} is not possible; sort:{known[0].path.removeprefix('metrics.')} is."
        )
        reading.problem("not-sortable", message, piece.start, piece.end)
        return
    shown = None if known else only_shown(name)
    if shown is not None:
        reading.problem("not-sortable", f"{why_only_shown(shown, 'sorted by')}.", piece.start, piece.end)
        return
    close = suggestions(name, reading.vocabulary, numeric=True) if reading.may_look_up() else []
    offered: list[Suggestion] = [reading.replaced(piece.start, piece.end, near) for near in close]
    ask = f" Did you mean {close[0]}?" if close else ""
    reason = (
        f"{known[0].label} holds several values or text" if known else f"There is no field or metric {name!r}"
    )
    reading.problem(
        "not-sortable", f"{reason}, so it cannot be sorted by.{ask}", piece.start, piece.end, *offered
    )


def natural_direction(field: str) -> bool:
    """True for descending: what somebody expects who names a field and no direction."""
    if field == "_score":
        return True
    if field.startswith("metrics."):
        return not lower_is_better(field.removeprefix("metrics.").partition("@")[0])
    row = fields().get(field)
    return row is not None and row.type == "date"


def lower_is_better(metric: str) -> bool:
    """By the table of metrics; a metric it does not know goes by its ending."""
    row = find(metric)
    if row is not None and row.direction is not None:
        return row.direction == "down"
    return metric.endswith((*LOWER_IS_BETTER, *LOWER_COSTS))


@cache
def _ordered_fields() -> Mapping[str, str]:
    """The field that each field of sorted values is for."""
    return {row.ordered_by: name for name, row in fields_where("ordered_by").items() if row.ordered_by}


def print_sort(keys: Iterable[SortKey]) -> str:
    """The keys as a URL or a query holds them: descending with a minus, ascending bare or, where bare means
    descending, with `-asc`.
    """
    return ",".join(_printed(key) for key in keys)


def _printed(key: SortKey) -> str:
    if key.field == "_score":
        return "score"
    key = replace(key, field=_ordered_fields().get(key.field, key.field))
    # A bare name would mean the metric where both exist.
    name = name_of(key.field)
    if not key.field.startswith("metrics.") and any(target.kind == "metric" for target in resolve(name)):
        name = key.field
    text = f"-{name}" if key.descending else f"{name}-asc" if natural_direction(key.field) else name
    plain = text.replace('"', "")
    return quoted(plain) if "@" in plain else text
