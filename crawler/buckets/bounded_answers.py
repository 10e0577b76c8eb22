"""Answers of a storage that end: boto3 reads a listing and a refusal to their end, however much is sent.

Requests go over boto3's own connections, which it shows to nobody: they are looked for here and nowhere else. Where a version
of it has them no more, objects are read and listings asked for by boto3 alone, without bounds, and
`tests/unit/crawler/buckets/test_bounded_answers.py` fails and says what to do.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import HTTPClientError
from urllib3.exceptions import HTTPError

from catalog.errors import Malformed
from crawler.answers import AnswerUnbounded, read_within

ANSWER_BYTES = 32 * 1024 * 1024
"""Of a listing: a thousand keys of 1,024 bytes, each of them written as `%XX`, take 3 MB, and what stands beside them less."""
REFUSAL_BYTES = 1024 * 1024
"""Storages say no in a kilobyte; proxies show pages with pictures in them."""
ANSWER_SECONDS = 300.0


class BoundedAnswer(AWSResponse):  # type: ignore[misc] # botocore publishes no type hints
    """Its content is read when it is asked for, if it ends within bounds."""

    _whole: bytes | None = None

    @property
    def content(self) -> bytes:
        """Raises Malformed for what does not end, HTTPClientError for what breaks off."""
        if self._whole is None:
            is_refusal = self.status_code >= HTTPStatus.MULTIPLE_CHOICES
            size_bytes = REFUSAL_BYTES if is_refusal else ANSWER_BYTES
            try:
                self._whole = read_within(self.raw, size_bytes=size_bytes, seconds=ANSWER_SECONDS)
            except AnswerUnbounded as error:
                self.raw.close()
                raise Malformed(f"the storage does not come to an end: {error}") from error
            except (HTTPError, OSError) as error:
                raise HTTPClientError(error=error) from error
        return self._whole


def connections_of(client: Any) -> Any:
    """What sends the requests of this client; None where boto3 has it no more."""
    return getattr(getattr(client, "_endpoint", None), "http_session", None)


def signer_of(client: Any) -> Any:
    """What signs the requests of this client, and renews credentials that expire; None where boto3 has it no more."""
    return getattr(client, "_request_signer", None)


def bound_answers(client: Any, service: str = "s3") -> None:
    """From now on what this client reads whole ends within bounds."""
    connections = connections_of(client)
    if connections is None:
        return

    def send(request: Any, **_: Any) -> BoundedAnswer:
        is_streamed = request.stream_output
        request.stream_output = True  # else the connection would read all of it
        answer = connections.send(request)
        bounded = BoundedAnswer(answer.url, answer.status_code, answer.headers, answer.raw)
        if not is_streamed:
            bounded.content  # noqa: B018 - read here, what breaks off is asked for again
        return bounded

    client.meta.events.register_last(f"before-send.{service}", send)
