"""How a query that is being typed may go on: names after a space, values with counts after `name:`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from catalog.query.state import SearchState
from catalog.query.text.printing import quoted
from catalog.query.text.targets import short_name
from catalog.search.parameters import field_of
from mappings import fields
from mappings.flags import askable
from webui.contracts import SearchPages
from webui.html.headline import metric_label
from webui.text import shown

SUGGESTIONS = 8
TEXT_CHARACTERS = 500
NAME_CHARACTERS = 2  # fewer say too little to be worth an answer
WORDS = {
    "has": "models that have a field",
    "missing": "models that lack a field",
    "is": "models in a state",
    "after": "trained or created after a date",
    "since": "trained or created from a date on",
    "before": "trained or created before a date",
    "sort": "the order",
}
_LAST = re.compile(
    r"""(?P<sign>[-!(]*)(?:(?P<name>[\w.@-]+)(?P<operator>:)(?P<known>(?:[^\s",]*,)*))?(?P<begun>[^\s",]*)$"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A whole query text that begins with what is typed, and what its new part means."""

    text: str
    label: str
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionsPage:
    """The answer of /api/suggest."""

    query: str
    suggestions: tuple[Suggestion, ...]


def suggestions_page(text: str, search: SearchPages) -> SuggestionsPage:
    """At most SUGGESTIONS ways to go on; none inside quotes or where nothing can be said."""
    text = text[:TEXT_CHARACTERS].lstrip()
    last = re.split(r"\s", text)[-1]
    match = _LAST.fullmatch(last)
    if match is None or text.count('"') % 2:
        return SuggestionsPage(query=text, suggestions=())
    before = text[: len(text) - len(last)]
    begun = match["begun"]
    if match["operator"]:
        found = _values(match["name"], begun, SearchState(text=before), search)
    else:
        found = _names(begun, search)
    stem = text[: len(text) - len(begun)]
    made = (Suggestion(text=f"{stem}{word}", label=label, count=count) for word, label, count in found)
    return SuggestionsPage(
        query=text, suggestions=tuple(one for one, _ in zip(made, range(SUGGESTIONS), strict=False))
    )


def _names(begun: str, search: SearchPages) -> Iterator[tuple[str, str, int | None]]:
    wanted = begun.casefold()
    if len(wanted) < NAME_CHARACTERS:
        return
    for word, label in WORDS.items():
        if word.startswith(wanted):
            yield f"{word}:", label, None
    for bucket in search.facet(SearchState(), "metric_names", wanted).buckets:
        yield f"{bucket.value} > ", metric_label(bucket.value), bucket.count
    for field in fields().values():
        name = short_name(field.name)
        if field.searchable and field.type not in {"text", "flattened"} and name.startswith(wanted):
            yield name + (" > " if field.numeric else ":"), field.label, None


def _values(
    name: str, begun: str, state: SearchState, search: SearchPages
) -> Iterator[tuple[str, str, int | None]]:
    if name in {"has", "missing"}:
        for word, label, count in _names(begun, search):
            yield word.rstrip(" >:"), label, count
        return
    if name == "is":
        yield from _states(begun.casefold(), state, search)
        return
    field = field_of(name)
    if field is None or field not in fields() or fields()[field].type != "keyword":
        return
    for bucket in search.facet(state, field, begun.casefold()).buckets:
        yield quoted(bucket.value), shown(bucket.label, 60), bucket.count


def _states(begun: str, state: SearchState, search: SearchPages) -> Iterator[tuple[str, str, int | None]]:
    """What `is:` can ask for: what models here carry first, with counts."""
    counts = {
        bucket.value: bucket.count
        for column in ("status", "flags")  # where both have a word, the flag is asked for
        for bucket in search.facet(state, column, begun).buckets
    }
    known = [row for row in askable().values() if row.name.startswith(begun)]
    for row in sorted(known, key=lambda row: -counts.get(row.name, 0)):
        yield row.name, row.description, counts.get(row.name)
