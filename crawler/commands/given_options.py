"""What `modeldex crawl` is told of a source beside its address: opened with it, and kept for the next crawl."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from catalog.errors import UserError
from catalog.lazy_dataclasses import dataclass, replace
from catalog.records.sources import SourceRow
from catalog.settings import Settings
from catalog.terminal import printable
from crawler.addresses import Target, check_without_password, open_source, open_target
from crawler.commands.sources import pairs
from crawler.definitions import checked_definition
from crawler.source import Checkable, Source
from crawler.source_file import said_of


@dataclass(frozen=True, slots=True)
class GivenOptions:
    """Options with their values, and credentials as references."""

    options: dict[str, Any]
    credentials: dict[str, Any]

    def __bool__(self) -> bool:
        return bool(self.options or self.credentials)


def given_options(
    endpoint_url: str | None, options: Sequence[str], credentials: Sequence[str]
) -> GivenOptions:
    """As they were typed. Raises UserError."""
    named = pairs(options, "--option", "NAME=VALUE")
    if endpoint_url is not None:
        if named.get("endpoint_url", endpoint_url) != endpoint_url:
            raise UserError("--endpoint-url and --option endpoint_url differ.", advice="Keep one of them.")
        named["endpoint_url"] = endpoint_url
    return GivenOptions(named, pairs(credentials, "--credential", "NAME=env:VARIABLE"))


def open_checked(
    target: Target, given: GivenOptions, rows: Iterable[SourceRow], settings: Settings
) -> tuple[Source, Target]:
    """The source, if it can be listed, and the target with its row, which is to be stored where something was given.
    Raises UserError, SourceError.
    """
    rows = list(rows)
    source, target = _opened(target, given, rows, settings) if given else open_target(target, rows, settings)
    if isinstance(source, Checkable):
        source.check(is_new=all(row.id != source.id for row in rows))
    return source, target


def _opened(
    target: Target, given: GivenOptions, rows: Sequence[SourceRow], settings: Settings
) -> tuple[Source, Target]:
    check_without_password(target.address)
    before = said_of(target.definition)
    merged = {
        **before,
        "options": {**before.get("options", {}), **given.options},
        "credentials": {**before.get("credentials", {}), **given.credentials},
    }
    definition = checked_definition(target.address, merged)
    source = open_source(target.address, settings, definition)
    row = target.row or next((known for known in rows if known.id == source.id), None)
    if row is None:
        row = SourceRow(id=source.id, uri=source.uri, address=target.address)
    else:
        _check_same_place(row, source, settings)
    return source, Target(target.address, replace(row, definition=definition))


def _check_same_place(row: SourceRow, source: Source, settings: Settings) -> None:
    """A bucket of the same name in another storage must not take the place of this one."""
    known = getattr(open_source(row.address, settings, row.definition), "endpoint", None)
    given = getattr(source, "endpoint", None)
    if known != given:
        raise UserError(
            f"{printable(row.address)} is a source already, and its storage answers at {known}.",
            advice=(
                f"If it moved: modeldex sources set {printable(row.definition.name or row.address)} --option "
                f"endpoint_url={given}. If it is another one, write s3://STORAGE@BUCKET with a name for it."
            ),
        )
