"""TensorFlow SavedModels and frozen graphs.

Source: tensorflow/tensorflow tensorflow/core/protobuf/saved_model.proto, fingerprint.proto,
tensorflow/python/keras/protobuf/saved_metadata.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.errors import ExtractError
from catalog.records import Evidence, Origin, Reference, Role, Severity, TensorInfo
from catalog.text.patterns import pattern
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, tensors
from crawler.formats.keras_config import tell_architecture, tell_training
from crawler.formats.protobuf import BYTES, VARINT, ProtobufWalker, sniff
from crawler.formats.tensorflow_graph import (
    VARIABLE_OPERATORS,
    Signature,
    TensorflowModel,
    read_graph,
    read_graphs,
    read_meta_graph,
    read_saved_model,
)
from crawler.promises import Container, Promise

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAX_OPERATORS_SHOWN = 200
MAX_METADATA_NODES = 10_000
MAX_METADATA_BYTES = 8 * 1024 * 1024

REACHES_OUT = {
    "PyFunc": "runs a Python function",
    "PyFuncStateless": "runs a Python function",
    "EagerPyFunc": "runs a Python function",
    "OpaquePyFunc": "runs a Python function",
    "ImmutableConst": "reads files of the machine",
    "Save": "writes files of the machine",
    "LoadLibrary": "loads a native library",
    "ReadFile": "reads files of the machine",
    "WriteFile": "writes files of the machine",
    "MatchingFiles": "lists files of the machine",
    "FileSystemSetConfiguration": "changes how files are reached",
    "SaveDataset": "writes files of the machine",
    "SaveDatasetV2": "writes files of the machine",
    "RpcCall": "calls a server",
    "DebugIdentityV2": "writes tensors to a debug address",
    "DebugIdentityV3": "writes tensors to a debug address",
}
"""Operators that reach beyond the model when it runs. Source: tensorflow.org SECURITY.md, protectai/modelscan."""
_MAY_REACH_OUT = pattern(
    r"\w*(?:Dataset|Reader|PyFunc|File|Rpc|Socket|BigQuery|Bigtable|Gcs|SaveSlices|Load)\w*"
)
_STAYS_INSIDE = pattern(
    r"(?:Anonymous|Parallel|Optional|Legacy|_)?(?:Tensor|TensorSlice|SparseTensorSlice|Map|Batch|Range|Repeat|Shuffle|Prefetch|Zip|Concatenate"
    r"|Filter|Take|TakeWhile|Skip|FlatMap|Interleave|Options|Model|Cache|PaddedBatch|Window|Reduce|Optimize|MapAndBatch|BatchAnd|Unbatch|Rebatch"
    r"|GroupByWindow|Scan|Shard|Unique|Iterator|MemoryCache|FinalizeDataset|Finalize|ShuffleAndRepeat|Random|Sampling)+Dataset(?:V\d+)?"
    r"|DatasetTo(?:Graph|SingleElement|TFRecord)?(?:V\d+)?|DatasetCardinality|WrapDatasetVariant|UnwrapDatasetVariant"
    r"|Sharded(?:Filename|Filespec)|MergeV2Checkpoints|InitializeTableFromTextFile(?:V\d)?|\w*Load(?:TPUEmbedding|AndRemap)\w*"
)
"""Operators whose names say the like and that only move data about, or belong to the checkpoint and its vocabularies.
Source: tensorflow/tensorflow tensorflow/core/ops/dataset_ops.cc, io_ops.cc.
"""

_NAMES = frozenset({"saved_model.pb", "fingerprint.pb", "keras_metadata.pb"})


class TensorflowSavedModelExtractor:
    name = "tensorflow-saved-model"
    version = 5
    description = "TensorFlow SavedModel directories and frozen graphs (.pb, .meta)"
    reads = "TensorFlow version, tags, signatures, operators that reach out, constants, Keras metadata, fingerprint"
    limits = "5 M fields, 32 meta graphs; variables are counted by their checkpoint index"
    promises = Promise(
        containers=(Container(files=("saved_model.pb",)), Container(files=("saved_model.pbtxt",)))
    )
    signs = Signs(names=_NAMES, suffixes=(".pb", ".graphdef", ".meta"))

    def claims(self, key: str, head: bytes) -> Claim | None:
        name = key.rpartition("/")[2].lower()
        if name in _NAMES:
            role = Role.WEIGHTS if name == "saved_model.pb" else Role.CONFIG
            return Claim(format="tensorflow_saved_model", role=role, confidence=90 if sniff(head) else 50)
        if name.endswith((".pb", ".graphdef", ".meta")) and _looks_like_graph(
            head, meta=name.endswith(".meta")
        ):
            return Claim(format="tensorflow_graph", role=_graph_role(name), confidence=70)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        name = reader.name.lower()
        if name == "fingerprint.pb":
            return self._extract_fingerprint(reader)
        if name == "keras_metadata.pb":
            return self._extract_keras_metadata(reader)
        saved = name == "saved_model.pb"
        findings = self._findings(
            reader, "tensorflow_saved_model" if saved else "tensorflow_graph", _graph_role(name)
        )
        walker, model = ProtobufWalker(reader), TensorflowModel()
        if saved:
            read_saved_model(walker, model)
        elif name.endswith(".meta"):
            read_meta_graph(walker, 0, walker.size, model)
        try:
            if saved or name.endswith(".meta"):
                read_graphs(walker, model)
            else:
                read_graph(walker, 0, walker.size, model)
                model.complete = True
        except ExtractError as error:
            if not model.operators and not model.versions:
                raise
            findings.failed(error)
        _tell(findings, model, saved=saved)
        return findings.extraction()

    def _findings(self, reader: RangedReader, file_format: str | None, role: Role) -> Findings:
        return Findings(reader, self, format=file_format, role=role, origin=Origin.EMBEDDED)

    def _extract_fingerprint(self, reader: RangedReader) -> Extraction:
        """Checksums of the parts and the identity of this export."""
        findings = self._findings(reader, None, Role.CONFIG)
        walker = ProtobufWalker(reader)
        for part in walker.fields():
            if part.number == 1 and part.wire == VARINT:
                findings.say(
                    "extra.saved_model_checksum", f"{part.value:016x}", "proto:/saved_model_checksum"
                )
            elif part.number == 7 and part.wire == BYTES:
                findings.say("extra.fingerprint_uuid", walker.text_of(part, limit=200), "proto:/uuid")
        return findings.extraction()

    def _extract_keras_metadata(self, reader: RangedReader) -> Extraction:
        """The Keras 2 objects; the root one is the model."""
        findings = self._findings(reader, None, Role.CONFIG)
        walker = ProtobufWalker(reader)
        for number, node in enumerate(walker.fields()):
            if number >= MAX_METADATA_NODES:
                break
            if node.number != 1 or node.wire != BYTES:
                continue
            path, metadata = "", None
            for part in walker.fields(node.start, node.end):
                if part.number == 3 and part.wire == BYTES:
                    path = walker.text_of(part, limit=1000)
                elif part.number == 5 and part.wire == BYTES:
                    metadata = part
            if path == "root" and metadata is not None:
                _tell_keras(findings, walker.bytes_of(metadata, limit=MAX_METADATA_BYTES))
                break
        return findings.extraction()


def _graph_role(name: str) -> Role:
    return Role.CONFIG if name.endswith(".meta") else Role.WEIGHTS


def _looks_like_graph(head: bytes, *, meta: bool) -> bool:
    """A GraphDef begins with a node (a name, then an operator); a MetaGraphDef with its meta information."""
    fields = sniff(head)
    if not fields or fields[0].number != 1 or fields[0].wire != BYTES:
        return False
    inner = sniff(head[fields[0].start : min(fields[0].end, len(head))])
    if not inner:
        return False
    if meta:
        return bool({part.number for part in fields} <= set(range(1, 8)))
    numbers = [part.number for part in inner]
    operator = next((part for part in inner if part.number == 2), None)
    if numbers[:2] != [1, 2] or operator is None or inner[0].wire != BYTES or operator.wire != BYTES:
        return False
    name = head[fields[0].start + operator.start : fields[0].start + operator.end]
    return name.isalnum() and all(part.number in {1, 2, 3, 4} for part in fields)


def _tell_keras(findings: Findings, data: bytes) -> None:
    metadata: Any = jsons.load(data)
    if isinstance(metadata, dict):
        tell_architecture(findings, metadata, "json:/root")
        training = metadata.get("training_config")
        if isinstance(training, dict):
            tell_training(findings, training, "json:/root/training_config")
        findings.say("extra.backend", metadata.get("backend"), "json:/root/backend")
        version = metadata.get("keras_version")
        findings.say(
            "extra.keras_version", version if isinstance(version, str) else None, "json:/root/keras_version"
        )


def _tell(findings: Findings, model: TensorflowModel, *, saved: bool) -> None:
    findings.say("framework", "tensorflow", "proto:", evidence=Evidence.INFERRED)
    if model.versions:
        findings.say(
            "framework_version", model.versions[0], "proto:/meta_graphs/meta_info_def/tensorflow_version"
        )
    if model.tags:
        findings.say(
            "extra.saved_model_tags", sorted(set(model.tags)), "proto:/meta_graphs/meta_info_def/tags"
        )
    findings.say("extra.graph_producer", model.producer, "proto:/graph_def/versions/producer")
    _tell_signatures(findings, model)
    findings.say(
        "extra.nodes", model.operators.total() or None, "proto:/graph_def/node", evidence=Evidence.COUNTED
    )
    _tell_operators(findings, model)
    _count(findings, model, saved=saved)
    if saved:
        findings.refers_to(Reference(name="variables/variables.index", relation="component"))


def _tell_signatures(findings: Findings, model: TensorflowModel) -> None:
    called = [signature for signature in model.signatures if not signature.name.startswith("__saved_model")]
    names = [signature.name for signature in called if signature.name]
    if names:
        findings.say("extra.signatures", sorted(names), "proto:/signature_def")
    main = _main(called)
    if main is not None and main.inputs:
        findings.say("inputs", main.inputs, f"proto:/signature_def/{main.name}/inputs")
    if main is not None and main.outputs:
        findings.say("outputs", main.outputs, f"proto:/signature_def/{main.name}/outputs")
    if main is None and model.placeholders:
        findings.say("inputs", model.placeholders, "proto:/graph_def/node")


def _main(signatures: list[Signature]) -> Signature | None:
    """The signature that TensorFlow Serving would call."""
    ranked = sorted(
        signatures, key=lambda item: (item.name != "serving_default", item.name != "serve", item.name)
    )
    return next((signature for signature in ranked if signature.inputs or signature.outputs), None)


def _tell_operators(findings: Findings, model: TensorflowModel) -> None:
    names = sorted(
        name
        for name, _ in model.operators.most_common(MAX_OPERATORS_SHOWN)
        if name not in model.own_functions
    )
    if names:
        findings.say("extra.operators", names, "proto:/graph_def/node")
    for name in sorted(model.operators):
        if name in REACHES_OUT:
            findings.risk(
                "code-execution", Severity.HIGH, f"the operator {name} {REACHES_OUT[name]}", member=name
            )
        elif (
            name not in model.own_functions
            and _MAY_REACH_OUT.fullmatch(name)
            and not _STAYS_INSIDE.fullmatch(name)
        ):
            detail = f"the operator {name} may read or write what lies outside the model"
            findings.risk("code-execution", Severity.MEDIUM, detail, member=name)
        elif ">" in name and name not in model.own_functions:
            findings.risk(
                "remote-code", Severity.INFO, f"the operator {name!r} needs a library of its own", member=name
            )


def _count(findings: Findings, model: TensorflowModel, *, saved: bool) -> None:
    """Constants are the weights of a frozen graph only: beside variables they are part of the program."""
    frozen = not any(operator in VARIABLE_OPERATORS for operator in model.operators)
    if not frozen or (saved and not any(constant.elements > 1 for constant in model.constants)):
        return
    total, kept = 0, list[TensorInfo]()
    for constant in model.constants:
        total += constant.elements
        if total >= 2**62:
            break
        kept.append(
            TensorInfo(
                name=constant.name,
                dtype=constant.dtype,
                shape=constant.shape,
                elements=constant.elements,
                bytes=constant.bytes,
            )
        )
    findings.tensors = tensors.summarise(kept, complete=model.complete, counts_are_parameters=bool(kept))
