"""Tells each webhook what is new among the models of its query: one more consumer of revisions, with its own cursor.

Of a model that changed several times while the other side was away, its last state is told. A message is sent at least
once; its `webhook-id` is the same each time. Source of headers and signature: https://www.standardwebhooks.com, spec 1.0.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import urllib3

from catalog import plugins
from catalog.answer_deadline import TimelyPool, TimelyTlsPool
from catalog.errors import ModeldexError, UserError
from catalog.exports.withheld import without
from catalog.lazy_dataclasses import dataclass, field, replace
from catalog.query.nodes import And, Not, Or, Query, Term, Terms
from catalog.query.text.search_text import parse
from catalog.records.webhooks import News, Webhook
from catalog.search.engine import IndexAction, IndexOutcome
from catalog.settings import Settings, referred
from catalog.store.webhooks import UNKNOWN, ToldState
from indexer.mongodb import sink as mongodb
from indexer.settings import WebhookSettings
from indexer.sinks import openlineage
from indexer.sinks.news import changed_fields, news_of
from indexer.sinks.public_addresses import resolved

if TYPE_CHECKING:
    from catalog.store import Store

BATCH = 50
TURN_SECONDS = 10.0
"""After these it is the next one's turn: who takes a second for each of a thousand messages mutes nobody."""
BODY_BYTES = 256 * 1024
"""Receivers commonly take up to a megabyte; of a longer document its name is told, and where the rest is."""
LEAST_SECRET_CHARACTERS = 16
OF_ONE_MESSAGE = frozenset({400, 413, 422})
"""Answers that are about what was sent. All others are about the other side, and are tried again."""
RETRIES = urllib3.Retry(
    total=2,
    redirect=False,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,
    backoff_factor=0.2,
    backoff_jitter=0.2,
    respect_retry_after_header=False,
    raise_on_status=False,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent of one model."""

    id: str
    kinds: tuple[News, ...]
    body: bytes


@dataclass(slots=True)
class Delivery:
    """What became of one webhook's turn."""

    sent: int = 0
    waiting: int = 0
    problem: str | None = None
    rejected: dict[str, str] = field(default_factory=dict)


def tell_all(
    settings: Settings, store: Store, is_over: Callable[[], bool] = lambda: False
) -> dict[str, Delivery]:
    """Every webhook is told what waits for it. One that cannot be reached costs the others nothing; one that is slow, the
    seconds of its turn. Nothing more is sent once `is_over`.

    A lineage service and a MongoDB are told by the same turn, where there is one.
    """
    if (taken := openlineage.tell(settings, store, _turn(is_over))) > 0:
        log.info("lineage told models=%s", taken)
    if (taken := mongodb.tell(settings, store)) > 0:
        log.info("mongodb written models=%s", taken)
    deliveries = {}
    for webhook in store.webhooks.all():
        delivery = tell(settings, store, webhook, _turn(is_over))
        deliveries[webhook.name] = delivery
        if delivery.sent or delivery.rejected:
            log.info(
                "webhook told name=%s sent=%s rejected=%s",
                webhook.name,
                delivery.sent,
                len(delivery.rejected),
            )
    return deliveries


def _turn(is_over: Callable[[], bool]) -> Callable[[], bool]:
    """Whether a turn that begins now has ended."""
    ends = time.monotonic() + TURN_SECONDS
    return lambda: is_over() or time.monotonic() >= ends


def tell(settings: Settings, store: Store, webhook: Webhook, is_over: Callable[[], bool]) -> Delivery:
    """One webhook is told what waits for it, until it cannot be reached or its turn is over."""
    consumer, delivery = store.webhooks.consumer(webhook.name), Delivery()
    try:
        sender = Sender(settings, webhook)
        rows = store.sources.all()
        ids = {row.definition.name: str(row.id) for row in rows if row.definition.name is not None}
        query = with_sources(parsed_query(webhook.query), ids)
    except ModeldexError as error:
        delivery.problem, delivery.waiting = str(error), consumer.size()
        return delivery
    sensitive = {str(row.id): frozenset(row.definition.sensitive) for row in rows}
    while delivery.problem is None and not is_over() and (actions := consumer.claim(BATCH)):
        states = store.webhooks.known_states(webhook.name, [action.id for action in actions])
        outcome, known = _Turn(webhook, query, sender, sensitive, is_over).tell(actions, states, delivery)
        store.webhooks.note(webhook.name, known)
        consumer.settle(actions, outcome)
    if is_over():
        consumer.release()
    delivery.waiting = consumer.size()
    return delivery


class _Turn:
    def __init__(
        self,
        webhook: Webhook,
        query: Query,
        sender: Sender,
        sensitive: Mapping[str, frozenset[str]],
        is_over: Callable[[], bool],
    ) -> None:
        self._webhook = webhook
        self._query = query
        self._sender = sender
        self._sensitive = sensitive
        self._is_over = is_over
        self._matches: Callable[[Query, Mapping[str, Any]], bool] = plugins.load("hook", "matching")

    def tell(
        self, actions: Sequence[IndexAction], states: Mapping[str, ToldState], delivery: Delivery
    ) -> tuple[IndexOutcome, dict[str, int]]:
        """What became of these, and the states that the webhook knows now. After a failure the rest waits with it; what
        the turn is too short for is not among what became of them.
        """
        retry: dict[str, str] = {}
        known: dict[str, int] = {}
        for action in actions:
            if delivery.problem is not None:
                retry[action.id] = delivery.problem
                continue
            if self._is_over():
                break
            message = self._message(action, states.get(action.id, UNKNOWN))
            refusal = None
            if message is not None:
                try:
                    refusal = self._sender.send(message)
                except (UserError, OSError, urllib3.exceptions.HTTPError) as error:
                    delivery.problem = retry[action.id] = _reason(error)
                    continue
                delivery.sent += refusal is None
            known[action.id] = action.revision
            if refusal is not None:
                delivery.rejected[action.id] = refusal
        done = [model for model in known if model not in delivery.rejected]
        rejected = {model: delivery.rejected[model] for model in known if model in delivery.rejected}
        return IndexOutcome(done=done, rejected=rejected, retry=retry), known

    def _message(self, action: IndexAction, before: ToldState) -> Message | None:
        """None if there is nothing that this webhook wants to hear."""
        if action.revision <= before.revision:
            return None
        old, new = before.document, action.document
        kinds = news_of(old, new)
        if self._webhook.events:
            kinds = tuple(kind for kind in kinds if kind in self._webhook.events)
        matches = new is not None and self._matches(self._query, new)
        if not kinds or not (matches or (old is not None and self._matches(self._query, old))):
            return None
        sensitive = self._sensitive.get(str((new or old or {}).get("source")), frozenset())
        return message_of(self._webhook, action, old, kinds, matches=matches, sensitive=sensitive)


def message_of(
    webhook: Webhook,
    action: IndexAction,
    before: Mapping[str, Any] | None,
    kinds: tuple[News, ...],
    *,
    matches: bool,
    sensitive: frozenset[str] = frozenset(),
) -> Message:
    """What is sent: the kinds of news, the fields that changed and the document, without what is `sensitive`."""
    document = without(action.document or before or {}, sensitive)
    earlier = None if before is None else without(before, sensitive)
    data = {
        "id": action.id,
        "revision": action.revision,
        "matches": matches,
        "changed": changed_fields(earlier, document) if action.document else [],
        "model": document,
        "truncated": False,
    }
    content = {
        "type": f"model.{kinds[0]}",
        "events": [str(kind) for kind in kinds],
        "webhook": webhook.name,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "data": data,
    }
    body = _json(content)
    if len(body) > BODY_BYTES:
        data |= {"model": {"name": document.get("name")}, "changed": [], "truncated": True}
        body = _json(content)
    named = f"{webhook.name}\0{action.id}\0{action.revision}"
    return Message(id=f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}", kinds=kinds, body=body)


def parsed_query(text: str) -> Query:
    """Raises UserError for a condition that is not understood: left out, it would tell of too many models."""
    parsed = parse(text)
    sentences = [problem.message for problem in parsed.problems if not problem.understood]
    if sentences:
        raise UserError(f"The query of the webhook is not understood: {' '.join(sentences)}")
    if parsed.limit is not None:
        raise UserError(
            "The query of a webhook tells which models are told of, one by one: it cannot count them.",
            advice=f"Leave out limit:{parsed.limit}.",
        )
    return parsed.query


def with_sources(query: Query, ids: Mapping[str, str]) -> Query:
    """The query with sources by their ids where it has them by name (`source:uploads`): documents hold ids."""
    match query:
        case And(clauses=clauses):
            return replace(query, clauses=tuple(with_sources(clause, ids) for clause in clauses))
        case Or(clauses=clauses):
            return replace(query, clauses=tuple(with_sources(clause, ids) for clause in clauses))
        case Not(clause=clause):
            return replace(query, clause=with_sources(clause, ids))
        case Term(field="source", value=str(value)) if value in ids:
            return replace(query, value=ids[value])
        case Terms(field="source", values=values):
            return replace(query, values=tuple(ids.get(str(value), value) for value in values))
    return query


class Sender:
    """Sends signed messages to the place of one webhook. Raises UserError if its secret cannot be had."""

    def __init__(self, settings: Settings, webhook: Webhook) -> None:
        chosen = settings.section(WebhookSettings)
        self._url = webhook.url
        self._key = referred(webhook.secret, what=f"The secret of the webhook {webhook.name!r}").encode()
        if len(self._key) < LEAST_SECRET_CHARACTERS:
            raise UserError(
                f"The secret of the webhook {webhook.name!r} is too short to sign with.",
                advice=f"Take at least {LEAST_SECRET_CHARACTERS} characters, as from: openssl rand -hex 32",
            )
        self._allowed = chosen.allow_networks
        self._timeout = urllib3.Timeout(connect=min(5.0, chosen.seconds), read=chosen.seconds)

    def send(self, message: Message) -> str | None:
        """Why the other side does not want this message; None if it took it. Raises UserError, OSError, HTTPError if it
        could not be reached or could not take any message now.
        """
        place = resolved(self._url, self._allowed)
        pool: urllib3.HTTPConnectionPool
        if place.scheme == "https":
            pool = TimelyTlsPool(
                place.address, place.port, server_hostname=place.host, assert_hostname=place.host
            )
        else:
            pool = TimelyPool(place.address, place.port)
        with pool:
            answer = pool.urlopen(
                "POST",
                place.target,
                body=message.body,
                headers={"Host": place.host_header, **self.headers(message)},
                retries=RETRIES,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
                preload_content=False,  # what it answers is of no interest, and may be endless
            )
            status = answer.status
            answer.close()
        if status in OF_ONE_MESSAGE:
            return f"answered {status}"
        if not 200 <= status < 300:
            raise urllib3.exceptions.HTTPError(f"answered {status}")
        return None

    def headers(self, message: Message) -> dict[str, str]:
        """Those of Standard Webhooks: an id that stays the same, the time, and the HMAC-SHA256 over both and the body."""
        moment = str(int(time.time()))
        signed = b".".join((message.id.encode(), moment.encode(), message.body))
        signature = base64.b64encode(hmac.new(self._key, signed, hashlib.sha256).digest()).decode()
        return {
            "Content-Type": "application/json",
            "User-Agent": "Modeldex-Webhook/1",
            "webhook-id": message.id,
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{signature}",
        }


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, default=str).encode("utf-8", "replace")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.MaxRetryError):
        return f"could not be reached ({type(error.reason).__name__})"
    return str(error) or type(error).__name__
