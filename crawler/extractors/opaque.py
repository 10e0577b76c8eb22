"""Formats that are recognised and not read: they are catalogued with what listings and sidecars say.

Source: lutzroeder/netron source/view.js and its format modules for names and magics; Huawei CANN (`.om`), kendryte/nncase,
apache/opennlp, tesseract-ocr/tessdata, google-ai-edge/mediapipe; NVIDIA TensorRT developer guide;
ultralytics/ultralytics engine/exporter.py for the metadata before a TensorRT engine; drawthingsapp/draw-things-community
(tensors in a database under `.ckpt`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from catalog.errors import ExtractError
from catalog.lazy_dataclasses import dataclass
from catalog.records import Evidence, FileStatus, Origin, Reference, Role, Severity
from catalog.text.patterns import pattern
from crawler.extractor import Claim, Findings
from crawler.formats import jsons, properties, zips
from crawler.formats.protobuf import BYTES, sniff
from crawler.promises import Promise

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader

MAX_METADATA_BYTES = 64 * 1024
NCNN_GRAPH = ".param"
"""What lies beside `NAME.bin`. Source: Tencent/ncnn docs/how-to-use-and-FAQ/quantized-int8-inference.md."""
ENGINES = (b"ptrt", b"ftrt")


@dataclass(frozen=True, slots=True)
class Magic:
    """Bytes of which some stand at this offset; `further` is what else must be true of the first bytes."""

    offset: int
    values: tuple[bytes, ...]
    further: Callable[[bytes], bool] | None = None

    def __call__(self, head: bytes) -> bool:
        return head.startswith(self.values, self.offset) and (self.further is None or self.further(head))


@dataclass(frozen=True, slots=True)
class Place:
    """Keys in which something is found, and of which the lower case holds one of these texts."""

    pattern: re.Pattern[str]
    hints: tuple[str, ...]

    def __call__(self, key: str) -> bool:
        return self.pattern.search(key) is not None


@dataclass(frozen=True, slots=True)
class OpaqueFormat:
    """How one format is told: by its first bytes, by its name, or by both. `named` are suffixes in lower case, or a place."""

    format: str
    starts: Callable[[bytes], bool] | None = None
    named: tuple[str, ...] | Place | None = None
    role: Role = Role.WEIGHTS
    framework: str | None = None
    danger: str | None = None

    def confidence(self, key: str, lowered: str, head: bytes) -> int:
        """0 when this is another format; magic and name together are sure."""
        if isinstance(self.named, tuple):
            if not lowered.endswith(self.named):
                return 0
        elif self.named is not None and not self.named(key):
            return 0
        if self.starts is None:
            return 45
        if not self.starts(head):
            return 0
        return 90 if self.named is None else 95


_PIECE = Place(
    pattern(
        r"(?:^|[/._-])(?:spiece|sentencepiece|tokenizer|spm|bpe)(?:[._-].*)?\.(?:model|spm|ckpt|bin)$|\.spm$"
    ),
    (".model", ".spm", ".ckpt", ".bin"),
)


def _at(offset: int, *magics: bytes) -> Magic:
    return Magic(offset, magics)


_VOWPAL_VERSION = re.compile(rb".\0\0\0(?:[89]|1\d)\.\d{1,2}\.\d{1,2}\0[\0\1]")


def _begins_with_vowpal_version(head: bytes) -> bool:
    """The version as a text with its length before it. Source: VowpalWabbit vowpal_wabbit parse_regressor.cc."""
    return _VOWPAL_VERSION.match(head) is not None and head[0] <= head.find(b"\0", 4) - 3


def _engine_behind_metadata(head: bytes) -> bool:
    """Ultralytics puts a u32 length and a JSON object before the engine."""
    length = int.from_bytes(head[:4], "little")
    return 2 <= length <= MAX_METADATA_BYTES and head[4:5] == b"{" and b'"' in head[5:8]


def _is_sentencepiece(head: bytes) -> bool:
    """A ModelProto begins with its pieces: a text, then a score."""
    fields = sniff(head[:512])
    if not fields or fields[0].number != 1 or fields[0].wire != BYTES:
        return False
    piece = sniff(head[fields[0].start : fields[0].end])
    return bool(piece) and piece[0].number == 1 and piece[0].wire == BYTES


FORMATS = (
    OpaqueFormat(
        "tensorrt",
        _at(0, *ENGINES),
        framework="tensorrt",
        danger="an engine may hold native code of plug-ins",
    ),
    OpaqueFormat(
        "tensorrt",
        _engine_behind_metadata,
        (".engine", ".plan", ".trt"),
        framework="tensorrt",
        danger="an engine may hold native code of plug-ins",
    ),
    OpaqueFormat("tensorrt", None, (".engine", ".plan", ".trt"), framework="tensorrt"),
    OpaqueFormat("executorch", _at(4, b"ET12", b"ET13"), framework="executorch"),
    OpaqueFormat("ort", _at(4, b"ORTM"), framework="onnxruntime"),
    OpaqueFormat("rknn", _at(0, b"RKNN"), framework="rknn"),
    OpaqueFormat("hailo", _at(0, b"\x01HEF"), framework="hailo"),
    OpaqueFormat("litert_lm", _at(0, b"LITERTLM"), framework="tflite"),
    OpaqueFormat("mlir", _at(0, b"ML\xefR")),
    OpaqueFormat("cntk", _at(0, b"B\0C\0N\0"), framework="cntk"),
    OpaqueFormat("ncnn", _at(0, b"7767517\n", b"7767517\r"), framework="ncnn"),
    OpaqueFormat("ncnn", None, (".ncnn.bin",), role=Role.DATA, framework="ncnn"),
    OpaqueFormat("mnn", None, (".mnn.weight",), role=Role.DATA, framework="mnn"),
    OpaqueFormat("mnn", None, (".mnn",), framework="mnn"),
    OpaqueFormat("rkllm", None, (".rkllm",), framework="rknn"),
    OpaqueFormat("executorch", None, (".ptd",), role=Role.DATA, framework="executorch"),
    OpaqueFormat("ascend-om", _at(0, b"IMOD"), framework="ascend"),
    OpaqueFormat("kmodel", None, (".kmodel",), framework="nncase"),
    OpaqueFormat("bmodel", _at(0, b"\xff\xaa\xdd\xee"), (".bmodel",), framework="sophon"),
    OpaqueFormat("paddle-lite", _at(0, b"\1\0", b"\2\0"), (".nb",), framework="paddlepaddle"),
    OpaqueFormat("horizon", None, (".hbm",), framework="horizon"),
    OpaqueFormat("qualcomm-dlc", None, (".dlc",), framework="qnn"),
    OpaqueFormat("mindspore-lite", _at(4, b"MSL0", b"MSL1", b"MSL2"), framework="mindspore"),
    OpaqueFormat("mindir", None, (".mindir",), framework="mindspore"),
    OpaqueFormat("vitis-xmodel", None, (".xmodel",), framework="vitis-ai"),
    OpaqueFormat("tnn", None, (".tnnmodel",), framework="tnn"),
    OpaqueFormat("tnn", None, (".tnnproto",), role=Role.CONFIG, framework="tnn"),
    OpaqueFormat("tengine", None, (".tmfile",), framework="tengine"),
    OpaqueFormat("circle", _at(4, b"CIR0"), framework="tensorflow-lite"),
    OpaqueFormat("uff", None, (".uff",), framework="tensorrt"),
    OpaqueFormat("sqlite", _at(0, b"SQLite format 3\0"), (".ckpt",)),
    OpaqueFormat("nnabla", zips.is_zip, (".nnp",), framework="nnabla"),
    OpaqueFormat("kaldi", _at(0, b"\0B<"), (".mdl", ".raw", ".nnet"), framework="kaldi"),
    OpaqueFormat("tesseract", None, (".traineddata",), framework="tesseract"),
    OpaqueFormat(
        "opencv-cascade", lambda head: b"<opencv_storage" in head[:512], (".xml",), framework="opencv"
    ),
    OpaqueFormat(
        "opennlp",
        Magic(0, zips.BEGINNINGS, lambda head: head[30:49] == b"manifest.properties"),
        framework="opennlp",
    ),
    OpaqueFormat("torch7", None, (".t7",), framework="torch7"),
    OpaqueFormat(
        "vowpal-wabbit", Magic(1, (b"\0\0\0",), _begins_with_vowpal_version), framework="vowpal-wabbit"
    ),
    OpaqueFormat("vowpal-wabbit", None, (".vw",), framework="vowpal-wabbit"),
    OpaqueFormat("crfsuite", _at(0, b"lCRF"), framework="crfsuite"),
    OpaqueFormat(
        "h2o-binary",
        Magic(0, (b"\x1c\xed",), lambda head: b"water." in head[:256]),
        framework="h2o",
    ),
    OpaqueFormat(
        "java-serialized",
        _at(0, b"\xac\xed\0\5"),
        (".model", ".ser", ".bin"),
        danger="objects of Java can run code when they are read",
    ),
    OpaqueFormat("mxnet", _at(0, (0x112).to_bytes(8, "little")), framework="mxnet"),
    OpaqueFormat(
        "mxnet",
        lambda head: head.lstrip()[:1] == b"{" and b'"nodes"' in head[:512],
        ("-symbol.json",),
        role=Role.CONFIG,
        framework="mxnet",
    ),
    OpaqueFormat("caffe", None, (".caffemodel",), framework="caffe"),
    OpaqueFormat("darknet", _at(8, b"\0\0\0\0", b"\x05\0\0\0"), (".weights",), framework="darknet"),
    OpaqueFormat(
        "rds",
        _at(
            0,
            b"\x1f\x8b",
            b"X\n",
            b"A\n",
            b"B\n",
            b"RDX",
            b"RDA",
            b"RDB",
            b"BZh",
            b"\xfd7zXZ",
            b"\x28\xb5\x2f\xfd",
        ),
        # what an installed package of R keeps of itself is no model
        Place(
            re.compile(r"^(?!(?:.*/)?(?:Meta|help)/[^/]+$).*\.(?i:rds|rda|rdata)$", re.DOTALL),
            (".rd",),
        ),
        framework="r",
        danger="objects of R can run code when they are used",
    ),
    OpaqueFormat(  # what the weights are for, and the model itself where there are none; its directory may be what is crawled
        "coreml",
        None,
        Place(pattern(r"(?:^|\.mlmodelc/)coremldata\.bin$"), ("coremldata.bin",)),
        role=Role.PART,
        framework="coreml",
    ),
    OpaqueFormat(
        "coreml",
        None,
        Place(
            pattern(
                r"\.mlmodelc/(?:[^/]+/)*(?:weights/[^/]+\.bin|model\.espresso\.weights)$|^model\.espresso\.weights$"
            ),
            ("weights/", "model.espresso.weights"),
        ),
        framework="coreml",
    ),
    # Where the directory is what is crawled, others have files of that name, too. Source: apple/coremltools
    # mlmodel/src/MILBlob/Blob/StorageFormat.hpp
    OpaqueFormat(
        "coreml",
        Magic(64, (b"\xef\xbe\xad\xde",)),
        Place(pattern(r"^weights/weight\.bin$"), ("weights/",)),
        framework="coreml",
    ),
    OpaqueFormat(
        "coreml",
        None,
        Place(pattern(r"\.mlmodelc/.+"), (".mlmodelc/",)),
        role=Role.AUXILIARY,
        framework="coreml",
    ),
    OpaqueFormat(
        "tensorflow_saved_model",
        None,
        Place(re.compile(r"(?:^|/)saved_model\.pbtxt$"), ("saved_model.pbtxt",)),
        framework="tensorflow",
    ),
    OpaqueFormat("sentencepiece", _is_sentencepiece, _PIECE, role=Role.AUXILIARY),
)


_SUFFIXES = tuple(suffix for known in FORMATS if isinstance(known.named, tuple) for suffix in known.named)
_MAGICS_ALONE = [known.starts for known in FORMATS if known.named is None and isinstance(known.starts, Magic)]
_MAGICS = tuple(
    Magic(offset, tuple(value for magic in _MAGICS_ALONE if magic.offset == offset for value in magic.values))
    for offset in sorted({magic.offset for magic in _MAGICS_ALONE})
)


_HINT = re.compile(
    "|".join(
        sorted(
            {
                re.escape(hint)
                for known in FORMATS
                if isinstance(known.named, Place)
                for hint in known.named.hints
            }
        )
    )
)


def _may_be(known: OpaqueFormat, *, has_suffix: bool, has_hint: bool, has_magic: bool) -> bool:
    if isinstance(known.named, tuple):
        return has_suffix
    if isinstance(known.named, Place):
        return has_hint
    return has_magic or not isinstance(known.starts, Magic)


_IN_QUESTION = {
    (has_suffix, has_hint, has_magic): tuple(
        known
        for known in FORMATS
        if _may_be(known, has_suffix=has_suffix, has_hint=has_hint, has_magic=has_magic)
    )
    for has_suffix in (False, True)
    for has_hint in (False, True)
    for has_magic in (False, True)
}
"""The formats to ask about a file that has a suffix, a hint at a place, or a magic, of any: nearly all files have none, and
then this is one of fifty.
"""


def _recognise(key: str, head: bytes) -> tuple[int, OpaqueFormat] | None:
    lowered = key.lower()
    has_hint = _HINT.search(lowered) is not None
    in_question = _IN_QUESTION[lowered.endswith(_SUFFIXES), has_hint, _has_magic(head)]
    confidence, best = 0, None
    for known in in_question:
        if (own := known.confidence(key, lowered, head)) > confidence:
            confidence, best = own, known
    return None if best is None else (confidence, best)


def _has_magic(head: bytes) -> bool:
    for magic in _MAGICS:  # noqa: SIM110 - every file of a crawl is asked, and a generator takes twice the time
        if magic(head):
            return True
    return False


class OpaqueExtractor:
    name = "opaque"
    version = 8
    description = (
        "TensorRT, ExecuTorch, NCNN, MNN, RKNN, TNN, MXNet, Caffe, CNTK, MindSpore Lite, Paddle Lite, OpenNLP,"
        " Tesseract, Kaldi, Weka, models of NPUs (Ascend, Sophon, Horizon, Qualcomm, Kendryte) and others, by their magic"
    )
    reads = "the format; of TensorRT engines the metadata that Ultralytics puts before them"
    limits = "nothing inside is read; sidecars say the rest"
    promises = Promise(formats={".engine": "tensorrt", ".ncnn.bin": "ncnn"}, endings=(".mnn.weight",))

    def claims(self, key: str, head: bytes) -> Claim | None:
        match = _recognise(key, head)
        if match is None:
            return None
        confidence, known = match
        return Claim(format=known.format, role=known.role, confidence=confidence)

    def extract(self, reader: RangedReader) -> Extraction:
        head = reader.head(4096)
        match = _recognise(reader.key, head)
        known = match[1] if match is not None else OpaqueFormat("unknown", role=Role.AUXILIARY)
        shown = known.format if known.role in {Role.WEIGHTS, Role.DATA, Role.PART} else None
        findings = Findings(reader, self, format=shown, role=known.role, origin=Origin.EMBEDDED)
        findings.status = FileStatus.OPAQUE if known.role in {Role.WEIGHTS, Role.PART} else FileStatus.OK
        if known.role is not Role.AUXILIARY:
            findings.say("framework", known.framework, "magic:", evidence=Evidence.INFERRED)
        if known.danger is not None:
            findings.risk("unchecked", Severity.MEDIUM, known.danger)
        if known.format == "ncnn" and reader.name.endswith(NCNN_GRAPH):
            weights = f"{reader.name.removesuffix(NCNN_GRAPH)}.bin"
            findings.refers_to(Reference(name=weights, relation="data"))
        if known.format == "tensorrt":
            _tell_engine(findings, reader, head)
        return findings.extraction()


def _tell_engine(findings: Findings, reader: RangedReader, head: bytes) -> None:
    if head[:4] in ENGINES:
        findings.say("extra.serialization_version", int.from_bytes(head[4:8], "little"), "magic:")
        return
    if not _engine_behind_metadata(head):
        return
    length = int.from_bytes(head[:4], "little")
    try:
        metadata: Any = jsons.load(reader.take(4, 4 + length))
    except ExtractError as error:
        findings.failed(error, status=FileStatus.OPAQUE)
        return
    items = list(metadata.items())[:500] if isinstance(metadata, dict) else []
    properties.tell_properties(findings, items, "json:", block="metadata")
