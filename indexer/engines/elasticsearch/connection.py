"""The client, and what its errors mean in one sentence with the next thing to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import EngineUnavailable, ModeldexError, PluginUnavailable
from catalog.search.caller import CALLER
from indexer.engines.elasticsearch.counting import too_many_buckets
from indexer.settings import ElasticsearchSettings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

    from catalog.settings import Settings

NAME = "elasticsearch"
OLDEST = (8, 15)
NEWEST_MAJOR = 9
KEPT = "What is not indexed is kept for the next try."


def connect(settings: Settings) -> Elasticsearch:
    """A client for these settings; it connects when it is first used."""
    try:
        from elasticsearch import Elasticsearch, OrjsonSerializer  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        raise PluginUnavailable("engine", NAME, "install modeldex[elasticsearch]") from error
    chosen = settings.section(ElasticsearchSettings)
    options: dict[str, Any] = {
        "request_timeout": chosen.timeout_seconds,
        "max_retries": 1,
        "serializer": OrjsonSerializer(),
    }
    if chosen.api_key:
        options["api_key"] = chosen.api_key
    elif chosen.user:
        options["basic_auth"] = (chosen.user, chosen.password)
    if chosen.ca:
        if not Path(chosen.ca).is_file():
            reason = f"there is no file {chosen.ca} with its certificate authority."
            raise EngineUnavailable(NAME, reason, advice="Check MODELDEX_ELASTICSEARCH_CA.")
        options["ca_certs"] = chosen.ca
    # What goes wrong is told by our own sentence; the client would add a line for each request.
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)
    try:
        return Elasticsearch(chosen.url, **options)
    except ValueError as error:  # the address is not repeated: it may hold a password
        reason = "its address is not a URL with scheme, host and port, as in https://localhost:9200."
        raise EngineUnavailable(NAME, reason, advice="Check MODELDEX_ELASTICSEARCH_URL.") from error


def check_version(client: Elasticsearch) -> str:
    """The server's version. Raises EngineUnavailable for one that this client does not speak with."""
    from elasticsearch import AuthorizationException  # noqa: PLC0415 - an optional dependency

    with honest():
        try:
            nodes = client.nodes.info(filter_path="nodes.*.version")
        except (
            AuthorizationException
        ):  # a key for one alias may not see the nodes; the first search will tell
            return "unknown"
    versions = sorted({str(node["version"]) for node in nodes.get("nodes", {}).values()})
    for version in versions:
        major, minor = (int(part) for part in version.split(".")[:2])
        if (major, minor) < OLDEST or major > NEWEST_MAJOR:
            raise EngineUnavailable(
                NAME,
                f"the server is version {version}.",
                advice=f"Modeldex works with {OLDEST[0]}.{OLDEST[1]} to {NEWEST_MAJOR}.x.",
            )
    return ", ".join(versions)


def named(client: Elasticsearch) -> Elasticsearch:
    """The client under the caller's name, so that the server's slow log and its tasks tell who asked."""
    caller = CALLER.get()
    return client.options(opaque_id=caller) if caller else client


@contextmanager
def honest() -> Iterator[None]:
    """Turns the client's errors into EngineUnavailable (or the refusal that every engine gives)."""
    from elasticsearch import (  # noqa: PLC0415 - an optional dependency
        ApiError,
        SSLError,
        TransportError,
        UnsupportedProductError,
    )

    try:
        yield
    except UnsupportedProductError as error:
        raise _somebody_else() from error
    except ApiError as error:
        raise _meaning(error) from error
    except SSLError as error:
        advice = "Check that MODELDEX_ELASTICSEARCH_CA is the file of the authority that signed it."
        raise EngineUnavailable(
            NAME, f"its certificate is not trusted ({error.message}).", advice=advice
        ) from error
    except TransportError as error:
        raise EngineUnavailable(
            NAME,
            f"it does not answer ({error.message}).",
            advice=f"Check MODELDEX_ELASTICSEARCH_URL and the server. {KEPT}",
        ) from error


def _meaning(error: Any) -> ModeldexError:
    kind, reason = cause(error.body)
    if kind == "too_many_buckets_exception":
        return too_many_buckets()
    if kind == "media_type_header_exception":
        return EngineUnavailable(
            NAME, "the server speaks another major version.", advice="Modeldex works with 8.15 to 9.x."
        )
    if error.status_code == 401:
        advice = "Check MODELDEX_ELASTICSEARCH_API_KEY, or _USER and _PASSWORD."
        return EngineUnavailable(NAME, "it refused the credentials.", advice=advice)
    if (closed := _closed(kind, reason)) is not None:
        return closed
    if error.status_code == 403:
        return not_allowed(reason)
    if error.status_code in {429, 502, 503, 504} or "all shards failed" in reason:
        return EngineUnavailable(
            NAME, f"the cluster cannot answer now ({reason}).", advice="Look at GET /_cluster/health."
        )
    if not (isinstance(error.body, dict) and "error" in error.body):
        return _somebody_else()
    return EngineUnavailable(NAME, f"it refused a request ({kind}: {reason}).")


def _somebody_else() -> EngineUnavailable:
    reason = "what answers there is not Elasticsearch."
    return EngineUnavailable(NAME, reason, advice="Check MODELDEX_ELASTICSEARCH_URL.")


def _closed(kind: str, reason: str) -> EngineUnavailable | None:
    """The index may be read and not be written: by Elasticsearch itself when its disk is full, else by somebody."""
    if "flood-stage" in reason or "disk usage exceeded" in reason:
        return EngineUnavailable(
            NAME, "its disk is full, so the index is read-only.", advice=f"Free space there. {KEPT}"
        )
    if kind == "cluster_block_exception":
        advice = f"Look at index.blocks in the settings of the index. {KEPT}"
        return EngineUnavailable(NAME, f"somebody closed the index ({reason.rstrip('; ')}).", advice=advice)
    return None


def put_off(error: Any) -> str:
    """Why one document waits: the sentence that a whole request would get."""
    kind, reason = cause({"error": error})
    unavailable = _closed(kind, reason)
    if unavailable is None:
        advice = f"Look at GET /_cluster/health. {KEPT}"
        unavailable = EngineUnavailable(
            NAME, f"the cluster cannot write now ({kind}: {reason}).", advice=advice
        )
    return str(unavailable)


def not_allowed(reason: str) -> EngineUnavailable:
    """The server knows who asks, and refuses."""
    advice = "Give the key read or write rights on the alias."
    return EngineUnavailable(NAME, f"the user may not do this: {reason}.", advice=advice)


def cause(body: Any) -> tuple[str, str]:
    """Type and reason of an error body, of its deepest cause."""
    error = body.get("error", body) if isinstance(body, dict) else {}
    if not isinstance(error, dict):
        return "error", str(error)[:500]
    inner = error
    while isinstance(inner.get("caused_by"), dict):
        inner = inner["caused_by"]
    roots = error.get("root_cause") or [error]
    chosen = inner if inner is not error else roots[0]
    return str(chosen.get("type", "error")), str(chosen.get("reason", ""))[:500]
