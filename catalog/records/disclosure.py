"""The sensitive values of a model, for who may read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.lazy_dataclasses import dataclass, field
from catalog.records.record import FieldProvenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """Values by the names that were called sensitive, with why they are what they are. `unreadable` says why there are
    none: the key is not here.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, FieldProvenance] = field(default_factory=dict)
    unreadable: str = ""
