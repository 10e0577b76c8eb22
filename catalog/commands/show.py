"""The verb `show`: one model with the provenance of every value. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from catalog.access.command_line import COMMAND_LINE
from catalog.errors import UserError
from catalog.settings import Settings
from catalog.terminal import printable

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.records import StoredModel

SHOWN = 20


@click.command()
@click.argument("model", metavar="ID")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the document with its provenance as one JSON object."
)
@click.pass_obj
def show(settings: Settings, model: str, *, as_json: bool) -> None:
    """Show one model: every value, the file and key that said it, what was done to it, and what lost.

    ID is the beginning of a model's id, or its name if no other model has it.
    """
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it

    with open_catalog(settings) as catalog:
        stored = present_model(catalog, model)
        stored = catalog.disclosed(stored, origin=COMMAND_LINE)
    if as_json:
        from catalog.commands.provenance_json import as_json as to_json  # noqa: PLC0415

        whole = {
            **stored.document,
            "provenance": {name: to_json(provenance) for name, provenance in stored.provenance.items()},
        }
        click.echo(json.dumps(whole, indent=2))
        return
    from catalog.commands.model_report import described  # noqa: PLC0415

    for line in described(stored):
        click.echo(line)


def present_model(catalog: Catalog, typed: str) -> StoredModel:
    """The chosen model as it is now: an old id leads to the present one, which stderr tells."""
    stored = chosen_model(catalog, typed)
    return tell_successor(catalog, stored) or stored


def tell_successor(catalog: Catalog, stored: StoredModel) -> StoredModel | None:
    """What the model is now under another id, with a line about it; None for one that has its id still."""
    there = catalog.successor(str(stored.id))
    if there is not None:
        click.echo(f"{stored.id[:12]} is now {there.id[:12]}.", err=True)
    return there


def chosen_model(catalog: Catalog, typed: str) -> StoredModel:
    """The one model whose id begins so, or that is called so. Raises UserError with what to do instead."""
    ids = catalog.find(typed)
    if not ids:
        alike = ", ".join(printable(name, limit=60) for name in catalog.names_like(typed))
        if alike:
            advice = f"Did you mean {alike}?"
        elif catalog.count():
            advice = "List them with: modeldex models"
        else:
            advice = "Start with: modeldex crawl FOLDER"
        raise UserError(f"No model has the id or name {printable(typed, limit=80)!r}.", advice=advice)
    if len(ids) > 1:
        listed = ", ".join(model[:12] for model in ids[:SHOWN])
        raise UserError(
            f"{len(ids)} models answer to {printable(typed, limit=80)!r}: {listed}.",
            advice="Use a longer id.",
        )
    chosen = catalog.model(ids[0])
    assert chosen is not None, "records are never deleted"
    return chosen
