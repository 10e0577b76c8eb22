"""A scikit-learn estimator out of its pickled state: class, version, constructor parameters, what it was fitted to.

Works on the nodes of pickles, of joblib files and of skops files. By scikit-learn's own convention the attributes without
a trailing underscore are the constructor's parameters and those with one were learned.

Source: scikit-learn `sklearn/base.py` (`BaseEstimator.__getstate__`, `get_params`), "Developing estimators"; xgboost
`python-package/xgboost/core.py`, lightgbm `python-package/lightgbm/basic.py` and catboost `catboost/core.py`, `__getstate__`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from catalog.errors import ExtractError
from catalog.records import Evidence
from crawler.extractor import Findings
from crawler.formats import lightgbm_text, xgboost_model
from crawler.formats.boosters import tell_booster
from crawler.formats.catboost_model import read_model
from crawler.formats.pickle_arrays import listed_values, numpy_array, raw_bytes
from crawler.formats.pickle_nodes import Array, Call, Clipped, Dict
from crawler.formats.pickle_values import flattened, mapping, plain
from crawler.reader import RangedReader, bytes_reader

MAX_STEPS = 100
MAX_LOOKED_AT = 64
MAX_SETTINGS = 500
MAX_NAMES = 200

LIBRARIES = {
    "sklearn": "scikit-learn",
    "imblearn": "scikit-learn",
    "skopt": "scikit-learn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "_catboost": "catboost",
    "statsmodels": "statsmodels",
    "hdbscan": "scikit-learn",
}
_SEARCHES = frozenset(
    {"GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV", "BayesSearchCV"}
)
_PIPELINES = frozenset({"Pipeline"})
_OF_TEXT = frozenset({"CountVectorizer", "TfidfVectorizer", "HashingVectorizer"})
"""What turns texts into numbers, at the beginning of a pipeline."""
_NOT_PARAMETERS = frozenset({"estimator_params"})  # a class constant that old versions set on the object
_CLASSIFIERS = (
    "Classifier",
    "SVC",
    "LogisticRegression",
    "LogisticRegressionCV",
    "NB",
    "DiscriminantAnalysis",
    "ClassifierCV",
)
_REGRESSORS = (
    "Regressor",
    "SVR",
    "Regression",
    "Ridge",
    "RidgeCV",
    "Lasso",
    "LassoCV",
    "ElasticNet",
    "ElasticNetCV",
    "Lars",
)
_FORESTS = ("Forest", "ExtraTrees", "GradientBoosting", "Bagging", "AdaBoost")

ReadLiteral = Callable[[Any], RangedReader | None]
"""A reader over a text or byte string of the pickle, also over one too long to be kept."""
ReadArray = Callable[[Array], list[Any] | None]
"""The values of a small array whose bytes stand in the stream or in another member."""


def find_estimator(root: Any) -> tuple[Call, str] | None:
    """The estimator a file holds, with its pointer: the root, or the first one in a dictionary, list or tuple."""
    waiting: list[tuple[Any, str, int]] = [(root, "", 0)]
    looked = 0
    estimators: list[tuple[Call, str]] = []
    while waiting and looked < MAX_LOOKED_AT:
        node, pointer, depth = waiting.pop(0)
        looked += 1
        if is_estimator(node):
            estimators.append((node, pointer))
        elif depth < 2 and type(node) in {list, tuple}:
            waiting.extend((item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(node[:16]))
        elif depth < 2 and type(node) is Dict:
            waiting.extend((item, f"{pointer}/{name}", depth + 1) for name, item in list(node.named())[:64])
    predictors = [
        item
        for item in estimators
        if _task(item[0].class_name) or item[0].class_name in _PIPELINES | _SEARCHES
    ]
    return predictors[0] if predictors else estimators[0] if estimators else None


def is_estimator(node: Any) -> bool:
    """Whether a node is an object of a library of classical models."""
    if type(node) is not Call:
        return False
    return node.name.split(".", 1)[0] in LIBRARIES and node.class_name[:1].isupper()


def tell_class(findings: Findings, estimator: Call, pointer: str) -> None:
    """Class and library alone, of an estimator whose state could not be read to its end."""
    library = LIBRARIES.get(estimator.name.split(".", 1)[0])
    findings.say("architecture", estimator.class_name, pointer)
    findings.say("extra.class", estimator.name, pointer)
    findings.say("framework", library, pointer, evidence=Evidence.INFERRED)


def tell_estimator(
    findings: Findings,
    estimator: Call,
    pointer: str,
    *,
    read_literal: ReadLiteral | None = None,
    read_array: ReadArray | None = None,
) -> None:
    """Everything about one estimator; `pointer` is where it stands in the file, with its kind in front."""
    _Telling(findings, read_literal, read_array).whole(estimator, pointer)


class _Telling:
    def __init__(
        self, findings: Findings, read_literal: ReadLiteral | None, read_array: ReadArray | None
    ) -> None:
        self._findings = findings
        self._read_literal = read_literal
        self._read_array = read_array
        self._reads_text = False

    def whole(self, estimator: Call, pointer: str) -> None:
        say = self._findings.say
        outermost = estimator
        for _ in range(4):  # a search around a pipeline around a search is as deep as people go
            attributes = estimator.attributes
            if attributes is None:
                break
            if estimator.class_name in _SEARCHES:
                self._search(estimator, attributes, pointer)
                inner = attributes.get("best_estimator_") or attributes.get("estimator")
                step = "best_estimator_"
            elif estimator.class_name in _PIPELINES:
                inner, step = self._pipeline(attributes, pointer)
            else:
                break
            if type(inner) is not Call:
                break
            estimator, pointer = inner, f"{pointer}/{step}"
        say("architecture", estimator.class_name, pointer or "pickle:/")
        say("extra.class", estimator.name, pointer or "pickle:/")
        if outermost is not estimator:
            say("extra.outer_class", outermost.name, "pickle:/")
        task = _task(estimator.class_name)
        if self._reads_text and task is not None:
            task = "text-classification" if task == "tabular-classification" else None
        say("task", task, pointer, evidence=Evidence.INFERRED)
        self._library(estimator, outermost, pointer)
        self._fitted(estimator, outermost, pointer)
        self._settings(estimator, pointer, prefix="")
        self._boosters(estimator, pointer)

    def _library(self, estimator: Call, outermost: Call, pointer: str) -> None:
        library = LIBRARIES.get(estimator.name.split(".", 1)[0])
        self._findings.say("framework", library, pointer, evidence=Evidence.INFERRED)
        for node in (estimator, outermost):
            version = plain(node.attributes.get("_sklearn_version")) if node.attributes is not None else None
            if isinstance(version, str) and library == "scikit-learn":
                self._findings.say("framework_version", version, f"{pointer}/_sklearn_version")
                return
            if isinstance(version, str):
                self._findings.say("extra.sklearn_version", version, f"{pointer}/_sklearn_version")
                return

    def _pipeline(self, attributes: Dict, pointer: str) -> tuple[Any, str]:
        steps = list(_steps(attributes.get("steps")))[:MAX_STEPS]
        if not steps:
            return None, ""
        names = [f"{name}: {_class_of(step)}" for name, step in steps]
        self._reads_text = self._reads_text or _class_of(steps[0][1]) in _OF_TEXT
        self._findings.say("extra.pipeline", names, f"{pointer}/steps")
        for name, step in steps[:-1]:
            self._findings.say("preprocessing", _class_of(step), f"{pointer}/steps/{name}")
            if type(step) is Call:
                self._settings(step, f"{pointer}/steps/{name}", prefix=f"{name}__")
        return steps[-1][1], f"steps/{steps[-1][0]}"

    def _search(self, estimator: Call, attributes: Dict, pointer: str) -> None:
        say = self._findings.say
        say("extra.search", estimator.class_name, pointer)
        scoring = plain(attributes.get("scoring"))
        best = plain(attributes.get("best_score_"))
        if isinstance(best, int | float) and math.isfinite(best):
            name = scoring if isinstance(scoring, str) else "best_score"
            self._findings.metric(
                name, best, f"{pointer}/best_score_", block="search", split="validation", aggregation="best"
            )
        for name, value in flattened(attributes.get("best_params_"), limit=MAX_SETTINGS):
            say(f"hyperparameters.{name}", value, f"{pointer}/best_params_/{name}")

    def _settings(self, estimator: Call, pointer: str, *, prefix: str) -> None:
        if estimator.attributes is None:
            return
        for name, node in list(estimator.attributes.named())[:MAX_SETTINGS]:
            private = name.startswith("_") or name.endswith("_") or name in _NOT_PARAMETERS
            if private or type(node) in {Array, Clipped}:
                continue
            value = _setting(node)
            if value is not None:
                self._findings.say(f"hyperparameters.{prefix}{name[:100]}", value, f"{pointer}/{name[:100]}")

    def _fitted(self, estimator: Call, outermost: Call, pointer: str) -> None:
        self._counts(estimator, pointer)
        if outermost is not estimator:
            self._counts(outermost, "pickle:")
        attributes = estimator.attributes or Dict()
        trees = _trees(estimator, attributes)
        self._findings.say("trees", trees, f"{pointer}/estimators_", evidence=Evidence.COUNTED)
        for name in (
            "n_iter_",
            "best_iteration",
            "best_iteration_",
            "inertia_",
            "n_clusters",
            "n_components_",
            "oob_score_",
        ):
            value = plain(attributes.get(name))
            if isinstance(value, int | float) and not name.endswith(("clusters",)):
                self._findings.say(f"extra.{name.rstrip('_')}", value, f"{pointer}/{name}")

    def _counts(self, node: Call, pointer: str) -> None:
        attributes = node.attributes or Dict()
        features = plain(attributes.get("n_features_in_"))
        if isinstance(features, int):
            self._findings.say("features", features, f"{pointer}/n_features_in_", evidence=Evidence.COUNTED)
        names = self._values(attributes.get("feature_names_in_"))
        if names:
            self._findings.say("extra.feature_names", names, f"{pointer}/feature_names_in_")
        classes = self._values(attributes.get("classes_"))
        shape = numpy_array(attributes.get("classes_"))
        count = plain(attributes.get("n_classes_"))
        if shape is not None and len(shape[0]) == 1:
            count = shape[0][0]
        if isinstance(count, int):
            self._findings.say("classes", count, f"{pointer}/classes_", evidence=Evidence.COUNTED)
        if classes:
            self._findings.say("extra.class_names", classes, f"{pointer}/classes_")

    def _values(self, node: Any) -> list[Any] | None:
        listed = listed_values(node, MAX_NAMES)
        if listed is None and type(node) is list:
            listed = [item for item in node[:MAX_NAMES] if type(item) in {str, int, float, bool}]
        if listed is None and type(node) is Array and self._read_array is not None:
            listed = self._read_array(node)
        return plain(listed) or None

    def _boosters(self, estimator: Call, pointer: str) -> None:
        """The library's own model, which wrappers keep as a text or a byte string."""
        attributes = estimator.attributes
        if attributes is None or self._read_literal is None:
            return
        booster = mapping(attributes.get("_Booster")) or attributes
        handle = (
            booster.get("handle")
            or booster.get("_handle")
            or booster.get("__model")
            or booster.get("model_str")
        )
        if type(handle) is Call:
            handle = raw_bytes(handle) or handle.argument(0)  # bytearray(b'…') of protocols below 5
        reader = self._read_literal(handle)
        if reader is None or reader.size_bytes < 16:
            return
        try:
            tell_model_bytes(self._findings, reader, f"{pointer}/_Booster/handle")
        except ExtractError as error:
            self._findings.problem(
                error.code, f"the model inside the pickle: {error}", f"{pointer}/_Booster/handle"
            )


def tell_model_bytes(findings: Findings, reader: RangedReader, pointer: str) -> None:
    """A LightGBM, XGBoost or CatBoost model that stands inside another file."""
    head = reader.head(64)
    if lightgbm_text.looks_like_lightgbm(head):
        tell_booster(findings, lightgbm_text.read_booster(reader), pointer)
    elif head[:4] == b"CBM1":
        tell_booster(findings, read_model(reader).booster, pointer)
    elif head[:1] == b"{":
        document, _ = xgboost_model.read_document(reader)
        model = document.get("Model", document)
        tell_booster(
            findings, xgboost_model.booster_of(model if isinstance(model, dict) else document), pointer
        )


def literal_reader(key: str, literal: Any) -> RangedReader | None:
    """A reader over a literal that was kept whole."""
    if type(literal) is str:
        return bytes_reader(key, literal.encode("utf-8", errors="replace"))
    return bytes_reader(key, literal) if type(literal) is bytes else None


def _steps(node: Any) -> Iterator[tuple[str, Any]]:
    for step in node if type(node) in {list, tuple} else ():
        if type(step) in {list, tuple} and len(step) == 2 and type(step[0]) is str:
            yield step[0][:100], step[1]


def _class_of(node: Any) -> str:
    if type(node) is Call:
        return node.class_name
    return node if type(node) is str else "None"


def _setting(node: Any) -> Any:
    """A parameter's value; of another estimator only its class."""
    if is_estimator(node):
        return node.class_name
    if type(node) is Call and numpy_array(node) is not None:
        return None
    value = plain(node)
    return None if isinstance(value, dict) and len(value) > 100 else value


def _task(class_name: str) -> str | None:
    if class_name.endswith(_CLASSIFIERS):
        return "tabular-classification"
    return "tabular-regression" if class_name.endswith(_REGRESSORS) else None


def _trees(estimator: Call, attributes: Dict) -> int | None:
    if not any(word in estimator.class_name for word in _FORESTS):
        return None
    members = attributes.get("estimators_")
    if type(members) is list:
        return len(members)
    array = numpy_array(members)
    if array is not None:
        return math.prod(array[0])
    predictors = attributes.get("_predictors")  # histogram gradient boosting: a list per iteration
    if type(predictors) is list:
        return sum(len(item) for item in predictors if type(item) is list)
    return None
