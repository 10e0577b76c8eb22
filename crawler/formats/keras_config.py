"""What Keras writes about a network in JSON, in every generation of its files: architecture, layers, training, dangers.

Nothing here is ever deserialised by Keras; names of classes and modules are text.

Source: keras-team/keras keras/src/saving/serialization_lib.py, keras/src/legacy/saving/legacy_h5_format.py;
CVE-2024-3660 and CVE-2025-1550 for what loading such a configuration may run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from catalog.records import Evidence, Severity
from catalog.text.patterns import pattern
from crawler.formats.keras_quantization import mode_of
from crawler.formats.pickle_names import Verdict, judged
from mappings.dtypes import aliases as dtype_aliases

if TYPE_CHECKING:
    from crawler.extractor import Findings

MAX_NODES = 200_000
MAX_TEXT = 500
MAX_RISKS = 50
FLOAT8 = "float8"

_OWN_MODULES = pattern(
    r"(?:keras|tf_keras|keras_hub|keras_cv|keras_nlp|tensorflow\.(?:python\.)?keras|builtins)(?:\..*)?"
)
_BUILDING_MODULES = pattern(
    r"(?:keras|tf_keras|tensorflow\.(?:python\.)?keras)(?:\.src)?(?:\.(?:api|_tf_keras|legacy|engine))*"
    r"(?:\.(?:layers|models|initializers|optimizers|losses|metrics|activations|regularizers|constraints|callbacks|dtype_policies|mixed_precision"
    r"|applications|ops|quantizers|random|tokenizers|distribution|trainers|training|functional|sequential)\b.*)?"
    r"|keras_(?:hub|cv|nlp)(?:\..*)?|builtins"
)
"""Modules of Keras that hold what networks are made of; others fetch files, save them or run what they are given."""
_BUILTINS_WRITTEN = frozenset({"function", "type"})
"""What Keras writes with the module of Python's builtins beside classes of values: functions are looked at by their names."""
_DANGEROUS = frozenset({"__lambda__", "enable_unsafe_deserialization"})
_CONTAINERS = frozenset({"Sequential", "Functional", "Model"})


def tell_architecture(findings: Findings, config: Mapping[str, Any], pointer: str) -> None:
    """The class, layers, inputs and dangers of a serialised model."""
    class_name = config.get("class_name")
    if isinstance(class_name, str):
        findings.say("architecture", class_name[:MAX_TEXT], f"{pointer}/class_name")
    inner = config.get("config")
    if isinstance(inner, Mapping):
        name = inner.get("name")
        if isinstance(name, str) and not re.fullmatch(r"(sequential|functional|model)(_\d+)?", name):
            findings.say("extra.model_name", name[:MAX_TEXT], f"{pointer}/config/name")
        layers = inner.get("layers")
        if isinstance(layers, list):
            own = [layer for layer in layers if _class_of(layer) != "InputLayer"]
            findings.say("layers", len(own), f"{pointer}/config/layers", evidence=Evidence.COUNTED)
            kinds = sorted({name for layer in own if (name := _class_of(layer)) is not None})
            if kinds:
                findings.say("extra.layer_types", kinds[:100], f"{pointer}/config/layers")
            _tell_inputs(findings, layers, inner, f"{pointer}/config")
    tell_risks(findings, config)


def tell_quantization(findings: Findings, config: Mapping[str, Any], pointer: str) -> frozenset[str]:
    """The modes in which layers are quantised. Weights of float8 are stored whole: it says how the network computes."""
    modes = frozenset(mode for node in _objects(config) if (mode := mode_of(node)) is not None)
    kinds = {mode.partition("/")[0] for mode in modes}
    if FLOAT8 in kinds:
        findings.say("training.precision", FLOAT8, pointer, evidence=Evidence.DERIVED)
    if stored := sorted(kinds - {FLOAT8}):
        findings.say("quantization.method", "keras", pointer, evidence=Evidence.DERIVED)
        findings.say("quantization.scheme", ", ".join(stored)[:MAX_TEXT], pointer, evidence=Evidence.DERIVED)
        bits = [int(match[1]) for kind in stored if (match := re.fullmatch(r"int(\d{1,2})", kind))]
        findings.say("quantization.bits", min(bits, default=None), pointer, evidence=Evidence.DERIVED)
    return modes


def tell_training(findings: Findings, compiled: Mapping[str, Any], pointer: str) -> None:
    """Optimizer, learning rate, loss and metrics of `compile_config` or the older `training_config`."""
    optimizer = compiled.get("optimizer_config") or compiled.get("optimizer")
    if isinstance(optimizer, Mapping):
        _tell_optimizer(findings, optimizer, f"{pointer}/optimizer")
    elif isinstance(optimizer, str):
        findings.say("training.optimizer", optimizer[:MAX_TEXT], f"{pointer}/optimizer")
    loss = _spelled(compiled.get("loss"))
    if isinstance(loss, str):
        findings.say("training.loss", loss[:MAX_TEXT], f"{pointer}/loss")
    names = list(_metric_names(compiled.get("metrics")))[:50]
    if names:
        findings.say("extra.compiled_metrics", names, f"{pointer}/metrics")


def tell_risks(findings: Findings, config: Any) -> None:
    """What Keras would import or run while it builds the model."""
    names: set[str] = set()
    called: set[tuple[str, str | None]] = set()
    for node in _objects(config):
        if len(names) + len(called) >= MAX_RISKS:
            return
        class_name, module = node.get("class_name"), node.get("module")
        if not isinstance(class_name, str):
            class_name = None  # a list of classes is nobody's, and would be no member of a set
        if class_name in {"Lambda", "TFOpLambda", "SlicingOpLambda"} and class_name not in names:
            names.add(str(class_name))
            code = _lambda_code(node)
            if class_name == "Lambda":
                findings.risk(
                    "lambda-layer",
                    Severity.HIGH,
                    f"a Lambda layer runs Python code: {code}",
                    member=_name_of(node),
                )
        if class_name in _DANGEROUS and class_name not in names:
            names.add(str(class_name))
            findings.risk("lambda-layer", Severity.HIGH, f"{class_name} holds marshalled Python code")
        is_own = isinstance(module, str) and _OWN_MODULES.fullmatch(module) is not None
        if (
            isinstance(module, str)
            and is_own
            and not _BUILDING_MODULES.fullmatch(module)
            and module not in names
        ):
            names.add(module)
            detail = f"{module}.{class_name} of Keras builds no part of a network"[:MAX_TEXT]
            findings.risk("code-execution", Severity.MEDIUM, detail, member=_name_of(node))
        if module == "builtins" and (module, class_name) not in called and _is_dangerous_builtin(class_name):
            called.add((module, class_name))
            detail = f"builds builtins.{class_name}, which Keras does not write"[:MAX_TEXT]
            findings.risk("code-execution", Severity.HIGH, detail, member=_name_of(node))
        if isinstance(module, str) and not is_own and module not in names:
            names.add(module)
            findings.risk(
                "code-execution",
                _severity(module),
                f"imports {module}.{class_name}"[:MAX_TEXT],
                member=_name_of(node),
            )
        if "enable_unsafe_deserialization" in node or "__lambda__" in node:
            findings.risk("lambda-layer", Severity.HIGH, "asks for unsafe deserialisation")


def _is_dangerous_builtin(name: str | None) -> bool:
    return (
        name is not None
        and name not in _BUILTINS_WRITTEN
        and judged("builtins", name, called=True) is Verdict.DANGEROUS
    )


def _severity(module: str) -> Severity:
    root = module.partition(".")[0]
    return Severity.HIGH if root in _SYSTEM_MODULES else Severity.MEDIUM


_SYSTEM_MODULES = frozenset(
    [
        "os",
        "posix",
        "nt",
        "subprocess",
        "sys",
        "runpy",
        "shutil",
        "pty",
        "socket",
        "importlib",
        "ctypes",
        "pickle",
        "marshal",
        "code",
        "webbrowser",
        "pip",
        "numpy",
        "operator",
    ]
)


def _objects(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of a JSON value, on an explicit stack."""
    stack, seen = [config], 0
    while stack and seen < MAX_NODES:
        seen += 1
        value = stack.pop()
        if isinstance(value, Mapping):
            yield value
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _class_of(layer: Any) -> str | None:
    name = layer.get("class_name") if isinstance(layer, Mapping) else None
    return name[:MAX_TEXT] if isinstance(name, str) else None


def _name_of(node: Mapping[str, Any]) -> str | None:
    inner = node.get("config")
    name = inner.get("name") if isinstance(inner, Mapping) else None
    return name[:200] if isinstance(name, str) else None


def _lambda_code(node: Mapping[str, Any]) -> str:
    inner = node.get("config")
    function = inner.get("function") if isinstance(inner, Mapping) else None
    if isinstance(function, str):
        return f"the function {function[:100]!r}"
    return "marshalled byte code" if function is not None else "a function"


def _tell_inputs(findings: Findings, layers: list[Any], inner: Mapping[str, Any], pointer: str) -> None:
    inputs = []
    for layer in layers[:10_000]:
        config = layer.get("config") if isinstance(layer, Mapping) else None
        if _class_of(layer) != "InputLayer" or not isinstance(config, Mapping):
            continue
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        value: dict[str, Any] = {"name": str(config.get("name") or "input")[:MAX_TEXT]}
        if isinstance(dtype := config.get("dtype"), str):
            value["dtype"] = dtype_aliases().get(dtype, dtype[:32])
        if isinstance(shape, list) and len(shape) <= 64:
            value["shape"] = [size if isinstance(size, int) and size >= 0 else None for size in shape]
        inputs.append(value)
    if not inputs and isinstance(shape := inner.get("build_input_shape"), list) and len(shape) <= 64:
        inputs = [{"name": "input", "shape": [size if isinstance(size, int) else None for size in shape]}]
    if inputs:
        findings.say("inputs", inputs[:1000], f"{pointer}/layers")


def _tell_optimizer(findings: Findings, optimizer: Mapping[str, Any], pointer: str) -> None:
    name = optimizer.get("class_name")
    if isinstance(name, str):
        findings.say("training.optimizer", name.rpartition(">")[2][:MAX_TEXT], f"{pointer}/class_name")
    config = optimizer.get("config")
    for key, value in config.items() if isinstance(config, Mapping) else ():
        place = f"{pointer}/config/{str(key)[:100]}"
        if key == "learning_rate":
            _tell_learning_rate(findings, value, place)
        elif key == "weight_decay":
            findings.say("training.weight_decay", value if isinstance(value, (int, float)) else None, place)
        elif key != "name" and isinstance(value, (int, float, str)):
            findings.say(f"hyperparameters.optimizer.{str(key)[:100]}", value, place)


def _tell_learning_rate(findings: Findings, value: Any, pointer: str) -> None:
    """A number, or a schedule with the rate it starts from."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        findings.say("training.learning_rate", value, pointer)
    elif isinstance(value, Mapping):
        findings.say("training.scheduler", _class_of(value), f"{pointer}/class_name")
        config = value.get("config")
        start = config.get("initial_learning_rate") if isinstance(config, Mapping) else None
        if isinstance(start, (int, float)):
            findings.say("training.learning_rate", start, f"{pointer}/config/initial_learning_rate")


def _spelled(value: Any) -> Any:
    """A loss or metric by its name, whether it is written as text or as an object."""
    if isinstance(value, Mapping):
        config = value.get("config")
        if isinstance(config, Mapping) and isinstance(config.get("name"), str):
            return config["name"]
        return value.get("class_name")
    return value


def _metric_names(value: Any) -> Iterator[str]:
    stack, seen = [value], 0
    while stack and seen < 1000:
        seen += 1
        item = stack.pop()
        spelled = _spelled(item)
        if isinstance(spelled, str):
            yield spelled[:200]
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, Mapping):
            stack.extend(item.values())
