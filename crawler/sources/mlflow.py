"""An MLflow server through its REST interface: runs, logged models, registered names and versions, each as one object.

A listing brings all entries with it, so that a crawl that finds nothing new asks for nothing else.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self
from urllib.parse import quote

from catalog.errors import AccessDenied, ListingIncomplete, ObjectChanged, ObjectUnreadable, SourceError
from catalog.records import ObjectKey, ObjectMeta, SourceId
from catalog.settings import Settings
from crawler.buckets.spending import Limits, NothingMoreAsked, Spending
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
    Entry,
    logged_model_entry,
    named_by,
    registered_entry,
    run_entry,
    version_entry,
)
from crawler.mlflow_server.options import MlflowOptions
from crawler.selection import Selection
from crawler.source import Listed

KEPT_BYTES = 32 * 1024 * 1024
"""Bodies that the listing brought, until they are read; one that is gone again is asked for."""
EXPERIMENTS_AT_ONCE = 50
"""Experiments of one question for runs."""
MOST_LOOKED_FOR = 1_000
"""Of what a listing does not show: pages shift while somebody deletes or logs, and skip what is there."""


class MlflowSource:
    """One server. Keys are `logged/RUN/…` and `registered/NAME/VERSION.json`."""

    Options: ClassVar[type[MlflowOptions]] = MlflowOptions

    def __init__(self, address: str, settings: Settings, options: MlflowOptions | None = None) -> None:  # noqa: ARG002 - every source is opened so
        self._address = parse_address(address)
        self._options = options or MlflowOptions()
        self.uri = self._address.uri
        self.id = SourceId(self.uri)
        self.concurrency = self._options.concurrency
        self._spending = Spending(
            Limits(
                requests=self._options.requests_per_run,
                bytes=self._options.bytes_per_run,
                seconds=self._options.seconds_per_run,
                requests_per_second=self._options.requests_per_second,
            )
        )
        self._client = MlflowClient(self._address.url, self._options, self._spending)
        self._selection = Selection()
        self._experiments: dict[str, Mapping[str, Any]] = {}
        self._bodies = _Bodies()

    @staticmethod
    def check_address(address: str) -> None:
        """Raises UserError for an address that names no server."""
        parse_address(address)

    @property
    def spent(self) -> Mapping[str, int]:
        """What was asked of the server so far."""
        return {"requests": self._spending.requests, "bytes_received": self._spending.bytes}

    def selecting(self, selection: Selection) -> Self:
        """The same server without what is not selected."""
        self._selection = selection
        return self

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

    def list(self) -> Iterator[Listed]:
        """Registered models, then runs with their logged models: two scopes, each complete or not as a whole."""
        yield from self._listed(REGISTRY, self._registry_pages)
        if self._options.runs:
            yield from self._listed(TRACKING, self._tracking_pages)
        else:
            yield Listed(scope=TRACKING, complete=True)

    def head(self, key: ObjectKey) -> ObjectMeta | None:
        """The entry as it is now; None if the server says that there is none. Raises AccessDenied, ObjectUnreadable."""
        entry = None if self._selection.left_out(key) else self._asked(key)
        return None if entry is None else entry.meta(self.id)

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """Bytes of exactly the listed entry. Raises ObjectChanged, AccessDenied, ObjectUnreadable."""
        body = self._bodies.get(meta)
        if body is None:
            entry = self._asked(meta.key)
            if entry is None or entry.meta(self.id).change_token != meta.change_token:
                raise ObjectChanged(meta.key)
            body = entry.body
            self._bodies.keep(meta, body)
        return body[start:end]

    def uri_of(self, key: ObjectKey) -> str:
        return f"{self.uri}/{quote(key, errors='surrogateescape')}" if key else self.uri

    def still_there(self, keys: Iterable[ObjectKey]) -> set[ObjectKey]:
        """Of what the listing did not show, what is there all the same, or cannot be looked at."""
        return {key for key in itertools.islice(keys, MOST_LOOKED_FOR) if not self._is_gone(key)}

    def _is_gone(self, key: ObjectKey) -> bool:
        if not self._options.runs and key.startswith(f"{TRACKING}/"):
            return True
        try:
            return self.head(key) is None
        except SourceError:
            return False

    def _listed(self, scope: str, pages: Callable[[], Iterator[Iterable[Entry | None]]]) -> Iterator[Listed]:
        if self._selection.pruned(scope):
            return
        seen: set[str] = set()
        try:
            for page in pages():
                yield self._sorted_out(scope, page, seen)
        except SourceError as error:
            yield Listed(scope=scope, error=ListingIncomplete(f"{self.uri}/{scope}", str(error)))
        else:
            yield Listed(scope=scope, complete=True)

    def _sorted_out(self, scope: str, page: Iterable[Entry | None], seen: set[str]) -> Listed:
        metas: list[ObjectMeta] = []
        skipped: list[tuple[str, str]] = []
        for entry in page:
            # What is logged while pages are turned moves others to the next page once more.
            if entry is None or entry.key in seen:
                continue
            seen.add(entry.key)
            if (reason := self._selection.left_out(entry.key)) is not None:
                skipped.append((entry.key, reason))
                continue
            meta = entry.meta(self.id)
            self._bodies.keep(meta, entry.body)
            metas.append(meta)
        return Listed(scope=scope, objects=tuple(metas), skipped=tuple(skipped))

    def _registry_pages(self) -> Iterator[Iterable[Entry | None]]:
        for page in self._client.pages("registered-models/search", "registered_models", {}):
            yield [registered_entry(self.uri, model) for model in page]
        for page in self._client.pages("model-versions/search", "model_versions", {}):
            yield [version_entry(self.uri, version) for version in page]

    def _tracking_pages(self) -> Iterator[Iterable[Entry | None]]:
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


class _Bodies:
    """Bodies by key and token, the newest `KEPT_BYTES` of them. Threads may share them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, meta: ObjectMeta, body: bytes) -> None:
        with self._lock:
            place = meta.key, meta.change_token
            if place in self._kept:
                return
            self._kept[place] = body
            self._bytes += len(body)
            while self._bytes > KEPT_BYTES:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped)

    def get(self, meta: ObjectMeta) -> bytes | None:
        with self._lock:
            return self._kept.get((meta.key, meta.change_token))
