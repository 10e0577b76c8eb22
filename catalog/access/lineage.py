"""The lineage of a model both ways and over several steps, as a graph: its bases and theirs, what was made from it and from that.

Everything is asked through the catalog of who asks, so that models out of sight are neither drawn nor counted. One search a
step and direction, whatever the size of the catalog; cycles are links like others and are not walked twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from catalog.access.relatives import THERE, called, declared_bases, names_of_base, searched, shape_of
from catalog.errors import RequestRefused
from catalog.lazy_dataclasses import dataclass, field
from catalog.query.nodes import And, Exists, Not, Query, Range, Term, Terms
from catalog.query.request import SortKey

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog

Document = Mapping[str, Any]
STEPS = 4
"""Generations that are walked, each way."""
MODELS = 60
"""Models of one graph; where there are more, it says that it is cut."""
SAME_NAME = 3
"""Models of one name that are drawn as one base: more of them are versions or copies."""
BUILT_ALIKE = 8
"""Models that may have been made from this one, as no file says."""
_BY_NAME = (SortKey(field="name"), SortKey(field="id"))
_BY_DATE = (SortKey(field="best_date"), SortKey(field="id"))
_NAMES_A_BASE = Exists("base_model.id")


class Confidence(StrEnum):
    """How sure a link is."""

    DECLARED = "declared"
    COPY = "copy"
    LIKELY = "likely"
    PERHAPS = "perhaps"


_REASONS: Mapping[Confidence, str] = {
    Confidence.DECLARED: "A file of it says so.",
    Confidence.COPY: "A file of a copy with the very same weights says so.",
    Confidence.LIKELY: "Likely: every tensor has the same name, dtype and shape, and the base is older; no file says so.",
    Confidence.PERHAPS: "Perhaps: kind, layers, width and size are the same, and the base is older; no file says so.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageModel:
    """One model of the graph. `step` is 0 for the model itself, below for bases, above for what was made from it.

    `document` is None for a base that files name and that is not here, or not for who asks.
    """

    key: str
    name: str
    step: int
    document: Document | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """One model was made from another: the keys of both, and how sure that is."""

    model: str
    base: str
    relation: str
    confidence: Confidence

    @property
    def reason(self) -> str:
        return _REASONS[self.confidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageGraph:
    """The models in the order of their steps, and the links between them. `is_cut` where there is more than that."""

    models: tuple[LineageModel, ...]
    links: tuple[Descent, ...]
    is_cut: bool


def lineage_graph(catalog: Catalog, document: Document) -> LineageGraph:
    """What files, hashes and shapes tell of where a model comes from and what came of it."""
    walk = _Walk(catalog)
    walk.add(_name(document), document, 0)
    _walk_up(walk, document)
    _walk_down(walk, document)
    models = sorted(walk.models.values(), key=lambda model: model.step)
    return LineageGraph(models=tuple(models), links=tuple(walk.links.values()), is_cut=walk.is_cut)


@dataclass(slots=True)
class _Walk:
    """The graph while it grows."""

    catalog: Catalog
    models: dict[str, LineageModel] = field(default_factory=dict)
    links: dict[tuple[str, str], Descent] = field(default_factory=dict)
    is_cut: bool = False

    def add(self, name: str, document: Document | None, step: int) -> str | None:
        """The key of the model, which is in the graph from now on; None where there is no room for it."""
        key = f"name:{name.casefold()}" if document is None else _id(document)
        if key not in self.models and len(self.models) >= MODELS:
            self.is_cut = True
            return None
        self.models.setdefault(key, LineageModel(key=key, name=name, step=step, document=document))
        return key

    def link(self, model: str, base: str, relation: str, confidence: Confidence) -> None:
        known = Descent(model=model, base=base, relation=relation, confidence=confidence)
        self.links.setdefault((model, base), known)

    def search(
        self, query: Query, *, size: int = MODELS, order: tuple[SortKey, ...] = _BY_NAME
    ) -> tuple[Document, ...]:
        try:
            documents, total = searched(self.catalog, And((THERE, query)), size=size, order=order)
        except RequestRefused:  # of what is kept encrypted an index tells no more than one whole value
            self.is_cut = True
            return ()
        self.is_cut = self.is_cut or (total > len(documents) and order is _BY_NAME)
        return documents


def _walk_up(walk: _Walk, document: Document) -> None:
    frontier = [(document, base, relation) for base, relation in declared_bases(document)]
    confidence = Confidence.DECLARED
    if not frontier:
        frontier, confidence = _bases_of_copies(walk, document), Confidence.COPY
    first = [] if frontier else _base_built_alike(walk, document)
    frontier += _declared(first)
    for step in range(1 + bool(first), STEPS + 1):
        if not frontier:
            return
        frontier = _declared(_bases(walk, frontier, -step, confidence))
        confidence = Confidence.DECLARED
    walk.is_cut = walk.is_cut or bool(frontier)


_Declaration = tuple[Document, str, str]
"""A model, the base that its files name, and its relation to that."""


def _declared(models: Sequence[Document]) -> list[_Declaration]:
    return [(model, base, relation) for model in models for base, relation in declared_bases(model)]


def _bases(
    walk: _Walk, declared: Sequence[_Declaration], step: int, confidence: Confidence
) -> list[Document]:
    """Adds those bases with their links; the ones that are here and are new to the graph."""
    names = dict.fromkeys(name for _, base, _ in declared for name in names_of_base(base))
    here: dict[str, list[Document]] = {}
    for row in walk.search(Terms("name", tuple(names))):
        here.setdefault(_name(row).casefold(), []).append(row)
    new: list[Document] = []
    for model, base, relation in declared:
        spelled = (name.casefold() for name in names_of_base(base))
        rows = [row for name in spelled for row in here.get(name, ()) if _id(row) != _id(model)]
        walk.is_cut = walk.is_cut or len(rows) > SAME_NAME
        if not rows and (absent := walk.add(base, None, step)) is not None:
            walk.link(_id(model), absent, relation, confidence)
        for row in rows[:SAME_NAME]:
            is_new = _id(row) not in walk.models
            if (key := walk.add(_name(row), row, step)) is not None:
                walk.link(_id(model), key, relation, confidence)
                new += [row] if is_new else []
    return new


def _bases_of_copies(walk: _Walk, document: Document) -> list[_Declaration]:
    """What models with the very same weights name as their bases, as said of this one."""
    copies = document.get("duplicate_group")
    if not isinstance(copies, str) or not copies:
        return []
    rows = walk.search(And((Term("duplicate_group", copies), _NAMES_A_BASE)))
    return [
        (document, *entry) for entry in dict.fromkeys(entry for row in rows for entry in declared_bases(row))
    ]


def _base_built_alike(walk: _Walk, document: Document) -> list[Document]:
    """Adds the oldest model that is built like this one, where it is older and names no base itself."""
    date = _date(document)
    for alike, confidence in _built_alike(document) if date is not None else ():
        older = And((alike, Range(field="best_date", lt=date)))
        for row in walk.search(older, size=1, order=_BY_DATE):
            key = walk.add(_name(row), row, -1)
            if key is not None:
                walk.link(_id(document), key, "", confidence)
            return [row]
    return []


def _built_alike(document: Document) -> Iterator[tuple[Query, Confidence]]:
    """What finds models of the same tensors, then of the same shape, that name no base and are no copies of it."""
    copies, structure = document.get("duplicate_group"), document.get("structure_hash")
    others: list[Query] = [Not(Term("id", _id(document))), Not(_NAMES_A_BASE)]
    if isinstance(copies, str) and copies:
        others.append(Not(Term("duplicate_group", copies)))
    if isinstance(structure, str) and structure:
        yield And((Term("structure_hash", structure), *others)), Confidence.LIKELY
        others.append(Not(Term("structure_hash", structure)))
    if (shape := shape_of(document)) is not None:
        yield And((*shape[0], *others)), Confidence.PERHAPS


def _walk_down(walk: _Walk, document: Document) -> None:
    frontier: list[Document] = [document]
    for step in range(1, STEPS + 1):
        derived = _derived(walk, frontier, step)
        if step == 1 and not any(model == _id(document) for model, _ in walk.links):
            derived += _derived_as_built(walk, document)
        frontier = derived
        if not frontier:
            return
    walk.is_cut = walk.is_cut or any(_id(row) not in walk.models for row in _naming(walk, frontier))


def _derived(walk: _Walk, frontier: Sequence[Document], step: int) -> list[Document]:
    """Adds what names these models as its base; the ones that are new to the graph."""
    names = {name.casefold(): _id(model) for model in frontier for name in called(model)}
    new: list[Document] = []
    for row in _naming(walk, frontier):
        entries = [(names.get(base.casefold()), relation) for base, relation in declared_bases(row)]
        bases = [(base, relation) for base, relation in entries if base is not None and base != _id(row)]
        is_new = _id(row) not in walk.models
        key = walk.add(_name(row), row, step) if bases else None
        if key is None:
            continue
        for base, relation in bases:
            walk.link(key, base, relation, Confidence.DECLARED)
        new += [row] if is_new else []
    return new


def _naming(walk: _Walk, bases: Sequence[Document]) -> tuple[Document, ...]:
    names = dict.fromkeys(name for model in bases for name in called(model))
    return walk.search(Terms("base_model.id", tuple(names))) if names else ()


def _derived_as_built(walk: _Walk, document: Document) -> list[Document]:
    """Adds newer models that are built like this one and name no base, where nothing older is that they may come from."""
    date = _date(document)
    new: list[Document] = []
    for alike, confidence in _built_alike(document) if date is not None else ():
        newer = And((alike, Range(field="best_date", gt=date)))
        for row in walk.search(newer, size=BUILT_ALIKE, order=_BY_DATE):
            is_new = _id(row) not in walk.models
            key = walk.add(_name(row), row, 1)
            if key is not None:
                walk.link(key, _id(document), "", confidence)
                new += [row] if is_new else []
    return new


def _id(document: Document) -> str:
    return str(document["id"])


def _name(document: Document) -> str:
    return str(document.get("name") or document.get("path") or _id(document))


def _date(document: Document) -> datetime | None:
    try:
        date = datetime.fromisoformat(str(document.get("best_date") or ""))
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


__all__ = ["Confidence", "Descent", "LineageGraph", "LineageModel", "lineage_graph"]
