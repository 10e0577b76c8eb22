"""All that a model's page shows beyond the model itself: its card, its rank, its relatives, its history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from catalog.access.lineage import LineageGraph, lineage_graph
from catalog.access.permissions import may_edit
from catalog.access.relatives import Family, Rank, family_of, rank_of, series_of
from catalog.errors import EngineError
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.text.absence import ABSENT
from webui.documents import values_at
from webui.headline import headlines

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.records import CardText, Revision, StoredModel
    from catalog.records.data_tables import DataTable

RANKED = 2
"""Headline metrics whose place is looked up: as many as the first screen shows."""
REVISIONS_SHOWN = 20
_ALONE = Family(bases=(), derived=(), equals=())
_NO_GRAPH = LineageGraph(models=(), links=(), is_cut=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the catalog knows around a model. `silent` where the index could not be asked."""

    card: CardText | None = None
    ranks: Mapping[str, Rank] = field(default_factory=dict)
    family: Family = _ALONE
    graph: LineageGraph = _NO_GRAPH
    series: tuple[Mapping[str, Any], ...] = ()
    revisions: tuple[Revision, ...] = ()
    tables: tuple[tuple[DataTable, int], ...] = ()
    moved_from: Mapping[str, Any] | None = None
    silent: bool = False
    may_edit: bool = False

    def before(self, revision: int) -> Surroundings:
        """What of it is told of a model as it was: its history until then, nothing to be changed, and no text that was read
        later.
        """
        until = tuple(row for row in self.revisions if row.number <= revision)
        is_present = until == self.revisions
        return replace(self, card=self.card if is_present else None, revisions=until, may_edit=False)


def surroundings_of(catalog: Catalog, model: StoredModel, *, came_from: str = "") -> Surroundings:
    """What is around the model. `came_from` is the id of the address that led here, if another did."""
    document = model.document
    here = Surroundings(
        card=catalog.card(str(model.id)),
        revisions=tuple(catalog.history(str(model.id), last=REVISIONS_SHOWN + 1)),
        moved_from=_origin(catalog, model, came_from),
        may_edit=may_edit(catalog.principal, document),
    )
    try:
        return Surroundings(
            card=here.card,
            revisions=here.revisions,
            moved_from=here.moved_from,
            may_edit=here.may_edit,
            ranks=dict(_ranks(catalog, document)),
            family=family_of(catalog, document),
            graph=lineage_graph(catalog, document),
            series=series_of(catalog, document),
            tables=tuple(catalog.tables([str(name) for name in values_at(document, "tables")])),
        )
    except EngineError:  # the store alone makes a page
        return replace(here, silent=True)


def moved_to(catalog: Catalog, model: StoredModel) -> str:
    """The id under which the model is now, empty for one that did not move or moved out of sight."""
    there = catalog.successor(str(model.id))
    return "" if there is None else str(there.id)


def _origin(catalog: Catalog, model: StoredModel, came_from: str) -> Mapping[str, Any] | None:
    before = catalog.model(came_from) if came_from and came_from != model.id else None
    return before.document if before is not None and moved_to(catalog, before) == model.id else None


def _ranks(catalog: Catalog, document: Mapping[str, Any]) -> Iterator[tuple[str, Rank]]:
    if document.get("status") in ABSENT:
        return  # it is none of those that are here
    for headline in headlines(document)[:RANKED]:
        rank = rank_of(catalog, headline.metric, headline.evaluation)
        if rank is not None:
            yield headline.metric, rank
