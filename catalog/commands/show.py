"""The verb `show`: one model with the provenance of every value. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from catalog.errors import UserError
from catalog.settings import Settings
from catalog.terminal import printable

if TYPE_CHECKING:
    from catalog.records import StoredModel
    from catalog.store import Store

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
    from catalog.store import open_store  # noqa: PLC0415

    with open_store(settings, write=False) as store:
        found = chosen_model(store, model)
    if as_json:
        from catalog.store.codec import encode  # noqa: PLC0415

        whole = {
            **found.document,
            "provenance": {name: encode(said) for name, said in found.provenance.items()},
        }
        click.echo(json.dumps(whole, indent=2))
        return
    from catalog.commands.model_report import described  # noqa: PLC0415

    for line in described(found):
        click.echo(line)


def chosen_model(store: Store, typed: str) -> StoredModel:
    """The one model whose id begins so, or that is called so. Raises UserError with what to do instead."""
    ids = store.records.find(typed)
    if not ids:
        alike = ", ".join(printable(name, limit=60) for name in store.records.names_like(typed))
        if alike:
            advice = f"Did you mean {alike}?"
        elif store.records.count():
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
    found = store.records.get(ids[0])
    assert found is not None, "records are never deleted"
    return found
