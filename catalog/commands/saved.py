"""The verb `saved`: searches that are kept under a name. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from catalog.settings import Settings
from catalog.terminal import printable, table

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.access.saved_searches import News, SavedSearches
    from catalog.query.state import SearchState
    from catalog.records.searches import SavedSearch


@click.group()
def saved() -> None:
    """Searches that are kept: what is new in them, and the same for scripts (`modeldex search --saved NAME`)."""


@saved.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def list_saved(settings: Settings, *, as_json: bool) -> None:
    """List your saved searches and those that others share."""
    searches = _searches(settings)
    rows = searches.all()
    if as_json:
        click.echo(json.dumps([_entry(row) for row in rows], indent=2))
        return
    if not rows:
        click.echo("No search is saved. Save one with: modeldex saved add NAME QUERY", err=True)
        return
    lines = [(printable(row.name), _words(row), "shared" if row.shared else "", row.id) for row in rows]
    for line in table(("name", "query", "", "id"), lines, whole=("id",)):
        click.echo(line)


@saved.command()
@click.argument("name")
@click.argument("query", nargs=-1, required=True)
@click.option("--sort", default="", metavar="FIELD", help="accuracy (best first), -size (descending) ...")
@click.option("--share", is_flag=True, help="Let others see it.")
@click.pass_obj
def add(settings: Settings, name: str, query: tuple[str, ...], *, sort: str, share: bool) -> None:
    """Keep QUERY under NAME. What it finds now counts as seen. Put -- in front of a query that begins with a minus."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it
    from catalog.query.state import SearchState  # noqa: PLC0415

    searches = _searches(settings)
    state = SearchState(text=" ".join(query), sort=sort)
    with open_catalog(settings) as catalog:
        _check_understood(catalog, state)
        row = searches.add(name, state, catalog)
    if share:
        searches.change(row, shared=True)
    click.echo(
        f"Saved {printable(row.name)}. Ask it again with: modeldex search --saved {row.slug}", err=True
    )


@saved.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(settings: Settings, name: str, *, as_json: bool) -> None:
    """Say what is new in a saved search since it was last marked as seen."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it

    searches = _searches(settings)
    row = searches.named(name)
    with open_catalog(settings) as catalog:
        news = searches.news(row, catalog)
        departed = [] if as_json else [(model, catalog.model(model)) for model in news.departed]
    if as_json:
        click.echo(json.dumps({**_entry(row), "news": _news(news)}, indent=2))
        return
    from catalog.access.news_sentence import news_sentence  # noqa: PLC0415 - JSON needs none

    click.echo(printable(f"{row.name}: {news_sentence(news)}"))
    for document in news.arrivals:
        click.echo(f"  + {printable(document.get('name', ''))}  {str(document.get('id', ''))[:12]}")
    for model, known in departed:
        name = "" if known is None else printable(known.document.get("name", ""))
        click.echo(f"  - {name}  {model[:12]}" if name else f"  - {model[:12]}")
    for problem in news.not_understood:
        click.echo(printable(problem), err=True)


@saved.command()
@click.argument("name")
@click.pass_obj
def seen(settings: Settings, name: str) -> None:
    """Mark what a saved search finds now as seen."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it

    searches = _searches(settings)
    row = searches.named(name)
    with open_catalog(settings) as catalog:
        searches.mark_seen(row, catalog)
    click.echo(f"Seen: {printable(row.name)}", err=True)


@saved.command()
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="A new name.")
@click.option("--query", metavar="QUERY", help="Another query; chosen facets and the order stay.")
@click.option("--sort", metavar="FIELD", help="Another order; '' for none.")
@click.option("--drop-facets", is_flag=True, help="Forget the facets that were chosen on the page.")
@click.option("--share/--private", "shared", default=None, help="Whether others see it.")
@click.pass_obj
def edit(
    settings: Settings,
    name: str,
    *,
    new_name: str | None,
    query: str | None,
    sort: str | None,
    drop_facets: bool,
    shared: bool | None,
) -> None:
    """Rename, change or share a saved search of your own."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it
    from catalog.access.saved_searches import query_of, state_of  # noqa: PLC0415

    searches = _searches(settings)
    row = searches.named(name)
    before = state_of(row)
    state = replace(
        before,
        text=before.text if query is None else query,
        sort=before.sort if sort is None else sort,
        selections={} if drop_facets else before.selections,
    )
    changed = row
    with open_catalog(settings) as catalog:
        if state != before:
            _check_understood(catalog, state)
            changed = replace(row, query=query_of(state, catalog))
        searches.change(row, name=new_name, query=changed.query if state != before else None, shared=shared)
        if state != before:
            searches.mark_seen(changed, catalog)
    click.echo(f"Changed {printable(new_name or row.name)}: {_words(changed) or 'every model'}", err=True)


@saved.command()
@click.argument("name")
@click.pass_obj
def remove(settings: Settings, name: str) -> None:
    """Forget a saved search of your own; models are not touched."""
    searches = _searches(settings)
    row = searches.named(name)
    searches.remove(row)
    click.echo(f"Removed {printable(row.name)}.", err=True)


def _check_understood(catalog: Catalog, state: SearchState) -> None:
    """Raises UserError for a query that `search --saved` would refuse a script."""
    from catalog.errors import UserError  # noqa: PLC0415 - `--help` needs none of it

    if sentences := catalog.not_understood(state):
        raise UserError(
            printable(" ".join(sentences)), advice="Nothing is saved. Write the query differently."
        )


def _searches(settings: Settings) -> SavedSearches:
    from catalog.access.principals import READER  # noqa: PLC0415 - `--help` needs none of it
    from catalog.access.saved_searches import SavedSearches  # noqa: PLC0415

    return SavedSearches(settings, READER.get().id)


def _words(row: SavedSearch) -> str:
    from catalog.access.saved_searches import state_of  # noqa: PLC0415 - `--help` needs none of it

    state = state_of(row)
    chosen = [f"{field}:{','.join(values)}" for field, values in state.selections.items()]
    ordered = f"sort:{state.sort}" if state.sort else ""
    return printable(" ".join(part for part in (state.text, *chosen, ordered) if part), limit=120)


def _entry(row: SavedSearch) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "query": row.query,
        "schema_version": row.schema_version,
        "shared": row.shared,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


def _news(news: News) -> dict[str, Any]:
    best = news.best
    return {
        "total": news.total,
        "since": None if news.since is None else news.since.isoformat(),
        "new": news.new,
        "gone": news.gone,
        "arrivals": [row.get("id") for row in news.arrivals],
        "departed": list(news.departed),
        "best": None
        if best is None
        else {
            "metric": best.metric,
            "dataset": best.dataset,
            "split": best.split,
            "value": best.value,
            "model": best.model,
        },
        "best_before": news.best_before,
        "not_understood": list(news.not_understood),
    }
