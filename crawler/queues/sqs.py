"""Amazon's queue, and others that speak like it.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog.errors import Malformed, PluginUnavailable, SourceError, described
from crawler.queue import Message
from crawler.settings import EventSettings

MOST_AT_ONCE = 10
WAIT_SECONDS = 5
"""A long poll costs one request for nothing; longer, the worker would not end within its time."""


class SqsQueue:
    """The queue of the settings. Credentials are those of AWS's own settings, a role of the machine among them."""

    def __init__(self, settings: EventSettings, *, wait_seconds: int = WAIT_SECONDS) -> None:
        try:
            import boto3  # noqa: PLC0415 - an extra
            from botocore.config import Config  # noqa: PLC0415
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

            from crawler.buckets.bounded_answers import bound_answers  # noqa: PLC0415 - it brings the same
        except ImportError as error:
            raise PluginUnavailable("queue", "sqs", "install it with: pip install 'modeldex[s3]'") from error
        # The last four are what boto3, and we, make of an answer that is none of a queue's.
        self._faults = (
            BotoCoreError,
            ClientError,
            Malformed,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        )
        self._url = settings.queue_url
        self._wait_seconds = wait_seconds
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=30
        )
        try:
            self._client: Any = boto3.client(
                "sqs",
                endpoint_url=settings.queue_endpoint_url or None,
                region_name=settings.queue_region or None,
                config=config,
            )
            bound_answers(self._client, "sqs")
        except self._faults as error:
            raise SourceError(f"The queue {self._url} cannot be asked: {error}") from error

    def receive(self) -> Sequence[Message]:
        try:
            answer = self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=MOST_AT_ONCE, WaitTimeSeconds=self._wait_seconds
            )
            _check(answer)
            return [
                Message(str(row["Body"]), str(row["ReceiptHandle"])) for row in answer.get("Messages", ())
            ]
        except self._faults as error:
            raise self._silent(error) from error

    def ack(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), MOST_AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.receipt}
                for number, message in enumerate(messages[start : start + MOST_AT_ONCE])
            ]
            try:
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
                _check(answer)
                kept = [failure["Code"] for failure in answer.get("Failed", ())]
            except self._faults as error:
                raise self._silent(error) from error
            if kept:
                raise SourceError(f"The queue {self._url} keeps a message: {kept[0]}")

    def _silent(self, error: Exception) -> SourceError:
        return SourceError(f"The queue {self._url} does not answer: {described(error)}")


def _check(answer: Any) -> None:
    """Raises Malformed for a page that something before the queue answers with, which boto3 takes for an empty queue."""
    kind = answer["ResponseMetadata"]["HTTPHeaders"].get("content-type", "")
    if "json" not in kind:
        raise Malformed(f"what answers there is no queue, but sends {kind[:100] or 'nothing'}")
