"""The URL is the state of a search: canonical, shareable, and tolerant of whatever stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields as parts_of
from dataclasses import replace
from functools import lru_cache
from typing import Any

from catalog.query.state import LIST, PAGE_SIZE, VIEWS, ResultView, SearchState
from catalog.query.text.search_text import MAX_CHARACTERS
from catalog.query.text.targets import resolve, short_name
from mappings import fields

TEXT, SORT, PAGE, PER_PAGE = "q", "sort", "page", "per_page"
LENIENT = "lenient"
AS_OF = "as_of"
VIEW, COLUMNS = "view", "columns"
VIEW_PARTS = (VIEW, *(part.name for part in parts_of(ResultView) if part.name != "kind"))
RESERVED = frozenset({TEXT, SORT, PAGE, PER_PAGE, LENIENT, *VIEW_PARTS})
SINGLE = RESERVED - {LENIENT, COLUMNS}
MAX_PER_PAGE = 100
MAX_PAGE = 1_000_000
MAX_SELECTED = 40
"""Each chosen value is counted on its own so that it stays visible; engines count at most 100 things at once."""
MAX_PARAMETERS = 500
MAX_TEXT_BYTES = 4_000
"""Of a text as addresses write it: every link of a page repeats it, and there are a hundred of them."""
MAX_COLUMNS = 30
MAX_NAME_CHARACTERS = 300


def to_parameters(state: SearchState) -> tuple[tuple[str, str], ...]:
    """The state as URL parameters in their canonical order, defaults left out. A facet's values repeat its parameter."""
    pairs = [(TEXT, state.text)] if state.text else []
    for field in sorted(state.selections, key=parameter_of):
        pairs += [(parameter_of(field), value) for value in sorted(set(state.selections[field]))]
    if state.sort:
        pairs.append((SORT, state.sort))
    pairs += _view_pairs(state.view)
    if state.size != PAGE_SIZE:
        pairs.append((PER_PAGE, str(state.size)))
    if state.page > 1:
        pairs.append((PAGE, str(state.page)))
    return tuple(pairs)


def from_parameters(pairs: Iterable[tuple[str, str]]) -> tuple[SearchState, tuple[str, ...]]:
    """The state that URL parameters mean, and a sentence for each that was left out. Never raises."""
    text = sort = ""
    page, size = 1, PAGE_SIZE
    selections: dict[str, dict[str, None]] = {}
    read = list(pairs)[:MAX_PARAMETERS]
    notices = dict.fromkeys(_contradictions(read))
    selected = 0
    view = ResultView()
    for name, value in read:
        match name:
            case "q":
                text, length = _bounded(value.strip()), len(value.strip())
                if len(text) < length:
                    notices[f"Only the first {len(text):,} of {length:,} characters are read."] = None
            case "sort":
                sort = value.strip()[:1000]
            case "page":
                page = _whole(value, 1, MAX_PAGE, 1)
                if value.strip() and str(page) != value.strip().lstrip("0"):
                    notices[f"Pages are counted from 1 to {MAX_PAGE:,}; {value[:40]!r} is none."] = None
            case name if name in VIEW_PARTS:
                if name == COLUMNS and len(_columns((*view.columns, *value.split(",")))) > MAX_COLUMNS:
                    notices[f"A table shows at most {MAX_COLUMNS} columns; the others are left out."] = None
                if name == VIEW and value.strip() and value.strip() not in VIEWS:
                    notices[f"Results are shown as {', '.join(VIEWS)}, not {value.strip()[:40]!r}."] = None
                view = _with_part(view, name, value.strip())
            case "lenient":
                pass  # what the API asks for, no part of a state
            case "per_page":
                size = _whole(value, 1, MAX_PER_PAGE, PAGE_SIZE)
                if str(size) != value.strip().lstrip("0") and value.strip("0 "):  # 0 asks how many there are
                    notices[f"A page has 1 to {MAX_PER_PAGE} models, not {value[:40]!r}."] = None
            case _:
                field = field_of(name)
                if field is None:
                    notices[f"{name[:60]} is no condition that this page knows; it is left out."] = None
                elif value.strip() and selected == MAX_SELECTED:
                    notices[f"Only the first {MAX_SELECTED} chosen values count."] = None
                elif value.strip():
                    selected += 1
                    selections.setdefault(field, {})[value.strip()] = None
    chosen = {field: tuple(values) for field, values in selections.items()}
    state = SearchState(text=text, selections=chosen, sort=sort, page=page, size=size, view=view)
    return state, tuple(notices)


def _contradictions(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A sentence for each parameter of one value that has several: what went before the last one would go unseen."""
    given: dict[str, set[str]] = {}
    for name, value in pairs:
        if name in SINGLE:
            given.setdefault(name, set()).add(value.strip())
    for name, values in given.items():
        if len(values) > 1:
            yield f"{name} has {len(values):,} values here and can have one; the last one counts."


def _view_pairs(view: ResultView) -> list[tuple[str, str]]:
    pairs = [(VIEW, view.kind)] if view.kind != LIST else []
    if view.columns:
        pairs.append((COLUMNS, ",".join(view.columns)))
    return pairs + [(name, value) for name in VIEW_PARTS[2:] if (value := getattr(view, name))]


def _with_part(view: ResultView, name: str, value: str) -> ResultView:
    """The view with one more part of it read. A form sends each column apart."""
    if name == VIEW:
        return replace(view, kind=value if value in VIEWS else LIST)
    if name == COLUMNS:
        columns = _columns((*view.columns, *value.split(",")))
        return replace(view, columns=columns[:MAX_COLUMNS])
    axis: dict[str, Any] = {name: value[:MAX_NAME_CHARACTERS]}
    return replace(view, **axis)


def _columns(names: Iterable[str]) -> tuple[str, ...]:
    stripped = (name.strip()[:MAX_NAME_CHARACTERS] for name in names)
    return tuple(dict.fromkeys(name for name in stripped if name))


def _bounded(text: str) -> str:
    """The beginning of a text that has not too many characters and is not too long in an address."""
    size, kept = 0, 0
    for character in text[:MAX_CHARACTERS]:
        size += (
            1
            if character.isascii() and character.isalnum()
            else 3 * len(character.encode("utf-8", "replace"))
        )
        if size > MAX_TEXT_BYTES:
            break
        kept += 1
    return text[:kept].rstrip() if kept < len(text) else text


def _whole(value: str, low: int, high: int, default: int) -> int:
    """A whole number within its bounds, whatever was written."""
    value = value.strip()
    if not (value.isascii() and value.isdigit()):
        return default
    return min(max(int(value[:10]), low), high)


@lru_cache(maxsize=4_096)
def parameter_of(field: str) -> str:
    """The name of a facet's field in the URL: its short name, or the metric's own where it means nothing else."""
    name = field.removeprefix("metrics.") if field.startswith("metrics.") else short_name(field)
    return name if name not in RESERVED and field_of(name) == field else field


def field_of(name: str) -> str | None:
    """The field that a URL parameter selects by; None for a parameter that is none of ours."""
    if name in RESERVED:
        return None
    if name in fields():
        return name if fields()[name].searchable and fields()[name].type != "flattened" else None
    for target in resolve(name):
        if target.split is None and target.dataset is not None:
            return f"{target.path}@{target.dataset}"
        if not target.nested:
            return target.path
    return None
