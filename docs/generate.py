"""Writes the tables of docs/ from the registries: formats, fields, metrics and settings. A test holds them equal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flask import Flask

from catalog import plugins
from catalog.settings import FILE_NAME, PREFIX
from catalog.settings.registry import every_section
from crawler.options import options_class
from mappings import fields
from mappings.flags import flags, statuses
from mappings.metrics import metrics
from webui import api
from webui.api import editing
from webui.api.openapi import FACET, description

HERE = Path(__file__).parent
HEADER = "<!-- Written by docs/generate.py; change the registry, then run `make docs`. -->\n"

CHECKED = (
    "What is said was compared with what the library itself says, on files that it wrote: scikit-learn 1.3 and 1.9 with joblib, skops,"
    " dill and cloudpickle; XGBoost 3.2, LightGBM 4, CatBoost 1.2, statsmodels, gensim 4, fastText, river, hmmlearn; Keras 3.15,"
    " KerasHub, TensorFlow 2.21 with TensorFlow Lite, Flax, Orbax, Haiku; ONNX Runtime and its quantizers, skl2onnx, tf2onnx, OpenVINO and NNCF"
    " 2026.4, coremltools 9, Paddle 3, MindSpore, MLX, 160 files of the `gguf` package; H2O 3.46, Spark 4.3, BentoML, CRFsuite,"
    " Vowpal Wabbit; torch 2.15 with torchao and HQQ, fastai 2, spaCy 3.8, AutoGluon 1, DeepSpeed, Stable-Baselines3 2, TensorFlow.js 4, and"
    " MLflow 3 with the models of seven libraries. Not so, but after the formats' sources: CTranslate2, MLC, ML.NET, whisper.cpp, llamafile,"
    " and what is only recognised."
)


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {
        "formats.md": page(
            "Formats", f"What Modeldex reads of each file, and where it stops.\n\n{CHECKED}", formats()
        ),
        "fields.md": page(
            "Fields", "The document of a model, and the names that a query may use.", field_rows()
        ),
        "flags.md": page(
            "Flags", "What `is:` asks for: the flags of a model, and how far it could be read.", flag_rows()
        ),
        "metrics.md": page("Metrics", "Canonical metrics, their other names and their units.", metric_rows()),
        "settings.md": settings_page(),
        "api.md": api_page(),
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


API_LEAD = """Everything below `/api/v1` answers JSON in types that a program may rely on. `/api/v1/openapi.json` is the same as an
OpenAPI description, for clients and code generators; tests hold both to what is answered. `/api/search`, `/api/models`,
`/api/facets`, `/api/suggest` and `/api/export` without the version stay as they are.

A condition, order or parameter that is not understood is refused with 400 and a sentence. Where it is a
parameter of the address, `lenient=true` leaves it out of the search instead. A page beyond the last one
has no results; all of more than 10,000 models are read by the exports. Errors are
`{"error": {"status", "title", "detail", "advice", "request_id"}}`. Searches, single models
and the description have an ETag; send it back as `If-None-Match`. Other answers are not to be kept (`no-store`).

    curl 'http://127.0.0.1:8080/api/v1/search?q=accuracy>0.9&sort=-accuracy'
    curl 'http://127.0.0.1:8080/api/v1/compare?ids=ID,ID'
"""


def api_page() -> str:
    """Every address of the API with its parameters and the type of its answer, as its OpenAPI description has them."""
    app = Flask("modeldex")
    app.register_blueprint(api.blueprint)
    app.register_blueprint(editing.blueprint)
    told = description(app, version="")
    addresses = "\n".join(table(_operation_rows(told["paths"])))
    types = "\n".join(table(_type_rows(told["components"]["schemas"])))
    return f"{HEADER}\n# HTTP API\n\n{API_LEAD}\n## Addresses\n\n{addresses}\n\n## Types\n\n{types}\n"


def _operation_rows(paths: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    yield "Address", "Parameters", "Answer", "What one gets"
    for address, methods in paths.items():
        for method, operation in methods.items():
            asked = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
            own = [f"`{each['name']}`" for each in asked if not each["description"].startswith(FACET)]
            listed = ", ".join([*own, "facets"] if len(own) < len(asked) else own)
            yield (
                f"`{method.upper()} {address}`",
                listed,
                _answer_of(operation),
                operation.get("description", ""),
            )


def _answer_of(operation: dict[str, Any]) -> str:
    done = next(iter(operation["responses"].values()))
    kind, content = next(iter(done["content"].items()))
    rule = content["schema"]
    named = [one["$ref"].rpartition("/")[2] for one in rule.get("anyOf", (rule,)) if "$ref" in one]
    return " or ".join(f"`{name}`" for name in named) or f"`{kind}`"


def _type_rows(schemas: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    yield "Type", "Has", "Meaning"
    for name, rule in schemas.items():
        yield f"`{name}`", ", ".join(f"`{part}`" for part in rule["properties"]), rule["description"]


def settings_page() -> str:
    parts = [f"{HEADER}\n# Settings\n\n{SETTINGS_LEAD}\n"]
    for section in every_section():
        lead = " ".join((section.__doc__ or "").split())
        lines = table(settings(section))
        parts.append(f"## [{section.SECTION}]\n\n{lead}\n\n" + "\n".join(lines) + "\n")
    return "\n".join([*parts, OF_EVERY_SOURCE, *source_options()])


OF_EVERY_SOURCE = """## Sources

What is said of one source, with `modeldex sources add` and `set`, or in a file for `modeldex sources apply`:

| In a file | With a command | Default | Meaning |
| --- | --- | --- | --- |
| `name` | `--name` |  | What it is called in commands and queries. |
| `include`, `exclude` | `--include`, `--exclude` |  | Patterns of keys that are crawled, and that are not. |
| `schedule` | `--schedule` |  | When the worker crawls it, as in `every 1h` or `0 3 * * *`. |
| `sensitive` | `--sensitive` |  | Fields of its models that are encrypted at rest and do not leave. |
| `borrow` | `--borrow`, `--no-borrow` | `true` | Whether its models hear what files of other sources say of them ([mlflow.md](mlflow.md), [dvc.md](dvc.md)). |
| `options` | `--option NAME=VALUE` |  | As below, by the kind of source. |
| `credentials` | `--credential NAME=env:VARIABLE` |  | As below, where it is marked as a credential; a reference (`env:`, `file:`), never the secret. |
"""


def source_options() -> Iterator[str]:
    """A table for each kind of source that declares options; kinds that share them share it."""
    schemes: dict[type[Any], list[str]] = {}
    for scheme in plugins.SOURCES:
        if (declared := options_class(scheme)) is not None:
            schemes.setdefault(declared, []).append(f"`{scheme}:`")
    for declared, own in schemes.items():
        yield f"### Options of {', '.join(own)}\n\n" + "\n".join(table(options(declared))) + "\n"


def options(declared: type[Any]) -> Iterator[tuple[str, ...]]:
    yield "Option", "Default", "Unit", "Meaning"
    for row in dataclasses.fields(declared):
        default = "" if row.default in {"", ()} else f"`{row.default}`"
        meaning = f"{row.metadata['help']}{' A credential.' if row.metadata['secret'] else ''}"
        yield f"`{row.name}`", default, row.metadata["unit"], meaning


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
