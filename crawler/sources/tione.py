"""TI-ONE of Tencent Cloud: its training tasks, and versions of models that it registered, each as one object.

A listing asks for each task, since what it was trained with stands nowhere else: a crawl of 1,000 tasks asks 1,020 times.
Written from the documents and tried against a stub; see docs/tencent-cloud.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from catalog.errors import AccessDenied, ObjectUnreadable, SourceError
from catalog.records import ObjectKey
from catalog.settings import Settings
from crawler.buckets.spending import CredentialsRefused, Limits, NothingMoreAsked, Spending
from crawler.entries import Entry, EntrySource, Pages
from crawler.formats.json_values import text
from crawler.formats.tione_entries import TASK, VERSION, body_of
from crawler.tione.address import parse_address
from crawler.tione.client import TioneClient, TioneRefused
from crawler.tione.options import TioneOptions

TASKS, MODELS = "tasks", "models"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class TioneSource(EntrySource):
    """One workspace of a region. Keys are `tasks/ID.json` and `models/ID/VERSION.json`."""

    Options: ClassVar[type[TioneOptions]] = TioneOptions
    concurrency = 1

    def __init__(self, address: str, settings: Settings, options: TioneOptions | None = None) -> None:  # noqa: ARG002 - every source is opened so
        self._address = parse_address(address)
        self._options = options or TioneOptions()
        spending = Spending(
            Limits(
                requests=self._options.requests_per_run, requests_per_second=self._options.requests_per_second
            )
        )
        super().__init__(self._address.uri, spending)
        self._opened: TioneClient | None = None

    @staticmethod
    def check_address(address: str) -> None:
        """Raises UserError for an address that names no region."""
        parse_address(address)

    def check(self, *, is_new: bool) -> None:  # noqa: ARG002 - a workspace without tasks is one
        """Whether TI-ONE answers and lets us read. Raises AccessDenied, SourceError."""
        try:
            next(self._client.tasks(), None)
        except CredentialsRefused as error:
            raise AccessDenied(self.uri, str(error)) from error

    def _scopes(self) -> Mapping[str, Pages]:
        """Tasks, then the models of the options."""
        return {TASKS: self._all_tasks, MODELS: self._all_versions}

    @property
    def _client(self) -> TioneClient:
        if self._opened is None:
            place = self._address
            self._opened = TioneClient(place.region, place.workspace, self._options, self._spending)
        return self._opened

    def _all_tasks(self) -> Iterator[list[Entry | None]]:
        seen: set[str] = set()
        for page in self._client.tasks():
            for short in page:
                task = text(short.get("Id"))
                if task is None or not _ID.fullmatch(task) or task in seen:
                    continue  # what is made while pages are turned moves others to the next page once more
                seen.add(task)
                yield [self._task(task)]

    def _task(self, task: str) -> Entry | None:
        """A task; None of one that is deleted. Raises SourceError."""
        try:
            detail = self._client.task(task)
        except TioneRefused as error:
            if error.is_absent:
                return None
            raise
        if detail.get("Id") != task:
            return None
        changed_at = detail.get("EndTime") or detail.get("StartTime") or detail.get("CreateTime")
        body = body_of(TASK, self.uri, detail)
        return Entry(ObjectKey(f"{TASKS}/{task}.json"), body, _instant(changed_at))

    def _all_versions(self) -> Iterator[Iterator[Entry]]:
        for model in self._options.models:
            yield self._versions(model)

    def _versions(self, model: str) -> Iterator[Entry]:
        try:
            versions = self._client.versions(model)
        except TioneRefused as error:
            if error.is_absent:
                return
            raise
        for version in versions:
            number = text(version.get("TrainingModelVersionId"))
            if number is not None and _ID.fullmatch(number):
                body = body_of(VERSION, self.uri, version)
                key = ObjectKey(f"{MODELS}/{model}/{number}.json")
                yield Entry(key, body, _instant(version.get("CreateTime")))

    def _asked(self, key: ObjectKey) -> Entry | None:
        """One entry, from TI-ONE. Raises AccessDenied, ObjectUnreadable."""
        scope, _, rest = key.partition("/")
        name = rest.removesuffix(".json")
        try:
            if scope == TASKS and _ID.fullmatch(name):
                return self._task(name)
            model, _, _ = name.partition("/")
            if scope == MODELS and model in self._options.models:
                return next((entry for entry in self._versions(model) if entry.key == key), None)
        except CredentialsRefused as error:
            raise AccessDenied(key, str(error)) from error
        except NothingMoreAsked:
            raise
        except SourceError as error:
            raise ObjectUnreadable(key, str(error)) from error
        return None


def _instant(moment: Any) -> datetime | None:
    """As in 2024-03-12T10:00:00Z or with +08:00; None for what names no zone."""
    try:
        instant = datetime.fromisoformat(str(moment))
    except ValueError:
        return None
    return instant if instant.tzinfo else None
