"""The sections of the crawler."""

from __future__ import annotations

from typing import ClassVar

from catalog.lazy_dataclasses import dataclass
from catalog.settings.sections import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """How much of one file is read."""

    SECTION: ClassVar[str] = "file"

    requests: int = setting(512, "Most range requests for one file.", unit="requests")
    bytes: int = setting(64 * 1024 * 1024, "Most bytes read of one file.", unit="bytes")
    seconds: float = setting(20.0, "Longest time spent on one file.", unit="seconds", least=0.001)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """When `modeldex worker` crawls the sources of the catalog."""

    SECTION: ClassVar[str] = "worker"

    every_seconds: float = setting(
        900.0, "Time between the starts of two crawls of a source without a schedule.", unit="seconds"
    )
    sources_at_once: int = setting(2, "Sources that are crawled at the same time.", unit="sources", most=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """How storages tell that an object changed."""

    SECTION: ClassVar[str] = "events"

    token: str = setting(
        "",
        "What whoever sends events to /api/v1/events must know; empty means that none are taken.",
        secret=True,
    )
    mlflow_secret: str = setting(
        "",
        "The secret of the webhooks that MLflow sends to /api/v1/events/mlflow/SOURCE; empty means that none are taken.",
        secret=True,
    )
    queue_url: str = setting(
        "",
        "Queue that the worker takes events from: a URL of SQS, or cmq+https://HOST/QUEUE; empty means none.",
    )
    queue_endpoint_url: str = setting("", "Where the queue answers; empty means Amazon.")
    queue_region: str = setting("", "Region of the queue; empty means what AWS's own settings say.")
    queue_secret_id: str = setting("", "Where the SecretId for a queue of CMQ stands: env:NAME or file:PATH.")
    queue_secret_key: str = setting(
        "", "Where the SecretKey for a queue of CMQ stands: env:NAME or file:PATH."
    )
    watch: bool = setting(
        default=False,
        help_text="Whether the worker watches the directories of its sources, and looks at what changes at once.",
    )
