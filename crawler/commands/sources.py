"""The verbs of `modeldex sources`: what is crawled, how and when. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from catalog.access.command_line import note
from catalog.commands.given_values import text_of
from catalog.errors import UserError
from catalog.records.sources import SourceRow, SourceState
from catalog.settings import Settings
from catalog.terminal import printable, table

if TYPE_CHECKING:
    from catalog.store import Store
    from crawler.source_file import Change

CLEARABLE = ("name", "include", "exclude", "schedule", "credentials", "sensitive", "borrow", "options")
F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def sources() -> None:
    """What is crawled, how and when: `modeldex worker` crawls all of these by their schedules.

    A path that `modeldex crawl` was given is a source with defaults.
    """


def _described(command: F) -> F:
    """The options that describe a source."""
    for option in reversed(
        (
            click.option("--name", help="What to call it: modeldex crawl NAME."),
            click.option("--include", multiple=True, metavar="GLOB", help="Crawl only what matches, as '*.safetensors' or 'runs/**'."),
            click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out what matches; a directory with all below it."),
            click.option("--schedule", metavar="WHEN", help='"every 1h", or five fields of cron in UTC.'),
            click.option("--credential", "credentials", multiple=True, metavar="KEY=REFERENCE", help="Where a secret stands: KEY=env:NAME or KEY=file:PATH."),
            click.option("--sensitive", multiple=True, metavar="FIELD", help="A field that not everybody may see."),
            click.option("--borrow/--no-borrow", default=None, help="Whether files of other sources are heard on its models."),
            click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of this kind of storage."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@sources.command()
@click.argument("address", metavar="ADDRESS")
@_described
@click.pass_obj
def add(settings: Settings, /, address: str, **options: Any) -> None:
    """Add the directory or storage at ADDRESS. It is first crawled by `modeldex crawl` or the worker."""
    from crawler.definitions import address_id, check_apart, checked_definition, new_row  # noqa: PLC0415

    with _store(settings, write=True) as store:
        rows = store.sources.all()
        row = new_row(address, checked_definition(address, _definition_fields(options)), settings)
        identities = {row.id, address_id(address, rows)}
        before = next((known for known in rows if known.id in identities), None)
        if before is not None and before.state is not SourceState.REMOVED and not before.is_default:
            raise UserError(
                f"{_label(before)} is a source already.",
                advice=f"Change it with: modeldex sources set {_typed(before)}",
            )
        check_apart(row, _standing(rows))
        store.sources.put([row])
        note(store, "sources.add", _label(row))
        _tell_of_clear_values(store, [row])
    click.echo(f"Added {_label(row)}. Crawl it with: modeldex crawl {_typed(row)}")


@sources.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def list_sources(settings: Settings, *, as_json: bool) -> None:
    """List the sources with their schedules and last crawls."""
    with _store(settings, write=False) as store:
        shown = [_shown(row, store) for row in _standing(store.sources.all())]
    if as_json:
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    if not shown:
        click.echo("There are no sources. Add one with: modeldex sources add ADDRESS", err=True)
        return
    head = ("name", "address", "schedule", "state", "models", "last crawl", "ended")
    rows = [
        (
            row["name"],
            row["address"],
            row["schedule"],
            row["state"],
            row["models"],
            row["last_crawl"],
            row["ended"],
        )
        for row in shown
    ]
    for line in table(head, rows, whole=("name", "state")):
        click.echo(line)


@sources.command()
@click.argument("source", metavar="NAME|ADDRESS")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(settings: Settings, source: str, *, as_json: bool) -> None:
    """Show all that is set for one source."""
    with _store(settings, write=False) as store:
        shown = _shown(_row(store, source), store)
    if as_json:
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    for key, value in shown.items():
        click.echo(f"{key + ':':<13} {printable(_plain(value))}".rstrip())


@sources.command("set")
@click.argument("source", metavar="NAME|ADDRESS")
@_described
@click.option("--clear", multiple=True, type=click.Choice(CLEARABLE), help="Back to its default.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether the worker crawls it.")
@click.pass_obj
def set_source(
    settings: Settings, /, source: str, *, clear: tuple[str, ...], enabled: bool | None, **options: Any
) -> None:
    """Change what is given of one source; a list is replaced, all else stays."""
    from crawler.definitions import check_apart, checked_definition  # noqa: PLC0415
    from crawler.source_file import differing, said_of  # noqa: PLC0415

    with _store(settings, write=True) as store:
        row = _row(store, source)
        kept = {key: value for key, value in said_of(row.definition).items() if key not in clear}
        given: dict[str, Any] = {
            key: value for key, value in _definition_fields(options).items() if value or value is False
        }
        for key in ("credentials", "options"):
            if key in given:
                given[key] = {**kept.get(key, {}), **given[key]}
        states = {None: row.state, True: SourceState.ACTIVE, False: SourceState.DISABLED}
        after = replace(
            row, definition=checked_definition(row.address, {**kept, **given}), state=states[enabled]
        )
        differences = list(differing(row, after))
        if differences:
            check_apart(after, _standing(store.sources.all()))
            store.sources.put([after])
            note(store, "sources.set", _label(after), after={"changes": differences})
            _settle(store, [after], settings)
        _tell_of_clear_values(store, [after])
    click.echo(f"{_label(after)}: {'; '.join(differences) or 'nothing to change'}.")


@sources.command()
@click.argument("source", metavar="NAME|ADDRESS")
@click.pass_obj
def remove(settings: Settings, source: str) -> None:
    """Take a source and its options away. Its models stay in the catalog."""
    with _store(settings, write=True) as store:
        row = _row(store, source)
        known = next((known for known in store.records.sources() if known.id == row.id), None)
        models = known.live + known.missing if known else 0
        store.sources.remove(row)
        note(store, "sources.remove", _label(row))
    click.echo(f"Removed {_label(row)}.")
    if models:
        number = f"{models:,} {'model stays' if models == 1 else 'models stay'}"
        address = _typed(replace(row, definition=replace(row.definition, name=None)))
        click.echo(f"Its {number} in the catalog. Take them out with: modeldex forget {address}", err=True)


@sources.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--prune", is_flag=True, help="Disable the sources that the file does not name.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as one JSON object.")
@click.pass_obj
def apply(settings: Settings, file: Path, *, prune: bool, dry_run: bool, as_json: bool) -> None:
    """Make the sources what the YAML file says: add and change. Doing it twice changes nothing more.

    Paths in it are relative to its folder. `modeldex sources export` writes such a file.
    """
    from crawler.source_file import Deed, plan  # noqa: PLC0415

    text = text_of(file)
    with _store(settings, write=not dry_run) as store:
        try:
            changes = plan(text, file.absolute().parent, store.sources.all(), settings, prune=prune)
        except UserError as error:
            raise UserError(f"{file}: nothing was changed.\n  {error}") from error
        if not dry_run:
            differing = [change for change in changes if change.deed is not Deed.KEEP]
            store.sources.put([change.row for change in differing])
            for change in differing:
                note(store, f"sources.{change.deed.value}", _label(change.row), after={"by": file.name})
            _settle(store, [change.row for change in differing], settings)
            _tell_of_clear_values(store, [change.row for change in differing])
    if as_json:
        click.echo(
            json.dumps({"applied": not dry_run, "plan": [_planned(change) for change in changes]}, indent=2)
        )
        return
    _tell_plan(changes)
    if dry_run:
        click.echo(
            f"Nothing was changed. Do it with: modeldex sources apply {file}{' --prune' * prune}", err=True
        )


@sources.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what is wrong as one JSON object.")
@click.option("--connect", is_flag=True, help="Ask the storage of each source, too, with its credentials.")
@click.pass_obj
def check(settings: Settings, file: Path, *, as_json: bool, connect: bool) -> None:
    """Say what is wrong with the YAML file, each fault with its line; open each of its sources, and store nothing."""
    from crawler.source_file import FileFaults, plan, unreachable  # noqa: PLC0415

    number = 0
    try:
        changes = plan(text_of(file), file.absolute().parent, (), settings, prune=False)
        number = len(changes)
        wrong = tuple(unreachable(changes, settings)) if connect else ()
    except FileFaults as error:
        wrong = error.faults
    faults = [asdict(fault) for fault in wrong]
    if wrong and not as_json:
        raise UserError("\n  ".join([f"{file}:", *map(str, wrong)]))
    if as_json:
        click.echo(json.dumps({"sources": number, "faults": faults}, indent=2, ensure_ascii=False))
        sys.exit(UserError.exit_code if faults else 0)
    click.echo(f"{file}: {number:,} {'source' if number == 1 else 'sources'}, nothing is wrong.")
    if not connect:
        click.echo(
            "No storage was asked: --connect does that, with the credentials of each source.", err=True
        )


@sources.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def export(settings: Settings, file: Path | None) -> None:
    """Write all sources as YAML, to FILE or to standard output. Secrets are in it as references alone."""
    from crawler.source_file import exported  # noqa: PLC0415

    with _store(settings, write=False) as store:
        text = exported(store.sources.all())
    if file is None:
        sys.stdout.write(text)
    else:
        file.write_text(text, "utf-8")


def _store(settings: Settings, *, write: bool) -> Store:
    from catalog.store import open_store  # noqa: PLC0415 - what a command needs is imported by it alone

    return open_store(settings, write=write)


def _settle(store: Store, rows: Sequence[SourceRow], settings: Settings) -> None:
    """What is kept for oneself from now on leaves at once the models elsewhere that had borrowed it."""
    from catalog.recording.joining import settle_due_joins  # noqa: PLC0415 - as above

    settle_due_joins(store, (row.id for row in rows), settings)


def _tell_of_clear_values(store: Store, rows: Sequence[SourceRow]) -> None:
    """That naming a field hides it from nobody as long as there is no key."""
    named = sorted({name for row in rows for name in row.definition.sensitive})
    if named and not store.vault.is_set_up:
        click.echo(
            f"No key is set up: whoever sees a model still reads {', '.join(named)}; `modeldex export`, webhooks "
            "and models of other sources alone go without. Hide them with: modeldex keys create --file FILE",
            err=True,
        )


def _standing(rows: Sequence[SourceRow]) -> list[SourceRow]:
    return [row for row in rows if row.state is not SourceState.REMOVED]


def _row(store: Store, text: str) -> SourceRow:
    """The source that the name or address means. Raises UserError with the nearest one."""
    from catalog.settings.sections import nearest  # noqa: PLC0415
    from crawler.addresses import find_target, shown_address  # noqa: PLC0415

    rows = _standing(store.sources.all())
    row = find_target(text, rows).row
    if row is not None:
        return row
    known = [_typed(row) for row in rows]
    close = nearest(text, known)
    advice = f"Did you mean {close}?" if close else "See: modeldex sources list"
    raise UserError(f"There is no source {shown_address(text)!r}.", advice=advice)


def _definition_fields(options: dict[str, Any]) -> dict[str, Any]:
    return {
        **options,
        "credentials": pairs(options["credentials"], "--credential", "NAME=env:VARIABLE"),
        "options": pairs(options["options"], "--option", "NAME=VALUE"),
    }


def pairs(texts: Sequence[str], option: str, example: str) -> dict[str, str]:
    """`KEY=VALUE` each. What has no `=` is not repeated: it may be a secret."""
    pairs = dict(text.partition("=")[::2] for text in texts)
    if not all(pairs) or not all("=" in text for text in texts):
        raise UserError(f"{option} takes a name and a value.", advice=f"Write {option} {example}")
    return pairs


def _shown(row: SourceRow, store: Store) -> dict[str, Any]:
    counts = store.records.standing(row.id)
    runs = store.runs.latest(1, source=row.id)
    definition = row.definition
    return {
        "name": definition.name,
        "address": _address(row),
        "state": row.state.value,
        "schedule": definition.schedule,
        "include": list(definition.include),
        "exclude": list(definition.exclude),
        "credentials": dict(definition.credentials),
        "sensitive": list(definition.sensitive),
        "borrow": definition.borrow,
        "options": dict(definition.options),
        "models": counts["live"],
        "missing": counts["missing"],
        "last_crawl": runs[0].started_at.strftime("%Y-%m-%d %H:%M UTC") if runs else None,
        "ended": runs[0].state.value if runs else None,
        "added_at": row.added_at.isoformat() if row.added_at else None,
        "updated_at": row.updated_at.isoformat() if row.updated_at else None,
        "id": row.id,
    }


def _planned(change: Change) -> dict[str, Any]:
    return {
        "deed": change.deed.value,
        "name": change.row.definition.name,
        "address": _address(change.row),
        "differences": list(change.differences),
    }


def _tell_plan(changes: Sequence[Change]) -> None:
    from crawler.source_file import Deed  # noqa: PLC0415

    for change in changes:
        if change.deed is not Deed.KEEP:
            click.echo(f"{change.deed:<8} {_label(change.row)}  {'; '.join(change.differences)}".rstrip())
    counts = [(deed, sum(change.deed is deed for change in changes)) for deed in Deed]
    click.echo(", ".join(f"{number:,} to {deed}" for deed, number in counts) + ".")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def _address(row: SourceRow) -> str:
    from crawler.source_file import typed_address  # noqa: PLC0415

    return typed_address(row)


def _typed(row: SourceRow) -> str:
    """The source as a shell takes it."""
    import shlex  # noqa: PLC0415

    return row.definition.name or shlex.quote(printable(_address(row)))


def _label(row: SourceRow) -> str:
    name = f" ({row.definition.name})" if row.definition.name else ""
    return f"{printable(_address(row))}{name}"
