"""What of stored models one principal sees: which of them, and of those nothing that tells of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.access.lenders import lenders_of, naming_only, without_links
from catalog.access.principals import Principal
from catalog.errors import StoreDamaged
from catalog.lazy_dataclasses import dataclass, replace
from catalog.query.nodes import Query
from catalog.records.history import bare_cause
from catalog.search.engine import SearchEngine
from catalog.search.scoped import ScopedEngine
from catalog.search.scoped_documents import elsewhere

if TYPE_CHECKING:
    from catalog.access.readers import StoreReader
    from catalog.records import FieldProvenance, ModelId, Revision, StoredModel

Document = Mapping[str, Any]
Matching = Callable[[Query, Document], bool]
"""Whether a document satisfies a query, told from the document alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """What a principal sees of the models of a store; `engine` is that which is asked for them."""

    principal: Principal
    engine: SearchEngine
    store: Callable[[], StoreReader]
    matching: Callable[[], Matching]

    def model(self, stored: StoredModel) -> StoredModel | None:
        """The stored model as the principal sees it, None when it is not for them."""
        if self.principal.sees_all:
            return stored
        if not self._is_in_scope(stored.document):
            return None
        document, provenance = self.cut(stored.document, stored.provenance)
        return replace(stored, document=document, provenance=provenance)

    def revisions(self, revisions: list[Revision]) -> list[Revision]:
        """Those of one model that the principal sees, as they see them."""
        if self.principal.sees_all:
            return revisions
        seen = [revision for revision in revisions if self._is_in_scope(revision.document)]
        documents = self.redacted([revision.document for revision in seen])
        return [
            replace(revision, document=document, cause=bare_cause(revision.cause))
            for revision, document in zip(seen, documents, strict=True)
        ]

    def cut(
        self, document: Document, provenance: Mapping[str, FieldProvenance]
    ) -> tuple[dict[str, Any], dict[str, FieldProvenance]]:
        """What a visible model is and why, saying nothing of models that are not visible."""
        redacted = self.redacted([document])[0]
        named = naming_only(provenance, set(filter(self._is_visible, lenders_of(provenance))))
        has_hidden_links = set(elsewhere(document)) - set(elsewhere(redacted))
        return redacted, without_links(named) if has_hidden_links else named

    def redacted(self, documents: Sequence[Document]) -> list[dict[str, Any]]:
        assert isinstance(self.engine, ScopedEngine)  # whoever does not see all reads through one
        return [dict(document) for document in self.engine.redacted(documents)]

    def _is_in_scope(self, document: Document) -> bool:
        return self.matching()(self.principal.scope, document)

    def _is_visible(self, model: ModelId) -> bool:
        """Whether the model of this id is for this principal; not one of which that cannot be told."""
        try:
            stored = self.store().records.get(model)
        except StoreDamaged:
            return False
        return stored is not None and self._is_in_scope(stored.document)
