"""The page of crawls: what is running, the last runs with their counts and problems, the state of the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from catalog.lazy_dataclasses import dataclass
from catalog.records import Run, RunState, SourceId
from catalog.records.run_counts import Counted, counted
from webui.numbers import clock, seconds, size
from webui.text import shown

if TYPE_CHECKING:
    from catalog.access.readers import IndexTrouble
    from catalog.access.status import CatalogStatus
    from webui.contracts import CrawlStatus

PROBLEMS_SHOWN = 100
STATE_WORDS = {
    RunState.RUNNING: ("info", "running"),
    RunState.COMPLETE: ("good", "complete"),
    RunState.PARTIAL: ("warn", "partial"),
    RunState.FAILED: ("danger", "failed"),
    RunState.HELD: ("danger", "held"),
    RunState.INTERRUPTED: ("warn", "interrupted"),
}
UNCHANGED = "What was known before is unchanged."
STATE_HELP = {
    RunState.PARTIAL: "Something could not be read or listed; what lies there keeps its last known state.",
    RunState.FAILED: f"The source could not be crawled. {UNCHANGED}",
    RunState.HELD: "Too much would go missing. Nothing was changed: look at the source, then crawl again or accept.",
    RunState.INTERRUPTED: "The crawl was stopped. The next one goes on.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CountView:
    label: str
    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One crawl of one source."""

    id: int
    source: str
    state: str
    tone: str
    advice: str
    started: str
    finished: str
    duration: str
    counts: tuple[CountView, ...]
    problems: tuple[str, ...]
    more_problems: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """What the catalog holds and how it came to be; for people."""

    runs: tuple[RunRow, ...]
    crawl: CrawlStatus | None
    models: int | None
    models_text: str
    indexed: int | None
    indexed_text: str
    waiting: int | None
    waiting_text: str
    engine: str
    engine_problem: str
    index_problems: tuple[str, ...]  # why models are not in the index in their present state


def run_row(run: Run, names: Mapping[SourceId, str]) -> RunRow:
    """A run for people, under the name of its source. One that still goes on has no end, its duration is what has passed."""
    tone, word = STATE_WORDS.get(run.state, ("info", str(run.state)))
    end = run.finished_at or (datetime.now(UTC) if run.state is RunState.RUNNING else None)
    return RunRow(
        id=run.id,
        source=shown(names.get(run.source) or run.source, 160),
        state=word,
        tone=tone,
        advice=STATE_HELP.get(run.state, ""),
        started=clock(run.started_at),
        finished=clock(run.finished_at),
        duration=seconds(max(0.0, _elapsed(run.started_at, end))).text if end else "",
        counts=tuple(map(_count, counted(run.counts))),
        problems=tuple(shown(problem, 400) for problem in run.problems[:PROBLEMS_SHOWN]),
        more_problems=max(0, len(run.problems) - PROBLEMS_SHOWN),
    )


def _count(row: Counted) -> CountView:
    text = size(row.number).text if row.is_bytes else f"{row.number:,}"
    return CountView(label=shown(row.label, 40), number=row.number, text=text)


def _elapsed(start: datetime, end: datetime) -> float:
    aware = [moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (start, end)]
    return (aware[1] - aware[0]).total_seconds()


def status_page(
    status: CatalogStatus, crawl: CrawlStatus | None, names: Mapping[SourceId, str]
) -> StatusPage:
    """The page; "unknown" where a number could not be had."""
    return StatusPage(
        runs=tuple(run_row(run, names) for run in status.runs),
        crawl=crawl,
        models=status.models,
        models_text=_number(status.models),
        indexed=status.indexed,
        indexed_text=_number(status.indexed),
        waiting=status.waiting,
        waiting_text=_number(status.waiting),
        engine=status.engine,
        engine_problem=status.problem,
        index_problems=index_problems(status.troubles),
    )


def index_problems(troubles: Iterable[IndexTrouble]) -> tuple[str, ...]:
    """One sentence per reason. What waits is tried again, what was refused is not until it changes."""
    return tuple(f"{trouble.models:,} {_fate(trouble)}: {shown(trouble.reason, 400)}" for trouble in troubles)


def _fate(trouble: IndexTrouble) -> str:
    if trouble.final:
        return "model cannot be searched" if trouble.models == 1 else "models cannot be searched"
    return "model waits for the index" if trouble.models == 1 else "models wait for the index"


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"
