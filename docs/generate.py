"""Writes the tables of docs/ from the registries: formats, fields, metrics and settings. A test holds them equal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from catalog import plugins
from catalog.settings import FILE_NAME, PREFIX
from catalog.settings.registry import every_section
from mappings import fields
from mappings.flags import flags, statuses
from mappings.metrics import metrics

HERE = Path(__file__).parent
HEADER = "<!-- Written by docs/generate.py; change the registry, then run `make docs`. -->\n"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {
        "formats.md": page("Formats", "What Modeldex reads of each file, and where it stops.", formats()),
        "fields.md": page(
            "Fields", "The document of a model, and the names that a query may use.", field_rows()
        ),
        "flags.md": page(
            "Flags", "What `is:` asks for: the flags of a model, and how far it could be read.", flag_rows()
        ),
        "metrics.md": page("Metrics", "Canonical metrics, their other names and their units.", metric_rows()),
        "settings.md": settings_page(),
    }


def page(title: str, lead: str, rows: Iterable[tuple[str, ...]]) -> str:
    return f"{HEADER}\n# {title}\n\n{lead}\n\n" + "\n".join(table(rows)) + "\n"


def table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
        if number == 0:
            yield "|" + " --- |" * len(row)


def formats() -> Iterator[tuple[str, ...]]:
    yield "Extractor", "Format", "What is read", "Limits"
    for name, extractor in plugins.load_all("extractor"):
        yield f"`{name}` v{extractor.version}", extractor.description, extractor.reads, extractor.limits


def field_rows() -> Iterator[tuple[str, ...]]:
    yield "Field", "Type", "Unit", "Other names in a query", "Which statement wins", "Meaning"
    for field in fields().values():
        kind = f"{field.type}[]" if field.list else field.type
        aliases = ", ".join(f"`{alias}`" for alias in field.aliases)
        yield f"`{field.name}`", kind, field.unit or "", aliases, field.rule, field.description or field.label


def flag_rows() -> Iterator[tuple[str, ...]]:
    yield "Asked as", "Kept in", "Set by", "Meaning"
    for column, rows in (("flags", flags()), ("status", statuses())):
        for row in rows.values():
            yield f"`is:{row.name}`", f"`{column}`", row.by, row.description


def metric_rows() -> Iterator[tuple[str, ...]]:
    yield "Metric", "Other names", "Range", "Better", "Unit"
    for metric in metrics().values():
        low, high = ("" if bound is None else f"{bound:g}" for bound in (metric.low, metric.high))
        bounds = f"{low} … {high}" if low or high else ""
        better = {"up": "higher", "down": "lower"}.get(metric.direction or "", "")
        yield (
            f"`{metric.name}`",
            ", ".join(f"`{alias}`" for alias in metric.aliases),
            bounds,
            better,
            metric.unit or "",
        )


SETTINGS_LEAD = f"""The folder of all state is `--home`, else `{PREFIX}HOME`, else the user's data folder. All else is set in sections of
`{FILE_NAME}` in that folder:

```toml
[server]
port = 8081
```

or in the environment, which wins, as `{PREFIX}SECTION_NAME`: `{PREFIX}SERVER_PORT=8081`. What has an older name can be set
under that, too. `modeldex settings` lists what is set, and where. An installed package may bring sections of its own
([extending.md](extending.md))."""


def settings_page() -> str:
    parts = [f"{HEADER}\n# Settings\n\n{SETTINGS_LEAD}\n"]
    for section in every_section():
        lead = " ".join((section.__doc__ or "").split())
        lines = table(settings(section))
        parts.append(f"## [{section.SECTION}]\n\n{lead}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def settings(section: type[Any]) -> Iterator[tuple[str, ...]]:
    yield "Setting", "In the environment", "Default", "Unit", "Meaning"
    for row in dataclasses.fields(section):
        names = [f"{section.SECTION}_{row.name}", row.metadata["formerly"]]
        variables = " or ".join(f"`{PREFIX}{name.upper()}`" for name in names if name)
        default = "" if row.default == "" else f"`{row.default}`"
        yield f"`{row.name}`", variables, default, row.metadata["unit"], row.metadata["help"]


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
