"""MLflow's SQLite backend, read without MLflow: runs, logged models, registered versions.

Source: mlflow/mlflow, mlflow/store/tracking/dbmodels/models.py and mlflow/store/db_migrations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.errors import LimitExceeded, Malformed, Unsupported
from catalog.records import Evidence, Extraction, Origin, Role, Subject
from crawler.extractor import Claim, Findings
from crawler.formats import mlflow
from crawler.formats.sqlite_reading import MAGIC, ForeignDatabase, opened
from crawler.reader import MAX_READ_BYTES, RangedReader

SUFFIXES = (".db", ".sqlite", ".sqlite3")
MAX_FILE_BYTES = 48 * 1024 * 1024
NEEDED = {"runs": {"run_uuid", "status", "lifecycle_stage"}, "alembic_version": {"version_num"}}


class MlflowDatabaseExtractor:
    """Reads the whole file into memory and asks fixed questions of the tables it knows."""

    name = "mlflow-database"
    version = 1
    description = "MLflow SQLite backend"
    reads = "runs, parameters, latest metrics (a NaN is no number), tags, logged models, registered versions and aliases"
    limits = "48 MB a file, 100,000 rows a table, 10 s; read-only, views and triggers never run"

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not head.startswith(MAGIC):
            return None
        name = key.rsplit("/", 1)[-1].lower()
        if name.startswith("mlflow") or b"alembic_version" in head:
            return Claim(format="mlflow_db", role=Role.RUN, confidence=95)
        return Claim(format="mlflow_db", role=Role.RUN, confidence=50) if name.endswith(SUFFIXES) else None

    def extract(self, reader: RangedReader) -> Extraction:
        if reader.size_bytes > MAX_FILE_BYTES:
            raise LimitExceeded("bytes of a SQLite file", limit=MAX_FILE_BYTES, found=reader.size_bytes)
        findings = Findings(reader, self, format="mlflow_db", role=Role.RUN, origin=Origin.RUN)
        with opened(_whole(reader)) as database:
            if not database.has("runs"):
                # Somebody's other database: nothing to say, and no fault of the file's.
                findings.format, findings.role = None, Role.AUXILIARY
                return findings.extraction()
            _check_schema(database)
            runs = _tell_runs(findings, database)
            models = _tell_models(findings, database)
            _tell_versions(findings, database, runs, models)
        return findings.extraction()


def _whole(reader: RangedReader) -> bytes:
    starts = range(0, reader.size_bytes, MAX_READ_BYTES)
    return b"".join(reader.take(start, min(start + MAX_READ_BYTES, reader.size_bytes)) for start in starts)


def _check_schema(database: ForeignDatabase) -> None:
    for table, columns in NEEDED.items():
        missing = columns - database.columns(table)
        if missing:
            raise Unsupported(
                f"an MLflow database of an unknown schema: {table} lacks {', '.join(sorted(missing))}"
            )
    if not list(database.rows("alembic_version", ["version_num"])):
        raise Malformed("an MLflow database without a schema version")


def _grouped(
    database: ForeignDatabase, table: str, by: str, columns: list[str]
) -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in database.rows(table, [by, *columns]):
        found[str(row.get(by))].append(row)
    return found


def _tell_runs(findings: Findings, database: ForeignDatabase) -> set[str]:
    names = {
        str(row["experiment_id"]): row.get("name")
        for row in database.rows("experiments", ["experiment_id", "name"])
    }
    params = _grouped(database, "params", "run_uuid", ["key", "value"])
    metrics = _grouped(
        database, "latest_metrics", "run_uuid", ["key", "value", "is_nan", "step", "timestamp"]
    )
    tags = _grouped(database, "tags", "run_uuid", ["key", "value"])
    columns = [
        "run_uuid",
        "name",
        "status",
        "lifecycle_stage",
        "user_id",
        "start_time",
        "end_time",
        "experiment_id",
    ]
    told = set()
    for row in database.rows("runs", columns):
        run = row.get("run_uuid")
        if row.get("lifecycle_stage") == "deleted" or not isinstance(run, str):
            continue
        told.add(run)
        subject = mlflow.run_subject(run, row.get("name"))
        place = f"sql:/runs/{run}"
        findings.tells_of(subject)
        findings.say("run_id", run, place, subject=subject.id)
        findings.say("name", row.get("name"), f"{place}/name", evidence=Evidence.INFERRED, subject=subject.id)
        findings.say("extra.run_name", row.get("name"), f"{place}/name", subject=subject.id)
        findings.say("owner", row.get("user_id"), f"{place}/user_id", subject=subject.id)
        experiment = names.get(str(row.get("experiment_id")))
        findings.say("extra.experiment", experiment, f"{place}/experiment_id", subject=subject.id)
        times = row.get("start_time"), row.get("end_time"), row.get("status")
        mlflow.say_times(findings, *times, place, subject=subject.id)
        _tell_params(findings, params.get(run, []), f"sql:/params/{run}", "key", "value", subject.id)
        _tell_tags(findings, tags.get(run, []), f"sql:/tags/{run}", "key", "value", subject.id)
        for metric in metrics.get(run, []):
            _tell_metric(
                findings, metric.get("key"), metric.get("value"), metric.get("is_nan"), f"sql:/latest_metrics/{run}",
                subject.id, step=metric.get("step"), evaluated_at=metric.get("timestamp"), source="run",
            )  # fmt: skip
    return told


def _tell_models(findings: Findings, database: ForeignDatabase) -> set[str]:
    params = _grouped(database, "logged_model_params", "model_id", ["param_key", "param_value"])
    tags = _grouped(database, "logged_model_tags", "model_id", ["tag_key", "tag_value"])
    columns = ["metric_name", "metric_value", "metric_step", "metric_timestamp_ms", "dataset_name"]
    metrics = _grouped(database, "logged_model_metrics", "model_id", columns)
    columns = ["model_id", "name", "creation_timestamp_ms", "lifecycle_stage", "model_type", "source_run_id"]
    told = set()
    for row in database.rows("logged_models", columns):
        model = row.get("model_id")
        if row.get("lifecycle_stage") == "deleted" or not isinstance(model, str):
            continue
        told.add(model)
        subject = mlflow.model_subject(model, row.get("name"))
        place = f"sql:/logged_models/{model}"
        findings.tells_of(subject)
        findings.say("extra.model_id", model, place, subject=subject.id)
        findings.say("run_id", row.get("source_run_id"), f"{place}/source_run_id", subject=subject.id)
        findings.say(
            "created_at",
            row.get("creation_timestamp_ms"),
            f"{place}/creation_timestamp_ms",
            unit="ms",
            subject=subject.id,
        )
        findings.say("extra.model_type", row.get("model_type"), f"{place}/model_type", subject=subject.id)
        _tell_params(
            findings,
            params.get(model, []),
            f"sql:/logged_model_params/{model}",
            "param_key",
            "param_value",
            subject.id,
        )
        _tell_tags(
            findings,
            tags.get(model, []),
            f"sql:/logged_model_tags/{model}",
            "tag_key",
            "tag_value",
            subject.id,
        )
        for metric in _latest(metrics.get(model, [])):
            value = metric.get("metric_value")
            _tell_metric(
                findings, metric.get("metric_name"), value, None, f"sql:/logged_model_metrics/{model}", subject.id,
                step=metric.get("metric_step"), evaluated_at=metric.get("metric_timestamp_ms"),
                dataset=metric.get("dataset_name"), source="logged model",
            )  # fmt: skip
    return told


def _latest(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of each metric and data set the row of the greatest step and time."""
    best: dict[tuple[Any, Any], dict[str, Any]] = {}
    for row in rows:
        name = row.get("metric_name"), row.get("dataset_name")
        if name not in best or _moment(row) >= _moment(best[name]):
            best[name] = row
    yield from best.values()


def _moment(row: Mapping[str, Any]) -> tuple[int, int]:
    step, timestamp = row.get("metric_step"), row.get("metric_timestamp_ms")
    return (step if isinstance(step, int) else 0, timestamp if isinstance(timestamp, int) else 0)


def _tell_versions(findings: Findings, database: ForeignDatabase, runs: set[str], models: set[str]) -> None:
    tags = _grouped(database, "model_version_tags", "name", ["version", "key", "value"])
    aliases = _grouped(database, "registered_model_aliases", "name", ["alias", "version"])
    columns = [
        "name",
        "version",
        "creation_time",
        "description",
        "user_id",
        "current_stage",
        "source",
        "run_id",
    ]
    for row in database.rows("model_versions", columns):
        name, version = row.get("name"), row.get("version")
        if not isinstance(name, str) or row.get("current_stage") == "Deleted_Internal":
            continue
        identity = f"mlflow-version:{name}/{version}"
        subject = Subject(
            id=identity, join_keys=_version_keys(row, identity, runs, models), name=name, standalone=True
        )
        place = f"sql:/model_versions/{name}/{version}"
        findings.tells_of(subject)
        mlflow.say_registered(findings, name, version, place, subject=identity)
        registry = Origin.REGISTRY
        findings.say(
            "description", row.get("description"), f"{place}/description", origin=registry, subject=identity
        )
        findings.say("owner", row.get("user_id"), f"{place}/user_id", origin=registry, subject=identity)
        findings.say(
            "created_at",
            row.get("creation_time"),
            f"{place}/creation_time",
            unit="ms",
            origin=registry,
            subject=identity,
        )
        if row.get("current_stage") not in {None, "None", ""}:
            findings.say("extra.stage", row["current_stage"], f"{place}/current_stage", subject=identity)
        for alias in aliases.get(name, []):
            if str(alias.get("version")) == str(version):
                findings.say(
                    "tags",
                    alias.get("alias"),
                    f"sql:/registered_model_aliases/{name}",
                    origin=registry,
                    subject=identity,
                )
        mine = [tag for tag in tags.get(name, []) if str(tag.get("version")) == str(version)]
        _tell_tags(findings, mine, f"sql:/model_version_tags/{name}/{version}", "key", "value", identity)


def _version_keys(row: Mapping[str, Any], identity: str, runs: set[str], models: set[str]) -> tuple[str, ...]:
    """What binds a version to files: the logged model it was made of, else its run. In MLflow 3 `source` is
    `models:/m-…` and the path stands in `storage_location`.
    """
    model = str(row.get("source") or "").removeprefix("models:/")
    if model in models or mlflow.MODEL_ID.fullmatch(model):
        return mlflow.model_key(model), identity
    run = row.get("run_id")
    if isinstance(run, str) and run in runs:
        return mlflow.run_key(run), identity
    return (identity,)


def _tell_params(
    findings: Findings, rows: list[dict[str, Any]], place: str, key: str, value: str, subject: str
) -> None:
    for row in rows:
        if isinstance(row.get(key), str):
            mlflow.say_parameter(findings, row[key], row.get(value), f"{place}/{row[key]}", subject=subject)


def _tell_tags(
    findings: Findings, rows: list[dict[str, Any]], place: str, key: str, value: str, subject: str
) -> None:
    for row in rows:
        name, text = row.get(key), row.get(value)
        if not isinstance(name, str) or not isinstance(text, str):
            continue
        if name == "mlflow.modelVersions":
            mlflow.say_registered_versions(findings, text, f"{place}/{name}", subject=subject)
        else:
            mlflow.say_tag(findings, name, text, f"{place}/{name}", subject=subject)


def _tell_metric(
    findings: Findings, name: Any, value: Any, is_nan: Any, place: str, subject: str, **context: Any
) -> None:  # fmt: skip
    """MLflow keeps a NaN as the value 0.0 with is_nan set; logged models have no such column and keep it as NULL."""
    if isinstance(name, str) and name:
        said = "NaN" if is_nan or value is None else value
        findings.metric(name, said, f"{place}/{name}", subject=subject, block=subject, **context)
