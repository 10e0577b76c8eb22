"""LightGBM text models.

Source: microsoft/LightGBM src/boosting/gbdt_model_text.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.records import FileStatus, Origin, Role
from crawler.candidates import Signs
from crawler.extractor import Claim, Findings
from crawler.formats.boosters import tell_booster
from crawler.formats.lightgbm_text import (
    START,
    format_version,
    looks_like_lightgbm,
    missing_end,
    read_booster,
)

if TYPE_CHECKING:
    from catalog.records import Extraction
    from crawler.reader import RangedReader


class LightgbmExtractor:
    name = "lightgbm"
    version = 2
    description = "LightGBM text models"
    reads = "objective, trees, features, classes, feature names, training parameters"
    limits = "the first 1 MB and the last 256 kB"
    signs = Signs(beginnings=(START,))

    def claims(self, key: str, head: bytes) -> Claim | None:
        del key
        return (
            Claim(format="lightgbm", role=Role.WEIGHTS, confidence=95) if looks_like_lightgbm(head) else None
        )

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format="lightgbm", role=Role.WEIGHTS, origin=Origin.EMBEDDED)
        tell_booster(findings, read_booster(reader), "text:")
        if (missing := missing_end(reader)) is not None:
            findings.problem("truncated", missing)
            findings.status = FileStatus.PARTIAL
        findings.say("extra.format_version", format_version(reader), "text:/version")
        return findings.extraction()
