"""What MLflow's registry sends when something changes there, as hints which entries to look at.

Source: mlflow/mlflow, mlflow/webhooks/delivery.py and types.py (MLflow 3).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.errors import Malformed
from crawler.event_bodies import Hint
from crawler.formats import jsons
from crawler.formats.json_values import mapping, text
from crawler.formats.mlflow import MODEL_ID, RUN_ID
from crawler.mlflow_server.entries import logged_model_key, registered_key, run_key, version_key

SIGNATURE = "X-MLflow-Signature"
DELIVERY = "X-MLflow-Delivery-Id"
TIMESTAMP = "X-MLflow-Timestamp"
HEADERS = (SIGNATURE, DELIVERY, TIMESTAMP)
MAX_AGE_SECONDS = 300
"""A delivery that is older, or newer than now by as much, may be one that somebody sends once more."""
MAX_BODY_BYTES = 256 * 1024
_VERSION = "v1"
_SECONDS = re.compile(r"\d{1,12}")
_NUMBER = re.compile(r"\d{1,18}")


def is_signed(body: bytes, headers: Mapping[str, str], secret: str, *, now: float) -> bool:
    """Whether who knows the secret sent just this, just now. `now` is in seconds of the epoch."""
    moment, delivery = headers.get(TIMESTAMP, ""), headers.get(DELIVERY, "")
    if not secret or not _SECONDS.fullmatch(moment) or abs(now - int(moment)) > MAX_AGE_SECONDS:
        return False
    signed = f"{delivery}.{moment}.".encode("utf-8", "replace") + body
    digest = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    shown = headers.get(SIGNATURE, "").encode("utf-8", "replace")
    return hmac.compare_digest(shown, f"{_VERSION},{digest}".encode())


def hints_of(body: bytes, source: str) -> tuple[Hint, ...]:
    """Every entry of the source that the delivery speaks of; none for what is no model. Raises ExtractError."""
    event = jsons.load(body, limits=jsons.JsonLimits(size_bytes=MAX_BODY_BYTES, depth=20, nodes=10_000))
    if not isinstance(event, Mapping) or not isinstance(event.get("data"), Mapping):
        raise Malformed("the body is no delivery of MLflow")
    keys = dict.fromkeys(_keys(str(event.get("entity")), mapping(event["data"])))
    return tuple(Hint("", key, source) for key in keys)


def _keys(entity: str, data: Mapping[str, Any]) -> Iterator[str]:
    if entity not in {"registered_model", "model_version", "model_version_tag", "model_version_alias"}:
        return
    name = text(data.get("name"))
    if name is None:
        raise Malformed("the delivery names no model")
    yield registered_key(name)
    number = str(data.get("version") or "")
    if _NUMBER.fullmatch(number):
        yield version_key(name, number)
    run, model = text(data.get("run_id")), str(data.get("source") or "").removeprefix("models:/")
    run = run if run is not None and RUN_ID.fullmatch(run) else None
    if run is not None:
        yield run_key(run)
    if MODEL_ID.fullmatch(model):
        yield logged_model_key(model, run)
