"""All observations of one group of files into one document, with the provenance of every value.

Pure and total: the same group gives the same record whatever the order of its members, and nothing a file says raises.
"""

from __future__ import annotations

from datetime import datetime

from catalog.lazy_dataclasses import replace
from catalog.normalise import assembly
from catalog.normalise.gathering import gather
from catalog.normalise.parts import dates, identity, weights
from catalog.normalise.parts.elsewhere import elsewhere
from catalog.normalise.parts.evaluations import evaluate
from catalog.normalise.parts.weight_sets import aside, weight_sets
from catalog.records import Group, ModelRecord, model_id


def normalise(group: Group, *, now: datetime) -> ModelRecord:
    """The record of the group: the whole document but for what the store knows, and why each value is what it is.

    `now` only decides which dates lie in the future.
    """
    members = sorted(
        group.members, key=lambda member: (member.object.key, member.subject or "", member.distance)
    )
    group = replace(group, members=tuple(members))
    sets = weight_sets(group)
    gathered = gather(group, aside=aside(group, sets) | group.hearsay, elsewhere=elsewhere(group, sets))
    draft = assembly.Draft(group=group, found=gathered, now=now)
    evaluations = evaluate(
        gathered.metrics, now=now, distances=gathered.distances, elsewhere=gathered.elsewhere
    )
    draft.keep_unmeasured(evaluations.not_metrics)
    draft.set_fields()
    draft.set_evaluations(evaluations)
    dates.describe(draft, evaluations.dates)
    weights.describe(draft, sets)
    identity.describe(draft)
    draft.empty()
    draft.set_trust()
    return ModelRecord(
        id=model_id(group.source, group.key),
        source=group.source,
        group_key=group.key,
        document=draft.document(),
        provenance=draft.provenance,
        file_keys=tuple(sorted(member.object.key for member in group.members)),
    )
