"""Views through the cache: a page that was made for the same state is not made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from flask import Flask, Response, current_app, request
from prometheus_client import CollectorRegistry

from catalog.access.opening import has_keys
from catalog.errors import ModeldexError
from catalog.settings import Settings
from webui.caching.answers import Answer, AnswerCache
from webui.caching.settings import CacheSettings
from webui.rendering import dumps, not_modified, tagged

EXTENSION = "modeldex-cache"
T = TypeVar("T")


def register(app: Flask, settings: Settings, registry: CollectorRegistry) -> None:
    """Gives the application its cache, where there is one. Raises UserError for one that cannot be."""
    app.extensions[EXTENSION] = opened(settings, registry)


def opened(settings: Settings, registry: CollectorRegistry) -> AnswerCache | None:
    chosen = settings.section(CacheSettings)
    if not chosen.url or has_keys(
        settings
    ):  # an answer repeats what was asked, which may be a value that is kept sealed
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
    if response.status_code != 200 or response.is_streamed or own_tag is None:
        return response
    if state_now is None or _is_still(state, state_now):
        cache.put(place, Answer(media_type=response.mimetype or "", body=response.get_data(), tag=own_tag))
    return response


def remembered_json(state_now: Callable[[], str], make: Callable[[], T]) -> T:
    """What the cache has for this state as JSON values, or what is made now, which it then keeps as in `remembered`."""
    cache: AnswerCache | None = current_app.extensions[EXTENSION]
    if cache is None:
        return make()
    state = state_now()
    known = cache.get(state)
    if known is not None:
        kept: T = json.loads(known.body)
        return kept
    value = make()
    if _is_still(state, state_now):
        cache.put(state, Answer(media_type="application/json", body=dumps(value).encode(), tag=""))
    return value


def _is_still(state: str, state_now: Callable[[], str]) -> bool:
    """Whether the catalog is as it was. One that cannot be asked any more costs nobody the answer that is made."""
    try:
        return state_now() == state
    except ModeldexError:
        return False
