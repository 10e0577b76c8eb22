"""Several JSON objects in one file, one a line, as loggers append them."""

from __future__ import annotations

from catalog.errors import ExtractError, LimitExceeded
from catalog.lazy_dataclasses import dataclass
from crawler.formats import jsons
from crawler.reader import RangedReader

METRIC_LINES = "metric-lines"
"""The format of a log of which each line is about one position of a run."""
LAST_LINES = "last-lines"
"""The subject of what such a log says last."""
MAX_LINES = 100_000
HEAD_BYTES = 1024 * 1024
"""Of a first line: reports of RLlib hold hundreds of numbers for each of many episodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLines:
    """The objects with the number of their line, and how many lines were none (the last may still be written)."""

    objects: tuple[tuple[int, jsons.JsonObject], ...]
    broken: int


def read(reader: RangedReader, *, limits: jsons.JsonLimits | None = None) -> JsonLines | None:
    """The last 100,000 lines of the file; None for a file that is no JSON lines: one whose first line is not a whole object.

    Raises LimitExceeded when the file is larger than a JSON document may be.
    """
    size = min(reader.size_bytes, HEAD_BYTES)
    first = reader.take(0, size).lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    if not first[2].strip() or _object(first[0]) is None:
        return None
    size_limit = (limits or jsons.JsonLimits()).size_bytes
    if reader.size_bytes > size_limit:
        raise LimitExceeded("bytes of a JSON document", limit=size_limit, found=reader.size_bytes)
    lines = [
        (number, line)
        for number, line in enumerate(reader.take(0, reader.size_bytes).split(b"\n"), 1)
        if line.strip()
    ]
    parsed = [(number, _object(line)) for number, line in lines[-MAX_LINES:]]
    objects = tuple((number, item) for number, item in parsed if item is not None)
    return JsonLines(objects=objects, broken=len(parsed) - len(objects))


def begin(head: bytes) -> bool:
    """Whether first bytes hold a whole object on their first line and the beginning of another on the next."""
    first, newline, rest = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    return bool(newline) and rest.lstrip()[:1] == b"{" and _object(first) is not None


def _object(line: bytes) -> jsons.JsonObject | None:
    try:
        value = jsons.load(line.strip())
    except ExtractError:
        return None
    return value if isinstance(value, jsons.JsonObject) else None
