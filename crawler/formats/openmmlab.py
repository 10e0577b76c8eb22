"""What checkpoints of OpenMMLab's libraries say of their making, below `meta`.

Source: open-mmlab/mmengine mmengine/runner/runner.py (`save_checkpoint`); open-mmlab/mmcv mmcv/runner/checkpoint.py
(`save_checkpoint`) and each library's tools/train.py (`CLASSES`, `env_info`).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from catalog.records import Evidence
from crawler.extractor import Findings
from crawler.formats.pickle_nodes import Dict
from crawler.formats.pickle_values import mapping, plain

MAX_CLASSES = 10_000
MAX_LABELS = 200
MAX_LABEL_CHARACTERS = 200
_VERSION = re.compile(r"(mm[a-z0-9]{2,30})_version")
_COMMON = frozenset({"mmengine", "mmcv"})
"""On which the libraries of one task each are built."""
_TASKS = {"mmdet": "object-detection", "mmseg": "image-segmentation", "mmpose": "keypoint-detection"}
_TORCH = re.compile(r"^PyTorch: (\d[\w.+]{0,40})$", re.MULTILINE)
_WRITTEN = ("%Y%m%d_%H%M%S", "%a %b %d %H:%M:%S %Y")


def tell_openmmlab(findings: Findings, pairs: Dict) -> None:
    """Library, versions, time, seed, classes: nothing where `meta` is of somebody else."""
    meta = mapping(pairs.get("meta"))
    if meta is None:
        return
    versions = {match[1]: value for key, value in meta.named() if (match := _VERSION.fullmatch(key))}
    if not versions:
        return
    for name, value in versions.items():
        findings.say(f"extra.{name}_version", plain(value), f"pickle:/meta/{name}_version")
    own = sorted(versions.keys() - _COMMON)
    library = own[0] if len(own) == 1 else None
    findings.say("library", library, f"pickle:/meta/{library}_version", evidence=Evidence.INFERRED)
    task = _TASKS.get(library or "")
    findings.say("task", task, f"pickle:/meta/{library}_version", evidence=Evidence.INFERRED)
    findings.say("trained_at", _instant(meta.get("time")), "pickle:/meta/time")
    seed = meta.get("seed")
    findings.say("hyperparameters.seed", seed if type(seed) is int else None, "pickle:/meta/seed")
    experiment = meta.get("experiment_name")
    findings.say(
        "extra.experiment_name",
        experiment if type(experiment) is str else None,
        "pickle:/meta/experiment_name",
    )
    environment = meta.get("env_info")
    if type(environment) is str and (torch := _TORCH.search(environment)):
        findings.say("framework_version", torch[1], "pickle:/meta/env_info")
    _tell_classes(findings, meta)


def _tell_classes(findings: Findings, meta: Dict) -> None:
    for place, holder in (("dataset_meta/", mapping(meta.get("dataset_meta"))), ("", meta)):
        for key in ("classes", "CLASSES"):
            labels = None if holder is None else holder.get(key)
            if not isinstance(labels, list | tuple) or not 0 < len(labels) <= MAX_CLASSES:
                continue
            findings.say("classes", len(labels), f"pickle:/meta/{place}{key}", evidence=Evidence.COUNTED)
            names = [label[:MAX_LABEL_CHARACTERS] for label in labels[:MAX_LABELS] if type(label) is str]
            findings.say("extra.class_names", names or None, f"pickle:/meta/{place}{key}")
            return


def _instant(written: Any) -> str | None:
    """The local time of the machine that trained; in another form it stays as it is."""
    if type(written) is not str:
        return None
    for form in _WRITTEN:
        try:
            return datetime.strptime(written, form).isoformat()  # noqa: DTZ007 - local time without a zone
        except ValueError:
            continue
    return written
