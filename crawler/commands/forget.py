"""The verb `forget`: the models of one source leave the catalog. No file is touched, and history stays."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from catalog.access.command_line import note
from catalog.errors import UserError
from catalog.records.sources import SourceState
from catalog.settings import Settings
from catalog.terminal import printable

if TYPE_CHECKING:
    from catalog.store import Store
    from catalog.store.records import KnownSource

BATCH_MODELS = 500


@click.command()
@click.argument("path", metavar="PATH|NAME")
@click.option("--apply", "apply", is_flag=True, help="Do it; without this, only say what would be done.")
@click.pass_obj
def forget(settings: Settings, path: str, *, apply: bool) -> None:
    """Take the models that were crawled at PATH out of the catalog.

    The files stay as they are, and so does the history of their records: crawling PATH again brings the models back.
    PATH need not exist any more.
    """
    from catalog.recording.joining import settle_joins  # noqa: PLC0415 - what a command needs is imported by it alone
    from catalog.store import open_store  # noqa: PLC0415
    from crawler.commands.crawl import EXIT_INCOMPLETE  # noqa: PLC0415
    from crawler.commands.index_state import bring_up_to_date  # noqa: PLC0415
    from crawler.overlaps import typed  # noqa: PLC0415

    with open_store(settings, write=apply) as store:
        source = _known(store, path)
        number = source.live + source.missing
        models = f"{number:,} {'model' if number == 1 else 'models'} of {typed(source.uri)}"
        if not apply:
            click.echo(
                f"{models} would leave the catalog; no file is touched. Do it with: modeldex forget {typed(source.uri)} --apply"
            )
            return
        _forget(store, source)
        settle_joins(store, source.id, settings)
        state = store.sources.forgotten(source.id)
        note(store, "forget", typed(source.uri), before={"models": number})
        click.echo(f"{models} left the catalog. They come back with: modeldex crawl {typed(source.uri)}")
        if state is SourceState.DISABLED:
            click.echo(
                f"The source keeps its options and is disabled: modeldex sources set {typed(source.uri)} --enable",
                err=True,
            )
        index = bring_up_to_date(settings, store)
    index.tell()
    if not index.is_current:
        sys.exit(EXIT_INCOMPLETE)


def _known(store: Store, path: str) -> KnownSource:
    """The crawled source that the path or address means."""
    from crawler.addresses import find_target, may_be_name  # noqa: PLC0415
    from crawler.overlaps import FILE, typed  # noqa: PLC0415
    from crawler.sources.local import path_of, uri_of_directory  # noqa: PLC0415

    known = store.records.sources()
    wanted = {path, path.rstrip("/")}
    named = find_target(path, store.sources.all()).row if may_be_name(path) else None
    if named is not None:
        wanted = {named.id}
    elif path and ("://" not in path or path.lower().startswith(FILE)):
        wanted.add(uri_of_directory(path_of(path)))
    for source in known:
        if {source.id, source.uri, source.uri.rstrip("/")} & wanted:
            return source
    listed = ", ".join(typed(source.uri) for source in known[:20])
    raise UserError(
        f"Nothing was crawled at {printable(path, limit=200)!r}.",
        advice=f"Crawled were: {listed}." if known else "Start with: modeldex crawl FOLDER",
    )


def _forget(store: Store, source: KnownSource) -> None:
    from catalog.store.records import GONE  # noqa: PLC0415

    with store.source_lease(source.id) as lease:
        runs = store.runs.latest(1, source=source.id)
        if not runs:  # added, and never crawled
            return
        store.manifest(source.id).unsettle(lease=lease)  # the next crawl makes all its records anew
        there = [model for model, row in store.records.shelved(source.id).items() if row.state != GONE]
        for start in range(0, len(there), BATCH_MODELS):
            part = there[start : start + BATCH_MODELS]
            store.records.mark(dict.fromkeys(part, GONE), lease=lease, run=runs[0].id)
        store.joins.forget(source.id, lease=lease)
