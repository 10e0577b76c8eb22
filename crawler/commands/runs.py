"""The verbs of `modeldex runs`: past and running crawls, and the one that waits for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from catalog.access.command_line import note
from catalog.commands.given_values import STORED_NUMBER
from catalog.errors import UserError
from catalog.records import Run, RunState, display_key
from catalog.records.run_counts import counted
from catalog.settings import Settings
from catalog.terminal import printable, table

if TYPE_CHECKING:
    from catalog.store import Store

SHOWN = 20
UNREAD_SHOWN = 50


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=SHOWN, show_default=True, help="How many.")
@click.option("--source", metavar="NAME|ADDRESS", help="Those of one source alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_context
def runs(context: click.Context, *, limit: int, source: str | None, as_json: bool) -> None:
    """List the last crawls, newest first; one that lost too much waits for `modeldex runs accept ID`."""
    if context.invoked_subcommand is not None:
        return
    with _store(context.obj) as store:
        row = None if source is None else _source(store, source)
        listed = store.runs.latest(limit, source=None if row is None else row.id)
        names = _names(store)
    if as_json:
        click.echo(json.dumps([_described(run, names) for run in listed], indent=2, ensure_ascii=False))
        return
    if not listed:
        click.echo("Nothing was crawled yet. Start with: modeldex crawl FOLDER", err=True)
        return
    head = ("id", "source", "state", "began", "took", "models", "new", "changed", "missing", "trouble")
    rows = [
        (
            run.id,
            names.get(run.source) or display_key(run.source),
            run.state.value,
            run.started_at.strftime("%Y-%m-%d %H:%M"),
            _took(run),
            *(run.counts.get(name, 0) for name in ("models", "new", "changed", "missing")),
            run.counts.get("failed", 0) + run.counts.get("scopes_failed", 0),
        )
        for run in listed
    ]
    for line in table(head, rows, whole=("id", "state", "began")):
        click.echo(line)


@runs.command()
@click.argument("number", metavar="ID", type=STORED_NUMBER)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(settings: Settings, number: int, *, as_json: bool) -> None:
    """Show what one crawl counted, and every problem by name."""
    with _store(settings) as store:
        run = _run(store, number)
        is_last = store.runs.latest(1, source=run.source)[0].id == run.id
        # The manifest knows what cannot be read now, and not what could not in the past.
        unread = store.health.unread_files(run.source, UNREAD_SHOWN) if is_last else ()
        shown = _described(run, _names(store))
    shown["unread"] = [{"key": file.key, "reason": printable(file.reason)} for file in unread]
    if as_json:
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    for key in ("id", "source", "address", "state", "started_at", "finished_at"):
        click.echo(f"{key + ':':<13} {printable(shown[key] or '')}".rstrip())
    counts = ", ".join(
        f"{row.number:,} {'bytes ' if row.is_bytes else ''}{row.label}" for row in counted(run.counts)
    )
    click.echo(f"{'counts:':<13} {counts}".rstrip())
    if run.state is not RunState.RUNNING and shown["listed_to"]:
        click.echo(
            printable(f"listed to:    {shown['listed_to']}, behind which the next crawl goes on", limit=400)
        )
    for problem in run.problems:
        click.echo(f"  {printable(problem, limit=400)}")
    for row in shown["unread"]:
        click.echo(printable(f"  {row['key']}: {row['reason']}", limit=400))
    if run.state is RunState.HELD:
        click.echo(f"Accept it with: modeldex runs accept {run.id}", err=True)


@runs.command()
@click.argument("number", metavar="ID", type=STORED_NUMBER)
@click.pass_context
def accept(context: click.Context, number: int) -> None:
    """Crawl the source of a held run once more, and let as many models go missing as that run would have.

    Should more be absent by now, it is held again. If no crawl can begin, nothing is accepted.
    """
    from catalog.store import open_store  # noqa: PLC0415 - what a command needs is imported by it alone
    from crawler.commands.crawl import crawl  # noqa: PLC0415 - it brings the crawler

    settings: Settings = context.obj
    with _store(settings) as store:
        _run(store, number)
    with open_store(settings, write=True) as store:
        run = store.runs.accept(number) or _run(store, number)
        note(store, "runs.accept", f"run {number}", after={"may_lose": run.accepted})
        row = next((row for row in store.sources.all() if row.id == run.source), None)
    with _taken_back(settings, run):
        context.invoke(crawl, path=run.source if row is None else row.address)


@contextmanager
def _taken_back(settings: Settings, run: Run) -> Iterator[None]:
    """Where no crawl could begin, nobody is left a licence to lose models for: it is taken back, as the audit says."""
    from catalog.store import open_store  # noqa: PLC0415 - what a command needs is imported by it alone

    try:
        yield
    except BaseException:  # interrupted, too
        with open_store(settings, write=True) as store:
            if store.runs.take_back(run.id):
                note(
                    store,
                    "runs.accept",
                    f"run {run.id}",
                    before={"may_lose": run.accepted},
                    after={"may_lose": 0},
                )
                click.echo(f"No crawl began: run {run.id} is held as before.", err=True)
        raise


def _store(settings: Settings) -> Store:
    from catalog.store import open_store  # noqa: PLC0415 - what a command needs is imported by it alone

    return open_store(settings, write=False)


def _run(store: Store, number: int) -> Run:
    run = store.runs.get(number)
    if run is None:
        raise UserError(f"There is no run {number}.", advice="See: modeldex runs")
    return run


def _source(store: Store, text: str) -> Any:
    from crawler.addresses import find_target, shown_address  # noqa: PLC0415

    row = find_target(text, store.sources.all()).row
    if row is None:
        raise UserError(f"There is no source {shown_address(text)!r}.", advice="See: modeldex sources list")
    return row


def _names(store: Store) -> dict[str, str | None]:
    return {row.id: row.definition.name for row in store.sources.all()}


def _took(run: Run) -> str:
    if run.finished_at is None:
        return ""
    seconds = max(0, round((run.finished_at - run.started_at).total_seconds()))
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _described(run: Run, names: dict[str, str | None]) -> dict[str, Any]:
    return {
        "id": run.id,
        "source": names.get(run.source),
        "address": display_key(run.source),
        "state": run.state.value,
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
        "counts": dict(run.counts),
        "listed_to": None if run.listed_to is None else display_key(run.listed_to),
        "problems": [printable(problem) for problem in run.problems],
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
