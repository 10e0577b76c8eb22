"""From the names people write to document fields and metrics: `params`, `lr`, `acc@1`, `metrics.f1`, `f1@conll2003`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Protocol

from catalog.lazy_dataclasses import dataclass, field
from catalog.query.document_values import is_leaf, is_metric_on_dataset
from catalog.query.problems import PRESENT_ALONE
from catalog.text.patterns import pattern
from catalog.text.slugs import slug, stored_slug
from catalog.text.spelling import nearest
from mappings import Field, fields
from mappings.metrics import Metric, find, spellings, splits

MAX_NAME_CHARACTERS = 100
MAX_DATASET_CHARACTERS = 200

_PREFIX_SPLIT = pattern(r"(?P<split>[a-z]+)[_/.\- ](?P<rest>.+)")
_METRIC_PREFIXES = ("metrics.", "metric.", "metrics/", "summary_metrics.", "summary.")
_PARAMETER_PREFIXES = (
    *("params.", "param.", "parameters.", "hyperparameters.", "hparams."),
    *("config.", "config/", "params/", "parameters/"),
)
_TAG_PREFIXES = ("tags.", "tag.", "extra.")
_ATTRIBUTE_PREFIXES = (
    *("attributes.", "attribute.", "attr.", "sys/"),
    *("model.", "models.", "run.", "runs.", "df.", "row."),
)
"""Prefixes of pasted filters. Source: MLflow, search syntax of runs and of models; W&B, Api.runs; Neptune, NQL."""


_EXACT = ".keyword"
"""The exact half of a field. Source: Elasticsearch, multi-fields as dynamic mapping makes them."""


class Vocabulary(Protocol):
    """What the catalog holds, so that a name or value can be recognised: metric names and facet values with counts.

    `complete` names the fields whose values are all listed: only there is an unknown value certainly a mistake.
    """

    @property
    def metrics(self) -> Mapping[str, int]: ...

    @property
    def values(self) -> Mapping[str, Mapping[str, int]]: ...

    @property
    def complete(self) -> frozenset[str]: ...

    @property
    def leading(self) -> Mapping[str, int]:
        """The metrics among which one leads, with how many models report them: of all, or of those that are asked for."""
        ...

    @property
    def parameters(self) -> Mapping[str, int]:
        """Hyper-parameters without a field of their own, by their slugs."""
        ...

    def is_parameter(self, key: str) -> bool:
        """Whether any model has a hyper-parameter of this slug, also beyond those that are listed."""
        ...

    def fields_beginning(self, text: str) -> tuple[str, ...]:
        """The fields of ids and hashes in which a value begins so."""
        ...

    def present_id(self, text: str) -> str | None:
        """The id that a model has now of which all ids that begin so are earlier ones; None where they are not."""
        ...

    @property
    def source_names(self) -> Mapping[str, str]:
        """The sources that have models here, as documents name them, by the names that persons gave them."""
        ...

    @property
    def evaluated_on(self) -> Mapping[str, int]:
        """The data sets of evaluations, as evaluations name them, as far as they are at hand."""
        ...

    def is_evaluated_on(self, dataset: str) -> bool:
        """Whether any model was evaluated on it."""
        ...

    def is_named(self, words: str) -> bool:
        """Whether the name of a model has these words, in this order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedVocabulary:
    """A vocabulary that is at hand."""

    metrics: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    parameters: Mapping[str, int] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    source_names: Mapping[str, str] = field(default_factory=dict)
    evaluated_on: Mapping[str, int] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    @property
    def leading(self) -> Mapping[str, int]:
        return self.metrics

    def is_parameter(self, key: str) -> bool:
        return key in self.parameters

    def fields_beginning(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for value, name in self.hashes.items() if value.startswith(text)))

    def is_evaluated_on(self, dataset: str) -> bool:
        return dataset in self.evaluated_on

    def is_named(self, words: str) -> bool:
        return words in self.names

    def present_id(self, text: str) -> str | None:
        present = {there for before, there in self.moved.items() if before.startswith(text)}
        return present.pop() if len(present) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a name means. `path` is the field that nodes carry; a metric on a data set or split has both parts."""

    kind: str  # keyword | text | name | number | boolean | date | flattened | metric
    path: str
    label: str
    unit: str | None = None
    integer: bool = False
    metric: Metric | None = None
    dataset: str | None = None
    split: str | None = None
    note: str = ""

    @property
    def numeric(self) -> bool:
        return self.kind in {"number", "metric"}

    @property
    def nested(self) -> bool:
        return self.dataset is not None or self.split is not None

    @property
    def name(self) -> str:
        """The canonical name in a query: a metric goes by its own name, a field by its shortest unambiguous one."""
        if self.kind != "metric":
            return short_name(self.path)
        if is_metric_on_dataset(self.path):
            return self.path.removeprefix("metrics.")
        base = self.path.removeprefix("metrics.")
        name = base if metric_alone(base) else self.path
        if self.split:
            name = f"{self.split}/{base}"
        return f"{name}@{self.dataset}" if self.dataset is not None else name


_HUMP = pattern(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def folded(name: str) -> str:
    return name.casefold().strip().replace("-", "_").replace(" ", "_")


def snake_case(name: str) -> str:
    """`learningRate` and `LearningRate` as learning_rate."""
    return _HUMP.sub("_", name)


@lru_cache(maxsize=4096)
def resolve(name: str) -> tuple[Target, ...]:
    """Every known meaning of a name, the likeliest first. Empty when nothing is known by it."""
    if not 0 < len(name) <= MAX_NAME_CHARACTERS + MAX_DATASET_CHARACTERS:
        return ()
    lowered = name.casefold()
    if lowered.endswith(_EXACT):
        return resolve(name[: -len(_EXACT)])
    for prefixes, reader in _PREFIX_READERS:
        for prefix in prefixes:
            if lowered.startswith(prefix) and len(name) > len(prefix):
                return reader(name[len(prefix) :])
    targets = [target for target in (_field(folded(name)), metric_target(name)) if target is not None]
    if not targets and (spelled := snake_case(name)) != name:
        return resolve(spelled.casefold())
    if len(targets) > 1:
        targets = [_noted(target, targets) for target in targets]
    return tuple(targets)


def _noted(target: Target, targets: list[Target]) -> Target:
    other = next(meaning for meaning in targets if meaning is not target)
    kind = "metric" if other.kind == "metric" else "field"
    return _replaced(target, note=f"{target.label} is meant, not the {kind} {other.label} ({other.path})")


def _replaced(target: Target, **changes: object) -> Target:
    from dataclasses import replace  # noqa: PLC0415 - rare

    return replace(target, **changes)  # type: ignore[arg-type]  # changes are this module's own


def metric_target(name: str) -> Target | None:
    """The known metric that a name means, perhaps on a data set (`f1@conll2003`) or split (`test/acc`)."""
    whole = _known_metric(name)
    if whole is not None:
        return whole
    at = name.rfind("@")
    while at > 0:
        base, dataset = _known_metric(name[:at]), unquoted(name[at + 1 :])
        if base is not None and dataset:
            return _replaced(base, dataset=dataset_id(dataset), label=f"{base.label} on {dataset}")
        at = name.rfind("@", 0, at)
    return None


def unknown_metric(name: str) -> Target:
    """A metric that no table knows, by its slug: catalogs hold metrics that only their owners know."""
    for prefix in _METRIC_PREFIXES:
        if name.casefold().startswith(prefix) and len(name) > len(prefix):
            name = name[len(prefix) :]
    base, _, dataset = name.partition("@")
    dataset = unquoted(dataset)
    if not base.strip() or not dataset:
        base, dataset = name, ""
    path = stored_slug(base) if base.strip() else "unnamed"
    label = f"{path} on {dataset}" if dataset else path
    return Target(kind="metric", path=f"metrics.{path}", label=label, dataset=dataset_id(dataset) or None)


def reported(name: str, vocabulary: Vocabulary | None) -> tuple[Target, ...]:
    """What a name means that no table knows: a metric or a hyper-parameter that models of the catalog have."""
    if vocabulary is None:
        return ()
    base = name.partition("@")[0]
    meanings = []
    if base and slug(base) in vocabulary.metrics:
        meanings.append(unknown_metric(name))
    key = stored_slug(name) if name.strip() else ""
    if key and key in vocabulary.parameters:
        meanings.append(parameter_target(key))
    if not meanings and (spelled := snake_case(name)) != name:
        return reported(spelled.casefold(), vocabulary)
    return tuple(meanings)


def parameter_target(key: str) -> Target:
    """The hyper-parameter of this slug."""
    return Target(kind="flattened", path=f"hyperparameters.{key}", label=f"Hyper-parameter {key}")


def as_number(target: Target) -> Target:
    """A path below a flattened field as the number that it holds."""
    return _replaced(target, kind="number") if target.kind == "flattened" else target


def number_target(field: str) -> Target | None:
    """What a field of numbers is that no table has: a metric, a metric on one data set, a hyper-parameter."""
    if is_metric_on_dataset(field):
        on = (metric_target(field.removeprefix("metrics.")) or unknown_metric(field),)[0]
        return _replaced(on, path=field, dataset=None, split=None)
    if is_leaf(field):
        root, _, key = field.partition(".")
        label = f"Hyper-parameter {key}" if root == "hyperparameters" else key
        return Target(kind="number", path=field, label=label)
    return None


def column_field(name: str, vocabulary: Vocabulary | None = None) -> str | None:
    """The field whose one value per model a name means, as orders and columns need it; None where it means none.

    `f1` is `metrics.f1`, `f1@conll2003` is `metrics.f1@conll2003`, `n_estimators` is a hyper-parameter where models have it.
    """
    targets = (*resolve(name), *reported(name, vocabulary))
    for target in sorted(targets, key=lambda target: not target.numeric):
        row = fields().get(target.path)
        if target.split is None and (
            target.kind in {"metric", "flattened"} or (row is not None and row.sortable)
        ):
            return target.path if target.dataset is None else f"{target.path}@{target.dataset}"
    return None


def more_metrics(vocabulary: Vocabulary | None) -> bool:
    """Whether the catalog has more metrics than the vocabulary lists: an unknown name may be one of them."""
    return vocabulary is not None and bool(vocabulary.metrics) and "metric_names" not in vocabulary.complete


def dataset_id(text: str) -> str:
    """A data set as evaluations name it: lower case, without its owner."""
    return text.casefold().rstrip("/").rsplit("/", 1)[-1]


def unquoted(text: str) -> str:
    return text.strip().strip('"').strip()


def _known_metric(name: str) -> Target | None:
    key = slug(name)
    metric = find(key) if key else None
    split = None
    if metric is None:
        match = _PREFIX_SPLIT.fullmatch(name.casefold())
        if match is None or match["split"] not in splits():
            return None
        metric, split = find(slug(match["rest"])), splits()[match["split"]]
        if metric is None:
            return None
    label = f"{metric.label} ({split})" if split else metric.label
    return Target(
        kind="metric",
        path=f"metrics.{metric.name}",
        label=label,
        unit=metric.unit,
        metric=metric,
        split=split,
    )


def _only_metric(name: str) -> tuple[Target, ...]:
    return (metric_target(name) or unknown_metric(name),)


def _parameter(name: str) -> tuple[Target, ...]:
    key = slug(name)
    known = _field(key)
    if known is not None and known.path.startswith("training."):
        return (known,)
    key = stored_slug(name)
    return (parameter_target(key),) if key else ()


def _tag(name: str) -> tuple[Target, ...]:
    key = stored_slug(name)
    if key in _TRACKER_TAGS:
        return (field_target(fields()[_TRACKER_TAGS[key]]),)
    return (Target(kind="flattened", path=f"extra.{key}", label=key),) if key else ()


_TRACKER_TAGS = {
    "mlflow_user": "owner",
    "mlflow_runname": "name",
    "mlflow_source_git_commit": "code_version",
    "mlflow_note_content": "description",
}
"""Where the tags that MLflow sets itself end up. Source: MLflow, docs/docs/classic-ml/tracking, system tags."""


def _attribute(name: str) -> tuple[Target, ...]:
    return resolve(name)


_PREFIX_READERS = (
    (_METRIC_PREFIXES, _only_metric),
    (_PARAMETER_PREFIXES, _parameter),
    (_TAG_PREFIXES, _tag),
    (_ATTRIBUTE_PREFIXES, _attribute),
)

_KINDS = {"long": "number", "double": "number"}


def field_target(row: Field) -> Target:
    kind = _KINDS.get(row.type, row.type)
    return Target(kind=kind, path=row.name, label=row.label, unit=row.unit, integer=row.type == "long")


def _field(name: str) -> Target | None:
    path = _field_names().get(name)
    return field_target(fields()[path]) if path else None


@cache
def _field_names() -> Mapping[str, str]:
    """Every name of every searchable field: the dotted name, then aliases, then last parts that mean one field only."""
    rows = [row for row in fields().values() if row.searchable and row.type != "flattened"]
    names = {row.name: row.name for row in rows}
    for row in rows:
        for alias in row.aliases:
            names.setdefault(alias, row.name)
    lasts: dict[str, list[str]] = {}
    for row in rows:
        lasts.setdefault(row.name.rpartition(".")[2], []).append(row.name)
    for last, owners in lasts.items():
        if len(owners) == 1:
            names.setdefault(last, owners[0])
    return names


@lru_cache(maxsize=4_096)  # paths come from what people type: there is no end of them
def short_name(path: str) -> str:
    """The name a canonical query uses for a field: an alias that is a part of it, else its last part, else all of it."""
    row = fields().get(path)
    if row is None or not {".", "_"} & set(path):
        return path
    aliases = [alias for alias in row.aliases if alias in path]
    for name in (*aliases, path.rpartition(".")[2]):
        if _field_names().get(name) == path and metric_target(name) is None:
            return name
    return path


@lru_cache(maxsize=4_096)
def metric_alone(name: str) -> bool:
    """True when the bare metric name reads as this metric again; else the canonical spelling is `metrics.<name>`."""
    targets = resolve(name)
    return bool(targets) and any(target.path == f"metrics.{name}" and not target.nested for target in targets)


def only_shown(name: str) -> Field | None:
    """The field of that name, if it is kept and shown but not searched."""
    row = fields().get(folded(name))
    return row if row is not None and not row.searchable else None


def why_only_shown(field: Field, asked: str = "searched") -> str:
    """A clause about a field that is kept and shown but cannot be `asked`."""
    instead = "" if field.in_index else f"; {PRESENT_ALONE}"
    return f"{field.label} is shown on a model's page but cannot be {asked}{instead}"


def suggestions(name: str, vocabulary: Vocabulary | None, *, numeric: bool) -> list[str]:
    """Up to three names near an unknown one: metrics that the catalog reports come first, then fields and metrics."""
    counts = {**vocabulary.parameters, **vocabulary.metrics} if vocabulary else {}
    base = folded(name).partition("@")[0].removeprefix("metrics.")
    options = dict.fromkeys(_options(numeric=numeric))
    options.update(dict.fromkeys(counts))
    names: dict[str, None] = {}
    for close in nearest(base, options, counts=counts, limit=6):
        targets = resolve(close)
        names.setdefault(targets[0].name if targets else close, None)
    ranked = sorted(names, key=lambda known: -counts.get(known, 0)) if numeric else list(names)
    return ranked[:3]


@cache
def _options(*, numeric: bool) -> tuple[str, ...]:
    own = _field_names()
    if not numeric:
        return (*own, *QUALIFIER_WORDS)
    numbers = (name for name, path in own.items() if fields()[path].numeric or fields()[path].type == "date")
    return (*numbers, *spellings())


QUALIFIER_WORDS = ("has", "missing", "is", "sort", "after", "before", "since", "until", "on", "in")
