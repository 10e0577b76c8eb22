"""The verbs of `modeldex mongodb`: what a collection says of models, and how far the other one follows the catalog."""

from __future__ import annotations

import sys

import click

from catalog.settings import Settings
from catalog.terminal import printable
from indexer.commands.pulls import SHOWN, pull_now, tell_pull


@click.group()
def mongodb() -> None:
    """MongoDB beside the catalog, named by the settings mongodb.*. The worker writes to it; `pull` reads."""


@mongodb.command()
@click.option("--accept-empty", is_flag=True, help="Take everything back although the collection is empty.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def pull(settings: Settings, *, accept_empty: bool, as_json: bool) -> None:
    """Read the collection mongodb.said_in: what its documents say of models stands in the catalog as long as they say it.

    A document names its model by `uri` or `sha256`. Its other keys are fields and metrics; `metrics`, `params` and
    `fields` may hold them, too. Ends with 1 if a document says something that cannot be taken.
    """
    from indexer.mongodb.statements import pull as read_all  # noqa: PLC0415 - SQLAlchemy and an engine

    joined = pull_now(
        settings,
        "mongodb.pull",
        lambda store, catalog: read_all(settings, store, catalog, accept_empty=accept_empty),
        lambda joined: f"{joined.documents} documents",
    )
    notes = []
    if joined.by_persons:
        notes.append(f"{joined.by_persons:,} fields were set by persons and stay as they are.")
    tell_pull(
        joined,
        f"{joined.documents:,} documents speak of {joined.models:,} models; {joined.changed:,} models changed,"
        f" {joined.alone:,} documents fit none.",
        *notes,
        as_json=as_json,
    )


@mongodb.command()
@click.option("--again", is_flag=True, help="Write every model once more, whatever the collection has of it.")
@click.pass_obj
def push(settings: Settings, *, again: bool) -> None:
    """Write what waits for the collection mongodb.collection now. The worker does it by itself."""
    from catalog.errors import UserError  # noqa: PLC0415
    from catalog.store import open_store  # noqa: PLC0415
    from indexer.mongodb.sink import consumer_of, tell  # noqa: PLC0415
    from indexer.settings import MongodbSettings  # noqa: PLC0415

    chosen = settings.section(MongodbSettings)
    if not (chosen.url and chosen.collection):
        raise UserError("No collection is named.", advice="Set mongodb.url and mongodb.collection.")
    with open_store(settings, write=True) as store:
        consumer = store.consumer(consumer_of(chosen))
        consumer.register()
        if again:
            consumer.all_again()
        consumer.retry_now()
        written, waiting = tell(settings, store, anew=again), consumer.size()
        reasons = [trouble.reason for trouble in consumer.troubles()]
    click.echo(f"{written:,} models written.")
    for reason in reasons[:SHOWN]:
        click.echo(printable(reason), err=True)
    if waiting or reasons:
        click.echo(
            f"{waiting:,} models wait. The worker goes on, or at once: modeldex mongodb push", err=True
        )
        sys.exit(1)
