"""Registered models of MLflow's file store: `models/<name>/`, with their versions, aliases and tags.

Source: mlflow/mlflow, mlflow/store/model_registry/file_store.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.errors import Malformed
from catalog.lazy_dataclasses import dataclass
from catalog.records import Evidence, Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import mlflow, yamls
from crawler.formats.json_values import mapping
from crawler.reader import RangedReader

MAX_VALUE_BYTES = 64 * 1024

_STORE = r"^(?P<store>/(?:[^/]+/)*)models/(?P<name>(?!m-[0-9a-f]{32}/)[^/]+)/"
_PLACES = (
    ("version", re.compile(rf"{_STORE}version-(?P<version>\d+)/meta\.yaml$")),
    ("version tag", re.compile(rf"{_STORE}version-(?P<version>\d+)/tags/(?P<tag>.+)$")),
    ("alias", re.compile(rf"{_STORE}aliases/(?P<alias>[^/]+)$")),
    ("tag", re.compile(rf"{_STORE}tags/(?P<tag>.+)$")),
    ("model", re.compile(rf"{_STORE}meta\.yaml$")),
)
_REGISTERED_HEAD = re.compile(rb"^(?:creation_timestamp|last_updated_timestamp):", re.MULTILINE)
_VERSION = re.compile(r"\d{1,18}")


@dataclass(frozen=True, slots=True)
class _Place:
    """What a key of the registry stands for."""

    kind: str
    names: dict[str, str]

    @property
    def model(self) -> str:
        """The id of the registered model: the same name in another store is another one."""
        return f"mlflow-registered:{self.names['store'].strip('/')}/{self.names['name']}"

    def version(self, number: str) -> Subject:
        identity = f"{self.model}/{number}"
        return Subject(id=identity, join_keys=(identity,), name=self.names["name"], part_of=(self.model,))


class MlflowRegistryExtractor:
    """Reads whole files of a few bytes."""

    name = "mlflow-registry"
    version = 2
    description = "MLflow model registry, file store (`models/<name>/`)"
    reads = "registered names and versions, descriptions, aliases, stages, tags, and which run or logged model they are"
    limits = "64 kB a tag; deleted versions are left out"
    signs = Signs(folders=("models",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        place = None if "/.trash/" in f"/{key}" else _placed(key)
        if place is None or not _fits(place, head):
            return None
        # A tag is any text: its place is all that speaks for it.
        confidence = 40 if place.kind.endswith("tag") else 84
        return Claim(format="mlflow_file_store", role=Role.RUN, confidence=confidence)

    def extract(self, reader: RangedReader) -> Extraction:
        place = _placed(reader.key)
        if place is None:
            raise Malformed("not a path of MLflow's registry")
        findings = Findings(reader, self, format="mlflow_file_store", role=Role.RUN, origin=Origin.REGISTRY)
        if place.kind == "version":
            _tell_version(findings, mapping(yamls.json_value(yamls.read(reader))), place)
        elif place.kind == "model":
            _tell_model(findings, mapping(yamls.json_value(yamls.read(reader))), place)
        else:
            _tell_value(findings, reader.read(0, MAX_VALUE_BYTES), place)
        return findings.extraction()


def _placed(key: str) -> _Place | None:
    if "models/" not in key:
        return None
    for kind, pattern in _PLACES:
        if match := pattern.search(f"/{key}"):
            return _Place(kind, match.groupdict())
    return None


def _fits(place: _Place, head: bytes) -> bool:
    """`models/<name>/` is a usual directory: what is in it has to look like the registry's."""
    if place.kind in {"version", "model"}:
        return bool(_REGISTERED_HEAD.search(head))
    return place.kind != "alias" or re.fullmatch(rb"\d{1,18}\n?", head) is not None


def _tell_version(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    """A registered version belongs to the logged model or the artifact that it names, else to its run."""
    if meta.get("current_stage") == mlflow.DELETED_VERSION:
        return
    subject = place.version(place.names["version"])
    keys = version_keys(meta)
    findings.tells_of(
        Subject(
            id=subject.id,
            join_keys=(*keys, subject.id),
            name=subject.name,
            standalone=True,
            part_of=subject.part_of,
        )
    )
    identity = subject.id
    mlflow.say_registered(
        findings, place.names["name"], place.names["version"], "yaml:/name", subject=identity
    )
    findings.say("description", meta.get("description"), "yaml:/description", subject=identity)
    findings.say("owner", meta.get("user_id"), "yaml:/user_id", subject=identity)
    created_at = meta.get("creation_timestamp") or meta.get("creation_time")
    findings.say("created_at", created_at, "yaml:/creation_timestamp", unit="ms", subject=identity)
    mlflow.say_version_state(
        findings, meta.get("current_stage"), meta.get("status"), meta.get("source"), "yaml:", subject=identity
    )


def version_keys(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """What binds a version to files: the first of logged model, artifact and run that it names."""
    model, run = meta.get("model_id"), meta.get("run_id")
    if isinstance(model, str) and mlflow.MODEL_ID.fullmatch(model):
        return (mlflow.model_key(model),)
    key = mlflow.source_key(meta.get("source")) or mlflow.source_key(meta.get("storage_location"))
    if key is not None:
        return (key,)
    return (mlflow.run_key(run),) if isinstance(run, str) and mlflow.RUN_ID.fullmatch(run) else ()


def _tell_model(findings: Findings, meta: Mapping[str, Any], place: _Place) -> None:
    """What is said of the registered name holds for each of its versions that says nothing else."""
    findings.tells_of(Subject(id=place.model, join_keys=(), name=place.names["name"]))
    findings.say(
        "description",
        meta.get("description"),
        "yaml:/description",
        evidence=Evidence.DECLARED,
        subject=place.model,
    )


def _tell_value(findings: Findings, data: bytes, place: _Place) -> None:
    value = data.decode("utf-8", "replace").rstrip("\n")
    if place.kind == "alias":
        if _VERSION.fullmatch(value):
            subject = place.version(value)
            findings.tells_of(subject)
            findings.say("tags", place.names["alias"], "name:", subject=subject.id)
            findings.say("aliases", place.names["alias"], "name:", subject=subject.id)
        return
    if place.kind == "version tag":
        subject = place.version(place.names["version"])
        findings.tells_of(subject)
    else:
        subject = Subject(id=place.model, join_keys=(), name=place.names["name"])
        findings.tells_of(subject)
    mlflow.say_tag(findings, place.names["tag"], value, "text:", subject=subject.id)
