"""Modeldex's own sidecar: what people say of a model, field by field, beside the model or beside one file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog.errors import Malformed
from catalog.layouts.steps import SIDECAR_FORMAT, step_subject
from catalog.records import Extraction, Origin, Role, Subject
from catalog.text.slugs import slug
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import field_tree, jsons, properties, yamls
from crawler.formats.json_values import leftovers
from crawler.reader import RangedReader
from mappings import Field
from mappings import metrics as metric_table

MAX_VALUES = 2_000
MAX_ADVISED = 50
CONTEXT = frozenset(
    {
        "dataset",
        "config",
        "split",
        "task",
        "revision",
        "source",
        "evaluated_at",
        "step",
        "unit",
        "uncertainty",
        "primary",
    }
)
NAMES = ("metric", "name", "type")

_NAME = re.compile(r"(?:^|/)(?:[^/]+\.)?modeldex\.(?:ya?ml|json)$", re.IGNORECASE)
_OF_DIRECTORY = re.compile(r"modeldex\.(?:ya?ml|json)", re.IGNORECASE)


class ModeldexSidecarExtractor:
    """Reads the whole file. Every key is checked against the field table; what has no field is kept and named."""

    name = "modeldex-sidecar"
    version = 6
    description = "modeldex.yaml or modeldex.json beside a model, NAME.modeldex.yaml beside a file"
    reads = (
        "any field of the document, metrics with data set and split, hyper-parameters; unknown keys are kept"
    )
    limits = "YAML 2 MB or JSON 16 MB, 2,000 values"
    signs = Signs(suffixes=(".yaml", ".yml", ".json"))

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the exact name decides
        return Claim(format=SIDECAR_FORMAT, role=Role.SIDECAR, confidence=100) if _NAME.search(key) else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=SIDECAR_FORMAT, role=Role.SIDECAR, origin=Origin.SIDECAR)
        as_json = reader.name.lower().endswith(".json")
        tree = jsons.read(reader) if as_json else yamls.read(reader)
        if tree is None:
            findings.problem("empty-sidecar", "the sidecar says nothing")
            return findings.extraction()
        if not isinstance(tree, Mapping):
            raise Malformed("a sidecar is a list of keys with values, such as `name: my-model`")
        findings.told_twice(tree, "json:" if as_json else "yaml:")
        teller = _Teller(findings, "json" if as_json else "yaml", reader.key)
        for count, entry in enumerate(field_tree.walk(tree)):
            if count >= MAX_VALUES:
                findings.problem("limit-exceeded", f"more than {MAX_VALUES} keys; the rest is left out")
                break
            teller.tell(entry)
        return findings.extraction()


class _Teller:
    """Says one entry as observations, or says what is wrong with it."""

    def __init__(self, findings: Findings, kind: str, key: str) -> None:
        self._findings = findings
        self._kind = kind
        self._key = key
        self._steps = dict[int, Subject]()
        self._advised = 0

    def _advice(self, name: str) -> str:
        """What may have been meant by the first unknown names: looking for it takes milliseconds for each."""
        self._advised += 1
        nearest = field_tree.nearest_field(name) if self._advised <= MAX_ADVISED else None
        return f" Did you mean {nearest!r}?" if nearest else ""

    def tell(self, entry: field_tree.Entry) -> None:
        if entry.value is None or (isinstance(entry.value, yamls.Scalar) and entry.value.null):
            return
        field = entry.field
        place = self._place(entry.path)
        if field is None and properties.is_metric(entry.name, yamls.json_value(entry.value)):
            self._findings.metric(entry.name, yamls.json_value(entry.value), place, block="sidecar")
        elif field is None:
            advice = self._advice(entry.name)
            self._findings.problem(
                "unknown-field", f"{entry.name!r} is no field; kept under extra.{advice}", place
            )
            self._extra(entry)
        elif field.name in {"metrics", "evaluations"}:
            self._metrics(yamls.json_value(entry.value), entry.path, {})
        elif field.rule == "derived" and field.name != "all_text":
            self._findings.problem(
                "derived-field", f"{entry.name!r} is worked out by Modeldex and cannot be set", place
            )
            self._extra(entry)
        elif field.type == "flattened":
            self._settings(field.name, entry)
        elif field.type == "object":
            self._findings.say(field.name, yamls.json_value(entry.value), place)
        else:
            self._values(entry, field, place)

    def _values(self, entry: field_tree.Entry, field: Field, place: str) -> None:
        values = entry.value if isinstance(entry.value, list) else [entry.value]
        if len(values) > 1 and not field.list and field.type != "text":
            self._findings.problem(
                "one-value", f"{field.name!r} takes one value, {len(values)} are given", place
            )
            self._extra(entry)
            return
        for value in values:
            wrong = _wrong(value, field)
            if wrong is not None:
                self._findings.problem("wrong-type", f"{field.name!r} {wrong}", place)
                self._extra(entry)
                return
            relation = entry.beside.get("relation") if field.name == "base_model.id" else None
            context = {"relation": str(relation)} if relation else None
            self._findings.say(field.name, _raw(value, field), place, context=context)

    def _settings(self, name: str, entry: field_tree.Entry) -> None:
        """`hyperparameters` and `extra`: a flat map below the field's name."""
        if not isinstance(entry.value, Mapping):
            self._findings.problem(
                "wrong-type", f"{name!r} is a map of names to values", self._place(entry.path)
            )
            return
        for below, value, pointer in leftovers(yamls.json_value(entry.value)):
            place = pointer.replace("json:", self._place(entry.path), 1)
            if name == "hyperparameters":
                properties.tell_setting(self._findings, below, value, place)
            else:
                self._findings.say(f"{name}.{below}", value, place)

    def _extra(self, entry: field_tree.Entry) -> None:
        for name, value, pointer in leftovers({entry.name: yamls.json_value(entry.value)}):
            self._findings.say(f"extra.{name}", value, pointer.replace("json:", f"{self._kind}:", 1))

    def _metrics(self, value: Any, path: tuple[str, ...], context: dict[str, Any]) -> None:
        """A map of names to numbers (below data sets or splits, if there are any), or a list of entries."""
        if isinstance(value, list):
            for number, item in enumerate(value):
                self._metric_entry(item, (*path, str(number)), context)
        elif isinstance(value, Mapping):
            for name, item in value.items():
                self._metric_named(str(name), item, (*path, str(name)), context)
        else:
            message = "metrics are a map of names to numbers, or a list with metric and value"
            self._findings.problem("wrong-type", message, self._place(path))

    def _metric_named(self, name: str, item: Any, path: tuple[str, ...], context: dict[str, Any]) -> None:
        if isinstance(item, Mapping) and "value" in item:
            self._metric_entry({"metric": name, **item}, path, context)
        elif (
            isinstance(item, Mapping)
            and len(path) < field_tree.MAX_LEVELS
            and metric_table.find(slug(name)) is None
        ):
            key = "split" if name.lower() in metric_table.splits() else "dataset"
            self._metrics(item, path, {**context, key: name})
        elif item is not None:
            self._measured(name, item, path, {"block": "sidecar", **context})

    def _metric_entry(self, item: Any, path: tuple[str, ...], context: dict[str, Any]) -> None:
        entry = item if isinstance(item, Mapping) else {}
        name = next((entry[key] for key in NAMES if isinstance(entry.get(key), str)), None)
        if name is None or entry.get("value") is None:
            self._findings.problem(
                "metric-entry", "an entry of metrics needs a metric and a value", self._place(path)
            )
            return
        own: dict[str, Any] = {
            key: item
            for key, item in entry.items()
            if key in CONTEXT and isinstance(item, (str, int, float, bool))
        }
        if isinstance(entry.get("dataset"), Mapping):
            own["dataset"] = next(
                (str(entry["dataset"][key]) for key in ("id", "name") if entry["dataset"].get(key)), None
            )
        self._measured(name, entry["value"], (*path, "value"), {"block": "sidecar", **context, **own})

    def _measured(self, name: str, value: Any, path: tuple[str, ...], context: Mapping[str, Any]) -> None:
        """What was measured at a step is told apart from the rest: of several checkpoints one alone is meant."""
        subject = self._of_step(context.get("step"))
        self._findings.metric(
            name[:200], value, self._place(path), subject=None if subject is None else subject.id, **context
        )

    def _of_step(self, step: Any) -> Subject | None:
        is_whole = isinstance(step, int) and not isinstance(step, bool)
        identity = step_subject(self._key, step) if is_whole else None
        if identity is None or not _OF_DIRECTORY.fullmatch(self._findings.file_name):
            return None
        if step not in self._steps:
            self._steps[step] = Subject(id=identity, join_keys=())
            self._findings.tells_of(self._steps[step])
        return self._steps[step]

    def _place(self, path: tuple[str, ...]) -> str:
        return f"{self._kind}:" + "".join(
            "/" + part.replace("~", "~0").replace("/", "~1")[:200] for part in path
        )


def _wrong(value: Any, field: Field) -> str | None:
    """What is wrong with a value for this field, as the rest of a sentence."""
    if isinstance(value, (Mapping, list)):
        return "takes a single value, not a map or a list"
    if field.type == "boolean":
        return None if isinstance(yamls.json_value(value), bool) else "takes true or false"
    if field.numeric:
        number = yamls.json_value(value)
        if isinstance(number, bool) or (isinstance(number, str) and not re.search(r"\d", number)):
            return f"takes a number, not {str(value)[:60]!r}"
    if field.type == "date" and not re.search(r"\d", str(value)):
        return f"takes a date such as 2024-05-31, not {str(value)[:60]!r}"
    return None


def _raw(value: Any, field: Field) -> Any:
    """Numbers where the field holds numbers; everything else is the text it was written as."""
    if field.numeric or field.type == "boolean":
        return yamls.json_value(value)
    return str(value)
