"""The addresses of our own pages; the state of a search is its address."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlencode

from catalog.lazy_dataclasses import dataclass
from catalog.query.state import SearchState
from catalog.search.parameters import AS_OF, parameter_of, to_parameters

if TYPE_CHECKING:
    from catalog.search.page_state import FacetView


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Addresses below `root`, the path at which the application is mounted (no slash at its end)."""

    root: str = ""
    as_of: str = ""
    """The day of the past that searches are about, as it was asked for; empty is now."""

    def search(self, state: SearchState) -> str:
        return self._with_query("/", state, as_of=self.as_of)

    def search_text(self, text: str) -> str:
        return self.search(SearchState(text=text))

    def selection(self, field: str, value: str) -> str:
        day = f"&{AS_OF}={_encoded(self.as_of)}" if self.as_of else ""
        return f"{self.root}/?{_encoded(parameter_of(field))}={_encoded(value)}{day}"

    def search_json(self, state: SearchState) -> str:
        return self._with_query("/api/search", state, as_of=self.as_of)

    def export(self, state: SearchState, kind: str) -> str:
        return self._with_query(f"/api/export.{kind}", state)

    def of_facet(self, view: FacetView) -> FacetAddresses:
        """The addresses of a search with other values of one facet chosen."""
        return FacetAddresses.around(self, view.state, view.field)

    def values(self, field: str, state: SearchState) -> str:
        return self._with_query(f"/values/{quote(field, safe='', errors='replace')}", state, as_of=self.as_of)

    def model(self, model_id: str, *, came_from: str = "") -> str:
        """The page of a model; it says where the model came from to who asked for `came_from`, its old id."""
        pairs = [(name, value) for name, value in (("from", came_from), (AS_OF, self.as_of)) if value]
        query = f"?{_query(pairs)}" if pairs else ""
        return f"{self.root}/models/{quote(model_id, safe='', errors='replace')}{query}"

    def model_json(self, model_id: str) -> str:
        return f"{self.root}/api/models/{quote(model_id, safe='', errors='replace')}"

    def table(self, name: str) -> str:
        """The page of a table that models were trained on."""
        return f"{self.root}/tables/{quote(name, safe='', errors='replace')}"

    def table_json(self, name: str) -> str:
        return f"{self.root}/api/v1/tables/{quote(name, safe='', errors='replace')}"

    def edit(self, model_id: str, field: str = "") -> str:
        """Where a model is changed, or one field of it."""
        query = f"?{urlencode({'field': field}, errors='replace')}" if field else ""
        return f"{self._now.model(model_id)}/edit{query}"

    def history(self, model_id: str) -> str:
        return f"{self._now.model(model_id)}/history"

    def edit_found(self, state: SearchState) -> str:
        """Where all models that a search finds are changed."""
        return self._with_query("/edit", state)

    def undo(self, batch: str) -> str:
        return f"{self.root}/edits/{quote(batch, safe='', errors='replace')}/undo"

    def compare(self, model_ids: Iterable[str]) -> str:
        names = ",".join(quote(model_id, safe="", errors="replace") for model_id in model_ids)
        pairs = [f"ids={names}"] if names else []
        if self.as_of and names:
            pairs.append(f"{AS_OF}={_encoded(self.as_of)}")
        return f"{self.root}/compare?{'&'.join(pairs)}" if pairs else f"{self.root}/compare"

    def saved(self, search_id: str = "") -> str:
        return f"{self.root}/saved/{quote(search_id, safe='')}" if search_id else f"{self.root}/saved"

    def feed(self, search_id: str, kind: str) -> str:
        return f"{self.saved(search_id)}/feed.{kind}"

    @property
    def _now(self) -> Addresses:
        """Those of what is changed or listed as it is now."""
        return Addresses(root=self.root)

    def _with_query(self, path: str, state: SearchState, *, as_of: str = "") -> str:
        query = _query([*to_parameters(state), *([(AS_OF, as_of)] if as_of else [])])
        return f"{self.root}{path}?{query}" if query else f"{self.root}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetAddresses:
    """What the addresses of all values of a facet share: all but the values stands before or behind them."""

    name: str
    before: str
    behind: str
    without: str

    @classmethod
    def around(cls, addresses: Addresses, state: SearchState, field: str) -> FacetAddresses:
        """Those of a search. Found by the parameters of the same search with a value that is put in."""
        name = parameter_of(field)
        pairs = list(to_parameters(state.with_values(field, (_ANY,))))
        place = pairs.index((name, _ANY))
        head, tail = pairs[:place], pairs[place + 1 :]
        if addresses.as_of:
            tail.append((AS_OF, addresses.as_of))
        path = f"{addresses.root}/"
        before, behind = _query(head), _query(tail)
        query = f"{before}&{behind}" if before and behind else before or behind
        return cls(
            name=_encoded(name),
            before=f"{path}?{before}&" if before else f"{path}?",
            behind=f"&{behind}" if behind else "",
            without=f"{path}?{query}" if query else path,
        )

    def search(self, values: tuple[str, ...]) -> str:
        """The address with these values of the facet chosen."""
        if not values:
            return self.without
        if len(values) == 1:
            return f"{self.before}{self.name}={_encoded(values[0])}{self.behind}"
        chosen = "&".join([f"{self.name}={_encoded(value)}" for value in sorted(set(values))])
        return f"{self.before}{chosen}{self.behind}"


_ANY = "\0"


def _query(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join([f"{_encoded(name)}={_encoded(value)}" for name, value in pairs])


@lru_cache(maxsize=4_096)
def _encoded(text: str) -> str:
    """A name or value of a query: a page has some 300 addresses, which are made of few."""
    return quote_plus(text, errors="replace")
