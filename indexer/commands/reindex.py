"""`modeldex reindex`: the index anew from the record store."""

from __future__ import annotations

import json
from contextlib import closing

import click

from catalog.errors import UserError
from catalog.settings import Settings
from catalog.store import INDEX

AGAIN = "Build it anew with: modeldex reindex"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--roll-back",
    "back",
    is_flag=True,
    help="Go back to the index from before the last rebuild; what changed since is written to it again.",
)
@click.pass_obj
def reindex(settings: Settings, *, as_json: bool, back: bool) -> None:
    """Build the search index anew from the record store. No model file is read; searches go on meanwhile."""
    if back:
        _roll_back(settings, as_json=as_json)
    else:
        _rebuild(settings, as_json=as_json)


def _roll_back(settings: Settings, *, as_json: bool) -> None:
    from catalog.store.store import open_store  # noqa: PLC0415 - SQLAlchemy costs a quarter of a second
    from indexer.engines import open_writer  # noqa: PLC0415 - only this verb writes

    with open_store(settings, write=True) as store:
        with closing(open_writer(settings)) as writer:
            roll_back = getattr(writer, "roll_back", None)
            if roll_back is None:
                raise UserError(f"The engine {settings.engine!r} keeps no earlier index.", advice=AGAIN)
            roll_back()
        waiting = store.consumer(INDEX).all_again()
    if as_json:
        click.echo(json.dumps({"waiting": waiting, "engine": settings.engine}))
    else:
        models = "1 model waits" if waiting == 1 else f"{waiting:,} models wait"
        click.echo(
            f"Searches read the index from before the last rebuild. {models} to be compared with it: "
            "the next crawl or the worker does that."
        )


def _rebuild(settings: Settings, *, as_json: bool) -> None:
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
        click.echo(
            f"{report.documents:,} {'model' if report.documents == 1 else 'models'} indexed in {report.took_ms / 1000:.1f} s."
        )
    for model, reason in report.rejected.items():
        click.echo(f"Not indexed: {model[:12]}: {reason}", err=True)
    if report.rejected:
        click.get_current_context().exit(1)
