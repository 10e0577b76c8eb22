"""Pages and answers packed for who takes them so: a page of results is an eighth of its size."""

from __future__ import annotations

import gzip

from flask import Response, request

from webui.rendering import revision_of

MIN_BYTES, MAX_BYTES = 1_000, 8_000_000
"""Shorter ones fit into a packet anyway; longer ones would hold a thread of the server."""
OK, PARTIAL, NOT_MODIFIED = 200, 206, 304
LEVEL = 4
"""130 kB of a page of results become 16 kB."""
_PACKED = frozenset(
    {
        "application/atom+xml",
        "application/feed+json",
        "application/json",
        "image/svg+xml",
        "text/css",
        "text/html",
        "text/javascript",
    }
)


def packed(response: Response) -> Response:
    """The response as gzip where its reader takes that and it may be kept.

    What nobody may keep holds what is shown once, such as a new token: of that not even the packed length is to tell.
    The ETag becomes a weak one, since the packed bytes are others; a strong one that is a revision stays as it is, and
    so does its answer.
    """
    if response.status_code == NOT_MODIFIED:
        response.vary.add(
            "Accept-Encoding"
        )  # it has no type any more; of what is never packed this is true as well
        return response
    if response.mimetype not in _PACKED or response.status_code not in {OK, PARTIAL}:
        return response
    tag, is_weak = response.get_etag()
    is_revision = tag is not None and revision_of(tag) is not None
    if "Content-Encoding" in response.headers or response.cache_control.no_store or is_revision:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code != OK or request.method != "GET":
        return response
    length = response.content_length or 0  # none of an answer in parts
    if request.accept_encodings.quality("gzip") <= 0 or not MIN_BYTES <= length <= MAX_BYTES:
        return response
    response.direct_passthrough = False  # of a static file
    response.set_data(gzip.compress(response.get_data(), compresslevel=LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    if tag and not is_weak:
        response.set_etag(tag, weak=True)
    return response
