"""What the normaliser itself measured, in the form of an observation, so that provenance can show it like any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.normalise.parts.weight_sets import WeightSet
from catalog.records import Evidence, Member, Observation, Origin


def counted_observation(
    chosen: Sequence[WeightSet], field: str, raw: Any, evidence: Evidence = Evidence.COUNTED
) -> Observation:
    """What the normaliser measured of the counted files, as an observation of the first of them."""
    first = min((member for item in chosen for member in item.members), key=lambda member: member.object.key)
    extraction = first.extraction
    return Observation(
        field=field,
        raw=raw,
        pointer="tensors:",
        key=first.object.key,
        extractor=extraction.extractor if extraction else "listing",
        extractor_version=extraction.extractor_version if extraction else 1,
        origin=Origin.EMBEDDED,
        evidence=evidence,
    )


def listing_observation(members: Sequence[Member], field: str, raw: Any) -> Observation:
    """What storage says of the files, as an observation of the first of them."""
    first = min(members, key=lambda member: member.object.key)
    return Observation(
        field=field, raw=raw, pointer="listing:", key=first.object.key, extractor="listing", extractor_version=1,
        origin=Origin.LISTING, evidence=Evidence.COUNTED,
    )  # fmt: skip
