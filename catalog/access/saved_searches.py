"""Searches that a reader keeps: found by name, changed by their owner, and what is new in them since the last look."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from catalog.errors import SearchChanged, UserError
from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.request import SortKey
from catalog.query.state import SearchState
from catalog.records.searches import Look, SavedSearch
from catalog.search.parameters import from_parameters, to_parameters
from catalog.text.slugs import slug
from mappings.metrics import find

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.settings import Settings
    from catalog.store.saved_searches import SavedSearches as StoredSearches

SCHEMA_VERSION = 1
"""Of the query language in which searches are kept: goes up when old texts would mean something else."""
NAME_CHARACTERS = 100
MODELS_COMPARED = 2_000
"""Of a saved search that are remembered one by one; of a larger one only the number is."""
FEED_ENTRIES = 50
VIEW_CHARACTERS = 32
"""Of the hash that tells apart what one reader sees by different tokens."""
NAMED = 20
"""New and gone models that are named; the rest is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best value of one metric on one data set and split, and whose it is."""

    metric: str
    dataset: str
    split: str
    value: float
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a saved search finds now against what its reader saw. `new` and `gone` are None where that cannot be told."""

    total: int
    since: datetime | None
    new: int | None
    gone: int | None
    arrivals: tuple[Mapping[str, Any], ...]
    departed: tuple[str, ...]  # ids
    best: Best | None
    best_before: float | None
    not_understood: tuple[str, ...]

    @property
    def is_quiet(self) -> bool:
        """Nothing happened since the last look."""
        return not self.new and not self.gone and not self.is_better_known

    @property
    def is_better_known(self) -> bool:
        return self.best is not None and self.best_before is not None and self.best.value != self.best_before


class SavedSearches:
    """The saved searches of one reader. Nothing is opened before something is asked, and nothing made by only looking."""

    def __init__(self, settings: Settings, reader: str) -> None:
        self._settings = settings
        self.reader = reader

    def all(self) -> list[SavedSearch]:
        """The reader's own, then those that others share."""
        from catalog.access.opening import is_store_made  # noqa: PLC0415 - imports this room's plug-ins

        if not is_store_made(self._settings):
            return []
        with self._open(write=False) as searches:
            return searches.visible(self.reader)

    def named(self, name: str) -> SavedSearch:
        """The one of this name or id, the reader's own before those of others. Raises UserError with names that there are."""
        known = self.all()
        for matches in (
            [row for row in known if name in (row.id, row.name)],
            [row for row in known if row.slug == slug_of(name)],
        ):
            if matches:
                return matches[0]
        listed = ", ".join(row.name for row in known[:10])
        advice = f"There are: {listed}" if listed else "Save one with: modeldex saved add NAME QUERY"
        raise UserError(f"No search is saved under the name {name!r}.", advice=advice)

    def get(self, search: str) -> SavedSearch | None:
        return next((row for row in self.all() if row.id == search), None)

    def add(self, name: str, state: SearchState, catalog: Catalog) -> SavedSearch:
        """Keeps the search in its canonical form; what it finds now is what was seen. Raises UserError."""
        clean = _checked_name(name)
        query = query_of(state, catalog)
        with self._open(write=True) as searches:
            saved = searches.add(
                owner=self.reader, name=clean, slug=slug_of(clean), query=query, schema_version=SCHEMA_VERSION
            )
        self.mark_seen(saved, catalog)
        return saved

    def change(
        self,
        saved: SavedSearch,
        *,
        name: str | None = None,
        query: str | None = None,
        shared: bool | None = None,
        as_of: datetime | None = None,
    ) -> None:
        """Sets what is given. Raises UserError for who is not its owner, SearchChanged where `as_of` is not its last change."""
        values: dict[str, Any] = {}
        if name is not None:
            clean = _checked_name(name)
            values |= {"name": clean, "slug": slug_of(clean)}
        if query is not None:
            values |= {"query": query, "schema_version": SCHEMA_VERSION}
        if shared is not None:
            values["shared"] = int(shared)
        with self._open(write=True) as searches:
            if searches.change(saved.id, self.reader, values, as_of=as_of):
                return
            present = searches.get(saved.id, self.reader)
        if as_of is not None and present is not None and present.owner == self.reader:
            raise SearchChanged(
                f"{present.name!r} was changed since you opened it, and nothing was changed now.",
                advice="Open it again, and change what is there now.",
            )
        raise _not_yours(saved)

    def remove(self, saved: SavedSearch) -> None:
        """Raises UserError for who is not its owner."""
        with self._open(write=True) as searches:
            if not searches.remove(saved.id, self.reader):
                raise _not_yours(saved)

    def mark_seen(self, saved: SavedSearch, catalog: Catalog) -> None:
        """What the search finds now is what the reader has seen."""
        sight = _sight(catalog, state_of(saved))
        with self._open(write=True) as searches:
            searches.note_look(saved.id, self._looker(catalog), sight.as_seen())

    def news(self, saved: SavedSearch, catalog: Catalog) -> News:
        """What is new since the reader's last look."""
        state = state_of(saved)
        with self._open(write=False) as searches:
            look = searches.look(saved.id, self._looker(catalog))
        sight = _sight(catalog, state, _best_of(look))
        dropped = catalog.not_understood(state)
        if dropped:  # it finds something else than its reader saw: no model is new or gone by that
            sight = replace(sight, documents=None)
        problems = tuple(dict.fromkeys((*dropped, *_unknown(catalog, state))))
        if saved.schema_version > SCHEMA_VERSION:
            problems = ("A newer Modeldex saved this search; here it may mean something else.", *problems)
        return _news(look, sight, problems)

    def _looker(self, catalog: Catalog) -> str:
        """Under whose name looks are kept: the same reader sees another part by a token, and each is told of its own."""
        principal = catalog.principal
        if principal.sees_all:
            return self.reader
        view = principal.view or repr(principal.scope)
        return f"{self.reader}/{hashlib.sha256(view.encode()).hexdigest()[:VIEW_CHARACTERS]}"

    @contextmanager
    def _open(self, *, write: bool) -> Iterator[StoredSearches]:
        from catalog.store import open_store  # noqa: PLC0415 - SQLAlchemy costs 0.2 s

        with open_store(self._settings, write=write) as store:
            yield store.searches


def state_of(saved: SavedSearch) -> SearchState:
    """The search as the page and the engines take it."""
    state, _ = from_parameters(parse_qsl(saved.query, keep_blank_values=True))
    return state


def query_of(state: SearchState, catalog: Catalog) -> str:
    """The canonical address of a search: its text as it was understood, wherever that says all of it."""
    parsed = catalog.understood(state.text)
    settled = all(problem.code in _SETTLED for problem in parsed.problems)
    text = parsed.whole if parsed.whole and settled else state.text
    return urlencode(to_parameters(replace(state, text=text, page=1)), errors="replace")


_SETTLED = frozenset({"read-as-name", "read-as-parameters"})
"""Doubts that are decided when a search is saved: later the model of that name may be gone, and `pas de deux` deny a word."""


def slug_of(name: str) -> str:
    """What a name comes down to: `Good NER` as `good_ner`; other scripts by their folded text."""
    return slug(name) if name.isascii() and slug(name) else name.strip().casefold()


def arrivals_of(catalog: Catalog, saved: SavedSearch) -> list[Mapping[str, Any]]:
    """What the search finds, those that came to the catalog last in front: the entries of its feed."""
    state = state_of(saved)
    # A limit takes those that are first in the search's own order, whenever they came.
    if catalog.understood(state.text).limit is not None:
        return heapq.nlargest(FEED_ENTRIES, catalog.export(state), key=_arrival)
    request = replace(
        catalog.request(state),
        sort=(SortKey(field="first_seen", descending=True), SortKey(field="id")),
        offset=0,
        size=FEED_ENTRIES,
    )
    return [hit.document for hit in catalog.search(request).hits]


def _arrival(document: Mapping[str, Any]) -> str:
    return str(document.get("first_seen", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """What a search finds at one moment. `documents` is None where there are too many to compare."""

    total: int
    documents: tuple[Mapping[str, Any], ...] | None
    best: Best | None

    def as_seen(self) -> dict[str, Any]:
        best = self.best
        return {
            "total": self.total,
            "ids": None if self.documents is None else [row.get("id") for row in self.documents],
            "best": None
            if best is None
            else {"metric": best.metric, "dataset": best.dataset, "split": best.split, "value": best.value},
        }


def _sight(catalog: Catalog, state: SearchState, wanted: tuple[str, str, str] | None = None) -> _Sight:
    total, documents = catalog.first(state, MODELS_COMPARED)
    best = _best(documents, wanted or _common_series(documents))
    return _Sight(total=total, documents=documents if total <= MODELS_COMPARED else None, best=best)


def _unknown(catalog: Catalog, state: SearchState) -> list[str]:
    """What is asked for and no model has any more, which would else look like no news."""
    problems = catalog.understood(state.text).problems
    return [problem.message for problem in problems if problem.code.startswith("unknown-")]


def _news(look: Look | None, sight: _Sight, problems: tuple[str, ...]) -> News:
    ids = None if look is None else look.seen.get("ids")
    new = gone = None
    arrivals: tuple[Mapping[str, Any], ...] = ()
    departed: tuple[str, ...] = ()
    if sight.documents is not None and isinstance(ids, list):
        before, now = set(ids), {str(row.get("id")) for row in sight.documents}
        arrived = [row for row in sight.documents if row.get("id") not in before]
        left = sorted(before - now)
        new, gone = len(arrived), len(left)
        arrivals, departed = tuple(arrived[:NAMED]), tuple(left[:NAMED])
    best = None if look is None else look.seen.get("best")
    value = best.get("value") if isinstance(best, Mapping) else None
    return News(
        total=sight.total,
        since=None if look is None else look.looked_at,
        new=new,
        gone=gone,
        arrivals=arrivals,
        departed=departed,
        best=sight.best,
        best_before=float(value) if isinstance(value, int | float) else None,
        not_understood=problems,
    )


def _best_of(look: Look | None) -> tuple[str, str, str] | None:
    """The metric, data set and split that the reader saw a best value of: only values on the same data compare."""
    best = None if look is None else look.seen.get("best")
    if not isinstance(best, Mapping):
        return None
    return str(best.get("metric")), str(best.get("dataset")), str(best.get("split"))


def _common_series(documents: tuple[Mapping[str, Any], ...]) -> tuple[str, str, str] | None:
    """The metric, data set and split that most of the models report."""
    counted = Counter(
        series
        for document in documents
        for series in {_series(row) for row in _evaluations(document)}
        if series
    )
    return min(counted, key=lambda series: (-counted[series], series)) if counted else None


def _series(evaluation: Mapping[str, Any]) -> tuple[str, str, str] | None:
    if _direction(evaluation) is None:
        return None
    return (
        str(evaluation.get("metric")),
        str(evaluation.get("dataset") or ""),
        str(evaluation.get("split") or ""),
    )


def _best(documents: tuple[Mapping[str, Any], ...], wanted: tuple[str, str, str] | None) -> Best | None:
    rows = [
        (float(row["value"]), str(document.get("id")))
        for document in documents
        for row in _evaluations(document)
        if wanted is not None and _series(row) == wanted
    ]
    if not rows or wanted is None:
        return None
    row = find(wanted[0])
    value, model = (min if row is not None and row.direction == "down" else max)(rows)
    return Best(metric=wanted[0], dataset=wanted[1], split=wanted[2], value=value, model=model)


def _evaluations(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = document.get("evaluations")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _direction(evaluation: Mapping[str, Any]) -> str | None:
    """Up or down where the value is a number of a metric that has a better and a worse."""
    value, row = evaluation.get("value"), find(str(evaluation.get("metric") or ""))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return row.direction if row is not None and is_number and row.group == "quality" else None


def _checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > NAME_CHARACTERS or not clean.isprintable():
        raise UserError(
            f"A saved search has a name of 1 to {NAME_CHARACTERS} characters that can be seen.",
            advice="Choose another name.",
        )
    return clean


def _not_yours(saved: SavedSearch) -> UserError:
    return UserError(
        f"The search {saved.name!r} belongs to somebody else.", advice="Save it under a name of your own."
    )
