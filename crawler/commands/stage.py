"""The verbs `stage` and `alias`: where a model is in its life, and what it is called meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog.errors import UserError
from catalog.settings import Settings
from catalog.terminal import printable

if TYPE_CHECKING:
    from catalog.recording.field_changes import FieldChange

STAGE, ALIASES = "stage", "aliases"
BESIDE = click.option(
    "--beside", is_flag=True, help="Leave it with the model of the series that has it, too."
)


@click.command()
@click.argument("model", metavar="ID")
@click.argument("name", metavar="[STAGE]", required=False)
@click.option("--clear", "clear", is_flag=True, help="Give the stage back to what files say.")
@BESIDE
@click.pass_obj
def stage(settings: Settings, model: str, name: str | None, *, clear: bool, beside: bool) -> None:
    """Move a model to STAGE: production, staging, archived, or a name of your own.

    The model of the same series (of the same name) that is in production or staging is archived by that, in one step that
    `modeldex edit --undo` takes back. Ask for them with `stage:production`, also as of a day.
    """
    from catalog.recording.field_changes import Action, FieldChange  # noqa: PLC0415 - what a command needs is imported by it alone

    if (name is None) != clear:
        raise UserError("Which stage?", advice="Give one, or --clear.")
    change = (
        FieldChange(field=STAGE, action=Action.GIVE_BACK) if clear else FieldChange(field=STAGE, value=name)
    )
    _change(settings, model, change, beside=beside)


@click.command()
@click.argument("model", metavar="ID")
@click.argument("names", metavar="ALIAS...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take these away instead.")
@BESIDE
@click.pass_obj
def alias(settings: Settings, model: str, names: tuple[str, ...], *, remove: bool, beside: bool) -> None:
    """Give a model an alias, such as champion, that one model of its series has at a time.

    The model of the series that has it loses it by that, in one step. Ask for it with `alias:champion`.
    """
    from catalog.recording.field_changes import Action, FieldChange  # noqa: PLC0415 - as above

    action = Action.REMOVE if remove else Action.ADD
    _change(settings, model, FieldChange(field=ALIASES, action=action, value=list(names)), beside=beside)


def _change(settings: Settings, typed: str, change: FieldChange, *, beside: bool) -> None:
    from catalog.access.editing import Editor  # noqa: PLC0415 - as above
    from catalog.access.opening import open_catalog  # noqa: PLC0415
    from catalog.commands.show import present_model  # noqa: PLC0415
    from crawler.commands.edit import author, follow_told  # noqa: PLC0415
    from crawler.commands.index_state import bring_up_to_date  # noqa: PLC0415

    with open_catalog(settings) as catalog:
        chosen = present_model(catalog, typed)
        editor = Editor(settings, catalog, author=author(catalog), follow=bring_up_to_date)
        done = editor.edit(chosen, [change], beside=beside)
    name = printable(chosen.document.get("name", ""), limit=80)
    if done.revision == done.before:
        click.echo(f"{name} is so already.")
    else:
        click.echo(
            f"{name} is at revision {done.revision}. Take it back with: modeldex edit --undo {done.batch}"
        )
    follow_told(done.index)
