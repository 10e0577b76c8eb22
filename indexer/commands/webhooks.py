"""The verbs of `modeldex webhooks`: who is told what is new. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from catalog.access.command_line import note
from catalog.errors import UserError
from catalog.records.webhooks import News, Webhook
from catalog.settings import Settings
from catalog.terminal import printable, table
from indexer.settings import WebhookSettings

if TYPE_CHECKING:
    from catalog.store import Store
    from catalog.store.consumers import Consumer

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")
REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*")


@click.group()
def webhooks() -> None:
    """Who is told when models are added, change, go missing or turn out to be dangerous. The worker tells them."""


@webhooks.command()
@click.argument("name")
@click.argument("url")
@click.option("--query", default="", help='Only of models that it finds, as "risk:code-execution".')
@click.option(
    "--on",
    "events",
    multiple=True,
    type=click.Choice([kind.value for kind in News]),
    help="Only of this; may be repeated.",
)
@click.option(
    "--secret",
    required=True,
    metavar="REFERENCE",
    help="Where the secret stands that signs: env:NAME or file:PATH.",
)
@click.pass_obj
def add(settings: Settings, name: str, url: str, *, query: str, events: tuple[str, ...], secret: str) -> None:
    """Tell URL what is new from now on, by signed POST requests."""
    from indexer.sinks.public_addresses import check_url, resolved  # noqa: PLC0415 - it brings urllib3
    from indexer.sinks.webhooks import Sender, parsed_query  # noqa: PLC0415

    if not NAME.fullmatch(name):
        raise UserError("A webhook's name is up to 50 letters, digits, dots, - and _.")
    if not REFERENCE.fullmatch(secret):
        raise UserError(
            "The secret must not be written out: it would be stored in clear.",
            advice="Give where it stands: env:NAME for a variable, file:PATH for a file.",
        )
    webhook = Webhook(name=name, url=url, query=query, events=tuple(map(News, events)), secret=secret)
    check_url(url)
    parsed_query(query)
    Sender(settings, webhook)
    try:
        resolved(url, settings.section(WebhookSettings).allow_networks)
    except OSError as error:
        raise UserError(f"The name of {printable(url, limit=200)} cannot be looked up: {error}.") from error
    with _store(settings) as store:
        store.webhooks.add(webhook)
        note(store, "webhooks.add", name, after={"host": urlsplit(url).hostname, "query": query})
    click.echo(f"{name} is told from now on. Try it with: modeldex webhooks test {name}")


@webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def list_webhooks(settings: Settings, *, as_json: bool) -> None:
    """List the webhooks with how much each has still to be told, and why."""
    with _store(settings) as store:
        known = [(webhook, store.webhooks.consumer(webhook.name)) for webhook in store.webhooks.all()]
        rows = [(webhook, consumer.size(), _troubles(webhook, consumer)) for webhook, consumer in known]
    if as_json:
        listed = [
            {
                "name": webhook.name,
                "url": webhook.url,
                "query": webhook.query,
                "on": list(webhook.events),
                "waiting": waiting,
                "trouble": reasons,
            }
            for webhook, waiting, reasons in rows
        ]
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    if not rows:
        click.echo(
            "There are no webhooks. Add one with: modeldex webhooks add NAME URL --secret env:VARIABLE",
            err=True,
        )
        return
    cells = [
        (
            webhook.name,
            webhook.url,
            webhook.query,
            " ".join(webhook.events) or "all",
            waiting,
            "; ".join(reasons),
        )
        for webhook, waiting, reasons in rows
    ]
    for line in table(("name", "url", "query", "on", "waiting", "trouble"), cells, whole=("name",)):
        click.echo(line)


def _troubles(webhook: Webhook, consumer: Consumer) -> list[str]:
    """Why it is not told, the query first: one that an earlier version took may mean nothing to this one."""
    from indexer.sinks.webhooks import parsed_query  # noqa: PLC0415

    try:
        parsed_query(webhook.query)
    except UserError as error:
        return [str(error)]
    return [trouble.reason for trouble in consumer.troubles()]


@webhooks.command()
@click.argument("name")
@click.pass_obj
def remove(settings: Settings, name: str) -> None:
    """Tell it nothing more."""
    with _store(settings) as store:
        if not store.webhooks.remove(name):
            raise _unknown(name)
        note(store, "webhooks.remove", name)
    click.echo(f"Removed {name}.")


@webhooks.command()
@click.argument("name")
@click.pass_obj
def test(settings: Settings, name: str) -> None:
    """Send a message of the type `model.changed` about a model that is not there."""
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - it is needed here alone

    from catalog.search.engine import IndexAction  # noqa: PLC0415
    from indexer.sinks.webhooks import Sender, message_of  # noqa: PLC0415

    with _store(settings) as store:
        webhook = next((known for known in store.webhooks.all() if known.name == name), None)
    if webhook is None:
        raise _unknown(name)
    action = IndexAction(id="test", revision=0, document={"id": "test", "name": "a test by a person"})
    message = message_of(webhook, action, None, (News.CHANGED,), matches=False)
    try:
        refusal = Sender(settings, webhook).send(message)
    except (OSError, HTTPError) as error:
        refusal = str(error)
    if refusal is not None:
        click.echo(
            f"modeldex: {printable(webhook.url, limit=200)}: {printable(refusal, limit=300)}", err=True
        )
        sys.exit(1)
    click.echo(f"{name} took it.")


def _store(settings: Settings) -> Store:
    from catalog.store import open_store  # noqa: PLC0415 - what a command needs is imported by it alone

    return open_store(settings, write=True)


def _unknown(name: str) -> UserError:
    return UserError(
        f"There is no webhook {printable(name, limit=60)!r}.", advice="See: modeldex webhooks list"
    )
