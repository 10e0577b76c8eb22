"""A Core ML model specification: description, signature, weights of programs and neural networks, trees.

Source: apple/coremltools mlmodel/format/Model.proto, FeatureTypes.proto, NeuralNetwork.proto,
TreeEnsemble.proto.
"""

from __future__ import annotations

from catalog.errors import LimitExceeded
from catalog.lazy_dataclasses import dataclass, field
from crawler.formats.coreml_program import CoreProgram, CoreTensor, messages, read_program
from crawler.formats.protobuf import BYTES, VARINT, Field, ProtobufWalker, signed

MAX_NAME_BYTES = 1024
MAX_TENSORS = 500_000
MAX_RANK = 64
MAX_PROPERTIES = 2_000
MAX_FEATURES = 10_000

KINDS = {
    200: "pipelineClassifier",
    201: "pipelineRegressor",
    202: "pipeline",
    300: "glmRegressor",
    301: "supportVectorRegressor",
    302: "treeEnsembleRegressor",
    303: "neuralNetworkRegressor",
    304: "bayesianProbitRegressor",
    400: "glmClassifier",
    401: "supportVectorClassifier",
    402: "treeEnsembleClassifier",
    403: "neuralNetworkClassifier",
    404: "kNearestNeighborsClassifier",
    500: "neuralNetwork",
    501: "itemSimilarityRecommender",
    502: "mlProgram",
    555: "customModel",
    556: "linkedModel",
    560: "classConfidenceThresholding",
    600: "oneHotEncoder",
    601: "imputer",
    602: "featureVectorizer",
    603: "dictVectorizer",
    604: "scaler",
    606: "categoricalMapping",
    607: "normalizer",
    609: "arrayFeatureExtractor",
    610: "nonMaximumSuppression",
    900: "identity",
    2000: "textClassifier",
    2001: "wordTagger",
    2002: "visionFeaturePrint",
    2003: "soundAnalysisPreprocessing",
    2004: "gazetteer",
    2005: "wordEmbedding",
    2006: "audioFeaturePrint",
    3000: "serializedModel",
}
_PIPELINES, _NETWORKS, _TREES = frozenset({200, 201, 202}), frozenset({303, 403, 500}), frozenset({302, 402})

ARRAY_DTYPES = {65568: "F32", 65600: "F64", 131104: "I32", 131080: "I8", 65552: "F16"}

LAYER_WEIGHTS = {
    100: (90, 91),
    140: (20, 21),
    150: (20, 21),
    160: (15, 16, 17, 18),
    245: (2, 5),
    250: (2,),
    290: (2,),
    400: (30, 31, 32),
    410: (30, 31, 32, 50, 51, 52, 70, 71, 72),
    500: (20,),
    1040: (20, 21),
    1045: (8, 9),
    1070: (2,),
    1350: (3, 4),
    1471: (60, 61),
}
"""Per layer type, its fields that are WeightParams."""
LSTM_LAYERS, LSTM_WEIGHTS = frozenset({420, 430}), 20


@dataclass(slots=True)
class CoreModel:
    """What the specification says; `complete` is False while the weights have not been walked to their end."""

    specification_version: int | None = None
    kind: str = ""
    kinds_inside: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    properties: list[tuple[str, str]] = field(default_factory=list)
    inputs: list[dict[str, object]] = field(default_factory=list)
    outputs: list[dict[str, object]] = field(default_factory=list)
    tensors: list[CoreTensor] = field(default_factory=list)
    blob_files: set[str] = field(default_factory=set)
    compressions: set[tuple[str, str]] = field(default_factory=set)
    custom: list[str] = field(default_factory=list)
    trees: set[tuple[int, int]] = field(default_factory=set)
    operations: int = 0
    complete: bool = False


def read_header(walker: ProtobufWalker, model: CoreModel) -> Field | None:
    """Version, description and kind; where the model itself is."""
    body = None
    for part in walker.fields():
        if part.number == 1 and part.wire == VARINT:
            model.specification_version = signed(part.value)
        elif part.number == 2 and part.wire == BYTES:
            _read_description(walker, part, model)
        elif part.number in KINDS and part.wire == BYTES:
            model.kind, body = KINDS[part.number], part
    return body


def read_weights(walker: ProtobufWalker, body: Field, model: CoreModel) -> None:
    """All weights, also of models inside pipelines; what an error leaves behind is true, only not all."""
    bodies, seen = [body], 0
    while bodies:
        current = bodies.pop()
        seen += 1
        if seen > 1000:
            raise LimitExceeded("models inside a Core ML pipeline", limit=1000)
        if current.number in _PIPELINES:
            bodies.extend(_pipeline_models(walker, current, model))
        elif current.number in _NETWORKS:
            _read_network(walker, current, model)
        elif current.number == 502:
            program = CoreProgram()
            read_program(walker, current, program)
            model.blob_files |= program.blob_files
            model.operations += program.operations
            model.compressions |= program.compressions
            for tensor in program.tensors:
                _keep(model, tensor)
        elif current.number in _TREES:
            _read_trees(walker, current, model, seen)
        elif current.number == 555:
            model.custom.append("customModel")
    model.complete = True


def _read_description(walker: ProtobufWalker, message: Field, model: CoreModel) -> None:
    for part in walker.fields(message.start, message.end):
        if part.wire != BYTES:
            continue
        if part.number == 1 and len(model.inputs) < MAX_FEATURES:
            model.inputs.append(_feature(walker, part))
        elif part.number == 10 and len(model.outputs) < MAX_FEATURES:
            model.outputs.append(_feature(walker, part))
        elif part.number == 100:
            _read_metadata(walker, part, model)


def _read_metadata(walker: ProtobufWalker, message: Field, model: CoreModel) -> None:
    names = {1: "description", 2: "version", 3: "owner", 4: "license"}
    for part in walker.fields(message.start, message.end):
        if part.wire != BYTES:
            continue
        if part.number in names:
            model.metadata[names[part.number]] = walker.text_of(part)
        elif part.number == 100 and len(model.properties) < MAX_PROPERTIES:
            texts = {inner.number: walker.text_of(inner) for inner in messages(walker, part)}
            model.properties.append((texts.get(1, ""), texts.get(2, "")))


def _feature(walker: ProtobufWalker, message: Field) -> dict[str, object]:
    feature: dict[str, object] = {}
    for part in messages(walker, message):
        if part.number == 1:
            feature["name"] = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number == 3:
            for kind in messages(walker, part):
                feature.update(_feature_type(walker, kind))
    return feature


def _feature_type(walker: ProtobufWalker, kind: Field) -> dict[str, object]:
    simple = {1: "I64", 2: "F64", 3: "STR", 6: "dictionary", 7: "sequence", 8: "state"}
    if kind.number in simple:
        return {"dtype": simple[kind.number]}
    numbers: dict[int, int] = {}
    shape: list[int | None] = []
    for part in walker.fields(kind.start, kind.end):
        if part.wire == VARINT:
            numbers[part.number] = signed(part.value)
        if kind.number == 5 and part.number == 1:
            shape.extend(signed(size) for size in walker.numbers_of(part, limit=MAX_RANK))
    if kind.number == 4:
        channels = 1 if numbers.get(3) in {10, 40} else 3  # grayscale, or colour
        return {"dtype": "U8", "shape": [numbers.get(2), numbers.get(1), channels], "kind": "image"}
    if kind.number == 5:
        dtype = ARRAY_DTYPES.get(numbers.get(2, 0), "unknown")
        return {"dtype": dtype, "shape": shape} if shape else {"dtype": dtype}  # networks leave it out
    return {}


def _pipeline_models(walker: ProtobufWalker, pipeline: Field, model: CoreModel) -> list[Field]:
    """The bodies of the models in a Pipeline; a classifier's or regressor's pipeline is one level deeper."""
    inner = [pipeline]
    if pipeline.number in {200, 201}:
        inner = [part for part in messages(walker, pipeline) if part.number == 1]
    bodies = []
    for part in inner:
        for nested in messages(walker, part):
            if nested.number == 1:
                bodies += [body for body in messages(walker, nested) if body.number in KINDS]
    model.kinds_inside += [KINDS[body.number] for body in bodies][:100]
    return bodies[:100]


def _keep(model: CoreModel, tensor: CoreTensor) -> None:
    if len(model.tensors) >= MAX_TENSORS:
        raise LimitExceeded("tensors of a Core ML model", limit=MAX_TENSORS)
    model.tensors.append(tensor)


def _read_network(walker: ProtobufWalker, network: Field, model: CoreModel) -> None:
    for layer in messages(walker, network):
        if layer.number == 1:
            model.operations += 1
            _read_layer(walker, layer, model)


def _read_layer(walker: ProtobufWalker, layer: Field, model: CoreModel) -> None:
    name = ""
    for part in messages(walker, layer):
        if part.number == 1:
            name = walker.text_of(part, limit=MAX_NAME_BYTES)
        elif part.number in LAYER_WEIGHTS:
            wanted = LAYER_WEIGHTS[part.number]
            for inner in messages(walker, part):
                if inner.number in wanted:
                    _read_weight_params(walker, inner, f"{name}/{inner.number}", model)
                elif part.number == 500 and inner.number == 10:
                    model.custom.append(walker.text_of(inner, limit=200))
        elif part.number in LSTM_LAYERS:
            for inner in messages(walker, part):
                for weights in messages(walker, inner) if inner.number == LSTM_WEIGHTS else ():
                    _read_weight_params(walker, weights, f"{name}/{weights.number}", model)


def _read_weight_params(walker: ProtobufWalker, message: Field, name: str, model: CoreModel) -> None:
    bits, dtype, stored = 0, "F32", 0
    for part in walker.fields(message.start, message.end):
        length = part.end - part.start
        if part.number == 1:
            dtype, bits, stored = "F32", 32, stored + length
        elif part.number == 2:
            dtype, bits, stored = "F16", 16, length
        elif part.number in {30, 31} and length:
            dtype, bits, stored = "I8", bits or 8, length
        elif part.number == 40 and part.wire == BYTES:
            bits = next((f.value for f in walker.fields(part.start, part.end) if f.number == 1), bits)
    if not stored or not 1 <= bits <= 32:
        return
    dtype = {1: "U1", 2: "U2", 4: "U4", 8: dtype if dtype == "I8" else "U8"}.get(bits, dtype)
    elements = stored * 8 // bits
    _keep(model, CoreTensor(name, dtype, (elements,), elements, stored))


def _read_trees(walker: ProtobufWalker, body: Field, model: CoreModel, number: int) -> None:
    for ensemble in messages(walker, body):
        for node in messages(walker, ensemble) if ensemble.number == 1 else ():
            if node.number == 1:
                first = next((f for f in walker.fields(node.start, node.end) if f.number == 1), None)
                model.trees.add((number, 0 if first is None else first.value))
