"""What a model is to the other models of its catalog: its place among them, its family both ways, its series.

Everything is asked of the index in a dozen searches of a few hits, whatever the size of the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.lazy_dataclasses import dataclass
from catalog.query.nodes import And, Nested, Not, Query, Range, Term, Terms
from catalog.query.request import SearchRequest, SortKey
from catalog.query.text.printing import print_query
from catalog.text.absence import ABSENT
from mappings import fields, fields_where
from mappings.metrics import find

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog

Document = Mapping[str, Any]
SHOWN = 8
"""Relatives of one kind that are named; the rest is a number and a search."""
SERIES_SHOWN = 60
SIZE_TOLERANCE = 0.02
"""How far the parameters of a model and of what was trained from it may lie apart: a new head is smaller than that."""
SAME_STRUCTURE = (
    "Likely of one base: every tensor has the same name, dtype and shape, and other values; no file says so."
)
DERIVED_WORDS = {"adapter": "Adapters", "quantized": "Quantised", "merge": "Merges", "finetune": "Fine-tuned"}
THERE = Not(Terms("status", ABSENT))
"""Of models alone that are there now."""
_BY_NAME = (SortKey(field="name"), SortKey(field="id"))
_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """The place of a value among the models here that report the same metric on the same data set and split."""

    place: int
    models: int
    query: str  # finds them; empty where the language has no words for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model that this one says it was made from, with those of the catalog that are called so."""

    name: str
    relation: str
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Models that stand in one relation to this one. `doubt` says why one only thinks so; empty where files or hashes say it."""

    relation: str
    documents: tuple[Document, ...]
    total: int
    query: str
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A model's relatives: what it was made from, what was made from it, and its equals."""

    bases: tuple[Base, ...]
    derived: tuple[Kin, ...]
    equals: tuple[Kin, ...]


def rank_of(catalog: Catalog, metric: str, evaluation: Document) -> Rank | None:
    """The place of this evaluation; None where data set, split or direction is unknown, or nobody else reports it."""
    value, row = evaluation.get("value"), find(metric)
    named = {part: evaluation.get(part) for part in ("dataset", "split")}
    if row is None or row.direction is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not all(isinstance(name, str) and name for name in named.values()):
        return None
    same = (
        Term("evaluations.metric", str(evaluation.get("metric") or metric)),
        *(Term(f"evaluations.{part}", str(name)) for part, name in named.items()),
    )
    alike = Nested("evaluations", And(same))
    models = _count(catalog, And((THERE, alike)))
    if models < 2:
        return None
    field = "evaluations.value"
    better = Range(field=field, gt=value) if row.direction == "up" else Range(field=field, lt=value)
    ahead = _count(catalog, And((THERE, Nested("evaluations", And((*same, better))))))
    return Rank(place=min(ahead + 1, models), models=models, query=print_query(alike) or "")


def family_of(catalog: Catalog, document: Document) -> Family:
    """The relatives of a model, one step away, as declarations, hashes and, where nobody declared anything, shapes show them."""
    bases = tuple(_bases(catalog, document))
    return Family(
        bases=bases,
        derived=tuple(_derived(catalog, document)),
        equals=tuple(_equals(catalog, document, declared=bool(bases))),
    )


def series_of(catalog: Catalog, document: Document) -> tuple[Document, ...]:
    """The models of the same name, this one among them, in the order of their versions, else of their dates."""
    name = document.get("name")
    if not isinstance(name, str) or not name:
        return ()
    request = SearchRequest(query=And((THERE, Term("name", name))), sort=_BY_NAME, size=SERIES_SHOWN)
    documents: list[Document] = [hit.document for hit in catalog.search(request).hits]
    if not any(member.get("id") == document.get("id") for member in documents):
        documents.append(document)
    return tuple(sorted(documents, key=version_key)) if len(documents) > 1 else ()


def version_key(document: Document) -> tuple[Any, ...]:
    """Sorts models of one name: versions as people count them (v2 before v10), then by date."""
    version = document.get("version")
    text = str(version) if isinstance(version, str | int | float) else ""
    parts = [
        (1, int(part), "") if part.isdecimal() else (0, 0, part) for part in _NUMBERS.split(text) if part
    ]
    return not text, parts, str(document.get("best_date") or ""), str(document.get("id") or "")


def _bases(catalog: Catalog, document: Document) -> Iterator[Base]:
    for name, relation in declared_bases(document)[:SHOWN]:
        query = And((THERE, Terms("name", names_of_base(name)), *_others(document)))
        yield Base(name=name, relation=relation, documents=searched(catalog, query)[0])


def declared_bases(document: Document) -> list[tuple[str, str]]:
    """The models that its files name as its bases, each with its relation to them, which may be empty."""
    entries = (
        (entry.get("id"), str(entry.get("relation") or "")) for entry in _objects(document.get("base_model"))
    )
    return [(name, relation) for name, relation in entries if isinstance(name, str) and name]


def names_of_base(declared: str) -> tuple[str, ...]:
    """What the model may be called here that files name so: as they do, and without its owner or folder."""
    return tuple(dict.fromkeys((declared, declared.rstrip("/").rsplit("/", 1)[-1])))


def _derived(catalog: Catalog, document: Document) -> Iterator[Kin]:
    names = tuple(called(document))
    if not names:
        return
    from_this = Terms("base_model.id", names)
    _, total = searched(catalog, And((THERE, from_this, *_others(document))), size=0)
    if not total:
        return
    for relation, word in DERIVED_WORDS.items():
        yield from _kin(catalog, document, word, And((from_this, Term("base_model.relation", relation))))
    others = Not(Terms("base_model.relation", tuple(DERIVED_WORDS)))
    yield from _kin(catalog, document, "Made from it", And((from_this, others)))


def _equals(catalog: Catalog, document: Document, *, declared: bool) -> Iterator[Kin]:
    for field, word in (("duplicate_group", "The same weights"), ("run_id", "From the same run")):
        if isinstance(value := document.get(field), str) and value:
            yield from _kin(catalog, document, word, Term(field, value))
    if not declared:
        yield from _alike(catalog, document)


def _alike(catalog: Catalog, document: Document) -> Iterator[Kin]:
    """Those that may well come from one base, where no file names any; the stronger sign first, each model once."""
    copies, structure = document.get("duplicate_group"), document.get("structure_hash")
    apart: tuple[Query, ...] = (
        (Not(Term("duplicate_group", copies)),) if isinstance(copies, str) and copies else ()
    )
    if isinstance(structure, str) and structure:
        same = Term("structure_hash", structure)
        yield from _kin(catalog, document, "Of the same structure", And((same, *apart)), SAME_STRUCTURE)
        apart = (*apart, Not(same))
    if (shape := shape_of(document)) is not None:
        query, doubt = shape
        yield from _kin(catalog, document, "Of the same shape", And((*query, *apart)), doubt)


def shape_of(document: Document) -> tuple[tuple[Query, ...], str] | None:
    """What models that come from one base share, and in words: kind, layers, width and nearly all parameters."""
    parts = {name: document.get(name) for name in fields_where("shape")}
    parameters = document.get("parameters")
    if (
        not isinstance(parameters, int)
        or parameters <= 0
        or not all(isinstance(part, str | int) for part in parts.values())
    ):
        return None
    low, high = round(parameters * (1 - SIZE_TOLERANCE)), round(parameters * (1 + SIZE_TOLERANCE))
    query: tuple[Query, ...] = (
        *(Term(name, part) for name, part in parts.items() if isinstance(part, str | int)),
        Range(field="parameters", gte=low, lte=high),
    )
    alike = ", ".join(f"{fields()[name].label.lower()} {part}" for name, part in parts.items())
    doubt = f"{alike}, and the same size within {SIZE_TOLERANCE:.0%}"
    return query, f"Perhaps of one base: {doubt}; no file says so."


def _kin(catalog: Catalog, document: Document, relation: str, query: Query, doubt: str = "") -> Iterator[Kin]:
    documents, total = searched(catalog, And((THERE, query, *_others(document))))
    if documents:
        text = print_query(query) or ""
        yield Kin(relation=relation, documents=documents, total=total, query=text, doubt=doubt)


def called(document: Document) -> Iterator[str]:
    """What other models may call this one: its name, its folder, and its folder with the one around it, as hubs do."""
    seen: set[str] = set()
    name, path = document.get("name"), document.get("path")
    places = [part for part in str(path or "").split("/") if part]
    for text in (name, *places[-1:], "/".join(places[-2:]), *_from_cache(places)):
        if isinstance(text, str) and text and text.casefold() not in seen:
            seen.add(text.casefold())
            yield text


def _from_cache(places: Sequence[str]) -> Iterator[str]:
    """`org/name` of a folder in a hub's cache. Source: huggingface_hub src/huggingface_hub/file_download.py (`repo_folder_name`)."""
    for place in places:
        if place.startswith("models--"):
            yield place.removeprefix("models--").replace("--", "/")


def _others(document: Document) -> tuple[Query, ...]:
    identifier = document.get("id")
    return (Not(Term("id", identifier)),) if isinstance(identifier, str) else ()


def _objects(value: Any) -> list[Document]:
    rows: Iterable[Any] = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, Mapping)]


def searched(
    catalog: Catalog, query: Query, *, size: int = SHOWN, order: tuple[SortKey, ...] = _BY_NAME
) -> tuple[tuple[Document, ...], int]:
    """The first documents of a query, and how many there are."""
    result = catalog.search(SearchRequest(query=query, sort=order, size=size))
    return tuple(hit.document for hit in result.hits), result.total


def _count(catalog: Catalog, query: Query) -> int:
    return catalog.search(SearchRequest(query=query, size=0)).total


__all__ = [
    "Base",
    "Family",
    "Kin",
    "Rank",
    "called",
    "declared_bases",
    "family_of",
    "names_of_base",
    "rank_of",
    "searched",
    "series_of",
    "shape_of",
    "version_key",
]
