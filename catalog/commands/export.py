"""The verbs `export`: records in the forms of other tools. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import UserError
from catalog.settings import Settings

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog


@click.group()
def export() -> None:
    """Write records in the forms that other tools read, without the fields that their source calls sensitive."""


def public(catalog: Catalog) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """What takes from a document the fields that its source calls sensitive."""
    from catalog.exports.withheld import without  # noqa: PLC0415 - `--help` needs none of it

    sensitive = {str(state.row.id): state.row.definition.sensitive for state in catalog.health().sources}
    return lambda document: without(document, sensitive.get(str(document.get("source")), ()))


@export.command()
@click.argument("model", metavar="ID")
@click.pass_obj
def card(settings: Settings, model: str) -> None:
    """Write a model as a model card: Markdown with the YAML head that the Hugging Face Hub reads.

    ID is the beginning of a model's id, or its name if no other model has it. A crawl reads the card to the same values.
    """
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it
    from catalog.commands.show import present_model  # noqa: PLC0415
    from catalog.exports.model_card import model_card  # noqa: PLC0415

    with open_catalog(settings) as catalog:
        document = present_model(catalog, model).document
        click.echo(model_card(public(catalog)(document)), nl=False)


@export.command()
@click.argument("model", metavar="ID")
@click.pass_obj
def cyclonedx(settings: Settings, model: str) -> None:
    """Write a model as a bill of materials: CycloneDX 1.6 with its model card, as JSON.

    ID is the beginning of a model's id, or its name if no other model has it.
    """
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - as above
    from catalog.commands.show import present_model  # noqa: PLC0415
    from catalog.exports.cyclonedx import cyclonedx as bill  # noqa: PLC0415

    with open_catalog(settings) as catalog:
        document = present_model(catalog, model).document
        click.echo(json.dumps(bill(public(catalog)(document)), indent=2))


@export.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--query", default="", metavar="QUERY", help="Only the models that it finds.")
@click.option("--title", default="Models", help="What stands above the search.")
@click.option("--json", "as_json", is_flag=True, help="Print the address and the number of models as JSON.")
@click.pass_obj
def site(settings: Settings, folder: Path, query: str, title: str, *, as_json: bool) -> None:
    """Write the catalog into FOLDER as pages that open without a server: a search, and a page for each model.

    The folder may be put on any disk or web server. It is replaced as a whole, and only if it is empty or was written so.
    """
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - as above
    from catalog.exports.site import page_of, write_site  # noqa: PLC0415
    from catalog.query.state import SearchState  # noqa: PLC0415

    state = SearchState(text=query)
    with open_catalog(settings) as catalog:
        if sentences := catalog.not_understood(state):
            raise UserError(" ".join(sentences), advice="Nothing was written.")
        count = write_site(folder, map(public(catalog), catalog.export(state)), title=title)
    if as_json:
        click.echo(json.dumps({"page": page_of(folder), "models": count}))
        return
    click.echo(page_of(folder))
    click.echo(f"{count:,} models.", err=True)
