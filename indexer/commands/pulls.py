"""What the verbs `pull` have in common, whichever neighbour they read."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from catalog.access.command_line import note
from catalog.settings import Settings
from catalog.terminal import printable
from indexer.pulling import Pull

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.store import Store

SHOWN = 20

AnyPull = TypeVar("AnyPull", bound=Pull)


def pull_now(
    settings: Settings,
    verb: str,
    read: Callable[[Store, Catalog], AnyPull],
    subject: Callable[[AnyPull], str],
) -> AnyPull:
    """Reads, notes it in the audit as `verb` of `subject`, and brings what changed into the index."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - SQLAlchemy and an engine
    from catalog.store import open_store  # noqa: PLC0415
    from indexer.drain import drain_now  # noqa: PLC0415

    with open_store(settings, write=True) as store, open_catalog(settings) as catalog:
        pull = read(store, catalog)
        note(store, verb, subject(pull), after={"changed": pull.changed})
        report = drain_now(settings, store) if pull.changed else None
    if report is not None and report.unavailable:
        click.echo(f"Searches find it later: {printable(report.unavailable)}", err=True)
    return pull


def tell_pull(pull: Pull, sentence: str, *notes: str, as_json: bool) -> None:
    """Prints the sentence or all counts, then notes and problems. Ends with 1 if there are problems."""
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(pull), indent=2, ensure_ascii=False))
    else:
        click.echo(sentence)
    for line in (*notes, *pull.problems[:SHOWN]):
        click.echo(line, err=True)
    more = pull.problem_count - SHOWN
    if more > 0:
        click.echo(f"  and {more:,} more", err=True)
    if pull.problems:
        sys.exit(1)
