"""MLflow's SQLite backend, read without MLflow: runs, logged models, registered versions.

Source: mlflow/mlflow, mlflow/store/tracking/dbmodels/models.py, mlflow/store/model_registry/dbmodels/models.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from catalog.errors import LimitExceeded
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.records import Evidence, Extraction, Origin, Role, Subject
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import mlflow
from crawler.formats.mlflow_schemas import check_schema
from crawler.formats.sqlite_reading import MAGIC, SECONDS, ForeignDatabase, opened
from crawler.reader import RangedReader

SUFFIXES = (".db", ".sqlite", ".sqlite3")
OF_OTHERS = "sqlite"
"""The format of a database that is no tracker's, as that of Optuna's studies is."""
MAX_FILE_BYTES = 128 * 1024 * 1024
MAX_HISTORY_ROWS = 1_000_000
MAX_OBSERVATIONS = 200_000  # of a page of runs
READ_BYTES = 4 * 1024 * 1024
RUNS_PER_PAGE = 200
RUNS_PER_SCAN = 1_000
"""Values are read for so many runs at once; for more where a table has no index on its runs and is gone through each time."""
OF_RUNS = ("metrics", "latest_metrics", "params", "tags")


class MlflowDatabaseExtractor:
    """Copies the file to where nobody else sees it, and asks fixed questions of the tables it knows."""

    name = "mlflow-database"
    version = 7
    description = "MLflow SQLite backend"
    reads = (
        "runs with experiment and parents, parameters, latest metrics with their history summed up (a NaN is no number),"
        " tags, data sets with their role, logged models, registered versions, aliases and stages"
    )
    limits = (
        "128 MB a file (three times the budget of one file where that is less), the newest 100,000 runs, 200,000 values for 200 runs (for 1,000 where a table has no index on its runs), 100,000 values of each kind for as many runs (1,000,000 metric values), 10 s; what is beyond is"
        " left out and said so; known schemas (MLflow 1.4 to 3.17), others are"
        " refused; read-only, views and triggers never run"
    )

    budgets = 3
    """30,000 runs with 15 values each are 70 MB."""
    signs = Signs(beginnings=(MAGIC,))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if not head.startswith(MAGIC):
            return None
        name = key.rsplit("/", 1)[-1].lower()
        if name.startswith("mlflow") or b"alembic_version" in head:
            return Claim(format="mlflow_db", role=Role.RUN, confidence=95)
        return Claim(format="mlflow_db", role=Role.RUN, confidence=50) if name.endswith(SUFFIXES) else None

    def extract(self, reader: RangedReader) -> Extraction:
        first, *others = self.parts(reader)
        return replace(
            first,
            observations=tuple(seen for part in (first, *others) for seen in part.observations),
            subjects=tuple(subject for part in (first, *others) for subject in part.subjects),
            problems=tuple(dict.fromkeys(problem for part in (first, *others) for problem in part.problems)),
        )

    def parts(self, reader: RangedReader) -> Iterator[Extraction]:
        """The registry and the logged models, then the runs, page by page."""
        most = min(MAX_FILE_BYTES, reader.budget.bytes)
        if reader.size_bytes > most:
            raise LimitExceeded("bytes of a SQLite file", limit=most, found=reader.size_bytes)
        findings = self._findings(reader)
        with opened(_pieces(reader), key=reader.key) as database:
            if "run_uuid" not in database.columns("runs") or not database.has("alembic_version"):
                # Somebody's other database (Modeldex's own store has runs and Alembic, too): nothing to say, and no
                # fault of the file's.
                findings.format, findings.role = OF_OTHERS, Role.AUXILIARY
                yield findings.extraction()
                return
            check_schema(database)
            tables = _Tables(findings, database)
            _tell_registered(findings, tables, reader.key)
            _tell_models(findings, tables)
            runs = _Runs.of(tables)
            yield findings.extraction()
            for names in _pages(runs.names, database):
                findings = self._findings(reader)
                runs.tell(_Tables(findings, database), names)
                yield findings.extraction()

    def _findings(self, reader: RangedReader) -> Findings:
        return Findings(
            reader,
            self,
            format="mlflow_db",
            role=Role.RUN,
            origin=Origin.RUN,
            max_observations=MAX_OBSERVATIONS,
        )


def _pieces(reader: RangedReader) -> Iterator[bytes]:
    """The bytes of the file, piece by piece, which the reader does not keep."""
    for start in range(0, reader.size_bytes, READ_BYTES):
        yield reader.take(start, min(start + READ_BYTES, reader.size_bytes))
        reader.forget()


def _pages(runs: list[str], database: ForeignDatabase) -> Iterator[list[str]]:
    is_indexed = all(database.is_indexed(name, "run_uuid") for name in OF_RUNS if database.has(name))
    size = RUNS_PER_PAGE if is_indexed else RUNS_PER_SCAN
    for start in range(0, len(runs), size):
        yield runs[start : start + size]


Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables of a file; of one with more rows than are read, the problem is told once and the rest left out."""

    findings: Findings
    database: ForeignDatabase

    def rows(self, table: str, columns: list[str], **which: Any) -> Iterator[dict[str, Any]]:
        try:
            yield from self.database.rows(table, columns, **which)
        except LimitExceeded as error:
            if error.what == SECONDS:
                raise
            self.findings.problem(error.code, f"{error}; the rest is left out", f"sql:/{table}")

    def grouped(self, table: str, by: str, columns: list[str], **which: Any) -> Mapping[str, Rows]:
        groups: dict[str, Rows] = defaultdict(list)
        for row in self.rows(table, [by, *columns], **which):
            groups[str(row.get(by))].append(row)
        return groups


@dataclass(slots=True)
class _Values:
    """What the metric rows of some runs say together."""

    histories: dict[tuple[str, str], mlflow.History] = field(
        default_factory=lambda: defaultdict(mlflow.History)
    )
    not_numbers: set[tuple[str, str, Any, Any]] = field(default_factory=set)  # run, name, step, time

    @classmethod
    def of(cls, tables: _Tables, runs: list[str]) -> _Values:
        """The rows of `metrics` of these runs; without its history a metric still has its latest value."""
        values = cls()
        columns = ["run_uuid", "key", "value", "is_nan", "step", "timestamp"]
        try:
            of = ("run_uuid", runs)
            for row in tables.database.rows("metrics", columns, most=MAX_HISTORY_ROWS, of=of):
                values.add(row)
        except LimitExceeded as error:
            tables.findings.problem(error.code, f"{error}; histories are left out", "sql:/metrics")
            values.histories.clear()
        return values

    def add(self, row: Mapping[str, Any]) -> None:
        run, name, value, step = (
            str(row.get("run_uuid")),
            str(row.get("key")),
            row.get("value"),
            row.get("step"),
        )
        if row.get("is_nan"):
            self.not_numbers.add((run, name, step, row.get("timestamp")))
            value = float("nan")
        if isinstance(value, (int, float)):
            self.histories[run, name].add(step if isinstance(step, int) else 0, float(value))

    def history(self, run: str, name: Any) -> dict[str, Any] | None:
        history = self.histories.get((run, str(name)))
        return None if history is None else history.to_context()


_RUN_COLUMNS = ["name", "status", "lifecycle_stage", "user_id", "start_time", "end_time", "experiment_id"]


@dataclass(frozen=True, slots=True)
class _Runs:
    """All runs by name, the newest first: they are what is left if there are more than can be told."""

    names: list[str]
    experiments: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, list[tuple[str, Any]]]

    @classmethod
    def of(cls, tables: _Tables) -> _Runs:
        experiments = {
            str(row["experiment_id"]): row
            for row in tables.rows("experiments", ["experiment_id", "name", "lifecycle_stage"])
        }
        started = [
            (_started(row), run)
            for row in tables.rows("runs", ["run_uuid", "start_time"], newest="start_time")
            if isinstance(run := row.get("run_uuid"), str)
        ]
        started.sort(key=itemgetter(0), reverse=True)
        return cls([run for _, run in started], experiments, _datasets(tables))

    def tell(self, tables: _Tables, names: list[str]) -> None:
        """Some of the runs, with their values."""
        findings, of = tables.findings, ("run_uuid", names)
        rows = {str(row["run_uuid"]): row for row in tables.rows("runs", ["run_uuid", *_RUN_COLUMNS], of=of)}
        values, histories = _RunValues.of(tables, names, self.datasets), _Values.of(tables, names)
        for row in (rows[name] for name in names if name in rows):
            experiment = self.experiments.get(str(row.get("experiment_id")), {})
            if mlflow.DELETED in {row.get("lifecycle_stage"), experiment.get("lifecycle_stage")}:
                _tell_deleted(findings, row["run_uuid"])
                continue
            subject = _tell_run(findings, row, experiment.get("name"))
            _tell_values(findings, row["run_uuid"], subject, values, histories)


@dataclass(frozen=True, slots=True)
class _RunValues:
    """What is said of some runs, by run."""

    params: Mapping[str, Rows]
    tags: Mapping[str, Rows]
    datasets: Mapping[str, list[tuple[str, Any]]]
    metrics: Mapping[str, Rows]

    @classmethod
    def of(
        cls, tables: _Tables, runs: list[str], datasets: Mapping[str, list[tuple[str, Any]]]
    ) -> _RunValues:
        of = ("run_uuid", runs)
        columns = ["key", "value", "is_nan", "step", "timestamp"]
        return cls(
            params=tables.grouped("params", "run_uuid", ["key", "value"], of=of),
            tags=tables.grouped("tags", "run_uuid", ["key", "value"], of=of),
            datasets=datasets,
            metrics=tables.grouped("latest_metrics", "run_uuid", columns, of=of),
        )


def _tell_values(findings: Findings, run: str, subject: str, run_values: _RunValues, values: _Values) -> None:
    _tell_params(findings, run_values.params.get(run, []), f"sql:/params/{run}", "key", "value", subject)
    _tell_tags(findings, run_values.tags.get(run, []), f"sql:/tags/{run}", "key", "value", subject)
    for name, context in run_values.datasets.get(run, ()):
        mlflow.say_dataset(findings, name, f"sql:/inputs/{run}/{name}", context=context, subject=subject)
    for metric in run_values.metrics.get(run, []):
        _tell_metric(
            findings, metric.get("key"), "NaN" if metric.get("is_nan") else metric.get("value"), f"sql:/latest_metrics/{run}",
            subject=subject, step=metric.get("step"), evaluated_at=metric.get("timestamp"), source="run",
            block=subject, history=values.history(run, metric.get("key")),
        )  # fmt: skip


def _started(row: Mapping[str, Any]) -> int:
    moment = row.get("start_time")
    return moment if isinstance(moment, int) else 0


def _tell_deleted(findings: Findings, run: str) -> None:
    """The models that it logged stay when a run is deleted; all else about it is gone."""
    subject = mlflow.run_subject(run, standalone=False)
    findings.tells_of(subject)
    findings.say("extra.run_status", "DELETED", f"sql:/runs/{run}/lifecycle_stage", subject=subject.id)


def _tell_run(findings: Findings, row: Mapping[str, Any], experiment: Any) -> str:
    run, name = str(row["run_uuid"]), row.get("name")
    subject = mlflow.run_subject(run, name if isinstance(name, str) and name else None)
    place = f"sql:/runs/{run}"
    findings.tells_of(subject)
    findings.say("run_id", run, place, subject=subject.id)
    mlflow.say_model_name(findings, name, f"{place}/name", origin=Origin.RUN, subject=subject.id)
    findings.say("extra.run_name", name, f"{place}/name", subject=subject.id)
    findings.say("owner", row.get("user_id"), f"{place}/user_id", subject=subject.id)
    findings.say("extra.experiment", experiment, f"{place}/experiment_id", subject=subject.id)
    number = row.get("experiment_id")
    findings.say(
        "extra.experiment_id",
        None if number is None else str(number),
        f"{place}/experiment_id",
        subject=subject.id,
    )
    times = row.get("start_time"), row.get("end_time"), row.get("status")
    mlflow.say_times(findings, *times, place, subject=subject.id)
    return subject.id


def _datasets(tables: _Tables) -> Mapping[str, list[tuple[str, Any]]]:
    """Names and contexts of the data sets that each run read."""
    names = {
        row.get("dataset_uuid"): row.get("name") for row in tables.rows("datasets", ["dataset_uuid", "name"])
    }
    contexts = {
        row.get("input_uuid"): row.get("value")
        for row in tables.rows("input_tags", ["input_uuid", "name", "value"])
        if row.get("name") == "mlflow.data.context"
    }
    datasets: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    columns = ["input_uuid", "source_type", "source_id", "destination_type", "destination_id"]
    for row in tables.rows("inputs", columns):
        name = names.get(row.get("source_id"))
        if (
            row.get("source_type") == "DATASET"
            and row.get("destination_type") == "RUN"
            and isinstance(name, str)
        ):
            datasets[str(row.get("destination_id"))].append((name, contexts.get(row.get("input_uuid"))))
    return datasets


def _tell_models(findings: Findings, tables: _Tables) -> None:
    params = tables.grouped("logged_model_params", "model_id", ["param_key", "param_value"])
    tags = tables.grouped("logged_model_tags", "model_id", ["tag_key", "tag_value"])
    columns = ["metric_name", "metric_value", "metric_step", "metric_timestamp_ms", "dataset_name", "run_id"]
    metrics = tables.grouped("logged_model_metrics", "model_id", columns)
    runs = {str(row["run_id"]) for rows in metrics.values() for row in rows if row.get("run_id")}
    values = _Values()
    named = sorted(runs)
    for some in _pages(named, tables.database):
        more = _Values.of(tables, some)
        values.not_numbers |= more.not_numbers
        values.histories |= more.histories
    columns = ["model_id", "name", "creation_timestamp_ms", "lifecycle_stage", "model_type", "source_run_id"]
    for row in tables.rows("logged_models", columns):
        model, name = row.get("model_id"), row.get("name")
        if row.get("lifecycle_stage") == mlflow.DELETED or not isinstance(model, str):
            continue
        subject = mlflow.model_subject(model, name if isinstance(name, str) else None)
        findings.tells_of(subject)
        run = row.get("source_run_id")
        if isinstance(run, str):
            keys = (mlflow.model_key(model), mlflow.run_key(run))
            findings.tells_of(Subject(id=mlflow.run_key(run), join_keys=keys))
        _tell_model(findings, row, subject.id)
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
        _tell_model_metrics(findings, metrics.get(model, []), subject.id, model, values)


def _tell_model(findings: Findings, row: Mapping[str, Any], subject: str) -> None:
    place = f"sql:/logged_models/{row['model_id']}"
    findings.say("extra.model_id", row["model_id"], place, subject=subject)
    mlflow.say_model_name(findings, row.get("name"), f"{place}/name", origin=Origin.CONFIG, subject=subject)
    findings.say("extra.model_name", row.get("name"), f"{place}/name", subject=subject)
    findings.say("run_id", row.get("source_run_id"), f"{place}/source_run_id", subject=subject)
    created_at = row.get("creation_timestamp_ms")
    findings.say("created_at", created_at, f"{place}/creation_timestamp_ms", unit="ms", subject=subject)
    findings.say("extra.model_type", row.get("model_type"), f"{place}/model_type", subject=subject)


def _tell_model_metrics(findings: Findings, rows: Rows, subject: str, model: str, values: _Values) -> None:
    """A logged model's table has no column for NaN and keeps 0.0 in its place: the row of its run knows better."""
    for metric in _latest(rows):
        name, run = metric.get("metric_name"), str(metric.get("run_id"))
        row_of_run = (run, str(name), metric.get("metric_step"), metric.get("metric_timestamp_ms"))
        value = metric.get("metric_value")
        _tell_metric(
            findings, name, "NaN" if value is None or row_of_run in values.not_numbers else value, f"sql:/logged_model_metrics/{model}",
            subject=subject, step=metric.get("metric_step"), evaluated_at=metric.get("metric_timestamp_ms"),
            dataset=metric.get("dataset_name"), source="logged model", block=mlflow.run_key(run),
        )  # fmt: skip


def _latest(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
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


def _tell_registered(findings: Findings, tables: _Tables, store: str) -> None:
    tags = tables.grouped("model_version_tags", "name", ["version", "key", "value"])
    aliases = tables.grouped("registered_model_aliases", "name", ["alias", "version"])
    columns = ["name", "version", "creation_time", "description", "user_id", "current_stage", "source", "run_id",
               "status", "storage_location"]  # fmt: skip
    for row in tables.rows("model_versions", columns):
        name, version = row.get("name"), row.get("version")
        if not isinstance(name, str) or row.get("current_stage") == mlflow.DELETED_VERSION:
            continue
        registered = f"mlflow-registered:{store}/{name}"
        identity, place = f"{registered}/{version}", f"sql:/model_versions/{name}/{version}"
        keys = (*_version_keys(row), identity)
        findings.tells_of(
            Subject(id=identity, join_keys=keys, name=name, standalone=True, part_of=(registered,))
        )
        _tell_version(findings, row, place, identity)
        for alias in aliases.get(name, []):
            if str(alias.get("version")) == str(version):
                pointer = f"sql:/registered_model_aliases/{name}"
                for field in ("tags", "aliases"):
                    findings.say(field, alias.get("alias"), pointer, origin=Origin.REGISTRY, subject=identity)
        mine = [tag for tag in tags.get(name, []) if str(tag.get("version")) == str(version)]
        _tell_tags(findings, mine, f"sql:/model_version_tags/{name}/{version}", "key", "value", identity)
    _tell_registered_models(findings, tables, store)


def _tell_version(findings: Findings, row: Mapping[str, Any], place: str, subject: str) -> None:
    registry = Origin.REGISTRY
    mlflow.say_registered(findings, row["name"], row.get("version"), place, subject=subject)
    findings.say(
        "description", row.get("description"), f"{place}/description", origin=registry, subject=subject
    )
    findings.say("owner", row.get("user_id"), f"{place}/user_id", origin=registry, subject=subject)
    created_at = row.get("creation_time")
    findings.say(
        "created_at", created_at, f"{place}/creation_time", unit="ms", origin=registry, subject=subject
    )
    stage, status, source = row.get("current_stage"), row.get("status"), row.get("source")
    mlflow.say_version_state(findings, stage, status, source, place, subject=subject)


def _tell_registered_models(findings: Findings, tables: _Tables, store: str) -> None:
    """What is said of the registered name holds for each of its versions that says nothing else."""
    tags = tables.grouped("registered_model_tags", "name", ["key", "value"])
    for row in tables.rows("registered_models", ["name", "description"]):
        name = row.get("name")
        if not isinstance(name, str):
            continue
        subject = f"mlflow-registered:{store}/{name}"
        findings.tells_of(Subject(id=subject, join_keys=(), name=name))
        findings.say(
            "description", row.get("description"), f"sql:/registered_models/{name}/description",
            origin=Origin.REGISTRY, evidence=Evidence.DECLARED, subject=subject,
        )  # fmt: skip
        _tell_tags(
            findings, tags.get(name, []), f"sql:/registered_model_tags/{name}", "key", "value", subject
        )


def _version_keys(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What binds a version to files: the logged model or artifact it was made of, else its run."""
    key = mlflow.source_key(row.get("source")) or mlflow.source_key(row.get("storage_location"))
    if key is not None:
        return (key,)
    run = row.get("run_id")
    return (mlflow.run_key(run),) if isinstance(run, str) and mlflow.RUN_ID.fullmatch(run) else ()


def _tell_params(findings: Findings, rows: Rows, place: str, key: str, value: str, subject: str) -> None:
    for row in rows:
        if isinstance(row.get(key), str):
            mlflow.say_parameter(findings, row[key], row.get(value), f"{place}/{row[key]}", subject=subject)


def _tell_tags(findings: Findings, rows: Rows, place: str, key: str, value: str, subject: str) -> None:
    for row in rows:
        name, text = row.get(key), row.get(value)
        if isinstance(name, str) and isinstance(text, str):
            mlflow.say_tag(findings, name, text, f"{place}/{name}", subject=subject)


def _tell_metric(
    findings: Findings, name: Any, value: Any, place: str, *, subject: str, **context: Any
) -> None:
    if isinstance(name, str) and name:
        findings.metric(name, value, f"{place}/{name}", subject=subject, **context)
