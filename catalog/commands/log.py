"""The verb `log`: what was measured of a model goes beside it. Data on stdout, talk on stderr."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from catalog.errors import UserError
from catalog.terminal import printable


@click.command()
@click.argument("path")
@click.argument("assignments", metavar="[METRIC=NUMBER]...", nargs=-1)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the training.")
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="A field of docs/fields.md.")
@click.option("--dataset", help="What the metrics were measured on.")
@click.option("--split", help="Which part of it: train, validation, test.")
@click.option("--step", type=int, help="The step of the training that they are of.")
@click.option("--json", "as_json", is_flag=True, help="Print the file and what it holds as one JSON object.")
def log(
    path: str,
    assignments: tuple[str, ...],
    params: tuple[str, ...],
    fields: tuple[str, ...],
    dataset: str | None,
    split: str | None,
    step: int | None,
    *,
    as_json: bool,
) -> None:
    """Write beside the model at PATH what was measured of it, as in accuracy=0.93 latency_ms=12 f1@conll2003=91.2%.

    PATH is the model's directory or its file. The values go into `modeldex.json` in the directory or NAME.modeldex.json
    beside the file, which the next crawl reads before all other files; what was logged before stays. No server is needed.
    """
    from modeldex.sidecar import LogRefused, change, checked, merge  # noqa: PLC0415 - `--help` needs none of it

    if "://" not in path and not os.path.lexists(path):
        raise UserError(
            f"There is nothing at {printable(path, limit=200)}.", advice="Give the model's directory or file."
        )
    by_dataset: dict[str | None, dict[str, Any]] = {}
    for assignment in assignments:
        name, value = _assigned(assignment, "METRIC=NUMBER")
        metric, _, own = name.partition("@")
        _check_metric(metric, value)
        by_dataset.setdefault(own or dataset, {})[metric] = _number(value)
    try:
        entries = [
            checked(metrics, dataset=about, split=split, step=step) for about, metrics in by_dataset.items()
        ]
        if params or fields or not entries:
            entries.append(checked(params=_values(params, "--param"), fields=_fields(fields)))

        def edit(sidecar: dict[str, Any]) -> None:
            for entry in entries:
                merge(sidecar, entry)

        written = change(path, edit)
    except LogRefused as error:
        raise UserError(str(error)[:1].upper() + str(error)[1:]) from error
    except (OSError, TimeoutError) as error:
        raise UserError(f"Nothing was written beside {printable(path, limit=200)}: {error}.") from error
    for metric in dict.fromkeys(metric for metrics in by_dataset.values() for metric in metrics):
        _tell_unknown(metric)
    if as_json:
        click.echo(json.dumps({"file": os.fspath(written), "content": json.loads(written.read_bytes())}))
    else:
        click.echo(printable(os.fspath(written), limit=4_000))


def _values(assignments: tuple[str, ...], option: str) -> dict[str, Any]:
    return {
        name: _number(value)
        for name, value in (_assigned(assignment, f"{option} NAME=VALUE") for assignment in assignments)
    }


def _fields(assignments: tuple[str, ...]) -> dict[str, Any]:
    """The fields by name, checked against the table: what a crawl would leave aside is refused here."""
    from catalog.recording.edits import checked as checked_fields  # noqa: PLC0415
    from catalog.recording.field_changes import typed_value  # noqa: PLC0415

    values = dict(_assigned(assignment, "--set FIELD=VALUE") for assignment in assignments)
    nested: dict[str, Any] = {}
    for name, value in checked_fields(
        {name: typed_value(name, text) for name, text in values.items()}
    ).items():
        *groups, last = name.split(".")
        place = nested
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
    return nested


def _assigned(assignment: str, form: str) -> tuple[str, str]:
    name, equals, text = assignment.partition("=")
    if not equals or not name.strip():
        raise UserError(f"{printable(assignment, limit=80)!r} says nothing.", advice=f"Write {form}.")
    return name.strip(), text.strip()


def _check_metric(metric: str, value: str) -> None:
    """Raises UserError for a field or parameter that was given without its option."""
    for option, inside in (("--param", ("params", "hyperparameters")), ("--set", ("fields",))):
        group, dot, name = metric.partition(".")
        if dot and group in inside:
            raise UserError(
                f"{metric!r} is no metric.", advice=f"Write {option} {printable(name)}={printable(value)}."
            )
    from mappings import fields  # noqa: PLC0415 - JSON, which `--help` need not read

    if metric in fields() and not isinstance(_number(value), int | float):
        raise UserError(
            f"{metric!r} is a field and no metric.", advice=f"Write --set {metric}='{printable(value)}'."
        )


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _tell_unknown(metric: str) -> None:
    """A metric that nobody searches by its usual name, told at once and not after the next crawl."""
    from catalog.normalise.metrics import resolve_metric_name  # noqa: PLC0415
    from catalog.text.spelling import nearest  # noqa: PLC0415
    from mappings import metrics as metric_table  # noqa: PLC0415

    if resolve_metric_name(metric) is not None:
        return
    close = nearest(metric, metric_table.spellings(), limit=1)
    advice = f" Did you mean {close[0]}?" if close else ""
    click.echo(
        f"{printable(metric, limit=80)} is kept under its own name: no known metric.{advice}", err=True
    )
