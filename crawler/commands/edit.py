"""The verb `edit`: a person's values for the fields of one model. Data on stdout, talk on stderr."""

from __future__ import annotations

import getpass
import sys
from typing import Any

import click

from catalog.errors import UserError
from catalog.settings import Settings
from catalog.terminal import printable


@click.command()
@click.argument("model", metavar="ID")
@click.argument("assignments", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--clear", "clear", multiple=True, metavar="FIELD", help="Give the field back to the files.")
@click.option(
    "--revision",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only if the model still is at this revision; without it, at that which it has now.",
)
@click.pass_obj
def edit(
    settings: Settings, model: str, assignments: tuple[str, ...], clear: tuple[str, ...], revision: int | None
) -> None:
    """Set fields of one model by hand.

    ID is the beginning of a model's id, or its name if no other model has it. FIELD is a name of docs/fields.md, as in
    license=mit training.epochs=3 tags=small,german 'language=["de", "en"]'; names of your own go below extra. and
    hyperparameters. What is set wins over what files say, now and in every later crawl. No file is touched.
    """
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - what a command needs is imported by it alone
    from catalog.commands.show import chosen_model  # noqa: PLC0415
    from catalog.recording.edits import edit_model  # noqa: PLC0415
    from catalog.store import open_store  # noqa: PLC0415
    from crawler.commands.crawl import EXIT_INCOMPLETE  # noqa: PLC0415
    from crawler.commands.index_state import bring_up_to_date  # noqa: PLC0415

    if not assignments and not clear:
        raise UserError("Nothing to change.", advice="Give FIELD=VALUE, or --clear FIELD.")
    values = dict(map(_assigned, assignments))
    with open_catalog(settings) as catalog:
        chosen = chosen_model(catalog, model)
    with open_store(settings, write=True) as store:
        number = edit_model(
            store,
            chosen.id,
            expected=chosen.revision if revision is None else revision,
            values=values,
            clear=clear,
            made_by=getpass.getuser(),
        )
        index = bring_up_to_date(settings, store)
    name = printable(chosen.document.get("name", ""), limit=80)
    same = " as before" if number == chosen.revision else ""
    click.echo(f"{name} is at revision {number}{same}. See it with: modeldex show {chosen.id[:12]}")
    index.tell()
    if not index.is_current:
        sys.exit(EXIT_INCOMPLETE)


def _assigned(assignment: str) -> tuple[str, Any]:
    from catalog.recording.edits import typed_value  # noqa: PLC0415

    name, equals, text = assignment.partition("=")
    if not equals:
        raise UserError(
            f"{printable(assignment, limit=80)!r} sets nothing.",
            advice="Write FIELD=VALUE, or --clear FIELD.",
        )
    return name.strip(), typed_value(name.strip(), text.strip())
