"""A source as the catalog keeps it: where it is, and how it is to be crawled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any

from catalog.lazy_dataclasses import dataclass, field
from catalog.records.objects import SourceId


class SourceState(StrEnum):
    """Whether the worker crawls a source."""

    ACTIVE = "active"
    DISABLED = "disabled"  # kept with its options, and left out by the worker
    REMOVED = "removed"  # no source any more; what it left in the catalog may still be there


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDefinition:
    """How a source is crawled. What is not said has its default, so that a crawled path needs no definition.

    `include` and `exclude` are patterns of keys (`crawler/selection.py`), `credentials` references and never secrets,
    `sensitive` fields of the catalog, `borrow` whether files of other sources are heard on its models, `options` those that the source itself declares.
    """

    name: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    schedule: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()
    borrow: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def departures(self) -> dict[str, Any]:
        """What differs from the defaults, all of which are empty but one that is true."""
        return {
            key: value
            for key, value in asdict(self).items()
            if value is False or (value and value is not True)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One source. `address` is what opens it, `uri` its root as it is shown."""

    id: SourceId
    uri: str
    address: str
    definition: SourceDefinition = SourceDefinition()
    state: SourceState = SourceState.ACTIVE
    added_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_default(self) -> bool:
        """Whether nobody said more of it than its address."""
        return self.definition == SourceDefinition()
