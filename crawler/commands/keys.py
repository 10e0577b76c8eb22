"""The verbs `keys`: the keys under which sensitive values are kept. Data on stdout, talk on stderr; no key is ever shown."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.access.command_line import note
from catalog.errors import UserError
from catalog.settings import Settings
from catalog.terminal import printable

if TYPE_CHECKING:
    from catalog.records import SourceId
    from catalog.store import Store
    from catalog.store.resealing import ResealReport

WHOLE = "(saved searches)"
"""What is shown in place of a source for the catalog's own key."""


@click.group()
def keys() -> None:
    """Keep the values of sensitive fields encrypted: create, list, rotate and destroy keys."""


@keys.command("create")
@click.argument("source", required=False)
@click.option("--file", "path", type=click.Path(path_type=Path), help="Where the new master key is to stand.")
@click.pass_obj
def create(settings: Settings, source: str | None, path: Path | None) -> None:
    """Make a new master key (--file), or a new data key for a SOURCE of which the key is lost or destroyed.

    Data keys are made by themselves for every source that has sensitive fields. What is under a lost key stays as it is;
    the next crawl reads the files of SOURCE again.
    """
    if (source is None) == (path is None):
        raise UserError("Say what is to be made: --file PATH for a master key, or a SOURCE for its data key.")
    if path is not None:
        from catalog.sealing.master_key import write_master_key  # noqa: PLC0415 - `--help` needs none of it

        write_master_key(path)
        click.echo(f'[encryption]\nkey = "file:{path.absolute()}"')
        click.echo(
            f"Written to {path}. Put these lines into {settings.home / 'modeldex.toml'}, and keep a copy of the key "
            "apart from those of the catalog: without it nobody reads sensitive values again.",
            err=True,
        )
        return
    from catalog.store import open_store  # noqa: PLC0415
    from catalog.store.resealing import adopt  # noqa: PLC0415

    with open_store(settings, write=True) as store:
        chosen = _source(store, str(source))
        with store.source_lease(chosen):
            row = store.vault.create(chosen)
            adopt(store.engine, chosen)
        note(store, "keys.create", f"key {row.id} of {chosen}")
    click.echo(f"{row.id} is the key of {printable(chosen)} from now on. Crawl it with --reread.")


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@click.pass_obj
def list_keys(settings: Settings, *, as_json: bool) -> None:
    """Show every data key: whose it is, its state, the master key that wraps it, and whether it is here."""
    from catalog.sealing.vault import vault_of  # noqa: PLC0415 - `--help` needs none of it

    vault = vault_of(settings)
    rows = [
        {
            "key": row.id,
            "source": row.source,
            "state": row.state,
            "created_at": row.created_at,
            "master": row.master,
            "here": vault.reads(row),
        }
        for row in vault.rows()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        here = "" if row["here"] or row["state"] == "shredded" else "  is not here"
        whose = printable(str(row["source"]) or WHOLE, limit=200)
        click.echo(f"{row['key']}  {row['state']:<8}  {row['created_at']}  {whose}{here}")
    if not rows:
        click.echo("There are no keys.", err=True)


@keys.command("rotate")
@click.argument("sources", nargs=-1)
@click.option("--master", is_flag=True, help="Wrap the data keys by the new master key, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_obj
def rotate(settings: Settings, sources: tuple[str, ...], *, master: bool, as_json: bool) -> None:
    """Give each of the SOURCES (all, if none is named) a new data key and put everything under it, in one pass.

    A pass that was killed goes on when the command is repeated. With --master the data keys stay, and are wrapped by the
    master key of encryption.key in place of that of encryption.previous_key.
    """
    from catalog.recording.joining import settle_due_joins  # noqa: PLC0415 - `--help` needs none of it
    from catalog.store import open_store  # noqa: PLC0415 - as above

    with open_store(settings, write=True) as store:
        if master:
            number, left = store.vault.rewrap()
            note(store, "keys.rotate_master", f"{number} keys", after={"keys": number, "left": len(left)})
            click.echo(
                json.dumps({"rewrapped": number, "left": left}) if as_json else f"{number} keys rewrapped."
            )
            for key in left:
                click.echo(f"  {key} is wrapped by neither master key, and stays as it is.", err=True)
            sys.exit(1 if left else 0)
        chosen = [_source(store, name) for name in sources] or _with_keys(store)
        reports = {str(source): _rotated(store, source) for source in chosen}
        settle_due_joins(store, chosen, settings)
        if not sources:
            _rotate_catalog(store)
    if as_json:
        click.echo(
            json.dumps({name: dataclasses.asdict(report) for name, report in reports.items()}, indent=2)
        )
    for name, report in () if as_json else reports.items():
        click.echo(
            f"{printable(name)}: {report.models:,} models and {report.rows:,} other rows under a new key."
        )
    if any(report.unreadable for report in reports.values()):
        click.echo("Some rows could not be read and stay as they are: their key is not here.", err=True)
        sys.exit(1)


@keys.command("shred")
@click.argument("source")
@click.option("--apply", is_flag=True, help="Do it. Without this nothing changes.")
@click.pass_obj
def shred(settings: Settings, source: str, *, apply: bool) -> None:
    """Destroy the keys of SOURCE: nobody reads its sensitive values again, in no copy of the database either."""
    from catalog.store import open_store  # noqa: PLC0415 - `--help` needs none of it

    with open_store(settings, write=apply) as store:
        chosen = _source(store, source)
        if not any(row.source == chosen for row in store.vault.rows()):
            raise UserError(f"{printable(chosen)} has no key.", advice="List them with: modeldex keys list")
        if not apply:
            click.echo(
                f"The sensitive values of {printable(chosen)} would be unreadable for ever. "
                f"Do it with: modeldex keys shred {printable(source)} --apply"
            )
            return
        with store.source_lease(chosen):
            gone = store.vault.shred(chosen)
        note(store, "keys.shred", chosen, before={"keys": gone})
    click.echo(f"{len(gone)} {'key' if len(gone) == 1 else 'keys'} of {printable(chosen)} destroyed.")
    click.echo("Copies of the keyring still hold them: destroy those, too.", err=True)


def _rotated(store: Store, source: SourceId) -> ResealReport:
    """A new key, and everything under it; where a pass is unfinished, no newer key but its end."""
    from catalog.store.resealing import is_due, is_used, reseal  # noqa: PLC0415

    with store.source_lease(source) as lease:
        before = store.vault.active_key(source)
        key = before if before is not None and is_due(store.engine, source) else store.vault.create(source)
        report = reseal(store.engine, source, lease=lease)
        retired = [row.id for row in store.vault.rows() if row.source == source and row.state == "retired"]
        store.vault.forget(row for row in retired if not is_used(store.engine, row))
    note(
        store,
        "keys.rotate",
        source,
        before=None if before is None else {"key": before.id},
        after={"key": key.id, "models": report.models, "unreadable": report.unreadable},
    )
    return report


def _rotate_catalog(store: Store) -> None:
    from catalog.sealing.keyring import CATALOG  # noqa: PLC0415
    from catalog.store.resealing import is_used, reseal_catalog  # noqa: PLC0415

    if store.vault.active_key(CATALOG) is None:
        return
    store.vault.create(CATALOG)
    reseal_catalog(store.engine)
    retired = [row.id for row in store.vault.rows() if row.source == CATALOG and row.state == "retired"]
    store.vault.forget(row for row in retired if not is_used(store.engine, row))


def _with_keys(store: Store) -> list[SourceId]:
    from catalog.records import SourceId  # noqa: PLC0415
    from catalog.sealing.keyring import SHREDDED  # noqa: PLC0415

    named = {row.source for row in store.vault.rows() if row.source and row.state != SHREDDED}
    return [SourceId(source) for source in sorted(named)]


def _source(store: Store, text: str) -> SourceId:
    """The source of this name, path or address. Raises UserError."""
    from crawler.addresses import find_target  # noqa: PLC0415

    rows = store.sources.all()
    row = find_target(text, rows).row
    if row is None:
        raise UserError(
            f"There is no source {printable(text, limit=200)!r}.",
            advice="List them with: modeldex sources list",
        )
    return row.id
