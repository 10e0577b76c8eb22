"""Runs, logged models, data sets and experiments of MLflow's file store (`mlruns/`), of MLflow 2 and 3.

Source: mlflow/mlflow, mlflow/store/tracking/file_store.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.errors import LimitExceeded, Malformed
from catalog.lazy_dataclasses import dataclass, replace
from catalog.records import Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import mlflow, yamls
from crawler.formats.json_values import mapping, text
from crawler.reader import RangedReader

MAX_FILE_BYTES = 4 * 1024 * 1024  # a metric logged 100,000 times is about 3.5 MB
MAX_VALUE_BYTES = 64 * 1024

_FILES = r"(?P<rest>meta\.yaml|(?:params|metrics|tags)/.+)$"
_PLACES = (
    ("output", re.compile(r"/(?P<run>[0-9a-f]{32})/outputs/(?P<model>m-[0-9a-f]{32})/meta\.yaml$")),
    (
        "input",
        re.compile(r"^(?P<experiment>/(?:[^/]+/)*)(?P<run>[0-9a-f]{32})/inputs/(?P<input>[^/]+)/meta\.yaml$"),
    ),
    ("dataset", re.compile(r"^(?P<experiment>/(?:[^/]+/)*)datasets/(?P<dataset>[0-9a-f]{32})/meta\.yaml$")),
    ("model", re.compile(rf"^(?P<experiment>/(?:[^/]+/)*)models/(?P<model>m-[0-9a-f]{{32}})/{_FILES}")),
    ("run", re.compile(rf"^(?P<experiment>/(?:[^/]+/)*)(?P<run>[0-9a-f]{{32}})/{_FILES}")),
    ("experiment", re.compile(r"^(?P<experiment>/(?:[^/]+/)*\d{1,20}/)meta\.yaml$")),
)
_VALUE = re.compile(r"/(?:params|metrics|tags)/")
_EXPERIMENT_HEAD = re.compile(rb"^(?:artifact_location|experiment_id):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a key of the store stands for."""

    subject: Subject
    kind: str  # run | model | output | input | dataset | experiment
    rest: str
    names: dict[str, str]


class MlflowRunsExtractor:
    """Reads whole files of a few bytes; each speaks for the run, logged model or experiment its path names."""

    name = "mlflow-runs"
    version = 2
    description = "MLflow tracking, file store (`mlruns/`), MLflow 2 and 3"
    reads = (
        "runs with status, times, parents and experiment, parameters, last value of every metric with its history"
        " summed up, tags, data sets with their role, logged models"
    )
    limits = "4 MB a file; deleted runs and experiments (`.trash`, lifecycle_stage) are left out"
    signs = Signs(names=("meta.yaml",), folders=("params", "metrics", "tags"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        place = None if "/.trash/" in f"/{key}" else _placed(key)
        if place is None or (place.kind == "experiment" and not _EXPERIMENT_HEAD.search(head)):
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
        findings.tells_of(replace(place.subject, standalone=False, part_of=()))
        if kind == "metrics":
            _tell_metric(findings, reader.take(0, reader.size_bytes), name, place)
        else:
            _tell_value(findings, _text(reader.read(0, MAX_VALUE_BYTES)).rstrip("\n"), kind, name, place)
        return findings.extraction()


def _placed(key: str) -> _Place | None:
    if not key.endswith("meta.yaml") and not _VALUE.search(key):
        return None
    for kind, pattern in _PLACES:
        match = pattern.search(f"/{key}")
        if match is not None:
            names = match.groupdict()
            return _Place(_SUBJECTS[kind](names), kind, names.get("rest", "meta.yaml"), names)
    return None


def _experiment(names: Mapping[str, str]) -> str:
    return f"mlflow-experiment:{names['experiment'].strip('/')}"


def _dataset(names: Mapping[str, str], dataset: str, *, evaluated: bool) -> str:
    return f"mlflow-dataset:{names['experiment'].strip('/')}/{dataset}{'?evaluated' if evaluated else ''}"


_SUBJECTS = {
    "run": lambda names: mlflow.run_subject(names["run"], part_of=(_experiment(names),)),
    "model": lambda names: mlflow.model_subject(names["model"], part_of=(_experiment(names),)),
    "output": lambda names: mlflow.run_subject(names["run"], standalone=False),
    "input": lambda names: mlflow.run_subject(names["run"], standalone=False),
    "dataset": lambda names: Subject(id=_dataset(names, names["dataset"], evaluated=False), join_keys=()),
    "experiment": lambda names: Subject(id=_experiment(names), join_keys=()),
}


def _tell_run(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    subject = place.subject.id
    if meta.get("lifecycle_stage") == mlflow.DELETED:
        # The models that it logged stay when a run is deleted; all else about it is gone.
        findings.tells_of(replace(place.subject, standalone=False, part_of=()))
        findings.say("extra.run_status", "DELETED", "yaml:/lifecycle_stage", subject=subject)
        return
    findings.tells_of(replace(place.subject, name=_name(meta.get("run_name"))))
    findings.say("run_id", place.names["run"], "yaml:/run_id", subject=subject)
    mlflow.say_model_name(
        findings, meta.get("run_name"), "yaml:/run_name", origin=Origin.RUN, subject=subject
    )
    findings.say("extra.run_name", meta.get("run_name"), "yaml:/run_name", subject=subject)
    findings.say("owner", _known_user(meta.get("user_id")), "yaml:/user_id", subject=subject)
    mlflow.say_times(
        findings, meta.get("start_time"), meta.get("end_time"), meta.get("status"), "yaml:", subject=subject
    )


def _tell_model(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    deleted = meta.get("lifecycle_stage") == mlflow.DELETED
    findings.tells_of(replace(place.subject, name=_name(meta.get("name")), standalone=not deleted))
    subject = place.subject.id
    if deleted:
        findings.say("extra.logged_model_status", "DELETED", "yaml:/lifecycle_stage", subject=subject)
    findings.say("run_id", meta.get("source_run_id"), "yaml:/source_run_id", subject=subject)
    findings.say(
        "created_at", meta.get("creation_timestamp"), "yaml:/creation_timestamp", unit="ms", subject=subject
    )
    mlflow.say_model_name(findings, meta.get("name"), "yaml:/name", origin=Origin.CONFIG, subject=subject)
    findings.say("extra.model_id", place.names["model"], "yaml:/model_id", subject=subject)
    findings.say("extra.model_name", meta.get("name"), "yaml:/name", subject=subject)
    findings.say("extra.model_type", meta.get("model_type"), "yaml:/model_type", subject=subject)


def _tell_output(findings: Findings, _meta: Mapping[str, Any], place: _Place) -> None:
    """A run's output: the run's parameters and metrics belong to that model."""
    keys = (mlflow.model_key(place.names["model"]), mlflow.run_key(place.names["run"]))
    findings.tells_of(Subject(id=mlflow.run_key(place.names["run"]), join_keys=keys))


def _tell_input(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    """What a run read: a data set, whose own file says its name, or another logged model."""
    source = text(meta.get("source_id"))
    if meta.get("source_type") == "DATASET" and source:
        context = str(mapping(meta.get("tags")).get("mlflow.data.context") or "").lower()
        dataset = _dataset(place.names, source, evaluated=context in mlflow.EVALUATED_ON)
        findings.tells_of(replace(place.subject, part_of=(dataset,)))
        return
    findings.tells_of(place.subject)
    if mlflow.MODEL_ID.fullmatch(place.names["input"]):
        findings.say("extra.input_model", place.names["input"], "yaml:/source_id", subject=place.subject.id)


def _tell_dataset(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    """Named twice: as what was trained on, and as what was evaluated on; the runs choose."""
    for evaluated, context in ((False, "training"), (True, "validation")):
        subject = _dataset(place.names, place.names["dataset"], evaluated=evaluated)
        findings.tells_of(Subject(id=subject, join_keys=(), name=_name(meta.get("name"))))
        mlflow.say_dataset(findings, meta.get("name"), "yaml:/name", context=context, subject=subject)


def _tell_experiment(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    subject = place.subject.id
    findings.tells_of(replace(place.subject, name=_name(meta.get("name"))))
    findings.say("extra.experiment", meta.get("name"), "yaml:/name", subject=subject)
    number = meta.get("experiment_id")
    findings.say(
        "extra.experiment_id", None if number is None else str(number), "yaml:/experiment_id", subject=subject
    )


_META = {
    "run": _tell_run,
    "model": _tell_model,
    "output": _tell_output,
    "input": _tell_input,
    "dataset": _tell_dataset,
    "experiment": _tell_experiment,
}


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    timestamp_ms: int
    value: str
    step: int
    run: str | None
    dataset: str | None


def _tell_metric(findings: Findings, data: bytes, name: str, place: _Place) -> None:
    """Of each data set the value at the greatest step and time, with a summary of those before it."""
    by_dataset: dict[str | None, list[_Line]] = defaultdict(list)
    for line in _metric_lines(data):
        by_dataset[line.dataset].append(line)
    if not by_dataset and data.strip():
        raise Malformed("a metric file without a value")
    for dataset, lines in by_dataset.items():
        last = max(lines, key=lambda line: (line.step, line.timestamp_ms, line.number))
        findings.metric(
            name,
            last.value,
            f"line:{last.number}",
            subject=place.subject.id,
            step=last.step,
            evaluated_at=last.timestamp_ms,
            dataset=dataset,
            # A logged model repeats the values of its run.
            block=mlflow.run_key(last.run) if last.run else place.subject.id,
            source=place.kind,
            history=mlflow.history_of((line.step, float(line.value)) for line in lines).to_context(),
        )


def _metric_lines(data: bytes) -> Iterator[_Line]:
    """`timestamp value step [run_id [dataset_name dataset_digest]]`; MLflow 1 wrote no step."""
    for number, line in enumerate(_text(data).splitlines(), start=1):
        parts = line.split()
        if len(parts) < 2:
            continue
        try:
            float(parts[1])
            step = int(parts[2]) if len(parts) > 2 else 0
            run = parts[3] if len(parts) > 3 else None
            # A name may hold blanks; the digest behind it does not.
            dataset = " ".join(parts[4:-1]) or parts[4] if len(parts) > 4 else None
            yield _Line(number, int(float(parts[0])), parts[1], step, run, dataset)
        except (ValueError, OverflowError):
            continue


def _tell_value(findings: Findings, value: str, kind: str, name: str, place: _Place) -> None:
    if kind == "params":
        mlflow.say_parameter(findings, name, value, "text:", subject=place.subject.id)
    else:
        mlflow.say_tag(findings, name, value, "text:", subject=place.subject.id)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("text that is not valid UTF-8", where=f"byte {error.start}") from None


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _known_user(value: Any) -> Any:
    """MLflow's client writes `unknown` where nobody was asked."""
    return None if value == "unknown" else value
