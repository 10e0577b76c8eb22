"""What stands for one entry of TI-ONE: the part of its JSON that tells of models, under a word that says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MARK = b'{"tione":'
TASK, VERSION = "training-task", "model-version"
KINDS = (TASK, VERSION)
KEPT: Mapping[str, tuple[str, ...]] = {
    TASK: (
        *("Id", "Name", "Region", "SubUinName", "Remark", "Tags", "Status", "TuningParameters"),
        *("FrameworkName", "FrameworkVersion", "FrameworkEnvironment", "TrainingMode", "DataSource"),
        *("ResourceConfigInfos", "DataConfigs", "CodePackagePath", "Output"),
        *("CreateTime", "StartTime", "EndTime"),
    ),
    VERSION: (
        *("TrainingModelId", "TrainingModelName", "TrainingModelVersionId", "TrainingModelVersion"),
        *("TrainingModelCosPath", "TrainingModelFormat", "AlgorithmFramework", "TrainingModelIndex"),
        *("TrainingJobId", "TrainingJobName", "TrainingModelCreator", "CreateTime", "TrainingModelStatus"),
    ),
}
"""What is kept of each. Environment variables, commands, logs and bills are not: they hold secrets, and change by themselves."""


def body_of(kind: str, place: str, entry: Mapping[str, Any]) -> bytes:
    """The bytes of an entry: equal entries give equal bytes."""
    kept = {name: entry[name] for name in KEPT[kind] if entry.get(name) is not None}
    rest = json.dumps(
        {"place": place, "entry": kept}, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return MARK + f'"{kind}",{rest[1:]}'.encode("utf-8", "replace")


def kind_of(head: bytes) -> str | None:
    """What a body with this beginning is; None for other bytes."""
    if not head.startswith(MARK):
        return None
    return next((kind for kind in KINDS if head.startswith(MARK + f'"{kind}",'.encode())), None)
