"""The sensitive values of the records of one transaction: sealed apart from their documents, and found by their terms."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection

from catalog.records import Document
from catalog.sealing.faults import KeyMissing, SealBroken
from catalog.sealing.names import MARK, Values, joined, parted
from catalog.store.sealing import Sealing, drop_terms, part_of

log = logging.getLogger(__name__)


class SealedParts:
    """What was sealed in one transaction. `recommitted` are the models whose sealed values are others than before."""

    def __init__(self, connection: Connection, sealing: Sealing) -> None:
        self.recommitted: set[str] = set()
        self._connection = connection
        self._sealing = sealing
        self._values: dict[str, Values] = {}

    def seal(self, row: dict[str, Any], before: Mapping[str, Any] | None, document: Document) -> Document:
        """The document without what is sensitive, which goes into the row. Values that are as they were stay sealed as
        they are.
        """
        model, source = row["id"], row["source"]
        names = self._sealing.names(source)
        earlier = None if before is None else part_of(before)
        if not names:
            row["sealed"], row["sealed_sha256"] = None, ""
            if earlier is not None:
                self._values[model] = {}
                self.recommitted.add(model)
            return document
        document, values = parted(document, names)
        if earlier is not None and self._sealing.is_present(source, earlier.data):
            try:
                if self._sealing.values(model, earlier) == values:
                    row["sealed"], row["sealed_sha256"] = earlier.data, earlier.commitment
                    return document
            except (
                SealBroken
            ):  # it is no more what was sealed: the values of now replace it, in a revision of its own
                log.warning("the sealed values of a model were damaged model=%s", model)
        part = self._sealing.part(source, model, values)
        row["sealed"], row["sealed_sha256"] = part.data, part.commitment
        self._values[model] = values
        self.recommitted.add(model)
        return document

    def disclosed(self, row: Mapping[str, Any], document: Document) -> Document:
        """The document of a row with its sensitive values, as far as they can be read."""
        part = part_of(row)
        if part is None:
            return document
        try:
            return {**joined(document, self._sealing.values(row["id"], part)), MARK: document.get(MARK, [])}
        except KeyMissing:
            return document

    def write_terms(self, rows: Mapping[str, Mapping[str, Any]], *, gone: Collection[str]) -> None:
        """What was sealed is found by its values from now on, of models that are gone nothing."""
        by_source: dict[str, dict[str, Values]] = {}
        for model, values in self._values.items():
            by_source.setdefault(rows[model]["source"], {})[model] = values
        for source, models in by_source.items():
            self._sealing.note_terms(source, models)
        drop_terms(self._connection, gone)
