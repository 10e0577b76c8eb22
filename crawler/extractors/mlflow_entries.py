"""Runs, logged models, registered names and versions as an MLflow server's REST interface gives them.

Source: mlflow/mlflow, mlflow/protos/service.proto and model_registry.proto (MLflow 2 and 3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.errors import ExtractError
from catalog.records import Evidence, Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, mlflow
from crawler.formats.json_values import mapping, pointer, text
from crawler.formats.mlflow_entries import LOGGED_MODEL, MARK, REGISTERED, RUN, VERSION, kind_of
from crawler.reader import RangedReader

MAX_OBSERVATIONS = 50_000
MAX_LOGGED_PATHS = 100
HISTORY_TAG = "mlflow.log-model.history"
"""What MLflow 2 notes at a run of the models that it logged."""


class MlflowEntriesExtractor:
    """Reads whole entries; each speaks for the run, logged model or registered version that it is."""

    name = "mlflow-entries"
    version = 1
    description = "MLflow server, REST interface (`mlflow+http://`)"
    reads = (
        "runs with experiment, parents, times and status, parameters, the last value of every metric with its step, data sets"
        " with their role, tags; logged models; registered names and versions with aliases, stages, tags and descriptions"
    )
    limits = "16 MB and 50,000 values an entry; the values before the last of a metric are not asked for"
    signs = Signs(beginnings=(MARK,))

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the bytes decide
        if kind_of(head) is None:
            return None
        return Claim(format="mlflow_server", role=Role.RUN, confidence=95)

    def extract(self, reader: RangedReader) -> Extraction:
        entry = jsons.read_object(reader)
        kind = text(entry.get("mlflow"))
        origin = Origin.REGISTRY if kind in {REGISTERED, VERSION} else Origin.RUN
        findings = Findings(
            reader,
            self,
            format="mlflow_server",
            role=Role.RUN,
            origin=origin,
            max_observations=MAX_OBSERVATIONS,
        )
        if kind == RUN:
            _tell_run(findings, mapping(entry.get("run")), mapping(entry.get("experiment")))
        elif kind == LOGGED_MODEL:
            _tell_logged_model(findings, mapping(entry.get("model")), mapping(entry.get("experiment")))
        elif kind == VERSION:
            _tell_version(findings, mapping(entry.get("version")), str(entry.get("server") or ""))
        elif kind == REGISTERED:
            _tell_registered(findings, mapping(entry.get("registered")), str(entry.get("server") or ""))
        return findings.extraction()


def _tell_run(findings: Findings, run: Mapping[str, Any], experiment: Mapping[str, Any]) -> None:
    info, data = mapping(run.get("info")), mapping(run.get("data"))
    run_id, name = text(info.get("run_id")), text(info.get("run_name"))
    if run_id is None or not mlflow.RUN_ID.fullmatch(run_id):
        findings.problem("malformed", "a run without an id", pointer("run", "info", "run_id"))
        return
    tags = dict(_pairs(data.get("tags")))
    subject = mlflow.run_key(run_id)
    _tell_who_a_run_is(findings, run, subject, run_id, name, tags.get(HISTORY_TAG))
    place = ("run", "info")
    findings.say("run_id", run_id, pointer(*place, "run_id"), subject=subject)
    mlflow.say_model_name(findings, name, pointer(*place, "run_name"), origin=Origin.RUN, subject=subject)
    findings.say("extra.run_name", name, pointer(*place, "run_name"), subject=subject)
    user = text(info.get("user_id"))
    findings.say("owner", None if user == "unknown" else user, pointer(*place, "user_id"), subject=subject)
    _tell_experiment(findings, experiment, subject)
    times = info.get("start_time"), info.get("end_time"), info.get("status")
    mlflow.say_times(findings, *times, pointer(*place), subject=subject)
    _tell_values(findings, data, ("run", "data"), subject)
    for metric, where in _entries(data.get("metrics"), "run", "data", "metrics"):
        _tell_metric(findings, metric, where, subject=subject, source="run", block=subject)
    for entry, where in _entries(mapping(run.get("inputs")).get("dataset_inputs"), "run", "inputs"):
        context = dict(_pairs(entry.get("tags"))).get("mlflow.data.context")
        dataset = text(mapping(entry.get("dataset")).get("name"))
        mlflow.say_dataset(findings, dataset, where, context=context, subject=subject)


def _tell_who_a_run_is(
    findings: Findings,
    run: Mapping[str, Any],
    subject: str,
    run_id: str,
    name: str | None,
    history: str | None,
) -> None:
    """A run stands for the one model that it logged, if nobody else does; several that it logged stand for themselves."""
    outputs = mapping(run.get("outputs")).get("model_outputs")
    paths = [] if outputs else list(_logged_paths(findings, history))
    keys = [subject, *(mlflow.artifact_key(run_id, path) for path in paths[:1] if len(paths) == 1)]
    alone = not outputs and len(paths) < 2
    findings.tells_of(Subject(id=subject, join_keys=tuple(keys), name=name, standalone=alone))
    for path in paths if len(paths) > 1 else ():
        key = mlflow.artifact_key(run_id, path)
        last = path.rstrip("/").rpartition("/")[2]
        findings.tells_of(Subject(id=key, join_keys=(key,), name=last, standalone=True, part_of=(subject,)))
        mlflow.say_model_name(findings, path, pointer("run", "data", "tags"), origin=Origin.RUN, subject=key)


def _logged_paths(findings: Findings, history: str | None) -> Iterator[str]:
    """Where among the artifacts of its run each model lies that MLflow 2 logged."""
    if not history:
        return
    try:
        entries = jsons.load(history.encode("utf-8", "replace"))
    except ExtractError as error:
        findings.problem(error.code, f"{HISTORY_TAG}: {error}", pointer("run", "data", "tags"))
        return
    paths = [mapping(entry).get("artifact_path") for entry in entries] if isinstance(entries, list) else []
    yield from dict.fromkeys(path for path in paths[:MAX_LOGGED_PATHS] if isinstance(path, str) and path)


def _tell_logged_model(findings: Findings, model: Mapping[str, Any], experiment: Mapping[str, Any]) -> None:
    info, data = mapping(model.get("info")), mapping(model.get("data"))
    model_id, name, run = text(info.get("model_id")), text(info.get("name")), text(info.get("source_run_id"))
    if model_id is None or not mlflow.MODEL_ID.fullmatch(model_id):
        findings.problem("malformed", "a logged model without an id", pointer("model", "info", "model_id"))
        return
    wider = (mlflow.run_key(run),) if run is not None and mlflow.RUN_ID.fullmatch(run) else ()
    subject = mlflow.model_subject(model_id, name, part_of=wider)
    place = ("model", "info")
    findings.tells_of(
        Subject(
            id=subject.id,
            join_keys=(*subject.join_keys, *mlflow.location_keys(info.get("artifact_uri"))),
            name=name,
            standalone=True,
            part_of=wider,
        )
    )
    findings.say("run_id", run, pointer(*place, "source_run_id"), subject=subject.id)
    findings.say("extra.model_id", model_id, pointer(*place, "model_id"), subject=subject.id)
    findings.say("extra.model_name", name, pointer(*place, "name"), subject=subject.id)
    findings.say(
        "extra.model_type", info.get("model_type"), pointer(*place, "model_type"), subject=subject.id
    )
    findings.say(
        "extra.artifact_uri", info.get("artifact_uri"), pointer(*place, "artifact_uri"), subject=subject.id
    )
    mlflow.say_model_name(findings, name, pointer(*place, "name"), origin=Origin.CONFIG, subject=subject.id)
    created_at = info.get("creation_timestamp_ms")
    findings.say(
        "created_at", created_at, pointer(*place, "creation_timestamp_ms"), unit="ms", subject=subject.id
    )
    _tell_experiment(findings, experiment, subject.id)
    _tell_values(findings, {**data, "tags": info.get("tags")}, ("model", "data"), subject.id)
    for metric, where in _latest(data.get("metrics")):
        by, dataset = text(metric.get("run_id")) or run, text(metric.get("dataset_name"))
        if metric.get("value") == 0 and by is not None and by == run and dataset is None:
            continue  # may be a NaN, for which its table has no place; the run says which
        _tell_metric(
            findings,
            metric,
            where,
            subject=subject.id,
            source="model",
            dataset=dataset,
            block=mlflow.run_key(by) if by else subject.id,
        )


def _tell_version(findings: Findings, version: Mapping[str, Any], server: str) -> None:
    """A version is about the logged model or the artifact that it was made of, else about its run."""
    name, number = text(version.get("name")), str(version.get("version") or "")
    if name is None or not number:
        findings.problem("malformed", "a registered version without a name", pointer("version", "name"))
        return
    registered = _registered_id(server, name)
    subject = f"{registered}/{number}"
    run, source = text(version.get("run_id")), version.get("source")
    is_run = run is not None and mlflow.RUN_ID.fullmatch(run) is not None
    model = text(version.get("model_id"))
    keys = [mlflow.model_key(model)] if model and mlflow.MODEL_ID.fullmatch(model) else []
    keys += [key for key in (mlflow.source_key(source),) if key is not None and key not in keys]
    keys += mlflow.location_keys(source)
    wider = (registered, *((mlflow.run_key(run),) if run is not None and is_run and keys else ()))
    if run is not None and is_run and not keys:
        keys = [mlflow.run_key(run)]
    findings.tells_of(
        Subject(id=subject, join_keys=(*keys, subject), name=name, standalone=True, part_of=wider)
    )
    mlflow.say_registered(findings, name, number, pointer("version", "name"), subject=subject)
    findings.say(
        "description", version.get("description"), pointer("version", "description"), subject=subject
    )
    findings.say("owner", text(version.get("user_id")), pointer("version", "user_id"), subject=subject)
    findings.say("run_id", run if is_run else None, pointer("version", "run_id"), subject=subject)
    created_at = version.get("creation_timestamp")
    findings.say(
        "created_at", created_at, pointer("version", "creation_timestamp"), unit="ms", subject=subject
    )
    stage, status = version.get("current_stage"), version.get("status")
    mlflow.say_version_state(findings, stage, status, source, pointer("version"), subject=subject)
    for tag, value in _pairs(version.get("tags")):
        mlflow.say_tag(findings, tag, value, pointer("version", "tags", tag), subject=subject)


def _tell_registered(findings: Findings, model: Mapping[str, Any], server: str) -> None:
    """What is said of the name holds for each of its versions that says nothing else; an alias for the version it names."""
    name = text(model.get("name"))
    if name is None:
        findings.problem("malformed", "a registered model without a name", pointer("registered", "name"))
        return
    registered = _registered_id(server, name)
    findings.tells_of(Subject(id=registered, join_keys=(), name=name))
    findings.say(
        "description",
        model.get("description"),
        pointer("registered", "description"),
        evidence=Evidence.DECLARED,
        subject=registered,
    )
    for tag, value in _pairs(model.get("tags")):
        mlflow.say_tag(findings, tag, value, pointer("registered", "tags", tag), subject=registered)
    for alias, where in _entries(model.get("aliases"), "registered", "aliases"):
        label, number = text(alias.get("alias")), str(alias.get("version") or "")
        if label is None or not number.isdigit():
            continue
        subject = f"{registered}/{number}"
        findings.tells_of(Subject(id=subject, join_keys=(subject,), name=name, part_of=(registered,)))
        mlflow.say_alias(findings, name, label, where, subject=subject)


def _tell_experiment(findings: Findings, experiment: Mapping[str, Any], subject: str) -> None:
    findings.say("extra.experiment", experiment.get("name"), pointer("experiment", "name"), subject=subject)
    number = experiment.get("experiment_id")
    findings.say(
        "extra.experiment_id",
        None if number is None else str(number),
        pointer("experiment", "experiment_id"),
        subject=subject,
    )


def _tell_values(findings: Findings, data: Mapping[str, Any], place: Sequence[str], subject: str) -> None:
    for name, value in _pairs(data.get("params")):
        mlflow.say_parameter(findings, name, value, pointer(*place, "params", name), subject=subject)
    for name, value in _pairs(data.get("tags")):
        mlflow.say_tag(findings, name, value, pointer(*place, "tags", name), subject=subject)


def _tell_metric(
    findings: Findings, metric: Mapping[str, Any], where: str, *, subject: str, **context: Any
) -> None:
    name = text(metric.get("key"))
    if name is not None:
        findings.metric(
            name,
            metric.get("value"),
            where,
            subject=subject,
            step=_number(metric.get("step")),
            evaluated_at=_number(metric.get("timestamp")),
            **context,
        )


def _latest(metrics: Any) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Of each metric and data set the value at the greatest step and time: a logged model has all of them."""
    by_name: dict[tuple[Any, Any], list[tuple[Mapping[str, Any], str]]] = defaultdict(list)
    for metric, where in _entries(metrics, "model", "data", "metrics"):
        by_name[str(metric.get("key")), str(metric.get("dataset_name"))].append((metric, where))
    for values in by_name.values():
        yield max(
            values,
            key=lambda value: (_number(value[0].get("step")) or 0, _number(value[0].get("timestamp")) or 0),
        )


def _registered_id(server: str, name: str) -> str:
    """The same name on another server is another model."""
    return f"mlflow-registered:{server}/{name}"


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    for entry in value if isinstance(value, list) else ():
        key, content = mapping(entry).get("key"), mapping(entry).get("value")
        if isinstance(key, str) and key and isinstance(content, str):
            yield key, content


def _entries(value: Any, *place: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    for number, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, Mapping):
            yield entry, pointer(*place, number)


def _number(value: Any) -> int | None:
    """A whole number, which some servers write as text."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
