"""The verb `crawl`. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import EXIT_INTERRUPTED, ModeldexError
from catalog.records.sources import SourceRow, SourceState
from catalog.settings import Settings
from catalog.store import INDEX
from catalog.terminal import printable

if TYPE_CHECKING:
    from catalog.records import SourceId
    from catalog.store import Store
    from crawler.commands.given_options import GivenOptions
    from crawler.crawl import CrawlReport, Progress
    from crawler.selection import Selection
    from crawler.source import Source

EXIT_INCOMPLETE = 1
EXIT_HELD = 3
SHOWN = 20


@click.command()
@click.argument("path", metavar="PATH|NAME")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option(
    "--accept", is_flag=True, help="Let the models that are no longer there become missing, however many."
)
@click.option(
    "--reread", "--full", "reread", is_flag=True, help="Read every file again, also the unchanged ones."
)
@click.option(
    "--hash",
    "hash_weights",
    is_flag=True,
    help="Read weights to their end and hash their bytes, to find equal models. Once per file.",
)
@click.option(
    "--dry-run", is_flag=True, help="Only list, and say what would be read and what is no longer there."
)
@click.option(
    "--endpoint-url",
    metavar="URL",
    help="Where the storage of s3:// answers, if it is not Amazon; kept for later crawls.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the source; kept for later crawls.",
)
@click.option(
    "--credential",
    "credentials",
    multiple=True,
    metavar="NAME=env:VARIABLE",
    help="Where a secret stands; kept for later crawls.",
)
@click.option("--live", is_flag=True, hidden=True, help="Show progress to a program that reads stderr.")
@click.pass_obj
def crawl(
    settings: Settings,
    path: str,
    *,
    as_json: bool,
    accept: bool,
    reread: bool,
    hash_weights: bool,
    dry_run: bool,
    endpoint_url: str | None,
    options: tuple[str, ...],
    credentials: tuple[str, ...],
    live: bool,
) -> None:
    """Read the model files below PATH, a directory or the address of another storage, into the catalog; or crawl the
    source NAME as `modeldex sources` defines it.

    Files that did not change since the last crawl are not opened. Exit code 0: all was read; 1: something could not be
    read; 3: so many models would go missing that nothing was changed.
    """
    from catalog.store import open_store  # noqa: PLC0415 - what a command needs is imported by it alone
    from catalog.store.store import is_begun  # noqa: PLC0415
    from crawler.addresses import find_target, may_be_name  # noqa: PLC0415
    from crawler.commands.given_options import given_options, open_checked  # noqa: PLC0415
    from crawler.commands.progress import FollowingIndex, ProgressLine  # noqa: PLC0415
    from crawler.crawl import crawl as run_crawl  # noqa: PLC0415
    from crawler.processes import spare_host  # noqa: PLC0415
    from crawler.registry import Registry  # noqa: PLC0415

    given = given_options(endpoint_url, options, credentials)
    if not may_be_name(path) and not is_begun(settings):  # what is none leaves no home behind
        open_checked(find_target(path, ()), given, (), settings)
    if dry_run:
        _preview(settings, path, given, as_json=as_json)
        return
    registry = Registry.installed()
    with spare_host() as spare, open_store(settings, write=True) as store, _interruptible():
        source, listed = _begun(store, settings, path, given)
        shown, following = ProgressLine(live=live), FollowingIndex(settings, store)

        def watch(progress: Progress) -> None:
            shown(progress)
            following(progress)

        try:
            report = run_crawl(
                store,
                source,
                settings,
                accept=accept,
                reread=reread,
                hash_weights=hash_weights,
                registry=registry,
                spare=spare,
                watch=watch,
            )
            shown.say(f"indexing: {store.consumer(INDEX).size():,} models wait")
            index = following.finish()
        finally:
            shown.clear()
    _print(report, {**index.summary(), **listed}, path, as_json=as_json)
    index.tell()
    if report.run.state == "held":
        sys.exit(EXIT_HELD)
    if report.run.state != "complete" or not index.is_current:
        sys.exit(EXIT_INCOMPLETE)


def _begun(store: Store, settings: Settings, path: str, given: GivenOptions) -> tuple[Source, dict[str, Any]]:
    """The source that is to be crawled, kept with what was given of it; and what its listing says beside that of others,
    which is told: the sentences about files that two sources list, and how many files the patterns leave out.
    """
    from crawler.addresses import find_target  # noqa: PLC0415 - what a command needs is imported by it alone
    from crawler.commands.given_options import open_checked  # noqa: PLC0415
    from crawler.crawl import note_not_begun  # noqa: PLC0415
    from crawler.overlaps import overlaps  # noqa: PLC0415
    from crawler.selection import Selection  # noqa: PLC0415

    rows = store.sources.all()
    target = find_target(path, rows)
    try:
        source, target = open_checked(target, given, rows, settings)
    except ModeldexError as error:
        if target.row is not None and target.row.state is not SourceState.REMOVED and not given:
            note_not_begun(store, target.row.id, target.row.uri, str(error))
        raise
    if given and target.row is not None:
        store.sources.put([target.row])
    store.sources.crawled(source.id, source.uri)
    selections = {row.id: Selection(row.definition.include, row.definition.exclude) for row in rows}
    twice = list(overlaps(source, store.records.sources(), selections))
    left_out = _left_out(store, target.row, selections)
    for sentence in (*twice, *_notes(target.row, left_out)):
        click.echo(f"Note: {sentence}", err=True)
    return source, {"listed_twice": twice, "left_out": left_out}


def _print(report: CrawlReport, more: Mapping[str, Any], path: str, *, as_json: bool) -> None:
    """What the crawl came to: `more` is for the JSON alone."""
    if as_json:
        click.echo(json.dumps({**_summary(report), **more}, indent=2, ensure_ascii=False))
    else:
        click.echo(_sentence(report))
    _tell(report, path, talk_of_files=not as_json)


def _preview(settings: Settings, path: str, given: GivenOptions, *, as_json: bool) -> None:
    from catalog.store import open_store  # noqa: PLC0415 - what a command needs is imported by it alone
    from crawler.addresses import find_target  # noqa: PLC0415
    from crawler.commands.given_options import open_checked  # noqa: PLC0415
    from crawler.preview import preview  # noqa: PLC0415
    from crawler.registry import Registry  # noqa: PLC0415

    with open_store(settings, write=False) as store:
        rows = store.sources.all()
        source, _ = open_checked(find_target(path, rows), given, rows, settings)
        ahead = preview(store, source, Registry.installed())
    if as_json:
        click.echo(json.dumps(asdict(ahead), indent=2, ensure_ascii=False))
    else:
        click.echo(ahead.sentence)
        for scope, reason in ahead.failed_scopes[:SHOWN]:
            click.echo(printable(f"  {scope or '.'}: {reason}", limit=300), err=True)
        click.echo(f"Nothing was read or changed. Do it with: modeldex crawl {printable(path)}", err=True)
    if ahead.may_be_held:
        sys.exit(EXIT_HELD)
    if ahead.failed_scopes:
        sys.exit(EXIT_INCOMPLETE)


def _left_out(store: Store, row: SourceRow | None, selections: Mapping[SourceId, Selection]) -> int:
    """How many files of the catalog the patterns leave out now; looked at only when they may have changed."""
    selection = selections.get(row.id) if row is not None else None
    if row is None or not selection:
        return 0
    previous = store.runs.last_finished(row.id)
    if previous is None or (row.updated_at is not None and row.updated_at <= previous.started_at):
        return 0
    entries = store.manifest(row.id).models_files()
    return sum(selection.left_out(entry.object.key) is not None for entry in entries)


def _notes(row: SourceRow | None, left_out: int) -> Iterator[str]:
    if left_out:
        files = f"{left_out:,} {'file' if left_out == 1 else 'files'} of the catalog"
        yield f"the patterns of this source leave out {files}: what they belong to goes missing as if they were deleted."
    if row is not None and row.state is SourceState.DISABLED:
        yield f"this source is disabled, and the worker leaves it out: modeldex sources set {row.address} --enable"


def _summary(report: CrawlReport) -> dict[str, Any]:
    run = report.run
    return {
        "source": run.source,
        "run": run.id,
        "state": run.state.value,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        **report.counts,
        "unread": [{"key": key, "reason": printable(reason)} for key, reason in report.unread],
        "problems": list(report.problems),
        "skipped": [{"key": key, "reason": reason} for key, reason in report.skipped],
        "would_lose_paths": [printable(path) for path in report.would_lose],
    }


def _sentence(report: CrawlReport) -> str:
    counts = report.counts
    parts = [f"{counts.get(name, 0):,} {name}" for name in ("new", "changed", "unchanged")]
    parts += [f"{counts[name]:,} {name}" for name in ("moved", "missing", "gone") if counts.get(name)]
    more = []
    if counts.get("failed"):
        more.append(f"{counts['failed']:,} {'file' if counts['failed'] == 1 else 'files'} could not be read")
    if counts.get("scopes_failed"):
        number = counts["scopes_failed"]
        more.append(f"{number:,} {'directory' if number == 1 else 'directories'} could not be listed")
    if counts.get("not_listed"):
        number = counts["not_listed"]
        more.append(
            f"{number:,} {'object is' if number == 1 else 'objects are'} there and not in the listing"
        )
    if counts.get("skipped"):
        number = counts["skipped"]
        more.append(
            f"{number:,} {'file, link or directory' if number == 1 else 'files, links and directories'} left out"
        )
    if counts.get("risks"):
        more.append(f"{counts['risks']:,} {'model' if counts['risks'] == 1 else 'models'} with risks")
    if counts.get("incomplete"):
        more.append(
            f"{counts['incomplete']:,} {'model' if counts['incomplete'] == 1 else 'models'} incomplete"
        )
    number = counts.get("models", 0)
    whole = f"{number:,} {'model' if number == 1 else 'models'}: {', '.join(parts)}"
    return "; ".join([whole, *more]) + "."


def _tell(report: CrawlReport, path: str, *, talk_of_files: bool) -> None:
    if report.run.state == "held":
        absent = report.counts.get("would_lose", 0)
        click.echo(
            f"Held: {absent:,} models are no longer there, and nothing was changed. If the storage is all there, accept it "
            f"with: modeldex crawl {printable(path)} --accept, or later: modeldex runs accept {report.run.id}",
            err=True,
        )
        lines = [printable(problem, limit=300) for problem in report.problems]
        lines += [printable(lost, limit=200) for lost in report.would_lose]
    else:
        lines = (
            [printable(f"{key}: {reason}", limit=300) for key, reason in report.unread]
            if talk_of_files
            else []
        )
        lines += [printable(problem, limit=300) for problem in report.problems]
        lines += [printable(note, limit=300) for note in report.notes]
    for line in lines[:SHOWN]:
        click.echo(f"  {line}", err=True)
    if len(lines) > SHOWN:
        click.echo(f"  and {len(lines) - SHOWN:,} more: see --json", err=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """The page in hand is dropped, all before it is kept."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted. What was read is kept; the same command goes on from there.", err=True)
        sys.exit(EXIT_INTERRUPTED)
