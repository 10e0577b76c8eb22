"""The verbs `history` and `diff`: the revisions of one model and how they differ. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from catalog.access.command_line import COMMAND_LINE
from catalog.errors import UserError
from catalog.settings import Settings
from catalog.terminal import printable, table

if TYPE_CHECKING:
    from catalog.records import Revision

HASH_CHARS = 12
NAMES_SHOWN = 4
CAUSE_CHARS = 36
VALUE_CHARS = 300


@click.command()
@click.argument("model", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array, oldest revision first.")
@click.pass_obj
def history(settings: Settings, model: str, *, as_json: bool) -> None:
    """List the revisions of one model, newest first: what made each, who, why, when, and what changed.

    ID is the beginning of a model's id, or its name if no other model has it.
    """
    revisions = _revisions(settings, model)
    if as_json:
        click.echo(json.dumps([_entry(revision) for revision in revisions], indent=2))
        return
    rows = [
        (
            revision.number,
            revision.made_at.strftime("%Y-%m-%d %H:%M:%S"),
            revision.made_by,
            revision.author,
            printable(revision.cause, limit=CAUSE_CHARS),
            _summary(before, revision),
            revision.chain_sha256[:HASH_CHARS],
        )
        for before, revision in zip([None, *revisions], revisions, strict=False)
    ]
    head = ("revision", "when (UTC)", "made by", "author", "cause", "changed", "hash")
    for line in table(
        head, list(reversed(rows)), whole=("revision", "when (UTC)", "made by", "author", "hash")
    ):
        click.echo(line)


@click.command()
@click.argument("model", metavar="ID")
@click.argument("first", metavar="[A]", type=click.IntRange(min=1), required=False)
@click.argument("second", metavar="[B]", type=click.IntRange(min=1), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def diff(settings: Settings, model: str, first: int | None, second: int | None, *, as_json: bool) -> None:
    """Show how revision A of one model differs from revision B.

    Without B it is the present state; without both, the last change. Field by field, - before and + after.
    """
    from catalog.records.history import differences  # noqa: PLC0415 - `--help` needs none of it

    revisions = {revision.number: revision for revision in _revisions(settings, model, with_values=True)}
    newest = max(revisions)
    second = newest if second is None else second
    first = max(1, second - 1) if first is None else first
    for number in (first, second):
        if number not in revisions:
            raise UserError(
                f"The model has no revision {number:,}; the newest is {newest:,}.",
                advice=f"List them with: modeldex history {printable(model, limit=80)}",
            )
    changes = differences(revisions[first].document, revisions[second].document)
    if as_json:
        whole = {
            "model": revisions[second].model_id,
            "from": first,
            "to": second,
            "changes": [
                {"field": each.field, "before": each.before, "after": each.after} for each in changes
            ],
        }
        click.echo(json.dumps(whole, indent=2))
        return
    for each in changes:
        click.echo(printable(each.field))
        for sign, value in (("-", each.before), ("+", each.after)):
            if value is not None:
                click.echo(f"  {sign} {_value(value)}")
    if not changes:
        click.echo(f"Revisions {first} and {second} hold the same.", err=True)


def _revisions(settings: Settings, typed: str, *, with_values: bool = False) -> list[Revision]:
    """`with_values` of what is sensitive, too, as far as the reader may have it."""
    from catalog.access.opening import open_catalog  # noqa: PLC0415
    from catalog.commands.show import chosen_model, tell_successor  # noqa: PLC0415

    with open_catalog(settings) as catalog:
        chosen = chosen_model(catalog, typed)
        tell_successor(catalog, chosen)
        revisions = catalog.history(str(chosen.id))
        if with_values:
            revisions = catalog.disclosed_revisions(chosen, revisions, origin=COMMAND_LINE)
    if not revisions:
        raise UserError(f"Nothing is known of the past of {chosen.id[:12]}.")
    return revisions


def _summary(before: Revision | None, revision: Revision) -> str:
    """The fields that changed, the first ones by name."""
    from catalog.records.history import differences  # noqa: PLC0415

    if before is None:
        return "" if revision.parent_sha256 else "first state"
    names = list(dict.fromkeys(each.field for each in differences(before.document, revision.document)))
    more = f" +{len(names) - NAMES_SHOWN}" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _entry(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.number,
        "made_at": revision.made_at.isoformat(),
        "made_by": revision.made_by,
        "author": revision.author or None,
        "cause": revision.cause or None,
        "sha256": revision.sha256,
        "parent_sha256": revision.parent_sha256,
        "chain_sha256": revision.chain_sha256,
        "content_hash": revision.document.get("content_hash"),
        "uri": revision.document.get("uri"),
    }


def _value(value: object) -> str:
    if isinstance(value, str):
        return printable(value, limit=VALUE_CHARS)
    return printable(json.dumps(value, ensure_ascii=False, default=str), limit=VALUE_CHARS)
