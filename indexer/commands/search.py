"""`modeldex search`: the search box on a terminal.

Data goes to stdout, everything said about it to stderr. What a plain search does not need is imported where it is used.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.query.problems import QueryProblem
    from catalog.query.state import SearchState
    from catalog.search.page_state import SearchPage
    from catalog.settings import Settings

MAX_LIMIT = 10_000
MAX_UNDERLINED = 100
"""A longer query would wrap, and the marks below it would miss."""


class NegatingCommand(click.Command):
    """A command whose words may begin with a minus: `-license:mit` is a condition, no bundle of options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {
            name
            for parameter in self.get_params(ctx)
            for name in (*parameter.opts, *parameter.secondary_opts)
        }
        waits = {
            name
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option) and not parameter.is_flag
            for name in parameter.opts
        }
        options: list[str] = []
        words: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            if word == "--":
                words += rest
                break
            negates = word.startswith("-") and not word.startswith("--") and word not in own and len(word) > 2
            if negates or not word.startswith("-"):
                words.append(word)
                continue
            options.append(word)
            if word in waits and rest:
                options.append(rest.pop(0))
        return super().parse_args(ctx, [*options, "--", *words])


@click.command(cls=NegatingCommand)
@click.argument("query", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON array of whole documents.")
@click.option(
    "--limit", type=click.IntRange(1, MAX_LIMIT), default=20, show_default=True, help="Most models shown."
)
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="Which page of that size.")
@click.option(
    "--sort",
    default="",
    metavar="FIELD",
    help="accuracy (best first), -size (descending), date-asc, name ...",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every model found as JSON lines, in the order asked for, else of ids.",
)
@click.option("--dsl", is_flag=True, help="Print the query as Elasticsearch JSON instead of searching.")
@click.option("--saved", metavar="NAME", help="Search what was saved under this name; words narrow it.")
@click.option(
    "--as-of",
    "as_of",
    metavar="DATE",
    help="Ask the catalog as it was then: 2026-10-01 (the end of that day, UTC), 2026-10, yesterday.",
)
@click.option("--fail-if-empty", is_flag=True, help="Exit with 1 when nothing is found.")
@click.option(
    "--lenient",
    is_flag=True,
    help="With --json, --all, --dsl or --fail-if-empty: leave out what is not understood instead of failing.",
)
@click.pass_obj
def search(
    settings: Settings,
    query: tuple[str, ...],
    as_json: bool,
    limit: int,
    page: int,
    sort: str,
    everything: bool,
    dsl: bool,
    saved: str | None,
    as_of: str | None,
    fail_if_empty: bool,
    lenient: bool,
) -> None:
    """Find models: words, conditions and plain sentences.

    \b
    modeldex search "accuracy > 0.9 after:2023 framework:pytorch"
    modeldex search "models smaller than 2 GB with at least 90% f1" --sort f1
    modeldex search "task:ner params:1B..8B -license:gpl" --json
    """  # noqa: D301 - click's mark for lines that stay as they are
    from catalog.query.state import SearchState  # noqa: PLC0415 - `--help` needs none of it
    from catalog.search.page_state import PageParts  # noqa: PLC0415

    state = SearchState(text=" ".join(query), sort=sort, page=page, size=limit)
    if saved is not None:
        state = _narrowed(settings, saved, state)
    with _opened(settings, as_of) as catalog:
        if not lenient and (as_json or everything or dsl or fail_if_empty):
            _refuse_guesses(catalog, state)
        if dsl:
            _print_dsl(catalog, state)
            return
        if everything:
            printed = _print_all(catalog, state)
            if not printed and not catalog.info().documents:
                _tell_waiting(catalog, settings)
        else:
            to_persons = not (as_json or fail_if_empty)
            parts = PageParts(facets=False, relaxed=to_persons, to_last=to_persons)
            results = catalog.page(state, parts)
            if not results.total and not results.catalog_size:
                _tell_waiting(catalog, settings)
            printed = _print_page(results, as_json=as_json, is_past=as_of is not None)
    if fail_if_empty and not printed:
        raise click.exceptions.Exit(1)


def _opened(settings: Settings, as_of: str | None) -> AbstractContextManager[Catalog]:
    """The catalog as it is, or as it was."""
    if as_of is None:
        from catalog.access.opening import open_catalog  # noqa: PLC0415 - `--help` needs none of it

        return open_catalog(settings)
    from catalog.access.as_of import instant_of, open_catalog_as_of  # noqa: PLC0415 - only for the past

    at = instant_of(as_of)
    _say(f"As of {at.isoformat(timespec='seconds').replace('+00:00', 'Z')}:")
    return open_catalog_as_of(settings, at)


def _narrowed(settings: Settings, name: str, state: SearchState) -> SearchState:
    """The saved search of this name, with what was typed besides. Raises UserError."""
    from dataclasses import replace  # noqa: PLC0415 - only for a saved search

    from catalog.access.principals import READER  # noqa: PLC0415
    from catalog.access.saved_searches import SavedSearches, state_of  # noqa: PLC0415

    kept = state_of(SavedSearches(settings, READER.get().id).named(name))
    text = " ".join(part for part in (kept.text, state.text) if part)
    return replace(kept, text=text, sort=state.sort or kept.sort, page=state.page, size=state.size)


def _refuse_guesses(catalog: Catalog, state: SearchState) -> None:
    """Ends with 2 when a condition would be left out where no person reads that it was."""
    sentences = catalog.not_understood(state)
    if not sentences:
        return
    from catalog.errors import UserError  # noqa: PLC0415 - only for a query that is not understood
    from catalog.terminal import printable  # noqa: PLC0415 - not for --help

    raise UserError(printable(" ".join(sentences)), advice="To search without it: --lenient")


def _tell_waiting(catalog: Catalog, settings: Settings) -> None:
    """Ends with 1 while models of the catalog wait for an index that holds none."""
    from catalog.access.opening import is_store_made  # noqa: PLC0415 - only for an index that holds nothing

    waiting = catalog.waiting() if is_store_made(settings) else 0
    if waiting:
        many = "1 model waits" if waiting == 1 else f"{waiting:,} models wait"
        _say(f"Nothing can be found yet: {many} for the index. Write it at once with: modeldex reindex")
        raise click.exceptions.Exit(1)


def _print_page(page: SearchPage, *, as_json: bool, is_past: bool) -> int:
    from catalog.terminal import printable  # noqa: PLC0415 - not for --help
    from indexer.commands.result_table import lines  # noqa: PLC0415 - not for --dsl

    _say_problems(page.state.text, page.problems)
    for notice in page.notices:
        _say(notice)
    if as_json:
        _print_json(page)
    elif page.hits:
        click.echo("\n".join(lines(page)))
    if not page.total:
        _explain(page, is_past=is_past)
    elif not as_json:
        place = f" · page {page.state.page:,} of {page.page_count:,}" if page.page_count > 1 else ""
        models = "model" if page.total == 1 else "models"
        understood = f" · {page.canonical_text}" if page.canonical_text else ""
        _say(printable(f"{page.total:,} {models}{place}{understood}"))
    return page.total


def _print_json(page: SearchPage) -> None:
    import json  # noqa: PLC0415 - a table needs none

    # ASCII, so that no control or bidirectional character of a file reaches the terminal as it is.
    click.echo("[", nl=False)
    for number, hit in enumerate(page.hits):
        click.echo(",\n " if number else "", nl=False)
        click.echo(json.dumps(hit, ensure_ascii=True), nl=False)
    click.echo("]")


def _print_all(catalog: Catalog, state: SearchState) -> int:
    import json  # noqa: PLC0415 - a table needs none

    _say_problems(state.text, catalog.understood(state.text).problems)
    count = 0
    for document in catalog.export(state):
        click.echo(json.dumps(document, ensure_ascii=True))
        count += 1
    return count


def _print_dsl(catalog: Catalog, state: SearchState) -> None:
    import json  # noqa: PLC0415 - a table needs none

    from catalog.dsl.body import to_dsl  # noqa: PLC0415 - a table needs none

    _say_problems(state.text, catalog.understood(state.text).problems)
    # Counted to the end, so that the query says the same total wherever it is pasted.
    click.echo(json.dumps({**to_dsl(catalog.request(state)), "track_total_hits": True}, indent=2))


def _say_problems(text: str, problems: tuple[QueryProblem, ...]) -> None:
    """Each problem with the words it is about, and the first way to mend it."""
    from catalog.terminal import printable  # noqa: PLC0415 - not for --help

    for problem in problems:
        _say(printable(problem.message))
        if 0 < problem.end <= len(text) <= MAX_UNDERLINED and text.isprintable() and text.isascii():
            _say(f"  {text}")
            _say("  " + " " * problem.start + "^" * max(1, problem.end - problem.start))
        for suggestion in problem.suggestions[:1]:
            _say(printable(f'  modeldex search "{_escaped(suggestion.text)}"'))


def _escaped(text: str) -> str:
    """Safe between double quotes of a shell."""
    for letter in ("\\", '"', "$", "`"):
        text = text.replace(letter, f"\\{letter}")
    return text


def _explain(page: SearchPage, *, is_past: bool) -> None:
    from catalog.terminal import printable  # noqa: PLC0415 - not for --help

    if not page.catalog_size and is_past:
        _say("The catalog held no model then.")
        return
    if not page.catalog_size:
        _say("The catalog is empty. Fill it with: modeldex crawl FOLDER")
        return
    _say(f"No model matches; the catalog holds {page.catalog_size:,}.")
    for reason in page.empty_reasons:
        detail = f" ({reason.detail})" if reason.detail else ""
        _say(printable(f"  without {reason.label}: {reason.without_count:,}{detail}"))


def _say(text: str) -> None:
    click.echo(text, err=True)
