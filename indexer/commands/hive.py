"""The verbs of `modeldex hive`: which tables models were trained on, and what these tables are like."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import click

from catalog.errors import UserError
from catalog.settings import Settings
from catalog.terminal import printable, table
from indexer.commands.pulls import SHOWN, pull_now, tell_pull

if TYPE_CHECKING:
    from catalog.records.data_tables import DataTable


@click.group()
def hive() -> None:
    """The tables of a Hive Metastore that models were trained on, named by the settings hive.*."""


@hive.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def pull(settings: Settings, *, as_json: bool) -> None:
    """Read the Metastore now: which of its tables the data sets and data sources of models are. The worker does it, too.

    Ends with 1 if a table could not be read; everything else is done all the same.
    """
    from indexer.hive.pull import pull as read_all  # noqa: PLC0415 - SQLAlchemy and an engine

    pulled = pull_now(
        settings,
        "hive.pull",
        lambda store, catalog: read_all(settings, store, catalog),
        lambda pulled: f"{pulled.tables} tables",
    )
    notes = []
    if pulled.missing:
        names = ", ".join(map(printable, pulled.missing[:SHOWN]))
        notes.append(f"Not in the Metastore any more, and kept as they were: {names}")
    if pulled.by_persons:
        notes.append(f"{pulled.by_persons:,} models have tables that persons set, which stay.")
    tell_pull(
        pulled,
        f"{pulled.models:,} models were trained on {pulled.tables:,} tables; {pulled.changed:,} models changed.",
        *notes,
        as_json=as_json,
    )


@hive.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def tables(settings: Settings, *, as_json: bool) -> None:
    """List the tables that models here were trained on, with how many of them."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it

    with open_catalog(settings) as catalog:
        known = catalog.tables()
    if as_json:
        click.echo(
            json.dumps(
                [{**dataclasses.asdict(row), "models": models} for row, models in known],
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    if not known:
        click.echo("No model here was trained on a table that is known. Look: modeldex hive pull", err=True)
        return
    lines = [
        (printable(row.name), f"{models:,}", _count(row.rows), _count(row.partitions), printable(row.owner))
        for row, models in known
    ]
    for line in table(("table", "models", "rows", "partitions", "owner"), lines, whole=("table",)):
        click.echo(line)


@hive.command()
@click.argument("name", metavar="TABLE")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(settings: Settings, name: str, *, as_json: bool) -> None:
    """Show one table, as in ml.crawl: where it lies, its rows, partitions and columns, and how many models it trained."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it

    with open_catalog(settings) as catalog:
        known = catalog.table(name)
    if known is None:
        raise UserError(
            f"No model here was trained on a table {printable(name)}.",
            advice="List them: modeldex hive tables",
        )
    row, models = known
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(row), "models": models}, indent=2, ensure_ascii=False))
        return
    for line in _lines(row, models):
        click.echo(printable(line))


def _lines(row: DataTable, models: int) -> list[str]:
    facts = (
        ("kind", row.kind),
        ("format", row.format),
        ("location", row.location),
        ("owner", row.owner),
        ("comment", row.comment),
        ("created", row.created_at),
        ("rows", _count(row.rows)),
        ("bytes", _count(row.size_bytes)),
        ("files", _count(row.files)),
        ("partitions", _count(row.partitions)),
        ("read", row.read_at),
        ("missing since", row.missing_since),
    )
    columns = [
        f"  {column.name} {column.type}{' (partition key)' if column.is_partition_key else ''}"
        f"{f'  {column.comment}' if column.comment else ''}"
        for column in row.columns
    ]
    more = [f"  and {row.more_columns:,} more"] if row.more_columns else []
    return [
        row.name,
        *(f"{label}: {text}" for label, text in facts if text),
        f"columns: {len(row.columns) + row.more_columns:,}",
        *columns,
        *more,
        f"models: {models:,}  (modeldex search tables:{row.name})",
    ]


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
