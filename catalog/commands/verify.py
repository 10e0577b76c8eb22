"""The verb `verify`: whether the whole history is as it was written. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import sys

import click

from catalog.settings import Settings
from catalog.terminal import printable

FAULTS_SHOWN = 100


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def verify(settings: Settings, *, as_json: bool) -> None:
    """Walk the chains of revisions of all models and name whatever is not as it was written. Ends with 1 if anything is.

    A revision holds the SHA-256 of its document and of the revision before, so one flipped bit shows. Reads the store
    alone, and no model file.
    """
    from catalog.access.opening import is_store_made, open_catalog  # noqa: PLC0415 - `--help` needs none of it
    from catalog.records.history import VerificationCounts  # noqa: PLC0415

    counts = VerificationCounts()
    faults = []
    number = 0
    if is_store_made(settings):
        with open_catalog(settings) as catalog:
            for fault in catalog.verify(counts):
                number += 1
                if number <= FAULTS_SHOWN:
                    faults.append(fault)
                if number <= FAULTS_SHOWN and not as_json:
                    click.echo(
                        f"{fault.model[:12]} revision {fault.number}: {fault.what} is stored as "
                        f"{printable(fault.stored)}, computed {printable(fault.computed)}"
                    )
    if as_json:
        whole = {
            "models": counts.models,
            "revisions": counts.revisions,
            "faults": number,
            "first": [
                {
                    "model": fault.model,
                    "revision": fault.number,
                    "what": fault.what,
                    "stored": fault.stored,
                    "computed": fault.computed,
                }
                for fault in faults
            ],
        }
        click.echo(json.dumps(whole, indent=2))
    looked_at = f"{counts.revisions:,} revisions of {counts.models:,} models"
    if number:
        changed = "1 thing is not as it was" if number == 1 else f"{number:,} things are not as they were"
        click.echo(f"{looked_at}: {changed} written.", err=True)
        click.echo(
            "Restore the store from a backup, or make the state anew: modeldex crawl PATH --reread", err=True
        )
        sys.exit(1)
    click.echo(f"{looked_at}: all as they were written.", err=True)
