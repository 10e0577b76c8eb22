"""Tells a lineage service (Marquez, DataHub, OpenMetadata) of each model, what it was made of and where it is.

One more consumer of revisions. A model is a data set that a job of its own makes out of data sets and base models: that is
design-time lineage, which needs no runs and may be told twice. To services that know runs alone each state of the weights is
one run that is complete. Gone models are not told.
Source: OpenLineage 2-0-2, spec/OpenLineage.json (JobEvent, DatasetEvent, RunEvent); spec/Naming.md; facets DatasetVersion,
DatasetType, Documentation of data sets and jobs.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import urllib3

from catalog.answer_deadline import TimelyPools
from catalog.exports.withheld import without
from catalog.search.engine import IndexAction, IndexOutcome
from catalog.terminal import printable
from indexer.settings import RUNS, OpenLineageSettings

if TYPE_CHECKING:
    from catalog.settings import Settings
    from catalog.store import Store

BATCH = 50
MAX_INPUTS = 100
PRODUCER = "urn:modeldex"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
FACETS = "https://openlineage.io/spec/facets"
CONTAINERS = frozenset({"abfs", "abfss", "wasb", "wasbs"})
"""Of these what stands before an @ is the container and no user."""
ANSWER_BYTES = 300
"""So much of an answer stands in a sentence."""
OF_ONE_EVENT = frozenset({400, 413, 422})
"""Answers that are about what was sent. All others are about the other side, and are tried again."""

log = logging.getLogger(__name__)


def tell(settings: Settings, store: Store, is_over: Callable[[], bool] = lambda: False) -> int:
    """Tells what waits, until the other side cannot be reached or `is_over`; how many models it took. Does nothing without a URL."""
    chosen = settings.section(OpenLineageSettings)
    if not chosen.url:
        return 0
    consumer = store.consumer(consumer_of(chosen))
    consumer.register()
    hidden = {str(row.id): row.definition.sensitive for row in store.sources.all()}
    taken, refused = 0, dict[str, str]()
    with TimelyPools(timeout=chosen.seconds, retries=False) as pool:
        service = _Service(pool, chosen)
        while not is_over() and (actions := consumer.claim(BATCH)):
            outcome = _tell_each(service, actions, hidden, is_over)
            consumer.settle(actions, outcome)
            taken += len(outcome.done)
            refused |= outcome.rejected
            if outcome.retry:
                log.warning("lineage waits reason=%s", next(iter(outcome.retry.values())))
                break
        if is_over():
            consumer.release()
    if refused:
        log.warning("lineage refused models=%s reason=%s", len(refused), next(iter(refused.values())))
    return taken


def consumer_of(chosen: OpenLineageSettings) -> str:
    """The name of the cursor: another service, or other events, are another one, which hears of every model."""
    place = f"{chosen.url.rpartition('@')[2]}\0{chosen.namespace}\0{chosen.events}"
    return f"openlineage-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


class _Service:
    """The other side."""

    def __init__(self, pool: urllib3.PoolManager, chosen: OpenLineageSettings) -> None:
        self._pool = pool
        self._chosen = chosen
        self._headers = {"Content-Type": "application/json", "User-Agent": "modeldex"}
        if chosen.api_key:
            self._headers["Authorization"] = f"Bearer {chosen.api_key}"

    def send(self, document: Mapping[str, Any]) -> str | None:
        """Why it does not want this event; None if it took it. Raises HTTPError or OSError if it could not be reached or
        takes no event now.
        """
        chosen = self._chosen
        event = event_of(document, chosen.namespace, as_run=chosen.events == RUNS)
        answer = self._pool.request(
            "POST",
            chosen.url,
            body=json.dumps(event, default=str).encode(),
            headers=self._headers,
            redirect=False,
            preload_content=False,  # what it answers may be endless
        )
        try:
            beginning = answer.read1(
                ANSWER_BYTES
            )  # whole, as answers are, it leaves the connection for the next
        except urllib3.exceptions.HTTPError:
            beginning = b""  # the status is the answer
        answer.close()
        if 200 <= answer.status < 300:
            return None
        words = printable(beginning.decode("utf-8", "replace").strip())
        reason = f"answered {answer.status}{f': {words}' if words else ''}"
        if answer.status not in OF_ONE_EVENT:
            raise urllib3.exceptions.HTTPError(reason)
        return reason


def _tell_each(
    service: _Service,
    actions: list[IndexAction],
    hidden: Mapping[str, tuple[str, ...]],
    is_over: Callable[[], bool],
) -> IndexOutcome:
    """After a failure the rest waits with it; what comes after the end is not in it."""
    done: list[str] = []
    rejected: dict[str, str] = {}
    retry: dict[str, str] = {}
    problem = ""
    for action in actions:
        if problem:
            retry[action.id] = problem
        elif is_over():
            break
        elif action.document is None:
            done.append(action.id)
        else:
            document = without(action.document, hidden.get(str(action.document.get("source")), ()))
            try:
                refusal = service.send(document)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                problem = retry[action.id] = _reason(error)
            else:
                if refusal is None:
                    done.append(action.id)
                else:
                    rejected[action.id] = refusal
    return IndexOutcome(done=done, rejected=rejected, retry=retry)


def _reason(error: Exception) -> str:
    if type(error) is urllib3.exceptions.HTTPError:  # ours: what it answered
        return str(error)
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "did not answer in time"
    return f"could not be reached ({type(error).__name__})"


def event_of(document: Mapping[str, Any], namespace: str, *, as_run: bool = False) -> dict[str, Any]:
    """A JobEvent for a model of which it is known what it was made of, else a DatasetEvent; or a RunEvent for either."""
    event: dict[str, Any] = {
        "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "producer": PRODUCER,
    }
    output = {**place_of(str(document.get("uri") or document["id"]), namespace), "facets": _facets(document)}
    inputs = [place_of(str(name), namespace) for name in document.get("datasets", [])[:MAX_INPUTS]]
    bases = [base["id"] for base in document.get("base_model", []) if base.get("id")]
    inputs += [place_of(str(name), namespace) for name in bases[:MAX_INPUTS]]
    if not inputs and not as_run:
        return {**event, "schemaURL": f"{SPEC}DatasetEvent", "dataset": output}
    title = f"Makes {document.get('name', '')} {document.get('version', '')}".strip()
    about = _facet("DocumentationJobFacet", "1-1-0", description=title)
    job = {"namespace": namespace, "name": f"train.{document['id']}", "facets": {"documentation": about}}
    lineage = {"job": job, "inputs": inputs, "outputs": [output]}
    if not as_run:
        return {**event, "schemaURL": f"{SPEC}JobEvent", **lineage}
    run = {"runId": str(uuid5(NAMESPACE_URL, f"{PRODUCER}/{document['id']}/{_version(document)}"))}
    return {**event, "schemaURL": f"{SPEC}RunEvent", "eventType": "COMPLETE", "run": run, **lineage}


def place_of(name: str, namespace: str) -> dict[str, str]:
    """What OpenLineage calls it: a bucket or host with its scheme is a namespace, all else is a name in ours."""
    try:
        parts = urlsplit(name) if "://" in name else None
    except ValueError:  # brackets that are no address
        parts = None
    if parts is None or not (parts.netloc or parts.path):
        return {"namespace": namespace, "name": name}
    if parts.scheme == "file":
        return {"namespace": "file", "name": parts.path}
    user, _, host = parts.netloc.rpartition("@")
    if user and parts.scheme in CONTAINERS:
        host = f"{user.partition(':')[0]}@{host}"
    return {"namespace": f"{parts.scheme}://{host}", "name": parts.path.strip("/") or "/"}


def _facets(document: Mapping[str, Any]) -> dict[str, Any]:
    facets = {
        "version": _facet("DatasetVersionDatasetFacet", "1-0-1", datasetVersion=_version(document)),
        "datasetType": _facet("DatasetTypeDatasetFacet", "1-0-1", datasetType="MODEL"),
    }
    if text := document.get("description") or document.get("title"):
        facets["documentation"] = _facet("DocumentationDatasetFacet", "1-1-0", description=str(text))
    return facets


def _facet(name: str, version: str, **content: str) -> dict[str, Any]:
    schema = f"{FACETS}/{version}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": schema, **content}


def _version(document: Mapping[str, Any]) -> str:
    """Another one for other weights, as far as these are known."""
    return str(document.get("content_hash") or document.get("version") or document.get("revision", 1))
