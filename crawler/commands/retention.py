"""The verb `retention`: plans of what may go, carried out and undone. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import UserError
from catalog.settings import Settings
from catalog.terminal import printable, table

if TYPE_CHECKING:
    from catalog.access.catalog import Catalog
    from catalog.records.retention import StoredPlan
    from catalog.retention.plans import Planner
    from catalog.store import Store
    from crawler.retention.carrying_out import Done

SHOWN = 20
EXIT_LEFT = 1
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def retention() -> None:
    """What may go: plans by a policy with a reason for every model, the trash, and proposals.

    \b
    modeldex retention plan POLICY.yaml         # writes a plan, touches no file
    modeldex retention apply PLAN --hash HASH   # does what it says, if nothing changed since
    modeldex retention undo PLAN                # brings back what is in the trash
    """  # noqa: D301 - click's mark for lines that stay as they are


@retention.command()
@click.argument("policy", metavar="POLICY", type=click.Path(path_type=Path))
@AS_JSON
@click.option(
    "--all", "everything", is_flag=True, help="Tell every model; without it, the first ones that go."
)
@click.pass_obj
def plan(settings: Settings, policy: Path, *, as_json: bool, everything: bool) -> None:
    """Make a plan of what the policy in the file POLICY comes to now: for every model that it looks at, why it stays or
    goes, with bytes and files. No file is touched.
    """
    from catalog.retention.planning import now  # noqa: PLC0415 - what a command needs is imported by it alone
    from crawler.retention.policy_file import policy_in  # noqa: PLC0415

    wanted = policy_in(policy)
    with _opened(settings) as (_, store, planner):
        stored = planner.make(wanted, at=now())
        _tell(store, stored, as_json=as_json, everything=everything)


@retention.command("list")
@AS_JSON
@click.pass_obj
def list_plans(settings: Settings, *, as_json: bool) -> None:
    """List the plans, newest first."""
    with _opened(settings, write=False) as (_, store, _planner):
        plans = store.retention.plans(1_000)
    if as_json:
        click.echo(json.dumps({"plans": [plan_json(stored) for stored in plans]}, indent=2))
        return
    rows = [
        (
            stored.id,
            printable(stored.header["policy"]["name"], limit=60),
            stored.made_at[:16],
            f"{stored.header['goes']:,} of {stored.header['models']:,}",
            size_text(stored.header["bytes"]),
            stored.state,
        )
        for stored in plans
    ]
    for line in (
        table(("plan", "policy", "made", "go", "frees", "state"), rows, whole=("plan",)) if rows else ()
    ):
        click.echo(line)


@retention.command()
@click.argument("plan", metavar="PLAN")
@AS_JSON
@click.option(
    "--all", "everything", is_flag=True, help="Tell every model; without it, the first ones that go."
)
@click.pass_obj
def show(settings: Settings, plan: str, *, as_json: bool, everything: bool) -> None:
    """Tell a plan again, and how far it is."""
    with _opened(settings, write=False) as (_, store, _planner):
        _tell(store, stored_plan(store, plan), as_json=as_json, everything=everything)


@retention.command()
@click.argument("plan", metavar="PLAN")
@click.option("--hash", "digest", required=True, metavar="HASH", help="Of the plan, as it was told.")
@AS_JSON
@click.pass_obj
def apply(settings: Settings, plan: str, digest: str, *, as_json: bool) -> None:
    """Do what PLAN says: move the files of the models that go into the trash of their source, or delete them.

    Nothing is touched where the policy comes to something else by now, or any object is not as it was crawled. Each object
    is looked at again right before it is touched. After an interruption the same command goes on. Models stay in the
    catalog, as `is:trashed` or `is:deleted`.
    """
    from catalog.retention.policy import Deed  # noqa: PLC0415 - as above
    from crawler.retention.carrying_out import Steward  # noqa: PLC0415

    with _opened(settings) as (_, store, planner):
        deletes = stored_plan(store, plan).header["policy"]["action"] == Deed.DELETE
        done = Steward(planner).apply(plan, digest)
    _tell_done(done, "deleted for good" if deletes else "moved into the trash", as_json=as_json)
    if not (as_json or deletes):
        click.echo(f"Bring back what is in the trash with: modeldex retention undo {plan}", err=True)
    if done.left:
        sys.exit(EXIT_LEFT)


@retention.command()
@click.argument("plan", metavar="PLAN")
@AS_JSON
@click.pass_obj
def undo(settings: Settings, plan: str, *, as_json: bool) -> None:
    """Bring back what PLAN moved into the trash: files to where they were, never over something, and their models."""
    from crawler.retention.carrying_out import Steward  # noqa: PLC0415 - as above

    with _opened(settings) as (_, store, planner):
        stored_plan(store, plan)
        done = Steward(planner).undo(plan)
    _tell_done(done, "brought back", as_json=as_json)
    if done.left:
        sys.exit(EXIT_LEFT)


@retention.command()
@AS_JSON
@click.pass_obj
def proposals(settings: Settings, *, as_json: bool) -> None:
    """Say what may go although nobody wrote a policy, with bytes and what shows it: checkpoints of runs that ended, copies,
    orphans, files that nobody finished writing. Lists all sources for the last of these. Nothing is done about any of it.
    """
    from dataclasses import asdict  # noqa: PLC0415 - as above

    from catalog.retention.planning import now  # noqa: PLC0415
    from catalog.retention.proposals import proposals as proposed  # noqa: PLC0415
    from crawler.retention.unfinished_files import look_for_unfinished  # noqa: PLC0415

    with _opened(settings) as (_, store, _planner):
        problems = look_for_unfinished(store, settings, at=now())
        kinds = proposed(store.retention)
    if as_json:
        click.echo(
            json.dumps({"proposals": [asdict(kind) for kind in kinds], "problems": problems}, indent=2)
        )
    for kind in kinds if not as_json else ():
        click.echo(f"{kind.number:,} {kind.sentence}, {size_text(kind.bytes)}")
        rows = [
            (
                size_text(row.bytes),
                row.model[:12],
                printable(row.path, limit=120),
                printable(row.evidence, limit=160),
            )
            for row in kind.largest[:SHOWN]
        ]
        for line in table(("bytes", "id", "path", "evidence"), rows, whole=("id",)) if rows else ():
            click.echo(f"  {line}")
    for problem in problems:
        click.echo(f"Not looked into: {printable(problem)}", err=True)
    if problems:
        sys.exit(EXIT_LEFT)


def _tell_done(done: Done, verb: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps({"plan": done.plan, "models": done.models, "bytes": done.bytes, "left": done.left})
        )
        return
    click.echo(
        f"{done.models:,} {'model' if done.models == 1 else 'models'} {verb}, {size_text(done.bytes)}."
    )
    for model, reason in list(done.left.items())[:SHOWN]:
        click.echo(f"Left as it is: {model[:12]}: {printable(reason)}", err=True)
    if len(done.left) > SHOWN:
        click.echo(
            f"and {len(done.left) - SHOWN:,} more that were left: modeldex retention show {done.plan}",
            err=True,
        )


@contextmanager
def _opened(settings: Settings, *, write: bool = True) -> Iterator[tuple[Catalog, Store, Planner]]:
    from catalog.access.opening import open_catalog  # noqa: PLC0415 - as above
    from catalog.retention.desk import check_sees_all  # noqa: PLC0415
    from catalog.retention.plans import Planner  # noqa: PLC0415
    from catalog.store import open_store  # noqa: PLC0415
    from crawler.commands.edit import author  # noqa: PLC0415
    from crawler.commands.index_state import bring_up_to_date  # noqa: PLC0415
    from crawler.retention.opening import entries_of  # noqa: PLC0415

    with open_catalog(settings) as catalog, open_store(settings, write=write) as store:
        check_sees_all(catalog)
        who = author(catalog)
        yield (
            catalog,
            store,
            Planner(
                settings=settings,
                catalog=catalog,
                store=store,
                author=who,
                follow=bring_up_to_date,
                entry=entries_of(settings, store),
            ),
        )


def stored_plan(store: Store, typed: str) -> StoredPlan:
    """The plan of this id. Raises UserError."""
    stored = store.retention.plan(typed)
    if stored is None:
        raise UserError(
            f"There is no plan {printable(typed, limit=40)!r}.", advice="See: modeldex retention list"
        )
    return stored


def plan_json(stored: StoredPlan) -> dict[str, Any]:
    """A plan without its models, as programs get it."""
    return {
        "id": stored.id,
        "hash": stored.sha256,
        "state": stored.state,
        "made_at": stored.made_at,
        **stored.header,
    }


def size_text(number: int) -> str:
    """Bytes in the unit that people count them in."""
    size, units = float(number), iter(("B", "kB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    while size >= 1_000 and unit != "PB":
        size, unit = size / 1_000, next(units)
    return f"{number:,} B" if unit == "B" else f"{size:.3g} {unit}"


def _called(line: Mapping[str, Any]) -> str:
    """The model's name, with its version where that is known: plans of earlier versions have none."""
    version = f" ({line['version']})" if line.get("version") else ""
    return printable(f"{line['name']}{version}", limit=60)


def _tell(store: Store, stored: StoredPlan, *, as_json: bool, everything: bool) -> None:
    header = stored.header
    if as_json:
        models = [
            {**row.line, "state": row.state, "note": row.note} for row in store.retention.models(stored.id)
        ]
        click.echo(json.dumps({**plan_json(stored), "model_lines": models}, indent=2))
        return
    goes = None if everything else True
    limit = None if everything else SHOWN
    rows = [
        (
            "goes" if row.goes else "stays",
            _called(row.line),
            str(row.model)[:12],
            size_text(row.line["bytes"]) if row.goes else "",
            printable(row.line["reason"], limit=200) + (f" [{row.state}]" if row.state else ""),
        )
        for row in store.retention.models(stored.id, goes=goes, limit=limit)
    ]
    for line in table(("", "name", "id", "frees", "why"), rows, whole=("id",)) if rows else ():
        click.echo(line)
    if not everything and header["goes"] > len(rows):
        click.echo(f"and {header['goes'] - len(rows):,} more that go: --all", err=True)
    stays = ", ".join(f"{number:,} by {rule}" for rule, number in header["rules"].items() if rule != "none")
    click.echo(
        f"{header['goes']:,} of {header['models']:,} models go, {header['files']:,} files, "
        f"which frees {size_text(header['bytes'])}.{f' The others stay: {stays}.' if stays else ''}",
        err=True,
    )
    if stored.state == "ready" and header["goes"]:
        click.echo(
            f"Nothing was touched. Do it with: modeldex retention apply {stored.id} --hash {stored.sha256}",
            err=True,
        )
    else:
        click.echo(f"Plan {stored.id}, hash {stored.sha256}: {stored.state}.", err=True)
