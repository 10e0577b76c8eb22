"""The verb `settings`: every setting with its value and where it came from. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from catalog.errors import PluginUnavailable
from catalog.lazy_dataclasses import dataclass
from catalog.settings import PREFIX, Settings
from catalog.settings.registry import KIND, section_named
from catalog.settings.sections import leaves
from catalog.terminal import table

MASK = "***"
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")
"""The user and password in an address. Source: RFC 3986, section 3.2.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One setting as it is shown: a secret as ***."""

    setting: str
    value: Any
    origin: str
    default: Any
    unit: str
    help: str
    environment: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def settings(settings: Settings, *, as_json: bool) -> None:
    """List every setting with its value and where it came from.

    Set them in modeldex.toml in the home folder or in the environment, which wins. Secrets are not shown.
    """
    from catalog import plugins  # noqa: PLC0415

    rows = [_home(settings)]
    for name in plugins.names(KIND):
        try:
            section = section_named(name)
        except PluginUnavailable as error:
            click.echo(f"Note: {error}", err=True)
            continue
        if section is not None:
            rows += _rows(settings, section)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
        return
    head = ("setting", "value", "from", "meaning")
    lines = [(row.setting, _text(row.value), row.origin, row.help) for row in rows]
    for line in table(head, lines, whole=("setting", "from")):
        click.echo(line)


def _home(settings: Settings) -> SettingRow:
    return SettingRow(
        setting="home",
        value=str(settings.home),
        origin=settings.home_origin,
        default=None,
        unit="",
        help="Folder of all state: store, index, settings file.",
        environment=f"{PREFIX}HOME",
    )


def _rows(settings: Settings, section: type[Any]) -> Iterator[SettingRow]:
    values = settings.section(section)
    for name, leaf in leaves(section).items():
        yield SettingRow(
            setting=f"{section.SECTION}.{name}",
            value=_shown(getattr(values, name), secret=leaf.metadata["secret"]),
            origin=settings.origin(section.SECTION, name),
            default=leaf.default,
            unit=leaf.metadata.get("unit", ""),
            help=leaf.metadata["help"],
            environment=f"{PREFIX}{section.SECTION}_{name}".upper(),
        )


def _shown(value: Any, *, secret: bool) -> Any:
    if secret:
        return MASK if value else ""
    return _PASSWORD.sub(f"{MASK}@", value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
