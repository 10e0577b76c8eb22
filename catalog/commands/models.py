"""The verb `models`: everything in the catalog. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from catalog.settings import Settings
from catalog.terminal import absence, count_text, named_apart, size_text, table
from catalog.text.apart import apart

if TYPE_CHECKING:
    from catalog.errors import StoreDamaged


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array of whole documents.")
@click.option("--missing", is_flag=True, help="List those, too, that are no longer where they were.")
@click.pass_obj
def models(settings: Settings, *, as_json: bool, missing: bool) -> None:
    """List every model of the catalog."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it

    damaged: dict[str, StoreDamaged] = {}
    with open_catalog(settings) as catalog:
        hidden: Counter[str] = Counter()
        everything = (stored.document for stored in catalog.models(damaged))
        documents = everything if missing else _present(everything, hidden)
        if as_json:
            _print_array(documents)
        else:
            listed = list(documents)
            rows = [_row(document, word) for document, word in zip(listed, apart(listed), strict=True)]
            _print_table(rows, is_whole=not damaged and not hidden)
    if hidden:
        number = hidden.total()
        click.echo(
            f"{number:,} no longer there {'is' if number == 1 else 'are'} left out: add --missing.", err=True
        )
    for error in damaged.values():
        click.echo(f"modeldex: {error}", err=True)
    if damaged:
        raise click.exceptions.Exit(1)


def _present(documents: Iterable[Mapping[str, Any]], hidden: Counter[str]) -> Iterator[Mapping[str, Any]]:
    """The documents of models that are there; the others are counted."""
    for document in documents:
        if absence(document):
            hidden[str(document.get("status"))] += 1
        else:
            yield document


def _print_table(rows: list[tuple[Any, ...]], *, is_whole: bool) -> None:
    if not rows and is_whole:
        click.echo("The catalog is empty. Fill it with: modeldex crawl FOLDER", err=True)
        return
    rows.sort(key=lambda row: str(row[0]).lower())
    for line in table(("name", "task", "framework", "params", "size", "status", "id"), rows, whole=("id",)):
        click.echo(line)


def _row(document: Mapping[str, Any], apart_by: str) -> tuple[Any, ...]:
    return (
        f"{document.get('name')}{named_apart(apart_by)}{absence(document)}",
        document.get("task"),
        document.get("framework"),
        count_text(document.get("parameters")),
        size_text(document.get("size_bytes")),
        document.get("status"),
        document["id"][:10],
    )


def _print_array(documents: Iterator[Mapping[str, Any]]) -> None:
    """One JSON array, written document by document."""
    click.echo("[", nl=False)
    for number, document in enumerate(documents):
        click.echo(",\n" if number else "\n", nl=False)
        click.echo(json.dumps(document, ensure_ascii=True), nl=False)
    click.echo("\n]")
