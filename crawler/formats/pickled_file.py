"""A file that is a bare pickle, whoever wrote it: its risks, and whatever model it is recognised as.

A pickle without any sign of a model is still catalogued, by its name and with its risks.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from catalog.errors import ExtractError, LimitExceeded, Unsupported
from catalog.records import Evidence, FileStatus, Severity
from crawler.extractor import HEAD_BYTES, Findings
from crawler.formats.byte_streams import BytesStream, ByteStream, InflatedStream, ReaderStream, compression_of
from crawler.formats.pickle_bundle import tell_bundle
from crawler.formats.pickle_calls import Import
from crawler.formats.pickle_names import Verdict, judged
from crawler.formats.pickle_nodes import Call, Clipped
from crawler.formats.pickle_risks import CODE_EXECUTION, tell_risks, tell_unchecked
from crawler.formats.pickle_values import mapping
from crawler.formats.pickles import Pickle, looks_like_pickle, may_begin, read_pickle, read_pickles
from crawler.formats.sklearn_model import (
    find_estimator,
    is_estimator,
    literal_reader,
    tell_class,
    tell_estimator,
)
from crawler.formats.torch_files import refuse, tell_pickled_model
from crawler.formats.torch_model import choose_model
from crawler.formats.torch_tensors import tensors_below
from crawler.reader import RangedReader, bytes_reader

_NAME = re.compile(r"[A-Za-z_][\w.]{0,200}")
_FRAMEWORKS = {"torch": "pytorch", "jax": "jax", "jaxlib": "jax"}
_OBJECTS_OF = frozenset(
    {"gensim", "hmmlearn", "prophet", "river", "implicit", "surprise", "sklearn_crfsuite"}
)
"""Libraries whose models are objects: of the arrays that such a one keeps, nobody can tell which are its parameters."""
_CONTAINERS = ("Dict", "Mapping", "Map", "Bunch", "Namespace", "_reconstruct", "_frombuffer", "dict")
_PARTS = (".id2word", ".state", ".projection")
"""What gensim saves beside the object that it is of. Source: piskvorky/gensim gensim/models (`save`)."""
_STRUCTURED_NAMES = "StructuredToParameterName@@"  # Source: PaddlePaddle python/paddle/framework/io.py


def begins_like_pickle(head: bytes) -> bool:
    """Whether first bytes are the beginning of a pickle that says something: it imports, or holds a container.

    What a loader would go on reading behind the first bytes counts as one where the protocol is announced.
    """
    if not may_begin(head):
        return False
    pickle = _first_pickle(head[:HEAD_BYTES])
    if calls_something(pickle):
        return True
    if looks_like_pickle(head) and head[:1] == b"\x80":
        return pickle.opcodes > 1
    return bool(_named(pickle)) and pickle.error is None


def begins_with_call(head: bytes) -> bool:
    """Whether a loader would call an import within the first bytes."""
    return may_begin(head) and calls_something(_first_pickle(head[:HEAD_BYTES]))


@lru_cache(maxsize=4)
def _first_pickle(head: bytes) -> Pickle:
    """Several extractors ask about the same first bytes, one after the other."""
    return read_pickle(BytesStream(head))


def calls_something(pickle: Pickle) -> bool:
    """Whether a loader would call an import whose name could be one."""
    return any(part.called or part.changed for part in _named(pickle))


def _named(pickle: Pickle) -> list[Import]:
    return [
        part
        for part in pickle.imports.values()
        if _NAME.fullmatch(part.module) and _NAME.fullmatch(part.name)
    ]


def read_pickled_file(findings: Findings, reader: RangedReader) -> None:
    """Reads a bare or compressed pickle; joblib's arrays inside the stream are stepped over."""
    stream: ByteStream = ReaderStream(reader)
    compression = compression_of(reader.head(16))
    try:
        if compression is not None:
            findings.say("extra.compression", compression, "file:", evidence=Evidence.COUNTED)
            stream = InflatedStream(reader, compression)
        pickles = read_pickles(stream, arrays=True)
    except Unsupported as error:
        tell_unchecked(findings, str(error))
        findings.failed(error, status=FileStatus.OPAQUE)
        return
    except ExtractError as error:
        refuse(findings, str(error))
        return
    first = pickles[0]
    if first.error is not None and not first.imports and first.opcodes < 3:
        refuse(findings, f"not a pickle: {first.error}")
        return
    tell_risks(findings, pickles)
    if len(pickles) > 1:
        _tell_more_pickles(findings, pickles)
    if first.arrays:
        findings.say("extra.arrays", len(first.arrays), "pickle:/", evidence=Evidence.COUNTED)
        _check_other_reading(findings, reader, compression, first)
    if first.error is not None:
        limited = isinstance(first.error, LimitExceeded | Unsupported)
        findings.failed(first.error, status=FileStatus.PARTIAL if limited else FileStatus.UNREADABLE)
        if is_estimator(first.bottom):
            tell_class(findings, first.bottom, "pickle:/")
        return
    if isinstance(stream, InflatedStream) and stream.fault is not None:
        findings.failed(stream.fault)
    _tell_model(findings, first, _Literals(reader, compression))


def _tell_more_pickles(findings: Findings, pickles: list[Pickle]) -> None:
    detail = f"{len(pickles)} pickles one after another: loaders read the first, others may read more"
    findings.risk("suspicious-structure", Severity.LOW, detail)


def _check_other_reading(
    findings: Findings, reader: RangedReader, compression: str | None, first: Pickle
) -> None:
    """What `pickle.load` would see where joblib sees an array: array bytes may be opcodes."""
    stream: ByteStream = ReaderStream(reader) if compression is None else InflatedStream(reader, compression)
    other = read_pickle(stream, arrays=False)
    for part in other.imports.values():
        if not _NAME.fullmatch(part.module) or not _NAME.fullmatch(part.name) or part.full in first.imports:
            continue
        verdict = judged(part.module, part.name, called=part.called)
        if verdict is Verdict.DANGEROUS or (verdict is Verdict.UNKNOWN and part.called):
            severity = Severity.HIGH if verdict is Verdict.DANGEROUS else Severity.MEDIUM
            findings.risk(CODE_EXECUTION, severity, f"Hidden in an array, for pickle.load: {part.full[:300]}")


class _Literals:
    """Readers over long literals of the file."""

    def __init__(self, reader: RangedReader, compression: str | None) -> None:
        self._reader = reader
        self._compression = compression

    def literal(self, value: Any) -> RangedReader | None:
        if type(value) is Clipped and self._compression is not None:
            return self._inflated(value, self._compression)
        if type(value) is Clipped:
            outer, start = self._reader, value.offset
            return RangedReader(
                f"{outer.key}!literal",
                value.length,
                lambda first, last: outer.take(start + first, start + last),
                budget=outer.budget,
            )
        return literal_reader(f"{self._reader.key}!literal", value)

    def _inflated(self, value: Clipped, compression: str) -> RangedReader | None:
        """The literal out of the compressed stream, which is unpacked once more up to its end."""
        stream = InflatedStream(self._reader, compression)
        try:
            stream.skip(value.offset)
            return bytes_reader(f"{self._reader.key}!literal", stream.take(value.length))
        except ExtractError:
            return None


def _tell_model(findings: Findings, pickle: Pickle, literals: _Literals) -> None:
    estimator_at = find_estimator(pickle.value)
    if estimator_at is not None:
        estimator, pointer = estimator_at
        tell_estimator(findings, estimator, f"pickle:{pointer}", read_literal=literals.literal)
        tell_bundle(findings, pickle.value)
        return
    pairs = mapping(pickle.value)
    if pairs is not None and (_STRUCTURED_NAMES in pairs or findings.file_name.endswith(".pdparams")):
        findings.format = "paddle"
        tell_pickled_model(findings, pickle, framework="paddlepaddle")
        return
    roots = {part.module.split(".", 1)[0] for part in pickle.imports.values()}
    framework = next((name for root, name in _FRAMEWORKS.items() if root in roots), None)
    value = pickle.value
    is_object = type(value) is Call and not value.class_name.endswith(_CONTAINERS)
    if framework == "pytorch" or (not is_object and _holds_arrays(value)):
        tell_pickled_model(findings, pickle, framework=framework)
    elif is_object and value.class_name[:1].isupper() and not findings.file_name.endswith(_PARTS):
        findings.say("architecture", value.class_name, "pickle:/", evidence=Evidence.INFERRED)
        findings.say("extra.class", value.name, "pickle:/")
        findings.say("framework", _library_of(value.name), "pickle:/", evidence=Evidence.INFERRED)


def _library_of(name: str) -> str | None:
    """The framework that the object's class is of."""
    library = name.partition(".")[0]
    return library if library in _OBJECTS_OF else None


def _holds_arrays(root: Any) -> bool:
    """Whether a dictionary of arrays (Detectron, Caffe2, plain NumPy) is what was pickled."""
    try:
        arrays = [named for named, _ in zip(tensors_below(root), range(1000), strict=False)]
    except ExtractError:
        return False
    if not arrays:
        return False
    return choose_model(root, arrays) is not None or mapping(root) is not None
