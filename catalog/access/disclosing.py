"""Sensitive values of models, for who may read them: the audit says so before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.access.principals import Principal
from catalog.access.visibility import Document, Visibility
from catalog.lazy_dataclasses import dataclass, replace
from catalog.records.accounts import Happening
from catalog.sealing.names import MARK, joined

if TYPE_CHECKING:
    from catalog.access.readers import RecordReader
    from catalog.records import Revision, StoredModel
    from catalog.records.disclosure import Disclosure


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a catalog with keys needs beside its store: whether somebody may read the sensitive values of a document, who
    writes that into the audit, and what is sensitive in every source.
    """

    may: Callable[[Principal, Document], bool]
    note: Callable[[Happening], None]
    everywhere: Callable[[], frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosing:
    """The sensitive values of models that a principal sees; `origin` says from where they are asked for."""

    sealed: Sealed
    visibility: Visibility
    origin: str

    def model(self, stored: StoredModel) -> StoredModel:
        """The model with its sensitive values; as it is where they are not for this principal."""
        known = self._records().disclosed(str(stored.id)) if self._may_disclose(stored) else None
        if known is None:
            return stored
        self._note(stored, unreadable=known.unreadable)
        document, provenance = _with_values(stored.document, known), known.provenance
        if not self.visibility.principal.sees_all:
            document, provenance = self.visibility.cut(document, provenance)
        return replace(stored, document=document, provenance={**stored.provenance, **provenance})

    def revisions(self, stored: StoredModel, revisions: Sequence[Revision]) -> list[Revision]:
        """The same of revisions of a model, with one line in the audit."""
        listed = list(revisions)
        if not listed or not self._may_disclose(stored):
            return listed
        numbers = [revision.number for revision in listed]
        known = self._records().disclosed_revisions(str(stored.id), numbers)
        if not known:
            return listed
        self._note(stored, revisions=numbers)
        documents: list[dict[str, Any]] = [
            _with_values(revision.document, known[revision.number])
            if revision.number in known
            else dict(revision.document)
            for revision in listed
        ]
        if not self.visibility.principal.sees_all:
            documents = self.visibility.redacted(documents)
        return [
            replace(revision, document=document) for revision, document in zip(listed, documents, strict=True)
        ]

    def _records(self) -> RecordReader:
        return self.visibility.store().records

    def _may_disclose(self, stored: StoredModel) -> bool:
        return bool(stored.document.get(MARK)) and self.sealed.may(self.visibility.principal, stored.document)

    def _note(self, stored: StoredModel, **more: object) -> None:
        read: Mapping[str, object] = {
            "fields": stored.document.get(MARK),
            "revision": stored.revision,
            **more,
        }
        self.sealed.note(
            Happening(
                actor=self.visibility.principal.name,
                action="models.read_sensitive",
                resource=str(stored.id),
                origin=self.origin,
                after={name: value for name, value in read.items() if value},
            )
        )


def _with_values(document: Document, known: Disclosure) -> dict[str, Any]:
    """The document with its sensitive values, or with the reason why they cannot be read."""
    if known.unreadable:
        reason = {"code": "unreadable", "message": f"{', '.join(document[MARK])}: {known.unreadable}"}
        return {**document, "problems": [*document.get("problems", ()), reason]}
    return {**joined(document, dict(known.values)), MARK: document[MARK]}
