"""The Flask application: routes, headers, errors. Views parse, call one service and render one page dataclass."""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import version
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from flask import Flask, Response, url_for

from catalog.access.as_of import RememberedPast
from catalog.access.opening import reading_fault
from catalog.access.principals import OWNER
from catalog.errors import ModeldexError
from catalog.retention.desk import RememberedProposals
from webui import api, es, metrics, security
from webui.access import guard, refusals, users
from webui.access import views as access
from webui.api import editing, retention
from webui.caching import remembering
from webui.compression import packed
from webui.errors import register_errors
from webui.headline import DATASET_UNKNOWN
from webui.html import edit_views, retention_views, saved_views, views
from webui.html.repeated import facet_items, result_items, table_rows
from webui.past import REMEMBERED
from webui.reading import command, examples_folder, kept_apart, sees_all, services, signed_in
from webui.rendering import answer
from webui.security import with_security_headers
from webui.text import attribute

if TYPE_CHECKING:
    from catalog.settings import Settings
    from webui.contracts import Services

STATIC_SECONDS = 365 * 24 * 3600
BODY_BYTES = 64 * 1024
ROOMS = tuple(
    Path(__file__).parents[1] / room for room in ("catalog", "crawler", "indexer", "mappings", "webui")
)
RENDERING = frozenset({".py", ".html", ".css", ".js", ".svg", ".toml", ".json"})
LIBRARIES = ("jinja2", "linkify-it-py", "markdown-it-py", "nh3")
"""What pages and answers are made by."""
BLUEPRINTS = (
    access.blueprint,
    users.blueprint,
    views.blueprint,
    saved_views.blueprint,
    retention_views.blueprint,
    edit_views.blueprint,
    api.blueprint,
    editing.blueprint,
    retention.blueprint,
)
"""Pages, then `/api`; `/es` registers itself, since it counts by settings."""


def create_app(settings: Settings, services: Services) -> Flask:
    """The application over these services; any number of processes may serve it.

    Pages hold no state. /es/ counts its users' requests and keeps their points in time in each process by itself.
    """
    app = Flask("webui")
    app.config.update(MAX_CONTENT_LENGTH=BODY_BYTES, SEND_FILE_MAX_AGE_DEFAULT=STATIC_SECONDS)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # DefaultJSONProvider has it, the base class does not
    app.extensions["modeldex"] = services
    app.extensions["modeldex-settings"] = settings
    app.extensions["modeldex-build"] = build()
    app.extensions["modeldex-proposals"] = RememberedProposals()
    app.extensions[REMEMBERED] = RememberedPast()
    app.extensions["modeldex-exports"] = BoundedSemaphore(api.EXPORTS_AT_ONCE)
    _set_up_templates(app)
    app.after_request(packed)  # the first one registered runs last
    security.register(app)
    guard.register(app)
    refusals.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    es.register(app, settings)
    register_errors(app)
    app.after_request(with_security_headers)
    app.after_request(kept_apart)
    metrics.register(app)
    remembering.register(app, settings, app.extensions["modeldex-request-metrics"])
    app.get("/healthz")(_healthz)
    app.get("/readyz")(_readyz)
    return app


def _set_up_templates(app: Flask) -> None:
    """What every template may call."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["attribute"] = attribute
    app.jinja_env.globals.update(
        asset=_asset,
        facet_items=facet_items,
        result_items=result_items,
        table_rows=table_rows,
        signed_in=signed_in,
        sees_all=sees_all,
        command=command,
        examples_folder=examples_folder,
        dataset_unknown=DATASET_UNKNOWN,
    )


def _healthz() -> Response:
    """The process answers. Says nothing of store and engine: they may well come later."""
    return Response('{"status":"ok"}\n', mimetype="application/json", headers={"Cache-Control": "no-store"})


def _readyz() -> Response:
    """Searches can be answered: store and engine open. 503 with the reason if not."""
    try:
        problem = services().catalogs.of(OWNER).status().problem
    except Exception as error:  # a probe asks every few seconds: no page, and no error in the log each time
        fault = error if isinstance(error, ModeldexError) else reading_fault(error)
        if fault is None:
            raise
        problem = fault.public
    # For whoever asks: it names nothing of the catalog.
    body = {"status": "not ready", "problem": problem} if problem else {"status": "ready"}
    return answer(body, status=503 if problem else 200)


def _asset(name: str) -> str:
    """The address of a static file with its content in it, so that it may be cached for ever."""
    return url_for("static", filename=name, v=_fingerprint(name))


@functools.cache
def build(rooms: tuple[Path, ...] = ROOMS) -> str:
    """Names what renders, code as well as templates, so that another release makes every cached page old, and the servers
    of one release agree. Takes 20 ms, once.
    """
    digest = hashlib.sha256()
    for room in rooms:
        for path in sorted(room.rglob("*")):
            if path.suffix in RENDERING:
                digest.update(f"{path.relative_to(room)}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    for library in LIBRARIES:
        digest.update(f"{library} {version(library)}\0".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _fingerprint(name: str) -> str:
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]
