"""LICENSE and COPYING: which licence the text is, by the phrases of `mappings/licences.toml` that only it has."""

from __future__ import annotations

import re

from catalog.layouts.content_addressed import content_key
from catalog.records import Evidence, Extraction, Origin, Role
from catalog.text import licences
from catalog.text.patterns import pattern
from crawler.extractor import Claim, Findings
from crawler.reader import RangedReader

READ_BYTES = 16 * 1024
_NAMES = pattern(
    r"(?:LICEN[SC]E|COPYING|UNLICENSE)(?:[-_.][A-Za-z0-9._-]{1,20})?(?:\.(?:txt|md|rst))?", re.IGNORECASE
)


class LicenceTextExtractor:
    """Reads the first 16 kB and compares phrases; an unknown text stays unnamed."""

    name = "licence-text"
    version = 3
    description = "LICENSE, COPYING"
    reads = "the licence, where the text is a known one"
    limits = "first 16 kB; the licences of the table"

    def claims(self, key: str, head: bytes) -> Claim | None:
        if _NAMES.fullmatch(key.rsplit("/", 1)[-1]) is None and not _is_nameless_licence(key, head):
            return None
        return Claim(format="text", role=Role.AUXILIARY, confidence=70)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.AUXILIARY, origin=Origin.PACKAGE)
        text = reader.read(0, READ_BYTES).decode("utf-8", errors="replace")
        findings.say("license", licences.of_text(text), "text:", evidence=Evidence.INFERRED)
        return findings.extraction()


def _is_nameless_licence(key: str, head: bytes) -> bool:
    """A blob of a store that goes by hashes, as Ollama keeps the licences of its models."""
    if content_key(key) is None or b"\0" in head[:512]:
        return False
    return licences.of_text(head[:READ_BYTES].decode("utf-8", errors="replace")) is not None
