"""Entries of an MLflow server as objects of a source: which key each has, and the bytes that stand for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from catalog.lazy_dataclasses import dataclass
from catalog.records import ObjectKey
from crawler.entries import Entry
from crawler.formats.json_values import mapping, text, whole
from crawler.formats.mlflow import MODEL_ID, RUN_ID
from crawler.formats.mlflow_entries import LOGGED_MODEL, REGISTERED, RUN, VERSION, body_of

REGISTRY, TRACKING = "registered", "logged"
"""The two directories of a server; each is a scope of its listing. What is logged comes first in order, so that a model that
is registered later stays the model that it was.
"""
NO_RUN = "none"
"""In place of a run, for logged models of none."""
MODEL_FILE = "model.json"

_RUN_KEY = re.compile(rf"{TRACKING}/({RUN_ID.pattern})/run\.json")
_LOGGED_KEY = re.compile(rf"{TRACKING}/({RUN_ID.pattern}|{NO_RUN})/models/({MODEL_ID.pattern})\.json")
_REGISTERED_KEY = re.compile(rf"{REGISTRY}/([^/]+)/{re.escape(MODEL_FILE)}")
_VERSION_KEY = re.compile(rf"{REGISTRY}/([^/]+)/(\d{{1,18}})\.json")


@dataclass(frozen=True, slots=True)
class Named:
    """What a key names: an entry of this kind with these names."""

    kind: str
    names: tuple[str, ...]


def named_by(key: str) -> Named | None:
    """What the key names; None for a key that no entry has."""
    for kind, form in (
        (RUN, _RUN_KEY),
        (LOGGED_MODEL, _LOGGED_KEY),
        (VERSION, _VERSION_KEY),
        (REGISTERED, _REGISTERED_KEY),
    ):
        if match := form.fullmatch(key):
            names = match.groups()
            if kind in {VERSION, REGISTERED}:
                names = (unquote(names[0]), *names[1:])
            return Named(kind, names)
    return None


def run_key(run_id: str) -> ObjectKey:
    return ObjectKey(f"{TRACKING}/{run_id}/run.json")


def logged_model_key(model_id: str, run_id: str | None) -> ObjectKey:
    return ObjectKey(f"{TRACKING}/{run_id or NO_RUN}/models/{model_id}.json")


def registered_key(name: str) -> ObjectKey:
    return ObjectKey(f"{REGISTRY}/{_quoted(name)}/{MODEL_FILE}")


def version_key(name: str, version: str) -> ObjectKey:
    return ObjectKey(f"{REGISTRY}/{_quoted(name)}/{version}.json")


def run_entry(server: str, run: Mapping[str, Any], experiment: Mapping[str, Any]) -> Entry | None:
    """A run, with the name of its experiment; None for one that is deleted or has no id."""
    info = mapping(run.get("info"))
    run_id = text(info.get("run_id"))
    if run_id is None or not RUN_ID.fullmatch(run_id) or info.get("lifecycle_stage") == "deleted":
        return None
    body = body_of(RUN, server, run=run, experiment=_experiment(experiment))
    return Entry(run_key(run_id), body, _instant(info.get("end_time") or info.get("start_time")))


def logged_model_entry(server: str, model: Mapping[str, Any], experiment: Mapping[str, Any]) -> Entry | None:
    """A model that a run logged (MLflow 3)."""
    info = mapping(model.get("info"))
    model_id, run_id = text(info.get("model_id")), text(info.get("source_run_id"))
    if model_id is None or not MODEL_ID.fullmatch(model_id):
        return None
    run_id = run_id if run_id is not None and RUN_ID.fullmatch(run_id) else None
    body = body_of(LOGGED_MODEL, server, model=model, experiment=_experiment(experiment))
    changed_at = _instant(info.get("last_updated_timestamp_ms"))
    return Entry(logged_model_key(model_id, run_id), body, changed_at)


def registered_entry(server: str, model: Mapping[str, Any]) -> Entry | None:
    """A registered name with its aliases; its versions are entries of their own."""
    name = text(model.get("name"))
    if name is None:
        return None
    own = {field: value for field, value in model.items() if field != "latest_versions"}
    return Entry(
        registered_key(name),
        body_of(REGISTERED, server, registered=own),
        _instant(model.get("last_updated_timestamp")),
    )


def version_entry(server: str, version: Mapping[str, Any]) -> Entry | None:
    """One version; its aliases are told by its name, where they move."""
    name, number = text(version.get("name")), str(version.get("version") or "")
    if name is None or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    own = {field: value for field, value in version.items() if field != "aliases"}
    return Entry(
        version_key(name, number),
        body_of(VERSION, server, version=own),
        _instant(version.get("last_updated_timestamp")),
    )


def _experiment(experiment: Mapping[str, Any]) -> dict[str, Any]:
    return {field: experiment[field] for field in ("experiment_id", "name") if field in experiment}


def _quoted(name: str) -> str:
    """As one name of a directory that is not hidden."""
    quoted = quote(name, safe="")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _instant(milliseconds: Any) -> datetime | None:
    try:
        number = int(milliseconds or 0)
    except (TypeError, ValueError):
        return None
    moment = whole(number)
    return datetime.fromtimestamp(moment / 1000, UTC) if moment and moment < 32_503_680_000_000 else None
