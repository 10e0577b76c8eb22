"""skops files: a scikit-learn estimator as a JSON schema with its arrays beside it."""

from __future__ import annotations

from typing import Any

from catalog.errors import ExtractError
from catalog.records import Extraction, Origin, Role, Severity
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats.numpy_format import header_bytes, parse_header
from crawler.formats.pickle_arrays import decoded
from crawler.formats.pickle_nodes import Array
from crawler.formats.pickle_risks import STRUCTURE, tell_oddities, tell_unchecked
from crawler.formats.sklearn_model import find_estimator, tell_estimator
from crawler.formats.skops_schema import MAX_SCHEMA_BYTES, load_schema, node_of
from crawler.formats.torch_files import refuse
from crawler.formats.zip_settings import SCHEMA, tell_schema
from crawler.formats.zips import BEGINNINGS, ZipDirectory, is_zip, open_zip
from crawler.promises import Promise
from crawler.reader import RangedReader

MAX_ARRAY_BYTES = 64 * 1024
MAX_ARRAY_VALUES = 200


class SkopsExtractor:
    name = "skops"
    version = 5
    description = "skops files of scikit-learn estimators"
    reads = "schema.json: class, version, every parameter, pipeline steps, and every name that loading would look up"
    limits = "32 MB of schema, 2 million JSON values"
    promises = Promise(formats={".skops": "skops"})
    signs = Signs(beginnings=BEGINNINGS)

    def claims(self, key: str, head: bytes) -> Claim | None:
        """A zip that is called .skops, or that begins with the schema."""
        if not is_zip(head):
            return None
        length = int.from_bytes(head[26:28], "little")
        if key.lower().endswith(".skops"):
            return Claim(format="skops", role=Role.WEIGHTS, confidence=100)
        if head[30 : 30 + length] == SCHEMA.encode():
            return Claim(format="skops", role=Role.WEIGHTS, confidence=80)
        return None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="skops", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        try:
            directory = open_zip(reader)
            schema = load_schema(directory.read_member(SCHEMA, MAX_SCHEMA_BYTES))
            tell_schema(findings, schema)
            root = node_of(schema)
        except ExtractError as error:
            refuse(findings, str(error))
            return findings.extraction()
        tell_oddities(findings, directory)
        self._tell_strangers(findings, directory)
        version = schema.get("_skops_version")
        findings.say(
            "extra.skops_version", version if isinstance(version, str) else None, "json:/_skops_version"
        )
        estimator_at = find_estimator(root)
        if estimator_at is not None:
            estimator, pointer = estimator_at
            tell_estimator(findings, estimator, f"skops:{pointer}", read_array=_Arrays(directory).values)
        return findings.extraction()

    @staticmethod
    def _tell_strangers(findings: Findings, directory: ZipDirectory) -> None:
        for member in directory.members:
            if member.name != SCHEMA and not member.name.endswith((".npy", ".npz", ".bin", ".bytes")):
                detail = f"The zip holds {member.name[:200]}, which skops does not write"
                findings.risk(STRUCTURE, Severity.LOW, detail, member=member.name)
                if member.name.endswith((".pkl", ".pickle", ".joblib", ".pt")):
                    tell_unchecked(findings, "a pickle beside the schema", member=member.name)


class _Arrays:
    """The small arrays that lie beside the schema: class labels, feature names."""

    def __init__(self, directory: ZipDirectory) -> None:
        self._directory = directory

    def values(self, array: Array) -> list[Any] | None:
        member = self._directory.find(array.dtype)
        if member is None or member.size_bytes > MAX_ARRAY_BYTES:
            return None
        try:
            content = self._directory.read_member(member, MAX_ARRAY_BYTES)
            header = parse_header(content[: header_bytes(content)])
        except ExtractError:
            return None
        if header.has_objects or len(header.shape) != 1 or header.elements > MAX_ARRAY_VALUES:
            return None
        code = {"F64": "f8", "F32": "f4", "I64": "i8", "I32": "i4", "BOOL": "b1"}.get(header.dtype)
        if header.dtype == "STR" and header.item_bytes is not None:
            code = f"U{header.item_bytes // 4}"
        return (
            decoded(content[header.data_offset :], code, "<", header.elements) if code is not None else None
        )
