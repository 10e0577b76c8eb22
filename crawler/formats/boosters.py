"""What gradient boosting libraries say of a model, in one shape, and how it becomes observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.lazy_dataclasses import dataclass, field
from catalog.records import Evidence
from crawler.formats import properties

if TYPE_CHECKING:
    from crawler.extractor import Findings

MAX_FEATURE_NAMES = 500
MAX_SETTINGS = 2_000
MAX_NAME_CHARACTERS = 200

_TASKS = (
    (("binary", "multi", "cross_entropy", "crossentropy", "logloss"), "tabular-classification"),
    (
        ("reg", "count", "l1", "l2", "mae", "mse", "rmse", "huber", "fair", "poisson", "quantile"),
        "tabular-regression",
    ),
    (("mape", "gamma", "tweedie", "survival", "expectile"), "tabular-regression"),
)


@dataclass(slots=True)
class Booster:
    """One boosted model. None where the file does not say."""

    library: str
    library_version: str | None = None
    kind: str | None = None
    objective: str | None = None
    trees: int | None = None
    features: int | None = None
    classes: int | None = None
    feature_names: Sequence[str] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)


def tell_booster(findings: Findings, booster: Booster, pointer: str) -> None:
    """Everything about one booster; `pointer` is where it stands in the file, with its kind in front."""
    counted = {"trees": booster.trees, "features": booster.features, "classes": booster.classes}
    findings.say("framework", booster.library, pointer, evidence=Evidence.INFERRED)
    findings.say("framework_version", booster.library_version, f"{pointer}/version")
    findings.say("model_type", booster.kind, f"{pointer}/booster")
    findings.say("training.objective", booster.objective, f"{pointer}/objective")
    findings.say("task", _task(booster.objective), f"{pointer}/objective", evidence=Evidence.INFERRED)
    for name, value in counted.items():
        findings.say(name, value, f"{pointer}/{name}", evidence=Evidence.COUNTED)
    names = [str(name)[:MAX_NAME_CHARACTERS] for name in booster.feature_names[:MAX_FEATURE_NAMES]]
    if names:
        findings.say("extra.feature_names", names, f"{pointer}/feature_names")
    for name, value in list(booster.settings.items())[:MAX_SETTINGS]:
        properties.tell_setting(findings, name, value, f"{pointer}/parameters/{name}")
    for name, value in list(booster.properties.items())[:MAX_SETTINGS]:
        properties.tell_property(findings, name, value, f"{pointer}/attributes/{name}", block="attributes")


def flattened(tree: Mapping[str, Any], *, levels: int = 4) -> dict[str, Any]:
    """The scalars of nested settings by their dotted path."""
    flat: dict[str, Any] = {}
    level: list[tuple[str, Any]] = [("", tree)]
    for _ in range(levels):
        deeper: list[tuple[str, Any]] = []
        for prefix, value in level:
            for key, item in value.items():
                name = f"{prefix}{str(key)[:MAX_NAME_CHARACTERS]}"
                if isinstance(item, Mapping):
                    deeper.append((f"{name}.", item))
                elif not isinstance(item, list) and item is not None:
                    flat[name] = item
                if len(flat) >= MAX_SETTINGS:
                    return flat
        level = deeper
    return flat


def _task(objective: str | None) -> str | None:
    if objective is None:
        return None
    lowered = objective.lower()
    if lowered == "reg:logistic":
        return "tabular-classification"
    return next((task for words, task in _TASKS if lowered.startswith(words)), None)
