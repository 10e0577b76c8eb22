"""Tells a lineage service (Marquez, DataHub, OpenMetadata) of each model, what it was made of and where it is.

One more consumer of revisions. A model is a data set that a job of its own makes out of data sets and base models: that is
design-time lineage, which needs no runs and may be told twice. Gone models are not told.
Source: OpenLineage 2-0-2, spec/OpenLineage.json (JobEvent, DatasetEvent); spec/Naming.md; facets DatasetVersion, Documentation.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from catalog.exports.withheld import without
from catalog.search.engine import IndexAction, IndexOutcome
from indexer.settings import OpenLineageSettings

if TYPE_CHECKING:
    from catalog.settings import Settings
    from catalog.store import Store

CONSUMER = "openlineage"
BATCH = 50
MAX_INPUTS = 100
PRODUCER = "https://pypi.org/project/modeldex"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
VERSION_FACET = "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json"
DOCUMENTATION_FACET = "https://openlineage.io/spec/facets/1-0-1/DocumentationDatasetFacet.json"
OF_ONE_EVENT = frozenset({400, 413, 422})
"""Answers that are about what was sent. All others are about the other side, and are tried again."""

log = logging.getLogger(__name__)


def tell(settings: Settings, store: Store) -> int:
    """Tells what waits, until the other side cannot be reached; how many models it took. Does nothing without a URL."""
    chosen = settings.section(OpenLineageSettings)
    if not chosen.url:
        return 0
    consumer = store.consumer(CONSUMER)
    consumer.register()
    hidden = {str(row.id): row.definition.sensitive for row in store.sources.all()}
    taken = 0
    with urllib3.PoolManager(timeout=chosen.seconds, retries=False) as pool:
        while actions := consumer.claim(BATCH):
            outcome = _tell_each(pool, chosen, actions, hidden)
            consumer.settle(actions, outcome)
            taken += len(outcome.done)
            if outcome.retry:
                log.warning("lineage waits reason=%s", next(iter(outcome.retry.values())))
                break
    return taken


def _tell_each(
    pool: urllib3.PoolManager,
    chosen: OpenLineageSettings,
    actions: list[IndexAction],
    hidden: Mapping[str, tuple[str, ...]],
) -> IndexOutcome:
    """After a failure the rest waits with it."""
    headers = {"Content-Type": "application/json", "User-Agent": "modeldex"}
    if chosen.api_key:
        headers["Authorization"] = f"Bearer {chosen.api_key}"
    done: list[str] = []
    rejected: dict[str, str] = {}
    retry: dict[str, str] = {}
    problem = ""
    for action in actions:
        if problem:
            retry[action.id] = problem
        elif action.document is None:
            done.append(action.id)
        else:
            document = without(action.document, hidden.get(str(action.document.get("source")), ()))
            body = json.dumps(event_of(document, chosen.namespace), default=str).encode()
            try:
                status = pool.request("POST", chosen.url, body=body, headers=headers, redirect=False).status
            except (urllib3.exceptions.HTTPError, OSError) as error:
                problem = retry[action.id] = f"could not be reached ({type(error).__name__})"
                continue
            if 200 <= status < 300:
                done.append(action.id)
            elif status in OF_ONE_EVENT:
                rejected[action.id] = f"answered {status}"
            else:
                problem = retry[action.id] = f"answered {status}"
    return IndexOutcome(done=done, rejected=rejected, retry=retry)


def event_of(document: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """A JobEvent for a model of which it is known what it was made of, else a DatasetEvent."""
    event: dict[str, Any] = {
        "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "producer": PRODUCER,
    }
    output = {**place_of(str(document.get("uri") or document["id"]), namespace), "facets": _facets(document)}
    inputs = [place_of(str(name), namespace) for name in document.get("datasets", [])[:MAX_INPUTS]]
    bases = [base["id"] for base in document.get("base_model", []) if base.get("id")]
    inputs += [place_of(str(name), namespace) for name in bases[:MAX_INPUTS]]
    if not inputs:
        return {**event, "schemaURL": f"{SPEC}DatasetEvent", "dataset": output}
    job = {"namespace": namespace, "name": f"train.{document['id']}"}
    return {**event, "schemaURL": f"{SPEC}JobEvent", "job": job, "inputs": inputs, "outputs": [output]}


def place_of(name: str, namespace: str) -> dict[str, str]:
    """What OpenLineage calls it: a bucket or host with its scheme is a namespace, all else is a name in ours."""
    parts = urlsplit(name) if "://" in name else None
    if parts is None or not (parts.netloc or parts.path):
        return {"namespace": namespace, "name": name}
    if parts.scheme == "file":
        return {"namespace": "file", "name": parts.path}
    return {"namespace": f"{parts.scheme}://{parts.hostname or ''}", "name": parts.path.strip("/") or "/"}


def _facets(document: Mapping[str, Any]) -> dict[str, Any]:
    version = document.get("content_hash") or document.get("version") or document.get("revision", 1)
    facets: dict[str, Any] = {
        "version": {"_producer": PRODUCER, "_schemaURL": VERSION_FACET, "datasetVersion": str(version)}
    }
    if text := document.get("description") or document.get("title"):
        facets["documentation"] = {
            "_producer": PRODUCER,
            "_schemaURL": DOCUMENTATION_FACET,
            "description": str(text),
        }
    return facets
