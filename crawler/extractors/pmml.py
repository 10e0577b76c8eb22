"""Models in PMML: what the header, the dictionary of fields and the first model element say.

Source: Data Mining Group, PMML 4.4 (`Header`, `DataDictionary`, attributes of every model element, `MiningSchema`).
"""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ExtractError
from catalog.records import Evidence, Extraction, FileStatus, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats.xml_stream import read_elements
from crawler.reader import RangedReader

MAX_FIELDS = 500
_ROOT = b"<PMML"
_BEFORE_MODEL = frozenset(
    {"Header", "MiningBuildTask", "DataDictionary", "TransformationDictionary", "Extension"}
)
_TARGETS = frozenset({"predicted", "target"})
_NO_INPUTS = _TARGETS | {"supplementary", "group", "order", "frequencyWeight", "analysisWeight"}
_TASKS = {
    "classification": "tabular-classification",
    "regression": "tabular-regression",
    "timeSeries": "time-series-forecasting",
}
_GIVEN_BY_WRITER = "_Model"
"""R's pmml calls every model so where nobody names it: `RPart_Model`, `randomForest_Model`."""
_HEADER = {"description": "description", "modelVersion": "version"}


class PmmlExtractor:
    """Reads up to the end of the first model's schema: trees, coefficients and support vectors stay unread."""

    name = "pmml"
    version = 1
    description = "PMML (.pmml, .xml)"
    reads = "description, title, version, when and by what it was written, kind of the model, task, fields, classes"
    limits = "64 MB of XML, no document types, 500 fields; what the model learned is not read"

    signs = Signs(beginnings=(b"<",))

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the root element decides
        begins = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and _ROOT in head[:2048]
        return Claim(format="pmml", role=Role.WEIGHTS, confidence=90) if begins else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="pmml", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        findings.say("framework", "pmml", "xml:/PMML", evidence=Evidence.INFERRED)
        document = _Document(findings)
        try:
            read_elements(reader, document)
        except _EnoughReadError:
            pass
        except ExtractError as error:
            findings.failed(error, status=FileStatus.OPAQUE)
        document.tell()
        return findings.extraction()


class _EnoughReadError(Exception):
    """Raised behind the schema of the first model, caught where the document is read: what follows is what it learned."""


class _Document:
    """The part of a document that stands before what the model learned."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._types: dict[str, str] = {}
        self._values: dict[str, int] = {}
        self._field = ""
        self._model: str | None = None
        self._usages: dict[str, str] = {}

    def opened(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        names = tuple(name.rpartition("}")[2] for name in path)
        if names[1:] == ("Header",):
            for key, field in _HEADER.items():
                self._findings.say(field, attributes.get(key), f"xml:/PMML/Header@{key}")
        elif names[1:] == ("Header", "Application"):
            written = f"{attributes.get('name', '')} {attributes.get('version', '')}".strip()
            self._findings.say("extra.pmml.application", written, "xml:/PMML/Header/Application")
        elif names[1:2] == ("DataDictionary",):
            self._note_field(names, attributes)
        elif len(names) == 2 and names[1] not in _BEFORE_MODEL:
            self._tell_model(names[1], attributes)
        elif names[2:] == ("MiningSchema", "MiningField") and len(self._usages) < MAX_FIELDS:
            self._usages[attributes.get("name", "")] = attributes.get("usageType", "active")

    def closed(self, path: tuple[str, ...], text: str) -> None:
        names = tuple(name.rpartition("}")[2] for name in path)
        if names[1:] == ("Header", "Timestamp"):
            self._findings.say("created_at", text.strip(), "xml:/PMML/Header/Timestamp")
        elif self._model is not None and names[2:] == ("MiningSchema",):
            raise _EnoughReadError

    def _note_field(self, names: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        if names[2:] == ("DataField",) and len(self._types) < MAX_FIELDS:
            self._field = attributes.get("name", "")
            self._types[self._field] = attributes.get("dataType", "")
        elif names[2:] == ("DataField", "Value") and attributes.get("property", "valid") == "valid":
            self._values[self._field] = self._values.get(self._field, 0) + 1

    def _tell_model(self, kind: str, attributes: Mapping[str, str]) -> None:
        self._model = kind
        findings, place = self._findings, f"xml:/PMML/{kind}"
        findings.say("architecture", kind, place)
        name = attributes.get("modelName", "")
        field = "extra.pmml.model_name" if name.endswith(_GIVEN_BY_WRITER) else "title"
        findings.say(field, name, f"{place}@modelName")
        findings.say("extra.pmml.algorithm", attributes.get("algorithmName"), f"{place}@algorithmName")
        task = _TASKS.get(attributes.get("functionName", ""))
        findings.say("task", task, f"{place}@functionName", evidence=Evidence.INFERRED)

    def tell(self) -> None:
        """What the schema of the model says of the fields of the dictionary."""
        place = "xml:/PMML/DataDictionary"
        inputs = [name for name, usage in self._usages.items() if usage not in _NO_INPUTS]
        targets = [name for name, usage in self._usages.items() if usage in _TARGETS]
        findings = self._findings
        findings.say("features", len(inputs) or None, place, evidence=Evidence.COUNTED)
        if len(targets) == 1:
            findings.say("classes", self._values.get(targets[0]), place, evidence=Evidence.COUNTED)
            findings.say("extra.pmml.target", targets[0], place)
        if self._model is None:
            findings.problem("malformed", "a PMML document without a model")
