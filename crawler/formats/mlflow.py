"""What MLflow's files, database and MLmodel share: subjects, join keys, tags, names, times and histories.

Source: mlflow/mlflow, mlflow/store/tracking/file_store.py and mlflow/utils/mlflow_tags.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from catalog.errors import ExtractError
from catalog.lazy_dataclasses import dataclass
from catalog.records import Evidence, Origin, Subject
from catalog.text.patterns import pattern
from crawler.extractor import Findings
from crawler.formats import jsons

MODEL_ID = pattern(r"m-[0-9a-f]{32}")
RUN_ID = pattern(r"[0-9a-f]{32}")
LOCATION = "uri:"
"""How the key of a place begins, which a model of another source may be at."""
MAX_LOCATION_CHARACTERS = 2_000
DELETED = "deleted"
DELETED_VERSION = "Deleted_Internal"

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
EVALUATED_ON = frozenset({"validation", "valid", "val", "test", "testing", "eval", "evaluation", "holdout"})
"""Contexts of a data set that a run read and did not train on."""

_SAYS_NOTHING = pattern(r"(?i)(?:ml)?models?|artifacts?|m-[0-9a-f]{32}|[0-9a-f]{32}")
_ARTIFACT = pattern(r"(?:^|/)(?P<run>[0-9a-f]{32})/artifacts/(?P<path>[^?#]+?)/?$")
_RUN_URI = pattern(r"^(?:mlflow-artifacts:/.*/|runs:/)(?P<run>[0-9a-f]{32})/(?:artifacts/)?(?P<path>.+?)/?$")


def run_key(run_id: str) -> str:
    return f"mlflow-run:{run_id}"


def model_key(model_id: str) -> str:
    return f"mlflow:{model_id}"


def artifact_key(run_id: str, path: str) -> str:
    """The directory `path` among the artifacts of a run: one of the models that the run logged."""
    return f"mlflow-artifact:{run_id}/{path.strip('/')}"


def source_key(source: Any) -> str | None:
    """The join key that the source of a registered version is: a logged model, or an artifact of a run."""
    if not isinstance(source, str):
        return None
    model = source.removeprefix("models:/")
    if MODEL_ID.fullmatch(model):
        return model_key(model)
    match = _RUN_URI.search(source) or _ARTIFACT.search(source)
    return artifact_key(match["run"], match["path"]) if match else None


def location_keys(source: Any) -> tuple[str, ...]:
    """The join key of a place that is no path among MLflow's artifacts: an address of a storage, or an absolute path."""
    if not isinstance(source, str) or len(source) > MAX_LOCATION_CHARACTERS:
        return ()
    place = source.rstrip("/")
    if place.startswith("/") and place.strip("/"):
        place = f"file://{quote(place)}"
    scheme, separator, rest = place.partition("://")
    if not separator or not rest.strip("/") or scheme in {"http", "https", "mlflow-artifacts"}:
        return ()
    return (f"{LOCATION}{place}",)


def run_subject(
    run_id: str, name: str | None = None, *, standalone: bool = True, part_of: tuple[str, ...] = ()
) -> Subject:
    """A run: bound to the models it logged, else a model of its own."""
    keys = (run_key(run_id),)
    return Subject(id=keys[0], join_keys=keys, name=name, standalone=standalone, part_of=part_of)


def model_subject(
    model_id: str, name: str | None = None, *, standalone: bool = True, part_of: tuple[str, ...] = ()
) -> Subject:
    """A logged model: bound to its MLmodel directory, else a model of its own."""
    keys = (model_key(model_id),)
    return Subject(id=keys[0], join_keys=keys, name=name, standalone=standalone, part_of=part_of)


def say_model_name(
    findings: Findings, name: Any, pointer: str, *, origin: Origin, subject: str | None = None
) -> None:
    """A name that a run or logged model was given. It counts less than a registered one; `model` and ids say nothing."""
    if isinstance(name, str) and name and not _SAYS_NOTHING.fullmatch(name.rsplit("/", 1)[-1]):
        last = name.rsplit("/", 1)[-1]
        findings.say("name", last, pointer, origin=origin, evidence=Evidence.INFERRED, subject=subject)


def say_dataset(findings: Findings, name: Any, pointer: str, *, context: Any, subject: str) -> None:
    """A data set that a run read, under the role that the run gave it."""
    if str(context or "").lower() in EVALUATED_ON:
        findings.say("extra.evaluation_dataset", name, pointer, subject=subject)
    else:
        findings.say("datasets", name, pointer, subject=subject)


def say_tag(findings: Findings, name: str, value: str, pointer: str, *, subject: str) -> None:
    """One tag of a run or model: MLflow's own become fields, a person's become labels of the model."""
    if name == "mlflow.modelVersions":
        say_registered_versions(findings, value, pointer, subject=subject)
    elif name in TAG_FIELDS:
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
        entry = {
            "name": column.get("name") or str(number),
            "dtype": tensor.get("dtype") or column.get("type"),
            "shape": None if shape is None else [None if size == -1 else size for size in shape[:16]],
        }
        yield {key: item for key, item in entry.items() if item is not None}, f"{pointer}/{number}"


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
    """A registered name with its version, which is text; with its name in the free values, where all of them stay."""
    findings.say("name", name, pointer, origin=Origin.REGISTRY, subject=subject)
    if version is None:
        return
    findings.say("version", str(version), pointer, origin=Origin.REGISTRY, subject=subject)
    registered = f"{name} {version}"
    findings.say(
        f"extra.registered {registered}", registered, pointer, origin=Origin.REGISTRY, subject=subject
    )


def say_alias(findings: Findings, name: str, alias: str, pointer: str, *, subject: str) -> None:
    """A name that somebody gave to a version, and may give to another: a label, and `NAME@ALIAS` as it is pasted."""
    for field in ("tags", "aliases"):
        findings.say(field, alias, pointer, origin=Origin.REGISTRY, subject=subject)
    called = f"{name}@{alias}"
    findings.say(f"extra.registered {called}", called, pointer, origin=Origin.REGISTRY, subject=subject)


def say_version_state(
    findings: Findings, stage: Any, status: Any, source: Any, place: str, *, subject: str
) -> None:
    """Stage and source of a registered version, and its state if it is not ready."""
    if stage not in {None, "None", ""}:
        findings.say("extra.stage", stage, f"{place}/current_stage", subject=subject)
        findings.say("stage", stage, f"{place}/current_stage", origin=Origin.REGISTRY, subject=subject)
    if status not in {None, "READY", ""}:
        findings.say("extra.registration_status", status, f"{place}/status", subject=subject)
    findings.say("extra.registered_source", source, f"{place}/source", subject=subject)


def say_parameter(findings: Findings, name: str, value: Any, pointer: str, *, subject: str) -> None:
    """One parameter of a run; MLflow keeps them all as text."""
    findings.say(f"hyperparameters.{name}", value, pointer, evidence=Evidence.EXPLICIT, subject=subject)


@dataclass(slots=True)
class History:
    """A metric over the steps of a run, summed up: how often it was logged, and its first, least and greatest value."""

    points: int = 0
    first: tuple[int, float] | None = None
    least: tuple[int, float] | None = None
    greatest: tuple[int, float] | None = None

    def add(self, step: int, value: float) -> None:
        """One value; of equal ones the earliest step counts."""
        self.points += 1
        if not math.isfinite(value):
            return
        if self.first is None or step < self.first[0]:
            self.first = step, value
        if self.least is None or (value, step) < (self.least[1], self.least[0]):
            self.least = step, value
        if self.greatest is None or (-value, step) < (-self.greatest[1], self.greatest[0]):
            self.greatest = step, value

    def to_context(self) -> dict[str, Any] | None:
        """As a metric's context has it; None for a single value."""
        if self.points < 2 or self.first is None or self.least is None or self.greatest is None:
            return None
        return {
            "points": self.points,
            "first": self.first[1],
            "min": self.least[1],
            "min_step": self.least[0],
            "max": self.greatest[1],
            "max_step": self.greatest[0],
        }


def history_of(values: Iterable[tuple[int, float]]) -> History:
    """The history of (step, value) pairs."""
    history = History()
    for step, value in values:
        history.add(step, value)
    return history
