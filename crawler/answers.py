"""Answers of servers that nobody vouches for: read whole, if they end within bounds of bytes and of time."""

from __future__ import annotations

import time

import urllib3

PART_BYTES = 256 * 1024


class AnswerUnbounded(Exception):
    """Says which bound was passed. The connection is of no more use."""


def read_within(response: urllib3.BaseHTTPResponse, *, size_bytes: int, seconds: float) -> bytes:
    """The whole body; each part is waited for as long as the pool says. Raises AnswerUnbounded, and what urllib3 raises."""
    ends = time.monotonic() + seconds
    data = bytearray()
    while part := response.read1(PART_BYTES):
        data += part
        if len(data) > size_bytes:
            raise AnswerUnbounded(f"an answer has more than {size_bytes:,} bytes")
        if time.monotonic() > ends:
            raise AnswerUnbounded(f"an answer takes more than {seconds:,.0f} seconds")
    return bytes(data)
