"""Names that MLflow's own files share: subjects, join keys, tags and timestamps.

Source: mlflow/mlflow, mlflow/store/tracking/file_store.py and mlflow/utils/mlflow_tags.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from catalog.errors import ExtractError
from catalog.records import Evidence, Origin, Subject
from crawler.extractor import Findings
from crawler.formats import jsons

MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
RUN_ID = re.compile(r"[0-9a-f]{32}")

TAG_FIELDS = {
    "mlflow.user": "owner",
    "mlflow.source.git.commit": "code_version",
    "mlflow.note.content": "description",
    "mlflow.parentRunId": "extra.parent_run_id",
    "mlflow.source.git.repoURL": "extra.code_repository",
    "mlflow.source.git.branch": "extra.code_branch",
    "mlflow.source.name": "extra.source_name",
    "mlflow.runName": "extra.run_name",
    "mlflow.project.env": "extra.project_env",
}
"""Tags that MLflow sets itself; all others of its prefix are bookkeeping."""

RUN_STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}


def run_key(run_id: str) -> str:
    return f"mlflow-run:{run_id}"


def model_key(model_id: str) -> str:
    return f"mlflow:{model_id}"


def run_subject(run_id: str, name: str | None = None) -> Subject:
    """A run: bound to the models it logged, else a model of its own."""
    return Subject(id=run_key(run_id), join_keys=(run_key(run_id),), name=name, standalone=True)


def model_subject(model_id: str, name: str | None = None) -> Subject:
    """A logged model: bound to its MLmodel directory, else a model of its own."""
    return Subject(id=model_key(model_id), join_keys=(model_key(model_id),), name=name, standalone=True)


def say_tag(findings: Findings, name: str, value: str, pointer: str, *, subject: str) -> None:
    """One tag of a run or model: MLflow's own become fields, a person's become labels of the model."""
    if name in TAG_FIELDS:
        findings.say(TAG_FIELDS[name], value, pointer, subject=subject)
    elif not name.startswith("mlflow."):
        field = "use_case" if name == "use_case" else f"extra.tag_{name}"
        findings.say(field, value, pointer, subject=subject)


def say_times(findings: Findings, started: Any, ended: Any, status: Any, place: str, *, subject: str) -> None:
    """Start and end of a run in epoch milliseconds; the end is a training date only if the run finished."""
    findings.say("training_started_at", started, f"{place}/start_time", unit="ms", subject=subject)
    if str(status) in {"3", "FINISHED"}:
        findings.say("trained_at", ended, f"{place}/end_time", unit="ms", subject=subject)
    elif status is not None:
        name = RUN_STATUS.get(str(status), str(status))
        findings.say("extra.run_status", name, f"{place}/status", subject=subject)


def signature_values(text: Any, pointer: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The inputs or outputs of a signature, which MLflow keeps as JSON text inside YAML.

    A tensor's -1 is a dimension of any size, shown as None. Raises ExtractError.
    """
    if not isinstance(text, str) or not text.strip():
        return
    value = jsons.load(text.encode())
    for number, column in enumerate(value if isinstance(value, list) else []):
        if not isinstance(column, dict):
            continue
        tensor = column.get("tensor-spec")
        tensor = tensor if isinstance(tensor, dict) else {}
        shape = tensor.get("shape") if isinstance(tensor.get("shape"), list) else None
        found = {
            "name": column.get("name") or str(number),
            "dtype": tensor.get("dtype") or column.get("type"),
            "shape": None if shape is None else [None if size == -1 else size for size in shape[:16]],
        }
        yield {key: item for key, item in found.items() if item is not None}, f"{pointer}/{number}"


def say_signature(findings: Findings, signature: Any, *, subject: str | None = None) -> None:
    """Inputs and outputs of an MLmodel's signature; a broken one is a problem and no more."""
    for name in ("inputs", "outputs"):
        pointer = f"yaml:/signature/{name}"
        try:
            for value, place in signature_values((signature or {}).get(name), pointer):
                findings.say(name, value, place, subject=subject)
        except ExtractError as error:
            findings.problem(error.code, f"signature {name}: {error}", pointer)


def say_registered_versions(findings: Findings, text: str, pointer: str, *, subject: str) -> None:
    """The names under which a logged model is registered, from its tag `mlflow.modelVersions`."""
    try:
        versions = jsons.load(text.encode())
    except ExtractError as error:
        findings.problem(error.code, f"mlflow.modelVersions: {error}", pointer)
        return
    for entry in versions[:100] if isinstance(versions, list) else []:
        if isinstance(entry, dict):
            say_registered(findings, entry.get("name"), entry.get("version"), pointer, subject=subject)


def say_registered(findings: Findings, name: Any, version: Any, pointer: str, *, subject: str) -> None:
    """A registered name with its version, which is text."""
    findings.say("name", name, pointer, origin=Origin.REGISTRY, subject=subject)
    if version is not None:
        findings.say("version", str(version), pointer, origin=Origin.REGISTRY, subject=subject)


def say_parameter(findings: Findings, name: str, value: Any, pointer: str, *, subject: str) -> None:
    """One parameter of a run; MLflow keeps them all as text."""
    findings.say(f"hyperparameters.{name}", value, pointer, evidence=Evidence.EXPLICIT, subject=subject)
