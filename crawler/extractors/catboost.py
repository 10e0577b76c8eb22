"""CatBoost models: the binary format, and JSON.

Source: catboost/catboost catboost/libs/model/flatbuffers/model.fbs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.records import Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats.boosters import tell_booster
from crawler.formats.catboost_model import MAGIC, looks_like_json, read_json, read_model
from crawler.promises import Promise

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAX_METRICS = 200


class CatboostExtractor:
    name = "catboost"
    version = 2
    description = "CatBoost models: binary (.cbm) and JSON"
    reads = "trees, features, classes, training parameters, best train and validation metrics, when training ended"
    limits = "2,000 properties of 8 MB, 2 M reads; JSON 16 MB"
    promises = Promise(formats={".cbm": "catboost"})
    signs = Signs(beginnings=(MAGIC, b"{"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if looks_like_json(head):
            return Claim(format="catboost", role=Role.WEIGHTS, confidence=90)
        if head[:4] != MAGIC:
            return None
        return Claim(
            format="catboost", role=Role.WEIGHTS, confidence=100 if key.lower().endswith(".cbm") else 90
        )

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="catboost", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        model = read_model(reader) if reader.head(4) == MAGIC else read_json(reader)
        tell_booster(findings, model.booster, "kv:")
        findings.say("trained_at", model.finished_at, "kv:train_finish_time")
        findings.say("extra.model_guid", model.guid, "kv:model_guid")
        findings.say("extra.best_iteration", model.best_iteration, "kv:training/metrics/best_iteration")
        if model.class_names:
            findings.say("extra.class_names", model.class_names, "kv:class_params/class_names")
        for name, value, split in model.metrics[:MAX_METRICS]:
            place = "learn_best_error" if split == "train" else "test_best_error/0"
            pointer = f"kv:training/metrics/{place}/{name}"
            findings.metric(name[:200] or "unnamed", value, pointer, split=split, block=f"training/{place}")
        for problem in model.problems:
            findings.problem("malformed", problem)
        return findings.extraction()
