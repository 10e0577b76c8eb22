"""The verb `edit`: a person's values for the fields of one model or of many. Data on stdout, talk on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import UserError
from catalog.settings import Settings
from catalog.terminal import printable, table

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.access.editing import Editor, ManyEdited, Preview
    from catalog.recording.edits import EditOutcome
    from catalog.recording.field_changes import FieldChange

LEFT_SHOWN = 20
VALUE_CHARS = 60


@click.command()
@click.argument("model", metavar="[ID]", required=False)
@click.argument("assignments", metavar="[FIELD=VALUE]...", nargs=-1)
@click.option("--clear", "clear", multiple=True, metavar="FIELD", help="Give the field back to the files.")
@click.option(
    "--revision",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only if the model still is at this revision; without it, at that which it has now.",
)
@click.option("--query", metavar="QUERY", help="Change every model that this search finds, in one go.")
@click.option("--dry-run", is_flag=True, help="With --query: only say what would change.")
@click.option("--yes", is_flag=True, help="With --query: change without asking.")
@click.option(
    "--write-sidecar",
    "write_sidecar",
    is_flag=True,
    help="Write what is set by hand into a modeldex.yaml beside the weights, where the source is declared writable. "
    "Says what it would write; --apply writes it.",
)
@click.option("--apply", "apply", is_flag=True, help="With --write-sidecar: write it.")
@click.option("--undo", metavar="EDIT", help="Take back what was changed in one go, as history names it.")
@click.pass_obj
def edit(
    settings: Settings,
    model: str | None,
    assignments: tuple[str, ...],
    clear: tuple[str, ...],
    revision: int | None,
    query: str | None,
    dry_run: bool,
    yes: bool,
    undo: str | None,
    write_sidecar: bool,
    apply: bool,
) -> None:
    """Set fields by hand, of one model or of all that a search finds.

    \b
    modeldex edit bert-base license=mit training.epochs=3 'notes=kept for the demo'
    modeldex edit bert-base tags+=prod tags-=draft description=
    modeldex edit --query "missing:license owner:lab" license=apache-2.0 --dry-run

    ID is the beginning of a model's id, or its name if no other model has it. FIELD is a name of docs/fields.md; names of
    your own go below extra. and hyperparameters. FIELD=VALUE sets, FIELD+=VALUE adds to a list and FIELD-=VALUE takes away
    from it, FIELD= leaves it empty whatever files say, --clear FIELD gives it back to the files. What is set wins over
    what files say, now and in every later crawl. No file is touched but by --write-sidecar.
    """  # noqa: D301 - click's mark for lines that stay as they are
    from catalog.access.editing import Editor  # noqa: PLC0415 - what a command needs is imported by it alone
    from catalog.access.opening import open_catalog  # noqa: PLC0415
    from crawler.commands.index_state import bring_up_to_date  # noqa: PLC0415

    if write_sidecar:
        from crawler.commands.write_sidecar import write_sidecars  # noqa: PLC0415

        if assignments or clear or undo is not None:
            raise UserError("--write-sidecar writes what is set already, and sets nothing.")
        write_sidecars(settings, model, query, apply=apply and not dry_run)
        return
    if query is not None or undo is not None:
        assignments = (*(() if model is None else (model,)), *assignments)
        model = None
    with open_catalog(settings) as catalog:
        editor = Editor(settings, catalog, author=author(catalog), follow=bring_up_to_date)
        if undo is not None:
            if assignments or clear or query is not None:
                raise UserError("--undo takes back what was done and changes nothing else.")
            _tell_many(editor.undo(undo), verb="taken back")
            return
        changes = [*map(assigned, assignments), *map(_given_back, clear)]
        if not changes:
            raise UserError("Nothing to change.", advice="Give FIELD=VALUE, or --clear FIELD.")
        if query is not None:
            _edit_many(editor, query, changes, dry_run=dry_run, yes=yes)
        elif model is None:
            raise UserError("Which model?", advice="Give its id or name, or --query QUERY.")
        else:
            _edit_one(catalog, editor, model, changes, revision)


def author(catalog: Catalog) -> str:
    """Who is at the keyboard: the principal, or where no users are set up, whom this machine knows."""
    from catalog.access.command_line import machine_user  # noqa: PLC0415
    from catalog.access.principals import OWNER  # noqa: PLC0415

    return machine_user() if catalog.principal == OWNER else catalog.principal.name


def assigned(assignment: str) -> FieldChange:
    """The change that `FIELD=VALUE`, `FIELD+=VALUE`, `FIELD-=VALUE` or `FIELD=` means. Raises UserError, EditRefused."""
    from catalog.recording.field_changes import Action, FieldChange, typed_value  # noqa: PLC0415

    name, equals, text = assignment.partition("=")
    if not equals:
        raise UserError(
            f"{printable(assignment, limit=80)!r} sets nothing.",
            advice="Write FIELD=VALUE, or --clear FIELD.",
        )
    action = {"+": Action.ADD, "-": Action.REMOVE}.get(name[-1:], Action.SET)
    name, text = name.rstrip("+-").strip() if action is not Action.SET else name.strip(), text.strip()
    if action is Action.SET and not text:
        return FieldChange(field=name, action=Action.EMPTY)
    return FieldChange(field=name, action=action, value=typed_value(name, text))


def _given_back(name: str) -> FieldChange:
    from catalog.recording.field_changes import Action, FieldChange  # noqa: PLC0415

    return FieldChange(field=name, action=Action.GIVE_BACK)


def _edit_one(
    catalog: Catalog, editor: Editor, typed: str, changes: list[FieldChange], revision: int | None
) -> None:
    from catalog.commands.show import present_model  # noqa: PLC0415

    chosen = present_model(catalog, typed)
    done = editor.edit(chosen, changes, expected=revision)
    name = printable(chosen.document.get("name", ""), limit=80)
    same = " as before" if done.revision == done.before else ""
    click.echo(f"{name} is at revision {done.revision}{same}. See it with: modeldex show {chosen.id[:12]}")
    follow_told(done.index)


def _edit_many(editor: Editor, query: str, changes: list[FieldChange], *, dry_run: bool, yes: bool) -> None:
    from catalog.query.state import SearchState  # noqa: PLC0415
    from catalog.recording.authorship import new_batch  # noqa: PLC0415

    preview = editor.preview(SearchState(text=query), changes)
    _tell_preview(preview)
    if dry_run or not preview.targets:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UserError("Nothing was changed.", advice="To change them without being asked: --yes")
        click.confirm(f"Change {models_text(len(preview.targets))}?", abort=True, err=True)
    batch = new_batch()
    is_told = False

    def tell_batch(outcome: EditOutcome) -> None:
        """As soon as there is something to take back, in case that this is interrupted."""
        nonlocal is_told
        if outcome.changed and not is_told:
            click.echo(f"This is edit {batch}. Take it back with: modeldex edit --undo {batch}", err=True)
            is_told = True

    cause = f"query {query[:200]}"
    done = editor.edit_many(preview.targets, changes, cause=cause, batch=batch, progress=tell_batch)
    _tell_many(done, verb="changed")


def _tell_preview(preview: Preview) -> None:
    would = models_text(len(preview.targets))
    parts = [f"{models_text(preview.found)} found", f"{would} would change"]
    if preview.as_they_are:
        parts.append(f"{preview.as_they_are:,} are so already")
    if preview.forbidden:
        parts.append(f"{preview.forbidden:,} you may not change")
    click.echo(f"{', '.join(parts)}.", err=True)
    rows = [
        (row.name, row.model[:12], row.field, value_text(row.before), value_text(row.after))
        for row in preview.first
    ]
    if rows:
        for line in table(("name", "id", "field", "now", "then"), rows, whole=("id", "field")):
            click.echo(line)
    if len(preview.targets) > len(rows) > 0:
        click.echo(f"and {len(preview.targets) - len(rows):,} more", err=True)


def _tell_many(done: ManyEdited, *, verb: str) -> None:
    outcome = done.outcome
    same = f", {len(outcome.unchanged):,} were so already" if outcome.unchanged else ""
    click.echo(f"{models_text(len(outcome.changed))} {verb}{same}.")
    for model, reason in list(outcome.left.items())[:LEFT_SHOWN]:
        click.echo(f"Left as it is: {model[:12]}: {printable(reason)}", err=True)
    if len(outcome.left) > LEFT_SHOWN:
        click.echo(f"and {len(outcome.left) - LEFT_SHOWN:,} more that were left as they are", err=True)
    follow_told(done.index, failed=bool(outcome.left))


def follow_told(index: Any, *, failed: bool = False) -> None:
    """What a person should know of the index. Ends with 1 where it lags behind or something was left."""
    from crawler.commands.crawl import EXIT_INCOMPLETE  # noqa: PLC0415

    index.tell()
    if failed or not index.is_current:
        sys.exit(EXIT_INCOMPLETE)


def value_text(value: object) -> str:
    """A value for a column of a table."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return printable(", ".join(map(str, value)), limit=VALUE_CHARS)
    return printable(value, limit=VALUE_CHARS)


def models_text(number: int) -> str:
    """How many models, in words."""
    return "1 model" if number == 1 else f"{number:,} models"
