"""Models and pipelines of Spark ML: the metadata of each stage, one JSON object in a text file of one line.

Source: apache/spark mllib/src/main/scala/org/apache/spark/ml/util/ReadWrite.scala (`DefaultParamsWriter.saveMetadata`),
ml/Pipeline.scala (`Pipeline.SharedReadWrite`: `metadata`, `stages/N_UID`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, mapping, pointer, text, texts, whole
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

MAX_STAGES = 500
_PLACE = re.compile(r"(?:^|/)metadata/part-\d{5}[^/]*(?:\.txt|\.json)?$")
_STAGE = re.compile(r"(?:^|/)stages/\d+_[^/]+/")
_CLASS = re.compile(
    rb'^\s*\{\s*"class"\s*:\s*"[\w$]{1,100}(?:\.[\w$]{1,100}){1,20}"\s*,\s*"timestamp"\s*:\s*\d+\s*,\s*"sparkVersion"'
)
"""What Spark writes first, in its order: a class with its package, and what saved it."""
_TASKS = (
    ("Classification", "tabular-classification"),
    ("Classifier", "tabular-classification"),
    ("LogisticRegression", "tabular-classification"),
    ("Regression", "tabular-regression"),
    ("Regressor", "tabular-regression"),
)
_LEARNT = {"numFeatures": "features", "numClasses": "classes", "numTrees": "trees"}
"""What stands beside the parameters. Source: apache/spark mllib (`RandomForestClassificationModel.save`)."""


class SparkMlExtractor:
    """Reads the whole of a small file. A pipeline is one model; its stages say their parameters of it."""

    name = "spark-ml"
    version = 2
    description = "Spark ML models and pipelines (metadata/part-00000 with stages/ or data/)"
    reads = "class, stages, Spark's version, time of saving, parameters of every stage"
    limits = "JSON 16 MB, 500 stages; the numbers in Parquet files are not read"
    promises = Promise(containers=(Container(folders=("metadata",), marked_in="metadata"),))
    signs = Signs(beginnings=(b"{",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not _PLACE.search(key) or _CLASS.match(head) is None:
            return None
        return Claim(
            format="spark-ml", role=Role.CONFIG if _STAGE.search(key) else Role.WEIGHTS, confidence=90
        )

    def extract(self, reader: RangedReader) -> Extraction:
        is_stage = _STAGE.search(reader.key) is not None
        findings = Findings(
            reader,
            self,
            format=None if is_stage else "spark",
            role=Role.CONFIG if is_stage else Role.WEIGHTS,
            origin=Origin.EMBEDDED,
        )
        metadata = jsons.read_object(reader)
        name = (text(metadata.get("class")) or "").rpartition(".")[2]
        parameters = {**mapping(metadata.get("defaultParamMap")), **mapping(metadata.get("paramMap"))}
        stages = texts(parameters.pop("stageUids", None), limit=MAX_STAGES)
        _tell_task(findings, name)
        for key, field in _LEARNT.items():
            findings.say(field, whole(metadata.get(key)), pointer(key), evidence=Evidence.COUNTED)
        if is_stage:
            _tell_parameters(findings, parameters, prefix=f"{name}.")
            return findings.extraction()
        findings.say("framework", "spark", pointer("class"), evidence=Evidence.INFERRED)
        findings.say("framework_version", text(metadata.get("sparkVersion")), pointer("sparkVersion"))
        findings.say("architecture", name, pointer("class"))
        findings.say("created_at", whole(metadata.get("timestamp")), pointer("timestamp"))
        findings.say("extra.spark.uid", text(metadata.get("uid")), pointer("uid"))
        kinds = [stage.partition("_")[0] for stage in stages]
        findings.say("extra.spark.stages", kinds or None, pointer("paramMap", "stageUids"))
        _tell_parameters(findings, parameters, prefix="")
        return findings.extraction()


def _tell_task(findings: Findings, name: str) -> None:
    task = next((task for word, task in _TASKS if word in name), None)
    findings.say("task", task, pointer("class"), evidence=Evidence.INFERRED)


def _tell_parameters(findings: Findings, parameters: Mapping[str, Any], *, prefix: str) -> None:
    for name, value, place in leftovers(parameters):
        if not name.endswith("Col") and not name.endswith("Cols"):
            findings.say(
                f"hyperparameters.{prefix}{name}", value, place.replace("json:", "json:/paramMap", 1)
            )
