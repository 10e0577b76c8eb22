"""What `modeldex edit --write-sidecar` does: what was set by hand, written beside the weights."""

from __future__ import annotations

import sys

import click

from catalog.access.opening import open_catalog
from catalog.access.permissions import may_edit
from catalog.commands.show import present_model
from catalog.errors import UserError
from catalog.query.state import SearchState
from catalog.settings import Settings
from catalog.store import open_store
from catalog.terminal import printable
from crawler.commands.crawl import EXIT_INCOMPLETE
from crawler.sidecars import SidecarRefused, sidecar_of, write


def write_sidecars(settings: Settings, typed: str | None, query: str | None, *, apply: bool) -> None:
    """Says which files it would write with what, or with `apply` writes them. Ends with 1 where one was refused."""
    if (typed is None) == (query is None):
        raise UserError("Which models?", advice="Give the id or name of one, or --query QUERY.")
    refused = written = 0
    with open_catalog(settings) as catalog, open_store(settings, write=False) as store:
        if query is None:
            models = [str(present_model(catalog, typed or "").id)]
        else:
            state = SearchState(text=query)
            if sentences := catalog.not_understood(state):
                raise UserError(" ".join(sentences), advice="Nothing was written.")
            models = [str(document["id"]) for document in catalog.export(state)]
        for model in models:
            stored = catalog.model(model)
            if stored is None or not may_edit(catalog.principal, stored.document):
                continue
            name = printable(stored.document.get("name", ""), limit=80)
            try:
                sidecar = sidecar_of(store, stored)
                if apply and not sidecar.is_there:
                    write(sidecar)
            except SidecarRefused as error:
                refused += 1
                click.echo(f"{name} ({model[:12]}): {printable(error)}.", err=True)
                continue
            if sidecar.left_out:
                lacks = ", ".join(sidecar.left_out)
                click.echo(
                    f"{name}: a sidecar cannot say that words are taken away: {printable(lacks)}.", err=True
                )
            if sidecar.is_there:
                click.echo(f"{printable(sidecar.path)} says it already", err=True)
                continue
            written += 1
            click.echo(printable(sidecar.path))
            if not apply:
                click.echo("".join(f"  {printable(line)}\n" for line in sidecar.text.splitlines()), nl=False)
    files = "1 file" if written == 1 else f"{written:,} files"
    click.echo(f"{files} written." if apply else f"{files} would be written. Write: --apply", err=True)
    if refused:
        sys.exit(EXIT_INCOMPLETE)
