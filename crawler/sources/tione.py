"""TI-ONE of Tencent Cloud: its training tasks, and versions of models that it registered, each as one object.

A listing asks for each task, since what it was trained with stands nowhere else: a crawl of 1,000 tasks asks 1,020 times.
Written from the documents and tried against a stub; see docs/tencent-cloud.md.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from urllib.parse import quote

from catalog.errors import AccessDenied, ListingIncomplete, ObjectChanged, ObjectUnreadable, SourceError
from catalog.records import ObjectKey, ObjectMeta, SourceId
from catalog.settings import Settings
from crawler.buckets.spending import CredentialsRefused, Limits, NothingMoreAsked, Spending
from crawler.formats.json_values import text
from crawler.formats.tione_entries import TASK, VERSION, body_of
from crawler.selection import Selection
from crawler.source import Listed
from crawler.tione.address import parse_address
from crawler.tione.client import TioneClient, TioneRefused
from crawler.tione.options import TioneOptions

TASKS, MODELS = "tasks", "models"
MOST_LOOKED_FOR = 1_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry as an object."""

    key: ObjectKey
    body: bytes
    changed_at: datetime | None


class TioneSource:
    """One workspace of a region. Keys are `tasks/ID.json` and `models/ID/VERSION.json`."""

    Options: ClassVar[type[TioneOptions]] = TioneOptions
    concurrency = 1

    def __init__(self, address: str, settings: Settings, options: TioneOptions | None = None) -> None:  # noqa: ARG002 - every source is opened so
        self._address = parse_address(address)
        self._options = options or TioneOptions()
        self.uri = self._address.uri
        self.id = SourceId(self.uri)
        self._spending = Spending(
            Limits(
                requests=self._options.requests_per_run, requests_per_second=self._options.requests_per_second
            )
        )
        self._selection = Selection()
        self._opened: TioneClient | None = None
        self._listed_entries: dict[ObjectKey, _Entry] = {}

    @staticmethod
    def check_address(address: str) -> None:
        """Raises UserError for an address that names no region."""
        parse_address(address)

    @property
    def spent(self) -> Mapping[str, int]:
        """What was asked so far."""
        return {"requests": self._spending.requests, "bytes_received": self._spending.bytes}

    def selecting(self, selection: Selection) -> Self:
        """The same place without what is not selected."""
        self._selection = selection
        return self

    def check(self, *, is_new: bool) -> None:  # noqa: ARG002 - a workspace without tasks is one
        """Whether TI-ONE answers and lets us read. Raises AccessDenied, SourceError."""
        try:
            next(self._client.tasks(), None)
        except CredentialsRefused as error:
            raise AccessDenied(self.uri, str(error)) from error

    def list(self) -> Iterator[Listed]:
        """Tasks, then the models of the options: two scopes, each complete or not as a whole."""
        yield from self._listed(TASKS, self._all_tasks)
        yield from self._listed(MODELS, self._all_versions)

    def head(self, key: ObjectKey) -> ObjectMeta | None:
        """The entry as it is now; None if there is none. Raises AccessDenied, ObjectUnreadable."""
        entry = None if self._selection.left_out(key) else self._asked(key)
        return None if entry is None else self._meta(entry)

    def read(self, meta: ObjectMeta, start: int, end: int) -> bytes:
        """Bytes of exactly the listed entry. Raises ObjectChanged, AccessDenied, ObjectUnreadable."""
        entry = self._listed_entries.get(meta.key) or self._asked(meta.key)
        if entry is None or _token(entry.body) != meta.change_token:
            raise ObjectChanged(meta.key)
        self._listed_entries[meta.key] = entry
        return entry.body[start:end]

    def uri_of(self, key: ObjectKey) -> str:
        return f"{self.uri}/{quote(key, errors='surrogateescape')}" if key else self.uri

    def still_there(self, keys: Iterable[ObjectKey]) -> set[ObjectKey]:
        """Of what the listing did not show, what is there all the same, or cannot be looked at."""
        return {key for key in itertools.islice(keys, MOST_LOOKED_FOR) if not self._is_gone(key)}

    @property
    def _client(self) -> TioneClient:
        if self._opened is None:
            place = self._address
            self._opened = TioneClient(place.region, place.workspace, self._options, self._spending)
        return self._opened

    def _is_gone(self, key: ObjectKey) -> bool:
        try:
            return self.head(key) is None
        except SourceError:
            return False

    def _listed(self, scope: str, entries: Callable[[], Iterator[_Entry]]) -> Iterator[Listed]:
        if self._selection.pruned(scope):
            return
        try:
            for entry in entries():
                if (reason := self._selection.left_out(entry.key)) is not None:
                    yield Listed(scope=scope, skipped=((entry.key, reason),))
                    continue
                self._listed_entries[entry.key] = entry
                yield Listed(scope=scope, objects=(self._meta(entry),))
        except SourceError as error:
            yield Listed(scope=scope, error=ListingIncomplete(f"{self.uri}/{scope}", str(error)))
        else:
            yield Listed(scope=scope, complete=True)

    def _all_tasks(self) -> Iterator[_Entry]:
        seen: set[str] = set()
        for page in self._client.tasks():
            for short in page:
                task = text(short.get("Id"))
                if task is None or not _ID.fullmatch(task) or task in seen:
                    continue  # what is made while pages are turned moves others to the next page once more
                seen.add(task)
                entry = self._task(task)
                if entry is not None:
                    yield entry

    def _task(self, task: str) -> _Entry | None:
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
        return _Entry(ObjectKey(f"{TASKS}/{task}.json"), body, _instant(changed_at))

    def _all_versions(self) -> Iterator[_Entry]:
        for model in self._options.models:
            yield from self._versions(model)

    def _versions(self, model: str) -> Iterator[_Entry]:
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
                yield _Entry(key, body, _instant(version.get("CreateTime")))

    def _asked(self, key: ObjectKey) -> _Entry | None:
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

    def _meta(self, entry: _Entry) -> ObjectMeta:
        return ObjectMeta(
            source=self.id,
            key=entry.key,
            size_bytes=len(entry.body),
            change_token=_token(entry.body),
            last_modified=entry.changed_at,
        )


def _token(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:40]


def _instant(moment: Any) -> datetime | None:
    """As in 2024-03-12T10:00:00Z or with +08:00; None for what names no zone."""
    try:
        instant = datetime.fromisoformat(str(moment))
    except ValueError:
        return None
    return instant if instant.tzinfo else None
