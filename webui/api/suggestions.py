"""How a query that is being typed may go on: names after a space, those of models too, values with counts after `name:`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import And, Match
from catalog.query.state import SearchState
from catalog.query.text.conditions import SPECIAL
from catalog.query.text.printing import quoted
from catalog.query.text.targets import parameter_target, resolve, short_name
from catalog.search.parameters import field_of
from catalog.text.patterns import pattern
from catalog.text.slugs import slug
from mappings import fields
from mappings.flags import askable
from webui.api.responses.finding import (
    Suggestion,
    SuggestionsAnswer,
)
from webui.documents import text_at
from webui.headline import metric_label
from webui.text import shown

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog

SUGGESTIONS = 8
MODELS = 3
"""Places that are kept for what is no word of the language: data sets and models."""
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


def suggestions(text: str, catalog: Catalog) -> SuggestionsAnswer:
    """At most SUGGESTIONS ways to go on; none inside quotes or where nothing can be said."""
    text = text[:TEXT_CHARACTERS].lstrip()
    last = re.split(r"\s", text)[-1]
    match = _LAST.fullmatch(last)
    if match is None or text.count('"') % 2:
        return SuggestionsAnswer(query=text, suggestions=())
    before = text[: len(text) - len(last)]
    begun = match["begun"]
    if match["operator"]:
        ways = _values(match["name"], begun, SearchState(text=before), catalog)
    else:
        ways = chain(
            islice(_names(begun, catalog), SUGGESTIONS - MODELS),
            _things(begun, SearchState(text=before), catalog),
        )
    stem = text[: len(text) - len(begun)]
    return SuggestionsAnswer(
        query=text,
        suggestions=tuple(
            Suggestion(text=f"{stem}{way.word}{way.behind}", label=way.label, count=way.count)
            for way in islice(ways, SUGGESTIONS)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to go on: a word, what is typed behind it, what it means and how many models have it."""

    word: str
    behind: str
    label: str
    count: int | None = None


def _names(begun: str, catalog: Catalog) -> Iterator[_Way]:
    wanted = begun.casefold()
    if len(wanted) < NAME_CHARACTERS:
        return
    for word, label in WORDS.items():
        if word.startswith(wanted):
            yield _Way(word, ":", label)
    metrics = catalog.facet(SearchState(), "metric_names", wanted, letter_by_letter=True).buckets
    for bucket in metrics:
        yield _Way(bucket.value, " > ", metric_label(bucket.value), bucket.count)
    for field in fields().values():
        name = short_name(field.name)
        if field.searchable and field.type not in {"text", "flattened"} and name.startswith(wanted):
            yield _Way(name, " > " if field.numeric else ":", field.label)
    taken = SPECIAL | {bucket.value for bucket in metrics}
    parameters = catalog.facet(SearchState(), "hyperparameter_names", wanted, letter_by_letter=True)
    for bucket in parameters.buckets:
        if spelled := _parameter(bucket.value, taken):
            yield _Way(spelled, ":", "hyper-parameter", bucket.count)


def _parameter(name: str, taken: Collection[str]) -> str:
    """What asks for a hyper-parameter: its name, or all of its path where the name alone means something else. Empty where
    that is a field, which is offered as one.
    """
    path = parameter_target(name).path
    if any(target.path != path for target in resolve(path)):
        return ""
    return path if slug(name) in taken or resolve(name) else name


def _things(begun: str, state: SearchState, catalog: Catalog) -> Iterator[_Way]:
    """Data sets that begin so and models that have a word that does, under the rest of the query."""
    if len(begun) < NAME_CHARACTERS or not _WORD.fullmatch(begun):
        return
    datasets = catalog.facet(state, "datasets", begun.casefold(), letter_by_letter=True)
    for bucket in islice(datasets.buckets, MODELS - 1):
        if bucket.count:
            yield _Way(f"{short_name('datasets')}:{quoted(bucket.value)}", "", "data set", bucket.count)
    request = catalog.request(state)
    named = And((request.query, Match(begun, ("name",), "prefix")))
    hits = catalog.search(replace(request, query=named, sort=(), size=2 * MODELS, needs_total=False)).hits
    for name in dict.fromkeys(text_at(hit.document, "name") for hit in hits):
        if name:
            yield _Way(f"{short_name('name')}:{quoted(name)}", "", "model")


_WORD = pattern(r"[\w.+/-]+")


def _values(name: str, begun: str, state: SearchState, catalog: Catalog) -> Iterator[_Way]:
    if name in {"has", "missing"}:
        yield from (replace(way, behind="") for way in _names(begun, catalog))
        return
    if name == "is":
        yield from _states(begun.casefold(), state, catalog)
        return
    field = field_of(name)
    if field is None or field not in fields() or fields()[field].type != "keyword":
        return
    for bucket in catalog.facet(state, field, begun.casefold()).buckets:
        yield _Way(quoted(bucket.value), "", shown(bucket.label, 60), bucket.count)


def _states(begun: str, state: SearchState, catalog: Catalog) -> Iterator[_Way]:
    """What `is:` can ask for: what models here carry first, with counts."""
    counts = {
        bucket.value: bucket.count
        for column in ("status", "flags")  # where both have a word, the flag is asked for
        for bucket in catalog.facet(state, column, begun).buckets
    }
    known = [row for row in askable().values() if row.name.startswith(begun)]
    for row in sorted(known, key=lambda row: -counts.get(row.name, 0)):
        yield _Way(row.name, "", row.description, counts.get(row.name))
