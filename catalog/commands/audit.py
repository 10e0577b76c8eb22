"""The verb `audit`: who did what. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from catalog.commands.given_values import STORED_NUMBER
from catalog.settings import Settings
from catalog.terminal import table

if TYPE_CHECKING:
    from catalog.records.accounts import AuditLine


@click.group()
def audit() -> None:
    """Who did what, when, from where: lines that are only ever added, each with the hash of the one before."""


@audit.command("list")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=30, show_default=True, help="How many of the newest."
)
@click.option("--actor", metavar="NAME", default="", help="Only what they did.")
@click.option("--action", metavar="WORD", default="", help="Only this, as in models.edit.")
@click.option("--resource", metavar="TEXT", default="", help="Only what was done with this, an id or a name.")
@click.option("--outcome", type=click.Choice(["done", "refused"]), default=None, help="Only what ended so.")
@click.pass_obj
def list_lines(
    settings: Settings, *, limit: int, actor: str, action: str, resource: str, outcome: str | None
) -> None:
    """List the newest lines, newest first."""
    from catalog.access.audit_lines import latest  # noqa: PLC0415 - `--help` needs none of it

    asked = {"actor": actor, "action": action, "resource": resource, "outcome": outcome}
    where = {part: value for part, value in asked.items() if value}
    rows = [
        (line.serial, line.at[:19], known.actor, known.action, known.resource, known.origin, known.outcome)
        for line in latest(settings, limit, where)
        for known in (line.happening,)
    ]
    if not rows:
        click.echo("No line is like this." if where else "Nothing has happened yet.", err=True)
        return
    for text in table(("line", "when", "who", "what", "with what", "from where", "outcome"), rows):
        click.echo(text)


@audit.command()
@click.option("--head", metavar="SHA256", help="Hash of a line noted elsewhere: it must be there still.")
@click.pass_obj
def verify(settings: Settings, *, head: str | None) -> None:
    """Walk the whole chain. Exit code 1, and a sentence for every place where it does not hold.

    Note the hash that this prints where nobody of this machine can write: lines that are missing at the end show
    against it alone.
    """
    from catalog.access.audit_lines import faults, newest  # noqa: PLC0415 - `--help` needs none of it

    broken = False
    for sentence in faults(settings, head):
        broken = True
        click.echo(sentence)
    if broken:
        sys.exit(1)
    line = newest(settings)
    click.echo("The audit is empty." if line is None else f"{line.serial} {line.sha256}")
    click.echo("The audit holds.", err=True)


@audit.command()
@click.option("--after", type=STORED_NUMBER, default=0, metavar="LINE", help="Only lines after this one.")
@click.pass_obj
def export(settings: Settings, *, after: int) -> None:
    """Print every line as JSON, one a line, oldest first."""
    from catalog.access.audit_lines import lines  # noqa: PLC0415 - `--help` needs none of it

    for line in _entries(lines(settings, after)):
        click.echo(json.dumps(line, ensure_ascii=False))


def _entries(lines: Iterator[AuditLine]) -> Iterator[dict[str, Any]]:
    for line in lines:
        known = line.happening
        yield {
            "line": line.serial,
            "at": line.at,
            "actor": known.actor,
            "action": known.action,
            "resource": known.resource,
            "origin": known.origin,
            "outcome": known.outcome,
            "before": known.before,
            "after": known.after,
            "parent_sha256": line.parent_sha256,
            "sha256": line.sha256,
        }
