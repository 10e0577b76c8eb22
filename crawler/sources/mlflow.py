"""An MLflow server through its REST interface: runs, logged models, registered names and versions, each as one object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from catalog.errors import AccessDenied, ObjectUnreadable, SourceError
from catalog.records import ObjectKey
from catalog.settings import Settings
from crawler.buckets.spending import Limits, NothingMoreAsked, Spending
from crawler.entries import Entry, EntrySource, Pages
from crawler.formats.json_values import mapping, text
from crawler.formats.mlflow_entries import LOGGED_MODEL, REGISTERED, RUN, VERSION
from crawler.mlflow_server.address import parse_address
from crawler.mlflow_server.client import (
    NEWEST,
    OLDEST,
    REFUSED,
    CallRefused,
    MlflowClient,
    NotAnswered,
    is_known_version,
)
from crawler.mlflow_server.entries import (
    REGISTRY,
    TRACKING,
    logged_model_entry,
    named_by,
    registered_entry,
    run_entry,
    version_entry,
)
from crawler.mlflow_server.options import MlflowOptions

EXPERIMENTS_AT_ONCE = 50
"""Experiments of one question for runs."""


class MlflowSource(EntrySource):
    """One server. Keys are `logged/RUN/…` and `registered/NAME/VERSION.json`."""

    Options: ClassVar[type[MlflowOptions]] = MlflowOptions

    def __init__(self, address: str, settings: Settings, options: MlflowOptions | None = None) -> None:  # noqa: ARG002 - every source is opened so
        self._address = parse_address(address)
        self._options = options or MlflowOptions()
        self.concurrency = self._options.concurrency
        spending = Spending(
            Limits(
                requests=self._options.requests_per_run,
                bytes=self._options.bytes_per_run,
                seconds=self._options.seconds_per_run,
                requests_per_second=self._options.requests_per_second,
            )
        )
        super().__init__(self._address.uri, spending)
        self._client = MlflowClient(self._address.url, self._options, spending)
        self._experiments: dict[str, Mapping[str, Any]] = {}

    @staticmethod
    def check_address(address: str) -> None:
        """Raises UserError for an address that names no server."""
        parse_address(address)

    def check(self, *, is_new: bool) -> None:  # noqa: ARG002 - an empty server is one
        """Whether an MLflow server answers that is known. Raises AccessDenied, NotAnswered."""
        try:
            version = self._client.version()
            if is_known_version(version):
                self._client.post("experiments/search", {"max_results": 1})
        except NothingMoreAsked:
            raise
        except CallRefused as error:
            if error.status in REFUSED:
                raise AccessDenied(self.uri, f"{error}. Give --credential token=env:NAME") from error
            raise NotAnswered(f"{self.uri} is no MLflow server: {error}.") from error
        except NotAnswered as error:
            raise NotAnswered(f"{self.uri}: {error}.") from error
        if not is_known_version(version):
            raise NotAnswered(
                f"{self.uri} is MLflow {version}, and answers of versions {OLDEST} to {NEWEST} are known."
            )

    def _scopes(self) -> Mapping[str, Pages]:
        """Registered models, then runs with their logged models."""
        return {REGISTRY: self._registry_pages, TRACKING: self._tracking_pages}

    def _is_gone(self, key: ObjectKey) -> bool:
        if not self._options.runs and key.startswith(f"{TRACKING}/"):
            return True
        return super()._is_gone(key)

    def _registry_pages(self) -> Iterator[Iterable[Entry | None]]:
        for page in self._client.pages("registered-models/search", "registered_models", {}):
            yield [registered_entry(self.uri, model) for model in page]
        for page in self._client.pages("model-versions/search", "model_versions", {}):
            yield [version_entry(self.uri, version) for version in page]

    def _tracking_pages(self) -> Iterator[Iterable[Entry | None]]:
        if not self._options.runs:
            return
        self._experiments = {
            str(experiment.get("experiment_id")): experiment
            for page in self._client.pages("experiments/search", "experiments", {}, method="POST")
            for experiment in page
        }
        numbers = list(self._experiments)
        for start in range(0, len(numbers), EXPERIMENTS_AT_ONCE):
            some = numbers[start : start + EXPERIMENTS_AT_ONCE]
            asked = {"experiment_ids": some, "order_by": ["attributes.start_time ASC"]}
            for page in self._client.pages("runs/search", "runs", asked, method="POST"):
                yield [self._run(run) for run in page]
            yield from self._logged_pages(some)

    def _logged_pages(self, experiments: Sequence[str]) -> Iterator[Iterable[Entry | None]]:
        asked = {
            "experiment_ids": experiments,
            "order_by": [{"field_name": "creation_timestamp", "ascending": True}],
        }
        try:
            for page in self._client.pages("logged-models/search", "models", asked, method="POST"):
                yield [self._logged_model(model) for model in page]
        except CallRefused as error:
            if not error.is_unknown_call:  # MLflow before 3 has none
                raise

    def _run(self, run: Mapping[str, Any]) -> Entry | None:
        number = str(mapping(run.get("info")).get("experiment_id"))
        return run_entry(self.uri, run, self._experiments.get(number, {}))

    def _logged_model(self, model: Mapping[str, Any]) -> Entry | None:
        number = str(mapping(model.get("info")).get("experiment_id"))
        return logged_model_entry(self.uri, model, self._experiments.get(number, {}))

    def _asked(self, key: ObjectKey) -> Entry | None:
        """One entry, from the server. Raises AccessDenied, ObjectUnreadable."""
        named = named_by(key)
        if named is None:
            return None
        try:
            entry = self._fetched(named.kind, named.names)
        except CallRefused as error:
            if error.is_absent:
                return None
            failed = AccessDenied if error.status in REFUSED else ObjectUnreadable
            raise failed(key, str(error)) from error
        except NothingMoreAsked:
            raise
        except SourceError as error:
            raise ObjectUnreadable(key, str(error)) from error
        return entry if entry is not None and entry.key == key else None

    def _fetched(self, kind: str, names: Sequence[str]) -> Entry | None:
        client = self._client
        if kind == REGISTERED:
            answer = client.get("registered-models/get", name=names[0])
            return registered_entry(self.uri, mapping(answer.get("registered_model")))
        if kind == VERSION:
            answer = client.get("model-versions/get", name=names[0], version=names[1])
            return version_entry(self.uri, mapping(answer.get("model_version")))
        if kind == RUN:
            run = mapping(client.get("runs/get", run_id=names[0]).get("run"))
            return self._run(run) if self._is_experiment_live(run) else None
        assert kind == LOGGED_MODEL, "the kinds of keys"
        model = mapping(client.get(f"logged-models/{names[1]}").get("model"))
        return self._logged_model(model) if self._is_experiment_live(model) else None

    def _is_experiment_live(self, entry: Mapping[str, Any]) -> bool:
        """Whether the experiment of a run or logged model is not deleted; it is known afterwards."""
        number = text(mapping(entry.get("info")).get("experiment_id"))
        if number is None:
            return False
        if number not in self._experiments:
            answer = self._client.get("experiments/get", experiment_id=number)
            self._experiments[number] = mapping(answer.get("experiment"))
        return self._experiments[number].get("lifecycle_stage") != "deleted"
