"""What an address names: one model, one field's values, one search. Pages and `/api` find them alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import request

from catalog.access.principals import OWNER
from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import And, Not, Or, Term, Terms
from catalog.query.request import SearchRequest, SortKey
from catalog.query.text.targets import number_target
from catalog.records import ModelId
from catalog.text.absence import ABSENT
from mappings import Field, fields
from webui.documents import ProvenanceNotKept, values_at
from webui.not_found import NotFoundHere
from webui.parameters import asked
from webui.query_example import QueryExample, query_example
from webui.reading import catalog, settings
from webui.settings import ApiSettings
from webui.text import shown

if TYPE_CHECKING:
    from catalog.query.state import SearchState
    from catalog.records import StoredModel
    from catalog.records.data_tables import DataTable
    from catalog.search.page_state import FacetView, SearchPage

SHORTEST_ID = 6
PREFIX, PREFIX_CHARACTERS = "prefix", 100
MOST_COMPARED = 6
ID_CHARACTERS = 200
IDS_READ = 4_000
MODELS_OF_TABLE = 50
RIVALS_SHOWN, VALUES_ALIKE = 10, 20


def find_model(model_id: str) -> StoredModel:
    """A model by its id, or by the beginning of an id that only one model has. Raises NotFoundHere."""
    reading = catalog()
    stored = reading.model(model_id)
    if stored is not None:
        return stored
    candidates = _beginning_so(model_id)
    if len(candidates) > 1:
        raise NotFoundHere(_several(model_id, candidates))
    stored = reading.model(candidates[0]) if candidates else None
    if stored is None:
        raise NotFoundHere("No model has this id. It may have been removed, or belong to another catalog.")
    return stored


def find_past_model(model_id: str) -> StoredModel:
    """The same as it was, where this request is answered from the past. Where a value came from is known of the present state
    alone. Raises NotFoundHere for a model that was not there then.
    """
    now = find_model(model_id)
    document = catalog().get([str(now.id)]).get(str(now.id))
    if document is None:
        raise NotFoundHere("This model was not in the catalog then.")
    revision = int(document.get("revision") or 0)
    return (
        now
        if revision == now.revision
        else replace(now, revision=revision, document=dict(document), provenance=ProvenanceNotKept())
    )


def _beginning_so(model_id: str) -> list[str]:
    """The ids that begin so, or else those of the models that are called so."""
    return [str(known) for known in catalog().find(model_id)] if SHORTEST_ID <= len(model_id) < 64 else []


def find_present(model_id: str) -> StoredModel:
    """The same; what has another id now is found under its old one. Raises NotFoundHere."""
    stored = find_model(model_id)
    return catalog().successor(str(stored.id)) or stored


def find_named(text: str) -> ModelId:
    """The one model that is there under this id, beginning of an id, name or address. Raises NotFoundHere, UserError."""
    reading = catalog()
    ids = (
        [text] if reading.model(text) is not None else reading.find(text) if len(text) >= SHORTEST_ID else []
    )
    if not ids:
        place = text.rstrip("/")
        places = (Term(field.name, place) for field in fields().values() if field.place)
        anywhere = Or((*places, Term("name", text)))
        there = And((anywhere, Not(Terms("status", ABSENT))))
        hits = reading.search(SearchRequest(query=there, size=2)).hits
        ids = [ModelId(str(hit.document["id"])) for hit in hits]
    if not ids:
        raise NotFoundHere(
            "No model has this id, name or address. What is new is known after the next crawl."
        )
    if len(ids) > 1:
        raise UserError(f"More than one model answers to {shown(text, 200)!r}.", advice="Use its id.")
    successor = reading.successor(str(ids[0]))
    return ModelId(str(ids[0])) if successor is None else successor.id


def find_table(name: str) -> tuple[DataTable, int]:
    """A table and how many models here were trained on it. Raises NotFoundHere."""
    known = catalog().table(name)
    if known is None:
        raise NotFoundHere("No model here was trained on a table of this name.")
    return known


def find_trained_on(name: str) -> list[Mapping[str, Any]]:
    """The first of the models that were trained on a table."""
    return catalog().trained_on(name, limit=MODELS_OF_TABLE)


def find_facet(name: str) -> tuple[Field, FacetView, str, SearchState]:
    """The most frequent values of a field that begin with the prefix asked for, under the search in the address.

    With the prefix and the search. Raises NotFoundHere for a field whose values cannot be listed.
    """
    field = fields().get(name) or _named_value(name)
    if (
        field is None
        or not field.searchable
        or (field.type in {"text", "flattened", "date"} and field.name in fields())
    ):
        raise NotFoundHere("There is no field of this name whose values could be listed.")
    state = asked(of_any_day=True).state
    prefix = request.args.get(PREFIX, "").strip()[:PREFIX_CHARACTERS]
    if prefix and field.type != "keyword":
        raise UserError(f"{field.label} holds no words: its values have no beginning to look for.")
    return field, catalog().facet(state, name, prefix), prefix, state


def _named_value(name: str) -> Field | None:
    """A hyper-parameter by its own name, as a field; None for other names."""
    root, _, rest = name.partition(".")
    parent = fields().get(root)
    if parent is None or parent.type != "flattened" or number_target(name) is None:
        return None
    return replace(parent, name=name, label=shown(rest), description="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The models of a comparison, and a sentence for each id that is left out."""

    ids: tuple[str, ...]
    documents: tuple[Mapping[str, Any], ...]
    notices: tuple[str, ...]


def find_compared(named: Sequence[str]) -> Compared:
    """The models of these ids (each may hold several, with commas), at most as many as can be read side by side."""
    ids = list(
        dict.fromkeys(
            part.strip()[:ID_CHARACTERS]
            for text in named
            for part in text[:IDS_READ].split(",")
            if part.strip()
        )
    )
    notices = []
    if len(ids) > MOST_COMPARED:
        notices.append(f"Only the first {MOST_COMPARED} of {len(ids):,} models are compared.")
    ids = ids[:MOST_COMPARED]
    known = catalog().present(ids) if ids else {}
    short = {model_id: _beginning_so(model_id) for model_id in ids if model_id not in known}
    whole = {begun[0]: model_id for model_id, begun in short.items() if len(begun) == 1}
    if whole:
        known = {**known, **{whole[begun]: row for begun, row in catalog().present(list(whole)).items()}}
    notices += [_unknown(model_id, short[model_id]) for model_id in ids if model_id not in known]
    kept = tuple({str(known[model_id]["id"]): model_id for model_id in ids if model_id in known}.values())
    if len(kept) == 1:
        notices.append("One model alone has nothing to be compared with.")
    return Compared(
        ids=tuple(ids), documents=tuple(known[model_id] for model_id in kept), notices=tuple(notices)
    )


def _unknown(model_id: str, candidates: Sequence[str]) -> str:
    """Why an id leads to no model, and what to do."""
    name = shown(model_id, 80)
    if len(candidates) > 1:
        return _several(model_id, candidates)
    if len(model_id) < SHORTEST_ID:
        return f"No model has the id {name}; the beginning of an id has {SHORTEST_ID} letters or more."
    return f"No model has the id {name}."


def _several(model_id: str, candidates: Sequence[str]) -> str:
    lengths = range(SHORTEST_ID, len(candidates[0]))
    apart = next(
        (end for end in lengths if len({known[:end] for known in candidates}) == len(candidates)), None
    )
    examples = " or ".join(known[:apart] for known in candidates[:2])
    if candidates[0].startswith(model_id):
        return (
            f"Several ids begin with {shown(model_id, 80)}. Write more of the one you mean, as in {examples}."
        )
    return (
        f"Several models are called {shown(model_id, 80)}. Name the one you mean by its id, as in {examples}."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A model that does what another one does, and why it is thought so."""

    document: Mapping[str, Any]
    reason: str


def find_rivals(documents: Sequence[Mapping[str, Any]]) -> list[Rival]:
    """What the first of these models, and so all of them, may be compared with: other versions of it, what was trained on its
    data, what has its task.
    """
    document, chosen = documents[0], [str(document["id"]) for document in documents]
    likenesses = (
        ("name", "another version", values_at(document, "name")),
        ("datasets", "the same data set", values_at(document, "datasets")),
        ("task", "the same task", values_at(document, "task")),
    )
    rivals: dict[str, Rival] = {}
    for field, reason, values in likenesses:
        if values and len(rivals) < RIVALS_SHOWN:
            alike = Terms(field, tuple(str(value) for value in values[:VALUES_ALIKE]))
            known = Terms("id", (*chosen, *rivals))
            query = And((alike, Not(known), Not(Terms("status", ABSENT))))
            order = (SortKey(field="best_date", descending=True), SortKey(field="id"))
            hits = catalog().search(SearchRequest(query=query, sort=order, size=RIVALS_SHOWN)).hits
            rivals |= {str(hit.document["id"]): Rival(document=hit.document, reason=reason) for hit in hits}
    return list(rivals.values())[:RIVALS_SHOWN]


def find_example(page: SearchPage) -> QueryExample | None:
    """The search of a page as it is asked at /es/ of this server."""
    url = f"{request.url_root.rstrip('/')}/es"
    needs_key = bool(settings().section(ApiSettings).keys) or catalog().principal != OWNER
    wanted = page.request or catalog().request(page.state)
    return query_example(wanted, url, needs_key=needs_key)
