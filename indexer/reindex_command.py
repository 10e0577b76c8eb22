"""`modeldex reindex`: the index anew from the record store."""

from __future__ import annotations

import json
from contextlib import closing

import click

from catalog.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def reindex(settings: Settings, *, as_json: bool) -> None:
    """Build the search index anew from the record store. No model file is read; searches go on meanwhile."""
    from catalog.store.store import open_store  # noqa: PLC0415 - SQLAlchemy costs a quarter of a second
    from indexer.engines import open_writer  # noqa: PLC0415 - only this verb writes
    from indexer.rebuild import rebuild  # noqa: PLC0415 - only this verb rebuilds

    with open_store(settings, write=True) as store, closing(open_writer(settings)) as writer:
        report = rebuild(store, writer)
    if as_json:
        shown = {
            "documents": report.documents,
            "rejected": report.rejected,
            "took_ms": report.took_ms,
            "engine": settings.engine,
        }
        click.echo(json.dumps(shown))
    else:
        click.echo(f"{report.documents:,} models indexed in {report.took_ms / 1000:.1f} s.")
    for model, reason in report.rejected.items():
        click.echo(f"Not indexed: {model[:12]}: {reason}", err=True)
    if report.rejected:
        click.get_current_context().exit(1)
