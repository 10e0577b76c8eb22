"""The verbs `store`: the record store as a whole. Data on stdout, talk on stderr."""

from __future__ import annotations

import dataclasses
import json
import sys

import click

from catalog.errors import UserError
from catalog.settings import Settings


@click.group()
def store() -> None:
    """Look after the record store."""


@store.command()
@click.argument("url")
@click.option(
    "--json", "as_json", is_flag=True, help="Print rows and SHA-256 of every table as one JSON object."
)
@click.pass_obj
def copy(settings: Settings, url: str, *, as_json: bool) -> None:
    """Copy the whole store into the empty database at URL, from SQLite to PostgreSQL or back.

    URL is sqlite:////absolute/path or postgresql://user@host/database. It happens in one transaction, and every table is
    read back and compared: all of it is there in the end, or nothing. Nothing changes in the store that is copied. Then
    set MODELDEX_DATABASE_URL to URL.
    """
    from catalog.store import open_store  # noqa: PLC0415 - `--help` needs none of it
    from catalog.store.copying import copy_store  # noqa: PLC0415
    from catalog.store.database import check_url  # noqa: PLC0415

    check_url(url)
    there = settings.but(database_url=url)
    if there.store_url == settings.store_url:
        raise UserError("That is the store itself.", advice="Give the URL of another database.")
    with open_store(settings, write=False) as source, open_store(there, write=True) as target:
        tables = copy_store(source, target, progress=_tell)
    click.echo("\r\x1b[K" if _is_terminal() else "", err=True, nl=False)
    if as_json:
        click.echo(json.dumps({"tables": [dataclasses.asdict(table) for table in tables]}))
        return
    widest = max(len(table.name) for table in tables)
    for table in tables:
        click.echo(f"{table.name:<{widest}} {table.rows:>12,} {table.sha256[:12]}")
    click.echo("All of it is over there, and equal. Use it with: MODELDEX_DATABASE_URL=URL", err=True)


def _is_terminal() -> bool:
    return sys.stderr.isatty()


def _tell(table: str, rows: int) -> None:
    if _is_terminal():
        click.echo(f"\r\x1b[K{table}: {rows:,}", err=True, nl=False)
