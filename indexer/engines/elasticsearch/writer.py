"""The writing side: bulk requests in which every item has its own fate, and rebuilds behind two aliases.

models        what searches read        -> models-<schema hash>-<number>
models-write  where changes go          -> the same index
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from catalog.errors import DocumentRejected, EngineUnavailable
from catalog.search.engine import IndexAction, IndexOutcome
from indexer.encoding import encoded
from indexer.engines.elasticsearch.connection import (
    NAME,
    cause,
    check_version,
    connect,
    honest,
    not_allowed,
    put_off,
)
from indexer.engines.elasticsearch.documents import make_body
from indexer.engines.elasticsearch.versions import Versions
from indexer.settings import ElasticsearchSettings
from mappings.generate import mapping

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from catalog.settings import Settings

CHUNK_ACTIONS = 500
CHUNK_BYTES = 10 * 1024 * 1024
SENDERS = 2
"""Bulk requests under way at once. Source: Elasticsearch, tune for indexing speed: several workers, not many."""
BULK_RETRIES = 5
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30
BUSY = frozenset({429, 502, 503, 504})
ANSWERED = "items.*._id,items.*.status,items.*.error"
"""What is read of a bulk answer; the rest is not sent."""
FORBIDDEN = frozenset({401, 403})
FOLLOWED, FOLLOWED_AT = "followed", "followed_at"
"""Notes in the mapping of an index: a position in the log of revisions, and when that was noted, in seconds since 1970."""
FOLLOW_SECONDS = 10
PLACE_CHARACTERS = 64
CLUSTER = re.compile(r"[A-Za-z0-9_-]{1,32}")
TELLS_NO_CLUSTER = frozenset({400, 403, 404, 405, 410})
"""Answers to keys, and behind proxies, of one alias alone, and where there is no cluster to see."""
NO_CLUSTER = "_na_"
"""The id of a cluster that has not come together. Source: Elasticsearch, `ClusterState.UNKNOWN_UUID`."""
REINDEX = "Run `modeldex reindex` to build it anew from the record store."


class ElasticsearchWriter:
    """Writes the alias `<index>-write`. External versions make a late, older state harmless, whoever sends it."""

    name = NAME
    is_shared = True

    def __init__(self, settings: Settings) -> None:
        self.alias = settings.section(ElasticsearchSettings).index
        self.write_alias = f"{self.alias}-write"
        self.client: Elasticsearch = connect(settings)
        self.versions = Versions(self.client, self.alias)
        self._ready = False

    @property
    def needs_rebuild(self) -> str | None:
        """Why the index must be built from the store before it takes single changes; None when it is fine."""
        with honest():
            read, written = (self.versions.behind(alias) for alias in (self.alias, self.write_alias))
        if not read:
            return "there is no index yet"
        if len(read) > 1 or read.keys() != written.keys():
            return "its aliases do not point at one index"
        (schema,) = read.values()
        if schema != _schema_hash():
            return "the index was made by another version of Modeldex"
        return None

    @property
    def documents(self) -> int:
        """How many models the index holds."""
        with honest():
            self.client.indices.refresh(index=self.alias, ignore_unavailable=True)
            return int(self.client.count(index=self.alias, ignore_unavailable=True)["count"])

    def place(self) -> str:
        """Which of the indexes it is that a catalog may have in turns: every home writes this one. Without the cluster's id
        where the key may not ask for it.
        """
        return self._place_in(self._cluster) if self._cluster else self._place_anywhere

    def same_place(self, noted: str) -> str | None:
        """Places were noted without the cluster's id by earlier versions, and are by keys that may not ask for it."""
        own, cluster = self.place(), noted.rpartition("@")[2]
        if noted in {own, self._place_anywhere}:
            return own
        return noted if not self._cluster and noted == self._place_in(cluster) else None

    @property
    def _place_anywhere(self) -> str:
        return f"{NAME}:{self.alias}"[:PLACE_CHARACTERS]

    def _place_in(self, cluster: str) -> str:
        return f"{self._place_anywhere[: PLACE_CHARACTERS - len(cluster) - 1]}@{cluster}"

    @cached_property
    def _cluster(self) -> str:
        """The id of the cluster; empty where it has none yet, or tells none. Raises EngineUnavailable."""
        from elasticsearch import ApiError  # noqa: PLC0415 - an optional dependency

        with honest():
            try:
                state = self.client.cluster.state(metric="version", filter_path="cluster_uuid")
            except ApiError as error:
                if error.status_code in TELLS_NO_CLUSTER:
                    return ""
                raise
        known = state.get("cluster_uuid")
        is_id = isinstance(known, str) and CLUSTER.fullmatch(known) is not None
        return known if is_id and known != NO_CLUSTER else ""

    def followed(self) -> str | None:
        """What was noted of the index; None where nothing was."""
        with honest():
            position = next(iter(self.versions.notes(self.write_alias).values()), {}).get(FOLLOWED)
        return position if isinstance(position, str) else None

    def follow(self, position: str) -> None:
        """Keep this with the current index, but not within ten seconds: each note changes the state of the whole cluster.

        A cluster that does not take it takes it the next time, and who may not change mappings does without.
        """
        with suppress(EngineUnavailable), honest():
            for name, notes in self.versions.notes(self.write_alias).items():
                noted_at = notes.get(FOLLOWED_AT)
                if isinstance(noted_at, int) and 0 <= time.time() - noted_at < FOLLOW_SECONDS:
                    continue
                now = {FOLLOWED: position, FOLLOWED_AT: int(time.time())}
                self.client.indices.put_mapping(index=name, meta={**notes, **now})

    def write(self, actions: Sequence[IndexAction]) -> IndexOutcome:
        with honest():
            self._prepare()
            return self._bulk(self.write_alias, actions)

    def refresh(self) -> None:
        with honest():
            self.client.indices.refresh(index=self.alias, ignore_unavailable=True)

    def rebuild(
        self, documents: Iterable[IndexAction], *, catch_up: Iterable[IndexAction] = ()
    ) -> IndexOutcome:
        with honest():
            check_version(self.client)
            for alias in (self.alias, self.write_alias):
                self.versions.behind(alias)  # raises unless the name is ours to give
            fresh = self._create(loading=True)
        try:
            with honest():
                outcome = self._load(fresh, documents, catch_up)
                before = self.versions.behind(self.alias)
                self._swap(fresh)
                self._sweep(keep={fresh, *before})
        except BaseException:
            with honest():
                if fresh not in self.versions.behind(self.alias):
                    self.client.indices.delete(index=fresh, ignore_unavailable=True)
            raise
        self._ready = True
        return outcome

    def roll_back(self) -> None:
        """Point both aliases at the index from before the last rebuild. Changes since then must be indexed anew."""
        with honest():
            earlier = [
                name for name in self.versions.loaded() if name not in self.versions.behind(self.alias)
            ]
            if not earlier:
                raise EngineUnavailable(NAME, "there is no earlier index to go back to.", advice=REINDEX)
            self._swap(earlier[-1])

    def forget_earlier(self) -> None:
        """Removes every index of ours but the one that is searched."""
        with honest():
            self._sweep(keep=set(self.versions.behind(self.alias)))

    def close(self) -> None:
        self.client.close()

    def _prepare(self) -> None:
        if self._ready:
            return
        check_version(self.client)
        if not self.versions.behind(self.alias):
            self._swap(self._create(loading=False))
        elif (reason := self.needs_rebuild) is not None:
            raise EngineUnavailable(NAME, f"{reason}.", advice=REINDEX)
        self._ready = True

    def _create(self, *, loading: bool) -> str:
        body = mapping()
        settings: dict[str, Any] = dict(body["settings"])
        if loading:
            settings |= {"refresh_interval": "-1", "auto_expand_replicas": False, "number_of_replicas": 0}
        name = f"{self.alias}-{_schema_hash()}-{self.versions.next_number()}"
        self.client.indices.create(index=name, settings=settings, mappings=body["mappings"])
        return name

    def _swap(self, to: str) -> None:
        """Both aliases at once; nobody sees a moment without an index."""
        actions: list[dict[str, Any]] = []
        for alias in (self.alias, self.write_alias):
            actions += [
                {"remove": {"index": before, "alias": alias, "must_exist": False}}
                for before in self.versions.behind(alias)
                if before != to
            ]
            actions.append(
                {"add": {"index": to, "alias": alias, "is_write_index": alias == self.write_alias}}
            )
        self.client.indices.update_aliases(actions=actions)

    def _sweep(self, keep: set[str | None]) -> None:
        for name in self.versions.ours():
            if name not in keep:
                self.client.indices.delete(index=name, ignore_unavailable=True)

    def _load(
        self, fresh: str, documents: Iterable[IndexAction], catch_up: Iterable[IndexAction]
    ) -> IndexOutcome:
        loaded = self._bulk(fresh, documents)
        self.client.indices.refresh(index=fresh)
        self._check(fresh, len(loaded.done), loaded)
        caught = self._bulk(fresh, catch_up)
        restored = {
            "refresh_interval": None,
            "auto_expand_replicas": mapping()["settings"]["auto_expand_replicas"],
        }
        self.client.indices.put_settings(index=fresh, settings=restored)
        self.client.indices.refresh(index=fresh)
        return IndexOutcome(
            done=[*loaded.done, *caught.done],
            rejected={**loaded.rejected, **caught.rejected},
            retry=dict(caught.retry),
        )

    def _check(self, fresh: str, expected: int, loaded: IndexOutcome) -> None:
        documents = self.client.count(index=fresh)["count"]
        if loaded.retry or documents != expected:
            raise EngineUnavailable(
                NAME,
                f"the new index holds {documents:,} models where {expected + len(loaded.retry):,} were sent.",
                advice="The old index stays in use. Run `modeldex reindex` again when the cluster is well.",
            )

    def _bulk(self, index: str, actions: Iterable[IndexAction]) -> IndexOutcome:
        """Every item by itself: taken, newer already there, busy (after retries of that item alone), or never.

        Bodies are made while earlier ones are on their way. Their order does not matter: versions decide.
        """
        fates = _Fates()
        under_way: deque[Future[list[Fate]]] = deque()
        items = _items(actions, fates.rejected)
        with ThreadPoolExecutor(SENDERS) as senders:
            while chunk := list(islice(items, CHUNK_ACTIONS)):
                under_way.append(senders.submit(self._send, index, chunk))
                if len(under_way) > SENDERS:
                    fates.add(under_way.popleft().result())
            for sent in under_way:
                fates.add(sent.result())
        return fates.outcome()

    def _send(self, index: str, items: Sequence[Any]) -> list[Fate]:
        from elasticsearch.helpers import streaming_bulk  # noqa: PLC0415 - an optional dependency

        results = streaming_bulk(
            self.client,
            items,
            expand_action_callback=_as_it_is,
            index=index,
            # Else a server makes an index of that name where there is no alias.
            require_alias=index == self.write_alias,
            filter_path=ANSWERED,
            chunk_size=CHUNK_ACTIONS,
            max_chunk_bytes=CHUNK_BYTES,
            max_retries=BULK_RETRIES,
            initial_backoff=FIRST_BACKOFF_SECONDS,
            max_backoff=LONGEST_BACKOFF_SECONDS,
            raise_on_error=False,
            raise_on_exception=False,
            retry_on_status=tuple(BUSY),
        )
        return [next(iter(item.items())) for _, item in results]


Item = tuple[dict[str, Any], bytes | None]
"""The action line of a bulk request, and the encoded body; None for a deletion."""
Fate = tuple[str, dict[str, Any]]
"""The operation that was asked for one document, and the server's answer to it."""


class _Fates:
    """What became of each document."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.rejected: dict[str, str] = {}
        self.retry: dict[str, str] = {}

    def add(self, fates: Iterable[Fate]) -> None:
        for operation, answer in fates:
            status, model_id = answer.get("status"), answer["_id"]
            if _taken(operation, answer):
                self.done.append(model_id)
            elif status in FORBIDDEN and "security" in _reason(answer):
                raise not_allowed(_reason(answer))  # no document's fault: all of them wait
            elif _may_pass(status, _reason(answer)):
                self.retry[model_id] = put_off(answer.get("error", ""))
            else:
                self.rejected[model_id] = _reason(answer)

    def outcome(self) -> IndexOutcome:
        return IndexOutcome(done=self.done, rejected=self.rejected, retry=self.retry)


def _taken(operation: str, answer: Mapping[str, Any]) -> bool:
    """Written, or a newer state is there (409), or there was nothing to delete (unless the index itself is gone)."""
    status = answer.get("status")
    nothing_there = operation == "delete" and status == 404 and not answer.get("error")
    return isinstance(status, int) and (status < 300 or status == 409 or nothing_there)


def _may_pass(status: Any, reason: str) -> bool:
    """Whether the document may be taken later: it is the cluster's trouble, not the document's."""
    return (
        not isinstance(status, int)  # no answer at all
        or status in BUSY
        or status >= 500
        or "cluster_block" in reason
        or "index_not_found" in reason
        or "no write index" in reason
    )


def _as_it_is(item: Any) -> Any:
    """For the client, which would else take each item apart and put it together again."""
    return item


def _items(actions: Iterable[IndexAction], rejected: dict[str, str]) -> Iterator[Item]:
    for action in actions:
        header = {"_id": action.id, "version": action.revision, "version_type": "external_gte"}
        if action.document is None:
            yield {"delete": header}, None
            continue
        try:
            yield {"index": header}, encoded(make_body(action.id, action.document))
        except DocumentRejected as error:
            rejected[action.id] = error.reason


def _reason(answer: dict[str, Any]) -> str:
    return ": ".join(cause({"error": answer.get("error", "")}))


def _schema_hash() -> str:
    schema_hash: str = mapping()["mappings"]["_meta"]["schema_hash"]
    return schema_hash
