"""Columns of tables, axes of plots and rows of comparisons: any field, metric or hyper-parameter by its name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from catalog.access.scopes import RELATIVE
from catalog.lazy_dataclasses import dataclass
from catalog.query.document_values import split_rank
from catalog.query.text.targets import Target, dataset_id, resolve
from catalog.text import licences
from catalog.text.slugs import stored_slug
from catalog.text.value_names import value_name
from mappings import Field, fields, fields_where
from mappings.metrics import find
from webui.documents import flattened, rows_at, value_at, values_at
from webui.headline import headline_name, headline_of, metric_label
from webui.numbers import Figure, as_datetime, decimal, figure, moment
from webui.text import shown

FIELD, METRIC, SETTING = "field", "metric", "setting"
SETTINGS = "hyperparameters"
LABEL_CHARACTERS = 60
VALUE_CHARACTERS = 200
LIST_VALUES = 6
MAX_SETTINGS_READ = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One value of models. `name` is what an address holds, `order` what sorts by it, empty where nothing does."""

    name: str
    label: str
    kind: str
    path: str
    unit: str = ""
    numeric: bool = False
    dataset: str = ""
    order: str = ""

    @property
    def better(self) -> str:
        """Which end is the better one: up, down, or empty where neither is."""
        if self.kind == METRIC:
            metric = find(self.path)
            return (metric.direction or "") if metric else ""
        row = fields().get(self.path)
        return "down" if row is not None and row.smaller_is_lighter else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric's value and what it was measured on. Two of them may be ranked where `basis` agrees and is known."""

    value: float
    dataset: str
    split: str

    @property
    def basis(self) -> str:
        """`imdb/test`, `imdb`; empty where nobody said."""
        return f"{self.dataset}/{self.split}" if self.dataset and self.split else self.dataset


def column(name: str) -> Column | None:
    """The column of a name; None for what is no searchable field, and text that is no value."""
    base, at, dataset = name.partition("@")
    targets = resolve(name) or resolve(base)
    target = next((known for known in targets if known.kind != "text"), None)
    if target is None:
        if targets or not stored_slug(base):
            return None
        # Nobody knows the name: a metric or a hyper-parameter that only the models here have.
        return Column(
            name=name, label=shown(name, LABEL_CHARACTERS), kind=SETTING, path=stored_slug(base), numeric=True,
            dataset=dataset_id(dataset) if at else "", order=base,
        )  # fmt: skip
    if target.kind == "metric":
        return _metric_column(name, target)
    if target.kind == "flattened":
        path = target.path.partition(".")[2]
        return Column(
            name=name, label=shown(path, LABEL_CHARACTERS), kind=SETTING, path=path, numeric=True, order=""
        )
    return _field_column(name, fields()[target.path])


def _metric_column(name: str, target: Target) -> Column:
    metric = target.path.removeprefix("metrics.")
    metric = f"train_{metric}" if target.split == "train" else metric
    return Column(
        name=name,
        label=metric_label(metric),
        kind=METRIC,
        path=metric,
        numeric=True,
        dataset=target.dataset or "",
        order="" if target.dataset else target.name,
    )


def _field_column(name: str, row: Field) -> Column:
    return Column(
        name=name,
        label=row.label,
        kind=FIELD,
        path=row.name,
        unit=row.unit or "",
        numeric=row.numeric or row.type == "date",
        order=name if row.sortable else "",
    )


def measured(document: Mapping[str, Any], of: Column) -> Measured | None:
    """A metric's value with what it was measured on: on the column's data set if it has one, else the headline."""
    if of.dataset:
        entries = [
            entry
            for entry in rows_at(document, "evaluations")
            if of.path in {entry.get("metric"), headline_name(entry)} and _dataset_id(entry) == of.dataset
        ]
        measures = (_measured(entry.get("value"), entry) for entry in sorted(entries, key=split_rank))
        return next((measure for measure in measures if measure is not None), None)
    headline = headline_of(document, of.path)
    return None if headline is None else _measured(headline.value, headline.evaluation)


def every_measure(document: Mapping[str, Any], of: Column) -> Iterator[Measured]:
    """All values of a metric, the headline first, each data set and split once."""
    seen: set[str] = set()
    headline = headline_of(document, of.path)
    entries: list[tuple[Any, Mapping[str, Any]]] = []
    if headline is not None:
        entries.append((headline.value, headline.evaluation))
    entries += [
        (entry.get("value"), entry)
        for entry in rows_at(document, "evaluations")
        if headline_name(entry) == of.path
    ]
    for value, entry in entries:
        measure = _measured(value, entry)
        if measure is not None and measure.basis not in seen:
            seen.add(measure.basis)
            yield measure


def raw_value(document: Mapping[str, Any], of: Column) -> Any:
    """What a model says, as it is stored; None where it says nothing."""
    if of.kind == METRIC:
        measure = measured(document, of)
        return None if measure is None else measure.value
    if of.kind == SETTING:
        return _setting(document, of)
    row = fields().get(of.path)
    if row is not None and row.kind_of:
        stated = value_at(document, row.kind_of)
        return licences.kind(stated) if isinstance(stated, str) and stated else None
    if row is not None and row.list:
        return list(values_at(document, of.path)) or None
    return value_at(document, of.path)


def number(document: Mapping[str, Any], of: Column) -> float | None:
    """The value on an axis: numbers as they are, dates as seconds."""
    value = raw_value(document, of)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    row = fields().get(of.path) if of.kind == FIELD else None
    instant = as_datetime(value) if row is not None and row.type == "date" else None
    return instant.timestamp() if isinstance(instant, datetime) else None


def figure_of(document: Mapping[str, Any], of: Column) -> Figure | None:
    """The value for people; None where there is none."""
    if of.kind == METRIC:
        return figure_of_measure(measured(document, of))
    value = raw_value(document, of)
    if value is None or value == "":
        return None
    row = fields().get(of.path) if of.kind == FIELD else None
    if row is not None and row.type == "date":
        precision = value_at(document, f"{row.name}_precision")
        return moment(value, precision if isinstance(precision, str) else None)
    if isinstance(value, list):
        some = ", ".join(shown(_named(part, row), VALUE_CHARACTERS) for part in value[:LIST_VALUES])
        return Figure(
            text=f"{some}, …" if len(value) > LIST_VALUES else some,
            exact=shown(", ".join(str(part) for part in value)),
        )
    text = figure(value, of.unit or None)
    return Figure(text=shown(_named(text.text, row), VALUE_CHARACTERS), exact=text.exact)


def _named(value: Any, row: Field | None) -> Any:
    return value if row is None or row.named is None else value_name(str(value), row.name)


def figure_of_measure(measure: Measured | None) -> Figure | None:
    """The value of a metric for people."""
    return None if measure is None else decimal(measure.value, digits=4)


def place_on_page(of: Column) -> str:
    """The part of a model's page that says where its value in this column comes from. What is told of a model among others
    has no row of its own there, where the model alone says nothing.
    """
    if of.kind == METRIC:
        return "evaluations"
    row = fields().get(of.path) if of.kind == FIELD else None
    has_row = row is not None and row.page != "apart" and row.name not in RELATIVE
    return f"value-{of.path}" if has_row else "values"


def usual_columns() -> tuple[str, ...]:
    """The fields of a table that nobody chose the columns of."""
    rows = sorted(fields_where("table_order").values(), key=lambda row: row.table_order or 0)
    return tuple(row.name for row in rows)


def _setting(document: Mapping[str, Any], of: Column) -> Any:
    metrics = document.get("metrics")
    if isinstance(metrics, Mapping) and of.path in metrics:
        return metrics[of.path]
    settings = document.get(SETTINGS)
    if not isinstance(settings, Mapping):
        return None
    if of.path in settings:
        return settings[of.path]
    leaves = (leaf for leaf, _ in zip(flattened(settings), range(MAX_SETTINGS_READ), strict=False))
    return next((value for name, value in leaves if stored_slug(name) == of.path), None)


def _measured(value: Any, entry: Mapping[str, Any]) -> Measured | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    dataset = shown(entry.get("dataset_id") or entry.get("dataset") or "", LABEL_CHARACTERS)
    return Measured(
        value=float(value), dataset=dataset, split=shown(entry.get("split") or "", LABEL_CHARACTERS)
    )


def _dataset_id(entry: Mapping[str, Any]) -> str:
    return dataset_id(str(entry.get("dataset") or entry.get("dataset_id") or ""))
