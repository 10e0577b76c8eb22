"""Queues of Tencent Cloud (TDMQ for CMQ), by the HTTP interface for messages, version 2.0.

Written from the documents and never run against Tencent Cloud. Sources: cloud.tencent.com/document/product/406/5924
(BatchReceiveMessage), /5841 (BatchDeleteMessage), /5883 (signatures); the order of what is signed as in the vendor's own
`qcloud_cmq`, 0.1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from catalog.answer_deadline import TimelyPools
from catalog.errors import SourceError, UserError
from catalog.settings import referred
from crawler.answers import AnswerUnbounded, read_within
from crawler.queue import Message
from crawler.settings import EventSettings

SCHEME = "cmq+"
PATH = "/v2/index.php"
MOST_AT_ONCE = 16
WAIT_SECONDS = 5
"""A long poll costs one request for nothing; longer, the worker would not end within its time."""
MOST_ANSWER_BYTES = 20 * 1024 * 1024
"""Sixteen messages of a megabyte, which is the most that one holds."""
MOST_ANSWER_SECONDS = 60.0
"""Of the whole answer, beside the wait for each part of it: one that trickles would hold the worker for ever."""
NO_MESSAGE = 7000
ADDRESS = "Write it as cmq+https://cmq-REGION.public.tencenttdmq.com/QUEUE."


class CmqQueue:
    """The queue of the settings, with the SecretId and SecretKey that they refer to. Raises UserError."""

    def __init__(self, settings: EventSettings, *, wait_seconds: int = WAIT_SECONDS) -> None:
        parts = urlsplit(settings.queue_url.removeprefix(SCHEME))
        self._queue = parts.path.strip("/")
        if parts.scheme not in {"http", "https"} or not parts.hostname or not self._queue:
            raise UserError(f"{settings.queue_url!r} is no address of a queue of CMQ.", advice=ADDRESS)
        if not settings.queue_secret_id or not settings.queue_secret_key:
            raise UserError(
                "A queue of CMQ is asked with a SecretId and a SecretKey.",
                advice="Set events.queue_secret_id and events.queue_secret_key to env:NAME or file:PATH.",
            )
        self._secret_id = referred(settings.queue_secret_id, what="The setting 'events.queue_secret_id'")
        self._secret_key = referred(settings.queue_secret_key, what="The setting 'events.queue_secret_key'")
        self._host = parts.netloc
        self._url = f"{parts.scheme}://{parts.netloc}{PATH}"
        self._wait_seconds = wait_seconds
        self._http = TimelyPools(retries=False, timeout=urllib3.Timeout(connect=5, read=wait_seconds + 25))

    def receive(self) -> Sequence[Message]:
        """At most sixteen messages; none after the wait. Raises SourceError."""
        answer = self._asked(
            "BatchReceiveMessage", {"numOfMsg": MOST_AT_ONCE, "pollingWaitSeconds": self._wait_seconds}
        )
        rows = answer.get("msgInfoList") or ()
        try:
            return [Message(str(row["msgBody"]), str(row["receiptHandle"])) for row in rows]
        except (KeyError, TypeError) as error:
            raise self._error("it sends a message without a body or a receipt") from error

    def ack(self, messages: Sequence[Message]) -> None:
        """These are deleted. Raises SourceError if one of them will come again."""
        for start in range(0, len(messages), MOST_AT_ONCE):
            some = messages[start : start + MOST_AT_ONCE]
            receipts = {f"receiptHandle.{number}": message.receipt for number, message in enumerate(some)}
            kept = self._asked("BatchDeleteMessage", receipts).get("errorList")
            if kept:
                raise self._error(f"it keeps {len(kept)} of {len(some)} messages")

    def _asked(self, action: str, parameters: Mapping[str, str | int]) -> Mapping[str, Any]:
        given = {
            **parameters,
            "queueName": self._queue,
            "Action": action,
            "SecretId": self._secret_id,
            "Nonce": secrets.randbelow(2**31 - 1) + 1,
            "Timestamp": int(time.time()),
            "SignatureMethod": "HmacSHA256",
        }
        given["Signature"] = signature(self._secret_key, self._host, given)
        try:
            answer = self._http.request(
                "POST",
                self._url,
                body=urlencode(given),
                headers={"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "modeldex"},
                redirect=False,
                preload_content=False,
            )
            try:
                body = read_within(answer, size_bytes=MOST_ANSWER_BYTES, seconds=MOST_ANSWER_SECONDS)
            except BaseException:
                answer.close()
                raise
            answer.release_conn()
        except AnswerUnbounded as error:
            raise self._error(str(error)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._error(f"{type(error).__name__}: {error}") from error
        if answer.status != 200:
            raise self._error(f"it answers {answer.status}")
        return self._checked(body)

    def _checked(self, body: bytes) -> Mapping[str, Any]:
        """What was answered. Raises SourceError for a refusal, and for what is no answer of a queue."""
        try:
            value = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._error("what it answers is not JSON") from error
        if not isinstance(value, dict) or not isinstance(value.get("code"), int):
            raise self._error("what it answers is no answer of CMQ")
        if value["code"] == NO_MESSAGE:
            return {}
        if value["code"]:
            words = " ".join(str(value.get("message", "")).split())[:200]
            raise self._error(f"it refuses with code {value['code']}: {words}")
        return value

    def _error(self, reason: str) -> SourceError:
        return SourceError(f"The queue {self._queue} at {self._host} cannot be followed: {reason}")


def signature(secret_key: str, host: str, parameters: Mapping[str, str | int]) -> str:
    """Over the method, the host, the path and all parameters in the order of their names, none of them encoded."""
    pairs = "&".join(f"{name.replace('_', '.')}={value}" for name, value in sorted(parameters.items()))
    digest = hmac.new(secret_key.encode(), f"POST{host}{PATH}?{pairs}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")


__all__ = ["SCHEME", "CmqQueue", "signature"]
