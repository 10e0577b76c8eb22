"""The tables that models were trained on, as far as the models that a principal sees tell of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.access.visibility import Document
from catalog.lazy_dataclasses import dataclass
from catalog.query.nodes import And, Not, Query, Terms
from catalog.query.request import SearchRequest, SearchResult, SortKey, TermsAgg
from catalog.records.data_tables import SAYING, TABLES
from catalog.text.absence import ABSENT

if TYPE_CHECKING:
    from catalog.access.readers import StoreReader
    from catalog.records import FieldProvenance, StoredModel
    from catalog.records.data_tables import DataTable

MAX_TABLES = 1_000
_MAX_LOOKED_AT = 2_000
_BY_NAME = (SortKey(field="name"), SortKey(field="id"))
_NOT_ABSENT = Not(Terms("status", ABSENT))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTables:
    """Tables of a store behind the searches and models of one principal."""

    store: Callable[[], StoreReader]
    search: Callable[[SearchRequest], SearchResult]
    scan: Callable[[SearchRequest], Iterator[Document]]
    model: Callable[[str], StoredModel | None]
    sees_all: bool

    def table(self, name: str) -> tuple[DataTable, int] | None:
        """A table with the number of models trained on it that are there; None where none is for this principal to see, or
        where a person says so of all that are.
        """
        plain = name.strip().lower()
        models = self._trained_on([plain]).get(plain, 0)
        known = self.store().data_tables.of([plain]).get(plain) if models else None
        return None if known is None else (known, models)

    def tables(self, names: Sequence[str] | None) -> list[tuple[DataTable, int]]:
        """The same of these names, or the most used ones of all, up to MAX_TABLES, by name."""
        models = self._trained_on(names)
        known = self.store().data_tables.of(list(models)) if models else {}
        return [(known[name], models[name]) for name in sorted(known)]

    def models_of(self, table: str, *, limit: int) -> list[Document]:
        """The first of the models that were trained on a table, by name."""
        asked = SearchRequest(query=_on_tables([table]), sort=_BY_NAME, size=limit)
        return [hit.document for hit in self.search(asked).hits]

    def _trained_on(self, names: Sequence[str] | None) -> dict[str, int]:
        """Tables with the number of visible models that were trained on them."""
        wanted = None if names is None else dict.fromkeys(names[:MAX_TABLES])
        if wanted is not None and not wanted:
            return {}
        query = _NOT_ABSENT if wanted is None else _on_tables(wanted)
        aggregation = TermsAgg(field=TABLES, size=MAX_TABLES)
        asked = SearchRequest(query=query, size=0, aggregations={TABLES: aggregation})
        buckets = self.search(asked).aggregations[TABLES].buckets
        counted = {str(bucket.key): bucket.count for bucket in buckets}
        trained = {name: count for name, count in counted.items() if wanted is None or name in wanted}
        if self.sees_all or not trained:
            return trained
        witnessed = self._witnessed(set(trained))
        return {name: count for name, count in trained.items() if name in witnessed}

    def _witnessed(self, names: set[str]) -> set[str]:
        """Those of the tables that at least one visible model was trained on by more than the word of a person: who may edit
        one model would else learn what any table is like by naming it.
        """
        left = set(names)
        looked_at = 0
        for document in self.scan(SearchRequest(query=_on_tables(sorted(names)), size=0)):
            named = left.intersection(document.get(TABLES) or ())
            if not named:
                continue
            looked_at += 1
            stored = self.model(str(document["id"]))
            if stored is not None and not _is_by_a_person(stored.provenance):
                left -= named
            if not left or looked_at >= _MAX_LOOKED_AT:
                break
        return names - left


def _on_tables(names: Iterable[str]) -> Query:
    """What finds the models that are there and were trained on one of these tables."""
    return And((Terms(TABLES, tuple(names)), _NOT_ABSENT))


def _is_by_a_person(provenance: Mapping[str, FieldProvenance]) -> bool:
    """Whether a person set the tables of a model, or what they are told from. Names of neighbours have a colon, which none
    of a person has.
    """
    from catalog.access.edits_in_force import edits_in_force  # noqa: PLC0415 - only where tables are asked for

    speaking = {name: known for name, known in provenance.items() if name in {TABLES, *SAYING}}
    return any(":" not in edit.made_by for edit in edits_in_force(speaking))
