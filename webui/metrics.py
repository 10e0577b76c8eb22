"""`/metrics` for Prometheus: the catalog as it is when it is asked, and the requests of this process.

Source: https://prometheus.io/docs/practices/naming/ and https://prometheus.io/docs/instrumenting/writing_exporters/.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from catalog.records import RunState
from webui.health import health
from webui.reading import catalog

if TYPE_CHECKING:
    from webui.health import DueSource

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
OTHER = "other"
"""Addresses that are none of ours: each as a label of its own would let anybody fill the memory of the collector."""


class RequestMetrics:
    """Counts and times the requests of one application."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count = Counter(
            "modeldex_http_requests",
            "Requests that were answered.",
            ("endpoint", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "modeldex_http_request_seconds",
            "Seconds until the first byte of an answer.",
            ("endpoint",),
            buckets=SECONDS,
            registry=registry,
        )

    def begin(self) -> None:
        g.metrics_began = time.perf_counter()

    def end(self, response: Response) -> Response:
        endpoint = request.endpoint or OTHER
        self._count.labels(endpoint, str(response.status_code)).inc()
        began = g.get("metrics_began")
        if began is not None:
            self._seconds.labels(endpoint).observe(time.perf_counter() - began)
        return response


class CatalogCollector(Collector):
    """What the principal of the present request may know of the catalog."""

    def collect(self) -> Iterator[Metric]:
        status, state = catalog().status(), health()
        up = GaugeMetricFamily(
            "modeldex_up", "Whether store and engine answer.", value=not (status.problem or state.problem)
        )
        yield up
        for name, text, number in (
            ("modeldex_models", "Models in the catalog.", status.models),
            ("modeldex_indexed_models", "Models in the search index.", status.indexed),
            ("modeldex_index_waiting_models", "Models that wait for the search index.", status.waiting),
            ("modeldex_workers", "Workers that run.", state.workers),
        ):
            if number is not None:
                yield GaugeMetricFamily(name, text, value=number)
        needs = GaugeMetricFamily(
            "modeldex_needs_person_models", "Models that need a person.", labels=("query",)
        )
        for need in state.needs:
            needs.add_metric((need.state.text,), need.number)
        yield needs
        yield from _of_sources(state.sources)

    def describe(self) -> Iterator[Metric]:
        """Nothing: what there is depends on the catalog, and registering must not open it."""
        return iter(())


def _of_sources(sources: tuple[DueSource, ...]) -> Iterator[Metric]:
    def gauge(name: str, text: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"modeldex_source_{name}", text, labels=("source",))

    models, missing = (
        gauge("models", "Models of a source."),
        gauge("missing_models", "Missing models of a source."),
    )
    size = gauge("bytes", "Bytes of all files of a source.")
    unread = gauge("unread_files", "Files of a source that could not be read.")
    complete = gauge("last_complete_timestamp_seconds", "When the last run began that read everything.")
    due = gauge("next_due_timestamp_seconds", "When the next crawl begins.")
    running = gauge("running", "Whether the source is being crawled.")
    waits = gauge("held", "Whether the last run waits for a person.")
    broken = gauge("failed", "Whether the last run failed: the source could not be opened or listed.")
    events = gauge("events_waiting", "Objects that events spoke of and that were not looked at yet.")
    lag = gauge("event_lag_seconds", "How long the first of these waits.")
    for source in sources:
        state, label = source.health, (source.health.row.definition.name or str(source.health.row.uri),)
        models.add_metric(label, state.models)
        missing.add_metric(label, state.missing)
        events.add_metric(label, state.events_waiting)
        lag.add_metric(label, state.event_lag_seconds)
        running.add_metric(label, state.is_crawled)
        waits.add_metric(
            label, bool(state.last and state.last.state is RunState.HELD and not state.last.accepted)
        )
        broken.add_metric(label, bool(state.last and state.last.state is RunState.FAILED))
        unread.add_metric(label, state.last.counts.get("failed", 0) if state.last else 0)
        if state.bytes is not None:
            size.add_metric(label, state.bytes)
        if state.last_complete is not None:
            complete.add_metric(label, state.last_complete.started_at.timestamp())
        if source.next_due is not None:
            due.add_metric(label, source.next_due.timestamp())
    yield from (models, missing, size, unread, complete, due, running, waits, broken, events, lag)


def register(app: Flask) -> None:
    """Counts what this application answers, and adds `/metrics`."""
    registry, of_requests = CollectorRegistry(), CollectorRegistry()
    requests = RequestMetrics(of_requests)
    registry.register(CatalogCollector())
    app.extensions["modeldex-metrics"] = registry
    app.extensions["modeldex-request-metrics"] = of_requests
    app.before_request(requests.begin)
    app.after_request(requests.end)
    app.get("/metrics")(metrics)


def metrics() -> Response:
    """All of it in Prometheus' text format; what others ask for is told to who sees everything."""
    body = generate_latest(current_app.extensions["modeldex-metrics"])
    if catalog().principal.sees_all:
        body += generate_latest(current_app.extensions["modeldex-request-metrics"])
    return Response(body, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
