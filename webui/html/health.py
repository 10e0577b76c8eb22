"""The health page: what needs a person, a row per source, the last runs, the state of the index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from catalog.lazy_dataclasses import dataclass, fields
from catalog.records import Run, RunState
from catalog.records.sources import SourceState
from webui.html.status import STATE_HELP, STATE_WORDS, UNCHANGED, StatusPage, status_page
from webui.numbers import clock, seconds, size
from webui.text import shown

if TYPE_CHECKING:
    from catalog.access.status import CatalogStatus
    from webui.contracts import CrawlStatus
    from webui.health import DueSource, Health
    from webui.urls import Addresses

UNREAD_SHOWN = 10
POLL_MS, IDLE_POLL_MS = 2_000, 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedView:
    """A number that leads to just so many models, or to the row of a source."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleView:
    """A file that could not be read, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptView:
    """That so many models of a held run go missing may be accepted here."""

    run: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """One row."""

    anchor: str
    id: str
    name: str
    address: str
    state: str
    tone: str
    advice: str
    command: str
    accept: AcceptView | None
    schedule: str
    last_complete: str
    next_due: str
    models: str
    models_url: str
    size: str
    change: str
    progress: str
    troubles: tuple[TroubleView, ...]
    troubles_text: str
    may_be_asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPage(StatusPage):
    """All of it, for people."""

    sentence: str
    needs: tuple[NeedView, ...]
    sources: tuple[SourceView, ...]
    workers: str
    worker_count: int
    poll_ms: int
    is_running: bool
    may_ask: bool
    may_manage: bool


def health_page(
    health: Health,
    status: CatalogStatus,
    crawl: CrawlStatus | None,
    addresses: Addresses,
    *,
    may_ask: bool,
    may_manage: bool,
) -> HealthPage:
    """The page; "unknown" where a number could not be had."""
    names = {source.health.row.id: _name(source) for source in health.sources}
    below = status_page(status, crawl, names)
    rows = tuple(
        _source(source, number, addresses, may_ask=may_ask, may_manage=may_manage)
        for number, source in enumerate(health.sources, start=1)
    )
    needs = _needs(health, addresses)
    is_running = any(row.progress for row in rows) or bool(crawl and crawl.running)
    kept = {field.name: getattr(below, field.name) for field in fields(below)}
    problem = kept["engine_problem"] = below.engine_problem or shown(health.problem, 600)
    return HealthPage(
        **kept,
        sentence=_sentence(needs, problem),
        needs=needs,
        sources=rows,
        workers=_workers(health),
        worker_count=health.workers,
        poll_ms=POLL_MS
        if is_running or any(source.health.asked_at for source in health.sources)
        else IDLE_POLL_MS,
        is_running=is_running,
        may_ask=may_ask,
        may_manage=may_manage,
    )


def _sentence(needs: Sequence[NeedView], problem: str) -> str:
    if needs:
        return "Needs you:"
    return "What needs you cannot be told now." if problem else "Nothing needs you."


def _needs(health: Health, addresses: Addresses) -> tuple[NeedView, ...]:
    views = [
        NeedView(text=f"{need.number:,} {need.label}", url=addresses.search(need.state))
        for need in health.needs
    ]
    for number, source in enumerate(health.sources, start=1):
        if source.is_in_trouble and source.health.last is not None:
            what = f"crawl of {_name(source)} {STATE_WORDS[source.health.last.state][1]}"
            views.append(NeedView(text=what, url=f"#source-{number}"))
        elif source.is_forgotten and health.workers:
            views.append(NeedView(text=f"crawl of {_name(source)} overdue", url=f"#source-{number}"))
    if health.lacks_worker:
        views.append(NeedView(text="crawls are due and no worker runs", url="#workers"))
    return tuple(views)


def _workers(health: Health) -> str:
    if not health.workers:
        return "No worker runs."
    return "1 worker is running." if health.workers == 1 else f"{health.workers:,} workers are running."


def _source(
    source: DueSource, number: int, addresses: Addresses, *, may_ask: bool, may_manage: bool
) -> SourceView:
    health, row, last = source.health, source.health.row, source.health.last
    is_running = health.is_crawled and last is not None and last.state is RunState.RUNNING
    waiting = last if last is not None and last.state is RunState.HELD and not last.accepted else None
    tone, word = STATE_WORDS[last.state] if last else ("info", "never crawled")
    if last is not None and last.state is RunState.RUNNING and not health.is_crawled:
        tone, word = STATE_WORDS[RunState.INTERRUPTED]
    if row.state is SourceState.DISABLED:
        word = f"{word}, disabled"
    return SourceView(
        anchor=f"source-{number}",
        id=str(row.id),
        name=_name(source),
        address=shown(row.uri, 200),
        state=word,
        tone=tone,
        advice=_advice(last) if last and not is_running else "",
        command=f"modeldex runs accept {waiting.id}" if waiting else "",
        accept=_acceptance(waiting) if waiting and may_manage and row.state is SourceState.ACTIVE else None,
        schedule=shown(row.definition.schedule or "", 60),
        last_complete=clock(health.last_complete.started_at) if health.last_complete else "never",
        next_due=_next_due(source, is_running=is_running),
        models="unknown" if source.models is None else f"{source.models:,}",
        models_url=addresses.search(source.state),
        size="" if health.bytes is None else size(health.bytes).text,
        change=_change(health.last_finished),
        progress=_progress(last) if is_running and last else "",
        troubles=_troubles(source),
        troubles_text=_troubles_text(source),
        may_be_asked=may_ask
        and row.state is SourceState.ACTIVE
        and not is_running
        and health.asked_at is None,
    )


def _advice(last: Run) -> str:
    """What is to be known of how the last run ended: why it failed, where it did."""
    if last.accepted:
        return f"Accepted: the next crawl may let {last.accepted:,} go missing."
    if lapse := last.lapse_at(datetime.now(UTC)):
        return f"{lapse} {STATE_HELP[last.state]}"
    if last.state is RunState.FAILED and last.problems:
        return f"{shown(last.problems[0], 400)} {UNCHANGED}"
    return STATE_HELP.get(last.state, "")


def _troubles(source: DueSource) -> tuple[TroubleView, ...]:
    """What a held run would lose, then files that could not be read."""
    last = source.health.last
    lost = last.problems if last is not None and last.state is RunState.HELD else ()
    unread = source.health.unread[:UNREAD_SHOWN]
    return (
        *(TroubleView(file="", reason=shown(problem, 300)) for problem in lost),
        *(TroubleView(file=shown(file.key, 200), reason=shown(file.reason, 300)) for file in unread),
    )


def _acceptance(run: Run) -> AcceptView:
    models = f"{run.would_lose:,} {'model goes' if run.would_lose == 1 else 'models go'}"
    return AcceptView(run=run.id, text=f"Accept that {models} missing")


def _name(source: DueSource) -> str:
    row = source.health.row
    return shown(row.definition.name or row.uri, 160)


def _next_due(source: DueSource, *, is_running: bool) -> str:
    if is_running:
        return "now"
    if source.health.asked_at is not None:
        return "asked for, as soon as a worker is free"
    if source.next_due is None:
        return "not by itself"
    return "now" if source.is_overdue else clock(source.next_due)


def _change(run: Run | None) -> str:
    if run is None:
        return ""
    parts = [
        f"{run.counts[name]:,} {name}"
        for name in ("new", "changed", "moved", "missing")
        if run.counts.get(name)
    ]
    return ", ".join(parts) or "nothing"


def _progress(run: Run) -> str:
    counts = run.counts
    parts = [
        ("objects", "files listed"),
        ("opened", "opened"),
        ("new", "new models"),
        ("changed", "changed models"),
    ]
    return ", ".join(f"{counts[name]:,} {label}" for name, label in parts if counts.get(name)) or "beginning"


def _troubles_text(source: DueSource) -> str:
    counts = source.health.last.counts if source.health.last else {}
    files, scopes = counts.get("failed", 0), counts.get("scopes_failed", 0)
    files = max(files, len(source.health.unread))
    parts = []
    if source.health.last and source.health.last.state is RunState.FAILED:
        parts.append("not crawled")
    if source.health.last and (lost := source.health.last.would_lose):
        parts.append(f"{lost:,} {'model' if lost == 1 else 'models'} no longer there")
    if source.health.events_waiting:
        parts.append(
            f"{source.health.events_waiting:,} objects of events wait for {seconds(source.health.event_lag_seconds).text}"
        )
    if files:
        parts.append(f"{files:,} {'file' if files == 1 else 'files'} unread")
    if scopes:
        parts.append(f"{scopes:,} {'directory' if scopes == 1 else 'directories'} not listed")
    return ", ".join(parts)
