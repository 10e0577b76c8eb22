"""What an address names: one model, one field's values, one search. Pages and `/api` find them alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

from catalog.errors import UserError
from mappings import Field, fields
from webui.not_found import NotFoundHere
from webui.parameters import asked
from webui.query_example import QueryExample, query_example
from webui.reading import catalog, settings
from webui.settings import ApiSettings

if TYPE_CHECKING:
    from catalog.query.state import SearchState
    from catalog.records import StoredModel
    from catalog.search.page_state import FacetView

SHORTEST_ID = 6
PREFIX_CHARACTERS = 100


def find_model(model_id: str) -> StoredModel:
    """A model by its id, or by the beginning of an id that only one model has. Raises NotFoundHere."""
    reading = catalog()
    stored = reading.model(model_id)
    if stored is None and SHORTEST_ID <= len(model_id) < 64:
        candidates = reading.find(model_id)
        stored = reading.model(candidates[0]) if len(candidates) == 1 else None
    if stored is None:
        raise NotFoundHere("No model has this id. It may have been removed, or belong to another catalog.")
    return stored


def find_facet(name: str) -> tuple[Field, FacetView, str, SearchState]:
    """The most frequent values of a field that begin with the prefix asked for, under the search in the address.

    With the prefix and the search. Raises NotFoundHere for a field whose values cannot be listed.
    """
    field = fields().get(name)
    if field is None or not field.searchable or field.type in {"text", "flattened", "date"}:
        raise NotFoundHere("There is no field of this name whose values could be listed.")
    state = asked().state
    prefix = request.args.get("prefix", "").strip()[:PREFIX_CHARACTERS]
    if prefix and field.type != "keyword":
        raise UserError(f"{field.label} holds no words: its values have no beginning to look for.")
    return field, catalog().facet(state, name, prefix), prefix, state


def find_example(state: SearchState) -> QueryExample | None:
    """The search as it is asked at /es/ of this server."""
    url = f"{request.url_root.rstrip('/')}/es"
    return query_example(catalog().request(state), url, needs_key=bool(settings().section(ApiSettings).keys))
