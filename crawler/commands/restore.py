"""The verb `restore`: a model as one of its revisions was. Data on stdout, talk on stderr."""

from __future__ import annotations

import click

from catalog.commands.given_values import STORED_NUMBER
from catalog.settings import Settings
from catalog.terminal import printable

FIELDS_SHOWN = 20


@click.command()
@click.argument("model", metavar="ID")
@click.argument("number", metavar="REVISION", type=STORED_NUMBER)
@click.option(
    "--revision",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only if the model still is at this revision; without it, at that which it has now.",
)
@click.pass_obj
def restore(settings: Settings, model: str, number: int, *, revision: int | None) -> None:
    """Make one model what it was in REVISION, as a new revision.

    Everything that a person can set is as it was then: given back to the files where they say so again, else set by hand.
    What is measured stays as storage says. Nothing of the history is rewritten, and no file is touched.
    """
    from catalog.access.editing import Editor  # noqa: PLC0415 - what a command needs is imported by it alone
    from catalog.access.opening import open_catalog  # noqa: PLC0415
    from catalog.commands.show import chosen_model  # noqa: PLC0415
    from crawler.commands.edit import author, follow_told  # noqa: PLC0415
    from crawler.commands.index_state import bring_up_to_date  # noqa: PLC0415

    with open_catalog(settings) as catalog:
        chosen = chosen_model(catalog, model)
        editor = Editor(settings, catalog, author=author(catalog), follow=bring_up_to_date)
        done = editor.restore(chosen, number, expected=revision)
    name = printable(chosen.document.get("name", ""), limit=80)
    edited = done.edited
    if edited.revision == edited.before:
        click.echo(f"{name} is at revision {edited.revision} as before.")
    else:
        click.echo(
            f"{name} is at revision {edited.revision}, as in {number}: {_names(done.fields)}. "
            f"Take it back with: modeldex edit --undo {edited.batch}"
        )
    if done.measured:
        click.echo(f"As storage says now, and not as then: {_names(done.measured)}.", err=True)
    follow_told(edited.index)


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - FIELDS_SHOWN} more" if len(names) > FIELDS_SHOWN else ""
    return printable(", ".join(names[:FIELDS_SHOWN])) + more
