"""The variables of a TensorFlow checkpoint by its index, and which of them are the model.

Source: tensorflow/tensorflow tensorflow/core/protobuf/tensor_bundle.proto; python/training/saver.py and
python/checkpoint for the names of slots, counters and object attributes; keras-team/keras keras/src/export for
`_all_variables`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from catalog.lazy_dataclasses import dataclass, field
from catalog.records import TensorInfo
from catalog.text.patterns import pattern
from crawler.formats import leveldb
from crawler.formats.dtypes import size_bytes
from crawler.formats.protobuf import BYTES, VARINT, ProtobufWalker
from crawler.formats.tensorflow_types import dtype_name, elements_of, read_shape

if TYPE_CHECKING:
    from crawler.reader import RangedReader

ATTRIBUTE = "/.ATTRIBUTES/VARIABLE_VALUE"
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"

_COUNTER = pattern(
    r"(?:^|/)(?:save_counter|global_step|iterations?|_?step|iter|num_updates|epoch|current_step)$"
)
_SLOT = pattern(
    r"/(?:Adam(?:_\d+)?|AdamW(?:_\d+)?|Adamax(?:_\d+)?|AdaMax(?:_\d+)?|Momentum|RMSProp(?:_\d+)?|Adagrad|Adadelta(?:_\d+)?|"
    r"Ftrl(?:_\d+)?|LAMB(?:_\d+)?|LARS|adam_[mv]|lamb_[mv]|SM3.*)$"
)
_OPTIMIZER = pattern(r"(?:^|/)_?(?:optimizer|optimizers|base_optimizer|inner_optimizer)(?:/|$)")
_OPTIMIZER_SCALAR = pattern(
    r"(?:^|/)(?:beta\d?_power(?:_\d+)?|learning_rate|_learning_rate|loss_scale|good_steps|decay)$"
)
_AVERAGE = pattern(r"/(?:ExponentialMovingAverage|average)$")
_METRIC = pattern(r"(?:^|/)(?:keras_api/metrics|_?metrics|compile_metrics|_loss_tracker|loss_tracker)/")
_SEED = pattern(r"(?:^|/)(?:seed_generator\w*|_?random_generator|seed_generators)/")
_ALL_VARIABLES = pattern(r"(?:^|/)_all_variables/\d+$")
_MODEL_VARIABLES = pattern(r"(?:^|/)(?:variables|trainable_variables|_trainable_variables)/\d+$")
_OPTIMIZER_S_MODEL = pattern(r"(?:^|/)_?optimizer/_trainable_variables/\d+$")


@dataclass(frozen=True, slots=True)
class Variable:
    """One entry of the index. `elements` is None when its shape or type cannot be."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int | None
    bytes: int
    shard: int


@dataclass(slots=True)
class CheckpointIndex:
    """What the index says. `shards` is the number of data files."""

    shards: int = 1
    variables: list[Variable] = field(default_factory=list)
    object_based: bool = False
    complete: bool = False


def read_index(reader: RangedReader, index: CheckpointIndex) -> None:
    """Reads into `index`; what an error leaves behind there is true, only not all."""
    for key, value in leveldb.entries(reader):
        if not key:
            index.shards = _shards(value)
        elif key == OBJECT_GRAPH.encode():
            index.object_based = True
        elif not key.startswith(
            b"\0"
        ):  # slices of partitioned variables; their whole shape stands under the name
            index.variables.append(_variable(key.decode("utf-8", errors="replace"), value))
    index.complete = True


def _shards(value: bytes) -> int:
    walker = ProtobufWalker.over(value)
    return next((part.value for part in walker.fields() if part.number == 1 and part.wire == VARINT), 1)


def _variable(name: str, value: bytes) -> Variable:
    walker = ProtobufWalker.over(value)
    dtype, shape, shard, stored = "TF_0", list[int | None](), 0, 0
    for part in walker.fields():
        if part.wire == VARINT and part.number == 1:
            dtype = dtype_name(part.value)
        elif part.wire == BYTES and part.number == 2:
            shape = read_shape(walker, part) or []
        elif part.wire == VARINT and part.number == 3:
            shard = part.value
        elif part.wire == VARINT and part.number == 5:
            stored = part.value
    elements = elements_of(shape)
    if (
        elements is not None
        and dtype != "STR"
        and stored
        and size_bytes(dtype, elements) not in {None, stored}
    ):
        elements = None
    sizes = tuple(size for size in shape if size is not None)
    return Variable(name.removesuffix(ATTRIBUTE), dtype, sizes, elements, stored, shard)


def tensors_of(variables: Iterable[Variable]) -> list[TensorInfo]:
    """The known variables with their parts: the model's own once, slots, counters and copies apart."""
    listed = list(variables)
    has_own = any(_MODEL_VARIABLES.search(variable.name) for variable in listed)
    return [
        TensorInfo(
            name=variable.name,
            dtype=variable.dtype,
            shape=variable.shape,
            elements=variable.elements,
            bytes=variable.bytes,
            part=part_of(variable, has_own=has_own),
        )
        for variable in listed
        if variable.elements is not None
    ]


def part_of(variable: Variable, *, has_own: bool) -> str:
    """What a variable belongs to, by the name under which it is saved."""
    name = variable.name
    if variable.dtype in {"STR", "RESOURCE", "VARIANT", "BOOL"}:
        return "constant"
    if _OPTIMIZER_S_MODEL.search(name):
        return "model"  # the network's variables, reached first through the optimizer that trains them
    if (
        ".OPTIMIZER_SLOT" in name
        or _OPTIMIZER.search(name)
        or _SLOT.search(name)
        or _OPTIMIZER_SCALAR.search(name)
    ):
        return "optimizer"
    if _AVERAGE.search(name):
        return "ema"
    if _METRIC.search(name) or _SEED.search(f"{name}/") or (_COUNTER.search(name) and variable.elements == 1):
        return "auxiliary"
    return "auxiliary" if has_own and _ALL_VARIABLES.search(name) else "model"
