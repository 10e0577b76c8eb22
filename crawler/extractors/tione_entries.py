"""Training tasks and versions of models as TI-ONE of Tencent Cloud gives them.

Source: https://cloud.tencent.com/document/api/851 (version 2021-11-11), and the types of its Python SDK 3.1.191.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.errors import ExtractError
from catalog.records import Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, mlflow
from crawler.formats.json_values import mapping, pointer, text
from crawler.formats.tione_entries import MARK, TASK, VERSION, kind_of
from crawler.reader import RangedReader

MAX_PARAMETERS = 2_000
FINISHED = "SUCCEED"
DATA_USES = frozenset({"USER_DATA", "BUILTIN_DATA"})
"""Uses of what is mounted that are data; others are code, models and outputs."""


class TioneEntriesExtractor:
    """Reads whole entries; each speaks for the task or the registered version that it is."""

    name = "tione-entries"
    version = 1
    description = "TI-ONE of Tencent Cloud (`tione://`)"
    reads = (
        "training tasks with framework, tuning parameters, data, machines, times, status, tags and owner; versions of registered"
        " models with their format and metrics; both bound to the bucket that they wrote to"
    )
    limits = "2,000 parameters a task; written from the documents, tried against a stub alone"
    signs = Signs(beginnings=(MARK,))

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the bytes decide
        if kind_of(head) is None:
            return None
        return Claim(format="tione", role=Role.RUN, confidence=95)

    def extract(self, reader: RangedReader) -> Extraction:
        whole = jsons.read_object(reader)
        kind = text(whole.get("tione"))
        origin = Origin.REGISTRY if kind == VERSION else Origin.RUN
        findings = Findings(reader, self, format="tione", role=Role.RUN, origin=origin)
        entry, place = mapping(whole.get("entry")), str(whole.get("place") or "")
        if kind == TASK:
            _tell_task(findings, entry, place)
        else:
            _tell_version(findings, entry, place)
        return findings.extraction()


def _tell_task(findings: Findings, task: Mapping[str, Any], place: str) -> None:
    number, name = text(task.get("Id")), text(task.get("Name"))
    if number is None:
        findings.problem("malformed", "a training task without an id", pointer("entry", "Id"))
        return
    subject = _task_id(place, number)
    keys = (subject, *_cos_keys(task.get("Output")))
    findings.tells_of(Subject(id=subject, join_keys=keys, name=name, standalone=True))
    for field, own in (
        ("run_id", "Id"),
        ("owner", "SubUinName"),
        ("description", "Remark"),
        ("framework", "FrameworkName"),
        ("framework_version", "FrameworkVersion"),
        ("extra.training_mode", "TrainingMode"),
        ("extra.environment", "FrameworkEnvironment"),
        ("created_at", "CreateTime"),
        ("training_started_at", "StartTime"),
    ):
        findings.say(field, text(task.get(own)), pointer("entry", own), subject=subject)
    mlflow.say_model_name(findings, name, pointer("entry", "Name"), origin=Origin.RUN, subject=subject)
    finished = task.get("Status") == FINISHED
    field, own = ("trained_at", "EndTime") if finished else ("extra.run_status", "Status")
    findings.say(field, text(task.get(own)), pointer("entry", own), subject=subject)
    for address in _addresses(task.get("Output")):
        findings.say("extra.artifact_uri", address, pointer("entry", "Output"), subject=subject)
    for address in _addresses(task.get("CodePackagePath")):
        findings.say("extra.code", address, pointer("entry", "CodePackagePath"), subject=subject)
    _tell_tags(findings, task.get("Tags"), subject)
    _tell_parameters(findings, task.get("TuningParameters"), subject)
    _tell_data(findings, task.get("DataConfigs"), subject)
    _tell_machines(findings, task.get("ResourceConfigInfos"), subject)


def _tell_version(findings: Findings, version: Mapping[str, Any], place: str) -> None:
    number, name = text(version.get("TrainingModelVersionId")), text(version.get("TrainingModelName"))
    if number is None:
        findings.problem("malformed", "a version without an id", pointer("entry", "TrainingModelVersionId"))
        return
    subject = f"tione-model:{place}/{number}"
    task = text(version.get("TrainingJobId"))
    wider = (_task_id(place, task),) if task else ()
    keys = (subject, *_cos_keys(version.get("TrainingModelCosPath")))
    findings.tells_of(Subject(id=subject, join_keys=keys, name=name, standalone=True, part_of=wider))
    for field, own in (
        ("name", "TrainingModelName"),
        ("version", "TrainingModelVersion"),
        ("framework", "AlgorithmFramework"),
        ("run_id", "TrainingJobId"),
        ("extra.model_format", "TrainingModelFormat"),
        ("created_at", "CreateTime"),
    ):
        findings.say(field, text(version.get(own)), pointer("entry", own), subject=subject)
    for address in _addresses(version.get("TrainingModelCosPath")):
        findings.say("extra.artifact_uri", address, pointer("entry", "TrainingModelCosPath"), subject=subject)
    for metric, value in _named_values(findings, version.get("TrainingModelIndex"), "TrainingModelIndex"):
        if isinstance(value, int | float | str):
            findings.metric(metric, value, pointer("entry", "TrainingModelIndex", metric), subject=subject)


def _tell_parameters(findings: Findings, parameters: Any, subject: str) -> None:
    for name, value in _named_values(findings, parameters, "TuningParameters"):
        place = pointer("entry", "TuningParameters", name)
        if isinstance(value, str | int | float | bool):
            mlflow.say_parameter(findings, name, value, place, subject=subject)


def _named_values(findings: Findings, content: Any, own: str) -> Iterator[tuple[str, Any]]:
    """TI-ONE keeps what people type as one text, which is JSON by its documents; another text is told as it is not."""
    if not isinstance(content, str) or not content.strip():
        return
    try:
        values = jsons.load(content.encode("utf-8", "replace"))
    except ExtractError as error:
        findings.problem(error.code, f"{own}: {error}", pointer("entry", own))
        return
    pairs = values.items() if isinstance(values, dict) else ()
    for number, (name, value) in enumerate(pairs):
        if number >= MAX_PARAMETERS:
            findings.problem("limit", f"{own}: more than {MAX_PARAMETERS:,} values", pointer("entry", own))
            return
        yield str(name), value


def _tell_data(findings: Findings, configs: Any, subject: str) -> None:
    for number, each in enumerate(configs if isinstance(configs, list) else ()):
        config = mapping(each)
        if text(config.get("DataSourceUsage")) not in {None, "", *DATA_USES}:
            continue
        place = pointer("entry", "DataConfigs", number)
        for address in _addresses(config.get("COSSource")):
            findings.say("data_sources", address, place, subject=subject)
        source = mapping(config.get("HDFSSource"))
        findings.say("data_sources", text(source.get("Path")), place, subject=subject)
        dataset = text(mapping(config.get("DataSetSource")).get("Id"))
        findings.say("datasets", dataset, place, subject=subject)


def _tell_tags(findings: Findings, tags: Any, subject: str) -> None:
    for number, tag in enumerate(tags if isinstance(tags, list) else ()):
        name, value = text(mapping(tag).get("TagKey")), text(mapping(tag).get("TagValue"))
        if name is not None:
            words = f"{name}:{value}" if value else name
            findings.say("tags", words, pointer("entry", "Tags", number), subject=subject)


def _tell_machines(findings: Findings, machines: Any, subject: str) -> None:
    for number, each in enumerate(machines if isinstance(machines, list) else ()):
        machine = mapping(each)
        kind, cards = text(machine.get("GpuType")), machine.get("Gpu")
        if kind is not None and isinstance(cards, int) and cards > 0:
            words = f"{cards / 100:g} × {kind}"  # hundredths of a card
            place = pointer("entry", "ResourceConfigInfos", number)
            findings.say("extra.hardware", words, place, subject=subject)


def _task_id(place: str, task: str) -> str:
    return f"tione-task:{place}/{task}"


def _addresses(cos: Any) -> Iterator[str]:
    """As buckets are crawled: s3://NAME-APPID/PATH."""
    path = mapping(cos)
    bucket, paths = text(path.get("Bucket")), path.get("Paths")
    for each in paths if isinstance(paths, list) else ():
        if bucket is not None and isinstance(each, str) and "/" not in bucket:
            yield f"s3://{bucket}/{each.strip('/')}"


def _cos_keys(cos: Any) -> Iterator[str]:
    for address in _addresses(cos):
        yield from mlflow.location_keys(address)
