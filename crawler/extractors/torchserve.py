"""The manifest in an archive of TorchServe: what the archive's model is called, and what it is served with.

Source: pytorch/serve model-archiver/model_archiver/manifest_components/{manifest,model}.py.
"""

from __future__ import annotations

from datetime import datetime

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats import jsons
from crawler.formats.json_values import leftovers, mapping, pointer, text
from crawler.reader import RangedReader

NAME = "MANIFEST.json"
FOLDER = "MAR-INF"
_CREATED = "%d/%m/%Y %H:%M:%S"


class TorchserveExtractor:
    """Reads the whole file. The handler is named, and neither read nor run."""

    name = "torchserve"
    version = 1
    description = "Manifest of a TorchServe archive (MAR-INF/MANIFEST.json in NAME.mar)"
    reads = "name, version, description, when it was packed, handler, which file is the weights"
    limits = "JSON 16 MB"
    signs = Signs(names=(NAME,))

    def claims(self, key: str, head: bytes) -> Claim | None:
        if key != f"{FOLDER}/{NAME}" and not key.endswith(f"/{FOLDER}/{NAME}"):
            return None
        return Claim(format="torchserve", role=Role.CONFIG, confidence=85) if b"{" in head else None

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.CONFIG, origin=Origin.CONFIG)
        manifest = jsons.read_object(reader)
        model = mapping(manifest.get("model"))
        findings.say("library", "torchserve", "json:", evidence=Evidence.INFERRED)
        findings.say("name", text(model.get("modelName")), pointer("model", "modelName"))
        findings.say("version", text(model.get("modelVersion")), pointer("model", "modelVersion"))
        findings.say("description", text(model.get("description")), pointer("model", "description"))
        findings.say("created_at", _instant(manifest.get("createdOn")), pointer("createdOn"))
        for name, value, place in leftovers(manifest):
            findings.say(f"extra.torchserve.{name}", value, place)
        return findings.extraction()


def _instant(value: object) -> str | None:
    """The day stands before the month; what is written in another way stays as it is."""
    written = text(value)
    if written is None:
        return None
    try:
        return datetime.strptime(written, _CREATED).isoformat()  # noqa: DTZ007 - the archiver writes local time without a zone
    except ValueError:
        return written
