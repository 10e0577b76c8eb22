"""Writes the tables of docs/ from the registries: formats, fields, metrics and settings. A test holds them equal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from catalog import plugins
from catalog.settings import PREFIX, Settings
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
        "settings.md": page(
            "Settings",
            f"Set in `modeldex.toml` in the home folder, or as `{PREFIX}NAME` in the environment.",
            settings(),
        ),
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


def settings() -> Iterator[tuple[str, ...]]:
    yield "Setting", "Default", "Meaning"
    for row in dataclasses.fields(Settings):
        default = "" if row.default in (dataclasses.MISSING, "") else f"`{row.default}`"
        yield f"`{row.name}`", default, row.metadata["help"]


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
