"""All sources in one YAML file: what applying it would change, and the file that describes what there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from catalog.errors import ExtractError, ModeldexError, UserError
from catalog.lazy_dataclasses import dataclass, replace
from catalog.records.sources import SourceDefinition, SourceRow, SourceState
from catalog.settings import Settings
from catalog.settings.sections import nearest
from catalog.terminal import printable
from crawler.addresses import LOCAL, check_without_password, open_source, scheme_of, shown_address
from crawler.definitions import KEYS, address_id, check_apart, checked_definition, new_row
from crawler.source import Checkable
from crawler.source_positions import EntryPositions, positions

ENTRY_KEYS = ("address", *KEYS, "enabled")
EXAMPLE = "sources:\n  - address: /data/models\n    exclude: [tmp]"


class Deed(StrEnum):
    """What becomes of one source."""

    ADD = "add"
    CHANGE = "change"
    DISABLE = "disable"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan: the row as it will be, and what differs from the one that there is."""

    deed: Deed
    row: SourceRow
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One source of the file."""

    address: str
    said: dict[str, Any]
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one source of the file: where (line 0: it is not known), at which key, and a sentence."""

    line: int
    key: str | None
    source: str
    message: str

    def __str__(self) -> str:
        line = f"line {self.line}: " if self.line else ""
        return f"{line}{self.source}: {self.message}"


class FileFaults(UserError):
    """The file is not applied for any of these faults; all of them are told together."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n  ".join(map(str, faults)))
        self.faults = tuple(faults)


class _KeyFault(UserError):
    """What is wrong with one key of an entry."""

    def __init__(self, key: str, message: str, *, advice: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.key = key


def plan(
    text: str, folder: Path, rows: Sequence[SourceRow], settings: Settings, *, prune: bool
) -> list[Change]:
    """What the file's text asks for, relative paths from `folder`. `prune` disables what the file does not name.

    Raises FileFaults with every fault of the file, UserError for what is no such file; then nothing may be changed.
    """
    changes: dict[str, Change] = {}
    at: dict[str, tuple[EntryPositions, str]] = {}
    faults: list[Fault] = []
    entries = _entries(text)
    places = positions(text) if entries else []
    for number, value in enumerate(entries, start=1):
        place = places[number - 1] if number <= len(places) else EntryPositions()
        address = value.get("address") if isinstance(value, dict) else None
        name = shown_address(address) if isinstance(address, str) else f"source {number}"
        faults += [
            Fault(line=place.line_of(key), key=key, source=name, message=f"{key!r} stands there twice.")
            for key in place.repeated
        ]
        try:
            change = _change(_entry(value, folder), rows, settings)
        except UserError as error:
            wrong = dict(_wrong_keys(value)) or {_key_at_fault(value, error): str(error)}
            faults += [
                Fault(line=place.line_of(key), key=key, source=name, message=message)
                for key, message in wrong.items()
            ]
            continue
        if change.row.id in changes:
            faults.append(
                Fault(
                    line=place.line_of("address"),
                    key="address",
                    source=name,
                    message="It is in the file twice.",
                )
            )
        changes.setdefault(change.row.id, change)
        at.setdefault(change.row.id, (place, name))
    faults += _mixed_up([change.row for change in changes.values()], rows, at)
    if faults:
        raise FileFaults(sorted(faults, key=lambda fault: fault.line or 0))
    absent = [row for row in rows if row.id not in changes and row.state is SourceState.ACTIVE]
    pruned = [Change(Deed.DISABLE, replace(row, state=SourceState.DISABLED)) for row in absent if prune]
    return [*changes.values(), *pruned]


def unreachable(changes: Iterable[Change], settings: Settings) -> Iterator[Fault]:
    """The sources of a plan whose storage cannot be listed now, each asked for its first page."""
    for change in changes:
        row = change.row
        if row.state is not SourceState.ACTIVE:
            continue
        try:
            source = open_source(row.address, settings, row.definition)
            if isinstance(source, Checkable):
                source.check(is_new=True)
        except ModeldexError as error:
            yield Fault(line=0, key="address", source=printable(row.address, limit=200), message=str(error))


def _mixed_up(
    after: Sequence[SourceRow], rows: Sequence[SourceRow], at: Mapping[str, tuple[EntryPositions, str]]
) -> Iterator[Fault]:
    """Sources that want one name or one place, in the file or beside it."""
    ids = {row.id for row in after}
    kept = [row for row in rows if row.id not in ids and row.state is not SourceState.REMOVED]
    for row in after:
        try:
            check_apart(row, [*after, *kept])
        except UserError as error:
            place, _ = at[row.id]
            shown = printable(row.address, limit=200)
            yield Fault(line=place.line_of("name"), key="name", source=shown, message=str(error))


def _wrong_keys(value: Any) -> Iterator[tuple[str | None, str]]:
    """What is wrong with each key by itself: unknown ones, and those that would be refused if they stood alone."""
    if not isinstance(value, dict):
        return
    for key in value:
        if key not in ENTRY_KEYS:
            yield str(key), str(_unknown(key))
    address = value.get("address")
    if not isinstance(address, str):
        return
    for key in KEYS:
        try:
            checked_definition(address, {key: value[key]} if key in value else {})
        except UserError as error:
            if key in value:
                yield key, str(error)


def _unknown(key: object) -> _KeyFault:
    close = nearest(str(key), ENTRY_KEYS)
    advice = f"Did you mean {close!r}?" if close else f"Known are: {', '.join(ENTRY_KEYS)}."
    return _KeyFault(str(key), f"Unknown key {key!r}.", advice=advice)


def _key_at_fault(value: Any, error: UserError) -> str | None:
    """The key of the entry that is refused for the same reason when it stands alone."""
    if isinstance(error, _KeyFault):
        return error.key
    address = value.get("address") if isinstance(value, dict) else None
    if not isinstance(address, str):
        return None
    for key in KEYS:
        try:
            checked_definition(address, {key: value[key]} if key in value else {})
        except UserError as alone:
            if str(alone) == str(error):
                return key if key in value else "address"
    return "address"


def exported(rows: Iterable[SourceRow]) -> str:
    """The file that `plan` finds nothing to change in."""
    import yaml  # noqa: PLC0415 - 20 ms for this command alone

    entries = [_described(row) for row in rows if row.state is not SourceState.REMOVED]
    text: str = yaml.safe_dump({"sources": entries}, sort_keys=False, allow_unicode=True)
    return text


def said_of(definition: SourceDefinition) -> dict[str, Any]:
    """What differs from the defaults, as a file says it."""
    departures = definition.departures()
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key in KEYS
        if (value := departures.get(key)) is not None
    }


def _described(row: SourceRow) -> dict[str, Any]:
    enabled = {} if row.state is SourceState.ACTIVE else {"enabled": False}
    return {"address": typed_address(row), **said_of(row.definition), **enabled}


def typed_address(row: SourceRow) -> str:
    """The address as a person writes it: a path for a directory, unless its name is no plain text."""
    from crawler.sources.local import path_of  # noqa: PLC0415 - commands alone need it

    if scheme_of(row.address) != LOCAL:
        return row.address
    path = path_of(row.address)
    return path if path.isprintable() and not path.startswith("~") else row.address


def _entries(text: str) -> list[Any]:
    from crawler.formats import yamls  # noqa: PLC0415 - commands alone need it

    try:
        value = yamls.json_value(yamls.load(text))
    except ExtractError as error:
        raise UserError(
            f"The file is not YAML that can be read: {error}.", advice=f"Write:\n{EXAMPLE}"
        ) from error
    if value is None:
        return []
    entries = value.get("sources") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(entries, list):
        raise UserError("The file has no list `sources`.", advice=f"Write:\n{EXAMPLE}")
    for key in value:
        if key != "sources":
            raise UserError(f"Unknown key {key!r} beside `sources`.")
    return entries


def _entry(value: Any, folder: Path) -> _Entry:
    if not isinstance(value, dict):
        raise UserError("It is not keys with values.", advice=f"Write:\n{EXAMPLE}")
    for key in value:
        if key not in ENTRY_KEYS:
            raise _unknown(key)
    address, enabled = value.get("address"), value.get("enabled", True)
    if not isinstance(address, str) or not address:
        raise _KeyFault("address", "It has no address.", advice="Give a path or an address as `address`.")
    check_without_password(address)
    if not isinstance(enabled, bool):
        raise _KeyFault("enabled", "'enabled' must be true or false.")
    if scheme_of(address) == LOCAL and "://" not in address:
        address = str(folder / Path(address).expanduser())
    return _Entry(address, {key: value[key] for key in KEYS if key in value}, enabled)


def _change(entry: _Entry, rows: Sequence[SourceRow], settings: Settings) -> Change:
    definition = checked_definition(entry.address, entry.said)
    state = SourceState.ACTIVE if entry.enabled else SourceState.DISABLED
    identity = address_id(entry.address, rows)
    before = next((row for row in rows if row.id == identity), None)
    if before is None or before.state is SourceState.REMOVED:
        fresh = replace(new_row(entry.address, definition, settings), state=state)
        before = next((row for row in rows if row.id == fresh.id), None)
        if before is None or before.state is SourceState.REMOVED:
            return Change(Deed.ADD, fresh)
    after = replace(before, definition=definition, state=state)
    differences = tuple(differing(before, after))
    return Change(Deed.CHANGE if differences else Deed.KEEP, after, differences)


def differing(before: SourceRow, after: SourceRow) -> Iterator[str]:
    """A sentence for each part that differs."""
    old, new = said_of(before.definition), said_of(after.definition)
    for key in KEYS:
        if old.get(key) != new.get(key):
            yield f"{key}: {_shown(old.get(key))} -> {_shown(new.get(key))}"
    if before.state is not after.state:
        yield f"{before.state} -> {after.state}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return printable(",".join(value))
    if isinstance(value, dict):
        return printable(",".join(f"{name}={each}" for name, each in value.items()))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else printable(value)
