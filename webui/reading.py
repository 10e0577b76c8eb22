"""The catalog as the principal of the present request sees it, and headers that keep answers to it apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, current_app, g, request

from webui.parameters import Asked, canonical
from webui.rendering import etag

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.settings import Settings
    from webui.contracts import CrawlStatus, Services


def services() -> Services:
    """The services that the application was made with."""
    services: Services = current_app.extensions["modeldex"]
    return services


def catalog() -> Catalog:
    """All that a view knows of the catalog. One principal per request."""
    if "catalog" not in g:
        g.catalog = services().catalogs.of(services().principal())
    reading: Catalog = g.catalog
    return reading


def crawl_status() -> CrawlStatus | None:
    """The crawl that this server started, while there is something to say about it to who sees everything."""
    crawl = services().crawl
    return None if crawl is None or not catalog().principal.sees_all else crawl.status()


def search_tag(kind: str, wanted: Asked) -> str:
    """Names all that a results page depends on: the search, what the engine holds, a running crawl, this code."""
    return tag_of(
        kind,
        request.script_root,
        canonical(wanted.state),
        wanted.notices,
        catalog().info().generation,
        crawl_status(),
        build(),
    )


def settings() -> Settings:
    """The settings that the application was made with."""
    settings: Settings = current_app.extensions["modeldex-settings"]
    return settings


def build() -> str:
    """Names this version of templates and static files."""
    name: str = current_app.extensions["modeldex-build"]
    return name


def tag_of(*parts: object) -> str:
    """A short name for this state of these parts, another one for every scope."""
    principal = catalog().principal
    return etag(*parts) if principal.sees_all else etag(*parts, repr(principal.scope))


def kept_apart(response: Response) -> Response:
    """The response marked as one reader's own, where there are several: no cache may hand it to another."""
    reading: Catalog | None = g.get("catalog")
    if reading is not None and not reading.principal.sees_all:
        response.vary.update(["Authorization", "Cookie"])
        response.cache_control.private = True
    return response
