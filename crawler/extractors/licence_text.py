"""LICENSE and COPYING: which licence the text is, by the sentences that only it has.

Source: https://spdx.org/licenses/ (texts of the licences named here).
"""

from __future__ import annotations

import re

from catalog.records import Evidence, Extraction, Origin, Role
from crawler.extractor import Claim, Findings
from crawler.reader import RangedReader

READ_BYTES = 16 * 1024
_NAMES = re.compile(
    r"(?:LICEN[SC]E|COPYING|UNLICENSE)(?:[-_.][A-Za-z0-9._-]{1,20})?(?:\.(?:txt|md|rst))?", re.IGNORECASE
)

SENTENCES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("apache-2.0", ("apache license", "version 2.0")),
    ("agpl-3.0", ("gnu affero general public license", "version 3")),
    ("lgpl-3.0", ("gnu lesser general public license", "version 3")),
    ("lgpl-2.1", ("gnu lesser general public license", "version 2.1")),
    ("gpl-3.0", ("gnu general public license", "version 3")),
    ("gpl-2.0", ("gnu general public license", "version 2")),
    ("mpl-2.0", ("mozilla public license", "2.0")),
    ("cc0-1.0", ("cc0 1.0 universal",)),
    ("cc-by-nc-nd-4.0", ("attribution-noncommercial-noderivatives 4.0",)),
    ("cc-by-nc-sa-4.0", ("attribution-noncommercial-sharealike 4.0",)),
    ("cc-by-nc-4.0", ("attribution-noncommercial 4.0",)),
    ("cc-by-nd-4.0", ("attribution-noderivatives 4.0",)),
    ("cc-by-sa-4.0", ("attribution-sharealike 4.0",)),
    ("cc-by-4.0", ("attribution 4.0 international",)),
    ("unlicense", ("this is free and unencumbered software",)),
    ("llama4", ("llama 4 community license",)),
    ("llama3.3", ("llama 3.3 community license",)),
    ("llama3.2", ("llama 3.2 community license",)),
    ("llama3.1", ("llama 3.1 community license",)),
    ("llama3", ("meta llama 3 community license",)),
    ("llama2", ("llama 2 community license",)),
    ("gemma", ("gemma terms of use",)),
    ("openrail++", ("creativeml open rail++-m",)),
    ("creativeml-openrail-m", ("creativeml open rail-m",)),
    ("bigscience-bloom-rail-1.0", ("bigscience rail license",)),
    ("mit", ("permission is hereby granted, free of charge", "without restriction")),
    ("isc", ("permission to use, copy, modify, and/or distribute this software",)),
    ("bsd-3-clause", ("redistribution and use in source and binary forms", "neither the name")),
    ("bsd-2-clause", ("redistribution and use in source and binary forms",)),
)
"""Licence -> phrases of its text, in the order of trial: the more particular first."""


class LicenceTextExtractor:
    """Reads the first 16 kB and compares phrases; an unknown text stays unnamed."""

    name = "licence-text"
    version = 1
    description = "LICENSE, COPYING"
    reads = "the licence, where the text is a known one"
    limits = "first 16 kB; 29 licences"

    def claims(self, key: str, head: bytes) -> Claim | None:  # noqa: ARG002 - the name decides
        if _NAMES.fullmatch(key.rsplit("/", 1)[-1]) is None:
            return None
        return Claim(format="text", role=Role.AUXILIARY, confidence=70)

    def extract(self, reader: RangedReader) -> Extraction:
        findings = Findings(reader, self, format=None, role=Role.AUXILIARY, origin=Origin.PACKAGE)
        text = reader.read(0, READ_BYTES).decode("utf-8", errors="replace")
        findings.say("license", licence_of(text), "text:", evidence=Evidence.INFERRED)
        return findings.extraction()


def licence_of(text: str) -> str | None:
    """The licence whose phrases all stand in the text; None for a text that is not known."""
    plain = " ".join(text.lower().split())
    for name, phrases in SENTENCES:
        if all(phrase in plain for phrase in phrases):
            return name
    return None
