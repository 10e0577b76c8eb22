"""Views through the cache: a page that was made for the same state is not made again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response, current_app, request
from prometheus_client import CollectorRegistry

from catalog.settings import Settings
from webui.caching.answers import Answer, AnswerCache
from webui.caching.settings import CacheSettings
from webui.rendering import not_modified, tagged

EXTENSION = "modeldex-cache"


def register(app: Flask, settings: Settings, registry: CollectorRegistry) -> None:
    """Gives the application its cache, where there is one. Raises UserError for one that cannot be."""
    app.extensions[EXTENSION] = opened(settings, registry)


def opened(settings: Settings, registry: CollectorRegistry) -> AnswerCache | None:
    chosen = settings.section(CacheSettings)
    if not chosen.url:
        return None
    from webui.caching.redis_shelf import RedisShelf  # noqa: PLC0415 - only where it is asked for

    return AnswerCache(
        RedisShelf(chosen.url, seconds=chosen.timeout_seconds),
        secret=chosen.secret,
        catalog=settings.store_url,
        keep_seconds=chosen.keep_seconds,
        value_bytes=chosen.value_bytes,
        registry=registry,
    )


def close(app: Flask) -> None:
    cache: AnswerCache | None = app.extensions[EXTENSION]
    if cache is not None:
        cache.close()


def remembered(
    state: str,
    make: Callable[[], Response],
    *,
    tag: str | None = None,
    state_now: Callable[[], str] | None = None,
) -> Response:
    """304, the answer that the cache has for `state`, or the one that is made now, which the cache then keeps.

    `state` names all that the answer depends on, the scope of who asks with it, and is told to nobody; `tag` is the answer's
    ETag, where it is known before the answer is made. `state_now` names the state again: what was made while the catalog
    changed is not kept.
    """
    unchanged = None if tag is None else not_modified(tag)
    cache: AnswerCache | None = current_app.extensions[EXTENSION]
    if unchanged is not None or cache is None:
        return unchanged or make()
    # The address as it was sent: not all of it is in the state, as whether guesses are refused, or the name of this server.
    # And the day: "today" is another one tomorrow.
    place = f"{state} {request.url} {datetime.now(UTC):%Y-%m-%d}"
    known = cache.get(place)
    if known is not None:
        return not_modified(known.tag) or tagged(Response(known.body, mimetype=known.media_type), known.tag)
    response = make()
    own_tag, _ = response.get_etag()
    is_whole = response.status_code == 200 and not response.is_streamed and own_tag is not None
    if is_whole and (state_now is None or state_now() == state):
        cache.put(place, Answer(media_type=response.mimetype, body=response.get_data(), tag=own_tag))
    return response
