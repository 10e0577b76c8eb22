"""`MLmodel`: the file that makes a directory an MLflow model.

Source: mlflow/mlflow, mlflow/models/model.py (Model.to_dict).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.normalise.metrics import resolve_metric_name
from catalog.records import Extraction, Origin, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import mlflow, yamls
from crawler.formats.json_values import mapping, text
from crawler.promises import Container, Promise
from crawler.reader import RangedReader

MAX_FLAVOURS = 64
WRAPPER = "python_function"
REMOTE_CODE = "remote-code"
VERSION_KEYS = {
    "sklearn": "sklearn_version",
    "pytorch": "pytorch_version",
    "xgboost": "xgb_version",
    "lightgbm": "lgb_version",
    "catboost": "catboost_version",
    "tensorflow": "tf_version",
    "keras": "keras_version",
    "transformers": "transformers_version",
    "sentence_transformers": "sentence_transformers_version",
    "spacy": "spacy_version",
    "onnx": "onnx_version",
    "statsmodels": "statsmodels_version",
    "prophet": "prophet_version",
    "h2o": "h2o_version",
    "paddle": "paddle_version",
    "langchain": "langchain_version",
    "openai": "openai_version",
    "diviner": "diviner_version",
    "pmdarima": "pmdarima_version",
    "spark": "pyspark_version",
}


class MlflowModelExtractor:
    """Reads the whole YAML file; the flavours' own files are other extractors' work."""

    name = "mlflow-model"
    version = 4
    description = "MLflow model directory (`MLmodel`)"
    reads = "flavours and their versions, signature, run and model id, creation time, the author's metadata"
    limits = "YAML 2 MB, 100,000 nodes"
    promises = Promise(containers=(Container(files=("MLmodel",)),))
    signs = Signs(names=("MLmodel",))

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the exact name decides
        if key.rsplit("/", 1)[-1] != "MLmodel":
            return None
        return Claim(format="mlflow", role=Role.CONFIG, confidence=95)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="mlflow", role=Role.CONFIG, origin=Origin.CONFIG)
        model = mapping(yamls.read(reader))
        if not model.get("flavors"):
            findings.problem("malformed", "an MLmodel file without flavors", "yaml:/flavors")
        _tell_flavours(findings, mapping(model.get("flavors")))
        flavours = mapping(model.get("flavors"))
        for name in sorted(flavours, key=lambda name: name != WRAPPER)[:MAX_FLAVOURS]:
            _tell_code(findings, mapping(yamls.json_value(flavours[name])))
        _tell_identity(findings, model)
        mlflow.say_signature(findings, mapping(model.get("signature")))
        _tell_metadata(findings, mapping(yamls.json_value(model.get("metadata"))))
        return findings.extraction()


def _tell_code(findings: Findings, wrapper: Mapping[str, Any]) -> None:
    """MLflow puts the directory of code in front of Python's path and imports the loader, or runs the file of a model that is
    a script. Source: mlflow/mlflow mlflow/pyfunc/__init__.py `load_model`.
    """
    loader, script, code = (text(wrapper.get(key)) for key in ("loader_module", "model_code_path", "code"))
    if loader and not loader.startswith("mlflow."):
        findings.risk(
            REMOTE_CODE, Severity.MEDIUM, f"Loading it imports {loader[:200]}, which is not MLflow's"
        )
    elif script or code:
        findings.risk(
            REMOTE_CODE,
            Severity.MEDIUM,
            f"Loading it runs Python that lies beside it: {(script or code or '')[:200]}",
        )


def _tell_flavours(findings: Findings, flavours: Mapping[str, Any]) -> None:
    wrapper = mapping(flavours.get(WRAPPER))
    findings.say("extra.python_version", text(wrapper.get("python_version")), "yaml:/flavors/python_function")
    findings.say("extra.loader_module", text(wrapper.get("loader_module")), "yaml:/flavors/python_function")
    findings.say("extra.flavors", list(flavours)[:64], "yaml:/flavors")
    for flavour, settings in flavours.items():
        pointer = f"yaml:/flavors/{flavour}"
        if flavour == WRAPPER:
            continue
        findings.say("framework", flavour, pointer)
        key = VERSION_KEYS.get(flavour)
        findings.say("framework_version", text(mapping(settings).get(key or "")), f"{pointer}/{key}")
        task = text(mapping(settings).get("task"))
        findings.say("task", task, f"{pointer}/task")
        findings.say(
            "base_model.id", text(mapping(settings).get("source_model_name")), f"{pointer}/source_model_name"
        )


def _tell_identity(findings: Findings, model: Mapping[str, Any]) -> None:
    values = yamls.json_value(dict(model))
    # `utc_time_created` is written without a zone and is UTC by its name.
    findings.say("created_at", values.get("utc_time_created"), "yaml:/utc_time_created", unit="utc")
    findings.say("run_id", values.get("run_id"), "yaml:/run_id")
    for key in ("mlflow_version", "model_size_bytes", "artifact_path", "model_uuid"):
        findings.say(f"extra.{key}", values.get(key), f"yaml:/{key}")
    run, artifact = values.get("run_id"), values.get("artifact_path")
    if isinstance(run, str):
        findings.joins(mlflow.run_key(run))
    # MLflow 3 writes the URI of the machine that trained; MLflow 2 the path among the run's artifacts, and it is
    # the name that `log_model` was called with.
    if isinstance(artifact, str) and "://" not in artifact and not artifact.startswith("/"):
        mlflow.say_model_name(findings, artifact, "yaml:/artifact_path", origin=Origin.CONFIG)
        if isinstance(run, str):
            findings.joins(mlflow.artifact_key(run, artifact))
    identities = {values.get("model_id"), values.get("model_uuid")}
    for identity in sorted(value for value in identities if isinstance(value, str)):
        findings.joins(mlflow.model_key(identity))


def _tell_metadata(findings: Findings, metadata: Mapping[str, Any]) -> None:
    """What the author attached: a number under a metric's name is a report of that metric, the rest is kept."""
    for key, value in metadata.items():
        pointer = f"yaml:/metadata/{key}"
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and resolve_metric_name(key) is not None:
            findings.metric(key, value, pointer, block="metadata", source="MLmodel metadata")
        elif isinstance(value, (str, int, float, bool)):
            findings.say(f"extra.{key}", value, pointer)
        elif isinstance(value, list):
            findings.say(
                f"extra.{key}", [item for item in value[:64] if isinstance(item, (str, int, float))], pointer
            )
