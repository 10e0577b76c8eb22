"""Why values are what they are, as somebody may read it who does not see every model: without the names of hidden lenders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from catalog.search.scoped_documents import ELSEWHERE, EXTRA

if TYPE_CHECKING:
    from catalog.records import Contender, FieldProvenance, ModelId

Provenance = Mapping[str, "FieldProvenance"]


def lenders_of(provenance: Provenance) -> set[ModelId]:
    """The models elsewhere that lent any of these values."""
    return {
        each.observation.lender
        for known in provenance.values()
        for each in (*known.winners, *known.losers)
        if each.observation.lender
    }


def naming_only(provenance: Provenance, lenders: Collection[ModelId]) -> dict[str, FieldProvenance]:
    """The provenance in which these models alone are named as lenders. Several models may have one address (runs of a
    tracker's database, stages of one `dvc.lock`), so a lender is known by its id, and one without an id is not named.
    """
    return {
        field: replace(
            known,
            winners=_named(known.winners, lenders),
            losers=_named(known.losers, lenders),
        )
        for field, known in provenance.items()
    }


def without_links(provenance: Provenance) -> dict[str, FieldProvenance]:
    """The provenance but for that of the links to models elsewhere, some of which are hidden."""
    links = {f"{EXTRA}.{name}" for name in ELSEWHERE}
    return {field: known for field, known in provenance.items() if field not in links}


def _named(contenders: Sequence[Contender], lenders: Collection[ModelId]) -> tuple[Contender, ...]:
    return tuple(
        each
        if each.observation.lender in lenders or not (each.observation.lent_by or each.observation.lender)
        else replace(each, observation=replace(each.observation, lent_by="", lender=None))
        for each in contenders
    )
