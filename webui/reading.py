"""The catalog as the principal of the present request sees it, and headers that keep answers to it apart."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, g, request

from catalog.access.accounts import Visit
from catalog.access.principals import OWNER
from webui.parameters import Asked, canonical
from webui.refusals import NotSignedIn
from webui.rendering import etag

if TYPE_CHECKING:
    from catalog.access.accounts import Accounts
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


def accounts() -> Accounts:
    """The accounts of this catalog. Raises NotSignedIn where there can be none."""
    known = services().accounts
    if known is None:
        raise NotSignedIn("No users are set up here.")
    return known


def signed_in() -> str:
    """The name of who is signed in; empty for the owner of the machine, and for nobody."""
    reading: Catalog | None = g.get("catalog")
    return "" if reading is None or reading.principal == OWNER else reading.principal.name


def command(words: str) -> str:
    """A command about this catalog as one types it. With its home folder, where that is not the usual one, for the owner of
    the machine alone.
    """
    known = settings()
    if known.home_origin == "default" or signed_in():
        return f"modeldex {words}"
    return f"MODELDEX_HOME={shlex.quote(str(known.home))} modeldex {words}"


def sees_all() -> bool:
    """Whether no model is hidden from who asks."""
    return catalog().principal.sees_all


def examples_folder() -> str:
    """The folder of examples beside these rooms, for the command line; empty where they are installed without it."""
    folder = Path(__file__).resolve().parents[1] / "examples"
    return shlex.quote(str(folder)) if (folder / "SOURCES.txt").is_file() else ""


def visit() -> Visit:
    """Who does something in this request, and from where, as the audit tells it."""
    return Visit(catalog().principal.name, request.remote_addr or "")


def note(action: str, resource: str, *, outcome: str = "done", before: Any = None, after: Any = None) -> None:
    """One line of the audit about this request, where there are accounts."""
    known = services().accounts
    if known is not None:
        g.is_refusal_noted = outcome == "refused"
        known.note(action, resource, visit(), outcome=outcome, before=before, after=after)


def is_refusal_noted() -> bool:
    """Whether the audit has a line already that this request was refused."""
    return bool(g.get("is_refusal_noted"))


def answer_as_owner() -> None:
    """From now on this request is answered as the owner's: its sender showed the token that one gave it."""
    g.catalog = services().catalogs.of(OWNER)


def crawl_status() -> CrawlStatus | None:
    """The crawl that this server started, while there is something to say about it to who sees everything."""
    crawl = services().crawl
    return None if crawl is None or not catalog().principal.sees_all else crawl.status()


def visible_tag(state: str) -> str | None:
    """The name of the state of a results page as it is told to who asks for the page.

    None for who does not see everything: the name would change with models that are hidden from them.
    """
    return state if catalog().principal.sees_all else None


def search_state(kind: str, wanted: Asked) -> str:
    """Names all that a results page depends on: the search, what the engine holds, a running crawl, this code."""
    return tag_of(
        kind,
        request.script_root,
        canonical(wanted.state),
        wanted.notices,
        catalog().info().generation,
        sorted(catalog().source_names().items()),
        crawl_status(),
        build(),
    )


def settings() -> Settings:
    """The settings that the application was made with."""
    settings: Settings = current_app.extensions["modeldex-settings"]
    return settings


def build() -> str:
    """Names what renders: another release is another one."""
    name: str = current_app.extensions["modeldex-build"]
    return name


def tag_of(*parts: object) -> str:
    """A short name for this state of these parts, another one for every scope."""
    principal = catalog().principal
    return etag(*parts) if principal == OWNER else etag(*parts, principal.id, repr(principal))


def kept_apart(response: Response) -> Response:
    """The response marked as one reader's own, where there are several: no cache may hand it to another."""
    reading: Catalog | None = g.get("catalog")
    if reading is not None and reading.principal != OWNER:
        response.vary.update(["Authorization", "Cookie"])
        response.cache_control.private = True
    return response
