"""MLflow's file store (`mlruns/`) of MLflow 2 and 3: one small file per parameter, metric and tag.

Source: mlflow/mlflow, mlflow/store/tracking/file_store.py and mlflow/store/model_registry/file_store.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.records import Evidence, Extraction, Origin, Role, Subject
from crawler.extractor import Claim, Findings
from crawler.formats import mlflow, yamls
from crawler.formats.json_values import mapping
from crawler.reader import RangedReader

MAX_FILE_BYTES = 4 * 1024 * 1024  # a metric logged 100,000 times is about 3.5 MB
MAX_VALUE_BYTES = 64 * 1024

_RUN = re.compile(
    r"(?:^|/)(?P<experiment>[^/]+)/(?P<run>[0-9a-f]{32})/(?P<rest>meta\.yaml|(?:params|metrics|tags)/.+)$"
)
_MODEL = re.compile(
    r"(?:^|/)(?P<experiment>[^/]+)/models/(?P<model>m-[0-9a-f]{32})/(?P<rest>meta\.yaml|(?:params|metrics|tags)/.+)$"
)
_VERSION = re.compile(r"(?:^|/)models/(?P<name>[^/]+)/version-(?P<version>\d+)/(?P<rest>meta\.yaml|tags/.+)$")
_LINK = re.compile(r"(?:^|/)(?P<run>[0-9a-f]{32})/outputs/(?P<model>m-[0-9a-f]{32})/meta\.yaml$")


@dataclass(frozen=True, slots=True)
class _Place:
    """What a key of the store stands for."""

    subject: Subject
    kind: str  # run | model | version | link
    rest: str
    names: dict[str, str]


class MlflowRunsExtractor:
    """Reads whole files of a few bytes; each speaks for the run, logged model or version its path names."""

    name = "mlflow-runs"
    version = 1
    description = "MLflow file store (`mlruns/`), MLflow 2 and 3"
    reads = "runs with status and times, parameters, last value of every metric, tags, logged models, registered versions"
    limits = "4 MB a file; deleted runs (`.trash`, lifecycle_stage) are left out"

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the path decides
        if "/.trash/" in f"/{key}" or _placed(key) is None:
            return None
        return Claim(format="mlflow_file_store", role=Role.RUN, confidence=85)

    def extract(self, reader: RangedReader) -> Extraction:
        place = _placed(reader.key)
        if place is None:
            raise Malformed("not a path of MLflow's file store")
        if reader.size_bytes > MAX_FILE_BYTES:
            raise LimitExceeded(
                "bytes of a file of MLflow's store", limit=MAX_FILE_BYTES, found=reader.size_bytes
            )
        findings = Findings(reader, self, format="mlflow_file_store", role=Role.RUN, origin=Origin.RUN)
        kind, _, name = place.rest.partition("/")
        if kind == "meta.yaml":
            _META[place.kind](findings, mapping(yamls.json_value(yamls.read(reader))), place)
            return findings.extraction()
        # Only meta.yaml makes a model of its own: it alone knows whether the run was deleted.
        findings.tells_of(replace(place.subject, standalone=False))
        if kind == "metrics":
            _tell_metric(findings, reader.take(0, reader.size_bytes), name, place)
        else:
            _tell_value(findings, _text(reader.read(0, MAX_VALUE_BYTES)), kind, name, place)
        return findings.extraction()


def _placed(key: str) -> _Place | None:
    for pattern, kind in ((_LINK, "link"), (_VERSION, "version"), (_MODEL, "model"), (_RUN, "run")):
        match = pattern.search(key)
        if match is None:
            continue
        names = match.groupdict()
        if kind == "version":
            version = f"mlflow-version:{names['name']}/{names['version']}"
            subject = Subject(id=version, join_keys=(version,), name=names["name"], standalone=True)
        elif kind == "model":
            subject = mlflow.model_subject(names["model"])
        else:
            subject = mlflow.run_subject(names["run"])
        return _Place(subject, kind, names.get("rest", "meta.yaml"), names)
    return None


def _tell_run(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    if meta.get("lifecycle_stage") == "deleted":
        return
    subject = place.subject.id
    findings.tells_of(mlflow.run_subject(place.names["run"], _name(meta.get("run_name"))))
    findings.say("run_id", place.names["run"], "yaml:/run_id", subject=subject)
    findings.say("name", meta.get("run_name"), "yaml:/run_name", evidence=Evidence.INFERRED, subject=subject)
    findings.say("extra.run_name", meta.get("run_name"), "yaml:/run_name", subject=subject)
    findings.say(
        "extra.experiment_id", _text_of(meta.get("experiment_id")), "yaml:/experiment_id", subject=subject
    )
    findings.say("owner", meta.get("user_id"), "yaml:/user_id", subject=subject)
    mlflow.say_times(
        findings, meta.get("start_time"), meta.get("end_time"), meta.get("status"), "yaml:", subject=subject
    )


def _tell_model(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    if meta.get("lifecycle_stage") == "deleted":
        return
    model = place.names["model"]
    run = meta.get("source_run_id")
    keys = (mlflow.model_key(model), *([mlflow.run_key(run)] if isinstance(run, str) and run else []))
    findings.tells_of(
        Subject(id=mlflow.model_key(model), join_keys=keys[:1], name=_name(meta.get("name")), standalone=True)
    )
    subject = place.subject.id
    findings.say("run_id", run, "yaml:/source_run_id", subject=subject)
    findings.say(
        "created_at", meta.get("creation_timestamp"), "yaml:/creation_timestamp", unit="ms", subject=subject
    )
    findings.say("extra.model_id", model, "yaml:/model_id", subject=subject)
    findings.say("extra.model_name", meta.get("name"), "yaml:/name", subject=subject)
    findings.say("extra.model_type", meta.get("model_type"), "yaml:/model_type", subject=subject)
    findings.say(
        "extra.experiment_id", _text_of(meta.get("experiment_id")), "yaml:/experiment_id", subject=subject
    )


def _tell_version(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    """A registered version belongs to the logged model it names, else to its run."""
    model = meta.get("model_id") or str(meta.get("source") or "").removeprefix("models:/")
    keys = [place.subject.id]
    if isinstance(model, str) and mlflow.MODEL_ID.fullmatch(model):
        keys.insert(0, mlflow.model_key(model))
    elif isinstance(meta.get("run_id"), str) and meta["run_id"]:
        keys.insert(0, mlflow.run_key(meta["run_id"]))
    subject = place.subject.id
    findings.tells_of(Subject(id=subject, join_keys=tuple(keys), name=place.names["name"], standalone=True))
    mlflow.say_registered(
        findings, place.names["name"], place.names["version"], "yaml:/name", subject=subject
    )
    findings.say(
        "description", meta.get("description"), "yaml:/description", origin=Origin.REGISTRY, subject=subject
    )
    findings.say(
        "created_at", meta.get("creation_timestamp") or meta.get("creation_time"), "yaml:/creation_timestamp",
        unit="ms", origin=Origin.REGISTRY, subject=subject,
    )  # fmt: skip
    stage = meta.get("current_stage")
    if stage not in {None, "None", ""}:
        findings.say("extra.stage", stage, "yaml:/current_stage", subject=subject)


def _tell_link(findings: Findings, _meta: Mapping[str, Any], place: _Place) -> None:
    """A run's output: the run's parameters and metrics belong to that model."""
    keys = (mlflow.model_key(place.names["model"]), mlflow.run_key(place.names["run"]))
    findings.tells_of(Subject(id=mlflow.run_key(place.names["run"]), join_keys=keys))


_META = {"run": _tell_run, "model": _tell_model, "version": _tell_version, "link": _tell_link}


def _tell_metric(findings: Findings, data: bytes, name: str, place: _Place) -> None:
    """The value at the greatest step and time; how many there were is kept beside it."""
    lines = list(_metric_lines(data))
    if not lines:
        raise Malformed("a metric file without a value")
    last = max(lines, key=lambda line: (line.step, line.timestamp_ms))
    findings.metric(
        name,
        last.value,
        f"line:{last.number}",
        subject=place.subject.id,
        step=last.step,
        evaluated_at=last.timestamp_ms,
        dataset=last.dataset,
        block=place.subject.id,
        source=place.kind,
        history=len(lines) if len(lines) > 1 else None,
    )


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    timestamp_ms: int
    value: str
    step: int
    dataset: str | None


def _metric_lines(data: bytes) -> Iterator[_Line]:
    """`timestamp value step [run_id [dataset_name dataset_digest]]`; MLflow 1 wrote no step."""
    for number, line in enumerate(_text(data).splitlines(), start=1):
        parts = line.split()
        if len(parts) < 2:
            continue
        try:
            step = int(parts[2]) if len(parts) > 2 else 0
            yield _Line(number, int(float(parts[0])), parts[1], step, parts[4] if len(parts) > 4 else None)
        except (ValueError, OverflowError):
            continue


def _tell_value(findings: Findings, value: str, kind: str, name: str, place: _Place) -> None:
    pointer = "text:"
    if kind == "params":
        mlflow.say_parameter(findings, name, value, pointer, subject=place.subject.id)
    elif name == "mlflow.modelVersions":
        mlflow.say_registered_versions(findings, value, pointer, subject=place.subject.id)
    else:
        mlflow.say_tag(findings, name, value, pointer, subject=place.subject.id)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("text that is not valid UTF-8", where=f"byte {error.start}") from None


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _text_of(value: Any) -> str | None:
    return None if value is None else str(value)
